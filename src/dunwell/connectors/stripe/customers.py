"""From Stripe's customers and their invoices to what the rules may know of a customer. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from dunwell.connectors.stripe import shapes
from dunwell.connectors.stripe.mrr import rebuild_mrr
from dunwell.connectors.stripe.shapes import BilledInvoice, fault
from dunwell.policy.addresses import is_address
from dunwell.policy.facts import Contact, Customer, PaymentRecord, Person
from dunwell.policy.money import BadAmountError
from dunwell.policy.places import state_code
from dunwell.policy.readings import CustomerReading, Malformed
from dunwell.policy.untrusted import one_line
from dunwell.policy.zone_table import countries, zone_names

_RECENT = timedelta(days=90)
_LONGEST_ADDRESS = 320
_LEDGER_ID = re.compile(r"[0-9]{1,12}")
# A bank debit takes a week at most. `attempt_count` leaves out payments made by hand after a failed attempt
# (the hosted page, our own retries), so whatever was paid later than this was not paid at the first one.
_FIRST_ATTEMPT_SETTLES = timedelta(days=10)


def read_customer(
    customer: Mapping[str, Any], invoices: Sequence[Mapping[str, Any]], now: datetime, *, complete: bool
) -> CustomerReading | Malformed:
    """Read a customer and their invoices (newest first, with lines), as asked at `now` (aware).

    `complete` says whether that is every invoice there is. Values of ours in the customer's metadata win:
    `dunwell_contact_name`, `dunwell_contact_email`, `dunwell_owner_name`, `dunwell_owner_email`,
    `dunwell_timezone`, `dunwell_strategic` (`true`). `netsuite_id` is the customer's internal id in the ledger. What
    is wrong with the data comes as sentences.
    """
    warnings: list[str] = []
    try:
        whole = shapes.Customer.model_validate(customer)
        billed = [BilledInvoice.model_validate(invoice) for invoice in invoices]
        rebuilt = rebuild_mrr(billed, now, complete=complete)
    except ValidationError as error:
        return Malformed(f"Stripe's answer about a customer is not understood: {fault(error)}")
    except BadAmountError as error:
        return Malformed(f"Stripe's amount for a customer is not understood: {error}")
    if rebuilt.warning:
        warnings.append(rebuilt.warning)
    country = _country(whole, warnings)
    facts = Customer(
        id=whole.id,
        name=_line(whole.name or whole.business_name or whole.individual_name or whole.email) or whole.id,
        country=country,
        subdivision=_subdivision(whole, country),
        timezone=_timezone(whole, warnings),
        mrr=rebuilt.mrr,
        record=_record(whole, billed, now),
        strategic=whole.metadata.get("dunwell_strategic", "").strip().lower() == "true",
        contact=_contact(whole, billed, warnings),
        owner=_owner(whole, warnings),
    )
    ledger_id = _ledger_id(whole, warnings)
    return CustomerReading(now, facts, tuple(warnings), ledger_id)


def _line(text: str | None) -> str:
    return one_line(text or "")


def _country(customer: shapes.Customer, warnings: list[str]) -> str | None:
    given = (customer.address.country if customer.address else None) or ""
    code = given.strip().upper()
    if not code or code in countries():
        return code or None
    warnings.append(f"The billing country {_line(given)!r} is not a country.")
    return None


def _subdivision(customer: shapes.Customer, country: str | None) -> str | None:
    given = (customer.address.state if customer.address else None) or ""
    return state_code(country, given) if country and given.strip() else None


def _timezone(customer: shapes.Customer, warnings: list[str]) -> str | None:
    given = customer.metadata.get("dunwell_timezone", "").strip()
    if not given or given in zone_names():
        return given or None
    warnings.append(f"The time zone {_line(given)!r} in the metadata does not exist.")
    return None


def _ledger_id(customer: shapes.Customer, warnings: list[str]) -> str:
    given = customer.metadata.get("netsuite_id", "").strip()
    if not given or _LEDGER_ID.fullmatch(given):
        return given
    warnings.append(
        f"The netsuite_id {_line(given)[:40]!r} in the metadata is not an internal id of NetSuite."
    )
    return ""


def _contact(
    customer: shapes.Customer, invoices: Sequence[BilledInvoice], warnings: list[str]
) -> Contact | None:
    """Take the address set for us, else the customer's, else the one on the newest invoice."""
    on_invoice = next((each.customer_email for each in invoices if each.customer_email), None)
    found = (
        ("Stripe customer metadata", customer.metadata.get("dunwell_contact_email")),
        ("Stripe customer", customer.email),
        ("Stripe invoice", on_invoice),
    )
    source, given = next(((where, text) for where, text in found if text and text.strip()), ("", None))
    if given is None:
        warnings.append("The customer has no e-mail address.")
        return None
    name = _line(customer.metadata.get("dunwell_contact_name") or customer.individual_name)
    return Contact(name=name, email=_address(given, "the contact", warnings), source=source)


