"""Replies nobody has read yet: each holds all that its payer owes, and whoever reads it lets all of that go on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply about one invoice, and all the invoices it holds, that one among them if its case was open."""

    about: str
    held: frozenset[str]


class Unread:
    """The replies of one replay that nobody has read yet."""

    def __init__(self) -> None:
        self._replies: list[Reply] = []

    def put(self, about: str, held: list[str]) -> None:
        """Note a reply and the invoices that wait for it."""
        self._replies.append(Reply(about, frozenset(held)))

    def read(self, invoice: str) -> list[str]:
        """Take the replies as read that were about an invoice, else those that hold it; return what goes on.

        That is every other invoice they held and no other reply holds, in alphabetical order.
        """
        over = [reply for reply in self._replies if reply.about == invoice]
        over = over or [reply for reply in self._replies if invoice in reply.held]
        self._replies = [reply for reply in self._replies if reply not in over]
        still = {held for reply in self._replies for held in reply.held}
        return sorted({held for reply in over for held in reply.held} - still - {invoice})
