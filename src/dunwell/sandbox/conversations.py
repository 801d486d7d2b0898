"""The part of the story in which customers write back, machines answer, and a colleague reads it at the desk."""

from collections.abc import Iterator
from datetime import date, datetime
from functools import partial

from dunwell.policy.facts import Person
from dunwell.policy.money import Money
from dunwell.sandbox import people
from dunwell.sandbox.cast import (
    ANALYST,
    AWAY,
    BOUNCES,
    BREAKS_WORD,
    DISPUTES,
    KEEPS_WORD,
    THREE,
    Sample,
)
from dunwell.sandbox.correspondents import DeadMailbox, OutOfOffice
from dunwell.sandbox.scene import Scene, april, case_of, invoice_of, may, newest_link
from dunwell.sandbox.world import World

BACK = date(2026, 4, 20)
PROMISED = date(2026, 5, 5)
_PROMISE_KEPT = (
    "Hi Priya,\n\nThanks for the heads-up, our card had reached its limit. "
    "We will pay this on Friday, 17 April.\n\nBest,\nPetra"
)
_PROMISE_BROKEN = f"Hello,\n\nsorry for the delay. We'll pay the invoice by {PROMISED:%A, %d %B}.\n\nMilo"
_DISPUTE = (
    "Hello Priya,\n\nthis invoice is wrong: we cancelled two of the seats in March and are still billed for them. "
    "Please correct it before we pay.\n\nKind regards\nLena Sample"
)
_CREDITED = 42_000
_ANSWER = "Thank you, Petra. Friday is fine; nothing more comes from us until then."
_STILL_WAITING = "Hi Priya,\n\nwe need a little more time: can this wait until 22 May?\n\nMilo"
_STRANGER = Person("Jules Sample", "jules@sample-shared-services.example")
_FROM_A_STRANGER = (
    "Hello,\n\nour shared services pay for several of your customers. Which invoices are still open?\n\nJules"
)


def set_machines(world: World) -> None:
    """Switch on what answers our mail by itself."""
    machines = world.correspondents.machines
    machines[AWAY.email] = OutOfOffice(AWAY.person, BACK)
    machines[BOUNCES.gone_email] = DeadMailbox(BOUNCES.gone_email)


def conversations(analyst: people.Colleague) -> Iterator[Scene]:
    """What customers write, and what the analyst makes of it."""
    yield replies(april(13, 15, 10), KEEPS_WORD, _PROMISE_KEPT)
    yield _reads(april(13, 15, 40), KEEPS_WORD, analyst, _ANSWER)
    yield Scene(april(17, 14, 0), f"{KEEPS_WORD.name} keeps its word", partial(_save_card, KEEPS_WORD))
    yield replies(april(30, 18, 0), BREAKS_WORD, _PROMISE_BROKEN)
    yield _reads(april(30, 18, 20), BREAKS_WORD, analyst)
    yield replies(april(13, 16, 25), DISPUTES, _DISPUTE)
    yield _reads(april(13, 17, 5), DISPUTES, analyst)
    yield Scene(april(24, 14, 0), f"{DISPUTES.name} is credited two seats", _credit)
    about = f"the dispute with {DISPUTES.name} is settled"
    yield Scene(april(24, 14, 10), about, partial(_settle_dispute, analyst))
    yield Scene(april(29, 15, 0), f"{DISPUTES.name} saves a card", partial(_save_card, DISPUTES))
    yield Scene(april(20, 13, 45), f"{AWAY.contact} is back and saves a card", partial(_save_card, AWAY))
    yield Scene(april(17, 15, 30), f"{BOUNCES.name} saves a card", partial(_save_card, BOUNCES))
    yield Scene(april(24, 13, 30), f"{THREE.name} saves a card for all three", partial(_save_card, THREE))


def left_to_do() -> Iterator[Scene]:
    """What comes in after the story, for whoever looks at the desk."""
    yield replies(may(14, 16, 10), BREAKS_WORD, _STILL_WAITING)
    yield Scene(may(14, 16, 20), f"{_STRANGER.name} asks for open invoices", _strange_mail)


def replies(at: datetime, sample: Sample, said: str) -> Scene:
    """Somebody answers the newest mail they got."""
    about = f"{sample.contact} of {sample.name} replies"
    return Scene(at, about, lambda world: world.correspondents.answer(sample.person, said, world.clock.now()))


def _reads(at: datetime, sample: Sample, analyst: people.Colleague, answer: str = "") -> Scene:
    about = f"{ANALYST.name} reads the reply of {sample.name}"
    return Scene(at, about, lambda _world: analyst.confirm_reply(sample.name, answer))


def _strange_mail(world: World) -> None:
    now = world.clock.now()
    world.correspondents.write(_STRANGER, ANALYST.email, "Open invoices", _FROM_A_STRANGER, now)


def _credit(world: World) -> None:
    world.account.credit(invoice_of(DISPUTES), _CREDITED)
    # A credit memo, applied: NetSuite sees less open, as after a payment.
    world.company.pay(world.bills[DISPUTES.number], str(Money(_CREDITED, "USD").decimal))


def _settle_dispute(analyst: people.Colleague, _world: World) -> None:
    analyst.end_hold(case_of(DISPUTES).pk)


def _save_card(sample: Sample, world: World) -> None:
    people.save_a_card(newest_link(sample.email, world))
