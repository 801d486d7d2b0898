"""Payment plans: what makes one, when a part is looked for, and what follows when it does not come (spec 7)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.decide import as_of, decide, explain
from dunwell.policy.facts import Case, Hold
from dunwell.policy.money import Money
from dunwell.policy.plans import (
    MOST_PARTS,
    BadPlanError,
    as_plan,
    ended_plan,
    equal_parts,
    looked_for_at,
    with_left,
)
from dunwell.policy.policy import default_policy
from dunwell.policy.words import ActionKind, CaseStatus, HoldKind, MessageState, ReviewKind, Stage
from tests.policy.cases import FAILED, case, customer, days, hold, invoice, sent, utc

POLICY = default_policy()
OWED = Money(120_000, "USD")
AGREED = utc("2026-04-14 15:00")
TODAY = date(2026, 4, 14)


def part(day: str, minor: int = 40_000) -> tuple[date, Money]:
    return date.fromisoformat(day), Money(minor, "USD")


THREE = (part("2026-05-01"), part("2026-06-01"), part("2026-07-01"))


def plan(parts: Sequence[tuple[date, Money]] = THREE) -> Hold:
    return replace(hold(AGREED, None, HoldKind.PAYMENT_PLAN), instalments=with_left(parts))


def planned(minor: int, *holds: Hold, in_flight: bool = False) -> Case:
    """A case whose notice and reminder are out, in a plan, with so much still open."""
    about = invoice(open=Money(minor, "USD"), in_flight=in_flight)
    messages = (sent(Stage.NOTICE, FAILED), sent(Stage.REMINDER, utc("2026-04-10 13:00")))
    return case(about=about, messages=messages, holds=(*holds, plan()))


def test_each_part_says_how_much_may_still_be_open_after_it() -> None:
    parts = as_plan(THREE, OWED, TODAY)

    assert [each.left.minor for each in parts] == [80_000, 40_000, 0]


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ((), "A plan needs at least one part."),
        ((part("2026-04-13", 120_000),), "The first part must not lie in the past."),
        ((part("2036-04-13", 120_000),), "The last part is more than three years away. Check the year."),
        ((part("2026-06-01", 60_000), part("2026-05-01", 60_000)), "due after the one before it"),
        ((part("2026-05-01", 60_000), part("2026-05-01", 60_000)), "due after the one before it"),
        ((part("2026-05-01", 0), part("2026-06-01", 120_000)), "Each part must be above zero."),
        (THREE[:2], "The parts come to USD 800.00, but USD 1,200.00 is open."),
        (((date(2026, 5, 1), Money(120_000, "EUR")),), "The invoice is in USD; so are its parts."),
        (tuple(part(f"2026-05-{day:02}", 1) for day in range(1, 26)), "A plan has at most 24 parts."),
    ],
)
def test_parts_that_make_no_plan_are_refused_with_the_reason(
    parts: tuple[tuple[date, Money], ...], problem: str
) -> None:
    with pytest.raises(BadPlanError, match=problem):
        as_plan(parts, OWED, TODAY)


def test_equal_parts_add_up_and_fall_on_working_days_of_the_customer() -> None:
    parts = equal_parts(Money(100_000, "USD"), 3, date(2026, 5, 31), 1, customer(), POLICY)

    # 31 May is a Sunday; June has 30 days; 31 July is a Friday.
    assert [day.isoformat() for day, _ in parts] == ["2026-06-01", "2026-06-30", "2026-07-31"]
    assert [amount.minor for _, amount in parts] == [33_334, 33_333, 33_333]


def test_weekly_parts_move_past_a_holiday() -> None:
    parts = equal_parts(OWED, 2, date(2026, 6, 26), 0, customer(), POLICY)

    # 3 July is the day on which Independence Day is kept in 2026.
    assert [day.isoformat() for day, _ in parts] == ["2026-06-26", "2026-07-06"]


@pytest.mark.parametrize("count", [0, -1, MOST_PARTS + 1])
def test_a_number_of_parts_that_makes_no_plan_is_refused(count: int) -> None:
    with pytest.raises(BadPlanError, match="Choose 1 to 24 parts"):
        equal_parts(OWED, count, TODAY, 1, customer(), POLICY)


@given(
    st.integers(MOST_PARTS, 10**9),
    st.integers(1, MOST_PARTS),
    st.dates(TODAY, date(2028, 12, 31)),
    st.integers(1, 1),
)
def test_what_is_generated_is_always_a_plan(minor: int, count: int, first: date, months: int) -> None:
    owed = Money(minor, "USD")
    parts = equal_parts(owed, count, first, months, customer(), POLICY)
    if parts[-1][0] <= TODAY + timedelta(days=1000):
        assert as_plan(parts, owed, TODAY)[-1].left.minor == 0


def test_a_kept_plan_is_silent_until_the_next_part_is_looked_for() -> None:
    decision = decide(planned(80_000), POLICY, utc("2026-05-02 13:00"))

    assert (decision.rule, decision.actions) == ("on_hold", ())
    assert decision.next_look == utc("2026-06-02 03:59")
    assert decision.because == (
        "The case is on hold (payment plan) as long as every part comes. "
        "The next part, USD 400.00, is due on 2026-06-01."
    )


def test_a_part_may_come_until_its_local_day_ends() -> None:
    just_before = utc("2026-05-02 03:58")

    assert decide(planned(120_000), POLICY, just_before).actions == ()
    assert decide(planned(120_000), POLICY, just_before).next_look == utc("2026-05-02 03:59")


def test_a_part_that_does_not_come_breaks_the_plan_and_the_next_stage_leaves_in_the_morning() -> None:
    midnight, morning = utc("2026-06-02 03:59"), utc("2026-06-02 13:00")

    decision = decide(planned(80_000), POLICY, midnight)

    resume, review = decision.actions
    assert decision.rule == "plan_watch"
    assert (resume.kind, review.kind, review.review) == (
        ActionKind.RESUME,
        ActionKind.REVIEW,
        ReviewKind.BROKEN_PROMISE,
    )
    assert decision.next_look == morning
    assert resume.hold is not None
    assert resume.hold.until == midnight
    after = planned(80_000)
    after = replace(after, holds=ended_plan(after.holds, resume.hold, midnight))
    following = decide(after, POLICY, morning)
    assert [action.stage for action in following.actions] == [Stage.DIRECT]
    assert "the morning after a broken plan" in following.because


def test_a_plan_that_a_person_ended_is_not_a_broken_one() -> None:
    released = replace(plan(), ended_at=utc("2026-05-20 13:00"))

    decision = decide(replace(planned(120_000), holds=(released,)), POLICY, utc("2026-06-02 13:00"))

    assert decision.rule != "plan_watch"
    assert "broken" not in decision.because


def test_money_under_way_is_given_a_day() -> None:
    late = utc("2026-06-02 03:59")

    decision = decide(planned(80_000, in_flight=True), POLICY, late)

    assert (decision.actions, decision.next_look) == ((), late + days(1))


def test_money_under_way_for_two_weeks_keeps_no_plan() -> None:
    of = planned(80_000, in_flight=True)
    of = replace(of, invoice=replace(of.invoice, in_flight_since=utc("2026-05-30 12:00")))

    assert decide(of, POLICY, utc("2026-06-13 11:59")).actions == ()
    decision = decide(of, POLICY, utc("2026-06-13 12:00"))
    assert [action.kind for action in decision.actions] == [ActionKind.RESUME, ActionKind.REVIEW]
    after = replace(of, holds=())
    assert decide(after, POLICY, utc("2026-06-13 12:00")).rule == "in_flight"


def test_paying_early_never_breaks_a_plan() -> None:
    for minor in (39_999, 40_000, 1):
        decision = decide(planned(minor), POLICY, utc("2026-06-30 13:00"))
        assert (decision.rule, decision.actions) == ("on_hold", ())
        assert decision.next_look == utc("2026-07-02 03:59")


def test_a_broken_plan_under_another_hold_sends_nothing_and_is_told_once() -> None:
    asked = replace(planned(80_000, hold(AGREED, None, HoldKind.REPLY)), reviews=(ReviewKind.BROKEN_PROMISE,))

    decision = decide(asked, POLICY, utc("2026-06-02 13:00"))

    assert [action.kind for action in decision.actions] == [ActionKind.RESUME]
    assert decision.next_look is None
    assert "(reply)" in decision.actions[0].because


def test_a_broken_plan_seen_from_before_it_broke_ends_all_the_same() -> None:
    """`explain --at` looks back: what is open is only known as last read."""
    morning = utc("2026-06-02 13:00")
    broke = replace(plan(), until=morning, ended_at=morning)

    decision = decide(
        as_of(replace(planned(120_000), holds=(broke,)), utc("2026-05-03 13:00")),
        POLICY,
        utc("2026-05-03 13:00"),
    )

    assert decision.rule == "plan_watch"


def test_explaining_names_the_parts() -> None:
    said = dict(explain(planned(120_000), POLICY, utc("2026-04-20 13:00")).facts)

    assert said["hold payment_plan"].endswith(
        "to an open end; USD 400.00 by 2026-05-01; USD 400.00 by 2026-06-01; USD 400.00 by 2026-07-01"
    )


def test_a_broken_promise_and_a_broken_plan_are_followed_on_the_same_morning() -> None:
    until = utc("2026-06-02 03:59")
    promise = hold(AGREED, until, HoldKind.PROMISE)
    planned_to_it = plan((part("2026-06-01", 120_000),))
    followed = []
    for each in (promise, planned_to_it):
        held = replace(planned(120_000), holds=(each,))
        assert decide(held, POLICY, until - timedelta(minutes=1)).next_look == until
        broken = decide(held, POLICY, until)
        assert [action.review for action in broken.actions] == [None, ReviewKind.BROKEN_PROMISE]
        followed.append(broken.next_look)

    assert followed == [utc("2026-06-02 13:00")] * 2


payments = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 60_000)), max_size=5)
dues = st.sets(st.dates(date(2026, 4, 15), date(2026, 7, 15)), min_size=1, max_size=4)


def walk(held: Case, paid: Sequence[tuple[int, int]]) -> tuple[Case, datetime | None, list[datetime]]:
    """Look whenever an alarm rings or money comes; return the end, when the plan broke, and what was sent."""
    arrives = sorted((AGREED + days(after), minor) for after, minor in paid)
    now, broke, mails = AGREED, None, list[datetime]()
    for _ in range(100):
        if held.status is CaseStatus.CLOSED:
            break
        came = sum(minor for at, minor in arrives if at <= now)
        held = replace(held, invoice=invoice(open=Money(120_000 - came, "USD")))
        decision = decide(held, POLICY, now)
        assert decision == decide(held, POLICY, now)
        for action in decision.actions:
            if action.kind is ActionKind.RESUME and action.hold and action.hold.instalments:
                broke = now
                held = replace(held, holds=ended_plan(held.holds, action.hold, now))
            if action.kind is ActionKind.CLOSE:
                held = replace(held, status=CaseStatus.CLOSED)
            if action.kind is ActionKind.ESCALATE:
                held = replace(held, status=CaseStatus.ESCALATED)
            if action.kind is ActionKind.SEND and action.stage:
                mails.append(now)
                message = sent(action.stage, now, MessageState.SENT)
                held = replace(held, messages=(*held.messages, message))
        looks = [at for at, _ in arrives if at > now]
        looks += [decision.next_look] if decision.next_look else []
        if not looks:
            break
        now = min(looks)
    return held, broke, mails


@given(dues, payments)
def test_nothing_leaves_while_a_plan_is_kept_and_it_breaks_exactly_when_a_part_is_missing(
    when: set[date], paid: list[tuple[int, int]]
) -> None:
    each = 120_000 // len(when)
    amounts = [each] * (len(when) - 1) + [120_000 - each * (len(when) - 1)]
    parts = with_left([(d, Money(m, "USD")) for d, m in zip(sorted(when), amounts, strict=True)])
    held = replace(planned(120_000), holds=(replace(plan(), instalments=parts),))
    missed = [
        at
        for each_part in parts
        if (at := looked_for_at(each_part, customer(), POLICY))
        and sum(m for after, m in paid if AGREED + days(after) <= at) < 120_000 - each_part.left.minor
    ]

    end, broke, mails = walk(held, paid)

    assert broke == (missed[0] if missed else None)
    assert all(broke is not None and at >= broke + timedelta(hours=9) for at in mails)
    if not missed:
        assert (end.status, mails) == (CaseStatus.CLOSED, [])
