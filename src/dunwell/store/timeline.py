"""Reads timelines: one case's story, or every chain one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from dunwell.policy.words import MessageState
from dunwell.store import models

# The kind of entry that says a mail server put a message off.
DEFERRED = "deferred"
CLAWED_BACK = "clawed_back"
# ... and that tells what a bank answered to a charge, or that no answer came.
CHARGE = "charge"


@dataclass(frozen=True, slots=True)
class Chain:
    """The entries of one case, oldest first, and what the case says its chain should be."""

    case: int
    invoice: str
    expected_length: int
    expected_head: str
    entries: tuple[models.TimelineEntry, ...]

    @property
    def length(self) -> int:
        """How many entries are here."""
        return len(self.entries)


def story(case: models.Case) -> list[models.TimelineEntry]:
    """A case's timeline, oldest first."""
    return list(models.TimelineEntry.objects.filter(case=case).order_by("seq"))


def deferrals(case: models.Case, stage: str) -> list[datetime]:
    """When a mail server put off a stage of this case, oldest first, since it last said no for good."""
    kinds = [MessageState.REFUSED.value, DEFERRED]
    said = models.TimelineEntry.objects.filter(case=case, kind__in=kinds, detail__stage=stage)
    found: list[datetime] = []
    for kind, at in said.order_by("seq").values_list("kind", "at"):
        found = [*found, at] if kind == DEFERRED else []
    return found


def charges_told(case: models.Case, key: str) -> int:
    """How often the timeline of a case tells of the charge with a key."""
    return told_of(case, CHARGE, key)


def told_of(case: models.Case, kind: str, key: str) -> int:
    """How many entries of a kind on a case are about the effect with a key."""
    return models.TimelineEntry.objects.filter(case=case, kind=kind, detail__key=key).count()


def first_told(case: models.Case, kind: str, key: str) -> datetime | None:
    """When the first entry of a kind about the effect with a key was written; None when there is none."""
    entries = models.TimelineEntry.objects.filter(case=case, kind=kind, detail__key=key)
    return entries.order_by("seq").values_list("at", flat=True).first()


def told_since(case: models.Case, kind: str, since: datetime) -> bool:
    """Say whether the newest entry of a kind on a case is younger than a moment."""
    entries = models.TimelineEntry.objects.filter(case=case, kind=kind).order_by("-seq")
    newest = entries.values_list("at", flat=True).first()
    return newest is not None and newest > since


def chains() -> Iterator[Chain]:
    """Every case with its entries, in two parallel ordered scans, a batch of rows in memory at a time.

    Whoever writes meanwhile can make a case look ahead of its entries: look again with `chain_of`.
    """
    cases = models.Case.objects.select_related("invoice").only(
        "pk", "chain_length", "chain_head", "invoice__number"
    )
    entries = models.TimelineEntry.objects.order_by("case_id", "seq").iterator(chunk_size=2000)
    groups = groupby(entries, key=lambda entry: entry.case_id)
    group = next(groups, None)
    for case in cases.order_by("pk").iterator(chunk_size=2000):
        mine: tuple[models.TimelineEntry, ...] = ()
        while group is not None and group[0] < case.pk:
            group = next(groups, None)
        if group is not None and group[0] == case.pk:
            mine = tuple(group[1])
            group = next(groups, None)
        yield Chain(case.pk, case.invoice.number, case.chain_length, case.chain_head, mine)


def chain_of(case: models.Case) -> Chain:
    """The chain of one case, which the caller has locked."""
    return Chain(case.pk, case.invoice.number, case.chain_length, case.chain_head, tuple(story(case)))
