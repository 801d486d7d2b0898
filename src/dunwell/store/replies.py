"""Replies on the desk: what came in, what was made of it, and the rows a person's decision changes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import Count, Q

from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.policy.replies import ReplyKind
from dunwell.store import models
from dunwell.store.plain import plain
from dunwell.store.snapshots import customer_facts

# Mails nobody could place, on one page of the queue.
UNPLACED = 50
_OVER = (words.MessageState.STOPPED.value, words.MessageState.REFUSED.value)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a mail was read as. `start` and `end` are where its words stand in the sender's own text."""

    kind: ReplyKind
    date: date | None
    words: str
    start: int | None
    end: int | None
    why: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person made of it."""

    kind: ReplyKind
    date: date | None
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ReplyCase:
    """A case that a mail is about."""

    id: int
    invoice: str
    open: Money
    status: words.CaseStatus
    ending: words.Ending | None
    customer: facts.Customer
    policy: str
    closed: bool


@dataclass(frozen=True, slots=True)
class AttachmentRow:
    """A file that came with a mail; its size in bytes."""

    id: int
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer a person wrote, and what became of it."""

    id: int
    state: words.MessageState
    by: str
    to_address: str
    subject: str
    text: str
    queued_at: datetime
    settled_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class ReplyFile:
    """One mail that came in, with everything around it. All its texts are a stranger's.

    `cases` are all that it holds or is told of; `about` the ids of those that it seems to be about.
    """

    id: int
    state: words.MailState
    nature: words.MailNature | None
    matched_by: words.MatchedBy | None
    sender_name: str
    sender_address: str
    received_at: datetime
    sent_at: datetime | None
    subject: str
    text: str
    own: str
    has_html: bool
    automatic: str
    problems: tuple[str, ...]
    proposal: Proposal | None
    decided: Decided | None
    cases: tuple[ReplyCase, ...]
    about: tuple[int, ...]
    attachments: tuple[AttachmentRow, ...]
    answers: tuple[AnswerRow, ...]

    @property
    def sender(self) -> str:
        """Who wrote, in words."""
        return self.sender_name or self.sender_address or "Somebody without an address"

    @property
    def waits(self) -> bool:
        """Whether a person still has to say what follows."""
        return self.state is words.MailState.WAITING

    @property
    def answered(self) -> bool:
        """Whether there is an answer that has left, may have left or is about to."""
        return any(answer.state.value not in _OVER for answer in self.answers)


def reply_file(mail: int) -> ReplyFile | None:
    """Read one mail; None when there is none."""
    row = models.IncomingMail.objects.filter(pk=mail).first()
    if row is None:
        return None
    cases = row.cases.select_related("invoice", "customer").order_by("pk")
    attachments = row.attachments.order_by("pk").values_list("pk", "name", "media_type", "size")
    return ReplyFile(
        id=row.pk,
        state=words.MailState(row.state),
        nature=words.MailNature(row.nature) if row.nature else None,
        matched_by=words.MatchedBy(row.matched_by) if row.matched_by else None,
        sender_name=row.sender_name,
        sender_address=row.sender_address,
        received_at=row.received_at,
        sent_at=row.sent_at,
        subject=row.subject,
        text=row.text,
        own=row.own,
        has_html=bool(row.html),
        automatic=row.automatic,
        problems=tuple(str(problem) for problem in row.problems),
        proposal=_proposal(row),
        decided=_decided(row),
        cases=tuple(reply_case(case) for case in cases),
        about=tuple(row.about),
        attachments=tuple(AttachmentRow(*values) for values in attachments),
        answers=tuple(_answer(answer) for answer in row.answers.order_by("pk")),
    )


def _proposal(row: models.IncomingMail) -> Proposal | None:
    if not row.reading_kind:
        return None
    return Proposal(
        ReplyKind(row.reading_kind),
        row.reading_date,
        row.reading_words,
        row.reading_start,
        row.reading_end,
        row.reading_why,
        tuple(str(note) for note in row.reading_notes),
    )


def _decided(row: models.IncomingMail) -> Decided | None:
    if not row.decided_kind:
        return None
    return Decided(ReplyKind(row.decided_kind), row.decided_date, row.decided_by, row.decided_at)


def reply_case(row: models.Case) -> ReplyCase:
    """A case as the page of a mail shows it; its invoice and customer are at hand."""
    return ReplyCase(
        id=row.pk,
        invoice=row.invoice.number,
        open=Money(row.invoice.open_minor, row.invoice.currency),
        status=words.CaseStatus(row.status),
        ending=words.Ending(row.ending) if row.ending else None,
        customer=customer_facts(row.customer, None),
        policy=row.policy_id,
        closed=row.closed_at is not None,
    )


def _answer(row: models.OutboxItem) -> AnswerRow:
    return AnswerRow(
        id=row.pk,
        state=words.MessageState(row.state),
        by=row.method,
        to_address=row.to_address,
        subject=row.subject,
        text=row.text,
        queued_at=row.queued_at,
        settled_at=row.settled_at,
        note=row.note,
    )


def html_of(mail: int) -> str | None:
    """The sanitised HTML of a mail; None when it has none."""
    found = models.IncomingMail.objects.filter(pk=mail).values_list("html", flat=True).first()
    return found or None


