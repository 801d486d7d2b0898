from dataclasses import replace
from datetime import datetime

import pytest

from dunwell.policy.decide import NaiveTimeError, as_of, decide, explain, rule_names
from dunwell.policy.decision import Action, Decision
from dunwell.policy.facts import Attempt, Case, Contact, Hold, Mrr
from dunwell.policy.money import Money
from dunwell.policy.policy import default_policy
from dunwell.policy.rules import NothingLeftError, send
from dunwell.policy.words import (
    ActionKind,
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    Ending,
    HoldKind,
    HoldScope,
    InvoiceStatus,
    MessageState,
    Rail,
    ReviewKind,
    Stage,
    Track,
)
from tests.policy.cases import FAILED, case, customer, days, hold, invoice, sent, utc

POLICY = default_policy()
SOON = utc("2026-04-07 14:05")
NOTICE = sent(Stage.NOTICE, SOON)
REMINDER = sent(Stage.REMINDER, utc("2026-04-10 13:00"))
DIRECT = sent(Stage.DIRECT, utc("2026-04-14 13:00"))
FINAL = sent(Stage.FINAL, utc("2026-04-21 13:00"))
WHY_NORMAL_IN_NEW_YORK = (
    "normal band (10 months of tenure, 9 of 10 invoices on time); "
    "clock of America/New_York (from the billing address, US-NY), working days of US-NY"
)


def decided(of: Case, now: datetime = SOON) -> tuple[str, list[tuple[ActionKind, object]], datetime | None]:
    """The rule, each action with what it is about, and the next look."""
    decision = decide(of, POLICY, now)
    return decision.rule, [(action.kind, _about(action)) for action in decision.actions], decision.next_look


def _about(action: Action) -> object:
    return action.review or action.ending or action.stage or (action.hold and action.hold.kind)


def test_the_first_notice_goes_at_once_at_any_hour() -> None:
    at_night = utc("2026-04-12 06:30")  # Sunday, 02:30 in New York

    decision = decide(case(anchor=at_night, failed_at=at_night), POLICY, at_night)

    because = f"The notice is due: at once, {WHY_NORMAL_IN_NEW_YORK}."
    send_it = Action(ActionKind.SEND, because, stage=Stage.NOTICE, to="dana@acme.example")
    # 12 + 3 is Wednesday.
    assert decision == Decision((send_it,), utc("2026-04-15 13:00"), because, "send", decision.considered)


def test_the_stages_go_out_in_order_and_the_last_hands_the_case_over() -> None:
    of, now, story = case(), SOON, []
    for _ in range(5):
        decision = decide(of, POLICY, now)
        story += [(f"{now:%m-%d %H:%M}", action.kind.value, action.stage) for action in decision.actions]
        stage = decision.actions[-1].stage
        assert stage is not None
        of = replace(of, messages=(*of.messages, sent(stage, now)))
        now = decision.next_look or now

    assert story == [
        ("04-07 14:05", "send", Stage.NOTICE),
        ("04-10 13:00", "send", Stage.REMINDER),
        ("04-14 13:00", "send", Stage.DIRECT),
        ("04-21 13:00", "send", Stage.FINAL),
        ("04-28 13:00", "escalate", Stage.ESCALATION),
        ("04-28 13:00", "review", Stage.ESCALATION),
        ("04-28 13:00", "send", Stage.ESCALATION),
    ]
    assert decided(of, now + days(60)) == ("all_said", [], None)
    assert decided(replace(of, status=CaseStatus.ESCALATED), now) == ("with_a_person", [], None)


def test_a_strategic_customer_gets_a_call_instead_of_the_last_mail() -> None:
    of = case(of=customer(strategic=True), messages=(NOTICE, REMINDER, DIRECT, FINAL))

    assert decided(of, utc("2026-04-28 13:00")) == (
        "escalate",
        [
            (ActionKind.ESCALATE, Stage.ESCALATION),
            (ActionKind.REVIEW, ReviewKind.ESCALATION),
            (ActionKind.CALL_TASK, Stage.ESCALATION),
        ],
        None,
    )


def test_a_strategic_customer_still_gets_the_four_mails_before() -> None:
    of = case(of=customer(strategic=True), messages=(NOTICE,))

    assert decided(of, utc("2026-04-10 13:00"))[1] == [(ActionKind.SEND, Stage.REMINDER)]


