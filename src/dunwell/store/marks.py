"""How far the sweep of a source has come."""

from datetime import datetime

from dunwell.store import models


def mark_of(source: str) -> datetime | None:
    """The moment up to which a source has been swept."""
    return models.SweepMark.objects.filter(pk=source).values_list("until", flat=True).first()


def move_mark(source: str, until: datetime) -> None:
    """Remember how far a sweep has come; a mark never moves back."""
    row, created = models.SweepMark.objects.get_or_create(source=source, defaults={"until": until})
    if not created and until > row.until:
        models.SweepMark.objects.filter(pk=source, until__lt=until).update(until=until)
