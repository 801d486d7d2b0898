"""The personal track, step by step (spec 1.2)."""

from dataclasses import replace
from datetime import datetime

import pytest

from dunwell.policy.decide import decide, explain, rule_names
from dunwell.policy.decision import Action
from dunwell.policy.facts import Case, Collection, Contact, LedgerFacts, Reason
from dunwell.policy.opening import open_on
from dunwell.policy.personal import step_time, time_up
from dunwell.policy.policy import default_policy
from dunwell.policy.words import (
    ActionKind,
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    CollectionOwner,
    HoldKind,
    InvoiceStatus,
    LetterState,
    RetryClass,
    ReviewKind,
    Stage,
    Track,
)
from tests.policy.cases import (
    FAILED,
    GATHERED,
    MUNICH,
    case,
    customer,
    days,
    hold,
    invoice,
    large,
    letter,
    mrr,
    personal,
    tried,
    utc,
)

POLICY = default_policy()
SOON = utc("2026-04-07 14:05")
FIRST_RETRY = utc("2026-04-08 14:00")  # Wednesday, 10:00 in New York
HARD = Reason("lost_card", RetryClass.HARD, "The bank did not approve the charge.")
ACTION = Reason("authentication_required", RetryClass.ACTION, "The bank wants a confirmation.")
RETRIED = personal(attempts=(tried(FAILED, AttemptTrigger.STRIPE), tried(FIRST_RETRY)))
TUESDAY = utc("2026-04-28 14:30")
DAY_21 = utc("2026-04-28 13:00")


def decided(of: Case, now: datetime = SOON) -> tuple[str, list[tuple[ActionKind, object]], datetime | None]:
    """The rule, each action with what it is about, and the next look."""
    decision = decide(of, POLICY, now)
    return decision.rule, [(action.kind, _about(action)) for action in decision.actions], decision.next_look


def _about(action: Action) -> object:
    return action.letter or action.review or action.ending or action.stage or action.method or action.hold


def after_letter(sent: datetime, **changes: object) -> Case:
    """A case of which the first letter was sent; it failed eight days before."""
    start = sent - days(8)
    values = {
        "anchor": start,
        "failed_at": start,
        "attempts": (tried(start, AttemptTrigger.STRIPE), tried(start + days(1))),
        "letters": (letter(1, LetterState.CONFIRMED, sent),),
        "collection": Collection(CollectionOwner.DUNWELL, start, sent),
    }
    return personal(**(values | changes))


# Gather and take over


def test_the_ledger_is_asked_before_anything_else_on_either_track() -> None:
    for track in (Track.STANDARD, Track.PERSONAL, None):
        of = case(track=track, of=large(), ledger=LedgerFacts(None))

        assert decided(of) == ("gather", [(ActionKind.GATHER, None)], SOON + days(1))
        assert decided(replace(of, under_way=frozenset({ActionKind.GATHER}))) == (
            "gather",
            [],
            SOON + days(1),
        )


def test_collection_is_taken_over_before_anything_is_retried_or_drafted() -> None:
    of = personal(collection=Collection())

    assert decided(of) == ("take_over", [(ActionKind.TAKE_OVER, None)], SOON + days(1))
    assert decided(replace(of, reason=HARD))[0] == "take_over"
    assert decided(replace(of, under_way=frozenset({ActionKind.TAKE_OVER}))) == (
        "take_over",
        [],
        SOON + days(1),
    )
    assert decided(replace(of, reviews=(ReviewKind.SUPPRESSION,))) == ("take_over", [], None)


def test_collection_that_was_never_proved_is_taken_over_again() -> None:
    unproved = Collection(CollectionOwner.DUNWELL, FAILED, None)

    assert decided(personal(collection=unproved))[1] == [(ActionKind.TAKE_OVER, None)]


