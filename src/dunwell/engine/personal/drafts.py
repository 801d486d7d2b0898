"""Drafts come and go: written when the rules ask for one, withdrawn when what they say is no longer so."""

from datetime import datetime

from dunwell.policy.words import LetterState, MessageState, ReviewKind
from dunwell.store import claims, letters, models, people
from dunwell.store.journal import Journal

WITHDRAWN = "withdrawn"


def withdraw(row: models.Case, letter: models.Letter, why: str, to: Journal, *, by: str = "dunwell") -> bool:
    """Keep a letter of a locked case from ever leaving, and say why; False when it may have left already."""
    if letters.may_have_left(letter):
        return False
    stop_leaving(letter, why, to.now)
    letters.change(letter, state=LetterState.WITHDRAWN.value, note=why)
    to.entry(
        row, WITHDRAWN, f"Mail {letter.number} was withdrawn: {why}", by=by, detail={"letter": letter.pk}
    )
    asked_no_more(row, why, by, to.now)
    return True


def withdraw_live(row: models.Case, why: str, to: Journal, *, by: str = "dunwell") -> None:
    """Withdraw the letter of a locked case that has not left, if there is one."""
    letter = letters.live_letter(row)
    if letter is not None and letter.state != LetterState.IN_DOUBT.value:
        withdraw(row, letter, why, to, by=by)


def call_back(row: models.Case, why: str, to: Journal) -> None:
    """A hold begins: an approved letter that no worker has in hand yet stays, and stays approved."""
    letter = letters.live_letter(row)
    if letter is None or letter.state != LetterState.LEAVING.value or letters.may_have_left(letter):
        return
    stop_leaving(letter, why, to.now)
    letters.change(letter, state=LetterState.APPROVED.value)
    to.entry(row, "why_not", f"Mail {letter.number} waits: {why}", detail={"letter": letter.pk})


def stop_leaving(letter: models.Letter, why: str, now: datetime) -> None:
    """Stop what is queued of a letter. A worker that has it in hand finds at the gate that it must not leave."""
    for item in letters.effects_of(letter, models.OutboxItem.LETTER):
        stopped = MessageState.STOPPED
        claims.move_effect(item, frm=[MessageState.QUEUED], to=stopped, settled_at=now, note=why)


def asked_no_more(row: models.Case, resolution: str, by: str, now: datetime) -> None:
    """Take the draft off the desk."""
    for item in people.open_reviews_of(row):
        if item.kind == ReviewKind.DRAFT.value:
            people.settle_review(item, resolution, by, now)


def ask_to_approve(row: models.Case, letter: models.Letter, to: Journal, said: str = "") -> None:
    """Put a draft on the manager's desk, unless it lies there."""
    if people.has_open_review(row, ReviewKind.DRAFT):
        return
    reason = f"Mail {letter.number} to {letter.to_name} waits to be approved. {said}".strip()
    to.review(row, ReviewKind.DRAFT, reason, "Read it, change what you like, then approve it.")


def tell_manager(row: models.Case, letter: models.Letter, said: str, to: Journal) -> None:
    """Add something the manager has to know of a draft to what lies on their desk about it."""
    for item in people.open_reviews_of(row):
        if item.kind == ReviewKind.DRAFT.value:
            people.add_to_review(item, said)
            return
    ask_to_approve(row, letter, to, said)
