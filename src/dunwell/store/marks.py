"""How far the sweep of a source has come."""

from datetime import datetime

from dunwell.store import models
from dunwell.store.plain import plain


def mark_of(source: str) -> datetime | None:
    """The moment up to which a source has been swept."""
    return models.SweepMark.objects.filter(pk=source).values_list("until", flat=True).first()


def move_mark(source: str, until: datetime) -> None:
    """Remember how far a sweep has come; a mark never moves back."""
    row, created = models.SweepMark.objects.get_or_create(source=source, defaults={"until": until})
    if not created and until > row.until:
        models.SweepMark.objects.filter(pk=source, until__lt=until).update(until=until)


def place_of(source: str) -> str:
    """Where the reading of a source that is not read by time has come to; "" before it began."""
    return models.SweepMark.objects.filter(pk=source).values_list("place", flat=True).first() or ""


def move_place(source: str, place: str, at: datetime) -> None:
    """Remember a place in a source, reached at a moment."""
    said = {"place": plain(place, 200), "until": at}
    models.SweepMark.objects.update_or_create(source=source, defaults=said)


def forget(source: str) -> None:
    """Forget a mark."""
    models.SweepMark.objects.filter(pk=source).delete()
