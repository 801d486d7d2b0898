"""/v1/events, /v1/webhook_endpoints and /v1/account."""

from fnmatch import fnmatchcase

from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json, refuse
from dunwell.sandbox.stripe.forms import PAGING, Reader, boolean, many, moment_range, text
from dunwell.sandbox.stripe.lists import page, within
from dunwell.sandbox.stripe.routes import retrieves, route

_KEPT_SECONDS = 30 * 86400

_EVENTS: dict[str, Reader] = {
    **PAGING,
    "created": moment_range,
    "delivery_success": boolean,
    "type": text,
    "types": many(text, at_most=20),
}


@route("GET", "/v1/events", _EVENTS)
def list_(books: Books, params: Json) -> Json:
    """List the events of the last 30 days; `type` takes `*`, `types` exact names."""
    if "type" in params and "types" in params:
        raise refuse("Only one of type and types can be given.", param="types")
    rows = within(books.rows("event"), params.get("created"))
    rows = within(rows, {"gte": books.stamp() - _KEPT_SECONDS})
    if "type" in params:
        rows = [row for row in rows if fnmatchcase(row["type"], params["type"])]
    if "types" in params:
        rows = [row for row in rows if row["type"] in params["types"]]
    if "delivery_success" in params:
        rows = [row for row in rows if (row["pending_webhooks"] == 0) == params["delivery_success"]]
    return page(rows, params, "/v1/events")


retrieves("event", "/v1/events/{}")


@route("GET", "/v1/webhook_endpoints", PAGING)
def list_endpoints(books: Books, params: Json) -> Json:
    """List the endpoints that webhooks are delivered to."""
    return page(books.rows("webhook_endpoint"), params, "/v1/webhook_endpoints")


@route("GET", "/v1/account")
def account(books: Books, _params: Json) -> Json:
    """Say whose key this is."""
    return {
        "id": f"acct_{books.tag}",
        "object": "account",
        "charges_enabled": True,
        "country": "US",
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@sandbox.example",
        "payouts_enabled": True,
        "type": "standard",
    }
