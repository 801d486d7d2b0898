"""The one decision: facts in; actions, the next look and *because* out (design, habit 1)."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from dunwell.policy import rules
from dunwell.policy.cadence import end_of, rhythm_of
from dunwell.policy.decision import Action, Decision, Silence
from dunwell.policy.facts import Case, Hold
from dunwell.policy.policy import Policy
from dunwell.policy.words import ActionKind, HoldKind, ReviewKind


class NaiveTimeError(ValueError):
    """A moment without a time zone."""


def decide(case: Case, policy: Policy, now: datetime) -> Decision:
    """Decide what to do about a case now and when to look again.

    Asks `RULES` in order; the first that speaks decides, and `considered` says why the others before it did
    not. Total and deterministic; `now` must be aware (`NaiveTimeError`).
    """
    if now.tzinfo is None:
        raise NaiveTimeError("a decision needs to know the time zone of now")
    whys: list[str] = []
    for name, rule in _ASKED:
        answer = rule(case, policy, now)
        if isinstance(answer, Decision):
            return _by(name, answer, whys)
        whys.append(answer)
    return _by(_LAST, rules.send(case, policy, now), whys)


def _by(rule: str, answer: Decision, whys: list[str]) -> Decision:
    return Decision(answer.actions, answer.next_look, answer.because, rule, _silences(tuple(whys)))


@lru_cache(maxsize=1024)
def _silences(whys: tuple[str, ...]) -> tuple[Silence, ...]:
    """Name the rules that gave these answers; shared, because the answers of silent rules are constant."""
    return tuple(Silence(name, why) for (name, _), why in zip(_ASKED, whys, strict=False))


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


def _resume(hold: Hold, upcoming: Decision) -> Action:
    because = f"The {hold.kind} hold has run out. Next: {upcoming.because}"
    return Action(ActionKind.RESUME, because, hold=hold)


# Asked in this order; when none of them speaks, the stage is due and `rules.send` decides.
RULES: tuple[rules.Rule, ...] = (
    rules.closed,
    rules.settled,
    rules.strange_invoice,
    rules.chargeback,
    rules.on_hold,
    hold_over,
    rules.track_unknown,
    rules.personal_track,
    rules.with_a_person,
    rules.no_contact,
    rules.in_flight,
    rules.on_its_way,
    rules.in_doubt,
    rules.all_said,
    rules.too_early,
    rules.payer_cap,
    rules.escalate,
)
_LAST = rules.send.__name__
_ASKED = tuple((rule.__name__, rule) for rule in RULES)
RULE_NAMES = (*(name for name, _ in _ASKED), _LAST)


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
    not_asked = RULE_NAMES[len(decision.considered) + 1 :]
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
        ("band", f"{rhythm.band.band}: {rhythm.band.because}"),
        ("zone", f"{rhythm.zone.name}: {rhythm.zone.because}"),
        ("calendar", rhythm.calendar.because),
        ("contact", case.customer.contact.email if case.customer.contact else "none"),
        *((f"message {m.stage}", f"{m.state} at {m.at.isoformat()}") for m in case.messages),
        *((f"hold {h.kind}", _span(h)) for h in case.holds),
        *(
            (f"attempt {a.trigger}", f"{a.outcome} at {a.at.isoformat()} {a.code}".strip())
            for a in case.attempts
        ),
        *(("review", kind) for kind in case.reviews),
    ]


def _span(hold: Hold) -> str:
    end = end_of(hold)
    return f"{hold.scope}, from {hold.start.isoformat()} to {end.isoformat() if end else 'an open end'}"


def as_of(case: Case, at: datetime) -> Case:
    """Return the case without the messages, attempts, holds and endings of holds later than a moment.

    What is only kept as last read (the invoice, the customer, the status) stays as it is now.
    """
    written = case.payer_written_at
    return replace(
        case,
        messages=tuple(message for message in case.messages if message.at <= at),
        attempts=tuple(attempt for attempt in case.attempts if attempt.at <= at),
        holds=tuple(_hold_as_of(hold, at) for hold in case.holds if hold.start <= at),
        payer_written_at=written if written and written <= at else None,
    )


def _hold_as_of(hold: Hold, at: datetime) -> Hold:
    return replace(hold, ended_at=None) if hold.ended_at and hold.ended_at > at else hold
