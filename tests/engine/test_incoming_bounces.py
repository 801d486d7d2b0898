"""Mail that comes back, is put off, delivered or unwanted: by a report, or by a provider's word."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.auth.models import User

from dunwell.engine import answering, review
from dunwell.engine.addresses import case_of_address
from dunwell.engine.answering import Decision
from dunwell.engine.incoming import hear, transport
from dunwell.policy import facts
from dunwell.policy.confirming import Choice
from dunwell.policy.facts import Person
from dunwell.policy.readings import Handed, Uncertain
from dunwell.policy.replies import ReplyKind
from dunwell.policy.words import MailNature, MatchedBy, ReviewKind, TransportKind
from dunwell.store import keep, mails, models
from tests.engine.arrivals import MailWorld
from tests.engine.signed import DANA as CONTACT
from tests.engine.signed import FELIX, Signed
from tests.engine.world import START

pytestmark = pytest.mark.django_db

BOUNCED, COMPLAINED = TransportKind.BOUNCED, TransportKind.COMPLAINED
DELIVERED, DEFERRED = TransportKind.DELIVERED, TransportKind.DEFERRED
DANA, LEE = "dana@cus-1.example", "lee@cus-1.example"


@dataclass
class LetterWorld(MailWorld, Signed):
    """A large customer of a company without NetSuite, whose letters leave by mail."""

    keeps_books: bool = False


def written_to(invoices: int = 1) -> MailWorld:
    """A world in which Dana has got the notice about INV-1; Lee is the contact behind her."""
    world = MailWorld()
    for number in range(1, invoices + 1):
        world.fails(f"in_{number}")
    world.run()
    return world


def with_lee() -> MailWorld:
    world = written_to()
    row = models.Customer.objects.get()
    models.Contact.objects.create(customer=row, rank=1, name="Lee Long", email=LEE, source="test")
    return world


def contacts() -> list[tuple[str, bool, str]]:
    """Address, whether it can be reached, and why not."""
    rows = models.Contact.objects.order_by("customer", "pk")
    return [(row.email, row.deliverable, row.undeliverable_because) for row in rows]


def nothing_changed(world: MailWorld) -> None:
    assert contacts() == [(DANA, True, "")]
    assert world.outbox() == [("notice", "sent")]
    assert world.story() == ["opened", "send", "sent"]


def test_every_word_of_transport_and_every_kind_of_mail_of_ours_is_accounted_for() -> None:
    assert set(transport._KINDS) == set(TransportKind)
    assert set(transport._CAME_BACK) == set(mails._LEAVES)
    kinds = {frozenset({kind}): hear._nature_of_report({kind}) for kind in TransportKind}
    unheard = {MailNature.HUMAN, MailNature.AUTOMATIC}
    assert set(kinds.values()) | unheard == set(MailNature)
    assert set(hear._FOUND) == set(MatchedBy)


def test_a_mail_that_came_back_is_written_again_to_the_next_contact() -> None:
    world = with_lee()
    mail = world.reports(world.postbox.mails[0], BOUNCED)
    world.run()
    mail.refresh_from_db()

    assert (mail.nature, mail.state, mail.matched_by) == ("bounce", "done", "thread")
    assert contacts()[0] == (DANA, False, f"It came back from {DANA}: 550 5.1.1 no such user")
    assert world.outbox() == [("notice", "bounced"), ("notice", "sent")]
    assert [m.to for m in world.postbox.mails] == [Person("Dana Reyes", DANA), Person("Lee Long", LEE)]
    assert world.postbox.mails[0].message_id != world.postbox.mails[1].message_id
    assert world.said("bounced") == [f"The notice for {DANA} came back: 550 5.1.1 no such user"]
    assert models.Hold.objects.count() == 0


def test_a_mail_that_came_back_with_nobody_else_to_write_to_goes_to_a_person() -> None:
    world = written_to()
    world.reports(world.postbox.mails[0], BOUNCED)
    world.run()

    assert world.reviews() == ["no_contact"]
    assert world.item(ReviewKind.NO_CONTACT).reason == "Mail to the contact came back."
    world.run_for(days=30)
    assert len(world.postbox.mails) == 1


def test_a_person_finds_another_address_and_the_same_stage_leaves() -> None:
    world = written_to()
    world.provider_says(world.postbox.mails[0], BOUNCED)
    world.run()
    review.change_contact(
        case_id=world.case().pk, name="Lee Long", email=LEE, by="ana", now=world.now, ports=world.ports
    )
    world.run()

    assert [m.to.email for m in world.postbox.mails] == [DANA, LEE]
    assert world.outbox() == [("notice", "bounced"), ("notice", "sent")]


def test_stripe_naming_a_dead_address_again_does_not_raise_it_but_a_person_can() -> None:
    world = written_to()
    world.reports(world.postbox.mails[0], BOUNCED)
    world.run()
    row = models.Customer.objects.get()
    keep.keep_contact(row, facts.Contact("Dana Q. Reyes", DANA, "Stripe"))
    assert [alive for _, alive, _ in contacts()] == [False]
    assert len(world.postbox.mails) == 1

    review.change_contact(
        case_id=world.case().pk, name="Dana Reyes", email=DANA, by="ana", now=world.now, ports=world.ports
    )
    world.run()
    assert contacts() == [(DANA, True, "")]
    assert len(world.postbox.mails) == 2


def test_a_new_address_from_stripe_lets_the_case_run_on() -> None:
    world = written_to()
    world.reports(world.postbox.mails[0], BOUNCED)
    world.run()
    world.customer(contact=facts.Contact("Lee Long", LEE, "Stripe"))
    world.event("customer.updated", "customer", customer="cus_1")
    world.run()
    world.settle(ReviewKind.NO_CONTACT)
    world.run()

    assert [m.to.email for m in world.postbox.mails] == [DANA, LEE]


@pytest.mark.parametrize(
    "forged",
    [
        {"message_id": "<made-up@dunwell.example>"},
        {"message_id": ""},
        {"recipient": "somebody@else.example"},
        {"recipient": ""},
    ],
    ids=["another message", "no message", "another recipient", "no recipient"],
)
def test_a_forged_bounce_changes_nothing_and_a_person_sees_it(forged: dict[str, str]) -> None:
    world = written_to()
    mail = world.reports(world.postbox.mails[0], BOUNCED, **forged)
    world.provider_says(world.postbox.mails[0], COMPLAINED, key="x", **forged)
    world.run()
    mail.refresh_from_db()

    assert (mail.nature, mail.state) == ("bounce", "unmatched")
    nothing_changed(world)
    event = models.InboxEvent.objects.get(type="transport")
    assert event.state == "handled"
    assert "about" in event.note


def test_a_receipt_and_a_report_about_nothing_ask_for_nothing() -> None:
    world = written_to()
    receipt = world.gets("Your message was displayed.", is_report=True)
    other = world.reports(world.postbox.mails[0], DELIVERED, message_id="<made-up@dunwell.example>")
    world.run()
    for mail in (receipt, other):
        mail.refresh_from_db()
        assert (mail.nature, mail.state) == ("report", "done")
    nothing_changed(world)


def test_a_provider_that_knows_the_mail_by_its_own_id_is_believed() -> None:
    world = MailWorld()
    world.postbox.answers = [Handed("ok", "provider-7")]
    world.fails()
    world.run()
    assert models.OutboxItem.objects.get().provider_id == "provider-7"
    world.provider_says(world.postbox.mails[0], BOUNCED, message_id="", provider_id="provider-7")
    world.run()

    assert world.outbox() == [("notice", "bounced")]
    assert world.reviews() == ["no_contact"]


def test_hearing_the_same_twice_changes_nothing_the_second_time() -> None:
    world = with_lee()
    notice = world.postbox.mails[0]
    world.reports(notice, BOUNCED)
    world.provider_says(notice, BOUNCED)
    world.provider_says(notice, BOUNCED, key="again")
    world.run()
    world.run_for(days=1)

    assert world.outbox() == [("notice", "bounced"), ("notice", "sent")]
    assert len(world.said("bounced")) == 1
    assert len(world.postbox.mails) == 2


def test_a_late_bounce_does_not_bring_a_later_stage_back() -> None:
    world = with_lee()
    world.run_for(days=4)
    assert [m.to.email for m in world.postbox.mails] == [DANA, DANA]
    world.reports(world.postbox.mails[0], BOUNCED)
    world.run()

    assert world.outbox() == [("notice", "bounced"), ("reminder", "sent")]
    world.run_for(days=5)
    assert world.outbox() == [("notice", "bounced"), ("reminder", "sent"), ("direct", "sent")]
    assert world.postbox.mails[-1].to.email == LEE


@pytest.mark.parametrize(("kind", "permanent"), [(DEFERRED, False), (BOUNCED, False)])
def test_what_is_only_put_off_is_noted_once_and_nothing_else_happens(
    kind: TransportKind,
    permanent: bool,  # noqa: FBT001 - a case of the table
) -> None:
    world = written_to()
    for key in ("a", "b", "c"):
        world.provider_says(
            world.postbox.mails[0], kind, key=key, permanent=permanent, reason="452 mailbox full"
        )
    world.run()

    assert world.said("deferred") == [f"The notice has not reached {DANA} yet: 452 mailbox full"]
    assert contacts() == [(DANA, True, "")]
    assert world.outbox() == [("notice", "sent")]
    world.run_for(days=4)
    assert world.outbox() == [("notice", "sent"), ("reminder", "sent")]


def test_a_delivery_is_noted_once() -> None:
    world = written_to()
    for key in ("a", "b"):
        world.provider_says(world.postbox.mails[0], DELIVERED, key=key)
    world.run()

    assert world.said("delivered") == [f"The notice was delivered to {DANA}."]


def test_a_complaint_stops_later_mail_to_that_address_and_sends_nothing_again() -> None:
    world = with_lee()
    world.provider_says(world.postbox.mails[0], COMPLAINED)
    world.run()

    assert world.outbox() == [("notice", "sent")]
    assert contacts()[0] == (DANA, False, "They marked a mail of ours as unwanted.")
    assert world.said("complaint") == [f"{DANA} marked the notice as unwanted; nothing more goes there."]
    world.run_for(days=4)
    assert [m.to.email for m in world.postbox.mails] == [DANA, LEE]


def test_a_complaint_by_the_only_contact_goes_to_a_person() -> None:
    world = written_to()
    world.reports(world.postbox.mails[0], COMPLAINED)
    world.run()

    assert world.reviews() == ["no_contact"]
    assert models.IncomingMail.objects.get().nature == "complaint"


def test_a_dead_address_is_dead_for_every_customer_who_has_it() -> None:
    world = MailWorld()
    clerk = facts.Contact("Pat Clerk", "pat@accountants.example", "test")
    for number in (1, 2):
        world.customer(f"cus_{number}", contact=clerk)
        world.fails(f"in_{number}", f"cus_{number}")
    world.run()
    assert [m.to.email for m in world.postbox.mails] == ["pat@accountants.example"]
    world.reports(world.postbox.mails[0], BOUNCED, recipient="Pat@Accountants.example")
    world.run()

    assert [alive for _, alive, _ in contacts()] == [False, False]
    assert (world.reviews("in_1"), world.reviews("in_2")) == (["no_contact"], ["no_contact"])
    (said,) = world.said("contact", "in_2")
    assert said.startswith("Nothing more goes to Pat@Accountants.example. It came back")
    world.run_for(days=30)
    assert len(world.postbox.mails) == 1


def test_a_mail_that_may_have_left_did_leave_when_it_comes_back() -> None:
    world = with_lee()
    world.postbox.answers = [Uncertain("it broke")]
    world.customer("cus_9", contact=facts.Contact("Noa", "noa@cus-9.example", "test"))
    world.fails("in_9", "cus_9")
    world.run()
    assert world.reviews("in_9") == ["send_unknown"]
    world.reports(world.postbox.mails[-1], BOUNCED)
    world.run()

    assert world.outbox("in_9") == [("notice", "bounced")]
    assert world.reviews("in_9") == ["no_contact"]


def test_a_bounce_that_overtakes_the_answer_of_the_mail_server_is_heard_after_it() -> None:
    world = MailWorld()

    def bounce_at_once(_mail: object) -> None:
        world.provider_says(world.postbox.mails[-1], BOUNCED)
        world.decide()
        assert models.InboxEvent.objects.get(type="transport").state == "waiting"

    world.postbox.after_send = bounce_at_once
    world.fails()
    world.run()
    assert world.outbox() == [("notice", "sent")]
    world.postbox.after_send = lambda _mail: None
    world.run_for(hours=1)

    assert world.outbox() == [("notice", "bounced")]
    assert models.InboxEvent.objects.get(type="transport").state == "handled"


def test_an_escalation_that_came_back_is_said_again() -> None:
    world = with_lee()
    world.run_for(days=25)
    assert world.case().status == "escalated"
    stages = [stage for stage, _ in world.outbox()]
    world.reports(world.postbox.mails[-1], BOUNCED)
    world.run_for(days=3)

    assert world.outbox()[len(stages) - 1 :] == [("escalation", "bounced"), ("escalation", "sent")]
    assert world.postbox.mails[-1].to.email == LEE
    assert world.case().status == "escalated"


def test_a_bounce_about_a_closed_case_marks_the_contact_and_wakes_nothing() -> None:
    world = written_to()
    notice = world.postbox.mails[0]
    world.pays()
    world.run()
    world.reports(notice, BOUNCED)
    world.run()

    assert contacts()[0][1] is False
    assert (world.case().status, world.case().due_at, world.reviews()) == ("closed", None, [])


def test_a_bounce_during_a_hold_sends_nothing_before_it_ends() -> None:
    world = with_lee()
    world.hold(until=START + timedelta(days=5))
    world.reports(world.postbox.mails[0], BOUNCED)
    world.run()
    assert len(world.postbox.mails) == 1
    world.run_for(days=6, hours=2)
    assert [m.to.email for m in world.postbox.mails] == [DANA, LEE]


def test_a_letter_that_came_back_counts_as_sent_and_a_person_decides() -> None:
    world = LetterWorld()
    world.signed()
    world.run()
    letter = world.postbox.mails[-1]
    assert letter.to.email == CONTACT.email
    assert models.OutboxItem.objects.get(kind="letter").message_id == letter.message_id
    assert case_of_address(letter.reply_to, world.ports) == world.case().pk
    before = len(world.postbox.mails)
    world.reports(letter, BOUNCED)
    world.run()

    assert (world.effects(), world.states()) == (["bounced"], ["confirmed"])
    assert world.reviews() == ["no_contact"]
    reason = world.item(ReviewKind.NO_CONTACT).reason
    assert reason == f"The letter to {DANA} came back, so nobody has read it: 550 5.1.1 no such user"
    assert world.case().status == "review"
    world.run_for(days=20)
    assert len(world.postbox.mails) == before


def test_the_copy_of_a_letter_that_came_back_is_only_noted() -> None:
    world = LetterWorld()
    world.signed()
    world.run()
    letter = world.postbox.mails[-1]
    assert [each.email for each in letter.cc] == [FELIX.email]
    world.reports(letter, BOUNCED, recipient=FELIX.email)
    world.run()

    assert (world.effects(), world.reviews()) == (["sent"], [])
    assert world.said("bounced") == [
        f"The copy of the letter for {FELIX.email} came back: 550 5.1.1 no such user"
    ]


def test_a_reply_to_a_letter_holds_its_case_and_a_signed_one_is_a_draft_again() -> None:
    world = LetterWorld()
    world.signed()
    world.gets("Please do not write to me like this.")
    world.run()

    assert world.states() == ["draft"]
    assert world.effects() == ["stopped"]
    assert [mail.to.email for mail in world.postbox.mails] == [FELIX.email]
    assert world.reviews() == ["draft", "reply"]


def test_no_signed_letter_leaves_to_somebody_whose_mail_nobody_has_looked_at() -> None:
    world = LetterWorld()
    world.signed()
    world.gets("Please do not write to me like this.")

    assert world.perform() == {"queued": 1}
    assert world.states() == ["leaving"]


def test_the_note_to_the_owner_that_came_back_tells_whoever_signs() -> None:
    world = LetterWorld()
    world.drafts()
    (note,) = world.postbox.mails
    assert note.to.email == FELIX.email
    world.reports(note, BOUNCED)
    world.run()

    assert world.reviews() == ["draft"]
    assert f"could not be brought to {FELIX.email}" in world.item(ReviewKind.DRAFT).reason
    assert "Ask them yourself" in world.item(ReviewKind.DRAFT).reason
    assert contacts() == [(DANA, True, "")]


def test_the_owner_who_answers_the_note_by_mail_is_heard() -> None:
    world = LetterWorld()
    world.drafts()
    mail = world.answers(world.postbox.mails[0], "Please wait, I am seeing them on Monday.")
    world.run()
    mail.refresh_from_db()

    assert (mail.state, mail.matched_by, world.reviews()) == ("waiting", "thread", ["draft", "reply"])
    assert models.Hold.objects.get().kind == "reply"


def test_an_address_that_is_dead_for_one_customer_is_dead_for_the_next_who_has_it() -> None:
    world = written_to()
    world.reports(world.postbox.mails[0], BOUNCED)
    world.run()
    world.customer("cus_2", contact=facts.Contact("Dana Reyes", DANA, "Stripe"))
    world.fails("in_2", "cus_2")
    world.run()

    assert world.reviews("in_2") == ["no_contact"]
    assert len(world.postbox.mails) == 1


def together_about_three() -> MailWorld:
    """A world in which one mail was written about three invoices."""
    world = MailWorld()
    for number in (1, 2, 3):
        world.fails(f"in_{number}")
    world.run()
    assert [mail.to.email for mail in world.postbox.mails] == [DANA]
    assert [world.outbox(f"in_{n}") for n in (1, 2, 3)] == [[("notice", "sent")]] * 3
    return world


def test_a_mail_about_three_invoices_that_came_back_is_written_again_about_all_three() -> None:
    world = together_about_three()
    row = models.Customer.objects.get()
    models.Contact.objects.create(customer=row, rank=1, name="Lee Long", email=LEE, source="test")
    world.provider_says(world.postbox.mails[0], BOUNCED)
    world.run()

    assert [mail.to.email for mail in world.postbox.mails] == [DANA, LEE]
    for number in (1, 2, 3):
        assert world.outbox(f"in_{number}") == [("notice", "bounced"), ("notice", "sent")]
        assert len(world.said("bounced", f"in_{number}")) == 1


def test_what_became_of_a_mail_about_three_invoices_stands_on_each() -> None:
    world = together_about_three()
    world.provider_says(world.postbox.mails[0], DELIVERED)
    world.provider_says(world.postbox.mails[0], COMPLAINED)
    world.run()

    for number in (1, 2, 3):
        assert world.said("delivered", f"in_{number}") == [f"The notice was delivered to {DANA}."]
        assert len(world.said("complaint", f"in_{number}")) == 1
        assert world.reviews(f"in_{number}") == ["no_contact"]


@pytest.mark.parametrize("threaded", [True, False])
def test_a_reply_to_a_mail_about_three_invoices_holds_each(threaded: bool) -> None:  # noqa: FBT001 - a case of the table
    world = together_about_three()
    world.fails("in_4", "cus_4")
    world.run()
    notice = world.postbox.mails[0]
    references = (notice.message_id,) if threaded else ()
    sender = Person("Kim Colleague", "kim@cus-1.example")
    world.answers(notice, "We will look into it.", sender=sender, references=references)
    world.run()

    held = models.Hold.objects.order_by("case").values_list("case__invoice__number", "kind")
    assert list(held) == [("INV-1", "reply"), ("INV-2", "reply"), ("INV-3", "reply")]
    assert [world.reviews(f"in_{n}") for n in (1, 2, 3, 4)] == [["reply"]] * 3 + [[]]
    before = len(world.postbox.mails)
    world.run_for(days=2)
    assert len(world.postbox.mails) == before


def answered(invoices: int = 1) -> MailWorld:
    """A world in which Dana replied about every invoice, Ana read it as nothing and wrote back."""
    User.objects.create_user("ana", first_name="Ana", last_name="Sample", email="ana.sample@dunwell.example")
    world = written_to(invoices)
    mail = world.gets("What is this about?")
    world.run()
    answering.answer_reply(
        mail_id=mail.pk,
        text="It is about your card, which expired.",
        by="ana",
        now=world.now,
        ports=world.ports,
        decision=Decision(Choice(ReplyKind.OTHER)),
    )
    world.run()
    assert world.postbox.mails[-1].sender.email == "ana.sample@dunwell.example"
    assert (world.effects_of("answer"), world.reviews()) == (["sent"], [])
    return world


def test_an_answer_that_came_back_lies_on_the_desk_as_a_reply_once_more() -> None:
    world = answered()
    world.reports(world.postbox.mails[-1], BOUNCED)
    world.run()

    assert world.effects_of("answer") == ["bounced"]
    assert world.reviews() == ["reply", "no_contact"]
    said = world.item(ReviewKind.REPLY).reason
    assert said == f"The answer to {DANA} came back, so nobody has read it: 550 5.1.1 no such user"
    assert world.outbox()[0] == ("notice", "sent")
    world.settle(ReviewKind.REPLY)
    assert world.reviews() == ["no_contact"]


def test_an_answer_of_unknown_fate_that_came_back_is_no_question_any_more() -> None:
    world = answered()
    models.OutboxItem.objects.filter(kind="answer").update(state="handing_over", due_at=world.now)
    world.run()
    assert (world.effects_of("answer"), world.reviews()) == (["unknown"], ["send_unknown"])
    world.reports(world.postbox.mails[-1], BOUNCED)
    world.run()

    assert (world.effects_of("answer"), world.reviews()) == (["bounced"], ["reply", "no_contact"])


def test_what_follows_an_answer_belongs_to_every_case_of_the_mail_it_answered() -> None:
    world = answered(invoices=2)
    kim = Person("Kim Colleague", "kim@cus-1.example")
    by_thread = world.answers(
        world.postbox.mails[-1], "And by when?", sender=kim, recipients=("ana.sample@x.example",)
    )
    world.run()

    assert by_thread.cases.count() == 2
    assert [world.reviews(f"in_{n}") for n in (1, 2)] == [["reply"], ["reply"]]


def test_a_letter_of_unknown_fate_that_came_back_tells_whoever_looks_for_it() -> None:
    world = LetterWorld()
    world.signed()
    world.postbox.answers = [Uncertain("it broke")]
    world.perform()
    assert (world.states(), world.reviews()) == (["in_doubt"], ["send_unknown"])
    letter = world.postbox.mails[-1]
    world.reports(letter, BOUNCED)
    world.provider_says(letter, BOUNCED)
    world.run()

    assert (world.effects(), world.states()) == (["unknown"], ["in_doubt"])
    said = world.item(ReviewKind.SEND_UNKNOWN).reason
    assert said.count(f"It came back from {DANA}: 550 5.1.1 no such user") == 1
    letters_left = len(world.postbox.mails)
    world.run_for(days=2)
    assert len(world.postbox.mails) == letters_left