def test_automation_that_was_switched_back_on_alarms_a_person_once_and_stops_everything() -> None:
    on = invoice(auto_advance=True, next_attempt=utc("2026-04-10 09:00"))
    of = replace(RETRIED, invoice=on)

    assert decided(of, FIRST_RETRY) == ("drift", [(ActionKind.REVIEW, ReviewKind.DRIFT)], None)
    assert decide(of, POLICY, FIRST_RETRY).because == (
        "Stripe's own collection was switched back on though it is ours: auto_advance is true and the next attempt is "
        "planned for 2026-04-10 09:00 UTC. Find out who did it and why; settling this switches it off again."
    )
    assert decided(replace(of, reviews=(ReviewKind.DRIFT,)), FIRST_RETRY) == ("drift", [], None)
    assert decided(replace(of, status=CaseStatus.ESCALATED), FIRST_RETRY)[0] == "drift"
    assert decided(replace(of, invoice=invoice(auto_advance=False)), FIRST_RETRY)[0] == "draft"
    assert decided(personal(collection=Collection(), about=on))[0] == "take_over"


def test_an_mrr_of_exactly_the_threshold_is_the_standard_track() -> None:
    at, above = mrr("5000.00", "5000.00", "5000.00"), mrr("5000.00", "5000.00", "5000.01")

    assert open_on(large(mrr=at), POLICY).track is Track.STANDARD
    assert open_on(large(mrr=above), POLICY).track is Track.PERSONAL
    assert decided(personal(of=large(mrr=at), collection=Collection())) == (
        "incomplete",
        [(ActionKind.REVIEW, ReviewKind.INCOMPLETE)],
        None,
    )


INCOMPLETE = [
    (large(contact=None), None, ReviewKind.NO_CONTACT, "No accounts-payable contact is known"),
    (
        large(contact=Contact("Accounts Payable", "dana@acme.example")),
        None,
        ReviewKind.NO_CONTACT,
        "The contact has no first name",
    ),
    (
        large(contact=Contact("Acme", "dana@acme.example")),
        None,
        ReviewKind.NO_CONTACT,
        "The contact has no first name",
    ),
    (large(contact=Contact("Dana Reyes", "dana")), None, ReviewKind.NO_CONTACT, "The contact's address is"),
    (
        large(contact=Contact("Dana Reyes", "ap@acme.example")),
        None,
        ReviewKind.NO_CONTACT,
        "The contact's address is a shared mailbox",
    ),
    (
        large(contact=Contact("Dana Reyes", "dana@acme.example", deliverable=False)),
        None,
        ReviewKind.NO_CONTACT,
        "Mail to the contact came back",
    ),
    (large(), replace(GATHERED, contact=""), ReviewKind.NO_CONTACT, "NetSuite has no accounts-payable"),
    (large(), replace(GATHERED, invoice=""), ReviewKind.INCOMPLETE, "NetSuite shows no invoice INV-1"),
    (large(mrr=None), None, ReviewKind.MRR_UNKNOWN, "The MRR of the last three months is unknown"),
    (large(mrr=mrr("1.00", "1.00", "1.00")), None, ReviewKind.INCOMPLETE, "Three-month MRR of USD 1.00"),
]


@pytest.mark.parametrize(("of", "ledger", "review", "because"), INCOMPLETE)
def test_what_the_gathering_lacks_stops_the_track_with_one_item_that_says_what_is_missing(
    of: object, ledger: LedgerFacts | None, review: ReviewKind, because: str
) -> None:
    stopped = personal(of=of, ledger=ledger, collection=Collection())

    assert decided(stopped) == ("incomplete", [(ActionKind.REVIEW, review)], None)
    assert decide(stopped, POLICY, SOON).because.startswith(because)
    assert decided(replace(stopped, reviews=(review,))) == ("incomplete", [], None)


def test_what_the_ledger_said_is_missing_stands_in_the_item() -> None:
    said = replace(GATHERED, contact="", missing=("No contact has the role Accounts Payable.",))

    assert decide(personal(ledger=said), POLICY, SOON).because == (
        "NetSuite has no accounts-payable contact for this customer. No contact has the role Accounts Payable. Name "
        "a person who can be written to."
    )