def test_a_stage_that_is_not_due_waits_and_says_until_when_and_why() -> None:
    decision = decide(case(messages=(NOTICE,)), POLICY, utc("2026-04-08 12:00"))

    assert (decision.actions, decision.next_look) == ((), utc("2026-04-10 13:00"))
    assert decision.because == (
        "The reminder waits until 2026-04-10 09:00 America/New_York: 3 days after the failed payment, "
        f"{WHY_NORMAL_IN_NEW_YORK}."
    )


@pytest.mark.parametrize(
    ("now", "next_look"),
    [
        ("2026-04-10 21:00", "2026-04-13 13:00"),  # Friday 17:00: the window has closed
        ("2026-04-11 15:00", "2026-04-13 13:00"),  # Saturday
        ("2026-04-13 12:59", "2026-04-13 13:00"),
        ("2026-05-25 15:00", "2026-05-26 13:00"),  # Memorial Day
    ],
)
def test_after_downtime_a_due_stage_waits_for_the_window(now: str, next_look: str) -> None:
    of = case(messages=(NOTICE,))

    assert decided(of, utc(now)) == ("too_early", [], utc(next_look))
    assert decided(of, utc(next_look))[1] == [(ActionKind.SEND, Stage.REMINDER)]


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        (InvoiceStatus.PAID, Ending.RECOVERED),
        (InvoiceStatus.VOID, Ending.VOIDED),
        (InvoiceStatus.UNCOLLECTIBLE, Ending.WRITTEN_OFF),
    ],
)
def test_a_settled_invoice_closes_the_case(status: InvoiceStatus, ending: Ending) -> None:
    held = (hold(FAILED),)

    assert decided(case(about=invoice(status=status), holds=held)) == (
        "settled",
        [(ActionKind.CLOSE, ending)],
        None,
    )


@pytest.mark.parametrize("minor", [0, -500])
def test_an_open_invoice_without_an_open_amount_is_credited(minor: int) -> None:
    of = case(about=invoice(open=Money(minor, "USD")))

    assert decided(of) == ("settled", [(ActionKind.CLOSE, Ending.CREDITED)], None)


@pytest.mark.parametrize(
    ("status", "review"),
    [(InvoiceStatus.UNKNOWN, ReviewKind.INVOICE_UNKNOWN), (InvoiceStatus.DRAFT, ReviewKind.BAD_DATA)],
)
def test_an_invoice_the_ledger_does_not_vouch_for_goes_to_a_person_once(
    status: InvoiceStatus, review: ReviewKind
) -> None:
    strange = invoice(status=status, open=Money(0, "USD"))

    assert decided(case(about=strange)) == ("strange_invoice", [(ActionKind.REVIEW, review)], None)
    assert decided(case(about=strange, reviews=(review,))) == ("strange_invoice", [], None)


def test_a_closed_case_is_left_alone() -> None:
    of = case(status=CaseStatus.CLOSED, about=invoice(status=InvoiceStatus.PAID))

    assert decided(of) == ("closed", [], None)


def test_a_chargeback_holds_the_case_and_asks_a_person_once() -> None:
    of = case(about=invoice(charged_back=True))

    rule, actions, next_look = decided(of)
    placed = decide(of, POLICY, SOON).actions[0].hold

    assert (rule, next_look) == ("chargeback", None)
    assert actions == [(ActionKind.HOLD, HoldKind.DISPUTE), (ActionKind.REVIEW, ReviewKind.CHARGEBACK)]
    assert placed == Hold(
        HoldKind.DISPUTE, HoldScope.CASE, SOON, None, "chargeback reported by the ledger", "dunwell"
    )
    assert decided(replace(of, reviews=(ReviewKind.CHARGEBACK,)))[1] == [(ActionKind.HOLD, HoldKind.DISPUTE)]
    assert decided(replace(of, holds=(placed,))) == ("on_hold", [], None)


