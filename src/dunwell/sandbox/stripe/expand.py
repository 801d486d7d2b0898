"""`expand[]`: ids replaced by the objects they name, at most four steps deep."""

from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json, RefusedError, copied, refuse

_DEEPEST = 4

# What may be expanded, by the type of the object that holds it (a test checks it against the schemas).
EXPANDABLE: dict[str, frozenset[str]] = {
    "charge": frozenset({"balance_transaction", "customer", "payment_intent", "review"}),
    "customer": frozenset({"default_source", "subscriptions", "test_clock"}),
    "dispute": frozenset({"charge", "payment_intent"}),
    "invoice": frozenset({"customer", "default_payment_method", "payments", "test_clock"}),
    "invoice_payment": frozenset({"invoice"}),
    "mandate": frozenset({"payment_method"}),
    "payment_intent": frozenset({"customer", "latest_charge", "payment_method", "review"}),
    "payment_method": frozenset({"customer"}),
    "price": frozenset({"product"}),
    "product": frozenset({"default_price"}),
    "setup_intent": frozenset({"customer", "latest_attempt", "mandate", "payment_method"}),
    "subscription": frozenset(
        {"customer", "default_payment_method", "latest_invoice", "pending_setup_intent", "schedule"}
    ),
}
# The same for hashes that are no objects of their own, by the name they hang under.
INSIDE: dict[str, frozenset[str]] = {
    "invoice_settings": frozenset({"default_payment_method"}),
    "payment": frozenset({"charge", "payment_intent"}),
    "price_details": frozenset({"price"}),
    "subscription_details": frozenset({"subscription"}),
    "us_bank_account": frozenset({"mandate"}),
}


def expanded(books: Books, answer: Json, paths: list[str]) -> Json:
    """Copy an answer with the named properties expanded; refuses paths Stripe would refuse."""
    answer = copied(answer)
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            raise refuse(f"You cannot expand more than {_DEEPEST} levels of a property.", param="expand")
        _walk(books, answer, steps, "", path)
    return answer


def _walk(books: Books, node: Json, steps: list[str], name: str, path: str) -> None:
    step, rest = steps[0], steps[1:]
    allowed = EXPANDABLE.get(node.get("object", ""), INSIDE.get(name, frozenset()))
    if step in allowed and not isinstance(node.get(step), dict):
        node[step] = _found(books, node, step)
    if step not in node:
        raise _cannot(path)
    value = node[step]
    below = value if isinstance(value, list) else [value]
    if rest:
        for each in below:
            _step_down(books, each, rest, step, path)
    elif step not in allowed and not (isinstance(value, dict) and "object" in value):
        raise _cannot(path)


def _step_down(books: Books, node: object, rest: list[str], name: str, path: str) -> None:
    if isinstance(node, dict):
        _walk(books, node, rest, name, path)
    elif node is not None:
        raise _cannot(path)


def _found(books: Books, node: Json, step: str) -> object:
    if step == "payments":
        rows = books.rows("invoice_payment", invoice=node["id"])
        return _included(rows, f"/v1/invoices/{node['id']}/payments")
    if step == "subscriptions":
        rows = [row for row in books.rows("subscription", customer=node["id"]) if row["status"] != "canceled"]
        return _included(rows, f"/v1/customers/{node['id']}/subscriptions")
    id_ = node.get(step)
    return copied(books.lookup(id_)) or id_ if isinstance(id_, str) else id_


def _included(rows: list[Json], url: str) -> Json:
    return {"object": "list", "data": copied(rows), "has_more": False, "url": url}


def _cannot(path: str) -> RefusedError:
    return refuse(f"This property cannot be expanded ({path}).", param="expand")
