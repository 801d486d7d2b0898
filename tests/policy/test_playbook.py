"""The seven steps as people see them, and what stands in their calendars (spec 1.2)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dunwell.policy.facts import Case, Collection, Contact, LedgerFacts, Reason
from dunwell.policy.money import Money
from dunwell.policy.playbook import Step, StepState, playbook
from dunwell.policy.policy import default_policy
from dunwell.policy.upcoming import PlannedKind, upcoming
from dunwell.policy.words import (
    ActionKind,
    AttemptTrigger,
    CaseStatus,
    CollectionOwner,
    HoldKind,
    LetterState,
    RetryClass,
    ReviewKind,
    Stage,
    Track,
)
from tests.policy.cases import (
    FAILED,
    GATHERED,
    OURS,
    case,
    days,
    hold,
    invoice,
    large,
    letter,
    personal,
    sent,
    tried,
    utc,
)

POLICY = default_policy()
SOON = utc("2026-04-07 14:05")
WEDNESDAY = utc("2026-04-08 14:00")
STRIPES = tried(FAILED, AttemptTrigger.STRIPE)
RETRIED = personal(ledger=GATHERED, attempts=(STRIPES, tried(WEDNESDAY)))
HARD = Reason("lost_card", RetryClass.HARD, "The bank did not approve the charge.")
DONE, NOW, WAITING, FAILS = StepState.DONE, StepState.NOW, StepState.WAITING, StepState.FAILED
SKIPPED, LATER = StepState.SKIPPED, StepState.LATER


def states(of: Case, now: datetime = WEDNESDAY) -> list[StepState]:
    return [step.state for step in playbook(of, POLICY, now)]


def at_step(of: Case, now: datetime = WEDNESDAY) -> Step:
    """The step the case is at."""
    return next(step for step in playbook(of, POLICY, now) if step.state not in (DONE, SKIPPED))


def with_letter(state: LetterState, **changes: object) -> Case:
    return replace(RETRIED, letters=(letter(1, state, WEDNESDAY, **changes),))


def test_there_are_seven_steps_in_order_on_the_personal_track_and_none_elsewhere() -> None:
    steps = playbook(personal(), POLICY, SOON)

    assert [(step.number, step.name) for step in steps] == [
        (1, "Gather"),
        (2, "Take over collection"),
        (3, "Manual retry"),
        (4, "Draft"),
        (5, "Send"),
        (6, "Confirm"),
        (7, "Next retry"),
    ]
    assert all(step.check for step in steps)
    assert playbook(case(), POLICY, SOON) == ()
    assert playbook(personal(track=None), POLICY, SOON) == ()


def test_a_case_goes_through_the_steps_one_by_one() -> None:
    unread = personal(ledger=LedgerFacts(None), collection=Collection())
    read = replace(unread, ledger=GATHERED)
    mine = replace(read, collection=OURS)
    rest = [LATER] * 7

    story = [
        states(unread),
        states(replace(unread, under_way=frozenset({ActionKind.GATHER}))),
        states(read),
        states(replace(read, under_way=frozenset({ActionKind.TAKE_OVER}))),
        states(mine, SOON),
        states(mine, WEDNESDAY),
        states(RETRIED),
        states(with_letter(LetterState.DRAFT)),
        states(with_letter(LetterState.APPROVED, owner_until=WEDNESDAY + days(1))),
        states(with_letter(LetterState.LEAVING)),
        states(with_letter(LetterState.SENT)),
        states(with_letter(LetterState.CONFIRMED)),
    ]

    assert story == [
        [NOW, *rest[1:]],
        [WAITING, *rest[1:]],
        [DONE, NOW, *rest[2:]],
        [DONE, WAITING, *rest[2:]],
        [DONE, DONE, WAITING, *rest[3:]],
        [DONE, DONE, NOW, *rest[3:]],
        [DONE] * 3 + [NOW, *rest[4:]],
        [DONE] * 3 + [NOW, *rest[4:]],
        [DONE] * 4 + [WAITING, *rest[5:]],
        [DONE] * 4 + [NOW, *rest[5:]],
        [DONE] * 5 + [WAITING, LATER],
        [DONE] * 6 + [WAITING],
    ]


def test_a_done_step_shows_its_evidence_and_its_time() -> None:
    of = with_letter(LetterState.CONFIRMED, to="dana@acme.example", confirmed_at=WEDNESDAY + days(1))
    of = replace(of, attempts=(*of.attempts, tried(utc("2026-04-13 14:00"))))

    steps = playbook(of, POLICY, utc("2026-04-13 14:05"))

    assert [(step.state, step.at) for step in steps] == [
        (DONE, FAILED),
        (DONE, FAILED),
        (DONE, WEDNESDAY),
        (DONE, WEDNESDAY),
        (DONE, WEDNESDAY),
        (DONE, WEDNESDAY + days(1)),
        (DONE, utc("2026-04-13 14:00")),
    ]
    assert [step.evidence for step in steps] == [
        (
            "Contact: Dana Reyes <dana@acme.example>",
            "Invoice: INV-1, USD 1,200.00 open",
            "MRR: USD 6,000.00, USD 6,000.00, USD 6,000.00 (NetSuite)",
        ),
        ("Taken over Tue 7 Apr, 10:03; last proved Tue 7 Apr, 10:03",),
        ("Retried Wed 8 Apr, 10:00: declined (insufficient_funds)",),
        ("Letter 1: signed by Valentina Wed 8 Apr, 10:00",),
        ("Letter 1: sent Wed 8 Apr, 10:00 to dana@acme.example",),
        ("Letter 1: seen Thu 9 Apr, 10:00",),
        ("Retried Mon 13 Apr, 10:00: declined (insufficient_funds)",),
    ]


@pytest.mark.parametrize(
    ("cents", "status"), [(0, CaseStatus.OPEN), (0, CaseStatus.CLOSED), (120_000, CaseStatus.CLOSED)]
)
def test_what_is_open_now_is_not_told_as_what_was_gathered_then(cents: int, status: CaseStatus) -> None:
    of = personal(about=invoice(open=Money(cents, "USD")), status=status)

    assert playbook(of, POLICY, SOON)[0].evidence[1] == "Invoice: INV-1"


FAILING = [
    (personal(of=large(contact=None), collection=Collection()), 1, "No accounts-payable contact is known"),
    (
        personal(ledger=LedgerFacts(None), reviews=(ReviewKind.LEDGER_UNREADABLE,)),
        1,
        "NetSuite cannot be read",
    ),
    (personal(collection=Collection(), reviews=(ReviewKind.SUPPRESSION,)), 2, "Stripe could not be proved"),
    (personal(about=invoice(auto_advance=True)), 2, "Stripe's own collection was switched back on"),
    (personal(reviews=(ReviewKind.CHARGE_UNKNOWN,)), 3, "Nobody knows what became of the last charge"),
    (replace(RETRIED, reviews=(ReviewKind.CHARGE_UNKNOWN,)), 3, "Nobody knows what became"),
    (replace(RETRIED, reviews=(ReviewKind.VETO,)), 4, "The relationship owner has stopped the letter"),
    (replace(RETRIED, reviews=(ReviewKind.CONTENT,)), 4, "The letter breaks a content rule"),
    (with_letter(LetterState.IN_DOUBT), 5, "Letter 1 may have left, or was refused"),
    (
        replace(with_letter(LetterState.SENT), reviews=(ReviewKind.NOT_CONFIRMED,)),
        6,
        "The mail was not found as it was sent",
    ),
]


@pytest.mark.parametrize(("of", "number", "todo"), FAILING)
def test_a_step_whose_check_failed_says_what_to_do(of: Case, number: int, todo: str) -> None:
    step = at_step(of)

    assert (step.number, step.state) == (number, FAILS)
    assert step.todo.startswith(todo)
    assert set(states(of)[number:]) <= {LATER, DONE, SKIPPED}


def test_a_retry_that_cannot_work_is_skipped_and_says_why() -> None:
    of = personal(reason=HARD)

    assert states(of)[:4] == [DONE, DONE, SKIPPED, NOW]
    assert playbook(of, POLICY, SOON)[2].evidence == ("A retry cannot work: the bank's answer was final.",)
    never_charged = personal(failed_at=None, reason=None, attempts=(), collection=Collection())
    assert states(never_charged)[:4] == [DONE, SKIPPED, SKIPPED, NOW]


def test_without_a_retry_the_last_step_names_what_follows_instead() -> None:
    of = replace(with_letter(LetterState.CONFIRMED), reason=HARD)

    step = at_step(of)

    assert (step.number, step.state, step.at) == (7, WAITING, utc("2026-04-13 14:00"))
    assert step.evidence == (
        "A retry cannot work: the bank's answer was final.",
        "A letter follows instead: 3 working days after the letter",
    )


def test_a_second_letter_takes_the_case_back_to_the_draft_and_keeps_the_evidence_of_the_first() -> None:
    out = letter(1, LetterState.CONFIRMED, WEDNESDAY)
    again = letter(2, LetterState.DRAFT, utc("2026-04-13 14:01"))
    of = replace(RETRIED, letters=(out, again), attempts=(*RETRIED.attempts, tried(utc("2026-04-13 14:00"))))

    steps = playbook(of, POLICY, utc("2026-04-13 15:00"))

    assert [step.state for step in steps] == [DONE, DONE, DONE, NOW, LATER, LATER, LATER]
    assert steps[3].todo == "Read letter 2, edit it, approve it."
    assert steps[4].evidence == ("Letter 1: sent Wed 8 Apr, 10:00",)
    assert steps[6].evidence == ("Retried Mon 13 Apr, 10:00: declined (insufficient_funds)",)


def test_a_step_waits_while_the_case_is_on_hold() -> None:
    until = WEDNESDAY + days(3)
    paused = replace(with_letter(LetterState.DRAFT), holds=(hold(FAILED, until),))
    stopped = replace(paused, holds=(hold(FAILED, until), hold(FAILED, None, HoldKind.PAYMENT_PLAN)))

    assert (at_step(paused).state, at_step(paused).at) == (WAITING, until)
    assert at_step(paused).todo == "The case is on hold (pause)."
    assert at_step(stopped).at is None
    put_off = replace(paused, holds=(hold(FAILED, until, HoldKind.VETO),))
    assert at_step(put_off).todo == "The case is on hold (put off by the owner)."
    assert at_step(stopped).todo == "The case is on hold (pause and payment plan) until somebody releases it."


def test_a_case_that_is_over_has_no_steps_left_to_do() -> None:
    for status, todo in (
        (CaseStatus.CLOSED, "The case is closed."),
        (CaseStatus.ESCALATED, "Automation has ended: call the customer."),
    ):
        steps = playbook(replace(with_letter(LetterState.SENT), status=status), POLICY, WEDNESDAY)
        assert [step.state for step in steps] == [DONE] * 5 + [SKIPPED] * 2
        assert [step.todo for step in steps][5:] == [todo] * 2


# Calendars


def planned(of: Case, now: datetime = SOON) -> list[tuple[PlannedKind, datetime]]:
    return [(each.kind, each.at) for each in upcoming(of, POLICY, now)]


LAST_DAY = (PlannedKind.LAST_DAY, utc("2026-04-28 13:00"))


def test_the_next_retry_and_the_last_day_stand_in_the_calendar() -> None:
    retry, last = upcoming(personal(), POLICY, SOON)

    assert (retry.kind, retry.at) == (PlannedKind.RETRY, WEDNESDAY)
    assert retry.what == "Retry: invoice INV-1, Acme, USD 1,200.00"
    assert retry.because == "Because of the working morning after the failure."
    assert (last.kind, last.at) == LAST_DAY


def test_the_end_of_the_owner_s_time_stands_in_the_calendar_until_they_agree() -> None:
    until = WEDNESDAY + timedelta(hours=2)
    of = with_letter(LetterState.DRAFT, owner_until=until)

    assert planned(of, WEDNESDAY) == [(PlannedKind.VETO_ENDS, until), LAST_DAY]
    assert planned(of, until) == [LAST_DAY]
    agreed = with_letter(LetterState.APPROVED, owner_until=until, owner_agreed_at=WEDNESDAY)
    assert planned(agreed, WEDNESDAY) == [LAST_DAY]


def test_after_a_letter_the_next_retry_or_letter_is_planned() -> None:
    out = with_letter(LetterState.CONFIRMED)
    step = utc("2026-04-13 14:00")

    assert planned(out, WEDNESDAY) == [(PlannedKind.RETRY, step), LAST_DAY]
    assert planned(replace(out, reason=HARD), WEDNESDAY) == [(PlannedKind.LETTER, step), LAST_DAY]
    assert planned(replace(out, under_way=frozenset({ActionKind.RETRY})), WEDNESDAY) == [LAST_DAY]


def test_an_agreed_date_moves_the_entry_while_the_case_still_waits_for_it() -> None:
    until = utc("2026-04-18 03:59")  # Friday
    promise = hold(utc("2026-04-09 12:00"), until, HoldKind.PROMISE)
    of = replace(with_letter(LetterState.CONFIRMED), holds=(promise,))

    assert planned(of, utc("2026-04-10 12:00"))[0] == (PlannedKind.RETRY, utc("2026-04-20 14:00"))


def test_nothing_is_planned_for_a_case_that_waits_for_people() -> None:
    nothing = [
        personal(holds=(hold(FAILED),)),
        personal(track=None),
        *(personal(status=status) for status in CaseStatus if status is not CaseStatus.OPEN),
    ]

    assert [planned(of) for of in nothing] == [[]] * len(nothing)
    assert planned(with_letter(LetterState.IN_DOUBT), WEDNESDAY) == [LAST_DAY]


def test_the_standard_track_plans_its_own_retries_and_its_last_stage() -> None:
    mine = Collection(CollectionOwner.DUNWELL, FAILED, FAILED)
    of = personal(track=Track.STANDARD, collection=mine, messages=(sent(Stage.NOTICE, SOON),))

    assert planned(of) == [(PlannedKind.RETRY, WEDNESDAY), LAST_DAY]
    assert planned(replace(of, collection=Collection())) == [LAST_DAY]
    everything = tuple(sent(stage, SOON) for stage in Stage)
    assert planned(replace(of, collection=Collection(), messages=everything)) == []
    assert planned(personal(of=large(contact=Contact("Dana Reyes", "x")), collection=OURS))[-1] == LAST_DAY