def test_a_contact_a_person_named_and_a_track_a_person_chose_are_enough() -> None:
    by_hand = large(contact=Contact("Dana Reyes", "dana@acme.example", "set by Ines"))

    assert decided(personal(of=by_hand, ledger=replace(GATHERED, contact="")))[0] == "wait_for_step"
    chosen = personal(of=large(mrr=None), track_chosen=True, collection=Collection())
    assert decided(chosen)[0] == "take_over"


def test_an_mrr_that_falls_later_does_not_stop_a_track_that_has_begun() -> None:
    assert decided(personal(of=large(mrr=None)))[0] == "wait_for_step"


# Retry, draft


def test_a_soft_decline_is_retried_once_the_next_working_morning_and_then_a_letter_is_drafted() -> None:
    of = personal()

    assert decided(of) == ("wait_for_step", [], FIRST_RETRY)
    assert decide(of, POLICY, SOON).because == (
        "The next retry waits until 2026-04-08 10:00 America/New_York: the working morning after the failure."
    )
    assert decided(of, FIRST_RETRY) == ("retry", [(ActionKind.RETRY, "pm_1")], FIRST_RETRY + days(1))
    moving = replace(of, under_way=frozenset({ActionKind.RETRY}))
    assert decided(moving, FIRST_RETRY) == ("in_flight", [], FIRST_RETRY + days(1))
    assert decided(RETRIED, FIRST_RETRY) == ("draft", [(ActionKind.DRAFT, 1)], FIRST_RETRY + days(1))


def test_a_retry_that_was_missed_waits_for_the_next_working_morning() -> None:
    friday_afternoon = utc("2026-04-10 16:00")  # 12:00 in New York

    assert decided(personal(), utc("2026-04-10 15:59"))[0] == "retry"
    assert decided(personal(), friday_afternoon) == ("wait_for_step", [], utc("2026-04-13 14:00"))


@pytest.mark.parametrize("reason", [HARD, ACTION])
def test_a_decline_that_cannot_pass_goes_straight_to_the_draft(reason: Reason) -> None:
    of = personal(reason=reason)

    assert decided(of) == ("draft", [(ActionKind.DRAFT, 1)], SOON + days(1))
    assert decided(replace(of, under_way=frozenset({ActionKind.DRAFT}))) == ("drafting", [], SOON + days(1))


def test_an_overdue_invoice_that_was_never_charged_is_written_about_without_taking_over() -> None:
    of = personal(failed_at=None, reason=None, attempts=(), collection=Collection())

    assert decided(of)[:2] == ("draft", [(ActionKind.DRAFT, 1)])


def test_nothing_is_written_while_the_fate_of_a_charge_is_unknown() -> None:
    of = replace(RETRIED, reviews=(ReviewKind.CHARGE_UNKNOWN,))

    assert decided(of, FIRST_RETRY) == ("charge_in_doubt", [], None)


def test_a_debit_in_flight_blocks_retry_and_letter() -> None:
    moving = invoice(in_flight=True)

    assert decided(personal(about=moving), FIRST_RETRY) == ("in_flight", [], FIRST_RETRY + days(1))
    assert decided(replace(RETRIED, invoice=moving), FIRST_RETRY)[0] == "in_flight"


# Sign, veto, leave


def test_a_draft_waits_for_the_manager_until_the_last_day() -> None:
    of = replace(RETRIED, letters=(letter(1, LetterState.DRAFT, FIRST_RETRY),))

    assert decided(of, FIRST_RETRY) == ("letter_waits", [], DAY_21)


