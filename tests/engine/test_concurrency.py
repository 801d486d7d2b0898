"""Workers and people side by side, each with a connection of its own, on whichever database this runs."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connections

from dunwell.engine import review
from dunwell.engine.links import make_link, open_link, start_update
from dunwell.engine.loop import run_due
from dunwell.engine.perform import Worker
from dunwell.engine.receive import store_delivery
from dunwell.engine.review import NotPossibleError
from dunwell.engine.verify import verify
from dunwell.policy import words
from dunwell.policy.words import ReviewKind
from dunwell.store import invariants, models
from tests.engine.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def together(*works: Callable[[], object]) -> list[BaseException]:
    """Do all this at once, each in a thread with its own connection; return what was raised."""
    start, raised = Barrier(len(works)), list[BaseException]()

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait(10)
            work()
        except Exception as error:  # noqa: BLE001 - handed to the test
            raised.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


def worker(world: World, name: str) -> Callable[[], object]:
    return lambda: run_due(world.ports, world.book, world.now, Worker(name))


def test_four_workers_write_every_mail_once() -> None:
    world = World()
    for number in range(200):
        world.customer(f"cus_{number}")
        world.fails(f"in_{number}", f"cus_{number}")
    assert together(*(worker(world, f"worker-{n}") for n in range(4))) == []
    world.run()
    assert models.Case.objects.count() == 200
    assert Counter(mail.to.email for mail in world.postbox.mails) == {
        f"dana@cus-{number}.example": 1 for number in range(200)
    }
    assert Counter(models.OutboxItem.objects.values_list("state", flat=True)) == {"sent": 200}
    proof = verify()
    assert (proof.cases, proof.entries, proof.misfits) == (200, 600, ())


def test_four_workers_write_to_one_payer_once() -> None:
    world = World()
    for number in range(30):
        world.fails(f"in_{number}", f"cus_{number % 10}")
    assert together(*(worker(world, f"worker-{n}") for n in range(4))) == []
    world.run()
    assert models.Case.objects.count() == 30
    counts = Counter(mail.to.email for mail in world.postbox.mails)
    assert set(counts.values()) <= {1}, "never two mails to one contact within two days"
    world.run_for(days=7)
    notices = Counter(
        models.OutboxItem.objects.filter(stage="notice", state="sent").values_list("case", flat=True)
    )
    assert len(notices) == 30
    assert set(notices.values()) == {1}


def test_one_invoice_told_of_by_many_opens_one_case() -> None:
    world = World()
    world.customer()
    world.fails()
    for _ in range(7):
        world.event("invoice.payment_failed", "failure", invoice="in_1")
    one_each = [lambda n=n: _apply_one(world, n) for n in range(8)]
    assert together(*one_each) == []
    world.run()
    assert (
        models.Case.objects.count() == models.Customer.objects.count() == models.Invoice.objects.count() == 1
    )
    assert len(world.postbox.mails) == 1
    assert set(models.InboxEvent.objects.values_list("state", flat=True)) == {"handled"}


def _apply_one(world: World, number: int) -> None:
    from dunwell.engine.apply import apply_waiting  # noqa: PLC0415

    del number
    apply_waiting(world.ports, world.book, world.now, limit=1)


def test_webhooks_are_stored_while_workers_work() -> None:
    world = World()
    bodies = []
    for number in range(40):
        world.customer(f"cus_{number}")
        world.fails(f"in_{number}", f"cus_{number}")
        bodies.append(
            world.body("charge.failed", "failure", key=f"evt_more_{number}", invoice=f"in_{number}")
        )

    def deliver() -> None:
        for body in bodies:
            assert store_delivery(json.dumps(body).encode(), "signed", world.ports) in ("stored", "known")

    assert together(deliver, deliver, worker(world, "a"), worker(world, "b")) == []
    world.run()
    assert models.InboxEvent.objects.filter(state="handled").count() == 80
    assert len(world.postbox.mails) == 40


def test_two_people_settle_one_item() -> None:
    world = World()
    world.customer(mrr=None)
    world.fails()
    world.run()
    item = world.item(ReviewKind.MRR_UNKNOWN).pk

    def settle(by: str) -> None:
        review.settle(review_id=item, resolution="Done.", by=by, now=world.now, ports=world.ports)

    [error] = together(lambda: settle("ana"), lambda: settle("bo"))
    assert isinstance(error, NotPossibleError)
    assert len(world.said("settled")) == 1


def test_two_people_release_one_hold() -> None:
    world = World()
    world.fails("in_1")
    world.fails("in_2")
    world.run()
    hold = world.hold(scope=words.HoldScope.CUSTOMER)
    world.clock.advance(timedelta(minutes=1))
    [error] = together(lambda: world.release(hold), lambda: world.release(hold))
    assert isinstance(error, NotPossibleError)
    assert [len(world.said("resume", f"in_{n}")) for n in (1, 2)] == [1, 1]


def test_two_people_choose_a_track_and_close_a_case() -> None:
    world = World()
    world.customer(mrr=None)
    world.fails()
    world.run()
    case = world.case().pk

    def choose(track: words.Track) -> None:
        review.choose_track(case_id=case, track=track, reason="", by="ana", now=world.now, ports=world.ports)

    [error] = together(lambda: choose(words.Track.STANDARD), lambda: choose(words.Track.PERSONAL))
    assert isinstance(error, NotPossibleError)
    [error] = together(world.close, world.close)
    assert isinstance(error, NotPossibleError)
    assert len(world.said("close")) == 1


def test_ten_clicks_at_once_make_one_chain() -> None:
    world = World()
    world.fails()
    world.run()
    token = make_link(world.case().pk, world.ports, world.now).rpartition("/")[2]
    looks = [lambda: open_link(token, world.ports), lambda: start_update(token, world.ports)]
    assert together(*(looks * 5)) == []
    assert (len(world.said("link_opened")), len(world.said("link_used"))) == (1, 5)
    assert verify().misfits == ()


def test_workers_people_and_events_about_one_customer_never_wait_in_a_circle() -> None:
    world = World()
    invoices = [f"in_{number}" for number in range(6)]
    for invoice in invoices:
        world.fails(invoice)
    world.run()

    def people() -> None:
        for number in range(6):
            hold = world.hold(scope=words.HoldScope.CUSTOMER, invoice=invoices[number % 6])
            world.release(hold)

    def contacts() -> None:
        for number in range(6):
            review.change_contact(
                case_id=world.case(invoices[-1 - number % 6]).pk,
                name="Ada Finch",
                email=f"ada{number % 2}@acme.example",
                by="bo",
                now=world.now,
                ports=world.ports,
            )

    def events() -> None:
        for number in range(6):
            world.event("invoice.updated", "invoice", invoice=invoices[number % 6])
            world.event("customer.updated", "customer", customer="cus_1")
            world.event("payment_method.attached", "new_method", customer="cus_1", method=f"pm_{number % 3}")
            world.run()

    world.ledger.charge_outcomes = [words.AttemptOutcome.DECLINED] * 100
    assert together(people, contacts, events, events, worker(world, "a")) == []
    world.run()
    charged = Counter((invoice, method) for invoice, method, _ in world.ledger.charges)
    assert set(charged.values()) <= {1}
    assert verify().misfits == ()


def test_verify_is_not_fooled_by_somebody_writing_meanwhile() -> None:
    world = World()
    for number in range(20):
        world.customer(f"cus_{number}")
        world.fails(f"in_{number}", f"cus_{number}")
    world.decide()
    misfits: list[object] = []

    def check() -> None:
        for _ in range(15):
            misfits.extend(verify().misfits)

    assert together(check, worker(world, "a"), worker(world, "b")) == []
    assert misfits == []


def test_people_take_invoices_out_of_a_shared_mail_while_workers_send_it() -> None:
    world = World()
    for number in range(8):
        world.fails(f"in_{number}", "cus_1")
    world.decide()
    holds = [
        lambda invoice=f"in_{number}": world.hold(kind=words.HoldKind.DISPUTE, invoice=invoice)
        for number in range(0, 8, 2)
    ]

    assert together(*holds, *(worker(world, f"worker-{n}") for n in range(2))) == []
    world.run()

    assert invariants.stranded_mails() == 0
    assert len(world.postbox.mails) == 1, "one mail, with whom it left"
    sent = models.OutboxItem.objects.filter(kind="mail", state="sent")
    listed = [line for line in world.postbox.mails[0].text.splitlines() if line.startswith("INV-")]
    assert len(listed) == sent.count() >= 4
    assert {row.case.invoice.number for row in sent} == {line.partition(":")[0] for line in listed}
    assert not models.OutboxItem.objects.filter(state__in=["queued", "claimed", "handing_over"]).exists()
    assert verify().misfits == ()
