"""Invoices that are only in the ledger (NetSuite): read there, owed there, paid there; Stripe knows nothing of them.

They come up only where the policy says so, when they are past their due date. No charge is ever made for one.
"""

from dataclasses import replace
from datetime import datetime

from dunwell.engine.ports import Ports
from dunwell.policy.facts import Customer, InvoiceReading, Unreadable
from dunwell.policy.ledger import Gathering, Standing
from dunwell.policy.readings import ArrearsReading, CustomerReading
from dunwell.policy.words import InvoiceSource, Rail
from dunwell.store import keep

# How our ids of what only the ledger has begin; its own id follows.
PREFIX = keep.IN_LEDGER
AT_STRIPE = "no case: the invoice is at Stripe too, which tells of it"
NOT_SET_UP = Unreadable("NetSuite is not set up here any more")


def is_booked(id_: str) -> bool:
    """Say whether an invoice, or a customer, is only in the ledger, by our id."""
    return id_.startswith(PREFIX)


def read_arrears(invoice: str, ports: Ports, now: datetime) -> ArrearsReading | Unreadable:
    """Read an invoice that is only in the ledger: one call."""
    if ports.ledger is None:
        return NOT_SET_UP
    standing = ports.ledger.read_standing("", invoice.removeprefix(PREFIX), now)
    reading = reading_of(invoice, standing)
    if isinstance(reading, Unreadable) or isinstance(standing, Unreadable):
        return reading if isinstance(reading, Unreadable) else NOT_SET_UP
    customer = keep.customer_in_ledger(standing.customer) or f"{PREFIX}{standing.customer}"
    return ArrearsReading(reading, customer)


def reading_of(invoice: str, standing: Standing | Unreadable) -> InvoiceReading | Unreadable:
    """The ledger's word on an invoice that is only there, as a reading of the invoice itself."""
    if isinstance(standing, Unreadable):
        return standing
    if standing.invoice is None:
        id_ = invoice.removeprefix(PREFIX)
        return Unreadable(f"NetSuite shows us no invoice {id_}: it is gone, or our role may not see it")
    said = replace(standing.invoice, id=invoice, source=InvoiceSource.NETSUITE, rail=Rail.TRANSFER)
    return InvoiceReading(standing.at, said, collects_automatically=False)


def is_at_stripe(number: str, ports: Ports) -> bool | Unreadable:
    """Say whether Stripe has an invoice with the number of one of the ledger's: then it is Stripe's."""
    if keep.knows_number(number):
        return True
    found = ports.payments.find_numbered(number)
    return found if isinstance(found, Unreadable) else found is not None


def read_customer(customer: str, number: str, ports: Ports, now: datetime) -> CustomerReading | Unreadable:
    """Read a customer who is only in the ledger, by one of their invoices."""
    if ports.ledger is None:
        return NOT_SET_UP
    said = ports.ledger.gather(customer.removeprefix(PREFIX), number, now)
    return said if isinstance(said, Unreadable) else _customer(customer, said)


def _customer(customer: str, said: Gathering) -> CustomerReading:
    account, contact = said.account, said.contact.contact if said.contact else None
    who = Customer(
        id=customer,
        name=account.name if account else customer.removeprefix(PREFIX),
        timezone=account.timezone if account else None,
        mrr=said.revenue.mrr if said.revenue else None,
        strategic=bool(account and account.strategic),
        contact=contact,
        owner=account.owner if account else None,
    )
    return CustomerReading(said.at, who, ledger_id=customer.removeprefix(PREFIX))
