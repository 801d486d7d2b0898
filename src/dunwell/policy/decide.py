"""The one decision: facts in; actions, the next look and *because* out (design, habit 1)."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from dunwell.policy import personal, preparing, retries, rules
from dunwell.policy.cadence import end_of, rhythm_of
from dunwell.policy.decision import Action, Decision, Rule, Silence
from dunwell.policy.facts import Case, Collection, Hold, LedgerFacts, Letter
from dunwell.policy.plans import broken_plan, ended_plan, missed_part
from dunwell.policy.policy import Policy
from dunwell.policy.words import ActionKind, HoldKind, LetterState, ReviewKind, Track


class NaiveTimeError(ValueError):
    """A moment without a time zone."""


def decide(case: Case, policy: Policy, now: datetime) -> Decision:
    """Decide what to do about a case now and when to look again.

    Asks the rules of the case's track in order; the first that speaks decides, and `considered` says why the
    others before it did not. Total and deterministic; `now` must be aware (`NaiveTimeError`).
    """
    if now.tzinfo is None:
        raise NaiveTimeError("a decision needs to know the time zone of now")
    signed = case.track is Track.PERSONAL
    whys: list[str] = []
    for name, rule in _ASKED[signed]:
        answer = rule(case, policy, now)
        if isinstance(answer, Decision):
            return _said(name, answer, whys, signed)
        whys.append(answer)
    name, last = _LAST[signed]
    return _said(name, last(case, policy, now), whys, signed)


def _said(rule: str, answer: Decision, whys: list[str], signed: bool) -> Decision:  # noqa: FBT001
    silences = _silences(signed, tuple(whys))
    return Decision(answer.actions, answer.next_look, answer.because, rule, silences)


@lru_cache(maxsize=1024)
def _silences(signed: bool, whys: tuple[str, ...]) -> tuple[Silence, ...]:  # noqa: FBT001
    """Name the rules that gave these answers; shared, because the answers of silent rules are constant."""
    return tuple(Silence(name, why) for (name, _), why in zip(_ASKED[signed], whys, strict=False))


def hold_over(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """End holds whose date has passed, and say what happens next; never send in the same breath.

    A promise that passed unpaid also goes to a person.
    """
    if not case.holds:
        return "no hold has run out"
    over = [hold for hold in case.holds if hold.ended_at is None and hold.until and hold.until <= now]
    if not over:
        return "no hold has run out"
    holds = tuple(replace(hold, ended_at=now) if hold in over else hold for hold in case.holds)
    upcoming = decide(replace(case, holds=holds), policy, now)
    next_look = now if upcoming.actions else upcoming.next_look
    actions = [_resume(hold, upcoming) for hold in over]
    broken = any(hold.kind is HoldKind.PROMISE for hold in over)
    if broken and ReviewKind.BROKEN_PROMISE not in case.reviews:
        because = "The promised date has passed and the invoice is not paid."
        actions.append(Action(ActionKind.REVIEW, because, review=ReviewKind.BROKEN_PROMISE))
    return Decision(tuple(actions), next_look, actions[0].because)


def plan_watch(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """End a payment plan whose part did not come, and ask a person; what follows waits for the next morning."""
    broken = broken_plan(case, policy, now) if case.holds else None
    if broken is None:
        return "no payment plan is broken"
    upcoming = decide(replace(case, holds=ended_plan(case.holds, broken, now)), policy, now)
    missed = missed_part(broken.instalments, case.invoice.open, case, policy, now) or broken.instalments[0]
    because = (
        f"The payment plan is broken: {missed.amount} was due on {missed.due:%Y-%m-%d}, after which at most "
        f"{missed.left} may be open, and {case.invoice.open} is."
    )
    actions = [Action(ActionKind.RESUME, f"{because} Next: {upcoming.because}", hold=broken)]
    if ReviewKind.BROKEN_PROMISE not in case.reviews:
        actions.append(Action(ActionKind.REVIEW, because, review=ReviewKind.BROKEN_PROMISE))
    return Decision(tuple(actions), now if upcoming.actions else upcoming.next_look, because)


def _resume(hold: Hold, upcoming: Decision) -> Action:
    postponed = hold.kind is HoldKind.VETO and hold.until is not None
    over = "The day it was put off to has come." if postponed else f"The {hold.kind} hold has run out."
    because = f"{over} Next: {upcoming.because}"
    return Action(ActionKind.RESUME, because, hold=hold)


# Asked in this order on either track, then those of the track itself.
COMMON: tuple[Rule, ...] = (
    rules.closed,
    rules.settled,
    rules.strange_invoice,
    rules.chargeback,
    plan_watch,
    rules.on_hold,
    hold_over,
    preparing.gather,
    rules.track_unknown,
    preparing.drift,
    rules.with_a_person,
)
# When none of them speaks, the stage is due and `rules.send` decides.
STANDARD: tuple[Rule, ...] = (
    *COMMON,
    preparing.take_over,
    rules.no_contact,
    rules.in_flight,
    retries.retry,
    rules.on_its_way,
    rules.in_doubt,
    rules.all_said,
    rules.too_early,
    rules.payer_cap,
    rules.escalate,
)
# When none of them speaks, nothing is due before the next step and `personal.wait_for_step` decides. What
# the gathering lacks stops the track before collection is taken over (spec 1.2).
PERSONAL: tuple[Rule, ...] = (
    *COMMON,
    personal.incomplete,
    preparing.take_over,
    rules.in_flight,
    personal.charge_in_doubt,
    personal.drafting,
    personal.letter_on_its_way,
    personal.time_is_up,
    personal.retry,
    personal.draft,
    personal.letter_waits,
    personal.send_letter,
)
# By whether the case is on the personal track.
_ASKED = tuple(tuple((rule.__name__, rule) for rule in order) for order in (STANDARD, PERSONAL))
_LAST = ((rules.send.__name__, rules.send), (personal.wait_for_step.__name__, personal.wait_for_step))
_NAMES = tuple((*(name for name, _ in _ASKED[at]), _LAST[at][0]) for at in (0, 1))


def rule_names(track: Track | None) -> tuple[str, ...]:
    """Return the rules of a track in the order they are asked; an unknown track is asked like the standard one."""
    return _NAMES[track is Track.PERSONAL]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What `dunwell explain` prints: the facts by name, the decision, and the rules nobody had to ask."""

    at: datetime
    facts: tuple[tuple[str, str], ...]
    decision: Decision
    not_asked: tuple[str, ...]


