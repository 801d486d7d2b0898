"""One transaction's writes about cases: collected while deciding, then written in a few statements.

Every timeline entry of the house is made here, so the hash chain has one author. The caller holds the
locks on the cases (`claims.due_cases`, `cases.locked_case`) and the transaction.
"""

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db.models import Q, QuerySet

from dunwell.policy.facts import Hold
from dunwell.policy.money import Money
from dunwell.policy.words import CaseStatus, Ending, MailState, MessageState, ReviewKind
from dunwell.store import bulk, models, shared
from dunwell.store.chain import entry_hash
from dunwell.store.plain import plain, plain_detail


@dataclass(slots=True)
class _Entry:
    """A timeline entry to be: its columns, without the cost of a model."""

    case_id: int
    seq: int
    at: datetime
    kind: str
    actor: str
    summary: str
    detail: dict[str, Any]
    policy: str
    previous: str
    hash: str = ""


@dataclass(slots=True)
class Effect:
    """An effect to queue: the columns of `models.OutboxItem`, without the cost of a model."""

    key: str
    kind: str
    case_id: int
    state: str
    queued_at: datetime
    due_at: datetime
    amount_minor: int
    currency: str
    stage: str = ""
    to_name: str = ""
    to_address: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    method: str = ""
    trigger: str = ""
    claimed_by: str = ""
    tries: int = 0
    settled_at: datetime | None = None
    letter_id: int | None = None
    message_id: str = ""
    provider_id: str = ""
    carried_by: str = ""
    reply_id: int | None = None
    note: str = ""


# What a case that ends leaves undone would be missed: Stripe collects again, a mail that left is proved, a person
# who asked has their answer.
_OUTLIVES_ITS_CASE = (models.OutboxItem.HAND_BACK, models.OutboxItem.CONFIRM, models.OutboxItem.ANSWER)
_CLOSED = "The case was closed."
_MOVING = ("status", "ending", "closed_at", "due_at", "because", "chain_length", "chain_head")
_STEADY = attrgetter(*models.Case.STEADY)


def instalment_columns(hold: Hold) -> list[dict[str, object]]:
    """The parts of a payment plan as a hold's row keeps them."""
    return [
        {"due": part.due.isoformat(), "minor": part.amount.minor, "left": part.left.minor}
        for part in hold.instalments
    ]


