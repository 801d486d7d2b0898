"""/v1/invoices."""

import re

from dunwell.sandbox.stripe import billing, charging, invoicing, subscriptions
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

_DAY = 86400
_BY_NUMBER = re.compile(r'number:"((?:[^"\\]|\\.)*)"')
_COLLECTION = one_of("charge_automatically", "send_invoice")
_STATUS = one_of("draft", "open", "paid", "uncollectible", "void")
_FIELDS: dict[str, Reader] = {
    "auto_advance": boolean,
    "collection_method": _COLLECTION,
    "days_until_due": integer,
    "default_payment_method": clearable,
    "description": clearable,
    "due_date": integer,
    "footer": clearable,
    "metadata": metadata,
    "number": clearable,
}
_ONLY_DRAFT = ("collection_method", "days_until_due", "due_date", "number")
_FILTERS: dict[str, Reader] = {
    **PAGING,
    "collection_method": _COLLECTION,
    "created": moment_range,
    "customer": text,
    "due_date": moment_range,
    "status": _STATUS,
    "subscription": text,
}


@route(
    "POST",
    "/v1/invoices",
    {**_FIELDS, "customer": text, "currency": text, "subscription": text},
    ("customer",),
)
def create(books: Books, params: Json) -> Json:
    """Create a draft without lines (`add_lines` fills it)."""
    customer = books.find("customer", params.pop("customer"), param="customer")
    currency = params.pop("currency", customer["currency"] or "usd").lower()
    sold = params.pop("subscription", None)
    parent = None
    if sold is not None:
        parent = billing.subscription_parent(books.find("subscription", sold, param="subscription")["id"])
    invoice = invoicing.draft(books, customer, currency, parent=parent)
    _change(books, invoice, params)
    books.emit("invoice.created", invoice)
    return invoice


_LINE: dict[str, Reader] = {"amount": integer, "description": text}


@route("POST", "/v1/invoices/{}/add_lines", {"lines": many(group(_LINE, ("amount",)))}, ("lines",))
def add_lines(books: Books, params: Json, id_: str) -> Json:
    """Add one-off lines to a draft."""
    invoice = books.find("invoice", id_)
    invoicing.must_be(invoice, "draft")
    with books.change(invoice, "invoice.updated"):
        for line in params["lines"]:
            invoicing.put_line(books, invoice, line["amount"], line.get("description", "Line"))
    return invoice


@route("GET", "/v1/invoices", _FILTERS)
def list_(books: Books, params: Json) -> Json:
    """List invoices."""
    equal = {name: params.get(name) for name in ("customer", "status", "collection_method")}
    rows = within(books.rows("invoice", **equal), params.get("created"))
    rows = within(rows, params.get("due_date"), "due_date")
    if "subscription" in params:
        wanted = books.find("subscription", params["subscription"], param="subscription")
        rows = [row for row in rows if subscriptions.behind(books, row) is wanted]
    return page(rows, params, "/v1/invoices")


@route("GET", "/v1/invoices/search", {"query": text, "limit": integer, "page": text}, ("query",))
def search(books: Books, params: Json) -> Json:
    """Search by number, the only one of Stripe's search fields that is known here."""
    asked = _BY_NUMBER.fullmatch(params["query"])
    if asked is None:
        raise refuse("We were unable to parse your search query.", param="query")
    wanted = asked[1].replace('\\"', '"').replace("\\\\", "\\")
    found = [row for row in books.rows("invoice") if row["number"] == wanted][: params.get("limit", 10)]
    return {
        "object": "search_result",
        "data": found,
        "has_more": False,
        "next_page": None,
        "url": "/v1/invoices/search",
    }


retrieves("invoice", "/v1/invoices/{}")


@route("GET", "/v1/invoices/{}/lines", PAGING)
def lines(books: Books, params: Json, id_: str) -> Json:
    """List an invoice's lines."""
    return page(invoicing.lines_of(books, books.find("invoice", id_)), params, f"/v1/invoices/{id_}/lines")


@route("POST", "/v1/invoices/{}", _FIELDS)
def update(books: Books, params: Json, id_: str) -> Json:
    """Update an invoice; once finalized only collection, method and notes may change."""
    invoice = books.find("invoice", id_)
    fixed = [name for name in _ONLY_DRAFT if name in params]
    if fixed and invoice["status"] != "draft":
        raise refuse("A finalized invoice cannot change this.", param=fixed[0], code="invoice_not_editable")
    on = params.pop("auto_advance", None)
    if on is not None:
        invoicing.set_auto_advance(books, invoice, on=on)
    with books.change(invoice, "invoice.updated"):
        _change(books, invoice, params)
    return invoice


def _change(books: Books, invoice: Json, params: Json) -> None:
    changed = dict(params)
    days = changed.pop("days_until_due", None)
    if days is not None:
        changed["due_date"] = books.stamp() + days * _DAY
    if "metadata" in changed:
        changed["metadata"] = merged_metadata(invoice["metadata"], changed["metadata"])
    if changed.get("default_payment_method"):
        books.find("payment_method", changed["default_payment_method"], param="default_payment_method")
        intent = invoicing.intent_of(books, invoice)
        if intent is not None:
            intent["last_payment_error"] = None
    invoice |= changed


@route("POST", "/v1/invoices/{}/finalize", {"auto_advance": boolean})
def finalize(books: Books, params: Json, id_: str) -> Json:
    """Open a draft."""
    invoice = books.find("invoice", id_)
    invoicing.must_be(invoice, "draft")
    if "auto_advance" in params:
        invoicing.set_auto_advance(books, invoice, on=params["auto_advance"])
    invoicing.finalize(books, invoice)
    return invoice


_PAY: dict[str, Reader] = {
    "forgive": boolean,
    "mandate": clearable,
    "off_session": boolean,
    "paid_out_of_band": boolean,
    "payment_method": text,
}


@route("POST", "/v1/invoices/{}/pay", _PAY)
def pay(books: Books, params: Json, id_: str) -> Json:
    """Charge an invoice now, or mark it paid outside Stripe."""
    invoice = books.find("invoice", id_)
    if params.get("paid_out_of_band"):
        invoicing.pay_outside(books, invoice)
    else:
        charging.pay(books, invoice, params.get("payment_method"))
    return invoice


@route("POST", "/v1/invoices/{}/void")
def void(books: Books, _params: Json, id_: str) -> Json:
    """Void an invoice."""
    invoice = books.find("invoice", id_)
    invoicing.void(books, invoice)
    return invoice


@route("POST", "/v1/invoices/{}/mark_uncollectible")
def mark_uncollectible(books: Books, _params: Json, id_: str) -> Json:
    """Give an invoice up."""
    invoice = books.find("invoice", id_)
    invoicing.mark_uncollectible(books, invoice)
    return invoice


@route("POST", "/v1/invoices/{}/send")
def send(books: Books, _params: Json, id_: str) -> Json:
    """Mail an invoice; a draft is opened first. No mail leaves the sandbox's Stripe."""
    invoice = books.find("invoice", id_)
    if invoice["status"] == "draft":
        invoicing.finalize(books, invoice)
    invoicing.must_be(invoice, "open")
    books.emit("invoice.sent", invoice)
    return invoice


@route("DELETE", "/v1/invoices/{}")
def delete(books: Books, _params: Json, id_: str) -> Json:
    """Delete a draft."""
    return invoicing.delete_draft(books, books.find("invoice", id_))
