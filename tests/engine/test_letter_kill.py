"""A worker dies before any SQL statement, or around the hand-over, while a letter leaves: one mail at most, ever."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import connection, transaction

from dunwell.store import invariants, models
from tests.engine.signed import BY_SMTP, SINCE_LEASE, KilledError, Signed

pytestmark = pytest.mark.django_db


class Fatal:
    """Kills before one statement, counted from 1; 0 kills nobody.

    `places` are the statements that stand first after something was committed: whoever dies before another one
    leaves behind what they leave who die before the last of these.
    """

    def __init__(self, statement: int) -> None:
        self.statement, self.seen, self.depth = statement, 0, 0
        self.committed, self.places = True, list[int]()

    def __call__(self, execute: Callable[..., Any], sql: str, *said: Any) -> Any:
        what = sql.split(maxsplit=1)[0].upper()
        if what in ("SAVEPOINT", "RELEASE"):
            self.depth += 1 if what == "SAVEPOINT" else -1
            self.committed = self.committed or (what == "RELEASE" and self.depth == 0)
            return execute(sql, *said)
        self.seen += 1
        if self.seen == self.statement:
            raise KilledError
        if self.committed:
            self.places.append(self.seen)
        self.committed = self.depth == 0 and what != "SELECT"
        return execute(sql, *said)


@contextmanager
def undone() -> Iterator[None]:
    """Leave nothing behind for the next experiment."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def killed_at(statement: int, world: Signed) -> Fatal:
    """Let a worker send a letter and die before a statement; then let a fresh one work."""
    world.signed()
    fatal = Fatal(statement)
    with connection.execute_wrapper(fatal), suppress(KilledError):
        world.run()
    world.clock.advance(SINCE_LEASE)
    world.run_for(minutes=30)
    return fatal


def stands(world: Signed) -> tuple[int, list[str], list[str]]:
    assert invariants.stranded_letters() == invariants.forgotten_cases() == 0
    running = models.OutboxItem.objects.filter(state__in=["queued", "claimed", "handing_over"])
    assert not running.exists(), "nothing is left half done"
    return len(world.to_customer()), world.states(), world.reviews()


def everywhere(make: Callable[[], Signed]) -> dict[int, tuple[int, list[str], list[str]]]:
    """How everything stands in the end for each place a worker can die at; 0: it does not."""
    found, places = {}, [0]
    while places:
        statement = places.pop(0)
        with undone():
            world = make()
            fatal = killed_at(statement, world)
            found[statement] = stands(world)
        places += fatal.places if statement == 0 else []
    assert len(found) > 8, "a letter takes several commits"
    return found


def test_through_netsuite_one_mail_leaves_whenever_a_worker_dies() -> None:
    for statement, outcome in everywhere(Signed).items():
        assert outcome == (1, ["confirmed"], []), f"died before statement {statement}"


def test_by_mail_one_mail_leaves_at_most_and_a_person_is_asked_when_nobody_knows() -> None:
    outcomes = list(everywhere(lambda: Signed(book=BY_SMTP)).values())
    in_doubt = (1, ["in_doubt"], ["send_unknown"])
    assert outcomes.count(in_doubt) == 1, "between the hand-over and the note of it"
    assert outcomes.count((1, ["confirmed"], [])) == len(outcomes) - 1


@pytest.mark.breaks_promises
def test_a_letter_nobody_would_look_for_is_found() -> None:
    world = Signed()
    world.drafts()
    models.ReviewItem.objects.update(closed_at=world.now)
    assert invariants.stranded_letters() == 1
    models.Letter.objects.update(state="in_doubt")
    assert invariants.stranded_letters() == 1
    models.Letter.objects.update(state="leaving")
    assert invariants.stranded_letters() == 1
    models.Letter.objects.update(state="sent")
    assert invariants.stranded_letters() == 0
