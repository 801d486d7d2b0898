"""/v1/billing_portal/sessions: only create exists, as at Stripe."""

from dunwell.sandbox.stripe import billing
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json, refuse
from dunwell.sandbox.stripe.forms import Reader, group, integer, one_of, text
from dunwell.sandbox.stripe.routes import route

_AFTER: dict[str, Reader] = {
    "type": one_of("redirect", "hosted_confirmation", "portal_homepage"),
    "redirect": group({"return_url": text}, ("return_url",)),
    "hosted_confirmation": group({"custom_message": text}),
}
_FLOW: dict[str, Reader] = {
    "type": one_of("payment_method_update"),
    "after_completion": group(_AFTER, ("type",)),
}
_EXPIRED: dict[str, Reader] = {
    "type": one_of("customer_login"),
    "customer_login": group({"expires_at": integer}),
}
_SESSION: dict[str, Reader] = {
    "after_expiration": group(_EXPIRED, ("type",)),
    "configuration": text,
    "customer": text,
    "flow_data": group(_FLOW, ("type",)),
    "locale": text,
    "return_url": text,
}


@route("POST", "/v1/billing_portal/sessions", _SESSION, ("customer",))
def create(books: Books, params: Json) -> Json:
    """Create a session; its address lives on the fake itself and dies within minutes."""
    customer = books.find("customer", params["customer"], param="customer")
    id_ = books.mint("billing_portal.session")
    kept = {name: params[name] for name in ("configuration", "locale", "return_url") if name in params}
    session = billing.portal_session(
        id_, books.stamp(), customer["id"], f"{books.base_url}/p/session/{id_}", **kept
    )
    if "flow_data" in params:
        session["flow"] = _flow(params["flow_data"])
    if "after_expiration" in params:
        asked = params["after_expiration"]
        deadline = asked.get("customer_login", {}).get("expires_at")
        session["after_expiration"] = {"type": asked["type"], "customer_login": {"expires_at": deadline}}
    books.emit("billing_portal.session.created", books.add(session))
    return session


def _flow(asked: Json) -> Json:
    after = asked.get("after_completion", {"type": "portal_homepage"})
    kind = after["type"]
    if kind == "redirect" and "redirect" not in after:
        name = "flow_data[after_completion][redirect]"
        raise refuse(f"Missing required param: {name}.", param=name, code="parameter_missing")
    message = after.get("hosted_confirmation", {}).get("custom_message")
    return {
        "after_completion": {
            "hosted_confirmation": {"custom_message": message} if kind == "hosted_confirmation" else None,
            "redirect": after["redirect"] if kind == "redirect" else None,
            "type": kind,
        },
        "customer_update": None,
        "subscription_cancel": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": asked["type"],
    }
