"""The fake Stripe as a real HTTP server on loopback, on threads of its own."""

from typing import Self

from dunwell.sandbox.http import Loopback
from dunwell.sandbox.stripe.account import Account
from dunwell.sandbox.stripe.app import App


class FakeStripe:
    """Serves an account; `with FakeStripe(account) as stripe:` and point the SDK at `stripe.url`.

    Port 0 takes a free one. The address is known before `start`. `stop` joins every thread and closes
    every socket, also while answers are held.
    """

    def __init__(self, account: Account, *, port: int = 0) -> None:
        self.account = account
        self._loopback = Loopback("fake-stripe", App(account).answer, port=port)
        self.url = self._loopback.url
        account.live_at(self.url)

    def start(self) -> Self:
        """Begin to answer."""
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Stop answering; returns when nothing is left running."""
        self.account.faults.close()
        self._loopback.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()
