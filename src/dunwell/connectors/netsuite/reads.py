"""What is read of a customer and an invoice: each answer is a reading, or an `Unreadable` that says why."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from typing import TypeVar

from dunwell.connectors.netsuite import contacts, queries, restlet, revenue, shapes, translate
from dunwell.connectors.netsuite.names import Names
from dunwell.connectors.netsuite.suiteql import is_email, is_id, is_number, rows
from dunwell.connectors.netsuite.trouble import Trouble, unreadable
from dunwell.connectors.netsuite.wire import Json, Wire
from dunwell.policy.facts import Invoice, InvoiceReading, Unreadable
from dunwell.policy.ledger import (
    AccountReading,
    ContactReading,
    OpenInvoices,
    RevenueReading,
    Standing,
    UnappliedReading,
)
from dunwell.policy.readings import Malformed

R = TypeVar("R")

_CONTACT_FIELDS = "id,firstName,lastName,email,title,company,isInactive,isPrivate"


class Reads:
    """Everything one account is asked. Ids are internal ids, as texts."""

    def __init__(self, wire: Wire, names: Names) -> None:
        self._wire = wire
        self._names = names

    def read_account(self, customer: str, now: datetime) -> AccountReading | Unreadable:
        """Read a customer's header: CRM status, relationship owner, currency."""
        row = self._customer(customer)
        return row if isinstance(row, Unreadable) else translate.account(row, now)

    def read_contact(self, customer: str, now: datetime, chosen: str = "") -> ContactReading | Unreadable:
        """Find the accounts-payable contact among the customer's contacts (spec 1.2, step 1).

        `chosen` is the contact a person has picked for us; it wins over the customer's field, that over the rest.
        """
        if chosen:
            return self._named_contact(customer, chosen, "chosen by a person", now)
        if not self._names.contact_field:
            return self._ladder(customer, now)
        row = self._customer(customer)
        return row if isinstance(row, Unreadable) else self.contact_of(row, now)

    def contact_of(self, row: shapes.Customer, now: datetime) -> ContactReading | Unreadable:
        """Find the accounts-payable contact of a customer whose header has been read."""
        if self._names.contact_field and row.contact_id:
            return self._named_contact(row.id, row.contact_id, f"chosen in {self._names.contact_field}", now)
        return self._ladder(row.id, now)

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

    def invoices_numbered(self, number: str) -> Sequence[shapes.Invoice] | Unreadable:
        """List the invoices, of anybody, that carry a document number which can be asked for."""
        about = f"invoice {number}"
        found = self._ask(queries.invoice_numbered(number), about)
        if isinstance(found, Unreadable):
            return found
        return _readable(translate.all_understood(shapes.Invoice, found, about))

    def read_unapplied(self, customer: str, now: datetime) -> UnappliedReading | Unreadable:
        """Read the payments, credits and deposits of a customer that no invoice has used up (spec 5)."""
        found = self._rows(queries.unapplied, customer, f"what customer {customer} has unapplied")
        return found if isinstance(found, Unreadable) else _readable(translate.unapplied(found, now))

    def read_standing(self, customer: str, invoice: str, now: datetime) -> Standing | Unreadable:
        """Read the invoice and what is unapplied, by the ledger's ids (for the gate): two calls.

        An id the ledger never gave us ("") is not asked about: there is no invoice then, and nothing unapplied.
        """
        found: Sequence[Json] | Unreadable = []
        if invoice:
            found = self._rows(queries.invoice, invoice, f"invoice {invoice}")
        unapplied = self.read_unapplied(customer, now) if customer else UnappliedReading(now, ())
        if isinstance(found, Unreadable):
            return found
        if isinstance(unapplied, Unreadable):
            return unapplied
        read = _readable(translate.invoice(found[0], now)) if found else None
        if isinstance(read, Unreadable):
            return read
        whose = str(found[0].get("entity", "")) if found else ""
        return Standing(now, read.invoice if read else None, unapplied, whose)

    def overdue(self, since: date, until: date) -> Sequence[Invoice] | Unreadable:
        """List the open invoices that fell due between two days, both included."""
        found = self._ask(queries.overdue(since, until), "the invoices past their due date")
        if isinstance(found, Unreadable):
            return found
        listed = _readable(translate.open_invoices(found, datetime.combine(until, time(), UTC)))
        return listed if isinstance(listed, Unreadable) else listed.invoices

    def read_revenue(self, customer: str, now: datetime) -> RevenueReading | Unreadable:
        """Read the last three full months of recurring revenue, if the installation says where (spec 1)."""
        if not self._names.counts_revenue:
            return revenue.nowhere(now)
        row = self._customer(customer)
        return row if isinstance(row, Unreadable) else self.revenue_of(row, now)

    def revenue_of(self, row: shapes.Customer, now: datetime) -> RevenueReading | Unreadable:
        """Read the recurring revenue of a customer whose header has been read."""
        if self._names.mrr_field:
            return revenue.from_field(row, self._names, now)
        if not self._names.mrr_query:
            return revenue.nowhere(now)
        about = f"the MRR of customer {row.id}"
        found = self._ask(queries.mrr(row.id, self._names), about)
        if isinstance(found, Unreadable):
            return found
        months = translate.all_understood(shapes.Month, found, about)
        return _readable(
            months if isinstance(months, Malformed) else revenue.from_months(months, row.currency, now)
        )

    def find_employee(self, email: str) -> str | Unreadable:
        """Return the id of the active employee with an address; permanently `Unreadable` if there is none."""
        if not is_email(email):
            return Unreadable("The address has characters we do not ask NetSuite about.", permanent=True)
        about = f"the employee {email}"
        found = self._ask(queries.employee(email), about)
        if isinstance(found, Unreadable):
            return found
        employees = translate.all_understood(shapes.Employee, found, about)
        if isinstance(employees, Malformed):
            return Unreadable(employees.reason)
        if len(employees) == 1:
            return employees[0].id
        many = f"{len(employees)} active employees" if employees else "no active employee"
        return Unreadable(
            f"NetSuite shows us {many} with the address {email}: one employee record must have it, be active, "
            "and be visible to our role.",
            permanent=True,
        )

    def seen_customer(self, customer: str) -> shapes.Customer | Unreadable | None:
        """Read a customer's header as NetSuite gives it; None when it shows us none."""
        about = f"customer {customer}"
        found = self._rows(lambda id_: queries.customer(id_, self._names), customer, about)
        if isinstance(found, Unreadable):
            return found
        return _readable(translate.understood(shapes.Customer, found[0], about)) if found else None

    def _customer(self, customer: str) -> shapes.Customer | Unreadable:
        row = self.seen_customer(customer)
        return Unreadable(unseen(f"customer {customer}")) if row is None else row

    def _ladder(self, customer: str, now: datetime) -> ContactReading | Unreadable:
        listed = self._contacts(customer)
        return listed if isinstance(listed, Unreadable) else contacts.choose(listed, self._names, now)

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
        return contacts.choose_named(record.as_listed(), now, by + elsewhere)

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


def unseen(about: str) -> str:
    """Say that something is not shown. Never permanent: SuiteQL leaves out what our role may not see, silently."""
    return f"NetSuite shows us no {about}: it is gone, or our role may not see it."


def _only(found: Sequence[Json] | Unreadable, about: str, now: datetime) -> InvoiceReading | Unreadable:
    if isinstance(found, Unreadable):
        return found
    if len(found) > 1:
        return Unreadable(f"NetSuite has {len(found)} invoices that could be {about}.")
    return _readable(translate.invoice(found[0], now)) if found else Unreadable(unseen(about))


def _readable(read: R | Malformed) -> R | Unreadable:
    """An answer we do not understand may be understood after an update, so it is never permanent."""
    return Unreadable(read.reason) if isinstance(read, Malformed) else read


def _no_id(about: str) -> str:
    return f"{about[:1].upper()}{about[1:]} could not be asked for: not an internal id of NetSuite."
