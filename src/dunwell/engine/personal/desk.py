"""One effect about a letter with its locked case: what every effect of a personal mail works on."""

from dataclasses import dataclass
from datetime import datetime

from dunwell.engine.ports import Ports
from dunwell.engine.record import look_again
from dunwell.policy.book import Book
from dunwell.policy.words import MessageState, ReviewKind
from dunwell.store import cases, claims, keep, letters, models, people
from dunwell.store.journal import Journal


@dataclass(slots=True)
class Desk:
    """One claimed effect with its letter and its locked case, inside one transaction."""

    item: models.OutboxItem
    row: models.Case
    letter: models.Letter
    book: Book
    journal: Journal
    ports: Ports

    @property
    def now(self) -> datetime:
        """When this transaction is."""
        return self.journal.now

    def entry(self, kind: str, text: str, **more: object) -> None:
        """Add to the timeline what happened to the letter."""
        detail = {"letter": self.letter.pk, "number": self.letter.number, "key": self.item.key, **more}
        self.journal.entry(self.row, kind, text, detail=detail)

    def move(self, to: MessageState, **values: object) -> bool:
        """Change the effect's state if it still is ours and under way; say whether it was."""
        return claims.move_effect(
            self.item, frm=[MessageState.CLAIMED, MessageState.HANDING_OVER], to=to, **values
        )

    def settle(self, to: MessageState, note: str, **values: object) -> bool:
        """Bring the effect to its end if it still is ours; say whether it was."""
        return self.move(to, settled_at=self.now, note=note, **values)

    def ask(self, kind: ReviewKind, reason: str, proposal: str) -> None:
        """Put something on a person's desk, unless it lies there or the case is closed."""
        if self.row.closed_at is None:
            people.ask_once(self.row, kind, reason, proposal, self.journal)

    def look_again(self) -> None:
        """Write what happened, then let the rules see it."""
        self.journal.write()
        if self.row.closed_at is None:
            look_again(self.row, self.now, self.ports)


def desk_of(item: models.OutboxItem, ports: Ports, now: datetime) -> Desk:
    """Lock the case of an effect and read its letter anew."""
    row = cases.locked_case(item.case_id)
    return Desk(item, row, letters.letter_of(item), keep.book_of(row.policy_id), Journal(now), ports)