class Journal:
    """Collects what happens to locked cases at one moment; `write` puts it all into the database."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._cases: dict[int, models.Case] = {}
        self._entries: list[_Entry] = []
        self._outbox: list[Effect] = []
        self._reviews: list[models.ReviewItem] = []
        self._holds: list[models.Hold] = []
        self._asked: set[int] = set()
        self._waits: set[int] = set()
        self._closed: list[int] = []
        self._resumed: list[models.Case] = []
        self._broken: list[tuple[models.Case, Hold]] = []

    def changed(self, case: models.Case) -> None:
        """Remember that a case row has new values to write."""
        self._cases[case.id] = case

    def entry(
        self,
        case: models.Case,
        kind: str,
        summary: str,
        *,
        by: str = "dunwell",
        at: datetime | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Add an entry to the case's timeline. `at` is when it happened, if not now."""
        case.chain_length += 1
        said: dict[str, Any] = {
            "seq": case.chain_length,
            "at": at or self.now,
            "kind": kind,
            "actor": plain(by, 200),
            "summary": plain(summary),
            "detail": plain_detail(detail or {}),
            "policy": case.policy_id,
            "previous": case.chain_head,
        }
        case.chain_head = entry_hash(case=case.id, **said)
        self._entries.append(_Entry(case_id=case.id, hash=case.chain_head, **said))
        self.changed(case)

    def queue(self, case_id: int, kind: str, key: str, owed: Money, **more: Any) -> None:
        """Queue an effect about what is owed on a case, to be performed now. `more`: columns of `Effect`."""
        effect = Effect(
            key=key,
            kind=kind,
            case_id=case_id,
            state=MessageState.QUEUED.value,
            queued_at=self.now,
            due_at=self.now,
            amount_minor=owed.minor,
            currency=owed.currency,
            **more,
        )
        self._outbox.append(effect)
        self._waits.add(case_id)

    def review(self, case: models.Case, kind: ReviewKind, reason: str, proposal: str = "") -> None:
        """Put something on a person's desk; the caller has checked that none of this kind is open."""
        self._asked.add(case.id)
        self._reviews.append(
            models.ReviewItem(
                case_id=case.id,
                kind=kind.value,
                opened_at=self.now,
                reason=plain(reason),
                proposal=plain(proposal),
            )
        )

    def hold(self, case: models.Case, hold: Hold) -> None:
        """Make a case wait."""
        self._waits.add(case.id)
        self._holds.append(
            models.Hold(
                customer_id=case.customer_id,
                case_id=case.id,
                kind=hold.kind.value,
                start_at=hold.start,
                until_at=hold.until,
                by=plain(hold.by, 200),
                reason=plain(hold.reason, 500),
                instalments=instalment_columns(hold),
            )
        )

    def close(self, case: models.Case, ending: Ending) -> None:
        """End a case: nothing queued leaves any more, nothing stays on a desk, no alarm rings."""
        case.status, case.ending, case.closed_at = CaseStatus.CLOSED.value, ending.value, self.now
        case.due_at = None
        self._closed.append(case.id)
        self.changed(case)

    def resume(self, case: models.Case) -> None:
        """End the holds on a case that have run out; `ended_at` says when somebody noticed."""
        self._resumed.append(case)

    def break_plan(self, case: models.Case, plan: Hold) -> None:
        """End a payment plan of a case whose part did not come: `plan.until` is when it was missed."""
        self._broken.append((case, plan))

    def asked(self, case: models.Case) -> bool:
        """Say whether this journal puts something about a case on a desk."""
        return case.id in self._asked

    def waits(self, case: models.Case) -> bool:
        """Say whether this journal makes a case wait, or queues an effect of it."""
        return case.id in self._waits

    def write(self) -> None:
        """Write everything, in an order that keeps every reference valid."""
        changed: dict[bool, list[models.Case]] = {True: [], False: []}
        for case in self._cases.values():
            changed[case.as_read == _STEADY(case)].append(case)
        bulk.update(models.Case, _MOVING, changed[True])
        bulk.update(models.Case, (*_MOVING, *models.Case.STEADY), changed[False])
        bulk.insert(models.TimelineEntry, self._entries)
        bulk.insert(models.OutboxItem, self._outbox)
        bulk.insert(models.ReviewItem, self._reviews)
        bulk.insert(models.Hold, self._holds)
        if self._resumed:
            _end_holds(self._resumed, self.now)
        for case, plan in self._broken:
            _plans_like(case, plan).update(until_at=plan.until, ended_at=self.now)
        if self._closed:
            _settle_closed(self._closed, self.now)


def _settle_closed(cases: list[int], now: datetime) -> None:
    models.ReviewItem.objects.filter(case__in=cases, closed_at=None).update(
        closed_at=now, closed_by="dunwell", resolution=_CLOSED
    )
    models.Hold.objects.filter(case__in=cases, ended_at=None).update(ended_at=now)
    shared.stop_queued(cases, now, _CLOSED)
    # A reply that waited to be read waits no longer once every case it is about has ended.
    read = models.IncomingMail.objects.filter(state=MailState.WAITING.value, cases__in=cases)
    read.exclude(cases__closed_at=None).update(state=MailState.DONE.value)
    queued = models.OutboxItem.objects.filter(case__in=cases, state=MessageState.QUEUED.value)
    queued.exclude(kind__in=(*_OUTLIVES_ITS_CASE, models.OutboxItem.MAIL)).update(
        state=MessageState.STOPPED.value, settled_at=now, note=_CLOSED
    )


def _plans_like(case: models.Case, plan: Hold) -> QuerySet[models.Hold]:
    held = models.Hold.objects.filter(case=case, kind=plan.kind.value, start_at=plan.start, ended_at=None)
    return held.exclude(instalments=[])


def _end_holds(cases: list[models.Case], now: datetime) -> None:
    theirs = Q(case__in=cases) | Q(case=None, customer__in={case.customer_id for case in cases})
    models.Hold.objects.filter(theirs, ended_at=None, until_at__lte=now).update(ended_at=now)
