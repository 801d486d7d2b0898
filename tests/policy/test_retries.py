"""Retries of ours: whether, when and with what (spec 3)."""

from dataclasses import replace
from datetime import datetime

import pytest

from dunwell.policy.decide import decide
from dunwell.policy.facts import Case, Collection, Instrument, Reason
from dunwell.policy.policy import default_policy, parse_policy
from dunwell.policy.retries import next_retry, no_retry_because
from dunwell.policy.words import (
    ActionKind,
    AttemptTrigger,
    CaseStatus,
    HoldKind,
    MessageState,
    Rail,
    RetryClass,
    ReviewKind,
    Stage,
    Track,
)
from tests.policy.cases import FAILED, OURS, case, days, hold, invoice, personal, sent, tried, utc

POLICY = default_policy()
MINE = parse_policy('[track]\ncollection = "dunwell"')
SOON = utc("2026-04-07 14:05")
NOTICE = sent(Stage.NOTICE, SOON)
STRIPES = tried(FAILED, AttemptTrigger.STRIPE)
DAY_1, DAY_3 = utc("2026-04-08 14:00"), utc("2026-04-10 14:00")


def standard(**changes: object) -> Case:
    """A standard case whose collection is ours, after the notice."""
    return personal(**({"track": Track.STANDARD, "messages": (NOTICE,), "attempts": (STRIPES,)} | changes))


def decided(of: Case, now: datetime) -> tuple[str, list[tuple[ActionKind, object]], datetime | None]:
    decision = decide(of, MINE, now)
    actions: list[tuple[ActionKind, object]] = [
        (action.kind, action.stage or action.method) for action in decision.actions
    ]
    return decision.rule, actions, decision.next_look


REFUSED = [
    ({"collection": Collection()}, "collection is not ours"),
    ({"collection": replace(OURS, proved_at=None)}, "collection is not ours"),
    ({"failed_at": None}, "no charge has failed"),
    ({"reason": Reason("lost_card", RetryClass.HARD, "Said.")}, "the bank's answer was final"),
    (
        {"reason": Reason("authentication_required", RetryClass.ACTION, "Said.")},
        "the customer has to do something first",
    ),
    ({"reviews": (ReviewKind.CHARGE_UNKNOWN,)}, "nobody knows yet what became of the last charge"),
    ({"instrument": None}, "no payment method is known"),
    ({"instrument": Instrument("")}, "no payment method is known"),
    ({"attempts": (STRIPES,) * 8}, "8 charges of the invoice have been tried"),
    ({"instrument": Instrument("pm_1", recent_tries=15)}, "the card was tried 15 times in 30 days"),
]


@pytest.mark.parametrize(("changes", "why_not"), REFUSED)
def test_a_retry_that_must_not_be_made_says_why(changes: dict[str, object], why_not: str) -> None:
    assert no_retry_because(personal(**changes), POLICY) == why_not
    assert no_retry_because(standard(**changes), POLICY) == why_not
    assert next_retry(standard(**changes), POLICY, DAY_1) is None


def test_a_retry_below_every_ceiling_may_be_made() -> None:
    below = personal(attempts=(STRIPES,) * 7, instrument=Instrument("pm_1", recent_tries=14))

    assert no_retry_because(below, POLICY) is None
    assert no_retry_because(personal(reason=None), POLICY) is None


def debit(code: str, represented: int = 0) -> Case:
    return personal(
        about=invoice(rail=Rail.BANK_DEBIT),
        reason=Reason(code, RetryClass.SOFT, "There was not enough money."),
        instrument=Instrument("ba_1", recent_tries=20, represented=represented),
    )


@pytest.mark.parametrize(
    ("code", "represented", "why_not"),
    [
        ("R01", 0, None),
        ("R09", 1, None),
        ("insufficient_funds", 1, None),  # Stripe's word for both
        ("R01", 2, "the debit was presented again 2 times in 180 days"),
        ("generic_could_not_process", 0, "a bank debit returned for this reason is not presented again"),
        ("", 0, "a bank debit returned for this reason is not presented again"),
    ],
)
def test_a_bank_debit_is_presented_again_twice_and_only_for_want_of_money(
    code: str, represented: int, why_not: str | None
) -> None:
    assert no_retry_because(debit(code, represented), POLICY) == why_not


def test_the_standard_track_takes_over_first_when_the_policy_says_so() -> None:
    of = standard(collection=Collection(), messages=())

    assert decided(of, SOON) == ("take_over", [(ActionKind.TAKE_OVER, None)], SOON + days(1))
    assert decide(of, POLICY, SOON).rule == "send"
    assert decided(standard(messages=()), SOON)[:2] == ("send", [(ActionKind.SEND, Stage.NOTICE)])