@pytest.mark.parametrize(
    ("rail", "says"),
    [
        (Rail.CARD, "The card network took a payment back (chargeback)."),
        (
            Rail.BANK_DEBIT,
            "The bank returned the debit after it had settled, so the payment was clawed back.",
        ),
        (Rail.OTHER, "A payment was taken back (chargeback)."),
    ],
)
def test_a_payment_taken_back_says_by_whom_and_does_not_count_as_paid(rail: Rail, says: str) -> None:
    of = case(about=invoice(status=InvoiceStatus.PAID, open=Money(0, "USD"), charged_back=True, rail=rail))

    decision = decide(of, POLICY, SOON)

    assert (decision.rule, decision.because) == ("chargeback", says)
    assert {action.because for action in decision.actions} == {says}


def test_an_invoice_voided_after_its_payment_was_taken_back_ends_the_case() -> None:
    of = case(about=invoice(status=InvoiceStatus.VOID, charged_back=True))

    assert decided(of)[0] == "settled"


def test_a_second_chargeback_after_the_case_was_reopened_is_held_anew() -> None:
    first = hold(FAILED, None, HoldKind.DISPUTE, ended_at=SOON, reason="chargeback reported by the ledger")
    paid = invoice(status=InvoiceStatus.PAID, open=Money(0, "USD"), charged_back=True)
    of = case(about=paid, holds=(first,), status=CaseStatus.REVIEW, reopened_at=SOON + days(30))

    rule, actions, _ = decided(of, SOON + days(30))

    assert rule == "chargeback"
    assert actions == [(ActionKind.HOLD, HoldKind.DISPUTE), (ActionKind.REVIEW, ReviewKind.CHARGEBACK)]


def test_a_chargeback_whose_hold_was_released_still_keeps_the_case_silent() -> None:
    released = hold(FAILED, None, HoldKind.DISPUTE, ended_at=SOON, reason="chargeback reported by the ledger")
    of = case(about=invoice(charged_back=True), holds=(released,))

    assert decided(of, SOON + days(30)) == ("chargeback", [], None)


def test_holds_silence_the_case_until_the_last_one_ends_and_the_first_end_is_looked_at() -> None:
    of = case(holds=(hold(FAILED, SOON + days(5)), hold(FAILED, SOON + days(3), HoldKind.PROMISE)))

    decision = decide(of, POLICY, SOON)

    assert decided(of) == ("on_hold", [], SOON + days(3))
    assert (
        decision.because == "The case is on hold (pause and promise) until 2026-04-12 10:05 America/New_York."
    )
    endless = replace(of, holds=(*of.holds, hold(FAILED)))
    assert decided(endless) == ("on_hold", [], SOON + days(3))
    assert decide(endless, POLICY, SOON).because == (
        "The case is on hold (pause and promise) until a person ends it."
    )
    assert decided(case(holds=(hold(FAILED),))) == ("on_hold", [], None)


def test_a_hold_that_ran_out_resumes_and_says_what_happens_next_without_doing_it() -> None:
    pause = hold(SOON, utc("2026-04-20 14:05"))
    of = case(messages=(NOTICE,), holds=(pause,))

    decision = decide(of, POLICY, utc("2026-04-20 14:05"))

    # The pause lasted 13 days; 7 + 13 + 3 is Thursday 23 April.
    because = (
        "The pause hold has run out. Next: The reminder waits until 2026-04-23 09:00 America/New_York: 3 days after "
        f"the failed payment and 13.0 days on hold, {WHY_NORMAL_IN_NEW_YORK}."
    )
    assert decision.actions == (Action(ActionKind.RESUME, because, hold=pause),)
    assert (decision.rule, decision.next_look) == ("hold_over", utc("2026-04-23 13:00"))


def test_a_hold_found_over_long_after_its_end_does_not_send_that_day_either() -> None:
    of = case(messages=(NOTICE,), holds=(hold(SOON, utc("2026-04-08 14:05")),))

    assert decided(of, utc("2026-05-05 15:00")) == (
        "hold_over",
        [(ActionKind.RESUME, HoldKind.PAUSE)],
        utc("2026-05-06 13:00"),
    )


def test_a_broken_promise_also_goes_to_a_person_once() -> None:
    promise = hold(utc("2026-04-08 10:00"), utc("2026-04-18 03:59"), HoldKind.PROMISE)
    of = case(messages=(NOTICE,), holds=(promise,))
    now = utc("2026-04-18 03:59")

    assert decided(of, now) == (
        "hold_over",
        [(ActionKind.RESUME, HoldKind.PROMISE), (ActionKind.REVIEW, ReviewKind.BROKEN_PROMISE)],
        utc("2026-04-20 13:00"),
    )
    assert decided(replace(of, reviews=(ReviewKind.BROKEN_PROMISE,)), now)[1] == [
        (ActionKind.RESUME, HoldKind.PROMISE)
    ]


