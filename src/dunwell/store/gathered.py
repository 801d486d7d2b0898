"""Puts what the ledger (NetSuite) says into rows: whose customer it is, who is written to, what stands open."""

from typing import Any

from dunwell.policy.facts import Invoice
from dunwell.policy.ledger import ContactReading, Gathering, Standing
from dunwell.store import models
from dunwell.store.keep import keep_contact, mrr_columns
from dunwell.store.plain import plain


def keep_gathering(row: models.Case, said: Gathering) -> None:
    """Keep everything the ledger said about a case's customer and invoice; both and the case are locked.

    What it does not know stays as it was: its MRR goes before Stripe's, and Stripe's stands where it has none.
    """
    keep_ledger_ids(row, said)
    values: dict[str, Any] = {}
    if said.revenue is not None and said.revenue.mrr is not None:
        values |= mrr_columns(said.revenue.mrr)
    if said.account is not None:
        account = said.account
        values["crm_status"] = plain(account.crm_status, 200)
        if account.owner is not None:
            values["owner_name"] = plain(account.owner.name, 200)
            values["owner_email"] = plain(account.owner.email, 320)
        if account.timezone:
            values["timezone"] = plain(account.timezone, 64)
        if account.strategic is not None:
            values["strategic"] = account.strategic
    _write(row.customer, values)
    if said.contact is not None:
        _keep_contact(row.customer, said.contact)


def keep_ledger_ids(row: models.Case, said: Gathering) -> None:
    """Keep how the ledger calls a case's customer and invoice, with how the invoice stands there."""
    if said.customer:
        _write(row.customer, {"ledger_id": plain(said.customer, 40)})
    _keep_invoice(row, said.invoice, said)


def keep_standing(row: models.Case, standing: Standing) -> None:
    """Keep how the ledger says that a case's invoice stands."""
    _keep_invoice(row, standing.invoice, standing)


def _keep_invoice(row: models.Case, said: Invoice | None, reading: Gathering | Standing) -> None:
    values: dict[str, Any] = {"ledger_read_at": reading.at}
    if said is not None:
        same = said.open.currency == row.invoice.currency
        values |= {
            "ledger_id": plain(said.id, 40),
            "ledger_status": said.status.value,
            "ledger_open_minor": said.open.minor if same else None,
        }
    _write(row.invoice, values)


def _keep_contact(customer: models.Customer, said: ContactReading) -> None:
    """The ledger's contact becomes the first, unless a person set one; one it no longer names is only kept."""
    mine = models.Contact.objects.filter(customer=customer)
    mine.exclude(ledger_id=said.id).exclude(ledger_id="").update(ledger_id="", rank=1)
    if said.contact is not None:
        keep_contact(customer, said.contact)
        mine.filter(email=plain(said.contact.email, 320)).update(ledger_id=plain(said.id, 40))


def _write(row: models.Customer | models.Invoice, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    if values:
        row.save(update_fields=list(values))