def _owner(customer: shapes.Customer, warnings: list[str]) -> Person | None:
    given = customer.metadata.get("dunwell_owner_email", "")
    if not given.strip():
        return None
    email = _address(given, "the relationship owner", warnings)
    return Person(_line(customer.metadata.get("dunwell_owner_name")), email)


def _address(given: str, whose: str, warnings: list[str]) -> str:
    """Keep an address as it is, cut to what can be stored; a malformed one stays, with a warning."""
    email = given.strip()[:_LONGEST_ADDRESS]
    if not is_address(email):
        warnings.append(f"The e-mail address {_line(email)!r} of {whose} is malformed.")
    return email


def _record(customer: shapes.Customer, invoices: Sequence[BilledInvoice], now: datetime) -> PaymentRecord:
    """Count how they paid so far; invoices over nothing were paid by nobody and do not count."""
    charged = [invoice for invoice in invoices if invoice.total > 0]
    paid = [invoice for invoice in charged if invoice.status == "paid"]
    return PaymentRecord(
        tenure_months=_whole_months(customer.created, now),
        invoices_paid=len(paid),
        invoices_on_time=sum(_on_time(invoice) for invoice in paid),
        failures_90d=_other_failures(charged, now),
    )


def _whole_months(start: datetime, now: datetime) -> int:
    end = now.astimezone(UTC)
    months = (end.year - start.year) * 12 + end.month - start.month
    return max(0, months - (end.day < start.day))


def _on_time(invoice: BilledInvoice) -> bool:
    """At the first attempt, and when there is a due date, on that day at the latest (UTC)."""
    paid_at = invoice.status_transitions.paid_at
    if invoice.due_date is None or paid_at is None:
        return _at_first_attempt(invoice)
    return _at_first_attempt(invoice) and paid_at.date() <= invoice.due_date.date()


def _at_first_attempt(invoice: BilledInvoice) -> bool:
    paid_at = invoice.status_transitions.paid_at or invoice.created
    late = invoice.due_date is None and paid_at - _opened(invoice) > _FIRST_ATTEMPT_SETTLES
    return invoice.attempt_count <= 1 and not late


def _other_failures(invoices: Sequence[BilledInvoice], now: datetime) -> int:
    """Count the recent invoices that failed, besides the one a case is about.

    Which one that is nobody says here, but it has failed and is open: so one open failure is left out.
    """
    failed = [each for each in invoices if _failed(each) and now - _opened(each) <= _RECENT]
    return len(failed) - any(each.status == "open" for each in failed)


def _failed(invoice: BilledInvoice) -> bool:
    if invoice.status in ("void", "draft"):
        return False
    if invoice.status == "paid":
        return not _at_first_attempt(invoice)
    return invoice.attempt_count > 0 and invoice.collection_method != "send_invoice"


def _opened(invoice: BilledInvoice) -> datetime:
    return invoice.status_transitions.finalized_at or invoice.created
