"""Cases whose collection is ours, for tests of our own retries."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from dunwell.policy.book import Book, bind
from dunwell.policy.policy import parse_policy
from dunwell.policy.wording import built_in_wording
from dunwell.store import models
from tests.engine.world import LARGE, START, World

NEW_YORK = ZoneInfo("America/New_York")


def policy(text: str) -> Book:
    return bind(parse_policy(text), built_in_wording())


OURS = policy('[track]\ncollection = "dunwell"\n')


def large(**values: Any) -> World:
    """A large customer's payment has failed, and collection is ours; the first retry is due tomorrow at ten."""
    world = World()
    world.customer(mrr=LARGE)
    world.fails(**values)
    world.run()
    assert world.case().collection == "dunwell"
    return world


def tomorrow(world: World) -> None:
    """Let the morning of the first retry come, and the rules ask for it."""
    world.run_to(START + timedelta(hours=23))
    world.clock.move_to(START + timedelta(days=1))
    world.decide()
    assert world.outbox()[-1] == ("charge", "queued")


def attempts() -> list[tuple[str, str, str]]:
    rows = models.PaymentAttempt.objects.order_by("at", "pk")
    return list(rows.values_list("trigger", "outcome", "method"))


def retried_at(invoice: str = "in_1") -> list[str]:
    """When our own charges of an invoice were made, on the customer's clock."""
    rows = models.PaymentAttempt.objects.filter(trigger="retry", invoice__external_id=invoice)
    moments = [at.astimezone(NEW_YORK) for at in rows.order_by("at").values_list("at", flat=True)]
    return [f"{at:%a %d %H:%M}" for at in moments]


def keys(world: World) -> list[str]:
    return [key for _, _, key in world.ledger.charges]
