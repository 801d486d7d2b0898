import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import Account, FakeStripe
from tests.sandbox import shapes

NOW = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)


class RecordingClient(stripe.RequestsClient):
    """The SDK's own HTTP client, which also keeps every answer that came back."""

    def __init__(self) -> None:
        super().__init__(timeout=5)
        self.answers: list[tuple[int, dict[str, Any]]] = []

    # The SDK types the base class and this one differently; both are called like this.
    def request(  # type: ignore[override]
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        content, status, received = super().request(method, url, headers, post_data)
        self.answers.append((status, json.loads(content)))
        return content, status, received


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
def account(clock: VirtualClock) -> Iterator[Account]:
    """An empty account; whatever a test leaves in it must have Stripe's published shape."""
    account = Account(clock)
    yield account
    rows = [row for table in account.tables.values() for row in table.values()]
    assert [problem for row in rows for problem in shapes.problems(row)] == []


@pytest.fixture
def server(account: Account) -> Iterator[FakeStripe]:
    with FakeStripe(account) as server:
        yield server


@pytest.fixture
def http_client() -> Iterator[RecordingClient]:
    client = RecordingClient()
    yield client
    client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def client(server: FakeStripe, http_client: RecordingClient) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_sandbox", base_addresses={"api": server.url}, http_client=http_client)


@pytest.fixture
def acme(account: Account) -> str:
    """A customer with a working card."""
    customer = account.new_customer("Acme", "ap@acme.example", state="NY")
    account.customer_saves_method(customer)
    return customer
