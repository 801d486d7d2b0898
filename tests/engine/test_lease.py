"""Time that goes on while a batch is performed: leases, slow servers, stopped and broken workers."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from dunwell.engine import perform
from dunwell.engine.loop import run_due
from dunwell.engine.perform import LEASE, Worker, perform_due
from dunwell.policy import readings
from dunwell.policy.words import ReviewKind
from dunwell.store import models
from dunwell.store.claims import claim_effects
from tests.engine.world import START, World

pytestmark = pytest.mark.django_db


def queued(mails: int) -> World:
    """A world with so many notices in the queue."""
    world = World()
    for number in range(mails):
        world.customer(f"cus_{number}")
        world.fails(f"in_{number}", f"cus_{number}")
    world.decide()
    return world


def states() -> list[str]:
    return list(models.OutboxItem.objects.order_by("pk").values_list("state", flat=True))


def test_what_is_not_reached_before_the_lease_runs_out_is_left_to_others() -> None:
    world = queued(10)
    world.postbox.before_send = lambda _mail: world.clock.advance(timedelta(minutes=1))
    done = perform_due(world.ports, world.now, Worker("slow"))
    assert done == {"sent": 5, "left": 5}
    assert states() == ["sent"] * 5 + ["claimed"] * 5
    world.postbox.before_send = lambda _mail: None
    assert perform_due(world.ports, world.now, Worker("other")) == {"sent": 5}
    assert len({mail.to.email for mail in world.postbox.mails}) == len(world.postbox.mails) == 10


def test_a_batch_of_fifty_at_a_slow_server_is_sent_once_each_by_one_worker() -> None:
    world = queued(50)
    world.postbox.before_send = lambda _mail: world.clock.advance(timedelta(seconds=100))
    done = run_due(world.ports, world.book, world.now, Worker("slow"))
    assert done["sent"] == 50
    assert len({mail.to.email for mail in world.postbox.mails}) == len(world.postbox.mails) == 50
    assert models.ReviewItem.objects.count() == 0


def test_a_slow_hand_over_is_not_taken_for_an_abandoned_one() -> None:
    world = queued(2)
    seen: list[int] = []

    def others_look_meanwhile(_mail: readings.OutgoingMail) -> None:
        """Four and a half minutes go by for each mail, and another worker looks for abandoned ones."""
        world.clock.advance(timedelta(minutes=4, seconds=30))
        seen.append(perform_due(world.ports, world.now, Worker("other")).total())

    world.postbox.before_send = others_look_meanwhile
    assert perform_due(world.ports, world.now, Worker("slow")) == {"sent": 2}
    assert seen == [0, 0]
    assert len(world.postbox.mails) == 2


def test_a_mail_whose_worker_vanished_goes_to_a_person_and_its_late_answer_changes_nothing() -> None:
    world, seen = queued(1), Counter[str]()

    def everybody_thinks_we_are_gone(_mail: readings.OutgoingMail) -> None:
        world.clock.advance(timedelta(minutes=6))
        seen.update(perform_due(world.ports, world.now, Worker("other")))

    world.postbox.before_send = everybody_thinks_we_are_gone
    assert perform_due(world.ports, world.now, Worker("slow")) == {"taken": 1}
    assert seen == {"unknown": 1}
    assert states() == ["unknown"]
    assert world.reviews("in_0") == ["send_unknown"]
    assert len(world.postbox.mails) == 1


def test_a_claim_that_a_worker_of_the_same_name_took_over_is_lost() -> None:
    world = queued(1)
    claims: list[int] = []

    def taken_over(_invoice: str) -> None:
        """The lease runs out while the ledger is slow, and the next one claims the mail."""
        world.clock.advance(timedelta(seconds=30))
        claims.extend(item.pk for item in claim_effects(START + timedelta(minutes=6), 9, "test", LEASE))

    world.ledger.before_read = taken_over
    assert perform_due(world.ports, START, Worker("test")) == {"taken": 1}
    assert len(claims) == 1
    assert world.postbox.mails == []
    world.ledger.before_read = lambda _invoice: None
    world.run_for(minutes=12)
    assert len(world.postbox.mails) == 1


def test_a_mail_that_became_due_in_time_but_is_reached_after_hours_waits() -> None:
    world = World()
    for number in range(3):
        world.customer(f"cus_{number}")
        world.fails(f"in_{number}", f"cus_{number}")
    world.run()
    world.clock.move_to(datetime(2026, 4, 10, 20, 58, tzinfo=UTC))  # two minutes to five on a Friday
    world.decide()
    world.postbox.before_send = lambda _mail: world.clock.advance(timedelta(seconds=90))
    world.perform()
    assert states()[3:6] == ["sent", "sent", "stopped"]
    world.postbox.before_send = lambda _mail: None
    world.run_for(days=3)
    assert world.days()[3:] == ["04-10", "04-10", "04-13"]


def test_a_worker_that_is_told_to_stop_puts_back_what_it_has_not_begun() -> None:
    world = queued(5)
    stop = Event()
    world.postbox.before_send = lambda _mail: stop.set()
    done = run_due(world.ports, world.book, world.now, Worker("test"), stop)
    assert done["sent"] == 1
    assert states() == ["sent"] + ["queued"] * 4
    world.postbox.before_send = lambda _mail: None
    world.run()
    assert states() == ["sent"] * 5


@pytest.mark.trouble
def test_a_case_that_breaks_the_rules_stops_no_other_and_goes_to_a_person() -> None:
    world = World()
    for number in range(3):
        world.customer(f"cus_{number}")
        world.fails(f"in_{number}", f"cus_{number}")
    world.run()
    models.Case.objects.filter(invoice__external_id="in_1").update(track="no such track")
    world.run_to(START + timedelta(days=3))
    assert world.reviews("in_1") == ["bad_data"]
    assert world.said("trouble", "in_1") == [
        "This case could not be decided: ValueError in Dunwell itself; the log says where."
    ]
    assert [world.outbox(f"in_{n}")[-1] for n in (0, 2)] == [("reminder", "sent")] * 2
    models.Case.objects.update(track="standard")
    world.run_for(hours=1)
    assert world.outbox("in_1")[-1] == ("reminder", "sent"), "it runs on by itself once it can"


@pytest.mark.trouble
def test_a_mail_that_breaks_us_before_it_leaves_is_tried_again_and_then_goes_to_a_person() -> None:
    world = queued(2)

    def breaks(invoice: str) -> None:
        if invoice == "in_0":
            raise ZeroDivisionError

    world.ledger.before_read = breaks
    world.run_for(minutes=30)
    assert states() == ["claimed", "sent"]
    world.run_for(minutes=60)
    assert states() == ["stopped", "sent"]
    assert models.OutboxItem.objects.order_by("pk")[0].tries == perform.MOST_TRIES
    assert world.reviews("in_0") == ["bad_data"]
    world.ledger.before_read = lambda _invoice: None
    world.settle(ReviewKind.BAD_DATA, "in_0")
    world.run()
    assert world.outbox("in_0") == [("notice", "stopped"), ("notice", "sent")]


@pytest.mark.trouble
def test_a_mail_that_breaks_us_while_it_leaves_goes_to_a_person_and_never_out_again() -> None:
    world = queued(1)

    def breaks(_mail: readings.OutgoingMail) -> None:
        raise ZeroDivisionError

    world.postbox.before_send = breaks
    world.run()
    assert states() == ["handing_over"]
    world.postbox.before_send = lambda _mail: None
    world.run_for(days=3)
    assert states() == ["unknown"]
    assert world.reviews("in_0") == ["send_unknown"]
    assert world.postbox.mails == []
