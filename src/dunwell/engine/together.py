"""The open cases of a payer, looked at together before one of them is written about (spec 6).

Only customers about whom something is to be sent are asked for their other cases: one question a batch.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from dunwell.engine.letters import About, Letter, Unwritable, check_letter, compose
from dunwell.engine.ports import Ports
from dunwell.engine.trouble import attempt
from dunwell.policy.book import Book
from dunwell.policy.decide import decide
from dunwell.policy.decision import Decision
from dunwell.policy.facts import Case
from dunwell.policy.merging import Mail, numbers, sends
from dunwell.policy.words import Stage, Track
from dunwell.store import cases, keep, models, snapshots


@dataclass(frozen=True, slots=True)
class Look:
    """A locked case with its facts and what the rules make of them by themselves."""

    row: models.Case
    case: Case
    book: Book
    decision: Decision


@dataclass(frozen=True, slots=True)
class Shared:
    """A mail about several invoices, written: `leader` is the key of the row that leaves."""

    letter: Letter
    leader: str
    tone: Stage
    numbers: str


class Written:
    """When whom was written to in this batch: the others see it and wait."""

    def __init__(self) -> None:
        self._at: dict[str, datetime] = {}

    def note(self, case: Case, now: datetime) -> None:
        """Remember that the contact of a case is written to."""
        if case.customer.contact:
            self._at[case.customer.contact.email.casefold()] = now

    def seen_by(self, case: Case) -> Case:
        """Return the case as the rules see it after that."""
        contact = case.customer.contact
        at = self._at.get(contact.email.casefold()) if contact else None
        return replace(case, payer_written_at=at) if at else case


def look_at(row: models.Case, case: Case, now: datetime) -> Look:
    """Let the rules say what they make of a case."""
    book = keep.book_of(row.policy_id)
    return Look(row, case, book, decide(case, book.policy, now))


def with_mates(looks: Sequence[Look], now: datetime) -> dict[int, list[Look]]:
    """Find the other open cases of each customer who is to be written to, and lock them.

    Returns customers who have more than one, by id. A case that somebody else holds is left out: it sees what is
    sent now and waits.
    """
    writing = {look.row.customer_id for look in looks if sends(look.decision)}
    if not writing:
        return {}
    found: dict[int, list[Look]] = defaultdict(list)
    for look in looks:
        if look.row.customer_id in writing:
            found[look.row.customer_id].append(look)
    for mate in _mates(cases.lock_mates(sorted(writing), [look.row.pk for look in looks]), now):
        found[mate.row.customer_id].append(mate)
    return {customer: group for customer, group in found.items() if len(group) > 1}


def _mates(ids: Sequence[int], now: datetime) -> list[Look]:
    """Look at the others. One that breaks us is its own trouble, which its own alarm tells: they go without it."""
    found: list[Look] = []
    if ids and attempt("looking at a payer's other cases", partial(_look_at_all, ids, found, now)):
        found.clear()
        for case in ids:
            attempt(f"looking at case {case}", partial(_look_at_all, [case], found, now))
    return found


def _look_at_all(ids: Sequence[int], found: list[Look], now: datetime) -> None:
    rows = [row for row in snapshots.read_locked(ids) if row.track != Track.PERSONAL.value]
    built = snapshots.snapshots(rows, now) if rows else {}
    found += [look_at(row, built[row.pk], now) for row in rows]


def write_together(mail: Mail, looks: Sequence[Look], ports: Ports, now: datetime) -> Shared | Unwritable:
    """Write one mail about several cases, the one that leads first, in the words of its policy; checked."""
    about = About([(look.row.pk, look.case) for look in looks], mail.tone)
    book = looks[0].book
    letter = compose(about, book, ports, now)
    if isinstance(letter, Unwritable):
        return letter
    if broken := check_letter(letter, about, book, ports, now):
        return broken
    key = mail_key(looks[0].row, looks[0].case, mail.leader.stage)
    return Shared(letter, key, mail.tone, numbers([look.case for look in looks]))


def mail_key(row: models.Case, case: Case, stage: Stage) -> str:
    """The key of the mail of a stage: unique for ever, however often the stage was stopped before."""
    before = sum(1 for message in case.messages if message.stage is stage)
    return f"mail:{row.pk}:{stage.value}:{before}"