def test_a_promise_kept_closes_the_case() -> None:
    promise = hold(SOON, utc("2026-04-18 03:59"), HoldKind.PROMISE)
    of = case(about=invoice(status=InvoiceStatus.PAID), holds=(promise,))

    assert decided(of, utc("2026-04-18 04:00"))[1] == [(ActionKind.CLOSE, Ending.RECOVERED)]


def test_every_hold_that_ran_out_is_resumed_in_one_decision() -> None:
    of = case(
        messages=(NOTICE,), holds=(hold(SOON, SOON + days(1)), hold(SOON, SOON + days(2), HoldKind.VETO))
    )

    assert decided(of, SOON + days(2))[1] == [
        (ActionKind.RESUME, HoldKind.PAUSE),
        (ActionKind.RESUME, HoldKind.VETO),
    ]


def test_a_hold_that_runs_out_on_a_case_that_needs_a_person_is_looked_at_again_at_once() -> None:
    of = case(track=None, holds=(hold(SOON, SOON + days(1)),))
    now = SOON + days(1)

    assert decided(of, now) == ("hold_over", [(ActionKind.RESUME, HoldKind.PAUSE)], now)


def test_a_case_whose_track_is_unknown_goes_to_a_person_once() -> None:
    asked = (ReviewKind.MRR_UNKNOWN,)

    assert decided(case(track=None)) == (
        "track_unknown",
        [(ActionKind.REVIEW, ReviewKind.MRR_UNKNOWN)],
        None,
    )
    assert decided(case(track=None, reviews=asked)) == ("track_unknown", [], None)


def test_a_known_mrr_without_a_threshold_is_not_called_unknown() -> None:
    month = Money(900_000, "ISK")
    of = customer(mrr=Mrr((month, month, month), "NetSuite"))

    decision = decide(case(track=None, of=of), POLICY, SOON)

    assert decision.rule == "track_unknown"
    assert decision.because == "The MRR is in ISK, for which the policy has no threshold."


@pytest.mark.parametrize("status", [CaseStatus.REVIEW, CaseStatus.ESCALATED])
def test_a_case_on_a_person_s_desk_is_silent(status: CaseStatus) -> None:
    assert decided(case(status=status), SOON + days(40)) == ("with_a_person", [], None)


@pytest.mark.parametrize(
    ("contact", "because"),
    [
        (None, "No contact is known for this customer."),
        (Contact("Dana", "dana at acme"), "The contact's address is not an e-mail address."),
        (Contact("Dana", "dana@acme.example", deliverable=False), "Mail to the contact came back."),
    ],
)
def test_a_customer_nobody_can_write_to_goes_to_a_person_once(contact: Contact | None, because: str) -> None:
    of = case(of=customer(contact=contact))

    assert decided(of) == ("no_contact", [(ActionKind.REVIEW, ReviewKind.NO_CONTACT)], None)
    assert decide(of, POLICY, SOON).because == because
    assert decided(replace(of, reviews=(ReviewKind.NO_CONTACT,))) == ("no_contact", [], None)


def test_a_payment_under_way_keeps_the_case_silent_for_a_day() -> None:
    assert decided(case(about=invoice(in_flight=True))) == ("in_flight", [], SOON + days(1))


def test_a_payment_under_way_for_two_weeks_is_asked_about_once_and_looked_at_every_day() -> None:
    of = case(about=invoice(in_flight=True, in_flight_since=SOON))
    late = SOON + days(14)
    ask = ("in_flight", [(ActionKind.REVIEW, ReviewKind.GATE_CLOSED)], late + days(1))

    assert decided(of, late - days(1 / 24)) == ("in_flight", [], late - days(1 / 24) + days(1))
    assert decided(of, late) == ask
    action = decide(of, POLICY, late).actions[0]
    assert (action.review, action.because) == (
        ReviewKind.GATE_CLOSED,
        "A payment has been under way for 14 days.",
    )
    waiting = replace(of, reviews=(ReviewKind.GATE_CLOSED,))
    assert decided(waiting, late + days(1)) == ("in_flight", [], late + days(2))
    settled = replace(of, gate_told_at=late)
    assert decided(settled, late + days(9)) == ("in_flight", [], late + days(10))
    told_of_another = replace(of, gate_told_at=SOON)
    assert decided(told_of_another, late) == ask


