"""/v1/products and /v1/prices."""

from dunwell.sandbox.stripe import subscriptions
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json
from dunwell.sandbox.stripe.forms import (
    PAGING,
    Reader,
    boolean,
    clearable,
    group,
    integer,
    metadata,
    one_of,
    text,
)
from dunwell.sandbox.stripe.lists import page
from dunwell.sandbox.stripe.routes import retrieves, route


@route("POST", "/v1/products", {"name": text, "description": clearable, "metadata": metadata}, ("name",))
def create_product(books: Books, params: Json) -> Json:
    """Create a product."""
    product = subscriptions.new_product(books, params["name"])
    product |= {"description": params.get("description"), "metadata": params.get("metadata", {})}
    return product


@route("GET", "/v1/products", {**PAGING, "active": boolean})
def list_products(books: Books, params: Json) -> Json:
    """List products."""
    return page(books.rows("product", active=params.get("active")), params, "/v1/products")


retrieves("product", "/v1/products/{}")


_CYCLE: dict[str, Reader] = {
    "interval": one_of("day", "week", "month", "year"),
    "interval_count": integer,
    "usage_type": one_of("licensed", "metered"),
}
_PRICE: dict[str, Reader] = {
    "currency": text,
    "metadata": metadata,
    "nickname": text,
    "product": text,
    "recurring": group(_CYCLE, ("interval",)),
    "unit_amount": integer,
}


@route("POST", "/v1/prices", _PRICE, ("currency", "product", "unit_amount"))
def create_price(books: Books, params: Json) -> Json:
    """Create a price per unit for an existing product."""
    product = books.find("product", params["product"], param="product")
    amount, currency = params["unit_amount"], params["currency"].lower()
    price = subscriptions.new_price(books, product, amount, currency, params.get("recurring"))
    price |= {"nickname": params.get("nickname"), "metadata": params.get("metadata", {})}
    return price


@route(
    "GET",
    "/v1/prices",
    {**PAGING, "active": boolean, "product": text, "type": one_of("one_time", "recurring")},
)
def list_prices(books: Books, params: Json) -> Json:
    """List prices."""
    wanted = {name: params.get(name) for name in ("active", "product", "type")}
    return page(books.rows("price", **wanted), params, "/v1/prices")


retrieves("price", "/v1/prices/{}")
