"""The embedded loop: the verbs, over and over, until told to stop. Other engines call the same verbs."""

import logging
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from threading import Event

from django.db import Error, close_old_connections

from dunwell.engine.apply import apply_waiting
from dunwell.engine.clock import ShiftedClock
from dunwell.engine.incoming.look import LOOK_EVERY, look_into_mailbox
from dunwell.engine.overdue import search, search_if_time
from dunwell.engine.perform import Worker, perform_due
from dunwell.engine.ports import Ports
from dunwell.engine.receive import sweep
from dunwell.engine.tick import tick
from dunwell.engine.trouble import attempt
from dunwell.policy.book import Book

log = logging.getLogger(__name__)

SWEEP_EVERY = timedelta(minutes=5)
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0


def run_due(
    ports: Ports, book: Book, now: datetime, worker: Worker, stop: Event | None = None
) -> Counter[str]:
    """Do everything that is due: apply, tick, perform, until nothing is left or `stop` is set.

    Begins at `now`; the time it takes counts, so that nothing is decided or sent by an old clock.
    """
    done: Counter[str] = Counter()
    clock = ShiftedClock(now, ports.clock)
    while not (stop and stop.is_set()):
        applied = apply_waiting(ports, book, clock.now())
        looked = tick(ports, clock.now())
        performed = perform_due(ports, clock.now(), worker, stop=stop)
        done["events"] += applied
        done["cases"] += looked
        done.update(performed)
        if not applied and not looked and not performed.total():
            break
    return done


def run_once(ports: Ports, book: Book, now: datetime, worker: Worker) -> Counter[str]:
    """Sweep for what webhooks missed and look into the mailbox, then do everything due at `now`."""
    found = sweep(ports, now) + search(ports, book, now)
    mails = look_into_mailbox(ports, now)
    done = run_due(ports, book, now, worker)
    done["swept"] += found
    done["mails"] += mails
    _close(ports)
    return done


def run_forever(ports: Ports, book: Book, worker: Worker, stop: Event) -> None:
    """Run until `stop` is set; what is in hand is finished first. A failing database is waited out."""
    next_sweep: datetime | None = None
    next_look: datetime | None = None
    pause = PAUSE_SECONDS
    while not stop.is_set():
        now = ports.clock.now()
        try:
            if next_sweep is None or now >= next_sweep:
                attempt("the sweep", partial(sweep, ports, now))
                attempt("the search for overdue invoices", partial(search_if_time, ports, book, now))
                next_sweep = now + SWEEP_EVERY
            if next_look is None or now >= next_look:
                attempt("the look into the mailbox", partial(look_into_mailbox, ports, now, stop))
                next_look = now + LOOK_EVERY
            done = run_due(ports, book, now, worker, stop)
        except Error as error:
            # A full disk or a locked or absent database: nothing is lost, everything is still due.
            log.error("the database cannot be used now, trying again in %.0f s: %s", pause, error)  # noqa: TRY400
            close_old_connections()
            stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            continue
        pause = PAUSE_SECONDS
        if not done.total():
            ports.mailer.close()
            stop.wait(PAUSE_SECONDS)
    _close(ports)


def _close(ports: Ports) -> None:
    ports.mailer.close()
    if ports.mailbox is not None:
        ports.mailbox.close()
