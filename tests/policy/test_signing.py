"""When a personal mail can be signed, and what makes a signature void."""

from dataclasses import replace
from datetime import datetime

from dunwell.policy.facts import Attempt, Contact, Reason
from dunwell.policy.money import Money
from dunwell.policy.signing import Says, no_signature_because, outdated
from dunwell.policy.words import (
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    HoldKind,
    InvoiceStatus,
    RetryClass,
)
from tests.policy.cases import FAILED, case, customer, days, hold, invoice

SOON = FAILED + days(1)


def test_a_postponed_letter_may_be_signed_beforehand_and_no_other_under_a_hold() -> None:
    postponed, vetoed = hold(FAILED, FAILED + days(3), HoldKind.VETO), hold(FAILED, None, HoldKind.VETO)
    replied = hold(FAILED, None, HoldKind.REPLY)

    assert no_signature_because(case(), SOON) is None
    assert no_signature_because(case(holds=(postponed,)), SOON) is None
    assert no_signature_because(case(holds=(replace(replied, ended_at=SOON),)), SOON) is None
    said = "The case is on hold ({}). Release the hold first."
    assert no_signature_because(case(holds=(vetoed,)), SOON) == said.format("veto")
    assert no_signature_because(case(holds=(postponed, replied)), SOON) == said.format("reply")


def test_nothing_is_signed_once_a_person_took_over() -> None:
    assert no_signature_because(case(status=CaseStatus.ESCALATED), SOON) == (
        "The case was handed to a person; no mail leaves any more."
    )


def test_a_letter_is_outdated_when_another_amount_is_open_or_somebody_else_is_the_contact() -> None:
    says = Says(Money(120_000, "USD"), "Dana Reyes", "dana@acme.example", "insufficient_funds", FAILED)
    less = invoice(open=Money(80_000, "USD"))
    paid = invoice(open=Money(0, "USD"), status=InvoiceStatus.PAID)
    other = customer(contact=Contact("Robin Lee", "robin@acme.example"))

    assert outdated(says, case()) is None
    assert outdated(says, case(about=paid)) is None
    assert outdated(says, case(of=customer(contact=None))) is None
    assert outdated(says, case(about=less)) == "USD 800.00 is open now, not USD 1,200.00."
    assert outdated(says, case(of=other)) == "Robin Lee <robin@acme.example> is the contact now."


def test_a_letter_is_outdated_once_the_payment_failed_for_another_reason() -> None:
    says = Says(Money(120_000, "USD"), "Dana Reyes", "dana@acme.example", "expired_card", FAILED)
    expired = Reason("expired_card", RetryClass.HARD, "The card has expired.")
    paid = invoice(open=Money(0, "USD"), status=InvoiceStatus.PAID)

    assert outdated(says, case(reason=expired)) is None
    assert outdated(replace(says, reason=""), case()) is None, "it names no reason"
    assert outdated(says, case(about=paid)) is None
    assert outdated(says, case()) == (
        "The payment has failed once more, for another reason (insufficient_funds, not expired_card)."
    )


def test_a_letter_is_outdated_once_another_method_was_charged_since_the_draft() -> None:
    says = Says(Money(120_000, "USD"), "Dana Reyes", "dana@acme.example", "insufficient_funds", SOON)

    def tried(at: datetime, trigger: AttemptTrigger) -> tuple[Attempt, ...]:
        return (Attempt(at, trigger, AttemptOutcome.DECLINED, "pm_2", "insufficient_funds"),)

    saved, after = AttemptTrigger.NEW_METHOD, SOON + days(1)
    assert outdated(says, case(attempts=tried(SOON, saved))) is None
    assert outdated(says, case(attempts=tried(after, AttemptTrigger.STRIPE))) is None
    assert outdated(says, case(attempts=tried(after, saved))) == (
        "The customer has saved another payment method since it was drafted, and it was charged."
    )
