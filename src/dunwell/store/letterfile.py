"""Reads of personal mails for the desk, as frozen values: text, addresses, who did what, and the proof."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dunwell.policy import words
from dunwell.policy.facts import Person
from dunwell.policy.money import Money
from dunwell.store import models


@dataclass(frozen=True, slots=True)
class LetterFile:
    """A personal mail of a case exactly as it stands; times that have not come are None.

    `sender` is whom it was handed over from; None before.
    """

    id: int
    case: int
    number: int
    state: words.LetterState
    version: int
    to_name: str
    to_address: str
    to_ledger_id: str
    cc_name: str
    cc_address: str
    subject: str
    text: str
    amount: Money
    drafted_at: datetime
    edited_at: datetime | None
    edited_by: str
    owner_until: datetime | None
    owner_agreed_at: datetime | None
    approved_at: datetime | None
    approved_by: str
    sent_at: datetime | None
    confirmed_at: datetime | None
    via: str
    sender: Person | None
    author_ledger_id: str
    record_id: str
    note: str


def letter_file(letter: int) -> LetterFile | None:
    """Read one letter; None when there is no such letter."""
    row = models.Letter.objects.filter(pk=letter).first()
    return _file(row) if row is not None else None


def letters_of(case: int) -> tuple[LetterFile, ...]:
    """Read all letters of a case, oldest first."""
    rows = models.Letter.objects.filter(case=case).order_by("drafted_at", "pk")
    return tuple(_file(row) for row in rows)


def newest_letters(cases: Iterable[int]) -> dict[int, int]:
    """The id of the newest letter of each case that has one."""
    found = models.Letter.objects.filter(case__in=set(cases)).order_by("drafted_at", "pk")
    return dict(found.values_list("case_id", "pk"))


def _file(row: models.Letter) -> LetterFile:
    return LetterFile(
        id=row.pk,
        case=row.case_id,
        number=row.number,
        state=words.LetterState(row.state),
        version=row.version,
        to_name=row.to_name,
        to_address=row.to_address,
        to_ledger_id=row.to_ledger_id,
        cc_name=row.cc_name,
        cc_address=row.cc_address,
        subject=row.subject,
        text=row.text,
        amount=Money(row.amount_minor, row.currency),
        drafted_at=row.drafted_at,
        edited_at=row.edited_at,
        edited_by=row.edited_by,
        owner_until=row.owner_until,
        owner_agreed_at=row.owner_agreed_at,
        approved_at=row.approved_at,
        approved_by=row.approved_by,
        sent_at=row.sent_at,
        confirmed_at=row.confirmed_at,
        via=row.via,
        sender=Person(row.sender_name, row.sender_email) if row.sender_email else None,
        author_ledger_id=row.author_ledger_id,
        record_id=row.record_id,
        note=row.note,
    )
