"""From events to cases: duplicated, late, out of order, unreadable, malformed; and the sweep."""

import json
import random
from collections import Counter
from datetime import timedelta

import pytest

from dunwell.engine.apply import apply_waiting
from dunwell.engine.receive import DeliveryAnswer, store_delivery, sweep
from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.store import models
from dunwell.store.marks import mark_of
from tests.engine.world import START, World

pytestmark = pytest.mark.django_db

AWAY = facts.Unreadable("Stripe answered 503")


def events() -> list[tuple[str, str]]:
    """Type and state of every event, in the order they came in."""
    return list(models.InboxEvent.objects.order_by("pk").values_list("type", "state"))


def test_two_thousand_shuffled_deliveries_make_one_case_and_one_notice_an_invoice() -> None:
    world = World()
    bodies: list[dict[str, str]] = []
    for number in range(200):
        invoice = f"in_{number}"
        world.customer(f"cus_{number}")
        world.fails(invoice, f"cus_{number}")
        for kind in ("invoice.payment_failed", "charge.failed"):
            id_ = f"evt_{number}_{len(bodies)}"
            bodies.append(world.body(kind, "failure", key=id_, invoice=invoice))
    models.InboxEvent.objects.all().delete()
    deliveries = [body for body in bodies for _ in range(5)]
    random.Random(7).shuffle(deliveries)  # noqa: S311 - an order, not a secret
    answers: dict[DeliveryAnswer, int] = {}
    for place, body in enumerate(deliveries):
        answer = store_delivery(json.dumps(body).encode(), "signed", world.ports)
        answers[answer] = answers.get(answer, 0) + 1
        if place == 50:
            world.run()
    while models.InboxEvent.objects.filter(state="waiting").exists():
        world.decide()
    sent = len(world.postbox.mails)
    assert models.InboxEvent.objects.filter(state="handled").count() == answers[DeliveryAnswer.STORED]
    assert answers[DeliveryAnswer.STORED] + answers[DeliveryAnswer.KNOWN] == len(deliveries) == 2000
    assert models.Case.objects.count() == 200
    assert sent > 20
    notices = models.OutboxItem.objects.filter(stage="notice")
    assert Counter(notices.values_list("state", flat=True)) == {"sent": sent, "queued": 200 - sent}
    assert len(set(notices.values_list("to_address", flat=True))) == 200
    assert models.PaymentAttempt.objects.count() == 200


