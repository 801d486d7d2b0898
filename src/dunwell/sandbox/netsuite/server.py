"""The fake NetSuite as a real HTTP server on loopback, on threads of its own."""

from typing import Self

from dunwell.sandbox.http import Loopback
from dunwell.sandbox.netsuite.app import App
from dunwell.sandbox.netsuite.books import Company


class FakeNetSuite:
    """Serves a company; `with FakeNetSuite(company) as netsuite:` and point the connector at `netsuite.url`.

    REST services, RESTlets and the token endpoint all answer there. Port 0 takes a free one. The address is
    known before `start`. `stop` joins every thread and closes every socket, also while answers are held.
    """

    def __init__(self, company: Company, *, port: int = 0) -> None:
        self.company = company
        self._loopback = Loopback("fake-netsuite", App(company).answer, port=port)
        self.url = self._loopback.url
        company.url = self.url

    def start(self) -> Self:
        """Begin to answer."""
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Stop answering; returns when nothing is left running."""
        self.company.faults.close()
        self._loopback.stop()
        self.company.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