def test_a_signed_letter_leaves_when_the_owner_s_time_is_over_or_they_agree() -> None:
    signed = letter(1, LetterState.APPROVED, FIRST_RETRY, owner_until=utc("2026-04-08 16:00"))
    of = replace(RETRIED, letters=(signed,))
    early = utc("2026-04-08 14:30")
    send_it = [(ActionKind.SEND, 1)]

    assert decided(of, early) == ("letter_waits", [], utc("2026-04-08 16:00"))
    assert decided(of, utc("2026-04-08 16:00"))[:2] == ("send_letter", send_it)
    agreed = replace(signed, owner_agreed_at=early)
    assert decided(replace(of, letters=(agreed,)), early)[:2] == ("send_letter", send_it)
    alone = replace(signed, owner_until=None)
    assert decided(replace(of, letters=(alone,)), early)[:2] == ("send_letter", send_it)


def test_a_letter_that_is_sent_goes_to_the_contact_and_the_next_look_is_the_next_step() -> None:
    of = replace(RETRIED, letters=(letter(1, LetterState.APPROVED, FIRST_RETRY),))

    decision = decide(of, POLICY, FIRST_RETRY)

    because = "Letter 1 was signed by Valentina and may leave."
    assert decision.actions == (Action(ActionKind.SEND, because, to="dana@acme.example", letter=1),)
    assert decision.next_look == utc("2026-04-13 14:00")  # Wednesday and three working days


def test_a_signed_letter_waits_for_the_customer_s_working_hours_and_the_cap() -> None:
    of = replace(RETRIED, letters=(letter(1, LetterState.APPROVED, FIRST_RETRY),))

    assert decided(of, utc("2026-04-10 21:00")) == ("letter_waits", [], utc("2026-04-13 13:00"))
    written = replace(of, payer_written_at=utc("2026-04-07 20:00"))
    assert decided(written, FIRST_RETRY) == ("letter_waits", [], utc("2026-04-09 20:00"))
    assert decided(written, utc("2026-04-09 20:00"))[0] == "send_letter"


def test_a_letter_on_its_way_or_in_doubt_is_followed_by_nothing() -> None:
    leaving = replace(RETRIED, letters=(letter(1, LetterState.LEAVING, FIRST_RETRY),))
    doubtful = replace(RETRIED, letters=(letter(1, LetterState.IN_DOUBT, FIRST_RETRY),))

    assert decided(leaving, FIRST_RETRY) == ("letter_on_its_way", [], utc("2026-04-08 15:00"))
    assert decided(doubtful, FIRST_RETRY + days(40)) == ("letter_on_its_way", [], None)


def test_a_veto_silences_the_case_and_its_release_makes_a_new_draft() -> None:
    gone = letter(1, LetterState.WITHDRAWN, FIRST_RETRY)
    veto = hold(FIRST_RETRY, None, HoldKind.VETO)
    of = replace(RETRIED, letters=(gone,), holds=(veto,), reviews=(ReviewKind.VETO,))

    assert decided(of, FIRST_RETRY + days(9)) == ("on_hold", [], None)
    released = replace(of, holds=(replace(veto, ended_at=FIRST_RETRY + days(1)),), reviews=())
    assert decided(released, FIRST_RETRY + days(1))[:2] == ("draft", [(ActionKind.DRAFT, 1)])


def test_a_postponed_letter_leaves_on_the_day_that_was_named_but_not_in_the_breath_that_ends_the_hold() -> (
    None
):
    signed = letter(1, LetterState.APPROVED, FIRST_RETRY)
    monday = utc("2026-04-13 13:00")
    postponed = hold(FIRST_RETRY, monday, HoldKind.VETO)
    of = replace(RETRIED, letters=(signed,), holds=(postponed,))

    assert decided(of, monday - days(1)) == ("on_hold", [], monday)
    assert decided(of, monday)[:2] == ("hold_over", [(ActionKind.RESUME, postponed)])
    over = replace(of, holds=(replace(postponed, ended_at=monday),))
    assert decided(over, monday) == ("letter_waits", [], utc("2026-04-13 14:00"))
    assert decided(over, utc("2026-04-13 14:00"))[0] == "send_letter"


