from dataclasses import replace

import pytest

from dunwell.policy.decision import Action, Decision
from dunwell.policy.facts import Attempt, Case, Hold
from dunwell.policy.money import Money
from dunwell.policy.policy import default_policy
from dunwell.policy.respond import to_dispute, to_new_method, to_reply
from dunwell.policy.words import (
    ActionKind,
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    HoldKind,
    HoldScope,
    InvoiceStatus,
    ReviewKind,
    Stage,
    Track,
)
from tests.policy.cases import FAILED, case, days, hold, invoice, sent, utc

POLICY = default_policy()
NOW = utc("2026-04-09 12:00")
NOTICE = sent(Stage.NOTICE, utc("2026-04-07 14:05"))


def test_a_reply_holds_the_case_at_once_and_asks_for_a_reading() -> None:
    because = "A person replied; nothing more goes out until somebody has read it."
    waits = Hold(HoldKind.REPLY, HoldScope.CASE, NOW, None, "reply", "dana@acme.example")

    assert to_reply(case(messages=(NOTICE,)), NOW, "dana@acme.example") == Decision(
        (
            Action(ActionKind.HOLD, because, hold=waits),
            Action(ActionKind.REVIEW, because, review=ReviewKind.REPLY),
        ),
        None,
        because,
        "to_reply",
    )


def test_a_dispute_stops_the_clock_of_that_invoice_only() -> None:
    decision = to_dispute(case(), NOW, "dana@acme.example")

    assert [action.kind for action in decision.actions] == [ActionKind.HOLD, ActionKind.REVIEW]
    assert decision.actions[0].hold == Hold(
        HoldKind.DISPUTE, HoldScope.CASE, NOW, None, "the invoice is contested", "dana@acme.example"
    )
    assert decision.actions[1].review is ReviewKind.DISPUTE
    assert decision.next_look is None


def test_a_second_reply_adds_no_second_hold_and_no_second_item() -> None:
    waiting = case(holds=(hold(FAILED, None, HoldKind.REPLY),), reviews=(ReviewKind.REPLY,))

    assert to_reply(waiting, NOW, "dana@acme.example").actions == ()


def test_a_reply_after_the_first_hold_was_ended_holds_again() -> None:
    answered = case(holds=(hold(FAILED, None, HoldKind.REPLY, ended_at=NOW - days(1)),))

    assert [a.kind for a in to_reply(answered, NOW, "dana").actions] == [ActionKind.HOLD, ActionKind.REVIEW]


def test_a_reply_about_a_closed_case_is_read_but_holds_nothing() -> None:
    closed = case(status=CaseStatus.CLOSED)

    assert [a.kind for a in to_reply(closed, NOW, "dana").actions] == [ActionKind.REVIEW]


@pytest.mark.parametrize("track", [Track.STANDARD, Track.PERSONAL, None])
@pytest.mark.parametrize("status", [CaseStatus.OPEN, CaseStatus.REVIEW, CaseStatus.ESCALATED])
def test_a_new_method_is_charged_at_once_whoever_has_the_case(
    track: Track | None, status: CaseStatus
) -> None:
    decision = to_new_method(case(track=track, status=status, messages=(NOTICE,)), "pm_2", POLICY, NOW)

    because = "The customer saved a new payment method; the open invoice is charged with it at once."
    assert decision.actions == (Action(ActionKind.RETRY, because, method="pm_2"),)


def test_a_new_method_leaves_the_case_its_own_next_look() -> None:
    assert to_new_method(case(messages=(NOTICE,)), "pm_2", POLICY, NOW).next_look == utc("2026-04-10 13:00")
    assert to_new_method(case(), "pm_2", POLICY, NOW).next_look == NOW  # the notice is due


@pytest.mark.parametrize(
    "kind",
    [HoldKind.REPLY, HoldKind.PROMISE, HoldKind.PAUSE, HoldKind.DO_NOT_CONTACT, HoldKind.VETO],
)
def test_a_hold_on_writing_does_not_keep_a_customer_from_paying(kind: HoldKind) -> None:
    of = case(messages=(NOTICE,), holds=(hold(FAILED, None, kind),))

    assert [a.kind for a in to_new_method(of, "pm_2", POLICY, NOW).actions] == [ActionKind.RETRY]


TRIED = Attempt(FAILED, AttemptTrigger.NEW_METHOD, AttemptOutcome.DECLINED, "pm_2")


@pytest.mark.parametrize(
    ("of", "why"),
    [
        (case(status=CaseStatus.CLOSED), "the case is closed"),
        (case(failed_at=None), "no charge has failed on this invoice, so none was asked for"),
        (case(attempts=(TRIED,)), "this method was tried for this invoice already"),
        (case(about=invoice(status=InvoiceStatus.PAID)), "nothing is open on the invoice"),
        (case(about=invoice(open=Money(0, "USD"))), "nothing is open on the invoice"),
        (case(about=invoice(charged_back=True)), "a payment of it was charged back"),
        (case(about=invoice(in_flight=True)), "a payment is under way"),
        (case(holds=(hold(FAILED, None, HoldKind.DISPUTE),)), "the case is on hold (dispute)"),
        (case(holds=(hold(FAILED, None, HoldKind.PAYMENT_PLAN),)), "the case is on hold (payment_plan)"),
    ],
)
def test_a_new_method_is_not_charged_when_something_stands_against_it(of: Case, why: str) -> None:
    decision = to_new_method(of, "pm_2", POLICY, NOW)

    assert decision.actions == ()
    assert decision.because == f"No retry with the new method: {why}."


def test_a_dispute_that_was_settled_no_longer_stands_against_a_charge() -> None:
    of = case(holds=(hold(FAILED, None, HoldKind.DISPUTE, ended_at=NOW - days(1)),))

    assert len(to_new_method(of, "pm_2", POLICY, NOW).actions) == 1


def test_another_method_is_charged_although_one_was_tried() -> None:
    of = replace(case(), attempts=(TRIED,))

    assert [a.method for a in to_new_method(of, "pm_3", POLICY, NOW).actions] == ["pm_3"]
