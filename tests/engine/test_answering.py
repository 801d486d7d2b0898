"""What a person makes of a reply: the hold that follows, and that nothing leaves in the same breath (spec 7)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from dunwell.engine import answering, review
from dunwell.engine.review import NotPossibleError
from dunwell.policy import facts
from dunwell.policy.confirming import Choice
from dunwell.policy.money import Money
from dunwell.policy.replies import ReplyKind
from dunwell.policy.words import HoldKind, HoldScope, ReviewKind
from dunwell.store import models, replies
from tests.engine.replying import ANA, decided, holds, replied, written_to
from tests.engine.world import World

pytestmark = pytest.mark.django_db


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def the_same(world: World) -> int:
    return len(world.postbox.mails)


def test_a_confirmed_promise_waits_through_its_day_and_breaks_the_morning_after() -> None:
    world = written_to()
    mail = replied(world, "We will pay this on April 20.")
    assert (mail.reading_kind, mail.reading_date, holds()) == (
        "promise",
        date(2026, 4, 20),
        [("reply", None, False)],
    )
    before = the_same(world)

    decided(world, mail, ReplyKind.PROMISE, date(2026, 4, 20))

    mail.refresh_from_db()
    assert holds() == [("reply", None, True), ("promise", utc("2026-04-21 03:59"), False)]
    assert (mail.state, mail.decided_kind, mail.decided_by) == ("done", "promise", ANA)
    assert (world.reviews(), world.case().status) == ([], "open")
    world.run()
    world.run_to(utc("2026-04-21 12:59"))
    assert the_same(world) == before, "nothing leaves before the morning after"
    assert world.reviews() == ["broken_promise"]
    world.run_to(utc("2026-04-21 13:01"))
    assert world.outbox()[-1] == ("direct", "sent")


def test_the_entry_holds_proposal_and_decision_and_who_confirmed() -> None:
    world = written_to()
    mail = replied(world, "We will pay this on April 20.")

    decided(world, mail, ReplyKind.PROMISE, date(2026, 4, 20), note="She said so by phone, too.")

    (entry,) = world.entries(kind="reply_read")
    assert (entry.actor, entry.summary) == (
        ANA,
        "Confirmed: the mail from dana@cus-1.example says promise (2026-04-20). She said so by phone, too.",
    )
    assert entry.detail == {
        "mail": mail.pk,
        "proposed": "promise",
        "proposed_date": "2026-04-20",
        "decided": "promise",
        "decided_date": "2026-04-20",
        "words": mail.reading_words,
    }


def test_another_reading_is_a_correction() -> None:
    world = written_to()
    mail = replied(world, "We will pay this on April 20.")

    decided(world, mail, ReplyKind.ASKS_TIME, date(2026, 4, 24))

    (entry,) = world.entries(kind="reply_read")
    assert entry.summary.startswith("Corrected: ")
    assert (entry.detail["proposed"], entry.detail["decided"]) == ("promise", "asks_time")
    assert holds()[-1] == ("pause", utc("2026-04-25 03:59"), False)


def test_a_reply_decided_about_cannot_be_decided_about_again() -> None:
    world = written_to()
    mail = replied(world, "We will pay this on April 20.")
    decided(world, mail, ReplyKind.PROMISE, date(2026, 4, 20))
    before = (world.story(), holds())

    with pytest.raises(NotPossibleError, match="ana has decided about this mail already"):
        decided(world, mail, ReplyKind.OTHER)

    assert (world.story(), holds()) == before


def test_a_dispute_stops_the_clock_of_the_chosen_invoice_only() -> None:
    world = written_to("in_1", "in_2")
    mail = replied(world, "We dispute INV-1, the hours are wrong.")
    assert [holds("in_1"), holds("in_2")] == [[("reply", None, False)]] * 2

    decided(world, mail, ReplyKind.DISPUTE, cases=(world.case("in_1").pk,))

    assert holds("in_1")[-1] == ("dispute", None, False)
    assert holds("in_2") == [("reply", None, True)]
    assert (world.reviews("in_1"), world.reviews("in_2")) == (["dispute"], [])
    assert world.said("reply_read", "in_2")[0].endswith("says dispute, about another invoice.")
    before = [mail for mail in world.postbox.mails if "INV-1" in mail.subject]
    world.run_for(days=40)
    assert [mail for mail in world.postbox.mails if "INV-1" in mail.subject] == before
    assert world.case("in_2").status == "escalated"


@pytest.mark.parametrize(
    ("kind", "until", "held"),
    [
        (ReplyKind.DISPUTE, None, "dispute"),
        (ReplyKind.PROMISE, date(2026, 4, 20), "promise"),
        (ReplyKind.ASKS_TIME, date(2026, 4, 20), "pause"),
    ],
)
def test_unless_said_otherwise_the_decision_is_about_what_the_mail_is_about(
    kind: ReplyKind, until: date | None, held: str
) -> None:
    world = written_to("in_1", "in_2", "in_3")
    mail = replied(world, "About INV-2: we never got it.")
    assert [holds(f"in_{n}") for n in (1, 2, 3)] == [[("reply", None, False)]] * 3
    before = the_same(world)

    decided(world, mail, kind, until)

    assert [holds(f"in_{n}")[1:] for n in (1, 3)] == [[], []]
    assert [(kind, over) for kind, _, over in holds("in_2")] == [("reply", True), (held, False)]
    assert world.reviews("in_1") == world.reviews("in_3") == []
    assert the_same(world) == before
    world.run()
    assert the_same(world) == before, "nothing leaves in the same breath"


def test_a_plan_without_a_choice_is_for_the_invoice_the_mail_names() -> None:
    world = written_to("in_1", "in_2")
    mail = replied(world, "Can we pay INV-2 in two instalments?")

    decided(world, mail, ReplyKind.HARDSHIP, parts=PARTS)

    assert (holds("in_1"), holds("in_2")[-1]) == ([("reply", None, True)], ("payment_plan", None, False))


def test_what_was_said_of_a_closed_invoice_lets_the_others_go_on() -> None:
    world = written_to("in_1", "in_2")
    world.pays("in_1")
    world.run()
    first = world.postbox.mails[0]
    mail = replied(world, "INV-1 was wrong anyway.", references=(first.message_id,))
    models.IncomingMail.objects.update(about=[world.case("in_1").pk])
    assert holds("in_2") == [("reply", None, False)]

    decided(world, mail, ReplyKind.DISPUTE)

    assert (holds("in_1"), holds("in_2")) == ([], [("reply", None, True)])
    assert (world.reviews("in_1"), world.reviews("in_2")) == ([], [])


def test_a_mail_that_a_person_places_holds_the_customer_s_other_invoices_too() -> None:
    world = written_to("in_1", "in_2")
    mail = replied(world, "Please wait.", sender="kim@elsewhere.example", subject="Hello")
    assert (mail.state, holds("in_1"), holds("in_2")) == ("unmatched", [], [])

    answering.assign_mail(mail_id=mail.pk, invoice="INV-2", by=ANA, now=world.now, ports=world.ports)

    mail.refresh_from_db()
    assert (mail.state, mail.about) == ("waiting", [world.case("in_2").pk])
    assert [holds("in_1"), holds("in_2")] == [[("reply", None, False)]] * 2


def test_a_machine_s_mail_in_a_person_s_words_is_decided_about_like_any_other() -> None:
    world = written_to()
    mail = replied(world, "We dispute this.", automatic="Auto-Submitted: auto-generated")
    assert (mail.state, holds(), world.reviews()) == ("waiting", [], ["reply"])

    decided(world, mail, ReplyKind.DISPUTE)

    assert (holds(), world.reviews()) == ([("dispute", None, False)], ["dispute"])


def test_a_clerk_s_successor_is_named_for_the_customers_the_mail_is_about() -> None:
    world = World()
    clerk = facts.Contact("Pat Clerk", "pat@accountants.example", "test")
    for number in (1, 2):
        world.customer(f"cus_{number}", contact=clerk)
        world.fails(f"in_{number}", f"cus_{number}")
    world.run()
    mail = replied(world, "I left.", sender=clerk.email, subject="Hello")

    second, email = world.case("in_2").pk, "robin@cus-2.example"
    decided(world, mail, ReplyKind.WRONG_PERSON, cases=(second,), name="Robin Lee", email=email)

    found = models.Contact.objects.filter(email=email)
    assert list(found.values_list("customer__external_id", flat=True)) == ["cus_2"]
    assert [holds("in_1"), holds("in_2")] == [[("reply", None, True)]] * 2


def test_already_paid_gives_three_days_to_find_the_money() -> None:
    world = written_to()
    mail = replied(world, "This was paid last week by wire.")

    decided(world, mail, ReplyKind.ALREADY_PAID)

    assert holds()[-1] == ("pause", utc("2026-04-16 03:59"), False)


def test_a_wrong_person_names_another_contact_and_the_next_mail_goes_there() -> None:
    world = written_to()
    mail = replied(world, "I left accounting, please write to Robin.")

    with pytest.raises(NotPossibleError, match="Name the person to write to"):
        decided(world, mail, ReplyKind.WRONG_PERSON)
    decided(world, mail, ReplyKind.WRONG_PERSON, name="Robin Lee", email="robin@cus-1.example")

    before = the_same(world)
    world.run()
    assert the_same(world) == before
    world.run_for(days=8)
    assert {sent.to.email for sent in world.postbox.mails[before:]} == {"robin@cus-1.example"}


@pytest.mark.parametrize("kind", [ReplyKind.CARD_UPDATED, ReplyKind.OTHER, ReplyKind.AUTO_REPLY])
def test_what_asks_for_nothing_lets_the_case_go_on_from_the_next_morning(kind: ReplyKind) -> None:
    world = written_to()
    world.run_for(days=4)
    mail = replied(world, "Thanks, noted.")
    world.run_for(days=20)
    before = the_same(world)

    decided(world, mail, kind)
    world.run()

    assert the_same(world) == before
    assert (holds(), world.reviews()) == ([("reply", None, True)], [])
    world.run_for(days=10)
    assert the_same(world) > before


PARTS = ((date(2026, 5, 1), Money(60_000, "USD")), (date(2026, 6, 1), Money(60_000, "USD")))


def test_a_plan_takes_the_place_of_the_reply_and_is_watched() -> None:
    world = written_to()
    mail = replied(world, "We are short of cash. Can we pay in two instalments?")
    before = the_same(world)

    decided(world, mail, ReplyKind.HARDSHIP, parts=PARTS)

    assert holds()[-1] == ("payment_plan", None, False)
    assert world.case().due_at == utc("2026-05-02 03:59")
    world.run_to(utc("2026-04-30 12:00"))
    world.ledger.change("in_1", open=Money(60_000, "USD"))
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run_to(utc("2026-06-02 03:58"))
    assert (the_same(world), world.reviews()) == (before, [])
    world.run_to(utc("2026-06-02 04:00"))
    plan = models.Hold.objects.get(kind="payment_plan")
    assert (plan.until_at, plan.ended_at) == (utc("2026-06-02 03:59"), utc("2026-06-02 03:59"))
    assert (world.reviews(), the_same(world)) == (["broken_promise"], before)
    assert "USD 600.00 was due on 2026-06-01" in world.said("resume")[-1]
    world.run_to(utc("2026-06-02 13:01"))
    assert world.outbox()[-1] == ("direct", "sent")


def test_a_kept_plan_ends_with_the_money_and_nothing_was_sent() -> None:
    world = written_to()
    before = the_same(world)
    review.place_hold(
        case_id=world.case().pk,
        kind=HoldKind.PAYMENT_PLAN,
        scope=HoldScope.CASE,
        until=None,
        reason="Agreed by phone.",
        by=ANA,
        now=world.now,
        ports=world.ports,
        parts=PARTS,
    )
    world.run_to(utc("2026-05-01 20:00"))
    world.ledger.change("in_1", open=Money(60_000, "USD"))
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run_to(utc("2026-06-01 20:00"))
    world.pays()
    world.run_for(days=30)

    assert (world.case().status, world.case().ending) == ("closed", "recovered")
    assert (the_same(world), world.ledger.charges) == (before, [])


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        (Choice(ReplyKind.PROMISE), "Choose the day."),
        (Choice(ReplyKind.PROMISE, date(2026, 4, 11)), "The day must not lie in the past."),
        (Choice(ReplyKind.PROMISE, date(2062, 4, 11)), "more than a year away"),
        (Choice(ReplyKind.ASKS_TIME), "Choose the day."),
        (
            Choice(ReplyKind.HARDSHIP, None, PARTS[:1]),
            "The parts come to USD 600.00, but USD 1,200.00 is open.",
        ),
        (Choice(ReplyKind.PROMISE, None, PARTS), "A payment plan is for a customer who asks"),
    ],
)
def test_a_choice_that_lacks_what_it_needs_changes_nothing(choice: Choice, problem: str) -> None:
    world = written_to()
    mail = replied(world, "We will pay this on April 20.")
    before = (world.story(), holds(), world.reviews())

    with pytest.raises(NotPossibleError, match=problem):
        answering.decide_reply(
            mail_id=mail.pk, decision=answering.Decision(choice), by=ANA, now=world.now, ports=world.ports
        )

    mail.refresh_from_db()
    assert (world.story(), holds(), world.reviews(), mail.state) == (*before, "waiting")


def test_a_second_reply_keeps_the_case_waiting_when_the_first_is_decided() -> None:
    world = written_to()
    first = replied(world, "We will pay this on April 20.")
    second = replied(world, "Sorry, I have to check that with my boss.", key="2")

    decided(world, first, ReplyKind.OTHER)

    assert holds() == [("reply", None, False)]
    assert world.reviews() == ["reply"]
    decided(world, second, ReplyKind.PROMISE, date(2026, 4, 20))
    assert holds() == [("reply", None, True), ("promise", utc("2026-04-21 03:59"), False)]
    assert world.reviews() == []


def test_the_preview_speaks_of_what_would_happen_and_changes_nothing() -> None:
    world = written_to()
    mail = replied(world, "We will pay this on April 20.")
    before = (world.story(), holds(), world.reviews())

    def said(choice: Choice) -> tuple[str, ...]:
        return answering.preview_decision(
            mail_id=mail.pk, decision=answering.Decision(choice), by=ANA, now=world.now
        )

    assert said(Choice(ReplyKind.PROMISE, date(2026, 4, 20))) == (
        "INV-1: The case is on hold (promise) until 2026-04-20 23:59 America/New_York.",
    )
    assert said(Choice(ReplyKind.OTHER))[0].startswith(
        "INV-1: The direct message waits until 2026-04-14 09:00"
    )
    assert (world.story(), holds(), world.reviews()) == before


def test_a_reply_hold_is_not_released_or_settled_past_a_reply_that_nobody_read() -> None:
    world = written_to()
    replied(world, "We will pay this on April 20.")
    hold = models.Hold.objects.get(kind="reply")

    with pytest.raises(NotPossibleError, match="A reply waits to be read"):
        world.release(hold)
    with pytest.raises(NotPossibleError, match="A reply waits to be read"):
        world.settle(ReviewKind.REPLY)

    assert holds() == [("reply", None, False)]


def test_a_reply_to_a_closed_case_is_decided_without_waking_it() -> None:
    world = written_to()
    world.pays()
    world.run()
    mail = replied(world, "We have paid now.")
    assert (mail.state, world.reviews()) == ("waiting", ["reply"])

    decided(world, mail, ReplyKind.ALREADY_PAID)

    mail.refresh_from_db()
    assert (mail.state, world.reviews(), world.case().status, holds()) == ("done", [], "closed", [])


def test_releasing_a_dispute_takes_its_question_off_the_desk() -> None:
    world = written_to()
    decided(world, replied(world, "We dispute this."), ReplyKind.DISPUTE)
    hold = models.Hold.objects.get(kind="dispute")

    world.release(hold)

    assert world.reviews() == []
    before = the_same(world)
    world.run()
    assert the_same(world) == before


def stranger(world: World) -> models.IncomingMail:
    return replied(world, "What is this about?", sender="nobody@elsewhere.example")


def test_a_mail_nobody_could_place_stops_its_case_once_a_person_says_which() -> None:
    world = written_to()
    mail = stranger(world)
    assert (mail.state, holds()) == ("unmatched", [])

    case = answering.assign_mail(mail_id=mail.pk, invoice=" INV-1 ", by=ANA, now=world.now, ports=world.ports)

    mail.refresh_from_db()
    assert (case, mail.state, mail.matched_by) == (world.case().pk, "waiting", "person")
    assert (holds(), world.reviews()) == ([("reply", None, False)], ["reply"])
    assert world.entries(kind="reply")[0].detail["placed_by"] == ANA
    with pytest.raises(NotPossibleError, match="placed this mail already"):
        answering.assign_mail(mail_id=mail.pk, invoice="INV-1", by=ANA, now=world.now, ports=world.ports)


def test_a_mail_is_not_placed_on_an_invoice_that_has_no_case() -> None:
    world = written_to()
    mail = stranger(world)

    for wrong in ("INV-404", "", " "):
        with pytest.raises(NotPossibleError, match="There is no case on invoice"):
            answering.assign_mail(mail_id=mail.pk, invoice=wrong, by=ANA, now=world.now, ports=world.ports)

    assert (replies.count_unplaced(), holds()) == (1, [])


def test_a_mail_that_is_about_no_case_is_set_aside_with_a_reason() -> None:
    world = written_to()
    mail = stranger(world)

    with pytest.raises(NotPossibleError, match="Say in a few words"):
        answering.set_aside(mail_id=mail.pk, reason=" ", by=ANA, now=world.now)
    answering.set_aside(mail_id=mail.pk, reason="An advertisement.", by=ANA, now=world.now)

    mail.refresh_from_db()
    assert (mail.state, mail.decided_by, mail.problems) == (
        "set_aside",
        ANA,
        ["Set aside: An advertisement."],
    )
    with pytest.raises(NotPossibleError, match="placed this mail already"):
        answering.set_aside(mail_id=mail.pk, reason="Again.", by=ANA, now=world.now + timedelta(hours=1))
    assert replies.count_unplaced() == 0


def test_a_reply_waits_no_longer_once_every_invoice_it_is_about_is_paid() -> None:
    world = written_to("in_1", "in_2")
    mail = replied(world, "We will look into both.")

    world.pays("in_1")
    world.run()
    mail.refresh_from_db()
    assert mail.state == "waiting"
    world.pays("in_2")
    world.run()
    mail.refresh_from_db()
    assert (mail.state, mail.decided_kind) == ("done", "")
    with pytest.raises(NotPossibleError, match="Nothing is to be decided"):
        decided(world, mail, ReplyKind.OTHER)