def test_the_standard_track_retries_in_the_morning_between_its_mails() -> None:
    of, now, story = standard(messages=()), SOON, []
    while of.status is CaseStatus.OPEN and now < utc("2026-04-17 00:00"):
        decision = decide(of, MINE, now)
        for action in decision.actions:
            story.append(f"{now:%a %d %H:%M} {action.stage or action.kind.value}")
            if action.kind is ActionKind.RETRY:
                of = replace(of, attempts=(*of.attempts, tried(now)))
            elif action.stage is not None:
                of = replace(of, messages=(*of.messages, sent(action.stage, now)))
        assert decision.next_look is not None
        now = now if any(each.kind is ActionKind.RETRY for each in decision.actions) else decision.next_look

    assert story == [
        "Tue 07 14:05 notice",
        "Wed 08 14:00 retry",  # day 1
        "Fri 10 13:00 reminder",
        "Fri 10 14:00 retry",  # day 3
        "Mon 13 14:00 retry",  # day 5 is a Sunday
        "Tue 14 13:00 direct",
        "Tue 14 14:00 retry",  # day 7
    ]


def test_the_next_look_is_the_earlier_of_stage_and_retry() -> None:
    of = standard()

    assert decided(of, SOON) == ("too_early", [], DAY_1)
    after_one = replace(of, attempts=(STRIPES, tried(DAY_1)))
    assert decided(after_one, DAY_1) == ("too_early", [], utc("2026-04-10 13:00"))
    hard = replace(of, reason=Reason("lost_card", RetryClass.HARD, "Said."))
    assert decided(hard, SOON) == ("too_early", [], utc("2026-04-10 13:00"))
    capped = replace(of, payer_written_at=utc("2026-04-10 12:00"), attempts=(STRIPES, tried(DAY_1)))
    assert decided(capped, utc("2026-04-10 13:00"))[::2] == ("payer_cap", DAY_3)


def test_a_mail_in_doubt_does_not_stop_the_retries() -> None:
    doubtful = sent(Stage.REMINDER, utc("2026-04-08 13:00"), MessageState.UNKNOWN)
    of = standard(messages=(NOTICE, doubtful))

    assert decided(of, DAY_1 - days(0.1)) == ("in_doubt", [], DAY_1)
    assert decided(of, DAY_1)[:2] == ("retry", [(ActionKind.RETRY, "pm_1")])


def test_retries_missed_in_downtime_are_made_one_a_morning() -> None:
    of = standard()
    late = utc("2026-04-14 20:00")

    assert next_retry(of, MINE, late) == DAY_1
    assert decide(of, MINE, late).rule == "send"  # the afternoon: the mail that is due, no retry
    assert decided(of, utc("2026-04-15 14:30"))[0] == "retry"
    once = replace(of, attempts=(STRIPES, tried(utc("2026-04-15 14:30"))))
    assert next_retry(once, MINE, late) == utc("2026-04-16 14:00")


def test_time_on_hold_moves_the_retries_and_none_is_made_on_the_day_it_ended() -> None:
    pause = hold(SOON, SOON + days(6), ended_at=SOON + days(6))  # Monday 13 April
    of = standard(holds=(pause,))

    assert next_retry(of, MINE, SOON + days(6)) == utc("2026-04-14 14:00")
    assert decided(standard(holds=(hold(SOON, None, HoldKind.REPLY),)), DAY_1) == ("on_hold", [], None)


def test_after_the_last_day_of_the_policy_nothing_is_retried() -> None:
    made = tuple(tried(FAILED + days(day)) for day in (1, 3, 5, 7))

    assert next_retry(standard(attempts=(STRIPES, *made)), MINE, FAILED + days(9)) is None


def test_a_try_of_the_customer_s_takes_none_of_ours_away() -> None:
    theirs = tried(utc("2026-04-07 20:00"), AttemptTrigger.NEW_METHOD)

    assert next_retry(standard(attempts=(STRIPES, theirs)), MINE, SOON) == DAY_1


def test_two_retries_never_share_a_morning() -> None:
    friday = utc("2026-04-10 14:03")
    of = standard(anchor=friday, failed_at=friday, attempts=())
    monday = utc("2026-04-13 14:00")  # day 1 is a Saturday, day 3 the Monday

    assert next_retry(of, MINE, friday) == monday
    assert next_retry(replace(of, attempts=(tried(monday),)), MINE, monday) == monday + days(1)


def test_nothing_is_retried_while_a_charge_is_under_way() -> None:
    moving = standard(under_way=frozenset({ActionKind.RETRY}))

    assert decided(moving, DAY_1) == ("in_flight", [], DAY_1 + days(1))
    assert decided(standard(about=invoice(in_flight=True)), DAY_1)[0] == "in_flight"


def test_drift_stops_the_standard_track_too() -> None:
    of = standard(about=invoice(auto_advance=True))

    assert decide(of, MINE, DAY_1).actions[0].review is ReviewKind.DRIFT


def test_without_taking_over_the_standard_track_retries_nothing() -> None:
    of = case(messages=(NOTICE,), instrument=Instrument("pm_1"))

    assert decide(of, POLICY, DAY_1).rule == "too_early"
    assert next_retry(of, POLICY, DAY_1) is None
