from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dunwell.policy.facts import Case, Contact, Invoice, InvoiceReading, Unreadable
from dunwell.policy.gate import Verdict, VerdictKind, check_charge_gate, check_gate
from dunwell.policy.money import Money
from dunwell.policy.policy import default_policy
from dunwell.policy.words import (
    CaseStatus,
    Ending,
    HoldKind,
    InvoiceStatus,
    MessageState,
    ReviewKind,
    Stage,
)
from tests.policy.cases import FAILED, case, customer, days, hold, invoice, sent, utc

POLICY = default_policy()
NOW = utc("2026-04-10 13:00")  # Friday, 09:00 in New York
FULL = Money(120_000, "USD")
NOTICE = sent(Stage.NOTICE, utc("2026-04-07 14:05"))
CLAIMED = sent(Stage.REMINDER, NOW, MessageState.CLAIMED)
DUE = case(messages=(NOTICE, CLAIMED))


def read(about: Invoice | None = None, age: float = 1) -> InvoiceReading:
    return InvoiceReading(NOW - timedelta(seconds=age), about or invoice())


def judged(
    reading: InvoiceReading | Unreadable | None = None,
    of: Case = DUE,
    stage: Stage = Stage.REMINDER,
    now: datetime = NOW,
    due_since: datetime = NOW,
) -> Verdict:
    return check_gate(of, stage, FULL, reading or read(), POLICY, now, due_since=due_since)


def charge(
    reading: InvoiceReading | Unreadable | None = None, of: Case = DUE, method: str = "pm_2"
) -> Verdict:
    return check_charge_gate(of, method, reading or read(), POLICY, NOW, due_since=NOW)


def test_an_open_invoice_read_just_now_lets_the_message_go() -> None:
    why = "The invoice is open and nothing stands against sending."

    assert judged() == Verdict(VerdictKind.SEND, why, FULL)


@pytest.mark.parametrize(
    ("age", "kind"), [(59.9, VerdictKind.SEND), (60, VerdictKind.WAIT), (3600, VerdictKind.WAIT)]
)
def test_a_reading_must_be_younger_than_a_minute(age: float, kind: VerdictKind) -> None:
    verdict = judged(read(age=age))

    assert verdict.kind is kind
    assert verdict.again_at == (NOW if kind is VerdictKind.WAIT else None)


SETTLED = [
    (invoice(status=InvoiceStatus.PAID), Ending.RECOVERED),
    (invoice(status=InvoiceStatus.VOID), Ending.VOIDED),
    (invoice(status=InvoiceStatus.UNCOLLECTIBLE), Ending.WRITTEN_OFF),
    (invoice(open=Money(0, "USD")), Ending.CREDITED),
    (invoice(open=Money(-1, "USD")), Ending.CREDITED),
]


@pytest.mark.parametrize(("about", "ending"), SETTLED)
def test_a_settled_invoice_stops_what_was_about_to_leave_and_closes_the_case(
    about: Invoice, ending: Ending
) -> None:
    for verdict in (judged(read(about)), charge(read(about))):
        assert (verdict.kind, verdict.ending) == (VerdictKind.CLOSE, ending)


STRANGE = [
    (invoice(status=InvoiceStatus.UNKNOWN), ReviewKind.INVOICE_UNKNOWN),
    (invoice(status=InvoiceStatus.DRAFT), ReviewKind.BAD_DATA),
    (invoice(open=Money(120_000, "EUR")), ReviewKind.BAD_DATA),
]


@pytest.mark.parametrize(("about", "review"), STRANGE)
def test_a_strange_invoice_stops_it_and_asks_a_person(about: Invoice, review: ReviewKind) -> None:
    for verdict in (judged(read(about)), charge(read(about))):
        assert (verdict.kind, verdict.review) == (VerdictKind.REVIEW, review)


def test_a_chargeback_stops_message_and_charge() -> None:
    taken_back = read(invoice(charged_back=True))

    assert judged(taken_back).kind is VerdictKind.HOLD
    assert charge(taken_back).kind is VerdictKind.HOLD


def test_a_partial_payment_changes_the_amount_in_the_message() -> None:
    left = Money(70_000, "USD")

    assert judged(read(invoice(open=left))) == Verdict(
        VerdictKind.ADJUST, "USD 700.00 is open now, not USD 1,200.00.", left
    )


def test_a_payment_under_way_makes_a_message_wait_and_stops_a_charge() -> None:
    moving = read(invoice(in_flight=True))

    assert judged(moving) == Verdict(VerdictKind.WAIT, "A payment is under way.", again_at=NOW + days(1))
    assert charge(moving) == Verdict(VerdictKind.HOLD, "Not charged: a payment is under way.")


@pytest.mark.parametrize("kind", list(HoldKind))
def test_any_active_hold_stops_a_message(kind: HoldKind) -> None:
    verdict = judged(of=replace(DUE, holds=(hold(FAILED, None, kind),)))

    assert (verdict.kind, verdict.why) == (VerdictKind.HOLD, f"The case is on hold ({kind}).")


