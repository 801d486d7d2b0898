"""The life of an invoice: draft, open, paid, void, uncollectible, and everything but charging it."""

from typing import Any

from dunwell.sandbox.stripe import billing, objects, retries, subscriptions
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json, refuse

_HOUR = 3600
_LINES_INSIDE = 10


def draft(books: Books, customer: Json, currency: str, **fields: Any) -> Json:
    """Make a draft invoice without lines."""
    invoice = billing.invoice(books.mint("invoice"), books.stamp(), customer, currency, **fields)
    if invoice["auto_advance"]:
        invoice["automatically_finalizes_at"] = books.stamp() + _HOUR
    customer["currency"] = customer["currency"] or currency
    return books.add(invoice)


def put_line(books: Books, invoice: Json, amount: int, description: str, item: Json | None = None) -> None:
    """Add a line to a draft: a one-off, or what a subscription item costs for its current period."""
    period = (invoice["period_start"], invoice["period_end"])
    if item is not None:
        period = (item["current_period_start"], item["current_period_end"])
    line = billing.line(books.mint("line_item"), invoice, amount, description, period)
    if item is not None:
        line = billing.recurring(line, item)
    lines = invoice["lines"]
    # An invoice carries its first ten lines; the rest come from its own list of lines.
    if len(lines["data"]) < _LINES_INSIDE:
        lines["data"].append(line)
    else:
        lines["has_more"] = True
    books.add(line)
    total = sum(each["amount"] for each in lines_of(books, invoice))
    for name in ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax", "amount_due"):
        invoice[name] = total
    invoice["amount_remaining"] = total


def lines_of(books: Books, invoice: Json) -> list[Json]:
    """List all lines of an invoice in the order they were added."""
    return list(reversed(books.rows("line_item", invoice=invoice["id"])))


def must_be(invoice: Json, *statuses: str) -> None:
    """Refuse unless the invoice has one of the statuses."""
    if invoice["status"] not in statuses:
        raise refuse(f"This invoice is {invoice['status']}; this needs one that is {' or '.join(statuses)}.")


def default_payment(books: Books, invoice: Json) -> Json | None:
    """Find the invoice payment that Stripe made when the invoice was finalized."""
    return next(iter(books.rows("invoice_payment", invoice=invoice["id"], is_default=True)), None)


def intent_of(books: Books, invoice: Json) -> Json | None:
    """Find the payment intent behind an invoice; None for a draft or one that never owed anything."""
    payment = default_payment(books, invoice)
    return books.find("payment_intent", payment["payment"]["payment_intent"]) if payment else None


def finalize(books: Books, invoice: Json) -> None:
    """Open a draft: number, pages, payment intent; what owes nothing is paid at once."""
    must_be(invoice, "draft")
    customer = books.find("customer", invoice["customer"])
    if invoice["number"] is None:
        invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
        customer["next_invoice_sequence"] += 1
    url = f"{books.base_url}/i/{invoice['id']}"
    invoice |= {"status": "open", "hosted_invoice_url": url, "invoice_pdf": f"{url}/pdf"}
    invoice |= {"effective_at": books.stamp(), "automatically_finalizes_at": None}
    invoice["status_transitions"]["finalized_at"] = books.stamp()
    if invoice["amount_remaining"] > 0:
        _ask_for_payment(books, invoice)
    retries.schedule(books, invoice)
    books.emit("invoice.finalized", invoice)
    if invoice["amount_remaining"] <= 0:
        close_paid(books, invoice, charged=0)


def _ask_for_payment(books: Books, invoice: Json) -> None:
    intent = objects.payment_intent(
        books.mint("payment_intent"),
        books.stamp(),
        invoice["amount_remaining"],
        invoice["currency"],
        invoice["customer"],
    )
    books.emit("payment_intent.created", books.add(intent))
    asked = {"type": "payment_intent", "payment_intent": intent["id"]}
    payment = billing.invoice_payment(books.mint("invoice_payment"), books.stamp(), invoice, asked)
    payment["is_default"] = True
    books.add(payment)


def close_paid(books: Books, invoice: Json, *, charged: int | None = None, outside: int = 0) -> None:
    """Mark an invoice paid by a charge of `charged` minor units, or by money from outside Stripe."""
    with books.change(invoice, "invoice.updated"):
        if charged is not None:
            invoice["amount_overpaid"] += max(0, charged - invoice["amount_remaining"])
            invoice["amount_paid"] += min(charged, invoice["amount_remaining"])
        _count_outside(invoice, outside)
        invoice |= {"status": "paid", "auto_advance": False, "next_payment_attempt": None}
        invoice["status_transitions"]["paid_at"] = books.stamp()
    books.emit("invoice.paid", invoice)
    if charged is not None:
        books.emit("invoice.payment_succeeded", invoice)
    subscriptions.caught_up(books, invoice)
    _forgive_delinquency(books, invoice)


def _forgive_delinquency(books: Books, invoice: Json) -> None:
    customer = books.find("customer", invoice["customer"])
    with books.change(customer, "customer.updated"):
        customer["delinquent"] = False


