"""The seven steps of the personal track as a person can follow them on the case page (spec 1.2).

Pure and told from the facts alone: nothing stores which step a case is at.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from dunwell.policy.cadence import end_of, is_active, rhythm_of
from dunwell.policy.facts import Attempt, Case, Letter
from dunwell.policy.personal import (
    LIVE,
    OUT,
    letter_may_leave,
    letters_out,
    missing,
    retry_made,
    sent_at,
    step_time,
)
from dunwell.policy.policy import Policy
from dunwell.policy.preparing import is_ours, switched_on
from dunwell.policy.retries import in_the_morning, no_retry_because, ours
from dunwell.policy.saying import clock, hold_word
from dunwell.policy.words import ActionKind, CaseStatus, LetterState, ReviewKind, Track


class StepState(StrEnum):
    """Where a step stands.

    `NOW`: it is this step's turn. `WAITING`: until a moment, or for an answer. `FAILED`: its check failed or a
    person has to clear something up; `todo` says what. `SKIPPED`: there is nothing to do in it. `LATER`: its
    turn has not come.
    """

    DONE = "done"
    NOW = "now"
    WAITING = "waiting"
    FAILED = "failed"
    SKIPPED = "skipped"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its check, where it stands, what proves it, when that was or will be, what a person has to do."""

    number: int
    name: str
    state: StepState
    check: str
    evidence: tuple[str, ...] = ()
    at: datetime | None = None
    todo: str = ""


_Said = Callable[[datetime | None], str]
_PASSED = frozenset({StepState.DONE, StepState.SKIPPED})
_SETTLE = "Clear it up, then settle the item on the desk."


def playbook(case: Case, policy: Policy, now: datetime) -> tuple[Step, ...]:
    """Return the seven steps of a case on the personal track, in order; none for any other case.

    The first step that is neither done nor skipped is the one the case is at; those after it are `LATER`.
    """
    if case.track is not Track.PERSONAL:
        return ()
    said = _clock(case, policy, now)
    steps = (
        _gather(case, policy),
        _take_over(case, said),
        _first_retry(case, policy, now, said),
        _draft(case, said),
        _send(case, policy, now, said),
        _confirm(case, policy, said),
        _next_retry(case, policy, now, said),
    )
    told: list[Step] = []
    at_it = True
    for step in steps:
        if step.state in _PASSED:
            told.append(step)
        elif not at_it:
            told.append(replace(step, state=StepState.LATER, at=None, todo=""))
        else:
            told.append(_as_things_are(case, step, now))
            at_it = False
    if case.status in (CaseStatus.CLOSED, CaseStatus.ESCALATED):
        return tuple(_over(case, step) for step in told)
    return tuple(told)


def _over(case: Case, step: Step) -> Step:
    if step.state in _PASSED:
        return step
    closed = case.status is CaseStatus.CLOSED
    todo = "The case is closed." if closed else "Automation has ended: call the customer."
    return replace(step, state=StepState.SKIPPED, at=None, todo=todo)


def _as_things_are(case: Case, step: Step, now: datetime) -> Step:
    """A step whose turn it is waits while the case is on hold."""
    held = [hold for hold in case.holds if is_active(hold, now)]
    if not held or step.state is StepState.FAILED:
        return step
    ends = [end for hold in held if (end := end_of(hold)) is not None]
    until = max(ends) if len(ends) == len(held) else None
    kinds = " and ".join(dict.fromkeys(hold_word(hold.kind, hold.until) for hold in held))
    todo = f"The case is on hold ({kinds}){'' if until else ' until somebody releases it'}."
    return replace(step, state=StepState.WAITING, at=until, todo=todo)


def _gather(case: Case, policy: Policy) -> Step:
    check = "A named contact, the open invoice and three months of MRR above the threshold are there."
    step = Step(1, "Gather", StepState.DONE, check, _gathered(case), case.opened_at)
    if case.ledger is not None:
        step = replace(step, at=case.ledger.read_at)
        if case.ledger.read_at is None and ReviewKind.LEDGER_UNREADABLE in case.reviews:
            todo = "NetSuite cannot be read. `dunwell doctor` says what is wrong with the connection."
            return replace(step, state=StepState.FAILED, todo=todo)
        if case.ledger.read_at is None:
            asked = ActionKind.GATHER in case.under_way
            return replace(step, state=StepState.WAITING if asked else StepState.NOW)
    lacks = missing(case, policy)
    return replace(step, state=StepState.FAILED, todo=lacks[1]) if lacks else step


