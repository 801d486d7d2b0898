"""Sample customers and what they do: open a mail, press its button, save a card. All names are sample data."""

import http.client
import re
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

_LINK = re.compile(r"https?://\S+/pay/\S+")


class LostError(Exception):
    """A page was not what a person would expect; says which."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: status, address after redirects, body."""

    status: int
    address: str
    body: str


def link_in(text: str) -> str:
    """Find the payment link in a mail's text."""
    found = _LINK.search(text)
    if found is None:
        raise LostError("the mail has no payment link")
    return found.group().rstrip(".,)")


def save_a_card(link: str, card: str = "4242424242424242") -> Page:
    """Do what a customer does: look at the page, press the button, choose a card, save it."""
    looked = fetch("GET", link)
    if looked.status != 200:
        raise LostError(f"the payment page answered {looked.status}")
    portal = fetch("POST", link)
    if portal.status != 200:
        raise LostError(f"the button led to {portal.status}")
    return fetch("POST", portal.address, {"instrument": card})


def look(link: str) -> Page:
    """Only look at the page, as a mail scanner does."""
    return fetch("GET", link)


def fetch(method: str, address: str, form: dict[str, str] | None = None) -> Page:
    """Fetch a page over HTTP, following redirects with GET as a browser does."""
    for _ in range(6):
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            body = urlencode(form or {}) if method == "POST" else None
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body, headers)
            with connection.getresponse() as answer:
                content = answer.read().decode("utf-8", "replace")
                onward = answer.getheader("Location")
                if answer.status not in (301, 302, 303) or onward is None:
                    return Page(answer.status, address, content)
        finally:
            connection.close()
        address, method, form = urljoin(address, onward), "GET", None
    raise LostError("the pages redirect in a circle")
