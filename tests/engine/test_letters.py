"""Letters of the personal track: drafted, seen by the owner, signed, sent through NetSuite or by mail (spec 1.2)."""

from collections.abc import Callable

import pytest

from dunwell.engine import review
from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.policy.words import AttemptOutcome
from dunwell.store import models
from tests.engine.signed import (
    DANA,
    FELIX,
    MORGAN,
    Signed,
    by_smtp,
    utc,
    without_netsuite,
)

pytestmark = pytest.mark.django_db

AWAY = facts.Unreadable("NetSuite answered 503")


WAYS = pytest.mark.parametrize("make", [Signed, by_smtp, without_netsuite])
BY_MAIL = pytest.mark.parametrize("make", [by_smtp, without_netsuite])


@WAYS
def test_a_large_customer_is_recovered_by_one_letter_and_a_retry(make: Callable[[], Signed]) -> None:
    world = make()
    world.ledger.charge_outcomes = [AttemptOutcome.DECLINED, AttemptOutcome.PAID]
    world.customer(name="Aurelius Partners", mrr=facts.Mrr((Money(900_000, "USD"),) * 3, "test"), owner=FELIX)
    world.books.employees[MORGAN.email] = "7"
    world.fails()
    world.run()
    assert world.to_customer() == []
    world.run_to(utc(8, 14))
    assert len(world.ledger.charges) == 1, "the first retry: the next working day at 10:00 in New York"
    assert world.states() == ["draft"]
    assert world.reviews() == ["draft"]
    world.run_for(minutes=30)
    world.agrees()
    world.approves()
    world.run_for(minutes=10)
    assert world.to_customer() == ["The payment for invoice INV-1 did not go through"]
    assert world.states() == ["confirmed"]
    assert world.reviews() == []
    world.run_to(utc(13, 13, 59))
    assert len(world.ledger.charges) == 1
    world.run_to(utc(13, 14))
    assert len(world.ledger.charges) == 2, "three working days after the letter, at 10:00"
    assert world.case().ending == "recovered"
    assert len(world.to_customer()) == 1


def test_a_letter_leaves_through_netsuite_as_the_manager_with_the_owner_on_cc() -> None:
    world = Signed()
    letter = world.sent()
    ((mail, sent_at),) = world.books.mails.values()
    assert (mail.author, mail.recipient, mail.customer, mail.invoice) == ("7", "1017", "101", "91")
    assert (mail.cc, mail.reply_to) == ((FELIX.email,), MORGAN.email)
    assert mail.subject == letter.subject
    assert '<a href="http://127.0.0.1:8000/pay/' in mail.html
    assert mail.html.count("http") == 1, "exactly one link, and no address printed"
    assert "Hi Dana," in mail.html
    assert (letter.via, letter.sent_at) == ("netsuite", sent_at)
    assert (letter.sender_name, letter.sender_email) == (MORGAN.name, MORGAN.email)
    assert [mail.to.email for mail in world.postbox.mails] == [FELIX.email], (
        "the owner's note; no mail besides"
    )


@BY_MAIL
def test_a_letter_by_mail_comes_from_the_manager_and_is_proved_by_the_server(
    make: Callable[[], Signed],
) -> None:
    world = make()
    world.signed()
    world.perform()
    (mail,) = [mail for mail in world.postbox.mails if mail.to.email == DANA.email]
    assert (mail.sender, mail.reply_to) == (MORGAN, MORGAN.email)
    assert (world.letter().sender_name, world.letter().sender_email) == (MORGAN.name, MORGAN.email)
    assert mail.cc == (FELIX,)
    assert not mail.automatic, "a person signed it"
    assert mail.text == world.letter().text
    assert mail.html.count("http") == 1
    assert world.states() == ["confirmed"]
    assert world.letter().confirmed_at == world.now
    assert world.books.mails == {}


