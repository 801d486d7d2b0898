"""Mails about several invoices: a row for each, one of which leaves and carries the others.

The row that leaves is the mail: its state is the state of all. An invoice can be taken out of a mail that is queued;
the others then stay together until whoever performs the mail finds it incomplete and lets the rules choose anew.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from dunwell.policy.words import MessageState
from dunwell.store import models
from dunwell.store.plain import plain

# What left the mail before it left the house, or reached nobody.
OUT = (MessageState.STOPPED.value, MessageState.BOUNCED.value)
_QUEUED = MessageState.QUEUED.value


def carried(key: str) -> QuerySet[models.OutboxItem]:
    """The rows that one carries, found by index."""
    return models.OutboxItem.objects.filter(carried_by=key).exclude(carried_by="")


def with_carries(rows: QuerySet[models.OutboxItem]) -> QuerySet[models.OutboxItem]:
    """Say of each row whether it carries others (`carries`), so that nobody has to ask again."""
    others = models.OutboxItem.objects.filter(carried_by=OuterRef("key")).exclude(carried_by="")
    return rows.annotate(carries=Exists(others))


def may_carry(item: models.OutboxItem) -> bool:
    """Say whether a row carries others, as far as is known without asking."""
    return item.kind == models.OutboxItem.MAIL and bool(getattr(item, "carries", True))


def parts_of(item: models.OutboxItem) -> list[models.OutboxItem]:
    """The rows of a mail with their cases' facts, its own first, those taken out of it among them."""
    rows = list(carried(item.key).select_related("case__invoice", "case__customer").order_by("pk"))
    return [item, *rows]


def move_carried(key: str, to: MessageState, **values: object) -> None:
    """Let the rows that a mail carries share its fate; the amount of each stays its own."""
    same = {name: value for name, value in values.items() if name not in ("amount_minor", "currency")}
    carried(key).exclude(state__in=OUT).update(state=to.value, **same)


def set_amount(item: models.OutboxItem, minor: int) -> None:
    """Note what a mail says is open on the invoice of one of its rows."""
    models.OutboxItem.objects.filter(pk=item.pk).update(amount_minor=minor)


def stop_queued(cases: Iterable[int], now: datetime, note: str) -> list[models.OutboxItem]:
    """Stop the mails that are queued for some locked cases and that no worker has in hand; return those.

    What shared a mail with them is not stopped: another row leads it from now on, due at once.
    """
    mails = models.OutboxItem.objects.filter(case__in=cases, kind=models.OutboxItem.MAIL, state=_QUEUED)
    found = [_stopped(mail, now, note) for mail in with_carries(mails).order_by("pk")]
    return [mail for mail in found if mail is not None]


def _stopped(mail: models.OutboxItem, now: datetime, note: str) -> models.OutboxItem | None:
    if mail.carried_by or may_carry(mail):
        mail = _with_leader_locked(mail)
    changed = models.OutboxItem.objects.filter(pk=mail.pk, state=_QUEUED, tries=mail.tries).update(
        state=MessageState.STOPPED.value, settled_at=now, note=plain(note)
    )
    if not changed:
        return None
    if mail.carried_by:
        models.OutboxItem.objects.filter(key=mail.carried_by, state=_QUEUED).update(due_at=now)
    elif may_carry(mail):
        _hand_on(mail, now)
    return mail


def _with_leader_locked(mail: models.OutboxItem) -> models.OutboxItem:
    """Everybody locks the row that leads before those it carries; it may have changed while we waited."""
    leader = ""
    while leader != (mail.carried_by or mail.key):
        leader = mail.carried_by or mail.key
        list(models.OutboxItem.objects.select_for_update(no_key=True).filter(key=leader))
        mail = with_carries(models.OutboxItem.objects.all()).get(pk=mail.pk)
    return mail


def _hand_on(mail: models.OutboxItem, now: datetime) -> None:
    """Let another row lead what a stopped one carried; the stopped one stays with them, to be found missing."""
    heir = carried(mail.key).filter(state=_QUEUED).order_by("pk").first()
    if heir is None:
        return
    carried(mail.key).exclude(pk=heir.pk).update(carried_by=heir.key)
    models.OutboxItem.objects.filter(pk=heir.pk).update(carried_by="", due_at=now)
    models.OutboxItem.objects.filter(pk=mail.pk).update(carried_by=heir.key)
