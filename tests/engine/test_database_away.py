"""A database that is full, locked or gone: nothing is claimed to be kept that is not, and nothing is lost."""

import json
import sqlite3
from collections.abc import Callable
from threading import Event

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection

from dunwell.engine.links import make_link, open_link, start_update
from dunwell.engine.loop import run_forever
from dunwell.engine.perform import Worker
from dunwell.engine.receive import DeliveryAnswer, store_delivery
from dunwell.store import models
from tests.engine.world import World

pytestmark = pytest.mark.django_db(transaction=True)

SQLITE = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
on_sqlite = pytest.mark.skipif(not SQLITE, reason="how SQLite runs out of space")
on_postgresql = pytest.mark.skipif(SQLITE, reason="how PostgreSQL goes away")


class Patience(Event):
    """A stop signal that does not wait: it puts things right at the first wait, and stops at a later one."""

    def __init__(self, put_right: Callable[[], object], waits: int = 2) -> None:
        super().__init__()
        self.put_right = put_right
        self.waits: list[float] = []
        self.left = waits

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0)
        if len(self.waits) == self.left - 1:
            self.put_right()
        if len(self.waits) >= self.left:
            self.set()
        return self.is_set()


def said(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
        return int(row[0])


def fill_the_disk() -> None:
    """Allow the database not one page more, and use up the free ones."""
    said(f"PRAGMA max_page_count = {said('PRAGMA page_count')}")
    with pytest.raises(OperationalError, match="full"):
        _write_on()


def _write_on() -> None:
    for number in range(10_000):
        models.SweepMark.objects.create(source=f"{number:040}", until="2026-01-01T00:00:00Z")


def make_room() -> None:
    said("PRAGMA max_page_count = 1073741823")


def wear_out() -> None:
    """Let the disk turn read-only, as a failing one does."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")


def replace_disk() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = OFF")


def lock() -> sqlite3.Connection:
    """Let somebody else write, and wait for them no longer than a moment."""
    said("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def unlock(other: sqlite3.Connection) -> None:
    other.execute("ROLLBACK")
    other.close()


def big_delivery(world: World) -> bytes:
    body = world.body("invoice.payment_failed", "failure", key="evt_big", invoice="in_1", padding="x" * 9000)
    return json.dumps(body).encode()


@on_sqlite
def test_a_full_disk_is_not_answered_with_stored() -> None:
    world = World()
    fill_the_disk()
    with pytest.raises(OperationalError, match="full"):
        store_delivery(big_delivery(world), "signed", world.ports)
    assert models.InboxEvent.objects.count() == 0
    make_room()
    assert store_delivery(big_delivery(world), "signed", world.ports) is DeliveryAnswer.STORED


@on_sqlite
def test_a_locked_database_is_not_answered_with_stored() -> None:
    world = World()
    other = lock()
    with pytest.raises(OperationalError, match="locked"):
        store_delivery(big_delivery(world), "signed", world.ports)
    unlock(other)
    assert models.InboxEvent.objects.count() == 0
    assert store_delivery(big_delivery(world), "signed", world.ports) is DeliveryAnswer.STORED


@on_sqlite
def test_a_worker_waits_for_room_on_the_disk_and_goes_on() -> None:
    world = World()
    world.fails()
    fill_the_disk()
    patience = Patience(make_room, waits=5)
    run_forever(world.ports, world.book, Worker("test"), patience)
    assert patience.waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert len(world.postbox.mails) == 1
    assert world.story() == ["opened", "send", "sent"]


@on_sqlite
def test_a_worker_waits_for_a_disk_that_takes_no_writes_and_goes_on() -> None:
    world = World()
    world.fails()
    world.decide()
    wear_out()
    patience = Patience(replace_disk, waits=9)
    run_forever(world.ports, world.book, Worker("test"), patience)
    assert patience.waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 1.0]
    assert len(world.postbox.mails) == 1


@on_sqlite
def test_a_disk_that_fails_while_a_mail_leaves_never_sends_it_twice() -> None:
    world = World()
    world.fails()
    world.postbox.before_send = lambda _mail: wear_out()
    patience = Patience(replace_disk, waits=4)
    run_forever(world.ports, world.book, Worker("test"), patience)
    assert len(world.postbox.mails) == 1
    assert world.outbox() == [("notice", "handing_over")]
    world.postbox.before_send = lambda _mail: None
    world.run_for(days=2)
    assert world.outbox() == [("notice", "unknown")]
    assert world.reviews() == ["send_unknown"]
    assert len(world.postbox.mails) == 1


@on_sqlite
def test_a_customer_can_go_and_pay_though_nobody_can_write_it_down() -> None:
    world = World()
    world.fails()
    world.run()
    token = make_link(world.case().pk, world.ports, world.now).rpartition("/")[2]
    wear_out()
    link = open_link(token, world.ports)
    address = start_update(token, world.ports)
    replace_disk()
    assert link is not None
    assert link.payable
    assert address == "https://portal.example/cus_1"
    assert world.story() == ["opened", "send", "sent"]


@on_sqlite
def test_a_worker_waits_for_a_lock_and_goes_on() -> None:
    world = World()
    world.fails()
    other = lock()
    patience = Patience(lambda: unlock(other), waits=4)
    run_forever(world.ports, world.book, Worker("test"), patience)
    assert patience.waits[:2] == [1.0, 2.0]
    assert len(world.postbox.mails) == 1


@on_postgresql
def test_a_worker_whose_connection_was_cut_goes_on_with_a_new_one() -> None:
    world = World()
    world.fails()
    backend = said("SELECT pg_backend_pid()")
    theirs = connection.get_connection_params()
    with psycopg.connect(
        host=theirs["host"],
        port=theirs["port"],
        user=theirs["user"],
        password=theirs["password"],
        dbname=theirs["dbname"],
    ) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    patience = Patience(lambda: None, waits=3)
    run_forever(world.ports, world.book, Worker("test"), patience)
    assert len(world.postbox.mails) == 1


@on_postgresql
def test_a_delivery_over_a_connection_that_was_cut_is_not_answered_with_stored() -> None:
    world = World()
    with pytest.raises(OperationalError):
        said("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(OperationalError):
        store_delivery(big_delivery(world), "signed", world.ports)
    connection.close()
    assert store_delivery(big_delivery(world), "signed", world.ports) is DeliveryAnswer.STORED


def test_a_worker_without_work_lets_go_of_the_mail_server_and_rests_a_second() -> None:
    world = World()
    patience = Patience(lambda: None, waits=3)
    run_forever(world.ports, world.book, Worker("test"), patience)
    assert patience.waits == [1.0, 1.0, 1.0]


@pytest.mark.trouble
def test_a_sweep_that_breaks_does_not_stop_the_worker() -> None:
    world = World()
    world.fails()
    world.ledger.listed = [{"at": "no date"}]
    patience = Patience(lambda: None, waits=2)
    run_forever(world.ports, world.book, Worker("test"), patience)
    assert len(world.postbox.mails) == 1