def test_a_payment_that_comes_in_before_its_failure_opens_nothing() -> None:
    world = World()
    world.fails()
    models.InboxEvent.objects.all().delete()
    world.ledger.change("in_1", status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
    world.event("invoice.paid", "invoice", invoice="in_1")
    world.run()
    world.event("invoice.payment_failed", "failure", invoice="in_1")
    world.run()
    assert models.Case.objects.count() == 0
    assert world.postbox.mails == []
    notes = list(models.InboxEvent.objects.order_by("pk").values_list("note", flat=True))
    assert notes == ["no case on this invoice", "no case: the invoice is paid"]


def test_a_failure_of_an_invoice_with_nothing_open_opens_nothing() -> None:
    world = World()
    world.fails(open=Money(0, "USD"))
    world.run()
    assert models.Case.objects.count() == 0
    assert models.InboxEvent.objects.get().note == "no case: nothing is open on the invoice"


def test_a_late_older_failure_moves_the_anchor_back() -> None:
    world = World()
    world.fails()
    world.run()
    world.event("invoice.payment_failed", "failure", invoice="in_1", at=START - timedelta(days=2))
    world.run()
    assert world.case().anchor_at == world.case().failed_at == START - timedelta(days=2)
    world.run_for(days=3)
    assert world.days() == ["04-07", "04-09"], (
        "the reminder counts from the earlier day, two days after the notice"
    )


def test_a_later_failure_leaves_the_anchor_alone() -> None:
    world = World()
    world.fails()
    world.run()
    world.clock.advance(timedelta(days=2))
    world.ledger.declines("in_1", "pm_old", "expired_card")
    world.event("invoice.payment_failed", "failure", invoice="in_1")
    world.run()
    assert world.case().anchor_at == START
    assert world.story()[-1] == "attempt"
    assert models.PaymentAttempt.objects.count() == 2
    assert world.case().reason_code == "expired_card"


def test_a_failure_older_than_the_end_of_the_last_case_opens_nothing() -> None:
    world = World()
    world.fails()
    world.run()
    world.clock.advance(timedelta(days=1))
    world.close()
    world.event("invoice.payment_failed", "failure", invoice="in_1", at=START + timedelta(hours=3))
    world.run()
    assert models.Case.objects.count() == 1
    assert models.InboxEvent.objects.order_by("-pk")[0].note == (
        "no case: the failure is older than the end of the last case"
    )


def test_a_new_failure_after_a_closed_case_opens_a_second_one_with_its_own_anchor() -> None:
    world = World()
    world.fails()
    world.run()
    world.clock.advance(timedelta(days=10))
    world.close()
    world.clock.advance(timedelta(days=10))
    world.event(
        "invoice.payment_failed", "failure", invoice="in_1", at=START
    )  # came in late, of the first case
    world.event("invoice.payment_failed", "failure", invoice="in_1")
    world.run()
    first, second = models.Case.objects.order_by("pk")
    assert (first.status, second.status) == ("closed", "open")
    assert second.anchor_at == world.now
    world.event("charge.failed", "failure", invoice="in_1", at=START + timedelta(hours=1))
    world.run()
    second.refresh_from_db()
    assert second.anchor_at == world.now, "that failure belongs to the first case"
    assert len(world.postbox.mails) == 2


def test_events_of_an_invoice_without_a_case_cost_no_call() -> None:
    world = World()
    for _ in range(10):
        world.event("invoice.updated", "invoice", invoice="in_9")
    world.run()
    assert world.ledger.reads == []
    assert {state for _, state in events()} == {"handled"}


def test_a_vendor_that_cannot_be_read_postpones_ever_more_slowly_and_loses_nothing() -> None:
    world = World()
    world.fails()
    world.ledger.unreadable = AWAY
    world.run_for(days=3)
    event = models.InboxEvent.objects.get()
    assert (event.state, event.note) == ("waiting", "Stripe answered 503")
    assert 70 < event.tries < 80, "once an hour in the end"
    world.ledger.unreadable = None
    world.run_for(hours=1)
    assert world.case().anchor_at == START
    assert len(world.postbox.mails) == 1


@pytest.mark.parametrize("topic", ["payment", "customer", "new_method"])
def test_every_topic_waits_for_a_vendor_that_is_away(topic: str) -> None:
    world = World()
    world.fails()
    world.run()
    world.ledger.unreadable = AWAY
    world.event("x", topic, payment="pi_in_1", customer="cus_1", method="pm_new")
    world.run()
    assert events()[-1] == ("x", "waiting")
    world.ledger.unreadable = None
    world.run_for(minutes=1)
    assert events()[-1] == ("x", "handled")


def test_a_customer_who_cannot_be_read_but_is_known_holds_nothing_up() -> None:
    world = World()
    world.fails()
    world.run()
    world.clock.advance(timedelta(days=2))
    world.ledger.customers.clear()

    def gone(customer: str, now: object) -> facts.Unreadable:
        return AWAY

    world.ledger.read_customer = gone  # type: ignore[method-assign]
    world.pays()
    world.run()
    assert world.case().ending == "recovered"


def test_malformed_and_ignored_events_are_settled_with_a_note() -> None:
    world = World()
    models.InboxEvent.objects.create(
        source="stripe", external_id="evt_odd", type="odd", body="{}", received_at=START, due_at=START
    )
    world.event("price.created", "ignored", why="nothing to do with payments")
    world.event("charge.failed", "payment", payment="pi_of_nobody")
    world.run()
    rows = models.InboxEvent.objects.order_by("pk").values_list("state", "note", "settled_at")
    assert list(rows) == [
        ("failed", "no topic", START),
        ("ignored", "nothing to do with payments", START),
        ("ignored", "no invoice behind it", START),
    ]


@pytest.mark.trouble
def test_an_event_that_breaks_us_stops_no_other_and_is_not_lost() -> None:
    world = World()
    world.fails("in_1", "cus_1")
    world.fails("in_2", "cus_2")

    def breaks(invoice: str) -> None:
        if invoice == "in_1":
            raise ZeroDivisionError

    world.ledger.before_read = breaks
    world.decide()
    assert [state for _, state in events()] == ["waiting", "handled"]
    assert "ZeroDivisionError" in models.InboxEvent.objects.order_by("pk")[0].note
    assert models.Case.objects.count() == 1
    world.ledger.before_read = lambda _invoice: None
    world.run_for(minutes=2)
    assert len(world.postbox.mails) == 2


def test_an_event_whose_worker_died_is_applied_by_the_next() -> None:
    world = World()
    world.fails()

    def dies(_invoice: str) -> None:
        raise KeyboardInterrupt

    world.ledger.before_read = dies
    with pytest.raises(KeyboardInterrupt):
        apply_waiting(world.ports, world.book, world.now)
    world.ledger.before_read = lambda _invoice: None
    world.run()
    assert world.postbox.mails == [], "still leased"
    world.run_for(minutes=2)
    assert len(world.postbox.mails) == 1


def test_a_customer_that_changed_is_read_and_their_cases_looked_at() -> None:
    world = World()
    world.customer(contact=None)
    world.fails()
    world.run()
    assert world.reviews() == ["no_contact"]
    world.customer(contact=facts.Contact("Dana Reyes", "dana@acme.example", "stripe"))
    world.event("customer.updated", "customer", customer="cus_1")
    world.event("customer.updated", "customer", customer="cus_of_nobody")
    world.run()
    world.settle(words.ReviewKind.NO_CONTACT)
    world.run()
    assert [mail.to.email for mail in world.postbox.mails] == ["dana@acme.example"]


def test_a_reading_that_another_overtook_is_made_again() -> None:
    world = World()
    world.fails()
    world.run()
    world.clock.advance(timedelta(hours=1))
    world.pays()

    def overtaken(_invoice: str) -> None:
        """While Stripe answers us, somebody else asks later and is answered sooner, before the payment."""
        world.clock.advance(timedelta(seconds=2))
        models.Invoice.objects.update(read_at=world.now - timedelta(seconds=1))
        world.ledger.before_read = lambda _invoice: None

    world.ledger.before_read = overtaken
    world.decide()
    assert world.case().closed_at is None
    assert events()[-1] == ("invoice.paid", "waiting")
    world.run_for(minutes=1)
    assert world.case().ending == "recovered"


@pytest.mark.parametrize(
    ("body", "signature", "answer"),
    [
        (b'{"id": "evt_1", "type": "invoice.paid", "topic": "ignored", "at": ""}', "signed", "stored"),
        (b'{"id": "evt_1", "type": "invoice.paid", "topic": "ignored", "at": ""}', "forged", "refused"),
    ],
)
def test_a_delivery_is_kept_only_when_it_is_signed(body: bytes, signature: str, answer: str) -> None:
    world = World()
    assert store_delivery(body, signature, world.ports) == answer
    assert models.InboxEvent.objects.count() == (1 if answer == "stored" else 0)


def test_a_closed_endpoint_keeps_nothing() -> None:
    world = World(accepts_webhooks=False)
    assert store_delivery(b"{}", "signed", world.ports) is DeliveryAnswer.CLOSED
    assert models.InboxEvent.objects.count() == 0


def test_a_sweep_finds_what_webhooks_missed_and_nothing_twice() -> None:
    world = World()
    world.fails()
    missed = world.body("invoice.payment_failed", "failure", key="evt_missed", invoice="in_1")
    known = json.loads(models.InboxEvent.objects.get().body)
    world.ledger.listed = [known, missed]
    assert sweep(world.ports, world.now) == 1
    assert sweep(world.ports, world.now) == 0
    assert models.InboxEvent.objects.count() == 2
    assert mark_of("stripe") == START


def test_the_mark_moves_only_at_the_end_of_the_list() -> None:
    world = World()
    assert sweep(world.ports, world.now) == 0
    world.clock.advance(timedelta(hours=5))
    world.ledger.listed = [
        world.body("x", "ignored", key=f"evt_{n}", at=START + timedelta(hours=n)) for n in range(5)
    ]
    world.ledger.breaks_after = 2
    assert sweep(world.ports, world.now) == 2
    assert mark_of("stripe") == START
    world.ledger.breaks_after = None
    assert sweep(world.ports, world.now) == 3
    assert mark_of("stripe") == world.now


def test_a_sweep_that_finds_an_old_failure_tells_the_customer_late_rather_than_never() -> None:
    world = World()
    world.fails()
    models.InboxEvent.objects.all().delete()
    world.ledger.listed = [world.body("invoice.payment_failed", "failure", key="evt_1", invoice="in_1")]
    world.clock.advance(timedelta(days=2))
    assert sweep(world.ports, world.now) == 1
    world.run()
    assert world.case().anchor_at == START
    assert len(world.postbox.mails) == 1
