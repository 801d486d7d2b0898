"""Ways to break the story on purpose, each with what the checks must then say: a check that cannot fail is none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from django.db import transaction

from dunwell.policy.words import HoldKind, HoldScope, MailState
from dunwell.sandbox import cast
from dunwell.sandbox.checks import problems
from dunwell.sandbox.mail import Caught
from dunwell.sandbox.mail_checks import problems_of_mail
from dunwell.sandbox.provider import MailProvider
from dunwell.sandbox.scene import case_of
from dunwell.sandbox.world import World
from dunwell.store import models

Break = Callable[[World], object]


@contextmanager
def _undone(world: World) -> Iterator[None]:
    """Give everything back as it was."""
    caught, provider, wrote = world.mail.caught(), world.provider, list(world.correspondents.wrote)
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    world.mail.clear()
    for mail in caught:
        world.mail.keep(mail)
    world.provider, world.correspondents.wrote[:] = provider, wrote


def said_when_broken(world: World, sentence: str) -> str:
    """What the checks say of a world that was broken so that they must say this sentence."""
    with _undone(world):
        if sentence in MAIL:
            MAIL[sentence](world)
            return " ".join(problems_of_mail(world))
        WHOLE[sentence](world)
        return " ".join(problems(world))


def _to(world: World, address: str) -> list[Caught]:
    return [mail for mail in world.mail.caught() if address in mail.recipients]


def _keep_only(world: World, keep: Callable[[Caught], bool]) -> None:
    kept = [mail for mail in world.mail.caught() if keep(mail)]
    world.mail.clear()
    for mail in kept:
        world.mail.keep(mail)


def _at(mail: Caught, at: datetime) -> Caught:
    was = format_datetime(mail.message["Date"].datetime).encode()
    return replace(mail, raw=mail.raw.replace(was, format_datetime(at).encode()))


def _a_mail_after_the_payment(world: World) -> None:
    mail = _to(world, cast.SAVES_A_CARD.email)[-1]
    world.mail.keep(_at(mail, mail.message["Date"].datetime + timedelta(days=9)))


def _a_mail_on_hold(world: World) -> None:
    case, mail = case_of(cast.SAVES_A_CARD), _to(world, cast.SAVES_A_CARD.email)[-1]
    at = mail.message["Date"].datetime
    _hold(case, HoldKind.PAUSE, at - timedelta(hours=1), at + timedelta(hours=1), HoldScope.CUSTOMER)


def _hold(
    case: models.Case, kind: HoldKind, start: datetime, end: datetime, scope: HoldScope = HoldScope.CASE
) -> None:
    models.Hold.objects.create(
        customer_id=case.customer_id,
        case=case if scope is HoldScope.CASE else None,
        kind=kind.value,
        start_at=start,
        until_at=end,
        by="a test",
    )


def _a_mail_twice(world: World) -> None:
    world.mail.keep(_to(world, cast.NEVER_PAYS.email)[0])


def _a_reply_that_held_too_late(_world: World) -> None:
    for hold in models.Hold.objects.filter(kind=HoldKind.REPLY.value):
        models.Hold.objects.filter(pk=hold.pk).update(start_at=hold.start_at + timedelta(minutes=2))


def _in_state(state: MailState) -> Break:
    def put(_world: World) -> None:
        first = models.IncomingMail.objects.order_by("pk")[0]
        models.IncomingMail.objects.filter(pk=first.pk).update(state=state.value)

    return put


def _a_held_absence(_world: World) -> None:
    case = case_of(cast.AWAY)
    _hold(case, HoldKind.REPLY, case.opened_at, case.opened_at + timedelta(minutes=1))


def _a_forgotten_return(_world: World) -> None:
    models.TimelineEntry.objects.filter(case=case_of(cast.AWAY), kind="auto_reply").update(kind="note")


def _a_second_mail_to_nobody(world: World) -> None:
    world.mail.keep(_at(_to(world, cast.BOUNCES.gone_email)[0], datetime(2026, 4, 30, 15, tzinfo=UTC)))


def _none_for_the_next_contact(world: World) -> None:
    _keep_only(world, lambda mail: cast.BOUNCES.email not in mail.recipients)


def _no_mail_about_all_three(world: World) -> None:
    about = [one.number.encode() for one in (cast.THREE, cast.SECOND_OF_THREE, cast.THIRD_OF_THREE)]
    _keep_only(world, lambda mail: not all(number in mail.raw for number in about))


def _late_after_a_broken_word(world: World) -> None:
    last = _to(world, cast.BREAKS_WORD.email)[-1]
    _keep_only(world, lambda mail: mail != last)
    world.mail.keep(_at(last, last.message["Date"].datetime + timedelta(days=1)))


def _an_answer_of_somebody_else(world: World) -> None:
    answer = next(mail for mail in world.mail.caught() if mail.message["In-Reply-To"])
    _keep_only(world, lambda mail: mail != answer)
    world.mail.keep(replace(answer, sender=cast.MANAGER.email))


def _an_answer_marked_as_automatic(world: World) -> None:
    answer = next(mail for mail in world.mail.caught() if mail.message["In-Reply-To"])
    _keep_only(world, lambda mail: mail != answer)
    world.mail.keep(replace(answer, raw=b"Auto-Submitted: auto-generated\r\n" + answer.raw))


def _an_event_left_over(_world: World) -> None:
    last = models.InboxEvent.objects.order_by("-pk")[0]
    models.InboxEvent.objects.filter(pk=last.pk).update(state=models.InboxEvent.WAITING)


def _an_edited_past(_world: World) -> None:
    entry = models.TimelineEntry.objects.filter(case=case_of(cast.KEEPS_WORD)).order_by("pk")[2]
    models.TimelineEntry.objects.filter(pk=entry.pk).update(summary="Nothing happened.")


def _another_ending(_world: World) -> None:
    models.Case.objects.filter(pk=case_of(cast.DISPUTES).pk).update(ending="voided")


def _a_reply_nobody_wrote(world: World) -> None:
    del world.correspondents.wrote[0]


def _a_mail_that_never_came_in(world: World) -> None:
    world.provider = MailProvider("http://127.0.0.1:9", "a:b")
    world.provider.take(b"From: a@b.example\r\nSubject: Hello\r\n\r\nHello\r\n", cast.ANALYST.email)


MAIL: dict[str, Break] = {
    "Cobalt Ridge Energy was written to about INV-2026-04-1209 after the payment.": _a_mail_after_the_payment,
    "Cobalt Ridge Energy was written to about INV-2026-04-1209 while on hold (pause).": _a_mail_on_hold,
    "Quillon Freight should have had 5 mails, but had 6.": _a_mail_twice,
    "Quillon Freight was written to twice within two days.": _a_mail_twice,
    "for invoice INV-2026-04-1220 did not go through' 2 times.": _a_mail_twice,
    "The reply of Harrow Instruments did not hold its case within the minute.": _a_reply_that_held_too_late,
    "1 mails that came in are still arrived.": _in_state(MailState.ARRIVED),
    "1 mails that came in are still unmatched.": _in_state(MailState.UNMATCHED),
    "1 mails that came in are still waiting.": _in_state(MailState.WAITING),
    "An automatic reply held the case of Pinecrest Learning.": _a_held_absence,
    "When Noel Sample of Pinecrest Learning is back was not noted once.": _a_forgotten_return,
    "gus@penhallow-optics.example was written to 2 times.": _a_second_mail_to_nobody,
    "What came back from Gus Sample did not go to Ada Sample at once.": _none_for_the_next_contact,
    "Galloway Textiles should have had only mails with one link about 3 invoices.": _no_mail_about_all_three,
    "Caldera Foods should have been written to the morning after, but was": _late_after_a_broken_word,
    "is not Priya Sample's to whoever had asked.": _an_answer_of_somebody_else,
    "Harrow Instruments should have had 1 answers, but had 0.": _an_answer_marked_as_automatic,
    "1 mails never came in.": _a_mail_that_never_came_in,
    "Harrow Instruments should have replied 1 times, but did 0 times.": _a_reply_nobody_wrote,
}
WHOLE: dict[str, Break] = {
    "A mail went out twice.": _a_mail_twice,
    "1 events were not applied.": _an_event_left_over,
    "Timeline of INV-2026-04-1240:": _an_edited_past,
    "Wrenfield Dental Group should have ended recovered, but ended voided.": _another_ending,
}
