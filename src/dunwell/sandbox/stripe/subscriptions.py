"""Subscriptions: what is sold, and how paying or failing to pay moves their status."""

import calendar
from datetime import datetime, timedelta
from typing import Any

from dunwell.sandbox.stripe import catalog
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json

_BEHIND = ("past_due", "unpaid", "incomplete")


def later(moment: datetime, interval: str, count: int) -> datetime:
    """Add billing intervals to a moment; the day of a month is cut to the month's length."""
    if interval in ("day", "week"):
        return moment + timedelta(days=count * (7 if interval == "week" else 1))
    months = moment.month - 1 + count * (12 if interval == "year" else 1)
    year, month = moment.year + months // 12, months % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def new_product(books: Books, name: str) -> Json:
    """Make a product."""
    product = books.add(catalog.product(books.mint("product"), books.stamp(), name))
    books.emit("product.created", product)
    return product


def new_price(books: Books, product: Json, amount: int, currency: str, recurring: Json | None) -> Json:
    """Make a price; `recurring` holds `interval` and optionally `interval_count`, `usage_type`."""
    price = catalog.price(
        books.mint("price"), books.stamp(), product["id"], amount, currency, **(recurring or {})
    )
    books.emit("price.created", books.add(price))
    return price


def new_subscription(books: Books, customer: Json, prices: list[tuple[Json, int]], **fields: Any) -> Json:
    """Subscribe a customer to recurring prices with quantities; makes no invoice."""
    now = books.now()
    currency = prices[0][0]["currency"]
    subscription = catalog.subscription(
        books.mint("subscription"), books.stamp(), customer["id"], currency, **fields
    )
    for price, quantity in prices:
        cycle = price["recurring"]
        end = later(now, cycle["interval"], cycle["interval_count"])
        item = catalog.subscription_item(
            books.mint("subscription_item"),
            books.stamp(),
            subscription["id"],
            price,
            quantity=quantity,
            current_period_start=books.stamp(),
            current_period_end=int(end.timestamp()),
        )
        books.add(item)
        subscription["items"]["data"].append(item)
    customer["currency"] = customer["currency"] or currency
    books.emit("customer.subscription.created", books.add(subscription))
    return subscription


def behind(books: Books, invoice: Json) -> Json | None:
    """Find the subscription that made an invoice."""
    parent = invoice["parent"]
    if parent is None or parent["subscription_details"] is None:
        return None
    return books.find("subscription", parent["subscription_details"]["subscription"])


def move(books: Books, subscription: Json, status: str) -> None:
    """Change a subscription's status."""
    with books.change(subscription, "customer.subscription.updated"):
        subscription["status"] = status


def fell_behind(books: Books, invoice: Json) -> None:
    """Mark what a failed payment means for the subscription behind the invoice."""
    subscription = behind(books, invoice)
    if subscription is not None and subscription["status"] in ("active", "trialing"):
        move(books, subscription, "past_due")


def caught_up(books: Books, invoice: Json) -> None:
    """Mark what a payment means: active again, unless another of its invoices has failed."""
    subscription = behind(books, invoice)
    if subscription is None or subscription["status"] not in _BEHIND:
        return
    others = books.rows("invoice", customer=invoice["customer"], status="open", attempted=True)
    if all(behind(books, other) is not subscription for other in others):
        move(books, subscription, "active")


def cancel(books: Books, subscription: Json, reason: str = "cancellation_requested") -> None:
    """End a subscription; its draft and open invoices are no longer collected by Stripe."""
    subscription["status"] = "canceled"
    subscription["canceled_at"] = subscription["ended_at"] = books.stamp()
    subscription["cancellation_details"]["reason"] = reason
    books.emit("customer.subscription.deleted", subscription)
    for invoice in books.rows("invoice", customer=subscription["customer"]):
        if invoice["status"] in ("draft", "open") and behind(books, invoice) is subscription:
            with books.change(invoice, "invoice.updated"):
                invoice["auto_advance"] = False
                invoice["next_payment_attempt"] = None
