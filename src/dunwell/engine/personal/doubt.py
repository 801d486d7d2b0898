"""A person says what became of a letter nobody knew about, or that was refused."""

from dunwell.engine.personal import drafts
from dunwell.policy.words import LetterState, ReviewKind
from dunwell.store import letters, models
from dunwell.store.journal import Journal


def answered(row: models.Case, about: ReviewKind, to: Journal, *, arrived: bool, by: str) -> None:
    """Take a person's word for the letter in doubt of a locked case, if there is one.

    One that arrived counts as sent. One that was refused is still signed and goes again; one that was lost is
    to be signed again first, because it leaves under a new key.
    """
    letter = letters.live_letter(row)
    if letter is None or letter.state != LetterState.IN_DOUBT.value:
        return
    if arrived:
        _arrived(row, letter, to, by)
        return
    letters.disown_effects(letter, to.now)
    letters.change(letter, via="", sent_at=None)
    if about is ReviewKind.SEND_REFUSED:
        letters.change(letter, state=LetterState.APPROVED.value)
    else:
        drafts.unsign(row, letter, f"{by} says that it did not arrive.", to, by=by)


def _arrived(row: models.Case, letter: models.Letter, to: Journal, by: str) -> None:
    effects = letters.effects_of(letter, models.OutboxItem.LETTER)
    handed = [item.settled_at for item in effects if item.settled_at is not None]
    sent_at = letter.sent_at or max(handed, default=to.now)
    said = f"{by} says that it arrived."
    state = LetterState.CONFIRMED.value
    letters.change(letter, state=state, sent_at=sent_at, confirmed_at=to.now, note=said)
    detail = {"letter": letter.pk, "number": letter.number, "sent_at": sent_at.isoformat()}
    to.entry(row, "confirmed", f"Letter {letter.number}: {said}", by=by, detail=detail)
