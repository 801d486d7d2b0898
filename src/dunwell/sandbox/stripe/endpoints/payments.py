"""/v1/invoice_payments, /v1/payment_intents, /v1/charges and /v1/disputes: read only."""

from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json
from dunwell.sandbox.stripe.forms import PAGING, Reader, group, moment_range, one_of, text
from dunwell.sandbox.stripe.lists import page, within
from dunwell.sandbox.stripe.routes import retrieves, route

_PAYMENT: dict[str, Reader] = {
    "type": one_of("payment_intent", "payment_record"),
    "payment_intent": text,
    "payment_record": text,
}
_INVOICE_PAYMENTS: dict[str, Reader] = {
    **PAGING,
    "created": moment_range,
    "invoice": text,
    "payment": group(_PAYMENT, ("type",)),
    "status": one_of("open", "paid", "canceled"),
}


@route("GET", "/v1/invoice_payments", _INVOICE_PAYMENTS)
def list_invoice_payments(books: Books, params: Json) -> Json:
    """List invoice payments: by invoice, or by the payment behind them."""
    if "invoice" in params:
        books.find("invoice", params["invoice"], param="invoice")
    rows = books.rows("invoice_payment", invoice=params.get("invoice"), status=params.get("status"))
    wanted = params.get("payment", {})
    rows = [row for row in rows if all(row["payment"].get(key) == id_ for key, id_ in wanted.items())]
    return page(within(rows, params.get("created")), params, "/v1/invoice_payments")


retrieves("invoice_payment", "/v1/invoice_payments/{}")


def _list(books: Books, kind: str, params: Json, fields: tuple[str, ...], url: str) -> Json:
    rows = books.rows(kind, **{name: params.get(name) for name in fields})
    return page(within(rows, params.get("created")), params, url)


@route("GET", "/v1/payment_intents", {**PAGING, "created": moment_range, "customer": text})
def list_payment_intents(books: Books, params: Json) -> Json:
    """List payment intents."""
    return _list(books, "payment_intent", params, ("customer",), "/v1/payment_intents")


retrieves("payment_intent", "/v1/payment_intents/{}", {"client_secret": text})


_CHARGES: dict[str, Reader] = {**PAGING, "created": moment_range, "customer": text, "payment_intent": text}


@route("GET", "/v1/charges", _CHARGES)
def list_charges(books: Books, params: Json) -> Json:
    """List charges."""
    return _list(books, "charge", params, ("customer", "payment_intent"), "/v1/charges")


retrieves("charge", "/v1/charges/{}")


_DISPUTES: dict[str, Reader] = {**PAGING, "created": moment_range, "charge": text, "payment_intent": text}


@route("GET", "/v1/disputes", _DISPUTES)
def list_disputes(books: Books, params: Json) -> Json:
    """List disputes."""
    return _list(books, "dispute", params, ("charge", "payment_intent"), "/v1/disputes")


retrieves("dispute", "/v1/disputes/{}")
