"""Reads the cases whose plans people want to see coming: large customers, and whatever we collect ourselves."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from dunwell.policy import facts, words
from dunwell.store import models
from dunwell.store.snapshots import snapshots

# The calendar shows what comes soonest; more than this at a time nobody reads.
AT_MOST = 500


@dataclass(frozen=True, slots=True)
class CaseAhead:
    """An open case with an alarm, as the rules see it."""

    id: int
    policy: str
    case: facts.Case


def cases_ahead(now: datetime) -> tuple[CaseAhead, ...]:
    """Read open cases with an alarm that are personal or collected by us, the next alarm first."""
    shown = Q(track=words.Track.PERSONAL.value) | Q(collection=words.CollectionOwner.DUNWELL.value)
    found = models.Case.objects.filter(shown, closed_at=None, due_at__isnull=False)
    rows = list(found.select_related("invoice", "customer").order_by("due_at", "pk")[:AT_MOST])
    built = snapshots(rows, now)
    return tuple(CaseAhead(row.pk, row.policy_id, built[row.pk]) for row in rows)
