from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.connectors.netsuite.names import Access, Names
from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.netsuite import Company, FakeNetSuite

NOW = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)


class Wall:
    """The machine's clock, in Unix seconds, as both sides see it."""

    def __init__(self) -> None:
        self.seconds = NOW.timestamp()

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
def company(clock: VirtualClock, wall: Wall) -> Company:
    """A company without customers whose clock starts on 7 April 2026."""
    return Company(clock, wall=wall)


@pytest.fixture
def server(company: Company) -> Iterator[FakeNetSuite]:
    with FakeNetSuite(company) as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    """What the connector would have slept."""
    return []


Connect = Callable[..., NetSuiteLedger]


@pytest.fixture
def connect(server: FakeNetSuite, pauses: list[float], wall: Wall) -> Iterator[Connect]:
    """Connect to the fake NetSuite; takes what `Names`, `Access` and the client take."""
    made: list[NetSuiteLedger] = []

    def start(
        names: Names | None = None, access: dict[str, str] | None = None, **options: Any
    ) -> NetSuiteLedger:
        integration = server.company.login.integration
        usual = {
            "account": "1234567_SB1",
            "client_id": integration.client_id,
            "certificate_id": integration.certificate_id,
            "private_key": integration.private_pem,
            "base_url": server.url,
        }
        here: dict[str, Any] = {"timeout": 5, "sleep": pauses.append, "jitter": lambda: 0.0, "wall": wall}
        ledger = NetSuiteLedger(Access(**{**usual, **(access or {})}), names, **{**here, **options})
        made.append(ledger)
        return ledger

    yield start
    for ledger in made:
        ledger.close()


@pytest.fixture
def ledger(connect: Connect) -> NetSuiteLedger:
    return connect()


@pytest.fixture
def felix(company: Company) -> str:
    """An employee who looks after customers."""
    return company.new_employee("Felix", "Nordstrom", "felix@us.example")


@pytest.fixture
def acme(company: Company, felix: str) -> str:
    """A customer that Felix looks after."""
    return company.new_customer("Acme Inc", sales_rep=felix)
