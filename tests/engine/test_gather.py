"""NetSuite is asked before a case runs: what it says is kept, shown and decided on (spec 1.2, step 1)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dunwell.engine import review
from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.store import models
from tests.engine.signed import SINCE_LEASE, KilledError, killed
from tests.engine.world import LARGE, START, World

pytestmark = pytest.mark.django_db

AWAY = facts.Unreadable("NetSuite answered 503")
OPEN = words.InvoiceStatus.OPEN
OWNER = facts.Person("Felix Nordstrom", "felix@dunwell.example")


def usd(cents: int) -> Money:
    return Money(cents, "USD")


def large(**values: Any) -> World:
    """A world with books, and a large customer whose payment has just failed."""
    world = World(keeps_books=True)
    world.customer(mrr=LARGE, owner=OWNER, **values)
    world.fails()
    return world


def contacts() -> list[tuple[str, str, int]]:
    rows = models.Contact.objects.order_by("rank", "pk")
    return list(rows.values_list("email", "ledger_id", "rank"))


def test_a_case_opens_without_a_track_and_gets_it_from_what_netsuite_says() -> None:
    world = large()
    world.decide()
    case = world.case()
    assert (case.track, case.uses_ledger, case.gathered_at) == (None, True, None)
    assert world.outbox() == [("gather", "queued")]
    world.run()
    case = world.case()
    assert (case.track, case.gathered_at) == ("personal", START)
    assert world.outbox()[:2] == [("gather", "sent"), ("take_over", "sent")]
    [gathered] = world.entries(kind="gathered")
    assert gathered.actor == "netsuite"
    assert gathered.summary == (
        "NetSuite was asked: the contact is Dana Reyes <dana@cus-1.example>, invoice INV-1 has USD 1,200.00 open. "
        "Three-month MRR of USD 9,000.00, USD 9,000.00 and USD 9,000.00 (test) averages above USD 5,000.00."
    )
    assert gathered.detail == {
        "at": START.isoformat(),
        "customer": "101",
        "crm_status": "CUSTOMER-Closed Won",
        "owner": "Felix Nordstrom <felix@dunwell.example>",
        "contact": "Dana Reyes <dana@cus-1.example>",
        "contact_id": "1017",
        "contact_because": "Dana Reyes (1017) was taken: role Accounts Payable.",
        "invoice": "INV-1",
        "invoice_id": "91",
        "open": "USD 1,200.00",
        "invoice_status": "open",
        "unapplied": [],
    }


def test_a_small_customer_is_written_to_in_the_same_breath() -> None:
    world = World(keeps_books=True)
    world.fails()
    world.run()
    assert world.case().track == "standard"
    assert world.outbox() == [("gather", "sent"), ("notice", "sent")]
    assert len(world.postbox.mails) == 1
    assert world.books.asked == ["gather", "standing"]


def test_what_netsuite_lacks_is_only_a_warning_on_the_standard_track() -> None:
    world = World(keeps_books=True)
    world.fails()
    world.books.accounts.clear()
    world.run()
    assert world.case().missing == ["NetSuite knows no customer with the invoice INV-1."]
    assert world.said("warning") == ["NetSuite knows no customer with the invoice INV-1."]
    assert world.reviews() == []
    assert len(world.postbox.mails) == 1


def test_the_mrr_of_netsuite_goes_before_that_of_stripe_and_outlives_a_look_at_stripe() -> None:
    world = World(keeps_books=True)
    world.customer(mrr=facts.Mrr((usd(90_000),) * 3, "Stripe invoices"))
    world.fails()
    world.books.account.mrr = facts.Mrr((usd(700_000),) * 3, "NetSuite query")
    world.run()
    assert world.case().track == "personal"
    world.event("customer.updated", "customer", customer="cus_1")
    world.run()
    customer = world.case().customer
    assert (customer.mrr_source, customer.mrr_minor) == ("NetSuite query", [700_000] * 3)


def test_stripes_mrr_counts_where_netsuite_has_none() -> None:
    world = large()
    world.run()
    assert world.case().track == "personal"
    assert world.case().customer.mrr_source == "test"


def test_what_netsuite_says_of_a_customer_outlives_a_look_at_stripe() -> None:
    world = large()
    world.books.account.timezone = "Europe/Berlin"
    world.books.account.strategic = True
    world.run()
    world.customer(mrr=LARGE, owner=None, contact=facts.Contact("Eve", "eve@cus-1.example", "Stripe"))
    world.event("customer.updated", "customer", customer="cus_1")
    world.run()
    customer = world.case().customer
    assert (customer.ledger_id, customer.crm_status) == ("101", "CUSTOMER-Closed Won")
    assert (customer.owner_email, customer.timezone, customer.strategic) == (
        OWNER.email,
        "Europe/Berlin",
        True,
    )
    assert contacts() == [("dana@cus-1.example", "1017", 0), ("eve@cus-1.example", "", 1)]


def test_a_customers_id_at_netsuite_that_stripe_knows_is_asked_for() -> None:
    world = World(keeps_books=True)
    world.customer(mrr=LARGE)
    world.fails()
    world.books.bill(facts.Customer("cus_2", "Somebody else"), facts.Invoice("in_9", "INV-1", usd(1), OPEN))
    world.ledger.ledger_ids["cus_1"] = "102"
    world.run()
    assert world.case().customer.ledger_id == "102"


def test_a_contact_that_netsuite_names_no_more_is_not_written_to() -> None:
    world = large()
    world.run()
    world.close()
    world.books.account.contact = None
    world.clock.advance(timedelta(days=30))
    world.fails("in_2")
    world.run()
    assert contacts() == [("dana@cus-1.example", "", 1)]
    assert world.reviews("in_2") == ["no_contact"]
    assert world.outbox("in_2") == [("gather", "sent")]


def test_a_contact_a_person_has_set_stays_first() -> None:
    world = large()
    world.run()
    review.change_contact(
        case_id=world.case().pk,
        name="Robin Sample",
        email="robin@x.io",
        by="ana",
        now=world.now,
        ports=world.ports,
    )
    world.close()
    world.clock.advance(timedelta(days=30))
    world.fails("in_2")
    world.run()
    assert contacts() == [("robin@x.io", "", 0), ("dana@cus-1.example", "1017", 1)]


@pytest.mark.parametrize("mrr", [LARGE, facts.Mrr((usd(90_000),) * 3, "test")])
def test_nothing_leaves_while_netsuite_is_down_for_a_day_and_then_all_goes_on_by_itself(
    mrr: facts.Mrr,
) -> None:
    world = World(keeps_books=True)
    world.customer(mrr=mrr)
    world.fails()
    world.books.unreadable = AWAY
    world.run()
    world.run_for(hours=23, minutes=55)
    assert world.reviews() == []
    assert world.said("why_not") == ["NetSuite could not be read: NetSuite answered 503."]
    world.run_for(hours=2)
    assert world.reviews() == ["ledger_unreadable"]
    assert world.outbox() == [("gather", "queued")]
    assert (world.postbox.mails, world.ledger.charges, world.ledger.switched) == ([], [], [])
    world.books.unreadable = None
    world.run_for(hours=2)
    assert world.reviews() == []
    assert world.case().gathered_at is not None
    assert world.said("settled") == ["The ledger can be read again."]
    assert world.outbox()[1] == (("take_over", "sent") if mrr is LARGE else ("notice", "sent"))


def test_a_person_who_settles_it_too_early_hears_of_it_again_a_day_later() -> None:
    world = large()
    world.books.unreadable = AWAY
    world.run()
    world.run_for(hours=26)
    world.settle(words.ReviewKind.LEDGER_UNREADABLE)
    world.run_for(hours=20)
    assert world.reviews() == []
    world.run_for(hours=6)
    assert world.reviews() == ["ledger_unreadable"]
    assert world.outbox() == [("gather", "queued")]


def test_netsuite_that_refuses_for_good_tells_a_person_at_once_and_is_asked_all_the_same() -> None:
    world = large()
    world.books.unreadable = facts.Unreadable("NetSuite does not let our role in", permanent=True)
    world.run()
    assert world.reviews() == ["ledger_unreadable"]
    world.run_for(hours=3)
    assert world.books.asked == ["gather"] * 4
    world.books.unreadable = None
    world.run_for(hours=1)
    assert world.reviews() == []
    assert world.case().track == "personal"


def test_a_case_whose_netsuite_was_taken_away_waits_for_a_person() -> None:
    world = large()
    world.decide()
    world.keeps_books = False
    world.run()
    world.run_for(hours=25)
    assert world.reviews() == ["ledger_unreadable"]
    assert world.outbox() == [("gather", "queued")]
    world.keeps_books = True
    world.run_for(hours=1)
    assert world.case().track == "personal"


def test_settling_what_was_missing_asks_netsuite_again() -> None:
    world = large()
    contact, world.books.account.contact = world.books.account.contact, None
    world.run()
    assert world.reviews() == ["no_contact"]
    world.settle(words.ReviewKind.NO_CONTACT)
    world.run()
    assert world.reviews() == ["no_contact"], "it is still missing"
    world.books.account.contact = contact
    world.settle(words.ReviewKind.NO_CONTACT)
    world.run()
    assert world.books.asked == ["gather"] * 3
    assert world.reviews() == []
    assert world.outbox() == [("gather", "sent")] * 3 + [("take_over", "sent")]


def test_an_invoice_netsuite_does_not_show_stops_the_personal_track_until_it_does() -> None:
    world = large()
    bill = world.books.account.invoices.pop("91")
    world.books.account.invoices["99"] = replace(bill, id="99", number="INV-9")
    world.ledger.ledger_ids["cus_1"] = "101"
    world.run()
    assert world.reviews() == ["incomplete"]
    assert world.ledger.switched == []
    world.books.account.invoices["91"] = bill
    world.settle(words.ReviewKind.INCOMPLETE)
    world.run()
    assert (world.case().invoice.ledger_id, world.case().collection) == ("91", "dunwell")


def test_an_unknown_mrr_is_asked_for_again_when_a_person_has_seen_to_it() -> None:
    world = World(keeps_books=True)
    world.customer(mrr=None)
    world.fails()
    world.run()
    assert (world.case().track, world.reviews()) == (None, ["mrr_unknown"])
    world.books.account.mrr = facts.Mrr((usd(700_000),) * 3, "NetSuite query")
    world.settle(words.ReviewKind.MRR_UNKNOWN)
    world.run()
    assert (world.case().track, world.reviews()) == ("personal", [])


def test_a_track_that_a_person_chose_needs_no_mrr() -> None:
    world = World(keeps_books=True)
    world.customer(mrr=None)
    world.fails()
    world.run()
    review.choose_track(
        case_id=world.case().pk,
        track=words.Track.PERSONAL,
        reason="",
        by="ana",
        now=world.now,
        ports=world.ports,
    )
    world.run()
    assert (world.case().track_chosen, world.reviews(), world.case().collection) == (True, [], "dunwell")


def test_a_case_that_is_closed_meanwhile_is_not_asked_about() -> None:
    world = large()
    world.decide()
    world.books.before_read = lambda _what: world.close()
    world.run()
    assert world.outbox() == [("gather", "stopped")]
    assert world.case().gathered_at is None


def test_a_worker_killed_while_netsuite_answers_loses_nothing() -> None:
    world = large()
    world.decide()
    world.books.before_read = killed
    with pytest.raises(KilledError):
        world.perform()
    world.books.before_read = lambda _what: None
    assert world.case().gathered_at is None
    world.clock.advance(SINCE_LEASE)
    world.run()
    assert len(world.said("gathered")) == 1
    assert world.case().track == "personal"
