"""What a case will do by itself and when, for people's calendars (spec 1.2, step 7)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dunwell.policy.cadence import earliest, end_of, is_active, next_stage, rhythm_of
from dunwell.policy.facts import Case
from dunwell.policy.personal import Moment, letters_out, live_letter, retry_made, step_time, time_up
from dunwell.policy.policy import Policy
from dunwell.policy.retries import in_the_morning, is_under_way, next_retry, no_retry_because
from dunwell.policy.words import CaseStatus, LetterState, Stage, Track


class PlannedKind(StrEnum):
    """What is planned; with the case it names an entry of a calendar for good."""

    RETRY = "retry"
    LETTER = "letter"
    VETO_ENDS = "veto_ends"
    LAST_DAY = "last_day"


@dataclass(frozen=True, slots=True)
class Planned:
    """Something planned: the moment in UTC, what will happen as a short title, and the reason in a sentence."""

    at: datetime
    what: str
    because: str
    kind: PlannedKind


def upcoming(case: Case, policy: Policy, now: datetime) -> tuple[Planned, ...]:
    """Return what lies ahead of a running case as things stand, earliest first.

    The next retry or letter, the end of the relationship owner's time, and the last day. Holds that end are
    looked past; under one that has no end, nothing is planned. A case on a person's desk plans nothing either.
    """
    if case.status is not CaseStatus.OPEN or case.track is None:
        return ()
    ends = [end_of(hold) for hold in case.holds if is_active(hold, now)]
    if None in ends:
        return ()
    then = max([now, *(end for end in ends if end is not None)])
    planned = [_last_day(case, policy, then), _veto_ends(case, now)]
    if not is_under_way(case):
        planned.append(_next_step(case, policy, then))
    found = [each for each in planned if each is not None and each.at > now]
    return tuple(sorted(found, key=lambda each: (each.at, each.kind)))


def _about(case: Case) -> str:
    return f"invoice {case.invoice.number}, {case.customer.name}, {case.invoice.open}"


def _last_day(case: Case, policy: Policy, then: datetime) -> Planned | None:
    if case.track is Track.PERSONAL:
        at = time_up(case, policy, then)
        because = (
            f"Day {policy.cadence.escalation} after the failure, not counting time on hold: a person calls."
        )
    elif next_stage(case) is not None:
        timing = earliest(case, Stage.ESCALATION, policy, then)
        at, because = timing.at, f"The automation ends: {timing.because}."
    else:
        return None
    return Planned(at, f"Last day: {_about(case)}", because, PlannedKind.LAST_DAY)


def _veto_ends(case: Case, now: datetime) -> Planned | None:
    letter = live_letter(case)
    if letter is None or letter.owner_until is None or letter.owner_agreed_at is not None:
        return None
    if letter.owner_until <= now:
        return None
    signed = "has signed it" if letter.state is LetterState.APPROVED else "signs it"
    because = f"From then on letter {letter.number} may leave once the manager {signed}."
    what = f"Time to stop letter {letter.number} ends: {_about(case)}"
    return Planned(letter.owner_until, what, because, PlannedKind.VETO_ENDS)


def _next_step(case: Case, policy: Policy, then: datetime) -> Planned | None:
    if case.track is Track.STANDARD:
        at = next_retry(case, policy, then)
        moment = Moment(at, "its day of the policy") if at else None
        return _retry(case, moment, policy, then)
    if any(letter.state in (LetterState.LEAVING, LetterState.IN_DOUBT) for letter in case.letters):
        return None
    if live_letter(case) or retry_made(case):
        return None
    moment = step_time(case, policy, then)
    if no_retry_because(case, policy) is None:
        return _retry(case, moment, policy, then)
    number = len(letters_out(case)) + 1
    if number == 1 or number > policy.personal.max_letters:
        return None
    what = f"Letter {number} is drafted: {_about(case)}"
    return Planned(moment.at, what, f"Because of {moment.because}.", PlannedKind.LETTER)


def _retry(case: Case, moment: Moment | None, policy: Policy, then: datetime) -> Planned | None:
    if moment is None:
        return None
    at = in_the_morning(max(then, moment.at), rhythm_of(case.customer, policy), policy)
    return Planned(at, f"Retry: {_about(case)}", f"Because of {moment.because}.", PlannedKind.RETRY)
