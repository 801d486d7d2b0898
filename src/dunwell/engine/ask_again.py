"""What to do with an effect whose ledger cannot be read: keep it, ask again, and in the end tell a person."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from dunwell.engine.record import unblock
from dunwell.policy.facts import InvoiceReading, Unreadable
from dunwell.policy.gate import Verdict, VerdictKind, cannot_read
from dunwell.policy.ledger import Standing
from dunwell.policy.policy import Policy
from dunwell.policy.words import MessageState, ReviewKind
from dunwell.store import claims, models, people
from dunwell.store.journal import Journal

R = TypeVar("R", InvoiceReading, Standing)

# A person who settled it while the ledger was still away hears of it again after this long.
TELL_AGAIN = timedelta(days=1)
# How long to wait for a vendor that says asking again cannot help, when it must be asked again all the same.
SLOWLY = timedelta(hours=1)
# What a person who is told of it can do.
CHECK_LEDGER = "Check the connection to the ledger; what waits goes out once it can be read."


def in_time(reading: R | Unreadable, policy: Policy, now: datetime) -> R | Unreadable:
    """A reading that took longer than the gate lets one be old is as good as none."""
    if isinstance(reading, Unreadable):
        return reading
    took = now - reading.at
    if took < timedelta(seconds=policy.gate.reading_max_age_seconds):
        return reading
    return Unreadable("it took too long to answer")


def never_given_up(who: str, said: Unreadable, policy: Policy, now: datetime, since: datetime) -> Verdict:
    """Judge an effect that must be done some day: whatever the vendor says, it is asked again."""
    verdict = cannot_read(who, said, policy, now, since)
    return verdict if verdict.again_at else replace(verdict, again_at=now + SLOWLY)


def ask_again(
    item: models.OutboxItem,
    row: models.Case,
    journal: Journal,
    verdict: Verdict,
    at: datetime,
    proposal: str = CHECK_LEDGER,
) -> str:
    """Put an effect back into the queue until `at`; its first wait and the day's end leave an entry."""
    tell_waiting(item, row, journal, verdict, proposal)
    moved = claims.move_effect(
        item, frm=[MessageState.CLAIMED], to=MessageState.QUEUED, due_at=at, note=verdict.why
    )
    if not moved:
        return "taken"
    journal.write()
    return MessageState.QUEUED.value


def tell_waiting(
    item: models.OutboxItem,
    row: models.Case,
    journal: Journal,
    verdict: Verdict,
    proposal: str = CHECK_LEDGER,
) -> None:
    """Note what an effect waits for, once for each reason, and in the end ask a person."""
    tell = verdict.kind is VerdictKind.REVIEW and not people.asked_since(
        row, ReviewKind.LEDGER_UNREADABLE, journal.now - TELL_AGAIN
    )
    if tell or _gist(item.note) != _gist(verdict.why):
        about = {"stage": item.stage, "method": item.method}
        detail = {name: what for name, what in about.items() if what} or {"key": item.key}
        journal.entry(row, "why_not", verdict.why, detail=detail)
    if tell:
        journal.review(row, ReviewKind.LEDGER_UNREADABLE, verdict.why, proposal)


def _gist(why: str) -> str:
    """What is wrong, without the vendor's words for it, which may differ each time."""
    return why.partition(":")[0]


def answers_again(row: models.Case, journal: Journal) -> None:
    """The ledger, or the mailbox, can be read again: what lay on a desk about it is done."""
    about = [item for item in people.open_reviews_of(row) if item.kind == ReviewKind.LEDGER_UNREADABLE.value]
    mailbox = any(item.reason.startswith("The mailbox") for item in about)
    said = f"The {'mailbox' if mailbox else 'ledger'} can be read again."
    if people.settle_kind(row, ReviewKind.LEDGER_UNREADABLE, said, "dunwell", journal.now):
        journal.entry(row, "settled", said)
    unblock(row)
