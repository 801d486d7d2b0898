"""A reply that comes in: kept once, found to be about its cases, and a hold before anybody reads it."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User

from dunwell.engine.addresses import case_of_address, reply_address
from dunwell.engine.incoming.take import take_mail
from dunwell.engine.incoming.unheard import MOST_ASKED
from dunwell.policy import facts
from dunwell.policy.facts import Person
from dunwell.policy.incoming import Attachment
from dunwell.policy.replies import ReplyKind, ReplyReading
from dunwell.policy.words import HoldKind, HoldScope, ReviewKind
from dunwell.store import models
from tests.engine.arrivals import DANA, INBOUND, MailWorld
from tests.engine.world import START

pytestmark = pytest.mark.django_db

STRANGER = Person("Kim Stranger", "kim@elsewhere.example")


def written_to(**values: str) -> MailWorld:
    """A world in which Dana has got the notice about INV-1."""
    world = MailWorld(**values)  # type: ignore[arg-type]
    world.fails()
    world.run()
    return world


def holds(invoice: str = "in_1") -> list[tuple[str, bool]]:
    """Kind of each hold of a case, and whether it is still on."""
    rows = models.Hold.objects.filter(case__invoice__external_id=invoice).order_by("pk")
    return [(row.kind, row.ended_at is None) for row in rows]


def seen(mail: models.IncomingMail) -> tuple[str, str, str]:
    """Nature, state and how it was matched."""
    mail.refresh_from_db()
    return mail.nature, mail.state, mail.matched_by


def about(mail: models.IncomingMail) -> list[str]:
    """The invoices that hear of a mail."""
    return list(mail.cases.order_by("pk").values_list("invoice__number", flat=True))


def meant(mail: models.IncomingMail) -> list[str]:
    """Those of them that it seems to be about."""
    mail.refresh_from_db()
    rows = models.Case.objects.filter(pk__in=mail.about).order_by("pk")
    return list(rows.values_list("invoice__number", flat=True))


def test_a_mail_is_kept_whole_with_its_attachments() -> None:
    world = MailWorld()
    mail = world.gets(
        "We pay\x00 on Friday.",
        html="<p>We pay</p>",
        references=("<a@b>", "<c@d>"),
        attachments=(Attachment("po.pdf", "application/pdf", b"%PDF\x00"),),
        problems=("One part could not be read.",),
        automatic="",
    )

    assert (mail.own, mail.html, mail.references) == (
        "We pay on Friday.",
        "<p>We pay</p>",
        ["<a@b>", "<c@d>"],
    )
    assert (mail.sender_name, mail.sender_address) == ("Dana Reyes", "dana@cus-1.example")
    assert (mail.state, mail.nature, mail.received_at, mail.sent_at) == ("arrived", "", START, START)
    kept = models.Attachment.objects.get()
    assert (kept.name, kept.media_type, kept.size, bytes(kept.content)) == (
        "po.pdf",
        "application/pdf",
        5,
        b"%PDF\x00",
    )
    event = models.InboxEvent.objects.get()
    assert (event.source, event.type, event.body, event.state) == (
        "mail",
        "mail",
        f'{{"mail": {mail.pk}}}',
        "waiting",
    )


def test_the_same_mail_by_two_ways_or_twice_by_one_is_one_mail() -> None:
    world = MailWorld()
    mail = world.written("We pay on Friday.")
    by_webhook = replace(
        mail, recipients=(INBOUND,), own="We pay \r\n on Friday.", subject="Re:  your invoice"
    )

    assert take_mail("imap", "1:1", mail, world.now)
    assert not take_mail("imap", "1:1", mail, world.now)
    assert not take_mail("imap", "2:1", mail, world.now)
    assert not take_mail("postmark", "x", by_webhook, world.now + timedelta(minutes=1))
    assert models.IncomingMail.objects.count() == models.InboxEvent.objects.count() == 1


def test_two_mails_under_one_message_id_are_two() -> None:
    world = MailWorld()
    mail = world.written("We pay on Friday.")

    assert take_mail("imap", "1:1", mail, world.now)
    assert take_mail("imap", "1:2", replace(mail, own="We never pay."), world.now)
    assert take_mail("imap", "1:3", replace(mail, sender=STRANGER), world.now)


def test_the_same_words_without_message_id_and_date_are_as_many_mails_as_were_found() -> None:
    world = MailWorld()
    mail = replace(world.written("Paid."), message_id="", sent_at=None)

    assert take_mail("imap", "1:1", mail, world.now)
    assert not take_mail("imap", "1:1", mail, world.now)
    assert take_mail("imap", "1:2", mail, world.now)


@pytest.mark.parametrize(
    "strange",
    [
        {"message_id": f"<{'x' * 400}@y>"},
        {"references": (f"<{'x' * 400}@y>",)},
        {"subject": "x" * 5_000},
        {"sender": Person("x" * 900, "x" * 900)},
        {"sent_at": datetime.max.replace(tzinfo=ZoneInfo("America/New_York"))},
        {"sent_at": datetime.min.replace(tzinfo=ZoneInfo("Asia/Tokyo"))},
        {"own": "\ud800 lone"},
        {"attachments": (Attachment("n" * 900, "m" * 900, b""),)},
        {"problems": ("p" * 5_000,)},
        {"recipients": ("r" * 900,)},
    ],
    ids=lambda said: next(iter(said)),
)
def test_nothing_a_stranger_can_write_keeps_a_mail_from_being_heard(strange: dict[str, object]) -> None:
    world = MailWorld()
    mail = replace(world.written("Hello."), **strange)  # type: ignore[arg-type]

    assert take_mail("imap", "i" * 900, mail, world.now)
    world.run()
    assert models.InboxEvent.objects.get().state == "handled"
    assert models.IncomingMail.objects.get().state == "unmatched"


def test_a_reply_to_the_signed_address_holds_its_case_whoever_writes() -> None:
    world = written_to()
    notice = world.postbox.mails[0]
    assert case_of_address(notice.reply_to, world.ports) == world.case().pk
    mail = world.answers(notice, "I'll ask my boss.", sender=STRANGER, references=())
    world.run()

    assert seen(mail) == ("human", "waiting", "address")
    assert about(mail) == ["INV-1"]
    assert holds() == [("reply", True)]
    assert world.reviews() == ["reply"]
    (said,) = world.entries(kind="reply")
    assert said.summary == (
        f"Kim Stranger <kim@elsewhere.example> replied: “Re: {notice.subject}”. It came to the address that our mail "
        "gave for answers. The sender is not a contact we know."
    )
    assert said.actor == "kim@elsewhere.example"
    assert said.detail["matched_by"] == "address"


def test_a_reply_in_the_thread_holds_its_case() -> None:
    world = written_to(reply_to="")
    notice = world.postbox.mails[0]
    assert notice.reply_to == "sam.sample@dunwell.example"
    mail = world.answers(notice, "Who are you?", sender=STRANGER)
    world.run()

    assert seen(mail) == ("human", "waiting", "thread")
    assert holds() == [("reply", True)]


def test_a_mail_may_be_known_by_the_message_id_its_provider_gave_it() -> None:
    world = written_to(reply_to="")
    models.OutboxItem.objects.filter(kind="mail").update(provider_id="<202604071403.1@smtp-relay.example>")
    mail = world.gets("Who are you?", sender=STRANGER, references=("<202604071403.1@smtp-relay.example>",))
    world.run()

    assert (seen(mail), about(mail)) == (("human", "waiting", "thread"), ["INV-1"])


def test_the_nearest_known_mail_of_a_thread_counts() -> None:
    world = written_to(reply_to="")
    world.fails("in_2", "cus_2")
    world.run()
    first, second = world.postbox.mails
    mail = world.gets("Hm.", sender=STRANGER, references=(first.message_id, second.message_id, "<new@x>"))
    world.run()

    assert about(mail) == ["INV-2"]
    assert holds() == []


def test_a_reply_to_a_reply_belongs_to_the_same_case() -> None:
    world = written_to(reply_to="")
    first = world.answers(world.postbox.mails[0], "I'll ask my colleague.")
    world.run()
    second = world.gets("I am the colleague.", sender=STRANGER, references=(first.message_id,))
    world.run()

    assert (seen(second), about(second)) == (("human", "waiting", "thread"), ["INV-1"])


def test_a_mail_that_names_nothing_is_matched_by_who_sent_it() -> None:
    world = written_to()
    mail = world.gets("About your mail.", sender=Person("", "DANA@Cus-1.example"))
    world.run()

    assert seen(mail) == ("human", "waiting", "sender")
    assert holds() == [("reply", True)]


def test_a_sender_alone_holds_every_open_case_of_the_customer() -> None:
    world = written_to()
    world.fails("in_2")
    world.fails("in_3")
    world.run()
    mail = world.gets("We will pay all of it.")
    world.run()

    assert about(mail) == ["INV-1", "INV-2", "INV-3"]
    assert [holds(f"in_{n}") for n in (1, 2, 3)] == [[("reply", True)]] * 3
    assert [world.reviews(f"in_{n}") for n in (1, 2, 3)] == [["reply"]] * 3
    before = len(world.postbox.mails)
    world.run_for(days=30)
    assert len(world.postbox.mails) == before


PAT = Person("Pat Clerk", "pat@accountants.example")


def two_customers_of_one_clerk() -> MailWorld:
    world = MailWorld()
    clerk = facts.Contact(PAT.name, PAT.email, "test")
    for number in (1, 2):
        world.customer(f"cus_{number}", contact=clerk)
        world.fails(f"in_{number}", f"cus_{number}")
    world.fails("in_3", "cus_2")
    world.run()
    return world


def test_a_clerk_of_two_customers_holds_all_that_both_owe() -> None:
    world = two_customers_of_one_clerk()
    mail = world.gets("We pay on Friday.", sender=PAT)
    world.run()

    assert seen(mail) == ("human", "waiting", "sender")
    assert about(mail) == meant(mail) == ["INV-1", "INV-2", "INV-3"]
    assert [holds(f"in_{n}") for n in (1, 2, 3)] == [[("reply", True)]] * 3
    before = len(world.postbox.mails)
    world.run_for(days=30)
    assert len(world.postbox.mails) == before


def test_a_clerk_who_names_an_invoice_means_its_customer() -> None:
    world = two_customers_of_one_clerk()
    mail = world.gets("We pay inv-2 on Friday.", sender=PAT)
    world.run()

    assert (about(mail), meant(mail)) == (["INV-2", "INV-3"], ["INV-2"])
    assert [holds(f"in_{n}") for n in (1, 2, 3)] == [[], [("reply", True)], [("reply", True)]]


def test_a_customer_who_owes_nothing_any_more_is_not_meant_by_a_clerk() -> None:
    world = two_customers_of_one_clerk()
    world.pays("in_1")
    world.run()
    mail = world.gets("We pay on Friday.", sender=PAT)
    world.run()

    assert about(mail) == ["INV-2", "INV-3"]


def with_two_invoices(**values: str) -> MailWorld:
    """Dana owes INV-1 and, written about a day later, INV-2."""
    world = written_to(**values)
    world.run_for(days=1)
    world.fails("in_2")
    world.run_for(days=4)
    return world


def test_a_reply_about_one_invoice_holds_the_customer_s_others_until_it_is_read() -> None:
    world = with_two_invoices()
    world.fails("in_9", "cus_9")
    world.run()
    mail = world.answers(world.postbox.mails[0], "I'll ask my boss.")
    world.run()

    assert seen(mail) == ("human", "waiting", "address")
    assert (about(mail), meant(mail)) == (["INV-1", "INV-2"], ["INV-1"])
    assert (holds("in_1"), holds("in_2"), holds("in_9")) == ([("reply", True)], [("reply", True)], [])
    (said,) = world.entries("in_2", kind="reply")
    assert said.summary.endswith(" It is about INV-1; this invoice waits with it.")
    assert world.said("hold", "in_2") == [
        "A person replied about INV-1; nothing more goes out until somebody has read it."
    ]
    before = [mail for mail in world.postbox.mails if mail.to.email == "dana@cus-1.example"]
    world.run_for(days=20)
    assert [mail for mail in world.postbox.mails if mail.to.email == "dana@cus-1.example"] == before


def test_the_invoice_a_reply_names_is_what_it_is_about() -> None:
    world = with_two_invoices()
    mail = world.answers(world.postbox.mails[0], "INV-2 was never ordered.")
    world.run()

    assert (about(mail), meant(mail)) == (["INV-1", "INV-2"], ["INV-2"])


def test_a_sender_alone_means_the_invoice_of_the_subject() -> None:
    world = with_two_invoices()
    mail = world.gets("This was never ordered.", subject="Invoice INV-2")
    world.run()

    assert (about(mail), meant(mail)) == (["INV-1", "INV-2"], ["INV-2"])


def test_an_answer_to_what_was_about_one_invoice_is_about_that_one() -> None:
    world = with_two_invoices(reply_to="")
    first = world.gets("INV-1 was never ordered.", sender=DANA)
    world.run()
    second = world.gets("I meant it.", sender=STRANGER, references=(first.message_id,))
    world.run()

    assert (seen(second)[2], meant(second)) == ("thread", ["INV-1"])


def test_a_reply_about_a_closed_case_holds_the_open_ones() -> None:
    world = with_two_invoices()
    world.pays("in_1")
    world.run()
    mail = world.answers(world.postbox.mails[0], "What is this?")
    world.run()

    assert (about(mail), meant(mail)) == (["INV-1", "INV-2"], ["INV-1"])
    assert (holds("in_1"), holds("in_2")) == ([], [("reply", True)])


def test_a_mail_from_nobody_we_know_waits_for_a_person() -> None:
    world = written_to()
    mail = world.gets("Buy our printers.", sender=STRANGER)
    world.run()

    assert seen(mail) == ("human", "unmatched", "")
    assert (holds(), world.reviews()) == ([], [])


@pytest.mark.parametrize("address", ["", "not an address"])
def test_a_mail_without_a_sender_is_nobodys(address: str) -> None:
    world = written_to()
    mail = world.gets("Hello.", sender=Person("", address))
    world.run()

    assert seen(mail) == ("human", "unmatched", "")


def test_a_forged_reply_address_holds_nothing() -> None:
    world = written_to()
    forged = reply_address(world.case().pk, replace(world.ports, secret="another"))
    mail = world.gets("We dispute this.", sender=STRANGER, recipients=(forged,))
    world.run()

    assert seen(mail) == ("human", "unmatched", "")
    assert holds() == []


def test_a_signed_address_of_a_case_that_is_not_here_is_nobodys() -> None:
    world = written_to()
    elsewhere = reply_address(987654, world.ports)
    mail = world.gets("Hello.", sender=STRANGER, recipients=(elsewhere,))
    world.run()

    assert seen(mail) == ("human", "unmatched", "")


def test_a_reply_stops_what_is_queued() -> None:
    world = MailWorld()
    world.fails()
    world.decide()
    assert world.outbox() == [("notice", "queued")]
    world.gets("Who are you?")
    world.decide()

    assert world.outbox() == [("notice", "stopped")]
    world.run_for(days=10)
    assert world.postbox.mails == []


def test_nothing_leaves_to_somebody_whose_mail_nobody_has_looked_at() -> None:
    world = MailWorld()
    world.fails()
    world.decide()
    world.gets("Who are you?")

    assert world.perform() == {"queued": 1}
    assert world.postbox.mails == []
    assert world.said("why_not") == [
        "dana@cus-1.example has just written; nothing leaves before that is looked at."
    ]
    world.run_for(hours=1)
    assert world.postbox.mails == []
    assert holds() == [("reply", True)]


def test_nothing_leaves_while_a_colleague_s_answer_is_unheard() -> None:
    world = MailWorld()
    world.fails()
    world.decide()
    signed = reply_address(world.case().pk, world.ports)
    world.gets("I am her boss. Stop this.", sender=STRANGER, recipients=(signed,))

    assert world.perform() == {"queued": 1}
    assert world.postbox.mails == []
    assert world.said("why_not") == [
        "kim@elsewhere.example has just written; nothing leaves before that is looked at."
    ]
    world.run_for(hours=1)
    assert world.postbox.mails == []
    assert holds() == [("reply", True)]


def test_a_mail_that_is_about_another_customer_keeps_nobody_s_back() -> None:
    world = written_to()
    world.fails("in_2", "cus_2")
    world.decide()
    world.answers(world.postbox.mails[0], "Stop this.", sender=STRANGER)

    assert world.perform() == {"sent": 1}


@pytest.mark.parametrize(("strangers", "left"), [(MOST_ASKED, 1), (MOST_ASKED + 1, 0)])
def test_when_more_mails_came_in_than_can_be_asked_everything_waits(strangers: int, left: int) -> None:
    world = MailWorld()
    world.fails()
    world.decide()
    for _ in range(strangers):
        world.gets("Buy our printers.", sender=STRANGER)
    world.perform()

    assert len(world.postbox.mails) == left


@pytest.mark.parametrize(
    "text",
    [
        "We dispute this invoice.",
        "We have already paid this.",
        "We will pay on April 20.",
        "We cannot pay this at the moment; can we pay in instalments?",
    ],
)
def test_a_person_s_words_under_a_machine_s_headers_are_shown_and_hold_nothing(text: str) -> None:
    world = written_to()
    mail = world.answers(world.postbox.mails[0], text, automatic="Auto-Submitted: auto-generated")
    world.run()

    assert seen(mail) == ("automatic", "waiting", "address")
    assert (holds(), world.reviews(), meant(mail)) == ([], ["reply"], ["INV-1"])
    before = len(world.postbox.mails)
    world.run_for(days=10)
    assert len(world.postbox.mails) == before + 2


@pytest.mark.parametrize("subject", ["Fwd: Invoice", "FW: Invoice", "WG: Rechnung", "TR : Facture", "RV: X"])
def test_what_one_of_us_forwards_is_for_a_person_to_place(subject: str) -> None:
    User.objects.create_user("ana", email="ana@dunwell.example")
    world = written_to()
    ana = Person("Ana", "ana@dunwell.example")
    mail = world.answers(world.postbox.mails[0], "For you.", sender=ana, subject=subject)
    world.run()

    assert seen(mail) == ("human", "unmatched", "")
    assert mail.problems == ["Ana <ana@dunwell.example> forwarded it: say whose it is."]
    assert (holds(), world.reviews()) == ([], [])


def test_a_second_reply_places_no_second_hold_and_adds_to_what_lies_on_the_desk() -> None:
    world = written_to()
    world.answers(world.postbox.mails[0], "We will look into it.")
    world.run()
    world.answers(world.postbox.mails[0], "We pay on Friday.", subject="One more thing")
    world.run()

    assert holds() == [("reply", True)]
    assert world.reviews() == ["reply"]
    reason = world.item(ReviewKind.REPLY).reason
    assert reason.endswith("Dana Reyes <dana@cus-1.example>: “One more thing”.")
    assert len(world.entries(kind="reply")) == 2


def test_a_reply_during_another_hold_is_held_for_itself() -> None:
    world = written_to()
    world.hold(until=START + timedelta(days=2), kind=HoldKind.PAUSE)
    world.answers(world.postbox.mails[0], "One more question.")
    world.run()
    world.run_for(days=12)

    assert holds() == [("pause", True), ("reply", True)]
    assert world.case().because.startswith("The case is on hold (reply)")
    assert len(world.postbox.mails) == 1


def test_a_reply_under_a_hold_of_the_customer_is_held_for_itself() -> None:
    world = written_to()
    world.hold(kind=HoldKind.DO_NOT_CONTACT, scope=HoldScope.CUSTOMER)
    world.answers(world.postbox.mails[0], "Call me.")
    world.run()

    assert (holds(), world.reviews()) == ([("reply", True)], ["reply"])


def test_a_reply_about_a_closed_case_goes_to_a_person_and_holds_nothing() -> None:
    world = written_to()
    world.pays()
    world.run()
    mail = world.answers(world.postbox.mails[0], "We have paid, please confirm.")
    world.run()

    assert seen(mail) == ("human", "waiting", "address")
    assert (holds(), world.reviews(), world.case().status) == ([], ["reply"], "closed")
    assert world.story()[-2:] == ["reply", "review"]


def test_a_sender_without_an_open_case_is_heard_on_the_one_that_ended_last() -> None:
    world = written_to()
    world.pays()
    world.run()
    world.run_for(days=80)
    late = world.gets("Was this paid?")
    world.run()
    world.run_for(days=11)
    too_late = world.gets("Hello again?")
    world.run()

    assert (seen(late), about(late)) == (("human", "waiting", "sender"), ["INV-1"])
    assert seen(too_late) == ("human", "unmatched", "")


def test_an_escalated_case_hears_late_replies_too() -> None:
    world = written_to()
    world.run_for(days=25)
    assert world.case().status == "escalated"
    world.answers(world.postbox.mails[-1], "Sorry, I was away. We pay on Friday.")
    world.run()

    assert holds() == [("reply", True)]
    assert world.reviews() == ["escalation", "reply"]


@pytest.mark.parametrize(
    "sender", ["sam.sample@dunwell.example", "Sam.Sample@Dunwell.Example", "ana@dunwell.example"]
)
def test_mail_written_here_is_no_reply(sender: str) -> None:
    User.objects.create_user("ana", email="Ana@dunwell.example")
    world = written_to()
    mail = world.answers(world.postbox.mails[0], "Just following up.", sender=Person("Sam Sample", sender))
    world.run()

    assert seen(mail) == ("", "done", "")
    assert mail.problems == [f"It was written here, by {sender.lower()}."]
    assert (holds(), world.reviews()) == ([], [])


def test_a_mail_of_ours_that_comes_back_is_no_reply() -> None:
    world = written_to()
    notice = world.postbox.mails[0]
    copy = world.gets(
        notice.text, message_id=notice.message_id, sender=STRANGER, recipients=(notice.reply_to,)
    )
    world.run()

    assert seen(copy) == ("", "done", "")
    assert holds() == []


@pytest.mark.parametrize(
    "values",
    [
        {"automatic": "Auto-Submitted: auto-replied"},
        {"subject": "Automatic reply: Payment of invoice INV-1"},
        {},
    ],
    ids=["header", "subject", "words"],
)
def test_an_automatic_reply_holds_nothing_and_its_return_date_is_noted(values: dict[str, str]) -> None:
    world = written_to()
    away = "I am out of the office and will be back on 20 April 2026. Please contact Lee in urgent matters."
    mail = world.answers(world.postbox.mails[0], away, **values)
    world.run()

    assert seen(mail) == ("automatic", "done", "address")
    assert (holds(), world.reviews()) == ([], [])
    (entry,) = world.entries(kind="auto_reply")
    assert entry.detail == {"mail": mail.pk, "returns": "2026-04-20"}
    assert entry.summary.endswith("They are back on 20 April 2026.")
    world.run_for(days=4)
    assert len(world.postbox.mails) == 2


def test_a_machine_that_nobody_knows_is_done_with() -> None:
    world = written_to()
    mail = world.gets("Ticket 1 was opened.", sender=STRANGER, automatic="Auto-Submitted: auto-generated")
    world.run()

    assert seen(mail) == ("automatic", "done", "")
    assert about(mail) == []


def test_a_reply_is_read_after_the_hold_and_the_reading_is_only_kept() -> None:
    class Slow:
        def read(self, source: bytes, at: datetime, zone: ZoneInfo) -> ReplyReading:
            assert holds() == [("reply", True)]
            assert models.IncomingMail.objects.get().state == "waiting"
            assert zone.key == "America/New_York"
            assert source.endswith(b"We pay on Friday, as agreed.")
            return ReplyReading(
                ReplyKind.PROMISE,
                at.date(),
                "on Friday",
                "Said so.",
                ("n",),
                "We pay on Friday, as agreed.",
                (7, 16),
            )

    world = written_to()
    world.reader = Slow()
    mail = world.answers(world.postbox.mails[0], "We pay on Friday, as agreed.")
    world.run()
    mail.refresh_from_db()

    assert (mail.reading_kind, mail.reading_words, mail.reading_why) == ("promise", "on Friday", "Said so.")
    assert (mail.reading_start, mail.reading_end, mail.reading_notes) == (7, 16, ["n"])
    assert mail.own[7:16] == "on Friday"
    assert (mail.decided_kind, holds()) == ("", [("reply", True)])


def test_the_words_of_the_rules_reading_stand_where_it_says() -> None:
    world = written_to()
    mail = world.answers(world.postbox.mails[0], "Hi Sam,\n\nwe will pay on 17 April.\n\nDana")
    world.run()
    mail.refresh_from_db()

    assert mail.reading_kind == "promise"
    assert mail.reading_start is not None
    assert mail.own[mail.reading_start : mail.reading_end] == mail.reading_words


@pytest.mark.trouble
def test_a_reader_that_breaks_keeps_no_hold_from_being_placed() -> None:
    class Broken:
        def read(self, source: bytes, at: datetime, zone: ZoneInfo) -> ReplyReading:
            raise RuntimeError("no")

    world = written_to()
    world.reader = Broken()
    mail = world.answers(world.postbox.mails[0], "We pay on Friday.")
    world.run_for(hours=3)

    assert seen(mail) == ("human", "waiting", "address")
    assert (holds(), world.reviews()) == ([("reply", True)], ["reply"])
    assert models.InboxEvent.objects.get(source="mail").state == "failed"
    assert len(world.entries(kind="reply")) == 1


@pytest.mark.trouble
def test_a_mail_that_breaks_us_each_time_lies_before_a_person_in_the_end() -> None:
    world = written_to()
    mail = world.answers(world.postbox.mails[0], "We pay on Friday.")
    models.IncomingMail.objects.update(references=5)
    world.run_for(hours=1)

    assert seen(mail)[1] == "unmatched"
    assert (
        mail.problems == ["It could not be taken in: TypeError in Dunwell itself; the log says where."]
        or mail.problems
    )
    assert models.InboxEvent.objects.get(source="mail").state == "failed"


def test_two_customers_replies_do_not_touch_each_other() -> None:
    world = written_to()
    world.fails("in_2", "cus_2")
    world.run()
    world.answers(world.postbox.mails[1], "We pay on Friday.")
    world.run()

    assert (holds("in_1"), holds("in_2")) == ([], [("reply", True)])


def test_no_word_of_a_mail_is_written_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world = written_to()
    world.answers(world.postbox.mails[0], "The secret word is swordfish.", subject="Swordfish")
    world.gets("Swordfish once more.", sender=STRANGER)
    world.run()

    assert "swordfish" not in caplog.text.lower()
