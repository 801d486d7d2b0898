"""Walks through the calendar on the personal track: whatever people do, what the spec promises holds (spec 1.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.cadence import is_active, rhythm_of
from dunwell.policy.decide import decide
from dunwell.policy.decision import Action
from dunwell.policy.facts import Case, Collection, Hold, Reason
from dunwell.policy.personal import live_letter
from dunwell.policy.policy import default_policy
from dunwell.policy.words import (
    ActionKind,
    AttemptTrigger,
    CaseStatus,
    CollectionOwner,
    LetterState,
    RetryClass,
)
from tests.policy.cases import letter, mrr, personal, tried
from tests.policy.test_walks import customers, ending_holds, moments

POLICY = default_policy()
DAY = timedelta(days=1)


@dataclass
class Walk:
    """A worker that is sometimes down, a manager who takes their time, holds that come and go."""

    case: Case
    holds: Sequence[Hold]
    downtimes: Sequence[tuple[datetime, datetime]]
    reading_takes: timedelta
    done: list[tuple[datetime, ActionKind]] = field(default_factory=list)
    resumed: dict[int, datetime] = field(default_factory=dict)
    looks: int = 0

    def go(self) -> None:
        """Look whenever an alarm rings or something happens, until the case is handed over."""
        now: datetime | None = self.case.anchor
        while now is not None and self.case.status is CaseStatus.OPEN:
            now = self._up_at(now)
            self.looks += 1
            assert self.looks < 300, "the walk does not come to an end"
            now = self._look(now)

    def times(self, kind: ActionKind) -> list[datetime]:
        return [at for at, done in self.done if done is kind]

    def _up_at(self, now: datetime) -> datetime:
        for start, end in sorted(self.downtimes):
            if start <= now < end:
                now = end
        return now

    def _seen(self, now: datetime) -> Case:
        self._sign(now)
        holds = []
        for number, hold in enumerate(self.holds):
            released = hold.ended_at if hold.ended_at and hold.ended_at <= now else None
            if hold.start <= now:
                holds.append(replace(hold, ended_at=released or self.resumed.get(number)))
        return replace(self.case, holds=tuple(holds))

    def _sign(self, now: datetime) -> None:
        """The manager signs what has lain there long enough."""
        letters = tuple(
            replace(each, state=LetterState.APPROVED, approved_at=now)
            if each.state is LetterState.DRAFT and each.drafted_at + self.reading_takes <= now
            else each
            for each in self.case.letters
        )
        self.case = replace(self.case, letters=letters)

    def _look(self, now: datetime) -> datetime | None:
        seen = self._seen(now)
        decision = decide(seen, POLICY, now)
        assert decision == decide(seen, POLICY, now)
        kinds = {action.kind for action in decision.actions}
        assert not (kinds & {ActionKind.SEND, ActionKind.RETRY} and len(kinds) > 1)
        for action in decision.actions:
            self._do(seen, action, now)
        if not decision.actions:
            assert decision.next_look is None or decision.next_look > now
        at_once = kinds & {ActionKind.TAKE_OVER, ActionKind.RETRY, ActionKind.DRAFT, ActionKind.SEND}
        return now if at_once else self._next(now, decision.next_look)

    def _do(self, seen: Case, action: Action, now: datetime) -> None:
        self.done.append((now, action.kind))
        assert action.kind is ActionKind.RESUME or not any(is_active(hold, now) for hold in seen.holds)
        case = self.case
        match action.kind:
            case ActionKind.TAKE_OVER:
                case = replace(case, collection=Collection(CollectionOwner.DUNWELL, now, now))
            case ActionKind.RETRY:
                case = replace(case, attempts=(*case.attempts, tried(now)))
            case ActionKind.DRAFT:
                assert live_letter(case) is None
                new = letter(action.letter or 0, LetterState.DRAFT, now, owner_until=now + DAY / 12)
                case = replace(case, letters=(*case.letters, new))
            case ActionKind.SEND:
                out = tuple(
                    replace(each, state=LetterState.SENT, sent_at=now)
                    if each.number == action.letter
                    else each
                    for each in case.letters
                )
                case = replace(case, letters=out)
            case ActionKind.RESUME:
                self._resume(now)
            case ActionKind.ESCALATE:
                case = replace(case, status=CaseStatus.ESCALATED)
            case _:
                pass
        self.case = case

    def _resume(self, now: datetime) -> None:
        for number, hold in enumerate(self.holds):
            over = hold.start <= now and hold.until and hold.until <= now
            if over and not (hold.ended_at and hold.ended_at <= now):
                self.resumed.setdefault(number, now)

    def _next(self, now: datetime, look: datetime | None) -> datetime | None:
        signs = [each.drafted_at + self.reading_takes for each in self.case.letters]
        happenings = [at for hold in self.holds for at in (hold.start, hold.ended_at) if at]
        ahead = [at for at in (*happenings, *signs) if at > now]
        return min([*ahead, *([look] if look else [])], default=None)


walks = st.builds(
    lambda of, anchor, failed, kind, holds, downs, takes: Walk(
        personal(
            of=replace(of, mrr=mrr("6000.00", "6000.00", "6000.00")),
            anchor=anchor,
            opened_at=anchor,
            failed_at=anchor if failed else None,
            reason=Reason("x", kind, "Said.") if failed else None,
            collection=Collection(),
            attempts=(tried(anchor, AttemptTrigger.STRIPE),) if failed else (),
        ),
        holds,
        [(start, start + lasts * DAY) for start, lasts in downs],
        takes * DAY,
    ),
    customers,
    moments(0, 30),
    st.booleans(),
    st.sampled_from(RetryClass),
    st.lists(ending_holds, max_size=3),
    st.lists(st.tuples(moments(0, 90), st.floats(0.01, 12)), max_size=3),
    st.floats(0, 15),
)


def local(walk: Walk, at: datetime) -> datetime:
    return at.astimezone(rhythm_of(walk.case.customer, POLICY).zone.zone)


@given(walks)
def test_every_walk_ends_with_one_call_and_at_most_three_letters(walk: Walk) -> None:
    walk.go()

    assert walk.case.status is CaseStatus.ESCALATED
    assert len(walk.times(ActionKind.CALL_TASK)) == 1
    assert len(walk.times(ActionKind.SEND)) <= 3
    assert walk.done[-1][1] in (ActionKind.CALL_TASK, ActionKind.ESCALATE)


@given(walks)
def test_a_hard_decline_is_never_retried_and_a_soft_one_once_a_step(walk: Walk) -> None:
    walk.go()

    steps = [at for at, kind in walk.done if kind in (ActionKind.SEND, ActionKind.RETRY)]
    kinds = [kind for _, kind in walk.done if kind in (ActionKind.SEND, ActionKind.RETRY)]
    assert (ActionKind.RETRY, ActionKind.RETRY) not in list(pairwise(kinds))
    assert steps == sorted(steps)
    reason = walk.case.reason
    if reason is None or reason.retry_class is not RetryClass.SOFT:
        assert walk.times(ActionKind.RETRY) == []


@given(walks)
def test_collection_is_taken_over_once_and_before_any_retry_or_letter(walk: Walk) -> None:
    walk.go()

    took = walk.times(ActionKind.TAKE_OVER)
    others = [*walk.times(ActionKind.RETRY), *walk.times(ActionKind.DRAFT)]
    if walk.case.failed_at is None:
        assert took == []
    elif others:
        assert len(took) == 1
        assert took[0] <= min(others)


@given(walks)
def test_letters_leave_in_working_hours_and_retries_are_made_in_the_morning(walk: Walk) -> None:
    walk.go()

    calendar = rhythm_of(walk.case.customer, POLICY).calendar.calendar
    for kind, opens, closes in ((ActionKind.SEND, 9, 17), (ActionKind.RETRY, 10, 12)):
        for at in walk.times(kind):
            assert time(opens) <= local(walk, at).time() < time(closes)
            assert calendar.is_working_day(local(walk, at).date())


@given(walks)
def test_a_retry_waits_three_working_days_after_a_letter_unless_a_date_was_agreed(walk: Walk) -> None:
    walk.go()

    calendar = rhythm_of(walk.case.customer, POLICY).calendar.calendar
    for letter_at in walk.times(ActionKind.SEND):
        agreed = [
            h.until for h in walk.holds if h.kind.value == "promise" and h.until and h.until > letter_at
        ]
        if agreed:
            continue
        earliest = calendar.add_working_days(local(walk, letter_at).date(), 3)
        for at in walk.times(ActionKind.RETRY):
            assert at <= letter_at or local(walk, at).date() >= earliest


@given(walks)
def test_neither_a_letter_nor_a_retry_goes_out_in_the_breath_that_ends_a_hold(walk: Walk) -> None:
    walk.go()

    for kind in (ActionKind.SEND, ActionKind.RETRY):
        for at in walk.times(kind):
            for hold in walk.holds:
                end = min(end for end in (hold.until, hold.ended_at) if end is not None)
                if hold.start <= at and walk.case.anchor < end <= at:
                    assert at - end >= timedelta(hours=1)
