"""Holds told by history: plans with their parts, and holds on all a customer owes (contract, Replay)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dunwell.engine.replay.history import HistoryError, read_history
from dunwell.engine.replay.run import Replay
from dunwell.policy.words import ActionKind
from dunwell.wiring import built_in_book

CUSTOMER: dict[str, Any] = {
    "at": "2026-04-01T00:00:00Z",
    "type": "customer",
    "customer": "cus_1",
    "name": "Acme",
    "country": "US",
    "subdivision": "NY",
    "mrr": ["900.00", "900.00", "900.00"],
    "tenure_months": 8,
    "invoices_paid": 8,
    "invoices_on_time": 6,
    "contact": {"name": "Dana Reyes", "email": "dana@acme.example"},
}
HOLD: dict[str, Any] = {"at": "2026-04-08T15:00:00Z", "type": "hold", "invoice": "INV-1"}
PLAN = {**HOLD, "kind": "payment_plan"}


def failed(invoice: str, at: str = "2026-04-07T14:03:00Z") -> dict[str, Any]:
    about = {"customer": "cus_1", "invoice": invoice, "amount": "1200.00", "currency": "USD"}
    return {"at": at, "type": "payment_failed", **about}


def part(due: str, amount: str = "600.00") -> dict[str, str]:
    return {"due": due, "amount": amount}


def read(*lines: dict[str, Any]) -> Any:
    return read_history(json.dumps(line) for line in lines)


def replayed(*lines: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Day, invoice and action of every step."""
    steps = Replay(built_in_book()).steps(read(*lines), None)
    return [(f"{step.at:%m-%d}", step.invoice, step.action.value) for step in steps]


@pytest.mark.parametrize(
    ("hold", "said"),
    [
        (
            {**HOLD, "instalments": [part("2026-05-01")]},
            "instalments: only for a payment_plan of one invoice",
        ),
        (
            {**PLAN, "scope": "customer", "instalments": [part("2026-05-01")]},
            "only for a payment_plan of one",
        ),
        ({**PLAN, "until": "2026-05-02", "instalments": [part("2026-05-01")]}, "without until"),
        (
            {**PLAN, "instalments": [part("2026-05-01"), part("2026-05-01")]},
            "instalments: each must be due after the one before it",
        ),
        (
            {**PLAN, "instalments": [part("2026-05-01", "0")]},
            "instalments.0.amount: must be above zero, not 0",
        ),
        ({**PLAN, "instalments": [part("2026-05-01", "1.001")]}, "more decimals than USD allows"),
        ({**PLAN, "instalments": [part("May Day")]}, "instalments.0.due"),
        ({**PLAN, "instalments": [{**part("2026-05-01"), "paid": True}]}, "instalments.0.paid: unknown key"),
        ({**PLAN, "instalments": [part(f"2026-05-{day:02}") for day in range(1, 26)]}, "at most 24 items"),
        ({**HOLD, "scope": "everybody"}, "scope: "),
        ({**PLAN, "instalments": [part("2026-05-01")]}, "come to USD 600.00, but USD 1,200.00 is open"),
        ({**HOLD, "kind": "promise"}, "until: a promise needs a date"),
        ({**HOLD, "until": "9999-12-31"}, "must lie between 1970 and 2199"),
        ({**HOLD, "until": "9999-12-31T00:00:00Z"}, "must lie between 1970 and 2199"),
        (
            {**HOLD, "invoice": "INV-9", "scope": "customer"},
            "invoice: no line before this one tells of 'INV-9'",
        ),
    ],
)
def test_a_hold_that_makes_no_sense_is_refused_with_its_line(hold: dict[str, Any], said: str) -> None:
    with pytest.raises(HistoryError, match="line 3: ") as refused:
        read(CUSTOMER, failed("INV-1"), hold)

    assert said in str(refused.value)


def test_a_hold_on_the_customer_stops_every_case_and_the_ones_that_open_later() -> None:
    steps = replayed(
        CUSTOMER,
        failed("INV-1"),
        failed("INV-2"),
        {**HOLD, "kind": "do_not_contact", "scope": "customer"},
        failed("INV-3", "2026-04-20T14:03:00Z"),
    )

    assert [step for step in steps if step[2] == ActionKind.HOLD.value] == [
        ("04-08", "INV-1", "hold"),
        ("04-08", "INV-2", "hold"),
    ]
    assert [step for step in steps if step[2] == "send" and step[0] >= "04-08"] == []


def test_releasing_it_lets_every_case_run_on_and_new_ones_start() -> None:
    steps = replayed(
        CUSTOMER,
        failed("INV-1"),
        failed("INV-2"),
        {**HOLD, "scope": "customer"},
        {"at": "2026-04-20T14:00:00Z", "type": "release", "invoice": "INV-2"},
        failed("INV-3", "2026-05-20T14:03:00Z"),
    )

    resumed = [step for step in steps if step[2] == "resume"]
    assert sorted(resumed) == [("04-20", "INV-1", "resume"), ("04-20", "INV-2", "resume")]
    sent = {invoice for day, invoice, action in steps if action == "send" and day > "04-20"}
    assert sent == {"INV-1", "INV-2", "INV-3"}


def test_a_plan_that_leaves_money_open_breaks_at_its_end() -> None:
    steps = replayed(
        CUSTOMER,
        failed("INV-1"),
        {**PLAN, "instalments": [part("2026-05-01", "1200.00")]},
        {"at": "2026-04-30T14:00:00Z", "type": "partial_payment", "invoice": "INV-1", "amount": "600.00"},
    )

    assert ("05-02", "INV-1", "resume") in steps
    assert [step for step in steps if step[2] == "send"][1][0] == "05-04"


def test_history_that_ends_with_a_payment_under_way_ends_the_replay() -> None:
    steps = replayed(
        CUSTOMER, failed("INV-1"), {"at": "2026-04-08T14:00:00Z", "type": "processing", "invoice": "INV-1"}
    )

    assert steps[0] == ("04-07", "INV-1", "send")
    assert steps[-1][1:] == ("INV-1", "skip")
    assert "send" not in {action for _, _, action in steps[1:]}


def test_a_new_contact_at_the_moment_of_a_shared_mail_leaves_it_shared() -> None:
    told = read(
        CUSTOMER,
        failed("INV-1"),
        failed("INV-2"),
        {**CUSTOMER, "at": "2026-04-10T13:00:00Z", "contact": {"name": "Sam", "email": "sam@acme.example"}},
    )
    steps = Replay(built_in_book()).steps(told, datetime(2026, 4, 11, tzinfo=UTC))
    sent = [(f"{step.at:%d %H:%M}", step.invoice, step.to) for step in steps]

    assert sent[2:] == [
        ("10 13:00", "INV-1", "sam@acme.example"),
        ("10 13:00", "INV-2", "sam@acme.example"),
    ]


def test_a_promise_lasts_to_the_end_of_its_day() -> None:
    told = read(CUSTOMER, failed("INV-1"), {**HOLD, "kind": "promise", "until": "2026-04-15"})
    steps = list(Replay(built_in_book()).steps(told, datetime(2026, 4, 17, tzinfo=UTC)))

    assert [(step.at.isoformat(), step.action.value) for step in steps[2:]] == [
        ("2026-04-16T04:00:00+00:00", "resume"),
        ("2026-04-16T04:00:00+00:00", "review"),
        ("2026-04-16T13:00:00+00:00", "send"),
    ]
