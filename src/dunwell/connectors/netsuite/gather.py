"""Everything NetSuite says about a customer and one invoice, read together (spec 1.2, step 1).

What NetSuite does not have comes as sentences that say what to do about it. What it could not answer this time
makes the whole unreadable: half a picture would look like something missing.
"""

from datetime import datetime
from typing import TypeVar

from dunwell.connectors.netsuite import shapes, translate
from dunwell.connectors.netsuite.reads import Reads, unseen
from dunwell.connectors.netsuite.suiteql import is_id, is_number
from dunwell.policy.facts import Invoice, Unreadable
from dunwell.policy.ledger import ContactReading, Gathering
from dunwell.policy.readings import Malformed
from dunwell.policy.untrusted import one_line
from dunwell.policy.words import InvoiceStatus

R = TypeVar("R")

_LINK = "netsuite_id in the metadata of Stripe's customer"


class _NotReadError(Exception):
    """One part could not be read; never leaves this file."""

    def __init__(self, unreadable: Unreadable) -> None:
        super().__init__(unreadable.reason)
        self.unreadable = unreadable


def gather(reads: Reads, customer: str, number: str, now: datetime) -> Gathering | Unreadable:
    """Read account, contact, invoice, unapplied money and MRR: four to six calls.

    `customer` is NetSuite's id, or "" to take the customer of the invoice with this document number. An unknown MRR
    is not among what is missing: there are other sources, and its reading carries a warning of its own.
    """
    missing: list[str] = []
    try:
        billed = _billed(reads, customer, number, missing)
        invoice = _invoice(billed, now, missing)
        row = _header(reads, customer or (billed.entity if billed else ""), missing)
        if row is None:
            return Gathering(now, billed.entity if billed else "", invoice=invoice, missing=tuple(missing))
        return Gathering(
            at=now,
            customer=row.id,
            account=translate.account(row, now),
            contact=_contact(reads, row, now, missing),
            invoice=invoice,
            unapplied=_read(reads.read_unapplied(row.id, now)),
            revenue=_read(reads.revenue_of(row, now)),
            missing=tuple(missing),
        )
    except _NotReadError as stop:
        return stop.unreadable


def _billed(reads: Reads, customer: str, number: str, missing: list[str]) -> shapes.Invoice | None:
    """Find the one invoice with the number; with a customer given, only among theirs."""
    called = one_line(number)[:60]
    if not is_number(number):
        missing.append(
            f"NetSuite cannot be asked for invoice {called!r}: the number has characters a document number has not. "
            "Find the invoice there by hand."
        )
        return None
    found = _read(reads.invoices_numbered(number))
    theirs = [each for each in found if each.entity == customer] if customer else list(found)
    if len(theirs) == 1:
        return theirs[0]
    if theirs:
        missing.append(
            f"NetSuite has {len(theirs)} invoices with the number {called}. Give each a number of its own."
        )
    elif found:
        missing.append(
            f"Invoice {called} belongs to customer {found[0].entity} in NetSuite, not to {customer}. "
            f"Correct {_LINK}, or the customer of the invoice."
        )
    else:
        missing.append(
            f"{unseen(f'invoice {called}')} Enter it there with this document number, or let our role see it."
        )
    return None


def _invoice(row: shapes.Invoice | None, now: datetime, missing: list[str]) -> Invoice | None:
    if row is None:
        return None
    reading = translate.invoice_of(row, now)
    if isinstance(reading, Malformed):
        raise _NotReadError(Unreadable(reading.reason))
    invoice = reading.invoice
    if invoice.status is not InvoiceStatus.OPEN:
        missing.append(
            f"Invoice {invoice.number} is {invoice.status} in NetSuite and in arrears at Stripe. "
            "Find out which is right."
        )
    return invoice


def _header(reads: Reads, customer: str, missing: list[str]) -> shapes.Customer | None:
    if not customer:
        missing.append(f"Which customer of NetSuite this is, is not known. Put the internal id into {_LINK}.")
        return None
    if not is_id(customer):
        missing.append(f"{one_line(customer)[:40]!r} is not an internal id of NetSuite. Correct {_LINK}.")
        return None
    row = _read(reads.seen_customer(customer))
    if row is None:
        missing.append(f"{unseen(f'customer {customer}')} Correct {_LINK}, or let our role see customers.")
    return row


def _contact(reads: Reads, row: shapes.Customer, now: datetime, missing: list[str]) -> ContactReading | None:
    read = reads.contact_of(row, now)
    if isinstance(read, Unreadable) and read.permanent:
        missing.append(f"{read.reason} Name another accounts-payable contact for customer {row.id}.")
        return None
    reading = _read(read)
    if reading.contact is None:
        missing.append(
            " ".join((reading.because, *reading.passed_over))
            + f" Give one contact of customer {row.id} in NetSuite the role of accounts payable, a first name and an "
            "address of their own, or name the contact on the case page."
        )
    return reading


def _read(part: R | Unreadable) -> R:
    if isinstance(part, Unreadable):
        raise _NotReadError(part)
    return part
