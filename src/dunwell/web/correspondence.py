"""The mails of a case in one list by time, whoever wrote them, and whose reply a hold waits for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dunwell.policy.words import HoldKind, MailState
from dunwell.store.casefile import CaseFile, MailRow
from dunwell.store.letterfile import LetterFile
from dunwell.store.replies import Gist


class Way(StrEnum):
    """Which way a mail went: in, out by the rules or as an answer, or out as a signed letter."""

    IN = "in"
    OUT = "out"
    LETTER = "letter"


@dataclass(frozen=True, slots=True)
class Line:
    """One mail; `at` is when it came in or left, or was written if it has not left."""

    at: datetime
    way: Way
    mail: Gist | MailRow | LetterFile


def of_case(file: CaseFile) -> list[Line]:
    """Every mail of a case, the oldest first."""
    lines = [Line(mail.received_at, Way.IN, mail) for mail in file.incoming]
    lines += [Line(mail.settled_at or mail.queued_at, Way.OUT, mail) for mail in file.mails]
    lines += [Line(letter.sent_at or letter.drafted_at, Way.LETTER, letter) for letter in file.letters]
    return sorted(lines, key=lambda line: line.at)


def replied(file: CaseFile) -> dict[int, Gist]:
    """Whose reply each of the case's active reply holds waits for, by hold; the newest when several may be meant."""
    found = {}
    for hold in file.active_holds:
        if hold.kind is not HoldKind.REPLY:
            continue
        theirs = [
            mail for mail in file.incoming if mail.address == hold.by and mail.received_at <= hold.start
        ]
        waiting = [mail for mail in file.incoming if mail.state is MailState.WAITING]
        if theirs or waiting:
            found[hold.id] = theirs[-1] if theirs else waiting[0]
    return found
