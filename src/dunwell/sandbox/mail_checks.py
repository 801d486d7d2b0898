"""What must be true of the story's mail: nobody is written to who should not be, and nobody writes unheard."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

from dunwell.policy.words import HoldKind, MailState
from dunwell.sandbox.cast import ANALYST, AWAY, BREAKS_WORD, CUSTOMERS, SAMPLES, Sample
from dunwell.sandbox.conversations import BACK, PROMISED
from dunwell.sandbox.mail import Caught
from dunwell.sandbox.scene import text_of
from dunwell.sandbox.world import World
from dunwell.store import models
from dunwell.store.casefile import case_file
from dunwell.store.cases import case_of_invoice
from dunwell.web.times import zone_of

_MINUTE = timedelta(minutes=1)
_CAP = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail on the wire. `automatic`: it says that a machine wrote it; `answers` what it answers."""

    to: tuple[str, ...]
    at: datetime
    sender: str
    subject: str
    text: str
    automatic: bool
    answers: str

    def about(self, sample: Sample) -> bool:
        """Whether it writes to a customer about this invoice by itself."""
        return self.automatic and sample.email in self.to and sample.number in self.text


def mails_of(world: World) -> list[Mail]:
    """Read everything that went out by SMTP, oldest first."""
    return [_read(caught) for caught in world.mail.caught()]


@lru_cache(maxsize=1000)
def _read(caught: Caught) -> Mail:
    mail = caught.message
    return Mail(
        to=caught.recipients,
        at=mail["Date"].datetime,
        sender=caught.sender,
        subject=str(mail["Subject"]).strip(),
        text=text_of(mail),
        automatic=mail["Auto-Submitted"] == "auto-generated",
        answers=str(mail["In-Reply-To"] or ""),
    )


def problems_of_mail(world: World) -> Iterator[str]:
    """Say in sentences what is wrong with the mail that went out and came in."""
    mails = mails_of(world)
    for sample in SAMPLES:
        case = case_of_invoice(sample.number)
        if case is not None:
            yield from _silent(sample, case, [mail for mail in mails if mail.about(sample)], world)
    for customer in CUSTOMERS:
        yield from _counted(customer, mails)
    yield from _heard(world)
    yield from _answered(world, mails)
    yield from _away()
    yield from _gone(mails)
    yield from _together(mails, at_once=not world.loses_webhooks)
    yield from _after_a_broken_word(mails)


def _silent(sample: Sample, case: models.Case, mails: Sequence[Mail], world: World) -> Iterator[str]:
    """Nothing leaves while a hold is on, nor once the money is there."""
    paid = world.account.get(case.invoice.external_id)["status_transitions"]["paid_at"]
    holds = [
        *models.Hold.objects.filter(case=case),
        *models.Hold.objects.filter(case=None, customer=case.customer_id),
    ]
    for mail in mails:
        if paid is not None and mail.at > datetime.fromtimestamp(paid, UTC):
            yield f"{sample.name} was written to about {sample.number} after the payment."
        for hold in holds:
            ends = min((at for at in (hold.until_at, hold.ended_at) if at), default=None)
            if hold.start_at <= mail.at and (ends is None or mail.at < ends):
                yield f"{sample.name} was written to about {sample.number} while on hold ({hold.kind})."


def _counted(customer: Sample, mails: Sequence[Mail]) -> Iterator[str]:
    theirs = [mail for mail in mails if customer.email in mail.to]
    automatic = [mail for mail in theirs if mail.automatic]
    if len(automatic) != customer.mails:
        yield f"{customer.name} should have had {customer.mails} mails, but had {len(automatic)}."
    if len(theirs) - len(automatic) != customer.answers:
        yield f"{customer.name} should have had {customer.answers} answers, but had {len(theirs) - len(automatic)}."
    if any(later.at - mail.at < _CAP for mail, later in pairwise(automatic)):
        yield f"{customer.name} was written to twice within two days."
    for subject, times in Counter(mail.subject for mail in theirs).items():
        if times > 1:
            yield f"{customer.name} had the mail {subject!r} {times} times."