def _gathered(case: Case) -> tuple[str, ...]:
    customer, found = case.customer, []
    if customer.contact is not None:
        source = f" ({customer.contact.source})" if customer.contact.source else ""
        found.append(f"Contact: {customer.contact.name} <{customer.contact.email}>{source}")
    # What is open now is no proof of what was found then, once it is paid or the case is over.
    owed = case.status is not CaseStatus.CLOSED and case.invoice.open.minor > 0
    amount = f", {case.invoice.open} open" if owed else ""
    found.append(f"Invoice: {case.invoice.number}{amount}")
    if customer.mrr is not None:
        months = ", ".join(str(month) for month in customer.mrr.months)
        as_of = f", as of {customer.mrr.as_of}" if customer.mrr.as_of else ""
        found.append(f"MRR: {months} ({customer.mrr.source}{as_of})")
    if customer.owner is not None:
        found.append(f"Relationship owner: {customer.owner.name} <{customer.owner.email}>")
    if case.ledger is not None and case.ledger.crm_status:
        found.append(f"CRM status: {case.ledger.crm_status}")
    return tuple(found)


def _take_over(case: Case, said: _Said) -> Step:
    check = "Read back from Stripe: open, auto_advance false, no next attempt."
    step = Step(2, "Take over collection", StepState.NOW, check)
    if case.failed_at is None:
        return replace(
            step, state=StepState.SKIPPED, evidence=("No charge has failed: Stripe collects nothing.",)
        )
    if is_ours(case):
        of = case.collection
        evidence = (f"Taken over {said(of.since)}; last proved {said(of.proved_at)}",)
        if why := switched_on(case.invoice.auto_advance, case.invoice.next_attempt):
            return replace(step, state=StepState.FAILED, evidence=evidence, todo=why)
        return replace(step, state=StepState.DONE, evidence=evidence, at=of.since)
    if ReviewKind.SUPPRESSION in case.reviews:
        todo = f"Stripe could not be proved quiet: the item on the desk says what was read. {_SETTLE}"
        return replace(step, state=StepState.FAILED, todo=todo)
    if ActionKind.TAKE_OVER in case.under_way:
        return replace(step, state=StepState.WAITING)
    return step


def _first_retry(case: Case, policy: Policy, now: datetime, said: _Said) -> Step:
    check = "The decline may pass; the charge is repeated once, the next working day in the morning."
    out = letters_out(case)
    made = [each for each in ours(case) if not out or each.at <= sent_at(out[0])]
    step = Step(3, "Manual retry", StepState.NOW, check, _tried(made, said))
    if made:
        return _unless_unknown(case, replace(step, state=StepState.DONE, at=made[-1].at))
    if _current(case) is not None:
        return replace(
            step, state=StepState.SKIPPED, evidence=("No retry was made before the first letter.",)
        )
    return _retry_ahead(case, step, policy, now)


def _retry_ahead(case: Case, step: Step, policy: Policy, now: datetime) -> Step:
    if ActionKind.RETRY in case.under_way or case.invoice.in_flight:
        return replace(step, state=StepState.WAITING, todo="A payment is under way.")
    if ReviewKind.CHARGE_UNKNOWN in case.reviews:
        return _unless_unknown(case, step)
    why_not = no_retry_because(case, policy)
    if why_not is not None and (is_ours(case) or case.failed_at is None):
        return replace(step, state=StepState.SKIPPED, evidence=(f"A retry cannot work: {why_not}.",))
    moment, rhythm = step_time(case, policy, now), rhythm_of(case.customer, policy)
    due = max(moment.at, in_the_morning(now, rhythm, policy)) if moment.at <= now else moment.at
    evidence = (*step.evidence, f"Planned for {moment.because}")
    return replace(step, state=StepState.WAITING if due > now else StepState.NOW, at=due, evidence=evidence)


def _unless_unknown(case: Case, step: Step) -> Step:
    if ReviewKind.CHARGE_UNKNOWN not in case.reviews:
        return step
    todo = f"Nobody knows what became of the last charge: look it up at Stripe. {_SETTLE}"
    return replace(step, state=StepState.FAILED, todo=todo)


def _current(case: Case) -> Letter | None:
    """Return the letter the steps are about: the one that has not left for good, else the last one that has."""
    known = [each for each in case.letters if each.state is not LetterState.WITHDRAWN]
    return max(known, key=lambda letter: (letter.state not in OUT, letter.number), default=None)