def test_after_any_other_hold_a_signed_letter_waits_for_the_next_morning() -> None:
    signed = letter(1, LetterState.APPROVED, FIRST_RETRY)
    released = utc("2026-04-09 15:00")
    reply = hold(FIRST_RETRY, None, HoldKind.REPLY, ended_at=released)
    of = replace(RETRIED, letters=(signed,), holds=(reply,))

    assert decided(of, released) == ("letter_waits", [], utc("2026-04-10 13:00"))


# The next step


def test_the_worked_example_of_new_york_and_munich() -> None:
    new_york = after_letter(TUESDAY)
    munich = after_letter(utc("2026-04-28 08:00"), of=large(**MUNICH))

    assert decided(new_york, utc("2026-04-28 15:00")) == ("wait_for_step", [], utc("2026-05-01 14:00"))
    assert decided(munich, utc("2026-04-28 15:00")) == ("wait_for_step", [], utc("2026-05-04 08:00"))
    assert decided(new_york, utc("2026-05-01 14:00"))[:2] == ("retry", [(ActionKind.RETRY, "pm_1")])
    assert decided(munich, utc("2026-05-04 08:00"))[:2] == ("retry", [(ActionKind.RETRY, "pm_1")])


def test_after_the_retry_of_a_step_the_next_letter_is_drafted_at_once() -> None:
    of = after_letter(TUESDAY)
    friday = utc("2026-05-01 14:00")
    again = replace(of, attempts=(*of.attempts, tried(friday)))

    assert decided(again, friday)[:2] == ("draft", [(ActionKind.DRAFT, 2)])


def test_without_a_retry_the_next_letter_is_drafted_when_its_step_has_come() -> None:
    of = after_letter(TUESDAY, reason=HARD)
    friday = utc("2026-05-01 14:00")

    assert decided(of, utc("2026-05-01 13:59")) == ("wait_for_step", [], friday)
    assert decide(of, POLICY, TUESDAY).because == (
        "The next letter waits until 2026-05-01 10:00 America/New_York: 3 working days after the letter."
    )
    assert decided(of, friday)[:2] == ("draft", [(ActionKind.DRAFT, 2)])


def test_an_agreed_date_moves_the_retry_to_the_working_morning_after_it() -> None:
    later = hold(utc("2026-04-28 18:00"), utc("2026-05-09 03:59"), HoldKind.PROMISE)  # Friday 8 May
    earlier = hold(utc("2026-04-28 18:00"), utc("2026-04-30 03:59"), HoldKind.PROMISE)  # Wednesday

    for promise, retry_on in ((later, "2026-05-11 14:00"), (earlier, "2026-04-30 14:00")):
        until = promise.until or TUESDAY
        over = after_letter(TUESDAY, holds=(replace(promise, ended_at=until),))
        assert decided(after_letter(TUESDAY, holds=(promise,)), until - days(1)) == ("on_hold", [], until)
        assert step_time(over, POLICY, until).at == utc(retry_on)
        assert decided(over, until) == ("wait_for_step", [], utc(retry_on))
        assert decided(over, utc(retry_on))[:2] == ("retry", [(ActionKind.RETRY, "pm_1")])


def test_a_pause_moves_the_retry_to_the_working_morning_after_it_and_never_forward() -> None:
    until = utc("2026-05-06 03:59")  # Tuesday night
    paused = after_letter(TUESDAY, holds=(hold(utc("2026-04-29 12:00"), until, ended_at=until),))
    short = after_letter(
        TUESDAY, holds=(hold(utc("2026-04-28 15:00"), None, ended_at=utc("2026-04-28 16:00")),)
    )

    assert step_time(paused, POLICY, until).at == utc("2026-05-06 14:00")
    assert step_time(short, POLICY, until).at == utc("2026-05-01 14:00")


# The end


