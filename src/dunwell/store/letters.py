"""Personal mails in rows: found, and changed under their case's lock. Pages read them in `letterfile`."""

from datetime import datetime
from typing import Any

from dunwell.policy.words import LetterState, MessageState
from dunwell.store import models
from dunwell.store.plain import plain

# Letters that may still leave, or may have left without anybody knowing.
LIVE = (LetterState.DRAFT, LetterState.APPROVED, LetterState.LEAVING, LetterState.IN_DOUBT)


def letter_with_id(letter: int) -> models.Letter | None:
    """One letter by id. Ask again once its case is locked: only then does the answer stand."""
    return models.Letter.objects.filter(pk=letter).first()


def letter_of(item: models.OutboxItem) -> models.Letter:
    """The letter an effect is about, read anew; raises `ValueError` when it is about none."""
    letter = None if item.letter_id is None else letter_with_id(item.letter_id)
    if letter is None:
        raise ValueError(f"effect {item.key} is about no letter")
    return letter


def live_letter(case: models.Case) -> models.Letter | None:
    """The letter of a locked case that has not left, or may have."""
    return models.Letter.objects.filter(case=case, state__in=[state.value for state in LIVE]).first()


def change(letter: models.Letter, **values: Any) -> None:
    """Write new values to a letter whose case is locked."""
    for name, value in values.items():
        setattr(letter, name, plain(value) if isinstance(value, str) else value)
    letter.save(update_fields=list(values))


def effects_of(letter: models.Letter, kind: str) -> list[models.OutboxItem]:
    """The effects of a kind that a letter had, oldest first."""
    return list(models.OutboxItem.objects.filter(letter=letter, kind=kind).order_by("pk"))


def disown_effects(letter: models.Letter, now: datetime) -> None:
    """A letter did not arrive: what was to bring it there counts as stopped."""
    brought = models.OutboxItem.objects.filter(letter=letter, kind=models.OutboxItem.LETTER)
    brought.filter(settled_at=None).update(settled_at=now)
    note = "A person says that it did not arrive."
    ended = [MessageState.SENT.value, MessageState.UNKNOWN.value, MessageState.REFUSED.value]
    brought.filter(state__in=ended).update(state=MessageState.STOPPED.value, note=note)


def may_have_left(letter: models.Letter) -> bool:
    """Say whether a letter is at the door, or beyond: it must not be taken back any more.

    `via` is set when it is handed over, and emptied again once it is certain that nothing left.
    """
    return bool(letter.via)