def test_a_hold_that_is_over_stops_nothing() -> None:
    over = hold(FAILED, None, ended_at=NOW - days(1))

    assert judged(of=replace(DUE, holds=(over,))).kind is VerdictKind.SEND


@pytest.mark.parametrize(
    ("status", "stage", "kind"),
    [
        (CaseStatus.CLOSED, Stage.REMINDER, VerdictKind.HOLD),
        (CaseStatus.REVIEW, Stage.REMINDER, VerdictKind.HOLD),
        (CaseStatus.ESCALATED, Stage.REMINDER, VerdictKind.HOLD),
        (CaseStatus.ESCALATED, Stage.ESCALATION, VerdictKind.SEND),
        (CaseStatus.OPEN, Stage.REMINDER, VerdictKind.SEND),
    ],
)
def test_a_case_with_a_person_sends_nothing_but_its_escalation(
    status: CaseStatus, stage: Stage, kind: VerdictKind
) -> None:
    assert judged(of=replace(DUE, status=status), stage=stage).kind is kind


def test_a_stage_that_was_sent_is_not_sent_again() -> None:
    assert judged(stage=Stage.NOTICE) == Verdict(VerdictKind.HOLD, "The notice has been sent already.")


@pytest.mark.parametrize(
    "contact", [None, Contact("Dana", "nowhere"), Contact("Dana", "dana@acme.example", deliverable=False)]
)
def test_an_unreachable_contact_goes_to_a_person(contact: Contact | None) -> None:
    verdict = judged(of=replace(DUE, customer=customer(contact=contact)))

    assert (verdict.kind, verdict.review) == (VerdictKind.REVIEW, ReviewKind.NO_CONTACT)


def test_a_contact_written_to_meanwhile_is_spared_until_the_cap_is_free() -> None:
    of = replace(DUE, payer_written_at=NOW - days(1))

    verdict = judged(of=of)

    assert (verdict.kind, verdict.again_at) == (VerdictKind.WAIT, utc("2026-04-13 13:00"))


def test_a_message_that_missed_the_window_waits_but_a_notice_goes() -> None:
    evening = utc("2026-04-10 21:00")
    fresh = InvoiceReading(evening, invoice())

    assert judged(fresh, now=evening).again_at == utc("2026-04-13 13:00")
    assert judged(fresh, of=case(), stage=Stage.NOTICE, now=evening).kind is VerdictKind.SEND


def test_an_unreadable_ledger_waits_and_tells_a_person_after_a_day() -> None:
    broken = Unreadable("timeout")
    in_an_hour = NOW + timedelta(hours=1)

    assert judged(broken, due_since=NOW - timedelta(hours=23, minutes=59)) == Verdict(
        VerdictKind.WAIT, "The ledger could not be read: timeout.", again_at=in_an_hour
    )
    assert judged(broken, due_since=NOW - timedelta(hours=24)) == Verdict(
        VerdictKind.REVIEW,
        "The ledger could not be read for 24 hours: timeout.",
        again_at=in_an_hour,
        review=ReviewKind.LEDGER_UNREADABLE,
    )
    assert charge(broken).kind is VerdictKind.WAIT


def test_an_unreadable_ledger_is_asked_ever_more_slowly() -> None:
    waits = {
        minutes: (judged(Unreadable("timeout"), due_since=NOW - timedelta(minutes=minutes)).again_at or NOW)
        - NOW
        for minutes in (0, 20, 60, 600)
    }
    assert waits == {
        0: timedelta(minutes=5),
        20: timedelta(minutes=5),
        60: timedelta(minutes=15),
        600: timedelta(hours=1),
    }


def test_a_ledger_that_can_never_answer_goes_to_a_person_at_once() -> None:
    gone = Unreadable("no such invoice", permanent=True)
    expected = Verdict(
        VerdictKind.REVIEW,
        "The ledger cannot answer: no such invoice.",
        review=ReviewKind.LEDGER_UNREADABLE,
    )

    assert judged(gone) == expected
    assert charge(gone) == expected


def test_an_open_invoice_lets_a_charge_go_for_what_is_open_now() -> None:
    left = Money(70_000, "USD")

    assert charge(read(invoice(open=left))) == Verdict(
        VerdictKind.SEND, "The invoice is open and nothing stands against the charge.", left
    )


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (HoldKind.REPLY, VerdictKind.SEND),
        (HoldKind.PROMISE, VerdictKind.SEND),
        (HoldKind.DISPUTE, VerdictKind.HOLD),
        (HoldKind.PAYMENT_PLAN, VerdictKind.HOLD),
    ],
)
def test_a_contested_invoice_is_not_charged_but_a_customer_who_wrote_is(
    kind: HoldKind, verdict: VerdictKind
) -> None:
    assert charge(of=replace(DUE, holds=(hold(FAILED, None, kind),))).kind is verdict


def test_a_charge_needs_a_case_that_is_not_closed_and_a_method() -> None:
    assert charge(of=replace(DUE, status=CaseStatus.CLOSED)).kind is VerdictKind.HOLD
    assert charge(method="").kind is VerdictKind.HOLD
    assert charge(of=replace(DUE, status=CaseStatus.REVIEW)).kind is VerdictKind.SEND