def test_a_contact_that_netsuite_does_not_know_is_written_to_by_mail() -> None:
    world = Signed()
    world.drafts()
    review.change_contact(
        case_id=world.case().pk,
        name="Kim Reyes",
        email="kim@cus-1.example",
        by="ana",
        now=world.now,
        ports=world.ports,
    )
    world.run()
    world.agrees()
    world.approves()
    world.perform()
    assert [mail.to.name for mail in world.postbox.mails if mail.to.email == "kim@cus-1.example"] == [
        "Kim Reyes"
    ]
    assert world.books.mails == {}
    assert world.said("sent")[-1] == (
        "Letter 1 to kim@cus-1.example left through the mail server. By SMTP: the contact is not in NetSuite, so the "
        "mail will not stand on the customer's record."
    )


def test_a_signed_letter_waits_for_the_owners_two_working_hours() -> None:
    world = Signed()
    world.drafts()
    world.approves()
    world.run()
    assert world.states() == ["approved"]
    world.run_to(utc(7, 16, 2))
    assert world.to_customer() == []
    world.run_to(utc(7, 16, 3))
    assert len(world.to_customer()) == 1


def test_without_an_owner_a_signed_letter_leaves_at_once() -> None:
    world = Signed(owner=None)
    letter = world.drafts()
    assert letter.owner_until is None
    assert world.effects("owner_note") == []
    world.approves()
    world.run()
    assert len(world.to_customer()) == 1
    assert letter.cc_address == ""


def test_the_manager_is_not_asked_as_the_owner_of_their_own_customer() -> None:
    world = Signed(owner=MORGAN)
    letter = world.drafts()
    assert (letter.cc_address, letter.owner_until) == ("", None)


def test_an_unsigned_letter_never_leaves() -> None:
    world = Signed()
    world.drafts()
    world.agrees()
    world.run_for(days=15)
    assert world.to_customer() == []
    assert world.states() == ["draft"]


def test_a_letter_signed_in_the_evening_leaves_the_next_morning() -> None:
    world = Signed()
    world.drafts()
    world.run_to(utc(7, 22))
    world.approves()
    world.run()
    assert world.to_customer() == []
    world.run_to(utc(8, 13))
    assert len(world.to_customer()) == 1


