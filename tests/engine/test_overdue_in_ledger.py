"""Invoices that are only in NetSuite: found past due where the policy says so, read, mailed about and ended there."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from dunwell.engine import links, overdue
from dunwell.policy import facts, ledger, words
from dunwell.policy.book import bind
from dunwell.policy.money import Money
from dunwell.policy.policy import parse_policy
from dunwell.policy.wording import built_in_wording
from dunwell.store import models
from tests.engine.world import LARGE, World

pytestmark = pytest.mark.django_db

YESTERDAY = date(2026, 4, 6)
SMALL = facts.Mrr((Money(90000, "USD"),) * 3, "NetSuite field custentity_mrr")
BANK = "Sample Bank, IBAN DE00 0000"
POLICY = f'[overdue]\nnetsuite = true\n[company]\nbank_transfer = "{BANK}"'


def booked(policy: str = POLICY, **values: Any) -> World:
    """A world whose NetSuite has an invoice that Stripe knows nothing of."""
    world = World(keeps_books=True, book=bind(parse_policy(policy), built_in_wording()))
    owes(world, **values)
    return world


def owes(world: World, number: str = "INV-7", due: date = YESTERDAY, mrr: facts.Mrr | None = SMALL) -> None:
    customer = facts.Customer(
        "of NetSuite only",
        "Corvid Freight",
        contact=facts.Contact("Robin Lee", "robin@corvid.example", "test"),
    )
    open_ = Money(45000, "USD")
    billed = facts.Invoice(f"in_{number[4:]}", number, open_, words.InvoiceStatus.OPEN, due=due)
    world.books.bill(customer, billed)
    world.books.account.mrr = mrr


def search(world: World) -> int:
    found = overdue.search(world.ports, world.book, world.now)
    world.run()
    return found


def notes() -> list[str]:
    return list(models.InboxEvent.objects.order_by("pk").values_list("note", flat=True))


CASE = "netsuite:97"


def test_an_invoice_that_is_only_in_netsuite_opens_a_case_and_its_contact_is_written_to() -> None:
    world = booked()
    assert search(world) == 1
    case = world.case(CASE)
    assert (case.invoice.source, case.invoice.ledger_id, case.invoice.rail) == ("netsuite", "97", "transfer")
    assert (case.customer.external_id, case.customer.ledger_id) == ("netsuite:101", "101")
    assert (case.customer.name, case.track, case.failed_at) == ("Corvid Freight", "standard", None)
    assert world.said("opened", CASE)[0].startswith("INV-7 over USD 450.00 was due on 2026-04-06")
    [mail] = world.postbox.mails
    assert (mail.to.email, "USD 450.00" in mail.text) == ("robin@corvid.example", True)
    assert (world.ledger.reads, world.ledger.charges, world.ledger.switched) == ([], [], [])
    [opened] = models.TimelineEntry.objects.filter(kind="opened")
    assert opened.actor == "netsuite"


def test_every_stage_goes_out_by_what_netsuite_alone_says() -> None:
    world = booked()
    search(world)
    world.run_for(days=45)
    assert len(world.postbox.mails) == 5
    assert world.reviews(CASE) == ["escalation"]
    assert (world.ledger.reads, world.ledger.charges) == ([], [])


def test_a_payment_in_netsuite_ends_the_case() -> None:
    world = booked()
    search(world)
    world.books.pays("INV-7")
    world.run_for(days=1)
    search(world)
    case = world.case(CASE)
    assert (case.status, case.ending) == ("closed", "recovered")
    assert len(world.postbox.mails) == 1


def test_a_payment_that_nobody_has_noticed_yet_stops_the_mail_at_the_gate() -> None:
    world = booked()
    search(world)
    world.books.pays("INV-7")
    world.run_for(days=4)
    assert (world.case(CASE).status, world.case(CASE).ending) == ("closed", "recovered")
    assert len(world.postbox.mails) == 1


def test_a_partial_payment_shows_in_the_next_mail_and_resets_no_stage() -> None:
    world = booked()
    search(world)
    world.books.change("INV-7", open=Money(20000, "USD"))
    search(world)
    assert "The open amount changed from USD 450.00 to USD 200.00." in world.said("invoice", CASE)
    world.run_for(days=4)
    notice, reminder = world.postbox.mails
    assert ("USD 450.00" in notice.text, "USD 200.00" in reminder.text) == (True, True)


def test_a_credit_that_no_invoice_has_used_up_stops_the_mail_and_asks_a_person() -> None:
    world = booked()
    search(world)
    world.books.receives(Money(45000, "USD"), ledger.UnappliedKind.CREDIT)
    world.run_for(days=10)
    assert len(world.postbox.mails) == 1
    assert world.reviews(CASE) == ["unapplied"]


def test_an_invoice_that_is_also_at_stripe_is_stripe_s_and_never_twice() -> None:
    world = booked()
    world.customer()
    billed = facts.Invoice(
        "in_at_stripe", "INV-7", Money(45000, "USD"), words.InvoiceStatus.OPEN, due=YESTERDAY
    )
    world.fails("in_other")
    models.InboxEvent.objects.all().delete()
    known = world.ledger.invoices.pop("in_other")
    world.ledger.invoices["in_at_stripe"] = replace(
        known, reading=facts.InvoiceReading(world.now, billed, collects_automatically=False), failed_at=None
    )
    search(world)
    assert [case.invoice.external_id for case in models.Case.objects.all()] == ["in_at_stripe"]
    assert "no case: the invoice is at Stripe too, which tells of it" in notes()


def test_nothing_opens_while_stripe_cannot_be_asked_about_the_number() -> None:
    world = booked()
    world.ledger.unreadable = facts.Unreadable("Stripe answered 503")
    search(world)
    assert models.Case.objects.count() == 0
    world.ledger.unreadable = None
    world.run_for(hours=1)
    assert world.case(CASE).status == "open"


def test_netsuite_is_only_searched_where_the_policy_says_so() -> None:
    world = booked(policy="")
    assert search(world) == 0
    assert "overdue" not in world.books.asked


def test_a_netsuite_that_cannot_be_read_is_searched_again() -> None:
    world = booked()
    world.books.unreadable = facts.Unreadable("NetSuite answered 503")
    assert search(world) == 0
    world.books.unreadable = None
    assert search(world) == 1


def test_a_customer_of_both_is_one_customer() -> None:
    world = booked()
    world.customer("cus_1", name="Corvid Freight")
    world.ledger.ledger_ids["cus_1"] = "101"
    world.fails("in_1", "cus_1")
    world.run()
    search(world)
    assert world.case(CASE).customer == world.case("in_1").customer
    assert models.Customer.objects.count() == 1


def test_a_method_the_customer_saves_never_touches_an_invoice_of_netsuite() -> None:
    world = booked()
    world.customer("cus_1", name="Corvid Freight")
    world.ledger.ledger_ids["cus_1"] = "101"
    world.fails("in_1", "cus_1")
    world.run()
    search(world)
    world.saves_method("pm_new", "cus_1")
    world.run()
    assert [invoice for invoice, _, _ in world.ledger.charges] == ["in_1"]
    assert world.case(CASE).invoice.status == "open"


def test_the_pay_page_offers_bank_details_and_nothing_of_stripe_s() -> None:
    world = booked()
    search(world)
    token = links.make_link(world.case(CASE).pk, world.ports, world.now).rpartition("/")[2]
    page = links.open_link(token, world.ports)
    assert page is not None
    assert (page.payable, page.way, page.bank_transfer) == (True, "transfer", BANK)
    assert links.start_update(token, world.ports) is None
    assert world.ledger.sessions == []


def test_an_unknown_mrr_waits_for_a_person_here_too() -> None:
    world = booked(mrr=None)
    search(world)
    assert world.reviews(CASE) == ["mrr_unknown"]
    assert world.postbox.mails == []


def test_a_large_customer_s_invoice_is_signed_by_a_person_and_never_taken_over() -> None:
    world = booked(mrr=LARGE)
    search(world)
    world.run_for(days=2)
    assert world.case(CASE).track == "personal"
    assert world.reviews(CASE) == ["draft"]
    assert world.ledger.switched == []


def test_where_netsuite_is_not_set_up_any_more_nothing_is_sent_and_a_person_is_told() -> None:
    world = booked()
    search(world)
    world.keeps_books = False
    world.run_for(days=6)
    assert len(world.postbox.mails) == 1
    assert world.reviews(CASE) == ["ledger_unreadable"]


def test_the_search_in_netsuite_is_made_once_an_hour() -> None:
    world = booked(policy="[overdue]\nstripe = false\nnetsuite = true")
    for minutes in (0, 10, 60):
        world.clock.advance(timedelta(minutes=minutes))
        overdue.search_if_time(world.ports, world.book, world.now)
    assert world.books.asked.count("overdue") == 2