def test_the_track_ends_on_its_last_day_with_a_call() -> None:
    of = replace(RETRIED, letters=(letter(1, LetterState.DRAFT, FIRST_RETRY),))

    assert time_up(of, POLICY, FIRST_RETRY) == DAY_21
    assert decided(of, DAY_21) == (
        "time_is_up",
        [
            (ActionKind.ESCALATE, Stage.ESCALATION),
            (ActionKind.REVIEW, ReviewKind.ESCALATION),
            (ActionKind.CALL_TASK, Stage.ESCALATION),
        ],
        None,
    )
    handed_over = replace(of, status=CaseStatus.ESCALATED)
    assert decided(handed_over, DAY_21 + days(9)) == ("with_a_person", [], None)


def test_time_on_hold_does_not_count_towards_the_last_day() -> None:
    pause = hold(FIRST_RETRY, FIRST_RETRY + days(10), ended_at=FIRST_RETRY + days(10))

    assert time_up(replace(RETRIED, holds=(pause,)), POLICY, FIRST_RETRY + days(10)) == utc(
        "2026-05-08 13:00"
    )


def test_after_the_third_letter_and_its_retry_a_person_calls() -> None:
    start = utc("2026-04-07 14:03")
    sent = [utc("2026-04-08 15:00"), utc("2026-04-13 15:00"), utc("2026-04-16 15:00")]
    letters = tuple(letter(n, LetterState.SENT, at) for n, at in enumerate(sent, start=1))
    of = personal(letters=letters, attempts=(tried(start, AttemptTrigger.STRIPE),))
    step = utc("2026-04-21 14:00")

    assert decided(of, utc("2026-04-17 14:00")) == ("wait_for_step", [], step)
    assert decided(of, step)[:2] == ("retry", [(ActionKind.RETRY, "pm_1")])
    assert decided(replace(of, attempts=(*of.attempts, tried(step))), step)[0] == "time_is_up"
    hard = replace(of, reason=HARD)
    assert decided(hard, utc("2026-04-17 14:00")) == ("wait_for_step", [], step)
    assert decided(hard, step)[0] == "time_is_up"


def test_money_holds_and_people_come_first_on_this_track_too() -> None:
    assert decided(personal(about=invoice(status=InvoiceStatus.PAID)))[0] == "settled"
    assert decided(personal(about=invoice(charged_back=True)))[0] == "chargeback"
    assert decided(personal(holds=(hold(FAILED),)), FIRST_RETRY) == ("on_hold", [], None)
    assert decided(personal(status=CaseStatus.REVIEW), FIRST_RETRY) == ("with_a_person", [], None)


def test_an_explanation_names_the_rules_of_the_personal_track() -> None:
    said = explain(replace(RETRIED, ledger=GATHERED), POLICY, FIRST_RETRY)

    order = [*(silence.rule for silence in said.decision.considered), said.decision.rule, *said.not_asked]
    assert order == list(rule_names(Track.PERSONAL))
    assert said.decision.rule == "draft"
    assert dict(said.facts)["collection"] == "dunwell, proved 2026-04-07T14:03:00+00:00"
    assert dict(said.facts)["ledger"] == "asked 2026-04-07T14:03:00+00:00"


def test_an_attempt_the_customer_made_is_not_the_retry_of_a_step() -> None:
    theirs = tried(utc("2026-04-07 20:00"), AttemptTrigger.NEW_METHOD)
    of = personal(attempts=(tried(FAILED, AttemptTrigger.STRIPE), theirs))

    assert decided(of, FIRST_RETRY)[0] == "retry"


def test_a_retry_whose_answer_never_came_counts_as_made() -> None:
    asked = tried(FIRST_RETRY, AttemptTrigger.RETRY, AttemptOutcome.UNKNOWN)

    assert decided(personal(attempts=(asked,)), FIRST_RETRY)[0] == "draft"


def test_a_customer_of_the_standard_track_is_never_asked_about_letters() -> None:
    assert "draft" not in rule_names(Track.STANDARD)
    assert decided(case(of=customer()))[0] == "send"
