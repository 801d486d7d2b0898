"""/v1/subscriptions."""

from typing import Any

from dunwell.sandbox.stripe import selling, subscriptions
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json, refuse
from dunwell.sandbox.stripe.forms import (
    PAGING,
    Reader,
    boolean,
    clearable,
    group,
    integer,
    many,
    merged_metadata,
    metadata,
    moment_range,
    one_of,
    text,
)
from dunwell.sandbox.stripe.lists import page, within
from dunwell.sandbox.stripe.routes import retrieves, route

_COLLECTION = one_of("charge_automatically", "send_invoice")
_STATUSES = (
    "active", "canceled", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid"
)  # fmt: skip
_FIELDS: dict[str, Reader] = {
    "cancel_at_period_end": boolean,
    "collection_method": _COLLECTION,
    "days_until_due": integer,
    "default_payment_method": clearable,
    "description": clearable,
    "metadata": metadata,
}
_BEHAVIOR: dict[str, Reader] = {
    "behavior": one_of("keep_as_draft", "mark_uncollectible", "void"),
    "resumes_at": integer,
}
_ITEM: dict[str, Reader] = {"price": text, "quantity": integer}


def _pause(value: Any, name: str) -> Json | None:
    if value == "":
        return None
    return {"resumes_at": None, **group(_BEHAVIOR, ("behavior",))(value, name)}


@route(
    "POST",
    "/v1/subscriptions",
    {**_FIELDS, "customer": text, "items": many(group(_ITEM, ("price",)), at_most=20)},
    ("customer", "items"),
)
def create(books: Books, params: Json) -> Json:
    """Subscribe a customer; the first invoice is opened and charged at once."""
    customer = books.find("customer", params.pop("customer"), param="customer")
    prices = [
        (books.find("price", item["price"], param=f"items[{place}][price]"), item.get("quantity", 1))
        for place, item in enumerate(params.pop("items"))
    ]
    if any(price["recurring"] is None for price, _ in prices):
        raise refuse("A subscription needs recurring prices.", param="items")
    _check_method(books, params)
    subscription = subscriptions.new_subscription(books, customer, prices, **params)
    selling.first_invoice(books, subscription)
    return subscription


def _check_method(books: Books, params: Json) -> None:
    if params.get("default_payment_method"):
        books.find("payment_method", params["default_payment_method"], param="default_payment_method")


_FILTERS: dict[str, Reader] = {
    **PAGING,
    "collection_method": _COLLECTION,
    "created": moment_range,
    "customer": text,
    "price": text,
    "status": one_of("all", "ended", *_STATUSES),
}


@route("GET", "/v1/subscriptions", _FILTERS)
def list_(books: Books, params: Json) -> Json:
    """List subscriptions; canceled ones only when asked for."""
    equal = {name: params.get(name) for name in ("customer", "collection_method")}
    rows = within(books.rows("subscription", **equal), params.get("created"))
    status = params.get("status")
    ended = ("canceled", "incomplete_expired")
    if status is None:
        rows = [row for row in rows if row["status"] != "canceled"]
    elif status != "all":
        rows = [row for row in rows if row["status"] in (ended if status == "ended" else (status,))]
    if "price" in params:
        rows = [
            row
            for row in rows
            if any(item["price"]["id"] == params["price"] for item in row["items"]["data"])
        ]
    return page(rows, params, "/v1/subscriptions")


retrieves("subscription", "/v1/subscriptions/{}")


@route("POST", "/v1/subscriptions/{}", {**_FIELDS, "pause_collection": _pause})
def update(books: Books, params: Json, id_: str) -> Json:
    """Update a subscription's method, collection, pause or notes."""
    subscription = books.find("subscription", id_)
    _check_method(books, params)
    if "metadata" in params:
        params["metadata"] = merged_metadata(subscription["metadata"], params["metadata"])
    with books.change(subscription, "customer.subscription.updated"):
        subscription |= params
    return subscription


@route("DELETE", "/v1/subscriptions/{}")
def cancel(books: Books, _params: Json, id_: str) -> Json:
    """Cancel a subscription now."""
    subscription = books.find("subscription", id_)
    if subscription["status"] == "canceled":
        raise refuse("This subscription is already canceled.")
    subscriptions.cancel(books, subscription)
    return subscription
