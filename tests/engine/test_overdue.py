"""Open invoices past their due date that no charge failed on: found by a search, once, and not too early."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dunwell.engine import overdue
from dunwell.engine.loop import run_once
from dunwell.engine.perform import Worker
from dunwell.policy import facts, readings, words
from dunwell.policy.book import Book, bind
from dunwell.policy.money import Money
from dunwell.policy.policy import parse_policy
from dunwell.policy.reasons import reason_for_code
from dunwell.policy.wording import built_in_wording
from dunwell.store import models
from dunwell.store.marks import mark_of
from tests.engine.world import LARGE, START, World

pytestmark = pytest.mark.django_db

YESTERDAY = date(2026, 4, 6)  # START is the 7th, 10:03 in New York
TODAY = date(2026, 4, 7)
EVENING = datetime(2026, 4, 8, 4, 30, tzinfo=UTC)  # still the 7th in Honolulu


def sent(world: World, due: date | None = YESTERDAY, invoice: str = "in_1", **values: Any) -> None:
    """Let there be an invoice that was sent to be paid by a day."""
    if "cus_1" not in world.ledger.customers:
        world.customer()
    said: dict[str, Any] = {
        "number": invoice.upper().replace("IN_", "INV-"),
        "open": Money(120000, "USD"),
        "status": words.InvoiceStatus.OPEN,
        "rail": words.Rail.OTHER,
    }
    billed = facts.Invoice(id=invoice, due=due, **{**said, **values})
    world.ledger.invoices[invoice] = readings.ArrearsReading(
        facts.InvoiceReading(world.now, billed, collects_automatically=False), "cus_1"
    )


def search(world: World) -> int:
    found = overdue.search(world.ports, world.book, world.now)
    world.run()
    return found


def notes() -> list[str]:
    return list(models.InboxEvent.objects.order_by("pk").values_list("note", flat=True))


def test_a_sent_invoice_past_its_due_date_opens_a_case_and_the_customer_hears_it_at_once() -> None:
    world = World()
    sent(world)
    assert search(world) == 1
    case = world.case()
    assert (case.track, case.status, case.failed_at) == ("standard", "open", None)
    assert (case.opened_at, case.anchor_at) == (START, START)
    opened = world.said("opened")[0]
    assert opened.startswith("INV-1 over USD 1,200.00 was due on 2026-04-06 and is not paid. Three-month MRR")
    [mail] = world.postbox.mails
    assert "USD 1,200.00" in mail.text
    assert "6 April 2026" in mail.text
    assert world.ledger.switched == []


def test_every_stage_of_an_invoice_that_no_charge_failed_on_can_be_written() -> None:
    world = World()
    sent(world)
    search(world)
    world.run_for(days=40)
    assert len(world.postbox.mails) == 5
    assert world.reviews() == ["escalation"]
    assert world.ledger.charges == []


def test_the_same_invoice_is_found_once_however_often_is_searched() -> None:
    world = World()
    sent(world)
    assert [search(world) for _ in range(3)] == [1, 0, 0]
    assert models.Case.objects.count() == 1
    assert len(world.postbox.mails) == 1


def test_an_invoice_is_not_late_before_the_day_is_over_where_the_customer_is() -> None:
    world = World()
    world.customer(country="US", subdivision="HI", timezone="Pacific/Honolulu")
    world.clock.move_to(EVENING)
    sent(world, due=TODAY)
    search(world)
    assert models.Case.objects.count() == 0
    assert notes() == ["the due day has not passed yet where the customer is"]
    midnight = datetime(2026, 4, 8, 10, 0, tzinfo=UTC)
    world.run_to(midnight - timedelta(minutes=1))
    assert models.Case.objects.count() == 0
    world.run_to(midnight)
    assert world.case().opened_at == midnight


def test_an_invoice_paid_before_the_day_is_over_never_becomes_a_case() -> None:
    world = World()
    world.customer(timezone="Pacific/Honolulu")
    world.clock.move_to(EVENING)
    sent(world, due=TODAY)
    search(world)
    world.ledger.change("in_1", status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
    world.run_for(days=2)
    assert models.Case.objects.count() == 0
    assert world.postbox.mails == []
    assert notes() == ["no case: the invoice is paid"]


def test_an_invoice_whose_payment_is_under_way_waits_for_it() -> None:
    world = World()
    sent(world, in_flight=True)
    search(world)
    assert notes() == ["a payment is under way"]
    world.run_for(days=2)
    assert models.Case.objects.count() == 0
    world.ledger.change("in_1", in_flight=False)
    world.run_for(days=1)
    assert world.case().status == "open"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"due": None}, "no case: the invoice has no due date"),
        ({"status": words.InvoiceStatus.VOID}, "no case: the invoice is void"),
        ({"open": Money(0, "USD")}, "no case: nothing is open on the invoice"),
    ],
)
def test_a_hint_of_stripe_opens_nothing_that_is_not_late(values: dict[str, Any], said: str) -> None:
    world = World()
    sent(world, **values)
    world.event("invoice.overdue", "overdue", invoice="in_1")
    world.run()
    assert models.Case.objects.count() == 0
    assert notes() == [said]


def test_a_hint_of_stripe_about_an_invoice_it_charges_opens_nothing() -> None:
    world = World()
    world.fails()
    models.InboxEvent.objects.all().delete()
    world.ledger.change("in_1", due=YESTERDAY)
    world.event("invoice.overdue", "overdue", invoice="in_1")
    world.run()
    assert notes() == ["no case: the invoice is charged, and a failed charge opens its case"]


def test_a_hint_of_stripe_about_a_late_invoice_opens_its_case() -> None:
    world = World()
    sent(world)
    world.event("invoice.overdue", "overdue", invoice="in_1")
    world.run()
    assert (world.case().failed_at, world.case().status) == (None, "open")


def test_a_case_that_a_person_closed_after_the_due_date_stays_closed() -> None:
    world = World()
    sent(world)
    search(world)
    world.close()
    world.event("invoice.overdue", "overdue", invoice="in_1")
    world.run()
    assert models.Case.objects.count() == 1
    assert notes()[-1] == "no case: the last one ended after the invoice fell due"


def test_a_charge_that_fails_later_joins_the_case_and_its_clock_goes_on() -> None:
    world = World()
    sent(world)
    search(world)
    world.run_for(days=2)
    known = world.ledger.invoices["in_1"]
    world.ledger.invoices["in_1"] = replace(
        known, failed_at=world.now, reason=reason_for_code("expired_card", "card"), payment="pi_1"
    )
    failed_at = world.now
    world.event("invoice.payment_failed", "failure", invoice="in_1")
    world.run()
    case = world.case()
    assert models.Case.objects.count() == 1
    assert (case.anchor_at, case.failed_at, case.reason_code) == (START, failed_at, "expired_card")
    world.run_to(START + timedelta(days=3))
    notice, reminder = world.postbox.mails
    assert "did not go through" not in notice.text
    assert "did not go through on 9 April 2026" in reminder.text
    assert models.PaymentAttempt.objects.get().method == ""


def test_a_large_customer_s_late_invoice_is_run_by_a_person_without_taking_anything_over() -> None:
    world = World()
    world.customer(mrr=LARGE, owner=facts.Person("Felix Nordstrom", "felix@us.example"))
    sent(world)
    search(world)
    world.run_for(days=10)
    assert world.case().track == "personal"
    assert world.ledger.switched == []
    assert world.ledger.charges == []
    assert world.reviews() == ["draft"]


def test_the_first_search_reaches_back_as_far_as_the_policy_says() -> None:
    world = World()
    sent(world, due=START.date() - timedelta(days=29))
    sent(world, due=START.date() - timedelta(days=32), invoice="in_2")
    assert search(world) == 1
    assert list(models.Case.objects.values_list("invoice__external_id", flat=True)) == ["in_1"]


def test_downtime_loses_no_invoice_that_fell_due_meanwhile() -> None:
    world = World()
    world.customer()
    search(world)
    sent(world, due=START.date() + timedelta(days=2))
    world.clock.advance(timedelta(days=45))
    assert search(world) == 1
    assert world.case().opened_at == world.now


def test_a_search_that_breaks_off_is_made_again_from_where_it_began() -> None:
    world = World()
    sent(world)
    world.ledger.unreadable = facts.Unreadable("Stripe answered 503")
    assert overdue.search(world.ports, world.book, world.now) == 0
    assert mark_of(overdue.SOURCE) is None
    world.ledger.unreadable = None
    assert search(world) == 1
    assert mark_of(overdue.SOURCE) == world.now


def test_the_worker_searches_once_an_hour() -> None:
    world = World()
    sent(world)
    found = []
    for minutes in (0, 5, 50, 10):
        world.clock.advance(timedelta(minutes=minutes))
        models.InboxEvent.objects.all().delete()
        found.append(overdue.search_if_time(world.ports, world.book, world.now))
    assert found == [1, 0, 0, 1]


def test_one_run_of_the_worker_finds_and_writes() -> None:
    world = World()
    sent(world)
    done = run_once(world.ports, world.book, world.now, Worker("test"))
    assert done["swept"] == 1
    assert len(world.postbox.mails) == 1


def test_a_policy_can_leave_such_invoices_alone() -> None:
    policy = parse_policy("[overdue]\nstripe = false")
    world = World(book=bind(policy, built_in_wording()))
    assert isinstance(world.book, Book)
    sent(world)
    assert search(world) == 0
    assert models.InboxEvent.objects.count() == 0