def _draft(case: Case, said: _Said) -> Step:
    check = "The relationship owner has seen it, and a manager has signed it."
    letter = _current(case)
    signed = [each for each in case.letters if each.approved_at is not None]
    evidence = tuple(
        f"Letter {each.number}: signed by {each.approved_by or 'a manager'} {said(each.approved_at)}"
        for each in signed
        if each.state is not LetterState.WITHDRAWN
    )
    step = Step(4, "Draft", StepState.NOW, check, evidence)
    if ReviewKind.VETO in case.reviews:
        todo = "The relationship owner has stopped the letter: talk to them, then release the hold."
        return replace(step, state=StepState.FAILED, todo=todo)
    if ReviewKind.CONTENT in case.reviews:
        return replace(step, state=StepState.FAILED, todo=f"The letter breaks a content rule. {_SETTLE}")
    if letter is None:
        return step
    if letter.state is LetterState.DRAFT:
        todo = f"Read letter {letter.number}, edit it, approve it."
        return replace(step, at=letter.drafted_at, todo=todo)
    return replace(step, state=StepState.DONE, at=letter.approved_at)


def _send(case: Case, policy: Policy, now: datetime, said: _Said) -> Step:
    check = "Both ledgers still say that it is owed, Stripe is quiet, the text keeps the rules."
    letter, out = _current(case), letters_out(case)
    evidence = tuple(f"Letter {each.number}: sent {said(sent_at(each))}{_to(each)}" for each in out)
    step = Step(5, "Send", StepState.NOW, check, evidence)
    if letter is None or letter.state is LetterState.DRAFT:
        return step
    if letter.state in OUT:
        return replace(step, state=StepState.DONE, at=sent_at(letter))
    if letter.state is LetterState.IN_DOUBT:
        todo = f"Letter {letter.number} may have left, or was refused: the item on the desk says what to look for."
        return replace(step, state=StepState.FAILED, todo=todo)
    if letter.state in LIVE:
        moment = letter_may_leave(case, letter, policy, now)
        if moment.at > now:
            return replace(step, state=StepState.WAITING, at=moment.at, todo=f"It waits: {moment.because}.")
    return step


def _to(letter: Letter) -> str:
    return f" to {letter.to}" if letter.to else ""


def _confirm(case: Case, policy: Policy, said: _Said) -> Step:
    check = "The mail stands on the customer's record: author, recipient, subject and send time are ours."
    seen = [each for each in letters_out(case) if each.confirmed_at is not None]
    evidence = tuple(f"Letter {each.number}: seen {said(each.confirmed_at)}" for each in seen)
    step = Step(6, "Confirm", StepState.NOW, check, evidence)
    if ReviewKind.NOT_CONFIRMED in case.reviews:
        todo = f"The mail was not found as it was sent; it is not sent again. {_SETTLE}"
        return replace(step, state=StepState.FAILED, todo=todo)
    letter = _current(case)
    if letter is None or letter.state not in OUT:
        return step
    if letter.state is LetterState.CONFIRMED:
        return replace(step, state=StepState.DONE, at=letter.confirmed_at)
    by = sent_at(letter) + timedelta(minutes=policy.personal.confirm_within_minutes)
    return replace(step, state=StepState.WAITING, at=by)


def _next_retry(case: Case, policy: Policy, now: datetime, said: _Said) -> Step:
    days = policy.personal.retry_after_working_days
    check = f"The charge is repeated {days} working days after the letter, or after the agreed date."
    out = letters_out(case)
    made = [each for each in ours(case) if out and each.at > sent_at(out[0])]
    step = Step(7, "Next retry", StepState.NOW, check, _tried(made, said))
    letter = _current(case)
    if letter is None or letter.state not in OUT:
        return step
    if retry_made(case):
        return _unless_unknown(case, replace(step, state=StepState.DONE, at=made[-1].at))
    ahead = _retry_ahead(case, step, policy, now)
    if ahead.state is not StepState.SKIPPED:
        return ahead
    moment = step_time(case, policy, now)
    what = "letter" if len(out) < policy.personal.max_letters else "call"
    evidence = (*step.evidence, *ahead.evidence, f"A {what} follows instead: {moment.because}")
    state = StepState.WAITING if moment.at > now else StepState.NOW
    return replace(step, state=state, at=moment.at, evidence=evidence)


def _tried(made: list[Attempt], said: _Said) -> tuple[str, ...]:
    found = []
    for each in made:
        code = f" ({each.code})" if each.code else ""
        found.append(f"Retried {said(each.at)}: {each.outcome.value.replace('_', ' ')}{code}")
    return tuple(found)


def _clock(case: Case, policy: Policy, now: datetime) -> _Said:
    """Write moments as the pages do: on the customer's clock."""
    zone = rhythm_of(case.customer, policy).zone.zone
    return lambda moment: clock(moment, zone, now) if moment else "at an unknown time"
