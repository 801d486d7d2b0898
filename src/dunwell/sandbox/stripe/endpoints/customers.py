"""/v1/customers."""

from typing import Any

from dunwell.sandbox.stripe import methods, objects
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json, refuse
from dunwell.sandbox.stripe.forms import (
    ADDRESS,
    PAGING,
    Reader,
    clearable,
    group,
    many,
    merged_metadata,
    metadata,
    moment_range,
    one_of,
    text,
)
from dunwell.sandbox.stripe.lists import page, within
from dunwell.sandbox.stripe.routes import retrieves, route


def _address(value: Any, name: str) -> Json | None:
    return None if value == "" else objects.address(ADDRESS(value, name))


_FIELDS: dict[str, Reader] = {
    "address": _address,
    "description": clearable,
    "email": clearable,
    "invoice_settings": group({"default_payment_method": clearable, "footer": clearable}),
    "metadata": metadata,
    "name": clearable,
    "phone": clearable,
    "preferred_locales": many(text),
    "tax_exempt": one_of("none", "exempt", "reverse"),
}


@route("POST", "/v1/customers", {**_FIELDS, "payment_method": text})
def create(books: Books, params: Json) -> Json:
    """Create a customer, optionally with a first payment method."""
    customer = books.add(objects.customer(books.mint("customer"), books.stamp()))
    method = params.pop("payment_method", None)
    settings = params.pop("invoice_settings", {})
    _change(books, customer, params)
    if method is not None:
        methods.attach(books, methods.from_token(books, method, param="payment_method"), customer)
    _change(books, customer, {"invoice_settings": settings})
    books.emit("customer.created", customer)
    return customer


@route("GET", "/v1/customers", {**PAGING, "email": text, "created": moment_range})
def list_(books: Books, params: Json) -> Json:
    """List customers."""
    rows = within(books.rows("customer", email=params.get("email")), params.get("created"))
    return page(rows, params, "/v1/customers")


retrieves("customer", "/v1/customers/{}")


@route("POST", "/v1/customers/{}", _FIELDS)
def update(books: Books, params: Json, id_: str) -> Json:
    """Update a customer."""
    customer = books.find("customer", id_)
    with books.change(customer, "customer.updated"):
        _change(books, customer, params)
    return customer


def _change(books: Books, customer: Json, params: Json) -> None:
    changed = dict(params)
    settings = changed.pop("invoice_settings", {})
    default = settings.get("default_payment_method")
    if default is not None:
        method = books.find("payment_method", default, param="invoice_settings[default_payment_method]")
        if method["customer"] != customer["id"]:
            name = "invoice_settings[default_payment_method]"
            raise refuse("The customer does not have this payment method.", param=name)
    if "metadata" in changed:
        changed["metadata"] = merged_metadata(customer["metadata"], changed["metadata"])
    customer |= changed
    customer["invoice_settings"] |= settings
