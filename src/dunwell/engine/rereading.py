"""Both ledgers, read again right before something leaves: asked outside any transaction, kept inside it (spec 5)."""

from dataclasses import dataclass, replace

from dunwell.engine import booked
from dunwell.engine.ask_again import in_time
from dunwell.engine.clock import Clock
from dunwell.engine.ports import Ports
from dunwell.policy.facts import InvoiceReading, Unreadable
from dunwell.policy.ledger import Gathering, Standing, UnappliedReading
from dunwell.policy.policy import Policy
from dunwell.policy.rules import LONG_UNDER_WAY
from dunwell.policy.words import CollectionOwner, ReviewKind
from dunwell.store import cases, gathered, keep, models, people
from dunwell.store.journal import Journal

NOT_SET_UP = booked.NOT_SET_UP


@dataclass(frozen=True, slots=True)
class Reread:
    """What both ledgers answered; `standing` None: the case does not use NetSuite.

    `stripe` is what NetSuite says of an invoice that is only there, for which Stripe is not asked.
    `found` is there when NetSuite had to be asked by the invoice's number, since its own ids were not known.
    """

    stripe: InvoiceReading | Unreadable
    standing: Standing | Unreadable | None
    found: Gathering | None = None

    @property
    def readable(self) -> bool:
        """Say whether every ledger that was asked has answered."""
        return not isinstance(self.stripe, Unreadable) and not isinstance(self.standing, Unreadable)


def reread(row: models.Case, ports: Ports, clock: Clock) -> Reread:
    """Ask NetSuite, if the case uses it, and then Stripe."""
    standing, found = _ask_ledger(row, ports, clock) if row.uses_ledger else (None, None)
    if booked.is_booked(row.invoice.external_id):
        answer = NOT_SET_UP if standing is None else standing
        return Reread(booked.reading_of(row.invoice.external_id, answer), standing, found)
    return Reread(ports.payments.read_invoice(row.invoice.external_id, clock.now()), standing, found)


def _ask_ledger(
    row: models.Case, ports: Ports, clock: Clock
) -> tuple[Standing | Unreadable, Gathering | None]:
    if ports.ledger is None:
        return NOT_SET_UP, None
    customer, invoice = row.customer.ledger_id, row.invoice.ledger_id
    if customer and invoice:
        return ports.ledger.read_standing(customer, invoice, clock.now()), None
    said = ports.ledger.gather(customer, row.invoice.number, clock.now())
    if isinstance(said, Unreadable):
        return said, None
    return Standing(said.at, said.invoice, said.unapplied or UnappliedReading(said.at, ())), said


def lock(item: models.OutboxItem, read: Reread) -> models.Case:
    """Lock the case of an effect; its customer before it, when what was read is news about them."""
    if read.found is not None:
        cases.lock_customer(item.case.customer_id)
    return cases.locked_case(item.case_id)


def keep_reread(row: models.Case, read: Reread, policy: Policy, journal: Journal) -> Reread:
    """Keep what a locked case's ledgers said, and tell what changed; return what came in time to rest on.

    When we collect the invoice, a reading that shows Stripe quiet proves it anew (spec 1.2, step 2).
    """
    stripe = in_time(read.stripe, policy, journal.now)
    standing = None if read.standing is None else in_time(read.standing, policy, journal.now)
    if isinstance(stripe, InvoiceReading):
        ours = row.collection == CollectionOwner.DUNWELL.value
        kept = keep.keep_invoice(stripe, row.customer, journal.now, ours=ours)
        row.invoice = kept.row
        by = "netsuite" if booked.is_booked(row.invoice.external_id) else "stripe"
        for change in kept.changes:
            journal.entry(row, "invoice", change, by=by)
        payment_ended(row, kept, journal)
        if ours and not kept.overtaken and is_quiet(stripe):
            row.proved_at = stripe.at
            journal.changed(row)
    if isinstance(standing, Standing):
        if read.found is not None:
            gathered.keep_ledger_ids(row, read.found)
        else:
            gathered.keep_standing(row, standing)
    return replace(read, stripe=stripe, standing=standing)


def payment_ended(row: models.Case, kept: keep.InvoiceKept, journal: Journal) -> None:
    """The payment a person was told of because it took so long has come to an end: that item is done."""
    if keep.NO_LONGER_UNDER_WAY not in kept.changes:
        return
    for item in people.open_reviews_of(row):
        if item.kind == ReviewKind.GATE_CLOSED.value and item.reason.startswith(LONG_UNDER_WAY):
            people.settle_review(item, keep.NO_LONGER_UNDER_WAY, "dunwell", journal.now)
            journal.entry(row, "settled", keep.NO_LONGER_UNDER_WAY)


def is_quiet(reading: InvoiceReading) -> bool:
    """Say whether an invoice that was read back is one Stripe leaves alone."""
    return reading.auto_advance is False and reading.next_attempt is None
