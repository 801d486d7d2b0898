"""One signed letter on its way out, at most once whatever dies (spec 1.2, step 5).

Through NetSuite a letter has one key for ever, under which it leaves once: whoever finds it half handed over
asks NetSuite what became of it. The mail server cannot be asked, so a letter found like that goes to a person.
"""

from datetime import datetime, timedelta

from dunwell.engine.clock import Clock
from dunwell.engine.personal import fate, gate
from dunwell.engine.personal.desk import desk_of
from dunwell.engine.ports import Ports
from dunwell.engine.rereading import NOT_SET_UP
from dunwell.policy.facts import Unreadable
from dunwell.policy.gate import Verdict, VerdictKind
from dunwell.policy.ledger import LedgerMail, MailReading, Posting
from dunwell.policy.readings import Delivery, OutgoingMail, Uncertain
from dunwell.policy.words import ReviewKind
from dunwell.store import claims, models


def perform(item: models.OutboxItem, ports: Ports, clock: Clock, lease: timedelta) -> str:
    """Take one claimed letter past the gate and hand it over; return the state it ended in."""
    if item.method == fate.NETSUITE:
        known = _what_became(item, ports, clock)
        if known:
            return known
    ready = gate.pass_gate(item, ports, clock, lease)
    if isinstance(ready, str):
        return ready
    answer = _hand_over(ready, ports)
    with claims.one_transaction():
        return fate.note(desk_of(item, ports, clock.now()), answer)


def give_up(item: models.OutboxItem, trouble: str, ports: Ports, now: datetime) -> str:
    """A letter that breaks Dunwell itself each time stays signed and goes to a person."""
    with claims.one_transaction():
        desk = desk_of(item, ports, now)
        if desk.letter.via:
            return fate.in_doubt(desk, f"Nobody could find out what became of it: {trouble}.")
        return gate.turn_back(desk, Verdict(VerdictKind.REVIEW, f"{trouble}.", review=ReviewKind.BAD_DATA))


def give_to_a_person(item: models.OutboxItem, ports: Ports, now: datetime) -> str:
    """A worker vanished while handing a letter to the mail server: it never leaves again by itself."""
    with claims.one_transaction():
        desk = desk_of(item, ports, now)
        who = f"letter {desk.letter.number} for {item.to_address}"
        return fate.in_doubt(desk, f"The worker stopped while handing {who} to the mail server.")


def _what_became(item: models.OutboxItem, ports: Ports, clock: Clock) -> str:
    """Ask NetSuite about a letter that was being handed over; empty when it may be handed over again."""
    said: MailReading | Unreadable = NOT_SET_UP
    if ports.ledger is not None:
        said = ports.ledger.read_mail(item.key, clock.now())
    with claims.one_transaction():
        return fate.became(desk_of(item, ports, clock.now()), said)


def _hand_over(ready: LedgerMail | OutgoingMail, ports: Ports) -> Posting | Delivery:
    if isinstance(ready, OutgoingMail):
        return ports.mailer.send(ready)
    if ports.ledger is None:
        return Uncertain("NetSuite is not set up any more.")
    return ports.ledger.send_mail(ready)
