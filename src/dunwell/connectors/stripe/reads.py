"""Which calls a reading takes. Each returns plain JSON, or `Unreadable` with the reason."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import stripe

from dunwell.connectors.stripe.wire import Json, Wire, unreadable
from dunwell.policy.facts import Unreadable

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_PAGE = 100
_MOST_INVOICES = 200
# Besides the customer: two for 200 invoices, one for an invoice with many lines.
_CALLS_FOR_INVOICES = 3


def is_id(text: str) -> bool:
    """Say whether a text can be an id of Stripe's, and so a part of a path."""
    return _ID.fullmatch(text) is not None


def ask(wire: Wire, kind: str, id_: str, path: str, **params: Any) -> Json | Unreadable:
    """Read one object by its id; a deleted one is as unknown as one that never was."""
    about = f"{kind} {id_[:80]}"
    if not is_id(id_):
        return Unreadable(f"Stripe does not know {about!r}: that is no id.", permanent=True)
    answer = wire.ask(about, path.format(id_), **params)
    if not isinstance(answer, Unreadable) and answer.get("deleted") is True:
        return Unreadable(f"Stripe has deleted {about}.", permanent=True)
    return answer


def invoice_and_payments(wire: Wire, invoice: str) -> tuple[Json, Sequence[Json]] | Unreadable:
    """Read an invoice and the payments behind it with their latest charges: two calls."""
    answer = ask(wire, "invoice", invoice, "/v1/invoices/{}", expand=["default_payment_method"])
    if isinstance(answer, Unreadable):
        return answer
    payments = payments_of(wire, invoice)
    return payments if isinstance(payments, Unreadable) else (answer, payments)


def payments_of(wire: Wire, invoice: str) -> Sequence[Json] | Unreadable:
    """Read the payments behind an invoice with their latest charges: one call."""
    expand = ["data.payment.payment_intent.latest_charge"]
    about = f"the payments of invoice {invoice}"
    answer = wire.ask(about, "/v1/invoice_payments", invoice=invoice, limit=_PAGE, expand=expand)
    return answer if isinstance(answer, Unreadable) else rows(answer, about)


def disputes_behind(wire: Wire, payments: Sequence[Json]) -> Sequence[Json] | Unreadable | None:
    """Read the disputes over the payments behind an invoice: one call for each that was ever disputed.

    None when there is nothing to ask, or our key may not: what was disputed then counts as taken back.
    """
    found: list[Json] = []
    disputed = [intent for payment in payments if (intent := _disputed(payment))]
    for intent in disputed:
        about = f"the disputes of payment {intent}"
        try:
            answer = wire.get("/v1/disputes", payment_intent=intent, limit=_PAGE)
        except stripe.PermissionError:
            return None
        except stripe.StripeError as error:
            return unreadable(error, about)
        listed = rows(answer, about)
        if isinstance(listed, Unreadable):
            return listed
        found += listed
    return found if disputed else None


def _disputed(payment: Json) -> str:
    """The payment intent of an invoice payment whose latest charge says that it was disputed once, else nothing.

    A charge goes on saying so after the dispute was won.
    """
    step: Any = payment
    for name in ("payment", "payment_intent"):
        step = step.get(name) if isinstance(step, Mapping) else None
    charge = step.get("latest_charge") if isinstance(step, Mapping) else None
    if not isinstance(charge, Mapping) or charge.get("disputed") is not True:
        return ""
    intent = step.get("id")
    return intent if isinstance(intent, str) and is_id(intent) else ""


def invoice_behind(wire: Wire, payment: str) -> str | Unreadable | None:
    """Find the invoice behind a payment intent; None when there is none: one call."""
    wanted = {"type": "payment_intent", "payment_intent": payment}
    answer = ask(wire, "payment", payment, "/v1/invoice_payments", payment=wanted, limit=1)
    if isinstance(answer, Unreadable):
        return None if answer.permanent else answer
    found = rows(answer, f"the payments behind {payment}")
    if isinstance(found, Unreadable):
        return found
    invoice = found[0].get("invoice") if found else None
    return invoice if isinstance(invoice, str) and is_id(invoice) else None


def invoice_numbered(wire: Wire, number: str) -> str | Unreadable | None:
    """Find the invoice that carries a number by Stripe's search, which lags by about a minute: one call."""
    about = "an invoice by its number"
    quoted = number.replace("\\", "\\\\").replace('"', '\\"')
    answer = wire.ask(about, "/v1/invoices/search", query=f'number:"{quoted}"', limit=1)
    if isinstance(answer, Unreadable):
        return answer
    found = rows(answer, about)
    if isinstance(found, Unreadable):
        return found
    invoice = found[0].get("id") if found else None
    return invoice if isinstance(invoice, str) and is_id(invoice) else None


def invoices_of(wire: Wire, customer: str) -> tuple[list[Json], bool] | Unreadable:
    """List a customer's newest invoices with their lines, and whether these are all: at most three calls.

    An invoice carries its first ten lines; while a call is left, one that hides more is read in full.
    """
    about = f"the invoices of customer {customer}"
    found: list[Json] = []
    calls, more = 0, True
    while more and len(found) < _MOST_INVOICES:
        after = {"starting_after": found[-1].get("id")} if found else {}
        answer = wire.ask(about, "/v1/invoices", customer=customer, limit=_PAGE, **after)
        if isinstance(answer, Unreadable):
            return answer
        page = rows(answer, about)
        if isinstance(page, Unreadable):
            return page
        calls += 1
        found += page
        more = answer.get("has_more") is True and bool(page)
    for place, invoice in enumerate(found):
        if calls < _CALLS_FOR_INVOICES and _hides_lines(invoice):
            calls += 1
            lines = ask(wire, "invoice", str(invoice.get("id")), "/v1/invoices/{}/lines", limit=_PAGE)
            if isinstance(lines, Unreadable):
                return lines
            found[place] = {**invoice, "lines": lines}
    return found, not more


def rows(answer: Json, about: str) -> list[Json] | Unreadable:
    """Take the objects out of a list. One that is none must not look like an empty one."""
    listed = answer.get("data")
    if isinstance(listed, list) and all(isinstance(row, dict) for row in listed):
        return listed
    return Unreadable(f"Stripe's list of {about} is not understood.")


def _hides_lines(invoice: Json) -> bool:
    lines = invoice.get("lines")
    hides = isinstance(lines, dict) and lines.get("has_more") is True
    return hides and invoice.get("status") in ("paid", "open")
