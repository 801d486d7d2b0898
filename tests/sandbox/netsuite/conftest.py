from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.connectors.netsuite.names import Access
from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.netsuite import Company, FakeNetSuite

NOW = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)


@pytest.fixture
def company() -> Company:
    return Company(VirtualClock(NOW), wall=NOW.timestamp)


@pytest.fixture
def server(company: Company) -> Iterator[FakeNetSuite]:
    with FakeNetSuite(company) as server:
        yield server


@pytest.fixture
def ledger(server: FakeNetSuite) -> Iterator[NetSuiteLedger]:
    ours = server.company.login.integration
    access = Access(
        account="1234567",
        client_id=ours.client_id,
        certificate_id=ours.certificate_id,
        private_key=ours.private_pem,
        base_url=server.url,
    )
    ledger = NetSuiteLedger(access, tries=1, wall=NOW.timestamp)
    yield ledger
    ledger.close()


@pytest.fixture
def http(server: FakeNetSuite) -> Iterator[httpx.Client]:
    """A caller without a connector, already logged in."""
    token = server.company.login.give()
    headers = {"Authorization": f"Bearer {token}", "Prefer": "transient", "Content-Type": "application/json"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=5) as client:
        yield client
