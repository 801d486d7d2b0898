"""Cost follows what is due, not what is open: one statement more or less is a test that fails."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from dunwell.engine.apply import apply_waiting
from dunwell.engine.perform import Worker, perform_due
from dunwell.engine.tick import tick
from dunwell.policy.facts import Mrr
from dunwell.policy.money import Money
from dunwell.store import models
from dunwell.store.snapshots import snapshots
from tests.engine.retried import OURS
from tests.engine.world import LARGE, START, World

pytestmark = pytest.mark.django_db

SMALL = Mrr((Money(90_000, "USD"),) * 3, "test")


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count statements by their first word, without those that open or close a transaction."""
    seen: Counter[str] = Counter()

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        word = sql.split(maxsplit=1)[0].upper()
        if word not in ("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT", "ROLLBACK"):
            seen[word] += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield seen


def world_with(cases: int) -> World:
    """A world of that many customers with one case each, whose reminder is due at nine o'clock."""
    world = World()
    for number in range(cases):
        world.customer(f"cus_{number}")
        world.fails(f"in_{number}", f"cus_{number}")
    world.run()
    world.clock.move_to(datetime(2026, 4, 10, 13, 0, tzinfo=UTC))
    return world


def test_a_tick_costs_the_same_whatever_is_due() -> None:
    one = world_with(1)
    with counted() as seen_one:
        tick(one.ports, one.now)
    for number in range(1, 50):
        one.customer(f"cus_{number}")
        one.fails(f"in_{number}", f"cus_{number}")
    one.decide()
    models.OutboxItem.objects.update(state="sent", settled_at=one.now)  # as if they had left
    one.clock.move_to(datetime(2026, 4, 14, 13, 0, tzinfo=UTC))
    with counted() as seen_fifty:
        assert tick(one.ports, one.now) == 50
    assert seen_fifty == seen_one
    assert seen_one.total() <= 14


@pytest.mark.parametrize(("mrr", "ours", "more"), [(SMALL, False, 0), (SMALL, True, 2), (LARGE, False, 3)])
def test_letters_cost_one_question_more_and_retries_of_ours_two(
    mrr: Mrr,
    ours: bool,  # noqa: FBT001 - a case of the table
    more: int,
) -> None:
    world = World(book=OURS) if ours else World()
    for number in range(5):
        world.customer(f"cus_{number}", mrr=mrr)
        world.fails(f"in_{number}", f"cus_{number}", code="expired_card")
    world.run()
    rows = list(models.Case.objects.all())
    with counted() as seen:
        assert len(snapshots(rows, world.now)) == 5
    assert seen == {"SELECT": 8 + more}


def test_fifty_holds_that_run_out_at_once_cost_no_more_than_one() -> None:
    world = World()
    for number in range(20):
        world.customer(f"cus_{number}")
        world.fails(f"in_{number}", f"cus_{number}")
    world.run()
    until = START + timedelta(days=1)
    for number in range(20):
        world.hold(until=until, invoice=f"in_{number}")
    world.clock.move_to(until)
    with counted() as seen:
        assert tick(world.ports, world.now) == 20
    assert models.Hold.objects.filter(ended_at=until).count() == 20
    assert seen.total() <= 14


def test_an_idle_worker_asks_five_small_questions() -> None:
    world = world_with(3)
    world.run()
    with counted() as seen:
        assert tick(world.ports, world.now) == 0
    assert seen == {"SELECT": 1}
    with counted() as seen:
        assert apply_waiting(world.ports, world.book, world.now) == 0
    assert seen == {"SELECT": 1}
    with counted() as seen:
        assert perform_due(world.ports, world.now, Worker("test")).total() == 0
    assert seen == {"SELECT": 2}


def test_a_mail_costs_the_same_whether_it_leaves_alone_or_with_others() -> None:
    world = world_with(1)
    tick(world.ports, world.now)
    with counted() as alone:
        world.perform()
    for number in range(1, 11):
        world.customer(f"cus_{number}")
        world.fails(f"in_{number}", f"cus_{number}")
    world.decide()
    with counted() as ten:
        assert world.perform() == {"sent": 10}
    shared = 3  # looking for abandoned mail, claiming, reading what was claimed
    assert ten.total() - shared - 1 == 10 * (alone.total() - shared - 1)
