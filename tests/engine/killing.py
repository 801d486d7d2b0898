"""A worker that is killed on purpose: prepared once, forked for every experiment, told on stdin when to die.

An order is a JSON object a line: `{"statement": 7}` dies right before the seventh SQL statement (counted anew
for every experiment), `{"point": "before"}` or `"after"` around the hand-over of a mail, `{}` by somebody
else's hand or not at all. The answer, a line of JSON, is what a fresh worker has made of it in the end. With
a port as its second argument, mail goes there by SMTP; otherwise into a file in the folder named first.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import django
from django.conf import settings

if __name__ == "__main__":
    django.setup()

from django.core.management import call_command
from django.db import connection, connections, transaction

from dunwell.connectors.mail.client import SmtpMailer
from dunwell.engine.loop import run_due
from dunwell.engine.perform import Worker
from dunwell.engine.verify import verify
from dunwell.policy import readings
from dunwell.policy.words import AttemptOutcome
from dunwell.store import invariants, keep, models
from dunwell.store.claims import next_alarm
from tests.engine.postbox import Postbox
from tests.engine.world import START, Ledger, World

METHOD_SAVED = START + timedelta(days=4)
END = START + timedelta(days=5)
TABLES = (
    *(models.TimelineEntry, models.ReviewItem, models.OutboxItem, models.Hold, models.PaymentAttempt),
    *(models.Case, models.Invoice, models.Contact, models.Customer, models.InboxEvent, models.PolicyVersion),
)

Order = Mapping[str, Any]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Lines:
    """A file that a line is in as soon as `add` returns, whatever happens to us next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.added = 0
        path.touch()

    def add(self, line: str) -> None:
        with self.path.open("ab", buffering=0) as file:
            file.write(f"{line}\n".encode())
        self.added += 1

    def read(self) -> list[str]:
        return self.path.read_text().splitlines()

    def clear(self) -> None:
        self.path.write_text("")


class LastingLedger(Ledger):
    """A bank that remembers charges, and declines them, whoever dies."""

    calls: Lines

    def charge(self, invoice: str, method: str, key: str) -> readings.ChargeResult:
        self.calls.add(f"{key} {self.clock.now().isoformat()}")
        self.charge_outcomes = [AttemptOutcome.DECLINED]
        return super().charge(invoice, method, key)

    def remember(self) -> None:
        """Be as after the charges that were made before somebody died."""
        for line in self.calls.read()[:1]:
            key, at = line.split()
            self.charged[key] = AttemptOutcome.DECLINED
            self.declines("in_1", "pm_new", "do_not_honor")
            self.failed("in_1", datetime.fromisoformat(at))


class LastingPostbox(Postbox):
    """A mail server that remembers what it took, and around which one can die."""

    mails_taken: Lines
    smtp: SmtpMailer | None = None
    port = 0
    point = ""

    def send(self, mail: readings.OutgoingMail) -> readings.Delivery:
        if self.point == "before":
            die()
        if self.smtp is None:
            self.mails_taken.add(mail.message_id)
            answer: readings.Delivery = readings.Handed()
        else:
            answer = self.smtp.send(mail)
        if self.point == "after":
            die()
        return answer


def make_world(folder: Path, port: int | None) -> World:
    world = World(ledger_of=LastingLedger, postbox=LastingPostbox())
    assert isinstance(world.ledger, LastingLedger)
    assert isinstance(world.postbox, LastingPostbox)
    world.ledger.calls = Lines(folder / "charges")
    world.postbox.mails_taken = Lines(folder / "mails")
    if port is not None:
        world.postbox.port, world.postbox.smtp = port, SmtpMailer("127.0.0.1", port)
    return world


def seed(world: World) -> None:
    """Let a payment fail now and the customer save a method later; doing it twice changes nothing."""
    world.fails()
    event = world.body(
        "setup_intent.succeeded",
        "new_method",
        key="evt_m",
        at=METHOD_SAVED,
        customer="cus_1",
        method="pm_new",
    )
    keep.keep_event(source="stripe", event=event, body=json.dumps(event), now=METHOD_SAVED)


