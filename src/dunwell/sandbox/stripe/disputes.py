"""Money that is taken back: chargebacks on cards and late returns of bank debits."""

from dunwell.sandbox.stripe import billing, invoicing, methods
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json, refuse

_RETURNED = ("insufficient_funds", "incorrect_account_details", "bank_cannot_process")


def open_dispute(books: Books, invoice: Json, reason: str) -> Json:
    """Open a dispute over the charge that paid an invoice; the invoice itself stays paid."""
    intent = invoicing.intent_of(books, invoice)
    charge = books.find("charge", intent["latest_charge"]) if intent and intent["latest_charge"] else None
    if charge is None or charge["status"] != "succeeded":
        raise refuse("This invoice was not paid by a charge.")
    with books.change(charge, "charge.updated"):
        charge["disputed"] = True
    dispute = billing.dispute(books.mint("dispute"), books.stamp(), charge, reason)
    books.emit("charge.dispute.created", books.add(dispute))
    books.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def return_debit(books: Books, invoice: Json, reason: str) -> Json:
    """Let a bank return a debit that had settled, for one of the reasons Stripe knows for that."""
    intent = invoicing.intent_of(books, invoice)
    charge = books.find("charge", intent["latest_charge"]) if intent and intent["latest_charge"] else None
    if charge is None or charge["payment_method_details"]["type"] not in methods.BANK_TYPES:
        raise refuse("This invoice was not paid by a bank debit.")
    if reason not in _RETURNED:
        raise refuse(f"A debit is not returned for {reason}.")
    return open_dispute(books, invoice, reason)


def close_dispute(books: Books, dispute: Json, *, won: bool) -> None:
    """End a dispute; when it is won the money comes back."""
    dispute["status"] = "won" if won else "lost"
    books.emit("charge.dispute.closed", dispute)
    if won:
        books.emit("charge.dispute.funds_reinstated", dispute)