@WAYS
def test_a_payment_between_signing_and_sending_stops_the_letter(make: Callable[[], Signed]) -> None:
    world = make()
    world.signed()
    world.ledger.change("in_1", status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
    assert world.perform() == {"stopped": 1}
    assert world.to_customer() == []
    assert world.states() == ["withdrawn"]
    assert world.case().ending == "recovered"
    assert "did not leave: The invoice is paid." in world.said("why_not")[-1]


def test_a_payment_while_a_draft_waits_takes_it_off_the_desk() -> None:
    world = Signed()
    world.drafts()
    world.pays()
    world.run()
    assert world.states() == ["withdrawn"]
    assert world.reviews() == []
    assert world.said("withdrawn") == ["Letter 1 was withdrawn: The case was closed."]


def test_a_letter_over_another_amount_is_withdrawn_and_written_anew() -> None:
    world = Signed()
    world.signed()
    world.ledger.change("in_1", open=Money(100_000, "USD"))
    world.books.change("INV-1", open=Money(100_000, "USD"))
    world.perform()
    assert world.to_customer() == []
    assert world.states() == ["withdrawn", "draft"]
    assert "USD 1,000.00" in world.letter().text
    assert "USD 1,000.00 is open now, not USD 1,200.00." in world.said("withdrawn")[0]
    assert world.reviews() == ["draft"], "the new one is to be signed"


def test_a_changed_amount_withdraws_a_waiting_draft_at_once() -> None:
    world = Signed()
    world.drafts()
    world.ledger.change("in_1", open=Money(100_000, "USD"))
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    assert world.states() == ["withdrawn", "draft"]
    assert world.letter().amount_minor == 100_000


def test_a_new_contact_gets_a_letter_of_their_own() -> None:
    world = Signed()
    world.drafts()
    world.approves()
    review.change_contact(
        case_id=world.case().pk,
        name="Kim Reyes",
        email="kim@cus-1.example",
        by="ana",
        now=world.now,
        ports=world.ports,
    )
    assert world.states() == ["withdrawn", "draft"]
    assert world.letter().text.startswith("Hi Kim,")
    assert world.letter().to_ledger_id == ""


def test_a_letter_to_a_contact_who_cannot_be_reached_any_more_does_not_leave() -> None:
    world = Signed()
    world.signed()
    models.Contact.objects.update(deliverable=False)
    world.perform()
    assert world.to_customer() == []
    assert world.reviews() == ["no_contact"]


def test_money_in_netsuite_alone_stops_the_letter() -> None:
    world = Signed()
    world.signed()
    world.books.pays("INV-1")
    world.perform()
    assert world.to_customer() == []
    assert world.reviews() == ["ledgers_disagree"]
    assert world.states() == ["approved"]


def test_money_not_applied_yet_stops_the_letter() -> None:
    world = Signed()
    world.signed()
    world.books.receives(Money(120_000, "USD"))
    world.perform()
    assert world.to_customer() == []
    assert world.reviews() == ["unapplied"]


def test_collection_switched_back_on_stops_the_letter() -> None:
    world = Signed()
    world.signed()
    world.ledger.collects("in_1", automatic=True)
    world.perform()
    assert world.to_customer() == []
    assert world.reviews() == ["drift"]


def test_a_letter_leaves_after_what_stopped_it_is_settled() -> None:
    world = Signed()
    world.signed()
    world.books.pays("INV-1")
    world.perform()
    world.books.change("INV-1", status=words.InvoiceStatus.OPEN, open=Money(120_000, "USD"))
    world.settle(words.ReviewKind.LEDGERS_DISAGREE)
    world.run()
    assert len(world.to_customer()) == 1
    assert world.effects() == ["stopped", "sent"]


def test_a_ledger_that_cannot_be_read_keeps_the_letter_and_in_the_end_tells_a_person() -> None:
    world = Signed()
    world.signed()
    world.books.unreadable = AWAY
    world.run_for(hours=23)
    assert world.to_customer() == []
    assert world.reviews() == []
    world.run_for(hours=3)
    assert world.reviews() == ["ledger_unreadable"]
    world.books.unreadable = None
    world.run_for(hours=2)
    assert len(world.to_customer()) == 1
    assert world.reviews() == []


def test_a_manager_netsuite_does_not_know_cannot_be_the_author() -> None:
    world = Signed()
    world.signed()
    world.books.employees = {}
    world.perform()
    assert world.to_customer() == []
    assert world.reviews() == ["incomplete"]
    assert world.states() == ["approved"]
    item = world.item(words.ReviewKind.INCOMPLETE)
    assert item.reason.startswith(
        "Morgan Sample cannot be the author of a letter in NetSuite: NetSuite has no"
    )


def test_a_hold_keeps_a_signed_letter_back_and_what_the_customer_said_unsigns_it() -> None:
    world = Signed()
    world.signed()
    hold = world.hold()
    assert world.states() == ["approved"]
    assert world.perform() == {}
    world.release(hold)
    world.hold(kind=words.HoldKind.PROMISE, until=utc(9, 12))
    assert world.states() == ["draft"]
    assert world.reviews() == ["draft"]
    assert world.to_customer() == []


def test_day_21_withdraws_the_draft_and_a_person_calls() -> None:
    world = Signed()
    world.drafts()
    world.run_for(days=21)
    assert world.states() == ["withdrawn"]
    assert world.case().status == "escalated"
    assert sorted(world.reviews()) == ["call_task", "escalation"]
    assert world.to_customer() == []


def test_a_second_payer_case_waits_for_the_cap_after_a_letter() -> None:
    world = Signed()
    world.sent()
    world.fails("in_2", code="expired_card")
    world.run()
    letter = world.letter()
    assert letter.case.invoice.number == "INV-2"
    world.agrees()
    world.approves()
    world.run_for(hours=1)
    assert len(world.to_customer()) == 1
    world.run_to(utc(9, 14, 3))
    assert len(world.to_customer()) == 2


def test_three_letters_are_all_and_then_a_person_calls() -> None:
    world = Signed(owner=None)
    world.drafts()
    for number in (1, 2, 3):
        assert world.letter().number == number
        world.approves()
        world.run_for(days=6)
        assert len(world.to_customer()) == number
    assert world.case().status == "escalated"
    world.run_for(days=30)
    assert len(world.to_customer()) == 3
