"""The standard track, verb by verb, against a ledger and a postbox in memory: stages, endings, desks."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.store import models
from tests.engine.world import START, World

pytestmark = pytest.mark.django_db

NEW_YORK = ZoneInfo("America/New_York")
LATER = START + timedelta(days=40)
PATIENT = facts.PaymentRecord(24, 24, 24, 0)
NORMAL = facts.PaymentRecord(8, 8, 7, 0)
NEW = facts.PaymentRecord(1, 1, 1, 0)
FAILS_OFTEN = facts.PaymentRecord(24, 24, 18, 2)


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def test_a_failed_payment_sends_the_notice_at_once() -> None:
    world = World()
    world.fails()
    world.run()
    assert [mail.to.email for mail in world.postbox.mails] == ["dana@cus-1.example"]
    assert world.story() == ["opened", "send", "sent"]
    assert world.case().due_at == datetime(2026, 4, 10, 13, 0, tzinfo=UTC)


def test_the_notice_leaves_at_night_too() -> None:
    world = World()
    world.clock.move_to(datetime(2026, 4, 12, 7, 0, tzinfo=UTC))  # Sunday, 3 in the morning in New York
    world.fails()
    world.run()
    assert [mail.date for mail in world.postbox.mails] == [datetime(2026, 4, 12, 7, 0, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("record", "days"),
    [
        (NORMAL, ["04-07", "04-10", "04-14", "04-21", "04-28"]),
        (PATIENT, ["04-07", "04-13", "04-20", "04-28", "05-07"]),  # 12 and 18 April are at a weekend
        (NEW, ["04-07", "04-09", "04-13", "04-20", "04-23"]),
        (FAILS_OFTEN, ["04-07", "04-09", "04-13", "04-20", "04-23"]),
        (None, ["04-07", "04-09", "04-13", "04-20", "04-23"]),
    ],
)
def test_five_stages_go_out_on_their_days_and_then_a_person_has_the_case(
    record: facts.PaymentRecord | None, days: list[str]
) -> None:
    world = World()
    world.customer(record=record)
    world.fails()
    world.run()
    world.run_to(LATER)
    assert world.days() == days
    hours = {mail.date.astimezone(NEW_YORK).hour for mail in world.postbox.mails[1:]}
    assert hours <= {9, 10}, "at the opening, or two days after the notice to the minute"
    stages = ["notice", "reminder", "direct", "final", "escalation"]
    assert world.outbox() == [(stage, "sent") for stage in stages]
    assert (world.case().status, world.case().due_at) == ("escalated", None)
    assert world.reviews() == ["escalation"]


def test_nothing_automatic_follows_the_escalation() -> None:
    world = World()
    world.fails()
    world.run()
    world.run_to(LATER)
    before = world.story()
    world.run_for(days=365)
    assert len(world.postbox.mails) == 5
    assert world.story() == before


@pytest.mark.parametrize("after_days", [0, 2, 5, 10, 18])
def test_payment_stops_everything(after_days: int) -> None:
    world = World()
    world.fails()
    world.run()
    world.run_for(days=after_days)
    sent = len(world.postbox.mails)
    world.pays()
    world.run()
    world.run_to(LATER)
    assert len(world.postbox.mails) == sent
    assert (world.case().status, world.case().ending) == ("closed", "recovered")
    assert world.reviews() == []
    assert {state for _, state in world.outbox()} == {"sent"}


def test_payment_after_the_escalation_clears_the_desk() -> None:
    world = World()
    world.fails()
    world.run()
    world.run_to(LATER)
    world.pays()
    world.run()
    assert world.case().ending == "recovered"
    assert world.reviews() == []
    item = models.ReviewItem.objects.get(kind="escalation")
    assert (item.closed_by, item.resolution) == ("dunwell", "The case was closed.")


@pytest.mark.parametrize(
    ("status", "open_minor", "ending"),
    [
        (words.InvoiceStatus.PAID, 0, "recovered"),
        (words.InvoiceStatus.VOID, 120000, "voided"),
        (words.InvoiceStatus.UNCOLLECTIBLE, 120000, "written_off"),
        (words.InvoiceStatus.OPEN, 0, "credited"),
    ],
)
def test_the_ledger_ends_a_case(status: words.InvoiceStatus, open_minor: int, ending: str) -> None:
    world = World()
    world.fails()
    world.run()
    world.ledger.change("in_1", status=status, open=usd(open_minor))
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    world.run_to(LATER)
    assert (world.case().status, world.case().ending, world.case().due_at) == ("closed", ending, None)
    assert len(world.postbox.mails) == 1
    assert world.case().closed_at == START


def test_a_partial_payment_shows_in_the_next_mail() -> None:
    world = World()
    world.fails()
    world.run()
    world.ledger.change("in_1", open=usd(45_000))
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run_for(days=4)
    notice, reminder = world.postbox.mails
    assert ("USD 1,200.00" in notice.text, "USD 450.00" in notice.text) == (True, False)
    assert ("USD 1,200.00" in reminder.text, "USD 450.00" in reminder.text) == (False, True)
    assert "The open amount changed from USD 1,200.00 to USD 450.00." in world.said("invoice")


def test_a_chargeback_holds_the_open_case() -> None:
    world = World()
    world.fails()
    world.run()
    world.ledger.change("in_1", charged_back=True)
    world.event("charge.dispute.created", "chargeback", invoice="in_1")
    world.run()
    world.run_to(LATER)
    assert len(world.postbox.mails) == 1
    assert world.reviews() == ["chargeback"]
    hold = models.Hold.objects.get()
    assert (hold.kind, hold.until_at, hold.case_id) == ("dispute", None, world.case().pk)


def test_a_chargeback_on_an_invoice_that_never_failed_is_none_of_our_business() -> None:
    world = World()
    world.customer()
    world.fails()
    models.InboxEvent.objects.all().delete()
    world.ledger.change("in_1", status=words.InvoiceStatus.PAID, charged_back=True)
    world.event("charge.dispute.created", "chargeback", invoice="in_1")
    world.run()
    assert models.Case.objects.count() == 0
    assert models.InboxEvent.objects.get().state == "handled"


def test_an_invoice_stripe_no_longer_knows_goes_to_a_person() -> None:
    world = World()
    world.fails()
    world.run()
    del world.ledger.invoices["in_1"]
    world.event("invoice.deleted", "invoice", invoice="in_1")
    world.run()
    world.run_to(LATER)
    assert world.reviews() == ["invoice_unknown"]
    assert world.case().status == "review"
    assert len(world.postbox.mails) == 1
    assert models.InboxEvent.objects.order_by("-pk")[0].state == "failed"


@pytest.mark.parametrize(
    "email", ["", "dana", "dana@", "two@acme.example, ap@acme.example", "x" * 400 + "@a.example"]
)
def test_a_contact_mail_cannot_reach_goes_to_a_person(email: str) -> None:
    world = World()
    world.customer(contact=facts.Contact("Dana Reyes", email, "test") if email else None)
    world.fails()
    world.run()
    world.run_to(LATER)
    assert world.reviews() == ["no_contact"]
    assert world.outbox() == []
    assert world.postbox.mails == []


def test_a_contact_whose_mail_came_back_goes_to_a_person() -> None:
    world = World()
    world.fails()
    world.run()
    models.Contact.objects.update(deliverable=False)
    world.run_to(LATER)
    assert world.reviews() == ["no_contact"]
    assert len(world.postbox.mails) == 1


def test_the_next_deliverable_contact_takes_over() -> None:
    world = World()
    world.fails()
    world.run()
    models.Contact.objects.update(deliverable=False)
    models.Contact.objects.create(
        customer=world.case().customer, name="Ada Finch", email="ada@acme.example", source="test", rank=1
    )
    world.run_for(days=4)
    assert [mail.to.email for mail in world.postbox.mails] == ["dana@cus-1.example", "ada@acme.example"]
    assert "Ada" in world.postbox.mails[1].text


def test_an_address_on_the_invoice_stands_in_for_the_customers_own() -> None:
    world = World()
    world.customer(contact=None)
    world.fails()
    world.ledger.mails_to("in_1", "ap@acme.example")
    world.run()
    assert [mail.to.email for mail in world.postbox.mails] == ["ap@acme.example"]


def test_unknown_mrr_waits_for_a_person() -> None:
    world = World()
    world.customer(mrr=None)
    world.fails()
    world.run()
    world.run_to(LATER)
    assert world.reviews() == ["mrr_unknown"]
    assert world.case().track is None
    assert world.outbox() == []


def test_a_large_customer_is_left_to_a_person() -> None:
    world = World()
    world.customer(mrr=facts.Mrr((usd(500_001), usd(500_000), usd(500_000)), "test"))
    world.fails()
    world.ledger.charge_outcomes = [words.AttemptOutcome.DECLINED]
    world.run()
    world.run_to(LATER)
    assert world.case().track == "personal"
    assert world.reviews() == ["escalation", "call_task"]
    assert world.outbox() == [("take_over", "sent"), ("charge", "refused")]
    assert world.postbox.mails == []


def test_a_customer_exactly_at_the_threshold_is_on_the_standard_track() -> None:
    world = World()
    world.customer(mrr=facts.Mrr((usd(500_000),) * 3, "test"))
    world.fails()
    world.run()
    assert world.case().track == "standard"
    assert len(world.postbox.mails) == 1


def test_a_strategic_customer_gets_a_call_instead_of_the_last_mail() -> None:
    world = World()
    world.customer(strategic=True)
    world.fails()
    world.run()
    world.run_to(LATER)
    assert len(world.postbox.mails) == 4
    assert world.reviews() == ["escalation", "call_task"]
    assert world.case().status == "escalated"


def test_nothing_is_sent_while_a_payment_is_under_way() -> None:
    world = World()
    world.fails()
    world.run()
    world.ledger.change("in_1", in_flight=True)
    world.event("payment_intent.processing", "payment", payment="pi_in_1")
    world.run_to(START + timedelta(days=6))
    assert len(world.postbox.mails) == 1
    world.ledger.change("in_1", in_flight=False)
    world.event("payment_intent.payment_failed", "payment", payment="pi_in_1")
    world.run_for(days=1)
    assert len(world.postbox.mails) == 2


def test_a_payment_that_never_ends_is_brought_to_a_person_once_and_goes_on_by_itself() -> None:
    world = World()
    world.fails()
    world.run()
    world.clock.advance(timedelta(days=1))
    world.ledger.change("in_1", in_flight=True)
    world.event("payment_intent.processing", "payment", payment="pi_in_1")
    world.run()
    world.run_for(days=13)
    assert world.said("review") == []

    world.run_for(days=3)
    assert world.said("review") == ["A payment has been under way for 14 days."]
    assert world.case().status == "open"
    world.settle(words.ReviewKind.GATE_CLOSED)
    world.run_for(days=5)
    assert len(world.said("review")) == len(world.postbox.mails) == 1

    world.ledger.change("in_1", in_flight=False)
    world.event("payment_intent.payment_failed", "payment", payment="pi_in_1")
    world.run_for(days=1)
    assert len(world.postbox.mails) == 2


def test_what_a_person_was_told_of_a_long_payment_is_settled_when_it_ends() -> None:
    world = World()
    world.fails()
    world.run()
    world.ledger.change("in_1", in_flight=True)
    world.event("payment_intent.processing", "payment", payment="pi_in_1")
    world.run_for(days=16)
    assert models.ReviewItem.objects.filter(closed_at=None).count() == 1

    world.ledger.change("in_1", in_flight=False)
    world.event("payment_intent.payment_failed", "payment", payment="pi_in_1")
    world.run()
    assert models.ReviewItem.objects.filter(closed_at=None).count() == 0
    assert world.said("settled") == ["No payment is under way any more."]


def test_a_decline_code_nobody_knows_is_a_warning_and_reads_generic() -> None:
    world = World()
    world.fails(code="brand_new_code")
    world.run()
    [warning] = world.said("warning")
    assert "brand_new_code" in warning
    assert "brand_new_code" not in world.postbox.mails[0].text
    assert world.case().reason_class == "soft"


def test_fraud_is_never_named() -> None:
    world = World()
    world.fails(code="stolen_card")
    world.run()
    for word in ("stolen", "fraud", "lost"):
        assert word not in world.postbox.mails[0].text.lower()
        assert word not in world.postbox.mails[0].html.lower()


def test_downtime_neither_loses_nor_doubles_a_stage() -> None:
    world = World()
    world.fails()
    world.run()
    world.clock.advance(timedelta(days=9))  # reminder and direct both came due while nothing ran
    world.run()
    assert world.outbox() == [("notice", "sent"), ("reminder", "sent")]
    world.run_to(LATER)
    stages = ["notice", "reminder", "direct", "final", "escalation"]
    assert world.outbox() == [(stage, "sent") for stage in stages]
    dates = [mail.date for mail in world.postbox.mails]
    assert all(later - earlier >= timedelta(days=2) for earlier, later in pairwise(dates))


def test_two_invoices_of_one_payer_share_their_mails_and_end_each_alone_two_days_apart() -> None:
    world = World()
    world.fails("in_1")
    world.fails("in_2")
    world.run()
    assert len(world.postbox.mails) == 1
    world.run_to(LATER)
    dates = [mail.date for mail in world.postbox.mails]
    assert (
        len(dates) == 3 + 2 + 1
    )  # shared ones, a final message each, and an escalation; the other meets the cap
    assert all(later - earlier >= timedelta(days=2) for earlier, later in pairwise(dates))
    assert world.case("in_1").status == world.case("in_2").status == "escalated"
