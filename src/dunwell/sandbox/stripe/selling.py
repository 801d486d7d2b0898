"""Invoices that subscriptions make, and what a customer's paid past looks like."""

from datetime import datetime, timedelta

from dunwell.sandbox.stripe import autopilot, billing, charging, invoicing, methods, subscriptions
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.declines import Declined, Paid
from dunwell.sandbox.stripe.errors import Json


def draft_invoice(books: Books, subscription: Json, *, reason: str = "subscription_cycle") -> Json:
    """Make the draft for the period that starts now, a recurring line for each item."""
    customer = books.find("customer", subscription["customer"])
    invoice = invoicing.draft(
        books,
        customer,
        subscription["currency"],
        auto_advance=True,
        billing_reason=reason,
        collection_method=subscription["collection_method"],
        parent=billing.subscription_parent(subscription["id"]),
    )
    for item in subscription["items"]["data"]:
        _start_period(books, item)
        price = item["price"]
        amount = price["unit_amount"] * item["quantity"]
        product = books.find("product", price["product"])
        invoicing.put_line(books, invoice, amount, f"{item['quantity']} x {product['name']}", item)
    subscription["latest_invoice"] = invoice["id"]
    return invoice


def _start_period(books: Books, item: Json) -> None:
    cycle = item["price"]["recurring"]
    end = subscriptions.later(books.now(), cycle["interval"], cycle["interval_count"])
    item["current_period_start"] = books.stamp()
    item["current_period_end"] = int(end.timestamp())


def set_due(invoice: Json, due: datetime) -> None:
    """Let a draft be sent to the customer, who pays it by `due`."""
    invoice |= {"collection_method": "send_invoice", "due_date": int(due.timestamp())}


def first_invoice(books: Books, subscription: Json) -> Json:
    """Open the first invoice of a new subscription and charge it at once."""
    invoice = draft_invoice(books, subscription, reason="subscription_create")
    if subscription["collection_method"] == "send_invoice":
        set_due(invoice, books.now() + timedelta(days=subscription["days_until_due"] or 30))
    books.emit("invoice.created", invoice)
    invoicing.finalize(books, invoice)
    if invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        autopilot.charge_by_schedule(books, invoice)
        if invoice["status"] == "open":
            subscriptions.move(books, subscription, "incomplete")
    return invoice


def past(
    books: Books, subscription: Json, *, months: int, on_time: int, late_by: timedelta, until: datetime
) -> list[Json]:
    """Bill and pay the months before `until`; the latest `on_time` at once, earlier ones `late_by` later.

    Late ones were declined first. Leaves no events: nobody was listening then.
    """
    customer = books.find("customer", subscription["customer"])
    method = _some_method(books, customer)
    made = []
    with books.quiet():
        for month in range(months, 0, -1):
            begin = subscriptions.later(until, "month", -month)
            with books.at(begin):
                invoice = draft_invoice(books, subscription)
                invoicing.finalize(books, invoice)
                first = Declined("insufficient_funds") if month > on_time else Paid()
                charging.attempt(books, invoice, method, automatic=True, outcome=first)
            if invoice["status"] == "open":
                with books.at(begin + late_by):
                    charging.attempt(books, invoice, method, automatic=False, outcome=Paid())
            made.append(invoice)
    return made


def _some_method(books: Books, customer: Json) -> Json:
    default = customer["invoice_settings"]["default_payment_method"]
    if default is not None:
        return books.find("payment_method", default)
    with books.quiet():
        return methods.save(books, customer, "4242424242424242")