def void(books: Books, invoice: Json) -> None:
    """Void an invoice for good."""
    must_be(invoice, "open", "uncollectible")
    _nothing_in_flight(books, invoice)
    with books.change(invoice, "invoice.updated"):
        invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
        invoice["status_transitions"]["voided_at"] = books.stamp()
    books.emit("invoice.voided", invoice)
    cancel_payment(books, invoice)
    subscriptions.caught_up(books, invoice)


def mark_uncollectible(books: Books, invoice: Json) -> None:
    """Give an invoice up; it can still be paid or voided later."""
    must_be(invoice, "open")
    with books.change(invoice, "invoice.updated"):
        invoice |= {"status": "uncollectible", "auto_advance": False, "next_payment_attempt": None}
        invoice["status_transitions"]["marked_uncollectible_at"] = books.stamp()
    books.emit("invoice.marked_uncollectible", invoice)
    _forgive_delinquency(books, invoice)


def _nothing_in_flight(books: Books, invoice: Json) -> None:
    if invoice["id"] in books.debits:
        raise refuse("A payment for this invoice is still in flight.")


def cancel_payment(books: Books, invoice: Json) -> None:
    """Cancel the payment intent of an invoice that will not be charged any more."""
    payment, intent = default_payment(books, invoice), intent_of(books, invoice)
    if payment is None or intent is None or payment["status"] != "open":
        return
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = books.stamp()
    reason = "void_invoice" if invoice["status"] == "void" else "automatic"
    intent |= {"status": "canceled", "canceled_at": books.stamp(), "cancellation_reason": reason}
    intent |= {"last_payment_error": None, "next_action": None}
    books.emit("payment_intent.canceled", intent)


def delete_draft(books: Books, invoice: Json) -> Json:
    """Delete a draft; Stripe never deletes anything else."""
    must_be(invoice, "draft")
    books.remove(invoice)
    books.emit("invoice.deleted", invoice)
    return {"id": invoice["id"], "object": "invoice", "deleted": True}


def set_auto_advance(books: Books, invoice: Json, *, on: bool) -> None:
    """Let Stripe collect an invoice, or stop it; the schedule of retries follows."""
    must_be(invoice, "draft", "open")
    with books.change(invoice, "invoice.updated"):
        if invoice["auto_advance"] == on:
            return
        invoice["auto_advance"] = on
        if invoice["status"] == "draft":
            invoice["automatically_finalizes_at"] = books.stamp() + _HOUR if on else None
        else:
            retries.schedule(books, invoice)


def pay_outside(books: Books, invoice: Json) -> None:
    """Mark the rest of an invoice paid outside Stripe; nothing is charged."""
    must_be(invoice, "open", "uncollectible")
    _nothing_in_flight(books, invoice)
    close_paid(books, invoice, outside=invoice["amount_remaining"])
    cancel_payment(books, invoice)


def _count_outside(invoice: Json, amount: int) -> None:
    invoice["amount_paid"] += amount
    invoice["amount_paid_off_stripe"] += amount
    invoice["amount_remaining"] = invoice["amount_due"] - invoice["amount_paid"]


def pay_part(books: Books, invoice: Json, amount: int) -> None:
    """Record a payment of a part (or all) that arrived outside Stripe, such as a bank transfer."""
    must_be(invoice, "open", "uncollectible")
    if not 0 < amount <= invoice["amount_remaining"]:
        raise refuse("The amount must lie between 1 and what remains.", param="amount")
    recorded = {"type": "payment_record", "payment_record": books.mint("payment_record")}
    payment = billing.invoice_payment(books.mint("invoice_payment"), books.stamp(), invoice, recorded)
    payment |= {"amount_requested": amount, "amount_paid": amount, "status": "paid"}
    payment["status_transitions"]["paid_at"] = books.stamp()
    books.emit("invoice_payment.paid", books.add(payment))
    with books.change(invoice, "invoice.updated"):
        _count_outside(invoice, amount)
    _ask_for_less(books, invoice)


def credit(books: Books, invoice: Json, amount: int) -> None:
    """Lower what an open invoice asks for, as a credit note does; a full credit closes it as paid."""
    must_be(invoice, "open")
    if not 0 < amount <= invoice["amount_remaining"]:
        raise refuse("The amount must lie between 1 and what remains.", param="amount")
    with books.change(invoice, "invoice.updated"):
        invoice["pre_payment_credit_notes_amount"] += amount
        invoice["amount_due"] -= amount
        invoice["amount_remaining"] -= amount
    _ask_for_less(books, invoice)


def _ask_for_less(books: Books, invoice: Json) -> None:
    payment, intent = default_payment(books, invoice), intent_of(books, invoice)
    if invoice["amount_remaining"] == 0:
        close_paid(books, invoice)
        cancel_payment(books, invoice)
    elif payment is not None and intent is not None:
        payment["amount_requested"] = intent["amount"] = invoice["amount_remaining"]
        # Any update of a payment intent forgets its last error.
        intent["last_payment_error"] = None
