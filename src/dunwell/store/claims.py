"""Who works on what: due rows found by index and taken so that no two workers hold the same one."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from dunwell.policy.rules import ON_ITS_WAY
from dunwell.policy.words import MessageState
from dunwell.store import models, shared
from dunwell.store.plain import plain

# What a mail server or vendor said may be of any length.
LONGEST_NOTE = 2000
# Effects that are not done yet, in the order in which the index `outbox_alarm` names them.
RUNNING = [state.value for state in MessageState if state in ON_ITS_WAY]

# What a mail server is told, which cannot be asked afterwards. `method` is what a letter leaves through.
SMTP = "smtp"
_ONCE = Q(kind__in=(models.OutboxItem.MAIL, models.OutboxItem.ANSWER)) | Q(
    kind=models.OutboxItem.LETTER, method=SMTP
)
# What a person can say of whether it arrived.
_ASKED_ABOUT = (models.OutboxItem.MAIL, models.OutboxItem.ANSWER)


def one_transaction() -> AbstractContextManager[None]:
    """All or nothing. On SQLite it takes the write lock at its start (IMMEDIATE)."""
    return transaction.atomic()


def due_cases(now: datetime, limit: int) -> list[int]:
    """Ids of cases whose alarm has rung, oldest first, locked until the transaction ends.

    PostgreSQL skips rows another worker holds; on SQLite the transaction has no rival. A worker that
    dies rolls back and the alarm still stands, so a tick needs no lease.
    """
    due = models.Case.objects.filter(due_at__lte=now).order_by("due_at", "pk")
    return list(
        due.select_for_update(skip_locked=True, no_key=True, of=("self",)).values_list("pk", flat=True)[
            :limit
        ]
    )


def next_alarm() -> datetime | None:
    """When the next alarm of any case, message or event rings."""
    cases = models.Case.objects.filter(due_at__isnull=False).order_by("due_at", "pk")
    items = models.OutboxItem.objects.filter(state__in=RUNNING, carried_by="").order_by("due_at", "pk")
    events = models.InboxEvent.objects.filter(state=models.InboxEvent.WAITING).order_by("due_at", "pk")
    found = [query.values_list("due_at", flat=True).first() for query in (cases, items, events)]
    return min((at for at in found if at is not None), default=None)


def claim_events(now: datetime, limit: int, lease: timedelta) -> list[models.InboxEvent]:
    """Take waiting events, oldest first, by moving their alarm on: if we die they ring again."""
    with one_transaction():
        due = models.InboxEvent.objects.filter(state=models.InboxEvent.WAITING, due_at__lte=now)
        rows = list(due.order_by("due_at", "pk").select_for_update(skip_locked=True, no_key=True)[:limit])
        if rows:
            taken = models.InboxEvent.objects.filter(pk__in=[row.pk for row in rows])
            taken.update(due_at=now + lease, tries=F("tries") + 1)
    for row in rows:
        row.tries += 1
    return rows


def claim_effects(now: datetime, limit: int, worker: str, lease: timedelta) -> list[models.OutboxItem]:
    """Take effects that are due: queued ones, and claimed ones whose worker has let its lease run out.

    What was being handed over may be taken again where a repeat is harmless: a key makes it so, or the
    vendor can be asked. Mail to a customer through a mail server may not; `abandoned_mails` finds that. What
    another row carries is never taken by itself.
    """
    repeatable = Q(state=MessageState.HANDING_OVER.value) & ~_ONCE
    free = Q(state=MessageState.QUEUED.value) | Q(state=MessageState.CLAIMED.value) | repeatable
    with one_transaction():
        due = models.OutboxItem.objects.filter(free, due_at__lte=now, state__in=RUNNING, carried_by="")
        ids = list(
            due.order_by("due_at", "pk")
            .select_for_update(skip_locked=True, no_key=True)
            .values_list("pk", flat=True)[:limit]
        )
        if not ids:
            return []
        # While claimed, due_at is when the lease runs out: one index finds both.
        models.OutboxItem.objects.filter(pk__in=ids).update(
            state=MessageState.CLAIMED.value,
            claimed_by=worker,
            due_at=now + lease,
            tries=F("tries") + 1,
        )
    rows = models.OutboxItem.objects.filter(pk__in=ids, claimed_by=worker).select_related("case__invoice")
    return list(shared.with_carries(rows).order_by("pk"))


def abandoned_mails(now: datetime) -> list[models.OutboxItem]:
    """Mails that were being handed over when their worker vanished: nobody knows whether they left."""
    rows = models.OutboxItem.objects.filter(
        _ONCE, state=MessageState.HANDING_OVER.value, due_at__lte=now, carried_by=""
    )
    return list(shared.with_carries(rows).order_by("pk"))


def move_effect(
    item: models.OutboxItem, *, frm: Sequence[MessageState], to: MessageState, **values: object
) -> bool:
    """Change an effect's state if it still is in one of `frm` and ours; say whether it was.

    Ours: nobody has claimed it since, which `tries` counts even if two workers should have one name. What it
    carries goes with it.
    """
    if isinstance(values.get("note"), str):
        values["note"] = plain(str(values["note"]), LONGEST_NOTE)
    changed = models.OutboxItem.objects.filter(
        pk=item.pk,
        state__in=[state.value for state in frm],
        claimed_by=item.claimed_by,
        tries=item.tries,
    ).update(state=to.value, **values)
    if changed and shared.may_carry(item):
        shared.move_carried(item.key, to, **values)
    return changed == 1


def stop_queued_mails(case: models.Case, now: datetime, note: str) -> list[models.OutboxItem]:
    """Stop what is queued for a case and no worker has in hand; return what was stopped."""
    return shared.stop_queued([case.pk], now, note)


def charges_with(case: models.Case, method: str) -> list[str]:
    """The states of all charges of a case with one method, the oldest first."""
    found = models.OutboxItem.objects.filter(case=case, kind=models.OutboxItem.CHARGE, method=method)
    return list(found.order_by("pk").values_list("state", flat=True))


def count_effects(case: models.Case, kind: str) -> int:
    """How many effects of a kind a case has had, whatever became of them."""
    return models.OutboxItem.objects.filter(case=case, kind=kind).count()


def has_effect(case: models.Case, kind: str) -> bool:
    """Say whether a case ever had an effect of a kind."""
    return models.OutboxItem.objects.filter(case=case, kind=kind).exists()


def answer_for(
    case: models.Case, frm: MessageState, to: MessageState, now: datetime, note: str
) -> list[models.OutboxItem]:
    """A person says what became of the mails of a case in state `frm`; return their rows as they were.

    A mail about several invoices has a row for each: what is said of one is said of all.
    """
    found = asked_about(case, frm)
    unsettled = models.OutboxItem.objects.filter(pk__in=[mail.pk for mail in found])
    unsettled.filter(settled_at=None).update(settled_at=now)
    unsettled.update(state=to.value, note=note)
    return found


def asked_about(case: models.Case, state: MessageState) -> list[models.OutboxItem]:
    """The rows of every mail in a state that is about a case, those of the other invoices among them."""
    mine = models.OutboxItem.objects.filter(case=case, kind__in=_ASKED_ABOUT, state=state.value)
    keys = {carried_by or key for key, carried_by in mine.values_list("key", "carried_by")}
    if not keys:
        return []
    mails = models.OutboxItem.objects.filter(Q(key__in=keys) | Q(carried_by__in=keys), state=state.value)
    return list(mails.order_by("pk"))
