"""/v1/payment_methods, /v1/setup_intents and /v1/mandates."""

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
    integer,
    metadata,
    moment_range,
    one_of,
    text,
)
from dunwell.sandbox.stripe.lists import page, within
from dunwell.sandbox.stripe.routes import retrieves, route

_KINDS = one_of("card", "us_bank_account", "sepa_debit")
_CARD: dict[str, Reader] = {"number": text, "exp_month": integer, "exp_year": integer, "cvc": text}
_BANK: dict[str, Reader] = {
    "account_holder_type": one_of("company", "individual"),
    "account_number": text,
    "account_type": one_of("checking", "savings"),
    "routing_number": text,
}
_BILLING: dict[str, Reader] = {"email": clearable, "name": clearable, "phone": clearable, "address": ADDRESS}
_NEW: dict[str, Reader] = {
    "type": _KINDS,
    "card": group(_CARD, ("number", "exp_month", "exp_year")),
    "us_bank_account": group(_BANK, ("account_number",)),
    "sepa_debit": group({"iban": text}, ("iban",)),
    "billing_details": group(_BILLING),
    "metadata": metadata,
}


@route("POST", "/v1/payment_methods", _NEW, ("type",))
def create(books: Books, params: Json) -> Json:
    """Make a payment method from a test number; it belongs to nobody yet."""
    kind = params["type"]
    if kind not in params:
        raise refuse(f"Missing required param: {kind}.", param=kind, code="parameter_missing")
    method = _made(books, kind, params[kind])
    billing = params.get("billing_details", {})
    if "address" in billing:
        billing["address"] = objects.address(billing["address"])
    method["billing_details"] |= billing
    method["metadata"] |= params.get("metadata", {})
    return method


def _made(books: Books, kind: str, details: Json) -> Json:
    if kind == "card":
        expiry = {"exp_month": details["exp_month"], "exp_year": details["exp_year"]}
        return methods.make(books, details["number"], **expiry)
    return methods.make(books, details.get("account_number") or details["iban"])


@route("GET", "/v1/payment_methods", {**PAGING, "customer": text, "type": _KINDS}, ("customer",))
def list_(books: Books, params: Json) -> Json:
    """List a customer's payment methods."""
    customer = books.find("customer", params["customer"], param="customer")
    return _of_customer(books, customer, params, "/v1/payment_methods")


@route("GET", "/v1/customers/{}/payment_methods", {**PAGING, "type": _KINDS})
def list_of_customer(books: Books, params: Json, id_: str) -> Json:
    """List a customer's payment methods."""
    customer = books.find("customer", id_)
    return _of_customer(books, customer, params, f"/v1/customers/{id_}/payment_methods")


def _of_customer(books: Books, customer: Json, params: Json, url: str) -> Json:
    rows = books.rows("payment_method", customer=customer["id"], type=params.get("type"))
    return page(rows, params, url)


retrieves("payment_method", "/v1/payment_methods/{}")


@route("POST", "/v1/payment_methods/{}/attach", {"customer": text}, ("customer",))
def attach(books: Books, params: Json, id_: str) -> Json:
    """Save a payment method to a customer; a test token makes a fresh one first."""
    customer = books.find("customer", params["customer"], param="customer")
    method = methods.from_token(books, id_)
    methods.attach(books, method, customer)
    return method


@route("POST", "/v1/payment_methods/{}/detach")
def detach(books: Books, _params: Json, id_: str) -> Json:
    """Take a payment method off its customer."""
    method = books.find("payment_method", id_)
    methods.detach(books, method)
    return method


retrieves("setup_intent", "/v1/setup_intents/{}")


_SETUPS: dict[str, Reader] = {
    **PAGING, "customer": text, "payment_method": text, "created": moment_range
}  # fmt: skip


@route("GET", "/v1/setup_intents", _SETUPS)
def list_setup_intents(books: Books, params: Json) -> Json:
    """List setup intents."""
    wanted: dict[str, Any] = {name: params.get(name) for name in ("customer", "payment_method")}
    rows = within(books.rows("setup_intent", **wanted), params.get("created"))
    return page(rows, params, "/v1/setup_intents")


retrieves("mandate", "/v1/mandates/{}")
