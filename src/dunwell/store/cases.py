"""Finds, locks and opens cases. A case that is going to be written is locked first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from dunwell.policy.book import Book
from dunwell.policy.words import InvoiceSource, InvoiceStatus
from dunwell.store import models


def _with_facts() -> QuerySet[models.Case]:
    return models.Case.objects.select_related("invoice", "customer")


def _locked(**which: object) -> list[models.Case]:
    """Lock cases, then read them with what hangs on them.

    In two statements: what is joined to a row we had to wait for would still be as it was before the wait.
    `no_key` lets others go on to refer to a case. Everybody locks customers before cases, cases by id,
    cases before invoices, and only then what lies on a desk; so nobody waits in a circle.
    """
    rows = models.Case.objects.filter(**which).select_for_update(no_key=True, of=("self",))
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    return list(_with_facts().filter(pk__in=ids).order_by("pk")) if ids else []


def locked_case(case: int) -> models.Case:
    """One case by id, locked until the transaction ends; raises `Case.DoesNotExist`."""
    found = _locked(pk=case)
    if not found:
        raise models.Case.DoesNotExist(f"there is no case {case}")
    return found[0]


def locked_cases(cases: Sequence[int]) -> list[models.Case]:
    """Cases by id, locked until the transaction ends. Lock their customers first (`lock_customer`)."""
    return _locked(pk__in=cases)


def case_with_id(case: int) -> models.Case | None:
    """One case by id, to read only."""
    return _with_facts().filter(pk=case).first()


def case_of_invoice(number_or_id: str) -> models.Case | None:
    """The newest case on an invoice, found by its number or its id at the ledger, to read only."""
    found = _with_facts().filter(invoice__external_id=number_or_id).order_by("-pk").first()
    return found or _with_facts().filter(invoice__number=number_or_id).order_by("-pk").first()


def open_case_of(external_id: str) -> models.Case | None:
    """The open case on an invoice, locked, if there is one."""
    return next(iter(_locked(invoice__external_id=external_id, closed_at=None)), None)


def open_cases_of(customer: models.Customer) -> list[models.Case]:
    """All open cases of a customer, locked, by id. Lock the customer first (`lock_customer`)."""
    return _locked(customer=customer, closed_at=None)


def lock_mates(customers: Sequence[int], known: Sequence[int]) -> list[int]:
    """Lock the open cases of some customers besides those known, as far as nobody else holds them; return their ids.

    It waits for nobody, so it may be asked while other cases are locked.
    """
    theirs = models.Case.objects.filter(customer_id__among=set(customers), closed_at=None)
    theirs = theirs.exclude(pk__among=set(known))
    free = theirs.select_for_update(skip_locked=True, no_key=True, of=("self",))
    return list(free.order_by("pk").values_list("pk", flat=True))


def lock_customer(customer: int) -> models.Customer:
    """A customer by id, locked: whoever writes about several cases of one customer starts here."""
    return models.Customer.objects.select_for_update(no_key=True).get(pk=customer)


def last_case_of(external_id: str) -> models.Case | None:
    """The newest case on an invoice, open or closed, locked."""
    newest = models.Case.objects.filter(invoice__external_id=external_id).order_by("-pk")
    case = newest.values_list("pk", flat=True).first()
    return locked_case(case) if case is not None else None


def last_end_of(invoice: models.Invoice) -> datetime | None:
    """When the newest closed case on an invoice ended."""
    ends = models.Case.objects.filter(invoice=invoice, closed_at__isnull=False).order_by("-closed_at")
    return ends.values_list("closed_at", flat=True).first()


def mark_unknown(invoice: models.Invoice, now: datetime) -> None:
    """Note that the ledger no longer knows an invoice."""
    invoice.status, invoice.read_at = InvoiceStatus.UNKNOWN.value, now
    invoice.save(update_fields=["status", "read_at"])


def open_case(
    *,
    invoice: models.Invoice,
    book: Book,
    values: Mapping[str, Any],
) -> models.Case:
    """Insert an open case; raises `IntegrityError` if the invoice has one."""
    return models.Case.objects.create(
        invoice=invoice,
        customer=invoice.customer,
        policy_id=book.version,
        opened_minor=invoice.open_minor,
        **values,
    )


def invoices_with_open_cases(external_ids: Sequence[str]) -> set[str]:
    """Which of these invoices have an open case."""
    found = models.Case.objects.filter(invoice__external_id__in=external_ids, closed_at=None)
    return set(found.values_list("invoice__external_id", flat=True))


def open_invoices_of(customer: str) -> list[str]:
    """Invoices of a customer at Stripe that have an open case, oldest case first."""
    mine = models.Case.objects.filter(customer__external_id=customer, closed_at=None)
    found = mine.filter(invoice__source=InvoiceSource.STRIPE.value).order_by("opened_at", "pk")
    return list(found.values_list("invoice__external_id", flat=True))


def open_in_ledger() -> list[tuple[str, str, int]]:
    """Invoices that only the ledger has and that have an open case: id, status and what is open, as last read."""
    found = models.Case.objects.filter(invoice__source=InvoiceSource.NETSUITE.value, closed_at=None)
    columns = ("invoice__external_id", "invoice__status", "invoice__open_minor")
    return list(found.order_by("pk").values_list(*columns))


def listed(status: str = "") -> list[models.Case]:
    """Cases to list, of one status or all, the largest open amount of each currency first."""
    rows = _with_facts().filter(status=status) if status else _with_facts()
    return list(rows.order_by("invoice__currency", "-invoice__open_minor", "pk"))