def _heard(world: World) -> Iterator[str]:
    """Each reply held its case within the minute, was read by a person, and nothing lies unplaced."""
    wrote = world.correspondents.wrote
    for sample in CUSTOMERS:
        at = [each.at for each in wrote if each.who == sample.person]
        if len(at) != sample.replies:
            yield f"{sample.name} should have replied {sample.replies} times, but did {len(at)} times."
        for moment in at:
            held = models.Hold.objects.filter(
                case=case_of_invoice(sample.number),
                kind=HoldKind.REPLY.value,
                start_at__gte=moment,
                start_at__lte=moment + _MINUTE,
            )
            if held.count() != 1:
                yield f"The reply of {sample.name} did not hold its case within the minute."
    came = Counter(models.IncomingMail.objects.values_list("state", flat=True))
    for state in (MailState.ARRIVED, MailState.UNMATCHED, MailState.WAITING):
        if came[state.value]:
            yield f"{came[state.value]} mails that came in are still {state.value}."
    if world.provider.waiting:
        yield f"{world.provider.waiting} mails never came in."


def _answered(world: World, mails: Sequence[Mail]) -> Iterator[str]:
    """What a colleague writes back goes out under their own name, in the thread."""
    asked = {each.id: each.who.email for each in world.correspondents.wrote}
    for mail in mails:
        if mail.answers and (mail.sender != ANALYST.email or asked.get(mail.answers) not in mail.to):
            yield f"The answer {mail.subject!r} is not {ANALYST.name}'s to whoever had asked."


def _away() -> Iterator[str]:
    """A machine's answer holds nothing; the day of return is noted."""
    case = case_of_invoice(AWAY.number)
    if models.Hold.objects.filter(case=case).exists():
        yield f"An automatic reply held the case of {AWAY.name}."
    noted = models.TimelineEntry.objects.filter(case=case, kind="auto_reply")
    if [entry.detail.get("returns") for entry in noted] != [BACK.isoformat()]:
        yield f"When {AWAY.contact} of {AWAY.name} is back was not noted once."


def _gone(mails: Sequence[Mail]) -> Iterator[str]:
    """Who cannot be reached is not tried again; the same words went to the next contact at once."""
    for sample in (each for each in CUSTOMERS if each.gone):
        lost = [mail for mail in mails if sample.gone_email in mail.to]
        reached = [mail for mail in mails if mail.about(sample)]
        if len(lost) != 1:
            yield f"{sample.gone_email} was written to {len(lost)} times."
        elif not reached or (reached[0].subject, reached[0].at - lost[0].at > _MINUTE) != (
            lost[0].subject,
            False,
        ):
            yield f"What came back from {sample.gone} did not go to {sample.contact} at once."


def _together(mails: Sequence[Mail], *, at_once: bool) -> Iterator[str]:
    """A customer who has several invoices hears of all in each mail, which has one link.

    Unless `at_once`, the failures did not all come in at once, so that the first mail need not be about all.
    """
    for customer in CUSTOMERS:
        theirs = [sample for sample in SAMPLES if sample.name == customer.name]
        about_all = [mail for mail in mails if all(mail.about(sample) for sample in theirs)]
        links = [mail.text.count("/pay/") for mail in about_all]
        if len(theirs) > 1 and links != [1] * (customer.mails if at_once or not links else len(links)):
            yield f"{customer.name} should have had only mails with one link about {len(theirs)} invoices."


def _after_a_broken_word(mails: Sequence[Mail]) -> Iterator[str]:
    """After a promise that was not kept, the next mail leaves the morning after."""
    case = case_of_invoice(BREAKS_WORD.number)
    file = case_file(case.pk, mails[-1].at) if case and mails else None
    if file is None:
        return
    local = [
        mail.at.astimezone(zone_of(file.case.customer, file.policy))
        for mail in mails
        if mail.about(BREAKS_WORD)
    ]
    late = [f"{at:%Y-%m-%d %H:%M}" for at in local if at.date() > PROMISED]
    if late[:1] != [f"{PROMISED + timedelta(days=1)} 09:00"]:
        yield f"{BREAKS_WORD.name} should have been written to the morning after, but was {late or 'not'}."
