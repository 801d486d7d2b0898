"""No loops: whatever answers our mail, however often, no more leaves than if nobody had (spec 7)."""

from collections.abc import Callable

import pytest

from dunwell.connectors.mail.mime import build_message
from dunwell.connectors.mail.parse import take_apart
from dunwell.engine.incoming.take import take_mail
from dunwell.policy import facts
from dunwell.policy.facts import Person
from dunwell.policy.readings import OutgoingMail
from dunwell.policy.words import TransportKind
from dunwell.store import models
from tests.engine.arrivals import MailWorld
from tests.engine.signed import Signed

pytestmark = pytest.mark.django_db

MONTH = 30
TOM = Person("Tom Sample", "tom.sample@other.example")

Answer = Callable[[MailWorld, OutgoingMail], None]


def by_the_standard(world: MailWorld, mail: OutgoingMail) -> None:
    """RFC 3834: an automatic answer says that it is one."""
    text = "Thank you for your mail. I am back on 4 May 2026."
    world.answers(
        mail, text, automatic="Auto-Submitted: auto-replied", subject=f"Automatic reply: {mail.subject}"
    )


def without_a_header(world: MailWorld, mail: OutgoingMail) -> None:
    """A machine that says nothing of what it is, and reads like nothing in particular."""
    world.answers(mail, f"Good day! This is what we make of it: {world.received}.")


def out_of_office(world: MailWorld, mail: OutgoingMail) -> None:
    """No header either, but the words of one who is away."""
    world.answers(mail, "I am out of the office and will be back on 4 May 2026.")


def quoting(world: MailWorld, mail: OutgoingMail) -> None:
    """A mirror: our own words come back."""
    world.answers(mail, "", text=mail.text, subject=mail.subject)


def under_our_name(world: MailWorld, mail: OutgoingMail) -> None:
    """A rule in a mailbox that sends our own mail back to us."""
    world.gets(mail.text, message_id=mail.message_id, sender=mail.sender, recipients=(mail.reply_to,))


def bouncing(world: MailWorld, mail: OutgoingMail) -> None:
    world.reports(mail, TransportKind.BOUNCED)


def bouncing_and_answering(world: MailWorld, mail: OutgoingMail) -> None:
    bouncing(world, mail)
    by_the_standard(world, mail)
    without_a_header(world, mail)


def another_dunwell(world: MailWorld, mail: OutgoingMail) -> None:
    """Whoever we write to runs Dunwell too, and it writes to us each time we write to them."""
    world.received += 1
    theirs = OutgoingMail(
        message_id=f"<{world.received}.{'0' * 24}@other.example>",
        sender=TOM,
        to=mail.sender,
        reply_to="tom+1.aaaaaaaaaaaaaaaa@inbound.other.example",
        subject="Payment of invoice 77 did not go through",
        text="The payment of your invoice 77 failed.",
        html="<p>The payment of your invoice 77 failed.</p>",
        date=world.now,
    )
    came = take_apart(build_message(theirs).as_bytes(), envelope=(mail.sender.email,))
    assert came.automatic == "Auto-Submitted: auto-generated"
    assert take_mail("imap", f"1:{world.received}", came, world.now)


def a_month(answer: Answer | None, invoices: int = 1) -> MailWorld:
    """Thirty days of a customer who never pays, and of whom every mail is answered in this way at once."""
    world = MailWorld()
    world.customer(contact=facts.Contact(TOM.name, TOM.email, "test"))
    if answer is not None:
        world.postbox.after_send = lambda mail: answer(world, mail)
    for number in range(1, invoices + 1):
        world.fails(f"in_{number}")
    world.run_for(days=MONTH)
    return world


@pytest.mark.parametrize(
    ("answer", "mails"),
    [
        (None, 5),
        (by_the_standard, 5),
        (another_dunwell, 5),
        (under_our_name, 5),
        (out_of_office, 5),
        (without_a_header, 1),
        (quoting, 1),
        (bouncing, 1),
        (bouncing_and_answering, 1),
    ],
    ids=lambda said: getattr(said, "__name__", str(said)),
)
def test_an_answer_to_each_mail_makes_no_more_mail_leave(answer: Answer | None, mails: int) -> None:
    world = a_month(answer)

    assert len(world.postbox.mails) == mails
    assert len({mail.message_id for mail in world.postbox.mails}) == mails
    assert all(mail.automatic for mail in world.postbox.mails)
    assert models.IncomingMail.objects.filter(state="arrived").count() == 0


def test_answers_about_several_invoices_make_no_more_mail_leave_either() -> None:
    alone = len(a_month(None, invoices=3).postbox.mails)
    models.OutboxItem.objects.all().delete()
    for table in (
        models.TimelineEntry,
        models.ReviewItem,
        models.Hold,
        models.PaymentAttempt,
        models.InboxEvent,
    ):
        table.objects.all().delete()
    for about in (models.IncomingMail, models.Case, models.Invoice, models.Contact, models.Customer):
        about.objects.all().delete()
    answered = len(a_month(by_the_standard, invoices=3).postbox.mails)

    assert answered == alone > 5


def test_an_autoresponder_for_the_relationship_owner_stops_no_letter_and_makes_no_mail() -> None:
    class LetterWorld(MailWorld, Signed):
        pass

    world = LetterWorld(keeps_books=False)
    world.postbox.after_send = lambda mail: by_the_standard(world, mail)
    world.signed()
    world.run_for(hours=6)

    assert len(world.postbox.mails) == 2
    assert world.states() == ["confirmed"]
    assert models.Hold.objects.count() == 0


def test_forty_replies_of_one_machine_without_headers_cost_one_hold_and_one_desk_item() -> None:
    world = a_month(None)
    last = world.postbox.mails[-1]
    for _ in range(40):
        without_a_header(world, last)
    world.run_for(days=1)

    assert models.Hold.objects.count() == 1
    assert world.reviews().count("reply") == 1
    assert len(models.ReviewItem.objects.get(kind="reply").reason) < 3000
    assert len(world.postbox.mails) == 5