def attachment(mail: int, attachment: int) -> tuple[str, str, bytes] | None:
    """Name, media type and content of a file that came with a mail; None when there is no such file."""
    row = models.Attachment.objects.filter(pk=attachment, mail=mail).first()
    return None if row is None else (row.name, row.media_type, bytes(row.content))


@dataclass(frozen=True, slots=True)
class Gist:
    """One line about a mail: who wrote, how it begins, and what it was read as.

    `own` is all of what they wrote, for the history of a case; elsewhere it is left out.
    """

    id: int
    sender: str
    address: str
    subject: str
    begins: str
    received_at: datetime
    kind: ReplyKind | None
    date: date | None
    state: words.MailState
    nature: words.MailNature | None
    why: str = ""
    own: str = ""
    decided: Decided | None = None


def waiting_mails(cases: Iterable[int]) -> Mapping[int, tuple[Gist, ...]]:
    """The mails of each case that wait for a decision, the oldest first."""
    wanted = set(cases)
    found: dict[int, list[Gist]] = defaultdict(list)
    if not wanted:
        return {}
    about = models.IncomingMail.cases.through.objects.filter(
        case_id__in=wanted, incomingmail__state=words.MailState.WAITING.value
    )
    for link in about.select_related("incomingmail").order_by("incomingmail__received_at", "incomingmail_id"):
        found[link.case_id].append(_gist(link.incomingmail))
    return {case: tuple(mails) for case, mails in found.items()}


def mails_of_case(case: int) -> tuple[Gist, ...]:
    """Every mail that came in about a case, the oldest first."""
    rows = models.IncomingMail.objects.filter(cases=case).order_by("received_at", "pk")
    return tuple(replace(_gist(row), own=row.own, decided=_decided(row)) for row in rows)


def unplaced_mails() -> tuple[Gist, ...]:
    """Mails nobody could place, the oldest first."""
    rows = models.IncomingMail.objects.filter(state=words.MailState.UNMATCHED.value)
    return tuple(_gist(row) for row in rows.order_by("received_at", "pk")[:UNPLACED])


def count_unplaced(at_most: int = 100) -> int:
    """Count mails nobody could place, up to `at_most`."""
    return models.IncomingMail.objects.filter(state=words.MailState.UNMATCHED.value)[:at_most].count()


_BEGINS = 160


def _gist(row: models.IncomingMail) -> Gist:
    said = " ".join((row.own or row.text)[: 8 * _BEGINS].split())
    return Gist(
        id=row.pk,
        sender=row.sender_name or row.sender_address,
        address=row.sender_address,
        subject=row.subject,
        begins=said if len(said) <= _BEGINS else f"{said[: _BEGINS - 1].rstrip()}…",
        received_at=row.received_at,
        kind=ReplyKind(row.reading_kind) if row.reading_kind else None,
        date=row.reading_date,
        state=words.MailState(row.state),
        nature=words.MailNature(row.nature) if row.nature else None,
        why=" ".join(str(problem) for problem in row.problems),
    )


def case_ids(mail: models.IncomingMail) -> list[int]:
    """The cases a mail is about."""
    return list(mail.cases.order_by("pk").values_list("pk", flat=True))


def others_waiting(mail: models.IncomingMail, cases: Iterable[int]) -> set[int]:
    """Which of these cases wait for a decision about another mail, too."""
    waiting = models.IncomingMail.objects.filter(state=words.MailState.WAITING.value).exclude(pk=mail.pk)
    return set(waiting.filter(cases__in=set(cases)).values_list("cases", flat=True)) & set(cases)


def keep_decision(
    mail: models.IncomingMail, kind: ReplyKind, day: date | None, by: str, now: datetime
) -> None:
    """Note what a person made of a locked mail; nothing more waits for it."""
    mail.state, mail.decided_kind, mail.decided_date = words.MailState.DONE.value, kind.value, day
    mail.decided_by, mail.decided_at = plain(by, 150), now
    mail.save(update_fields=["state", "decided_kind", "decided_date", "decided_by", "decided_at"])


def set_mail_aside(mail: models.IncomingMail, reason: str, by: str, now: datetime) -> None:
    """Note that a locked mail is about no case, who said so and why."""
    mail.state, mail.decided_by, mail.decided_at = words.MailState.SET_ASIDE.value, plain(by, 150), now
    mail.problems = [*mail.problems, plain(f"Set aside: {reason}", 500)]
    mail.save(update_fields=["state", "decided_by", "decided_at", "problems"])


def answers_to(mail: models.IncomingMail) -> tuple[int, bool]:
    """How many answers to a mail were ever queued, and whether one of them has left, may have, or will."""
    said = models.OutboxItem.objects.filter(reply=mail, kind=models.OutboxItem.ANSWER).aggregate(
        all=Count("pk"), standing=Count("pk", filter=~Q(state__in=_OVER))
    )
    return said["all"], said["standing"] > 0


def mail_of_answer(item: models.OutboxItem) -> models.IncomingMail:
    """The mail that an answer answers."""
    return models.IncomingMail.objects.get(answers=item)
