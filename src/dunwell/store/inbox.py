"""What became of events in the inbox."""

from collections.abc import Sequence
from datetime import datetime

from dunwell.store.models import InboxEvent
from dunwell.store.plain import plain


def settle(events: Sequence[InboxEvent], state: str, note: str, now: datetime) -> None:
    """Give events their final state with a short note why."""
    InboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(
        state=state, note=plain(note, 500), settled_at=now
    )


def postpone(event: InboxEvent, until: datetime, note: str) -> None:
    """Leave an event waiting and look at it again later."""
    InboxEvent.objects.filter(pk=event.pk).update(due_at=until, note=plain(note, 500))
