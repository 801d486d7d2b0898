"""The gate: what the ledger says between the decision and the hand-over decides (spec 5)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from dunwell.policy import facts, readings, words
from dunwell.policy.money import Money
from dunwell.store import models
from tests.engine.world import START, World

pytestmark = pytest.mark.django_db

AWAY = facts.Unreadable("Stripe answered 503")
DEFERRED = readings.Refused("451 try again later", permanent=False)


def queued() -> World:
    """A world with a notice in the queue."""
    world = World()
    world.fails()
    world.decide()
    assert world.outbox() == [("notice", "queued")]
    return world


def due(stage_days: int) -> World:
    """A world at the moment a later stage is due, with that stage in the queue."""
    world = World()
    world.fails()
    world.run()
    world.run_to(START + timedelta(days=stage_days - 1))
    world.clock.move_to(datetime(2026, 4, 7 + stage_days, 13, 0, tzinfo=UTC))
    world.decide()
    return world


@pytest.mark.parametrize(
    ("change", "ending"),
    [
        ({"status": words.InvoiceStatus.PAID, "open": Money(0, "USD")}, "recovered"),
        ({"status": words.InvoiceStatus.VOID}, "voided"),
        ({"status": words.InvoiceStatus.UNCOLLECTIBLE}, "written_off"),
        ({"open": Money(0, "USD")}, "credited"),
    ],
)
def test_what_settles_the_invoice_after_the_decision_stops_the_mail(
    change: dict[str, object], ending: str
) -> None:
    world = queued()
    world.ledger.change("in_1", **change)
    assert world.perform() == {"stopped": 1}
    assert world.postbox.mails == []
    assert world.outbox() == [("notice", "stopped")]
    assert (world.case().ending, world.case().due_at) == (ending, None)
    assert len(world.said("why_not")) == 1
    world.run_for(days=40)
    assert world.postbox.mails == []


def test_the_invoice_is_read_again_for_every_mail() -> None:
    world = queued()
    before = len(world.ledger.reads)
    world.perform()
    assert world.ledger.reads[before:] == ["in_1"]


@pytest.mark.parametrize(
    ("change", "review"),
    [
        ({"status": words.InvoiceStatus.UNKNOWN}, "invoice_unknown"),
        ({"status": words.InvoiceStatus.DRAFT}, "bad_data"),
        ({"open": Money(120000, "EUR")}, "bad_data"),
    ],
)
def test_a_strange_answer_stops_the_mail_and_asks_a_person(change: dict[str, object], review: str) -> None:
    world = queued()
    world.ledger.change("in_1", **change)
    world.perform()
    world.run_for(days=40)
    assert world.postbox.mails == []
    assert world.reviews() == [review]
    assert world.case().status == "review"


def test_an_invoice_that_vanished_stops_the_mail_and_asks_a_person() -> None:
    world = queued()
    del world.ledger.invoices["in_1"]
    world.perform()
    world.run_for(days=40)
    assert world.postbox.mails == []
    assert world.reviews() == ["ledger_unreadable"]
    assert world.case().status == "review"


def test_a_chargeback_found_by_the_gate_holds_the_case() -> None:
    world = queued()
    world.ledger.change("in_1", charged_back=True)
    world.perform()
    world.run_for(days=40)
    assert world.postbox.mails == []
    assert world.reviews() == ["chargeback"]
    assert models.Hold.objects.get().kind == "dispute"


def test_a_payment_under_way_delays_the_mail_until_it_is_over() -> None:
    world = due(3)
    world.ledger.change("in_1", in_flight=True)
    assert world.perform() == {"stopped": 1}
    world.run_for(days=3)
    assert len(world.postbox.mails) == 1
    world.ledger.change("in_1", in_flight=False)
    world.event("payment_intent.payment_failed", "payment", payment="pi_in_1")
    world.run()
    assert world.outbox() == [("notice", "sent"), ("reminder", "stopped"), ("reminder", "sent")]


def test_a_changed_amount_is_what_the_mail_says() -> None:
    world = queued()
    world.ledger.change("in_1", open=Money(30_050, "USD"))
    assert world.perform() == {"sent": 1}
    [mail] = world.postbox.mails
    for text in (mail.text, mail.html):
        assert "USD 300.50" in text
        assert "1,200" not in text
    row = models.OutboxItem.objects.get()
    assert (row.amount_minor, row.text, row.html) == (30_050, mail.text, mail.html)
    assert world.said("gate") == ["USD 300.50 is open now, not USD 1,200.00."]


def test_a_mail_that_was_queued_in_time_does_not_leave_after_hours() -> None:
    world = due(3)
    world.clock.move_to(datetime(2026, 4, 10, 21, 0, tzinfo=UTC))  # Friday, 17:00 in New York
    world.perform()
    assert len(world.postbox.mails) == 1
    world.run_for(days=4)
    assert [mail.date for mail in world.postbox.mails[1:]] == [datetime(2026, 4, 13, 13, 0, tzinfo=UTC)]


def test_a_mail_follows_a_contact_that_changed_after_the_decision() -> None:
    world = queued()
    world.customer(contact=facts.Contact("Ada Finch", "ada@acme.example", "test"))
    world.event("customer.updated", "customer", customer="cus_1")
    world.run()
    [mail] = world.postbox.mails
    assert (mail.to.name, mail.to.email) == ("Ada Finch", "ada@acme.example")
    assert ("Ada" in mail.text, "Dana" in mail.text) == (True, False)
    row = models.OutboxItem.objects.get()
    assert (row.to_address, row.state) == ("ada@acme.example", "sent")


def test_a_mail_to_a_contact_who_became_unreachable_stops() -> None:
    world = queued()
    models.Contact.objects.update(deliverable=False)
    world.perform()
    assert world.postbox.mails == []
    assert world.reviews() == ["no_contact"]


def test_an_unreadable_ledger_sends_nothing_and_tells_a_person_once_after_a_day() -> None:
    world = queued()
    world.ledger.unreadable = AWAY
    world.run_to(START + timedelta(hours=23, minutes=50))
    assert (world.postbox.mails, world.reviews()) == ([], [])
    assert world.said("why_not") == ["The ledger could not be read: Stripe answered 503."]
    world.run_to(START + timedelta(hours=47))
    assert world.reviews() == ["ledger_unreadable"]
    assert models.ReviewItem.objects.count() == 1
    assert len(world.said("why_not")) == 2
    assert world.postbox.mails == []
    assert world.outbox() == [("notice", "queued")]


def test_the_mail_leaves_once_the_ledger_can_be_read_and_clears_the_desk() -> None:
    world = queued()
    world.ledger.unreadable = AWAY
    world.run_for(hours=30)
    world.ledger.unreadable = None
    world.run_for(minutes=61)
    assert len(world.postbox.mails) == 1
    assert world.outbox() == [("notice", "sent")]
    assert world.reviews() == []
    assert models.ReviewItem.objects.get().resolution == "The ledger can be read again."


def test_a_person_who_settles_too_early_hears_of_it_again_a_day_later() -> None:
    world = queued()
    world.ledger.unreadable = AWAY
    world.run_for(hours=25)
    world.settle(words.ReviewKind.LEDGER_UNREADABLE)
    world.run_for(hours=20)
    assert world.reviews() == []
    world.run_for(hours=5)
    assert world.reviews() == ["ledger_unreadable"]


def test_a_ledger_that_is_back_after_hours_means_the_next_opening_and_new_dates() -> None:
    world = due(7)
    world.ledger.unreadable = AWAY
    world.run_to(datetime(2026, 4, 14, 22, 0, tzinfo=UTC))
    world.ledger.unreadable = None
    world.run_for(days=1)
    [late] = world.postbox.mails[2:]
    assert late.date == datetime(2026, 4, 15, 13, 0, tzinfo=UTC)
    assert "18 April" in late.text, "three days to pay, counted from the day it leaves"


def test_dates_count_from_the_day_a_mail_leaves_even_inside_working_hours() -> None:
    world = due(7)
    world.ledger.unreadable = AWAY
    world.run_to(datetime(2026, 4, 15, 16, 0, tzinfo=UTC))
    world.ledger.unreadable = None
    world.run_for(minutes=61)
    [late] = world.postbox.mails[2:]
    assert late.date.date().isoformat() == "2026-04-15"
    assert ("17 April" in late.text, "18 April" in late.text) == (False, True)


def test_a_reading_that_took_longer_than_a_minute_is_no_reading() -> None:
    world = queued()
    slow: Callable[[str], None] = lambda _invoice: world.clock.advance(timedelta(seconds=61))  # noqa: E731
    world.ledger.before_read = slow
    assert world.perform() == {"queued": 1}
    assert world.postbox.mails == []
    assert world.said("why_not") == ["The ledger could not be read: it took too long to answer."]
    world.ledger.before_read = lambda _invoice: None
    world.run_for(minutes=10)
    assert len(world.postbox.mails) == 1


def test_a_mail_server_that_is_busy_is_asked_again_for_a_day_and_then_a_person_is_told() -> None:
    world = queued()
    world.postbox.answers = [DEFERRED] * 100
    world.run_to(START + timedelta(hours=23))
    assert world.outbox() == [("notice", "queued")]
    assert world.reviews() == []
    world.run_for(days=1)
    assert world.outbox() == [("notice", "refused")]
    assert world.reviews() == ["send_refused"]
    assert len(world.said("deferred")) == 10
    assert world.postbox.mails == []


def test_a_busy_mail_server_is_told_of_after_a_day_in_working_hours_too() -> None:
    world = due(3)  # a Friday, so that the reminder is written anew on Monday
    world.postbox.answers = [DEFERRED] * 100
    world.run_to(datetime(2026, 4, 14, 12, 0, tzinfo=UTC))
    assert world.reviews() == ["send_refused"]
    assert world.outbox()[1:] == [("reminder", "stopped"), ("reminder", "refused")]


def test_waiting_for_the_ledger_does_not_use_up_the_patience_with_the_mail_server() -> None:
    world = queued()
    world.ledger.unreadable = AWAY
    world.run_for(hours=5)
    world.ledger.unreadable = None
    world.postbox.answers = [DEFERRED]
    world.run_for(hours=1)
    assert world.outbox() == [("notice", "sent")]
    assert len(world.said("deferred")) == 1


def test_a_mail_the_server_refuses_for_good_goes_to_a_person_and_nothing_follows() -> None:
    world = queued()
    world.postbox.answers = [readings.Refused("550 no such user", permanent=True)]
    world.run_for(days=40)
    assert world.postbox.mails == []
    assert world.outbox() == [("notice", "refused")]
    assert world.reviews() == ["send_refused"]


def test_a_mail_of_unknown_fate_is_never_sent_again_and_goes_to_a_person() -> None:
    world = queued()
    world.postbox.answers = [readings.Uncertain("connection reset")]
    world.run_for(days=40)
    assert len(world.postbox.mails) == 1
    assert world.outbox() == [("notice", "unknown")]
    assert world.reviews() == ["send_unknown"]


def test_an_escalation_the_gate_turned_back_is_said_when_it_may_be() -> None:
    world = due(21)
    assert world.outbox()[-1] == ("escalation", "queued")
    world.ledger.change("in_1", in_flight=True)
    world.perform()
    assert world.case().status == "open"
    world.ledger.change("in_1", in_flight=False)
    world.event("payment_intent.payment_failed", "payment", payment="pi_in_1")
    world.run_for(days=2)
    assert world.outbox()[-2:] == [("escalation", "stopped"), ("escalation", "sent")]
    assert world.case().status == "escalated"
    assert world.reviews() == ["escalation"]


def test_a_mail_that_breaks_the_content_rules_does_not_leave() -> None:
    world = queued()
    models.OutboxItem.objects.update(text="This is overdue. Pay immediately!")
    world.perform()
    assert world.postbox.mails == []
    assert world.reviews() == ["content"]
    assert world.case().status == "review"


def test_a_clock_that_was_ahead_once_does_not_make_us_deaf() -> None:
    world = queued()
    models.Invoice.objects.update(read_at=START + timedelta(days=300))
    world.pays()
    world.run()
    assert world.case().ending == "recovered"
    assert world.postbox.mails == []


def test_a_closed_case_lets_nothing_out_that_was_claimed_before() -> None:
    world = queued()

    def settle_it(_invoice: str) -> None:
        world.close()

    world.ledger.before_read = settle_it
    assert world.perform() == {"stopped": 1}
    assert world.postbox.mails == []


def test_whatever_a_mail_server_says_can_be_kept() -> None:
    world = queued()
    said = "451 \x00 later \ud800 " + "x" * 9000
    world.postbox.answers = [readings.Refused(said, permanent=False)]
    assert world.perform() == {"queued": 1}
    note = models.OutboxItem.objects.get().note
    assert note.startswith("451  later ? xxx")
    assert len(note) == 2000


def test_whatever_a_ledger_says_can_be_kept() -> None:
    world = queued()
    world.ledger.unreadable = facts.Unreadable("\x00 503 \ud800" + "x" * 9000)
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    assert models.OutboxItem.objects.get().note.startswith("The ledger could not be read:  503 ?xxx")
    assert models.InboxEvent.objects.order_by("-pk")[0].note.startswith(" 503 ?xxx")


def test_whatever_a_ledger_says_for_good_can_be_kept() -> None:
    world = queued()
    world.ledger.unreadable_invoices["in_1"] = facts.Unreadable("\x00 404 \ud800", permanent=True)
    world.run()
    item = world.item(words.ReviewKind.LEDGER_UNREADABLE)
    assert item.reason == "The ledger cannot answer:  404 ?."