def test_a_payment_first_seen_under_way_by_its_attempt_counts_from_there() -> None:
    tries = [
        Attempt(SOON - days(9), AttemptTrigger.STRIPE, AttemptOutcome.PROCESSING),
        Attempt(SOON, AttemptTrigger.RETRY, AttemptOutcome.PROCESSING),
        Attempt(SOON + days(1), AttemptTrigger.RETRY, AttemptOutcome.DECLINED),
    ]
    of = case(about=invoice(in_flight=True), attempts=tuple(tries))

    assert decided(of, SOON + days(13))[1] == []
    assert decided(of, SOON + days(14))[1] == [(ActionKind.REVIEW, ReviewKind.GATE_CLOSED)]
    assert decided(replace(of, attempts=()), SOON + days(90))[1] == []


@pytest.mark.parametrize("state", [MessageState.QUEUED, MessageState.CLAIMED, MessageState.HANDING_OVER])
def test_nothing_is_added_to_a_message_on_its_way(state: MessageState) -> None:
    of = case(messages=(sent(Stage.NOTICE, SOON, state),))

    assert decided(of, SOON + days(9)) == ("on_its_way", [], SOON + days(9) + days(1 / 24))


@pytest.mark.parametrize("state", [MessageState.UNKNOWN, MessageState.REFUSED])
def test_a_message_in_doubt_is_never_sent_again(state: MessageState) -> None:
    of = case(messages=(NOTICE, sent(Stage.REMINDER, REMINDER.at, state)))

    assert decided(of, SOON + days(30)) == ("in_doubt", [], None)


def test_a_message_the_gate_stopped_is_still_to_send() -> None:
    of = case(messages=(sent(Stage.NOTICE, SOON, MessageState.STOPPED),))

    assert decided(of)[1] == [(ActionKind.SEND, Stage.NOTICE)]


def test_a_contact_written_to_about_another_invoice_is_spared_for_two_days() -> None:
    written = utc("2026-04-09 15:00")
    of = case(messages=(NOTICE,), payer_written_at=written)

    assert decided(of, utc("2026-04-10 13:00")) == (
        "payer_cap",
        [(ActionKind.SKIP, Stage.REMINDER)],
        utc("2026-04-13 13:00"),  # Saturday 11:00 moves to Monday
    )
    assert decided(of, utc("2026-04-13 13:00"))[1] == [(ActionKind.SEND, Stage.REMINDER)]


def test_the_cap_holds_back_a_first_notice_too_but_not_into_the_window() -> None:
    of = case(payer_written_at=FAILED - days(1))

    assert decided(of) == ("payer_cap", [(ActionKind.SKIP, Stage.NOTICE)], FAILED + days(1))
    assert decided(case(payer_written_at=SOON - days(2)))[1] == [(ActionKind.SEND, Stage.NOTICE)]


def test_handing_over_does_not_wait_for_the_cap_only_its_mail_is_left_out() -> None:
    of = case(messages=(NOTICE, REMINDER, DIRECT, FINAL), payer_written_at=utc("2026-04-28 12:00"))
    now = utc("2026-04-28 13:00")

    decision = decide(of, POLICY, now)

    assert decided(of, now) == (
        "escalate",
        [
            (ActionKind.ESCALATE, Stage.ESCALATION),
            (ActionKind.REVIEW, Stage.ESCALATION),
            (ActionKind.SKIP, Stage.ESCALATION),
        ],
        None,
    )
    assert decision.actions[-1].because == (
        "The escalation goes without a mail: the contact was written to in another case less than 2 days ago. "
        "A person takes over."
    )
    free = replace(of, payer_written_at=now - days(2))
    assert (ActionKind.SEND, Stage.ESCALATION) in decided(free, now)[1]


def test_the_cap_does_not_hold_back_a_call() -> None:
    of = case(
        of=customer(strategic=True),
        messages=(NOTICE, REMINDER, DIRECT, FINAL),
        payer_written_at=utc("2026-04-28 12:00"),
    )

    assert decided(of, utc("2026-04-28 13:00"))[0] == "escalate"


