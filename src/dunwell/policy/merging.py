"""One conversation per payer: which of a customer's invoices one mail is about, and in which tone (spec 6). Pure.

Of everything that is due to one contact, what has been due longest leaves; others whose next stage is due
within the per-payer cap go along with it. A final message and an escalation are always written alone. What cannot
go along waits for the cap, as it would for any other mail; but handing a case to a person waits for nothing, so an
escalation that meets the cap goes without its mail (`rules.escalate`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dunwell.policy import rules
from dunwell.policy.cadence import (
    STAGES,
    earliest,
    last_sent,
    morning_after_holds,
    next_stage,
    promised_date,
    rhythm_of,
)
from dunwell.policy.calendars import into_window
from dunwell.policy.decide import decide
from dunwell.policy.decision import Decision
from dunwell.policy.facts import Case
from dunwell.policy.policy import Policy
from dunwell.policy.saying import in_full
from dunwell.policy.words import ActionKind, CaseStatus, Stage, Track
from dunwell.policy.zones import zone_for

# What may share a mail; the others are always written alone.
SHARED = frozenset({Stage.NOTICE, Stage.REMINDER, Stage.DIRECT})
MOST_INVOICES = 12


@dataclass(frozen=True, slots=True)
class Asking:
    """An open case of a customer; `key` is its own and orders those that came due at one moment."""

    key: int
    case: Case
    policy: Policy


@dataclass(frozen=True, slots=True)
class Part:
    """One invoice of a mail: its case, its own stage, and what is decided about it, the message among the actions."""

    key: int
    stage: Stage
    decision: Decision


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that leaves now: its parts, the one that has been due longest first, and the mildest of their tones."""

    parts: tuple[Part, ...]
    tone: Stage

    @property
    def leader(self) -> Part:
        """The part that has been due longest: without it the mail would not leave."""
        return self.parts[0]


@dataclass(frozen=True, slots=True)
class _Due:
    """A stage that may go now. `since` is when it came due, or will."""

    of: Asking
    stage: Stage
    since: datetime
    decision: Decision

    @property
    def order(self) -> tuple[datetime, bool, int]:
        return self.since, self.stage in SHARED, self.of.key


def mails_due(cases: Iterable[Asking], now: datetime) -> tuple[Mail, ...]:
    """Choose the mails that leave now about the cases of one customer: at most one to a contact (spec 2, 6).

    The order of `cases` plays no part. Cases of the personal track, and those with nothing to say, are passed
    over; so is a case without a contact.
    """
    by_contact: dict[str, list[Asking]] = defaultdict(list)
    for each in cases:
        contact = each.case.customer.contact
        if contact and each.case.track is Track.STANDARD and each.case.status is CaseStatus.OPEN:
            by_contact[contact.email.casefold()].append(each)
    found = (_mail(group, now) for group in by_contact.values())
    return tuple(sorted((mail for mail in found if mail), key=lambda mail: mail.leader.key))


def sends(decision: Decision) -> Stage | None:
    """Return the stage of the standard track that a decision sends; None when it sends none."""
    for action in decision.actions:
        if action.kind is ActionKind.SEND and action.stage is not None:
            return action.stage
    return None


def numbers(cases: Sequence[Case]) -> str:
    """Write the numbers of some invoices as a phrase: `INV-1, INV-2 and INV-3`."""
    said = [case.invoice.number for case in cases]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def _mail(group: Sequence[Asking], now: datetime) -> Mail | None:
    due = {each.key: found for each in group if (found := _due(each, now))}
    if not due:
        return None
    first = min(due.values(), key=lambda each: each.order)
    if first.stage not in SHARED:
        return _alone(first)
    currency = first.of.case.invoice.open.currency
    along = [
        found
        for each in group
        if each.key != first.of.key and each.case.invoice.open.currency == currency
        if (found := due.get(each.key) or _early(each, now)) and found.stage in SHARED
        if _long_silent(each, now)
    ]
    if not along:
        return _alone(first)
    chosen = [first, *sorted(along, key=lambda each: each.order)[: MOST_INVOICES - 1]]
    tone = min((each.stage for each in chosen), key=STAGES.index)
    said = (
        f"One mail about {numbers([each.of.case for each in chosen])}, in the tone of a {rules.CALLED[tone]}."
    )
    return Mail(tuple(_part(each, f" {said}") for each in chosen), tone)


def _alone(due: _Due) -> Mail:
    return Mail((_part(due, ""),), due.stage)


def _part(due: _Due, said: str) -> Part:
    actions = tuple(
        replace(action, because=f"{action.because}{said}") if action.kind is ActionKind.SEND else action
        for action in due.decision.actions
    )
    because = f"{due.decision.because}{said}"
    return Part(due.of.key, due.stage, replace(due.decision, actions=actions, because=because))


def _due(each: Asking, now: datetime) -> _Due | None:
    """What the rules send now."""
    decision = decide(each.case, each.policy, now)
    stage = sends(decision)
    if stage is None:
        return None
    return _Due(each, stage, earliest(each.case, stage, each.policy, now).at, decision)


def _early(each: Asking, now: datetime) -> _Due | None:
    """What only waits for its day, and that day comes before the contact may be written to again.

    What waits because of a hold or a promise is never brought forward.
    """
    case, policy, stage = each.case, each.policy, next_stage(each.case)
    if stage is None or rules.cap_ends(case, policy, now, stage):
        return None
    if decide(case, policy, now).rule != rules.too_early.__name__:
        return None
    rhythm, sent = rhythm_of(case.customer, policy), last_sent(case)
    calendar, zone = rhythm.calendar.calendar, rhythm.zone.zone
    at = into_window(earliest(case, stage, policy, now).at, calendar, zone, policy.window)
    if at > now + timedelta(days=policy.payer.cap_days) or promised_date(case, now, sent):
        return None
    if stage is not Stage.NOTICE and into_window(now, calendar, zone, policy.window) > now:
        return None
    floor = morning_after_holds(case, rhythm, policy, now, sent)
    if (floor and floor > now) or (sent and sent + policy.gaps[rhythm.band.band][stage] > now):
        return None
    because = f"The {rules.CALLED[stage]} goes along early: by itself it would leave {_at(case, policy, at)}."
    return _Due(each, stage, at, _in_words(rules.send(case, policy, now), because))


def _in_words(decision: Decision, because: str) -> Decision:
    actions = tuple(replace(action, because=because) for action in decision.actions)
    return Decision(actions, decision.next_look, because, rules.send.__name__)


def _at(case: Case, policy: Policy, at: datetime) -> str:
    return in_full(at, zone_for(case.customer, policy).zone)


def _long_silent(each: Asking, now: datetime) -> bool:
    """Say whether the last message about the invoice itself is as long ago as the cap."""
    sent = last_sent(each.case)
    return sent is None or sent + timedelta(days=each.policy.payer.cap_days) <= now
