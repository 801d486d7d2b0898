"""At the end of the personal track somebody calls: on the desk, in NetSuite, and what came of it (spec 1.2, 8)."""

from datetime import UTC, date, datetime

import pytest

from dunwell.engine import signing
from dunwell.engine.review import NotPossibleError
from dunwell.policy import facts
from dunwell.policy.words import CallOutcome, ReviewKind
from dunwell.store import models
from tests.engine.signed import FELIX, SINCE_LEASE, KilledError, Signed, call_task, killed, utc

pytestmark = pytest.mark.django_db


def at_the_end(world: Signed | None = None) -> Signed:
    """A world on day 21, with a call to make."""
    world = world or Signed()
    world.drafts()
    world.run_for(days=21)
    assert sorted(world.reviews()) == ["call_task", "escalation"]
    return world


def called(world: Signed, outcome: CallOutcome, note: str = "", until: date | None = None) -> None:
    signing.record_call_outcome(
        review_id=call_task(world).pk,
        outcome=outcome,
        note=note,
        until=until,
        by="ana",
        now=world.now,
        ports=world.ports,
    )


def test_a_call_is_recorded_in_netsuite_once() -> None:
    world = at_the_end()
    (call,) = world.books.calls.values()
    assert call.title == "Call Dana Reyes about USD 1,200.00 for invoice INV-1"
    assert (call.customer, call.contact, call.invoice) == ("101", "1017", "91")
    assert (call.assigned, call.on) == (FELIX.email, date(2026, 4, 28))
    assert world.said("call_record") == ["The call stands in NetSuite as phone call 1."]
    world.run_for(days=10)
    assert len(world.books.calls) == 1
    assert world.books.asked.count("call") == 1


def test_a_call_without_netsuite_is_on_the_desk_alone() -> None:
    world = at_the_end(Signed(keeps_books=False))
    assert world.books.calls == {}
    assert world.effects("call") == []


def test_a_worker_killed_while_recording_a_call_writes_the_same_record() -> None:
    world = Signed()
    world.books.before_read = lambda what: killed() if what == "call" else None
    with pytest.raises(KilledError):
        at_the_end(world)
    world.books.before_read = lambda _what: None
    world.clock.advance(SINCE_LEASE)
    world.run()
    assert len(world.books.calls) == 1
    assert world.effects("call") == ["sent"]


def test_a_call_waits_for_netsuite_and_the_desk_does_not() -> None:
    world = Signed()
    world.drafts()
    world.run_for(days=20)
    world.books.unreadable = facts.Unreadable("NetSuite answered 503")
    world.run_for(days=1)
    assert "call_task" in world.reviews()
    assert world.books.calls == {}
    world.books.unreadable = None
    world.run_for(hours=2)
    assert len(world.books.calls) == 1


def test_a_call_netsuite_does_not_take_stays_on_the_desk() -> None:
    world = Signed()
    world.drafts()
    world.run_for(days=20)
    world.books.unreadable = facts.Unreadable("Felix is no employee", permanent=True)
    world.run_for(days=1)
    assert "call_task" in world.reviews()
    assert world.effects("call") == ["refused"]
    assert world.said("call_record") == [
        "The call could not be written into NetSuite: Felix is no employee. It stands on the desk."
    ]


@pytest.mark.parametrize("outcome", [CallOutcome.NO_ANSWER, CallOutcome.WRONG_NUMBER])
def test_a_call_that_reached_nobody_is_still_to_be_made(outcome: CallOutcome) -> None:
    world = at_the_end()
    called(world, outcome, "Tried the front desk.")
    assert "call_task" in world.reviews()
    assert world.entries(kind="called")[0].detail == {"outcome": outcome.value}
    assert world.said("called")[0].endswith("Tried the front desk.")


def test_a_call_that_reached_somebody_is_done() -> None:
    world = at_the_end()
    called(world, CallOutcome.REACHED, "They will look into it.")
    assert world.reviews() == ["escalation"]
    entry = world.entries(kind="called")[0]
    assert (entry.actor, entry.summary) == ("ana", "The customer was reached. They will look into it.")


def test_a_promise_on_the_telephone_lasts_through_the_customers_day() -> None:
    world = at_the_end()
    called(world, CallOutcome.PROMISE, "By Friday.", until=date(2026, 5, 1))
    hold = models.Hold.objects.get()
    assert (hold.kind, hold.by, hold.until_at) == ("promise", "ana", utc(30, 3, 59).replace(month=5, day=2))
    assert world.reviews() == ["escalation"]
    world.run_for(days=7)
    assert sorted(world.reviews()) == ["broken_promise", "escalation"]
    assert world.to_customer() == []


def test_a_promise_kept_closes_the_case() -> None:
    world = at_the_end()
    called(world, CallOutcome.PROMISE, until=date(2026, 5, 1))
    world.run_for(days=1)
    world.pays()
    world.run()
    assert world.case().ending == "recovered"
    assert world.reviews() == []


@pytest.mark.parametrize("outcome", [CallOutcome.PROMISE, CallOutcome.PLAN])
@pytest.mark.parametrize(
    ("until", "why"),
    [
        (None, "Say (by which day they promised|on which day the plan)"),
        (date(2026, 4, 1), "must not lie in the past"),
        (date(2027, 4, 1), "within 90 days"),
    ],
)
def test_a_promise_and_a_plan_need_a_day_to_come(outcome: CallOutcome, until: date | None, why: str) -> None:
    world = at_the_end()
    with pytest.raises(NotPossibleError, match=why):
        called(world, outcome, until=until)
    assert models.Hold.objects.count() == 0
    assert "call_task" in world.reviews()


def test_a_dispute_on_the_telephone_holds_the_case_and_asks_to_settle_it() -> None:
    world = at_the_end()
    called(world, CallOutcome.DISPUTE, "They say they never ordered it.")
    assert models.Hold.objects.get().kind == "dispute"
    assert sorted(world.reviews()) == ["dispute", "escalation"]


def test_a_plan_on_the_telephone_holds_the_case_until_it_is_looked_at_again() -> None:
    world = at_the_end()
    called(world, CallOutcome.PLAN, "Three parts.", until=date(2026, 5, 29))
    hold = models.Hold.objects.get()
    assert (hold.kind, hold.until_at) == ("payment_plan", datetime(2026, 5, 30, 3, 59, tzinfo=UTC))
    assert world.reviews() == ["escalation"]
    world.settle(ReviewKind.ESCALATION)
    assert world.case().due_at == hold.until_at
    world.run_for(days=40)
    assert world.reviews() == ["escalation"]


def test_only_a_call_has_an_outcome() -> None:
    world = at_the_end()
    other = models.ReviewItem.objects.get(kind="escalation", closed_at=None)
    with pytest.raises(NotPossibleError, match="not about a call"):
        signing.record_call_outcome(
            review_id=other.pk,
            outcome=CallOutcome.REACHED,
            note="",
            until=None,
            by="ana",
            now=world.now,
            ports=world.ports,
        )
    called(world, CallOutcome.REACHED)
    done = models.ReviewItem.objects.get(kind="call_task")
    with pytest.raises(NotPossibleError, match="settled this already"):
        signing.record_call_outcome(
            review_id=done.pk,
            outcome=CallOutcome.REACHED,
            note="",
            until=None,
            by="ben",
            now=world.now,
            ports=world.ports,
        )
