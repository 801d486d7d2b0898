"""What people do in the sandbox, over HTTP as in a browser: customers, relationship owners, the manager who signs."""

import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from html import unescape
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx
from bs4 import BeautifulSoup, Tag

_PAY_LINK = re.compile(r"https?://[^\s\"'<>]+/pay/[^\s\"'<>]+")
_OWNER_LINK = re.compile(r"https?://[^\s\"'<>]+/owner/[^\s\"'<>]+")

# Takes a mail's text and returns what the manager makes of it.
Edit = Callable[[str], str]


class LostError(Exception):
    """A page was not what a person would expect; says which."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: status, address after redirects, body."""

    status: int
    address: str
    body: str


def link_in(text: str) -> str:
    """Find the payment link in a mail's text or HTML."""
    return _found(_PAY_LINK, text, "payment link")


def owner_link_in(text: str) -> str:
    """Find the link a relationship owner is sent."""
    return _found(_OWNER_LINK, text, "link for the relationship owner")


def _found(link: re.Pattern[str], text: str, what: str) -> str:
    found = link.search(text)
    if found is None:
        raise LostError(f"the mail has no {what}")
    return unescape(found.group()).rstrip(".,)")


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


def agree(link: str) -> Page:
    """Look at the draft as its relationship owner, then let it go out."""
    return _press(link, {"do": "agree"})


def postpone(link: str, until: date, reason: str) -> Page:
    """Look at the draft as its relationship owner, then put it off to a day."""
    return _press(link, {"do": "postpone", "until": until.isoformat(), "reason": reason})


def stop(link: str, reason: str) -> Page:
    """Look at the draft as its relationship owner, then stop it."""
    return _press(link, {"do": "stop", "reason": reason})


def _press(link: str, form: dict[str, str]) -> Page:
    for page in (fetch("GET", link), fetch("POST", link, form)):
        if page.status != 200:
            raise LostError(f"the relationship owner's page answered {page.status}")
    return page


def fetch(method: str, address: str, form: dict[str, str] | None = None) -> Page:
    """Fetch a page over HTTP, following redirects with GET as a browser does."""
    with _browser() as browser:
        answer = browser.request(method, address, data=form)
        return Page(answer.status_code, str(answer.url), answer.text)


@cache
def _trusted() -> ssl.SSLContext:
    """Whose certificates are good, read once: that takes longer than a call."""
    return httpx.create_ssl_context(trust_env=False)


def _browser() -> httpx.Client:
    return httpx.Client(follow_redirects=True, trust_env=False, timeout=10, verify=_trusted())


class Colleague:
    """Somebody of ours, logged in to the desk (use it as a context manager)."""

    def __init__(self, base_url: str, username: str, password: str) -> None:
        self._base_url = base_url
        self._login = {"username": username, "password": password}

    def __enter__(self) -> Self:
        self._browser = _browser()
        shown = self._fill_in(self._open("/login"), "", self._login)
        if urlsplit(shown.address).path == "/login":
            raise LostError("the desk does not let this colleague in")
        return self

    def __exit__(self, *exc: object) -> None:
        self._browser.close()

    def sign_draft(self, case: int, edit: Edit | None = None) -> None:
        """Open a case, read its draft, change the text if `edit` is given, press Approve."""
        links = re.findall(r'href="(/letters/[0-9]+/)"', self._open(f"/cases/{case}/").body)
        drafts = [page for page in map(self._open, dict.fromkeys(links)) if "Approve</button>" in page.body]
        if not drafts:
            raise LostError(f"no draft waits to be approved on case {case}")
        changed = {"text": edit(_values(_form(drafts[0], "/change"))["text"])} if edit else {}
        signed = self._fill_in(drafts[0], "/change", {**changed, "do": "approve"})
        if signed.status != 200:
            raise LostError(f"the draft was not approved: {_alert(signed)}")

    def _open(self, path: str) -> Page:
        answer = self._browser.get(urljoin(self._base_url, path))
        if answer.status_code != 200:
            raise LostError(f"{path} answered {answer.status_code}")
        return Page(answer.status_code, str(answer.url), answer.text)

    def _fill_in(self, page: Page, action: str, given: dict[str, str]) -> Page:
        """Fill in the form of a page whose action ends so, and send it with what its fields hold already."""
        form = _form(page, action)
        target = urljoin(page.address, str(form.get("action") or ""))
        answer = self._browser.post(target, data={**_values(form), **given})
        return Page(answer.status_code, str(answer.url), answer.text)


def _form(page: Page, action: str) -> Tag:
    forms = BeautifulSoup(page.body, "html.parser").find_all("form")
    found = [form for form in forms if str(form.get("action") or "").endswith(action)]
    if not found:
        raise LostError(f"{page.address} has no form that leads to {action}")
    return found[0]


def _values(form: Tag) -> dict[str, str]:
    values = {
        str(field["name"]): str(field.get("value") or "")
        for field in form.find_all("input")
        if field.get("name")
    }
    # A browser leaves out the newline that follows the tag.
    texts = {str(text["name"]): text.get_text().removeprefix("\n") for text in form.find_all("textarea")}
    return values | texts


def _alert(page: Page) -> str:
    said = BeautifulSoup(page.body, "html.parser").find(role="alert")
    return said.get_text(" ", strip=True) if said else f"the page answered {page.status}"
