"""The pages a customer sees at Stripe: the portal's card form and the hosted invoice. Stubs to click."""

from html import escape
from urllib.parse import parse_qs

from dunwell.sandbox.stripe import charging, methods
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.declines import BANKS, CARDS, IBANS
from dunwell.sandbox.stripe.errors import Json, RefusedError

Page = tuple[int, str, dict[str, str]]

_LIVES = 5 * 60
_HTML = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
_STYLE = "body{font:16px system-ui;max-width:32rem;margin:3rem auto}label{display:block;margin:.4rem 0}"


def answer(books: Books, method: str, path: str, body: str) -> Page:
    """Answer a page request; anything else on these paths is a 404."""
    kind, _, id_ = path.removesuffix("/").rpartition("/")
    form = {name: values[-1] for name, values in parse_qs(body).items()}
    if kind == "/p/session" and method in ("GET", "POST"):
        return _portal(books, method, books.tables["billing_portal.session"].get(id_), form)
    if kind == "/i" and method in ("GET", "POST"):
        return _hosted(books, method, books.tables["invoice"].get(id_), form)
    return _page(404, "Not found", "")


def _portal(books: Books, method: str, session: Json | None, form: dict[str, str]) -> Page:
    if session is None or session["id"] in books.used or books.stamp() >= session["created"] + _LIVES:
        return _page(410, "This link has expired", "<p>Ask for a new one.</p>")
    customer = books.find("customer", session["customer"])
    if method == "GET":
        return _page(200, "Update payment method", _form(f"{customer['name'] or ''}", "Save"))
    try:
        methods.save(books, customer, form.get("instrument", ""))
    except RefusedError as refused:
        return _page(402, "This did not work", _form(str(refused), "Save"))
    books.used.add(session["id"])
    return _after_saving(session)


def _after_saving(session: Json) -> Page:
    after: Json = session["flow"]["after_completion"] if session["flow"] else {"type": "portal_homepage"}
    if after["type"] == "redirect":
        return 303, "", {"Location": after["redirect"]["return_url"]}
    if after["type"] == "portal_homepage" and session["return_url"]:
        return 303, "", {"Location": session["return_url"]}
    confirmation: Json = after.get("hosted_confirmation") or {}
    message = confirmation.get("custom_message") or "Your payment method is saved."
    return _page(200, "Saved", f"<p>{escape(message)}</p>")


def _hosted(books: Books, method: str, invoice: Json | None, form: dict[str, str]) -> Page:
    if invoice is None or invoice["status"] == "draft":
        return _page(404, "Not found", "")
    title = f"Invoice {invoice['number']}"
    if invoice["status"] not in ("open", "uncollectible"):
        return _page(200, title, f"<p>This invoice is {invoice['status']}.</p>")
    if invoice["id"] in books.debits:
        return _page(200, title, "<p>A payment is on its way.</p>")
    if method == "GET":
        owed = f"{invoice['amount_remaining']} {invoice['currency'].upper()} in minor units"
        return _page(200, title, _form(owed, "Pay"))
    problem = _pay(books, invoice, form.get("instrument", ""))
    return _page(402, title, _form(problem, "Pay")) if problem else _page(200, title, "<p>Thank you.</p>")


def _pay(books: Books, invoice: Json, instrument: str) -> str | None:
    try:
        error = charging.attempt(books, invoice, methods.make(books, instrument), automatic=False)
    except RefusedError as refused:
        return str(refused)
    return str(error["message"]) if error else None


def _form(note: str, button: str) -> str:
    choices = {number: card.label for number, card in CARDS.items()}
    choices |= {number: f"US bank account ending in {number[-4:]}" for number in BANKS}
    choices |= {number: f"SEPA account ending in {number[-4:]}" for number in IBANS}
    radios = "".join(
        f'<label><input type="radio" name="instrument" value="{number}"'
        f"{' checked' if place == 0 else ''}> {escape(label)}</label>"
        for place, (number, label) in enumerate(choices.items())
    )
    return f'<p>{escape(note)}</p><form method="post">{radios}<button type="submit">{button}</button></form>'


def _page(status: int, title: str, inner: str) -> Page:
    head = f"<meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
    note = "<p><small>Sandbox page standing in for Stripe. No real cards.</small></p>"
    html = f"<!doctype html><html lang=en>{head}<h1>{escape(title)}</h1>{inner}{note}</html>"
    return status, html, dict(_HTML)