def drive(world: World, watch: Callable[..., Any]) -> None:
    """Work from alarm to alarm until the end."""
    while (alarm := next_alarm()) is not None and alarm <= END:
        world.clock.move_to(max(world.now, alarm))
        with connection.execute_wrapper(watch):
            run_due(world.ports, world.book, world.now, Worker(str(os.getpid())))


def run_until_killed(world: World, order: Order) -> dict[str, Any]:
    assert isinstance(world.ledger, LastingLedger)
    assert isinstance(world.postbox, LastingPostbox)
    for table in TABLES:
        table.objects.all().delete()
    world.ledger.calls.clear()
    world.postbox.mails_taken.clear()
    seed(world)
    world.postbox.point = order.get("point", "")
    if world.postbox.smtp:
        world.postbox.smtp = SmtpMailer("127.0.0.1", world.postbox.port, own_name=f"victim-{os.getpid()}")
    counter = Counter(world, order.get("statement", 0))
    drive(world, counter)
    return {"classes": counter.classes}


class Counter:
    """Counts statements, dies before one, and notes which ones stand in the same state of the world.

    Two statements with no commit of anything written, no mail and no charge between them do: whoever dies
    before the one leaves behind exactly what they leave who die before the other.
    """

    def __init__(self, world: World, fatal: int) -> None:
        self.world, self.fatal = world, fatal
        self.statements = self.commits = 0
        self.writing = False
        self.classes: list[list[int]] = []
        self._state: tuple[int, ...] = ()

    def __call__(self, execute: Callable[..., Any], sql: str, *said: Any) -> Any:
        self.statements += 1
        if self.statements == self.fatal:
            die()
        self._note()
        if sql.split(maxsplit=1)[0].upper() in ("INSERT", "UPDATE", "DELETE") and not self.writing:
            self.writing = True
            transaction.on_commit(self._committed)
        return execute(sql, *said)

    def _committed(self) -> None:
        self.writing = False
        self.commits += 1

    def _note(self) -> None:
        ledger, postbox = self.world.ledger, self.world.postbox
        assert isinstance(ledger, LastingLedger)
        assert isinstance(postbox, LastingPostbox)
        state = (self.commits, ledger.calls.added, postbox.mails_taken.added)
        if state != self._state:
            self.classes.append([])
            self._state = state
        self.classes[-1].append(self.statements)


def finish(world: World, order: Order) -> dict[str, Any]:
    """Be the fresh worker, then tell how everything stands."""
    assert isinstance(world.ledger, LastingLedger)
    assert isinstance(world.postbox, LastingPostbox)
    seed(world)
    world.ledger.remember()
    drive(world, lambda execute, *said: execute(*said))
    attempts = models.PaymentAttempt.objects.filter(trigger="new_method")
    return {
        "order": dict(order),
        "mails": world.postbox.mails_taken.read(),
        "charges": [line.split()[0] for line in world.ledger.calls.read()],
        "cases": models.Case.objects.count(),
        "outbox": world.outbox(),
        "reviews": world.reviews(),
        "attempts": list(attempts.values_list("outcome", "method")),
        "events": sorted(models.InboxEvent.objects.values_list("state", flat=True)),
        "forgotten": invariants.forgotten_cases(),
        "unknown": invariants.unknown_without_a_person(),
        "misfits": len(verify().misfits),
    }


def forked(work: Callable[[], object]) -> Any:
    """Do work in a fork with a connection of its own; return its answer, or None if it was killed."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        code = 1
        try:
            os.write(writes, json.dumps(work()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        said = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGKILL):
        raise SystemExit(f"a worker ended with {status}")
    return json.loads(said) if said else None


def main(folder: Path, port: int | None) -> None:
    options = settings.DATABASES["default"].get("OPTIONS", {})
    if "init_command" in options:  # the process is killed, not the machine
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
    world = make_world(folder, port)
    forked(lambda: call_command("migrate", verbosity=0, interactive=False))
    # Once without forking, so that no fork has to compile templates or work out holidays again.
    run_until_killed(make_world(folder, None), {})
    connections.close_all()
    for line in sys.stdin:
        order: Order = json.loads(line)
        survived = forked(partial(run_until_killed, world, order))
        answer = forked(partial(finish, world, order))
        sys.stdout.write(json.dumps({**answer, "survived": survived}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
