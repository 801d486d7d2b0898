"""NetSuite as a ledger: asks, sends, and turns every answer into a value."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from dunwell.connectors.netsuite import contacts, queries, restlet, revenue, shapes, translate
from dunwell.connectors.netsuite.names import Access, Names
from dunwell.connectors.netsuite.suiteql import is_id, is_number, rows
from dunwell.connectors.netsuite.trouble import Trouble, unreadable
from dunwell.connectors.netsuite.wire import Json, Sleep, Wire
from dunwell.policy.facts import InvoiceReading, Unreadable
from dunwell.policy.ledger import (
    AccountReading,
    ContactReading,
    LedgerMail,
    MailReading,
    OpenInvoices,
    Posting,
    RevenueReading,
    UnappliedReading,
)
from dunwell.policy.readings import Malformed

R = TypeVar("R")

_CONTACT_FIELDS = "id,firstName,lastName,email,title,company,isInactive,isPrivate"


class NetSuiteLedger:
    """One NetSuite account behind one integration. Ids are internal ids, as texts.

    `in_flight` calls at a time, `tries` of each (pauses of about 1, 2, 4 ... seconds between them), `timeout` in
    seconds for each. `sleep` makes the pauses and `jitter` (0 to 1) spreads them. `wall` is the machine's clock in
    Unix seconds: NetSuite compares it with its own. Raises `BadNameError` when the key cannot be used. Safe to share
    between threads.
    """

    def __init__(
        self,
        access: Access,
        names: Names | None = None,
        *,
        in_flight: int = 2,
        tries: int = 4,
        timeout: float = 30,
        sleep: Sleep = time.sleep,
        jitter: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - no time of ours depends on it
    ) -> None:
        self._names = names or Names()
        self._wire = Wire(
            access,
            in_flight=in_flight,
            tries=tries,
            timeout=timeout,
            sleep=sleep,
            jitter=jitter,
            wall=wall,
        )

    def read_account(self, customer: str, now: datetime) -> AccountReading | Unreadable:
        """Read a customer's header: CRM status, relationship owner, currency."""
        row = self._customer(customer)
        return row if isinstance(row, Unreadable) else translate.account(row, now)

    def read_contact(self, customer: str, now: datetime, chosen: str = "") -> ContactReading | Unreadable:
        """Find the accounts-payable contact among the customer's contacts (spec 1.2, step 1).

        `chosen` is the contact a person has picked for us; it wins over the customer's field, that over the rest.
        """
        by = "chosen by a person"
        if not chosen and self._names.contact_field:
            row = self._customer(customer)
            if isinstance(row, Unreadable):
                return row
            chosen, by = row.contact_id or "", f"chosen in {self._names.contact_field}"
        if chosen:
            return self._named_contact(customer, chosen, by, now)
        listed = self._contacts(customer)
        return listed if isinstance(listed, Unreadable) else contacts.choose(listed, self._names, now)

    def read_open_invoices(self, customer: str, now: datetime) -> OpenInvoices | Unreadable:
        """Read a customer's open invoices with what is unpaid of each; none is no proof of payment."""
        about = f"the open invoices of customer {customer}"
        found = self._rows(queries.open_invoices, customer, about)
        return found if isinstance(found, Unreadable) else _readable(translate.open_invoices(found, now))

    def read_invoice(self, invoice: str, now: datetime) -> InvoiceReading | Unreadable:
        """Read one invoice by its internal id, for the gate."""
        about = f"invoice {invoice}"
        return _only(self._rows(queries.invoice, invoice, about), about, now)

    def find_invoice(self, number: str, now: datetime) -> InvoiceReading | Unreadable:
        """Read the one invoice that carries a document number."""
        if not is_number(number):
            return Unreadable("The document number has characters we do not ask NetSuite about.")
        about = f"invoice {number}"
        return _only(self._ask(queries.invoice_numbered(number), about), about, now)

    def read_unapplied(self, customer: str, now: datetime) -> UnappliedReading | Unreadable:
        """Read the payments, credits and deposits of a customer that no invoice has used up (spec 5)."""
        found = self._rows(queries.unapplied, customer, f"what customer {customer} has unapplied")
        return found if isinstance(found, Unreadable) else _readable(translate.unapplied(found, now))

    def read_revenue(self, customer: str, now: datetime) -> RevenueReading | Unreadable:
        """Read the last three full months of recurring revenue, if the installation says where (spec 1)."""
        if not (self._names.mrr_query or self._names.mrr_field):
            return RevenueReading(now, None, "MRR is unknown: no NetSuite field or query is set for it.")
        row = self._customer(customer)
        if isinstance(row, Unreadable):
            return row
        if self._names.mrr_field:
            return revenue.from_field(row, self._names, now)
        about = f"the MRR of customer {customer}"
        found = self._ask(queries.mrr(customer, self._names), about)
        if isinstance(found, Unreadable):
            return found
        months = translate.all_understood(shapes.Month, found, about)
        return _readable(
            months if isinstance(months, Malformed) else revenue.from_months(months, row.currency, now)
        )

    def send_mail(self, mail: LedgerMail) -> Posting:
        """Send a mail that stands on the customer's record; the same key never sends twice."""
        return restlet.send(self._wire, self._names, mail)

    def read_mail(self, key: str, now: datetime) -> MailReading | Unreadable:
        """Ask what became of a mail; its row may take minutes to be seen."""
        return restlet.read_back(self._wire, self._names, key, now)

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()

    def _customer(self, customer: str) -> shapes.Customer | Unreadable:
        about = f"customer {customer}"
        found = self._rows(lambda id_: queries.customer(id_, self._names), customer, about)
        if isinstance(found, Unreadable):
            return found
        if len(found) != 1:
            return Unreadable(_unseen(about))
        return _readable(translate.understood(shapes.Customer, found[0], about))

    def _named_contact(
        self, customer: str, contact: str, by: str, now: datetime
    ) -> ContactReading | Unreadable:
        if not is_id(contact):
            return ContactReading(now, None, "The contact that was chosen is not an internal id of NetSuite.")
        answer = self._wire.read(f"/services/rest/record/v1/contact/{contact}", {"fields": _CONTACT_FIELDS})
        if isinstance(answer, Trouble):
            return unreadable(answer, f"contact {contact}")
        record = translate.understood(shapes.ContactRecord, answer, f"contact {contact}")
        if isinstance(record, Malformed):
            return Unreadable(record.reason)
        elsewhere = "" if record.company == customer else ", of another company"
        person = shapes.Contact(
            id=record.id,
            firstname=record.first_name,
            lastname=record.last_name,
            email=record.email,
            title=record.title,
            isinactive=record.is_inactive,
            isprivate=record.is_private,
        )
        return contacts.choose_named(person, now, by + elsewhere)

    def _contacts(self, customer: str) -> Sequence[shapes.Contact] | Unreadable:
        about = f"the contacts of customer {customer}"
        if self._names.contacts_by == "suiteql":
            found = self._rows(queries.contacts, customer, about)
            if isinstance(found, Unreadable):
                return found
            return _readable(translate.all_understood(shapes.Contact, found, about))
        if not is_id(customer):
            return Unreadable(_no_id(about))
        return restlet.contacts_of(self._wire, self._names, customer)

    def _rows(self, query: Callable[[str], str], id_: str, about: str) -> Sequence[Json] | Unreadable:
        return self._ask(query(id_), about) if is_id(id_) else Unreadable(_no_id(about))

    def _ask(self, sql: str, about: str) -> Sequence[Json] | Unreadable:
        found = rows(self._wire, sql)
        return unreadable(found, about) if isinstance(found, Trouble) else found


def _only(found: Sequence[Json] | Unreadable, about: str, now: datetime) -> InvoiceReading | Unreadable:
    if isinstance(found, Unreadable):
        return found
    if len(found) > 1:
        return Unreadable(f"NetSuite has {len(found)} invoices that could be {about}.")
    return _readable(translate.invoice(found[0], now)) if found else Unreadable(_unseen(about))


def _readable(read: R | Malformed) -> R | Unreadable:
    """An answer we do not understand may be understood after an update, so it is never permanent."""
    return Unreadable(read.reason) if isinstance(read, Malformed) else read


def _unseen(about: str) -> str:
    """Never permanent: SuiteQL leaves out what our role may not see, and does not say so."""
    return f"NetSuite shows us no {about}: it is gone, or our role may not see it."


def _no_id(about: str) -> str:
    return f"{about[:1].upper()}{about[1:]} could not be asked for: not an internal id of NetSuite."
