"""NetSuite is asked before a case runs: what it says is kept, shown and decided on (spec 1.2, step 1)."""

from typing import Any

import pytest

from dunwell.policy import facts
from dunwell.store import models
from tests.engine.world import LARGE, START, World

pytestmark = pytest.mark.django_db

AWAY = facts.Unreadable("NetSuite answered 503")
OWNER = facts.Person("Felix Nordstrom", "felix@dunwell.example")


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