def explain(case: Case, policy: Policy, now: datetime) -> Explanation:
    """Say what is known at a moment, which rule speaks, which were silent and why, which were not asked."""
    decision = decide(case, policy, now)
    not_asked = rule_names(case.track)[len(decision.considered) + 1 :]
    return Explanation(now, tuple(_facts(case, policy)), decision, not_asked)


def _facts(case: Case, policy: Policy) -> list[tuple[str, str]]:
    rhythm, invoice = rhythm_of(case.customer, policy), case.invoice
    reason = (
        f"{case.reason.sentence} ({case.reason.code}, {case.reason.retry_class})" if case.reason else "none"
    )
    return [
        ("policy", policy.version),
        ("track", case.track or "unknown"),
        ("status", case.status),
        ("invoice", f"{invoice.number}, {invoice.open} open, {invoice.status}, {invoice.rail}"),
        ("failed", case.failed_at.isoformat() if case.failed_at else "never: past its due date"),
        ("reason", reason),
        ("anchor", case.anchor.isoformat()),
        *((("reopened", case.reopened_at.isoformat()),) if case.reopened_at else ()),
        ("band", f"{rhythm.band.band}: {rhythm.band.because}"),
        ("zone", f"{rhythm.zone.name}: {rhythm.zone.because}"),
        ("calendar", rhythm.calendar.because),
        ("contact", case.customer.contact.email if case.customer.contact else "none"),
        ("collection", _collection(case.collection)),
        *((("ledger", _ledger(case.ledger)),) if case.ledger else ()),
        *(
            (f"letter {letter.number}", f"{letter.state}, drafted {letter.drafted_at.isoformat()}")
            for letter in case.letters
        ),
        *((f"message {m.stage}", f"{m.state} at {m.at.isoformat()}") for m in case.messages),
        *((f"hold {h.kind}", _span(h)) for h in case.holds),
        *(
            (f"attempt {a.trigger}", f"{a.outcome} at {a.at.isoformat()} {a.code}".strip())
            for a in case.attempts
        ),
        *(("review", kind) for kind in case.reviews),
    ]


def _collection(of: Collection) -> str:
    proved = f", proved {of.proved_at.isoformat()}" if of.proved_at else ""
    return f"{of.owner}{proved}"


def _ledger(said: LedgerFacts) -> str:
    if said.read_at is None:
        return "not asked yet"
    missing = f"; {' '.join(said.missing)}" if said.missing else ""
    return f"asked {said.read_at.isoformat()}{missing}"


def _span(hold: Hold) -> str:
    end = end_of(hold)
    parts = "".join(f"; {part.amount} by {part.due:%Y-%m-%d}" for part in hold.instalments)
    return (
        f"{hold.scope}, from {hold.start.isoformat()} to {end.isoformat() if end else 'an open end'}{parts}"
    )


def as_of(case: Case, at: datetime) -> Case:
    """Return the case without the messages, letters, attempts, holds and endings of holds later than a moment.

    What is only kept as last read (the invoice, the customer, the status, the instrument) stays as it is now.
    """
    written, collection, ledger = case.payer_written_at, case.collection, case.ledger
    return replace(
        case,
        messages=tuple(message for message in case.messages if message.at <= at),
        attempts=tuple(attempt for attempt in case.attempts if attempt.at <= at),
        holds=tuple(_hold_as_of(hold, at) for hold in case.holds if hold.start <= at),
        payer_written_at=written if written and written <= at else None,
        ledger=LedgerFacts(None) if ledger and ledger.read_at and ledger.read_at > at else ledger,
        collection=Collection() if collection.since and collection.since > at else collection,
        letters=tuple(_letter_as_of(letter, at) for letter in case.letters if letter.drafted_at <= at),
    )


def _letter_as_of(letter: Letter, at: datetime) -> Letter:
    """A letter before it was sent or signed. One that was withdrawn stays so: nobody kept when."""
    state = letter.state
    if letter.confirmed_at and letter.confirmed_at > at:
        state = LetterState.SENT
    if letter.sent_at and letter.sent_at > at:
        state = LetterState.APPROVED
    if letter.approved_at and letter.approved_at > at and state is not LetterState.WITHDRAWN:
        state = LetterState.DRAFT
    return replace(
        letter,
        state=state,
        owner_agreed_at=_by(letter.owner_agreed_at, at),
        approved_at=_by(letter.approved_at, at),
        approved_by=letter.approved_by if letter.approved_at and letter.approved_at <= at else "",
        sent_at=_by(letter.sent_at, at),
        confirmed_at=_by(letter.confirmed_at, at),
    )


def _by(happened: datetime | None, at: datetime) -> datetime | None:
    return happened if happened and happened <= at else None


def _hold_as_of(hold: Hold, at: datetime) -> Hold:
    return replace(hold, ended_at=None) if hold.ended_at and hold.ended_at > at else hold
