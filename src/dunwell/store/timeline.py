"""Reads timelines: one case's story, or every chain one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from dunwell.store import models


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


def chains() -> Iterator[Chain]:
    """Every case with its entries, in two parallel ordered scans, a batch of rows in memory at a time."""
    cases = models.Case.objects.select_related("invoice").only(
        "pk", "chain_length", "chain_head", "invoice__number"
    )
    entries = models.TimelineEntry.objects.order_by("case_id", "seq").iterator(chunk_size=2000)
    groups = groupby(entries, key=lambda entry: entry.case_id)
    group = next(groups, None)
    for case in cases.order_by("pk").iterator(chunk_size=2000):
        mine: tuple[models.TimelineEntry, ...] = ()
        if group is not None and group[0] == case.pk:
            mine = tuple(group[1])
            group = next(groups, None)
        yield Chain(case.pk, case.invoice.number, case.chain_length, case.chain_head, mine)
