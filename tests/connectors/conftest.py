from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dunwell.connectors.stripe.client import StripePayments
from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import Account, FakeStripe

NOW = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)
SECRET = "whsec_tests"


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def account() -> Account:
    """An empty account whose clock starts on 7 April 2026."""
    return Account(VirtualClock(NOW))


@pytest.fixture
def server(account: Account) -> Iterator[FakeStripe]:
    with FakeStripe(account) as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    """What the connector would have slept."""
    return []


@pytest.fixture
def connect(server: FakeStripe, pauses: list[float]) -> Iterator[Callable[..., StripePayments]]:
    """Connect to the fake Stripe, without the SDK's own retries unless asked for."""
    made: list[StripePayments] = []

    def start(key: str = "sk_test_sandbox", **options: Any) -> StripePayments:
        usual: dict[str, Any] = {"api_base": server.url, "max_network_retries": 0, "timeout": 5}
        payments = StripePayments(key, **{**usual, "sleep": pauses.append, **options})
        made.append(payments)
        return payments

    yield start
    for payments in made:
        payments.close()


@pytest.fixture
def payments(connect: Callable[..., StripePayments]) -> StripePayments:
    return connect(webhook_secret=SECRET)


@pytest.fixture
def acme(account: Account) -> str:
    """A customer in New York with a working card."""
    customer = account.new_customer("Acme", "dana@acme.example", state="NY")
    account.customer_saves_method(customer)
    return customer