def test_an_invoice_that_only_passed_its_due_date_says_so() -> None:
    of = case(failed_at=None, messages=(NOTICE,))

    assert (
        "3 days after the invoice was found past due" in decide(of, POLICY, utc("2026-04-08 12:00")).because
    )


def test_every_decision_names_its_rule_and_the_silent_rules_before_it() -> None:
    decision = decide(case(), POLICY, SOON)

    assert decision.rule == "send"
    assert tuple(silence.rule for silence in decision.considered) == rule_names(Track.STANDARD)[:-1]
    assert [silence.why for silence in decision.considered[:3]] == [
        "the case is not closed",
        "money is still open",
        "the ledger knows the invoice",
    ]


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(NaiveTimeError):
        decide(case(), POLICY, SOON.replace(tzinfo=None))


def test_asking_a_stage_s_rule_about_a_case_without_a_stage_left_is_misuse() -> None:
    everything = tuple(sent(stage, SOON) for stage in Stage)

    with pytest.raises(NothingLeftError):
        send(case(messages=everything), POLICY, SOON)


def test_an_explanation_lists_the_facts_the_rule_and_the_rules_not_asked() -> None:
    tried = Attempt(FAILED, AttemptTrigger.STRIPE, AttemptOutcome.DECLINED, "pm_1", "insufficient_funds")
    of = case(messages=(NOTICE,), holds=(hold(FAILED),), attempts=(tried,), reviews=(ReviewKind.REPLY,))

    said = explain(of, POLICY, SOON)

    assert said.decision == decide(of, POLICY, SOON)
    assert said.at == SOON
    assert (said.decision.rule, said.not_asked[0], said.not_asked[-1]) == ("on_hold", "hold_over", "send")
    assert [*(s.rule for s in said.decision.considered), "on_hold", *said.not_asked] == list(
        rule_names(of.track)
    )
    assert said.facts == (
        ("policy", POLICY.version),
        ("track", "standard"),
        ("status", "open"),
        ("invoice", "INV-1, USD 1,200.00 open, open, card"),
        ("failed", "2026-04-07T14:03:00+00:00"),
        ("reason", "There was not enough money. (insufficient_funds, soft)"),
        ("anchor", "2026-04-07T14:03:00+00:00"),
        ("band", "normal: 10 months of tenure, 9 of 10 invoices on time"),
        ("zone", "America/New_York: from the billing address, US-NY"),
        ("calendar", "working days of US-NY"),
        ("contact", "dana@acme.example"),
        ("collection", "stripe"),
        ("message notice", "sent at 2026-04-07T14:05:00+00:00"),
        ("hold pause", "case, from 2026-04-07T14:03:00+00:00 to an open end"),
        ("attempt stripe", "declined at 2026-04-07T14:03:00+00:00 insufficient_funds"),
        ("review", "reply"),
    )


def test_an_explanation_of_a_case_that_knows_little_still_works() -> None:
    of = case(track=None, failed_at=None, reason=None, of=customer(contact=None, record=None))

    facts = dict(explain(of, POLICY, SOON).facts)

    assert facts["track"] == "unknown"
    assert facts["failed"] == "never: past its due date"
    assert facts["reason"] == "none"
    assert facts["contact"] == "none"
    assert facts["band"] == "tight: nothing is known about how they pay"


def test_a_case_as_of_a_moment_forgets_what_came_later() -> None:
    tried = Attempt(FAILED, AttemptTrigger.STRIPE, AttemptOutcome.DECLINED)
    again = Attempt(FAILED + days(8), AttemptTrigger.NEW_METHOD, AttemptOutcome.DECLINED)
    released = hold(FAILED + days(1), None, ended_at=FAILED + days(5))
    later = hold(FAILED + days(6))
    of = case(
        messages=(NOTICE, REMINDER, DIRECT),
        holds=(released, later),
        attempts=(tried, again),
        payer_written_at=FAILED + days(9),
    )

    then = as_of(of, FAILED + days(4))

    assert then == replace(
        of,
        messages=(NOTICE, REMINDER),
        holds=(replace(released, ended_at=None),),
        attempts=(tried,),
        payer_written_at=None,
    )
    assert decided(then, FAILED + days(4))[0] == "on_hold"
    assert as_of(of, FAILED + days(20)) == of
