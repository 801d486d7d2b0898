"""Reading Stripe's events forward in time, though it lists them backwards."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dunwell.connectors.stripe.client import StripePayments
from dunwell.connectors.stripe.events import USED
from dunwell.connectors.stripe.sweep import StrangeListError, oldest_first
from dunwell.policy.readings import SweepFailedError
from dunwell.sandbox.stripe import Account, declined


def pages_of(events: list[dict[str, Any]], size: int, asked: list[str | None]) -> Callable[[str | None], Any]:
    """Serve events newest first, as Stripe does."""
    newest_first = list(reversed(events))

    def fetch(after: str | None) -> Mapping[str, Any]:
        asked.append(after)
        start = 0 if after is None else [event["id"] for event in newest_first].index(after) + 1
        return {"data": newest_first[start : start + size], "has_more": len(newest_first) > start + size}

    return fetch


def numbered(count: int, step: int = 1, first: int = 0) -> list[dict[str, Any]]:
    return [
        {"id": f"evt_{number}", "type": "invoice.paid", "created": 1_790_000_000 + number}
        for number in range(first, first + count * step, step)
    ]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 99, 100, 101, 250])
def test_every_page_is_read_and_turned_round(count: int) -> None:
    events = numbered(count)
    assert list(oldest_first([pages_of(events, 10, [])])) == events


def test_lists_of_different_types_become_one() -> None:
    odd, even = numbered(35, step=2, first=1), numbered(20, step=2)
    merged = oldest_first([pages_of(odd, 10, []), pages_of(even, 10, [])])
    assert list(merged) == sorted(odd + even, key=lambda event: int(event["created"]))


def test_a_long_list_is_fetched_again_rather_than_kept() -> None:
    asked: list[str | None] = []
    events = numbered(250)
    assert list(oldest_first([pages_of(events, 10, asked)])) == events
    assert len(asked) == 25 + 14  # the newest ten pages and the last one stay, fourteen come twice
    assert asked[:25] != asked[25:]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": "none"},
        {"data": [], "has_more": True},
        {"data": [None]},
        {"data": [{"id": "evt_1", "type": "x"}]},
        {"data": [{"id": "evt_1", "created": 1}]},
        {"data": [{"type": "x", "created": 1}]},
    ],
)
def test_what_is_no_list_of_events_is_not_taken_for_an_empty_one(answer: dict[str, Any]) -> None:
    with pytest.raises(StrangeListError):
        list(oldest_first([lambda _after: answer]))


@pytest.fixture
def busy(account: Account, acme: str) -> datetime:
    """An account with some 300 events in three hours; gives the start of the second hour."""
    start = account.now()
    for hour in range(3):
        account.clock.move_to(start + timedelta(hours=hour))  # type: ignore[attr-defined]
        for _ in range(8):
            invoice = account.new_subscription_invoice(acme, 1000)
            account.charge_now(invoice, declined())
            account.pay_hosted(invoice)
    return start + timedelta(hours=1)


def test_a_sweep_brings_each_event_we_use_once_and_in_order(
    account: Account, payments: StripePayments, busy: datetime
) -> None:
    found = list(payments.events_since(busy))
    since = int(busy.timestamp())
    wanted = [event for event in account.events() if event["type"] in USED and event["created"] >= since]
    assert len(found) > 100
    assert len(found) == len(wanted)
    assert {event["id"]: event for event in found} == {event["id"]: event for event in wanted}
    moments = [event["created"] for event in found]
    assert moments == sorted(moments)
    assert all(isinstance(event, dict) for event in found)


def test_a_sweep_asks_for_at_most_twenty_types_at_a_time(
    account: Account, payments: StripePayments, busy: datetime
) -> None:
    list(payments.events_since(busy))
    asked = [call.params for call in account.calls if call.path == "/v1/events"]
    assert {name for params in asked for name in params["types"]} == set(USED)
    assert max(len(params["types"]) for params in asked) == 20
    assert {params["created"]["gte"] for params in asked} == {str(int(busy.timestamp()))}


def test_nothing_new_is_an_empty_sweep(payments: StripePayments) -> None:
    assert list(payments.events_since(datetime(2026, 4, 7, 15, tzinfo=UTC))) == []


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_sweep_that_cannot_reach_the_end_says_so(
    account: Account, payments: StripePayments, busy: datetime, status: int
) -> None:
    list(payments.events_since(busy))
    account.fail_next("GET", "/v1/events", status, times=9)
    with pytest.raises(SweepFailedError):
        list(payments.events_since(busy))
