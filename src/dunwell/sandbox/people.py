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
        changed = {"text": edit(str(_values(_form(drafts[0], "/change"))["text"]))} if edit else {}
        signed = self._fill_in(drafts[0], "/change", {**changed, "do": "approve"})
        if signed.status != 200:
            raise LostError(f"the draft was not approved: {_alert(signed)}")

    def confirm_reply(self, customer: str, answer: str = "") -> None:
        """Find a customer's reply in the queue, read it, confirm what it was read as; with a text, answer it too."""
        found = self._in_queue(customer, "reply").find("a", href=re.compile(r"/replies/[0-9]+/$"))
        if not isinstance(found, Tag):
            raise LostError(f"the queue does not lead to the reply of {customer}")
        page = self._open(str(found["href"]))
        button, given = ("Answer and say that it means this", {"text": answer}) if answer else ("Confirm", {})
        self._press(page, button, given)

    def end_hold(self, case: int) -> None:
        """Open a case, look at what ending its hold would lead to, end it."""
        links = re.findall(rf'href="(/cases/{case}/holds/[0-9]+/resume)"', self._open(f"/cases/{case}/").body)
        if len(links) != 1:
            raise LostError(f"case {case} has {len(links)} holds to end")
        self._press(self._open(links[0]), "Resume", {})

    def _in_queue(self, customer: str, kind: str) -> Tag:
        page = self._open(f"/review/?kind={kind}")
        for item in BeautifulSoup(page.body, "html.parser").find_all("li", class_="item"):
            if any(link.get_text(strip=True) == customer for link in item.find_all("a", class_="into")):
                return item
        raise LostError(f"nothing of kind {kind} about {customer} lies in the queue")

    def _press(self, page: Page, button: str, given: dict[str, str]) -> Page:
        """Press a button of a page, by how its label begins, with what the fields of its form hold already."""
        for pressed in BeautifulSoup(page.body, "html.parser").find_all("button"):
            form = pressed.find_parent("form")
            if form is not None and pressed.get_text(" ", strip=True).startswith(button):
                named = {str(pressed["name"]): str(pressed.get("value") or "")} if pressed.get("name") else {}
                return self._send(page, form, {**given, **named})
        raise LostError(f"{page.address} has no button {button}")

    def _open(self, path: str) -> Page:
        answer = self._browser.get(urljoin(self._base_url, path))
        if answer.status_code != 200:
            raise LostError(f"{path} answered {answer.status_code}")
        return Page(answer.status_code, str(answer.url), answer.text)

    def _fill_in(self, page: Page, action: str, given: dict[str, str]) -> Page:
        """Fill in the form of a page whose action ends so, and send it with what its fields hold already."""
        return self._post(page, _form(page, action), given)

    def _send(self, page: Page, form: Tag, given: dict[str, str]) -> Page:
        shown = self._post(page, form, given)
        if shown.status != 200:
            raise LostError(f"{page.address} did not take it: {_alert(shown)}")
        return shown

    def _post(self, page: Page, form: Tag, given: dict[str, str]) -> Page:
        target = urljoin(page.address, str(form.get("action") or ""))
        answer = self._browser.post(target, data={**_values(form), **given})
        return Page(answer.status_code, str(answer.url), answer.text)


def _form(page: Page, action: str) -> Tag:
    forms = BeautifulSoup(page.body, "html.parser").find_all("form")
    found = [form for form in forms if str(form.get("action") or "").endswith(action)]
    if not found:
        raise LostError(f"{page.address} has no form that leads to {action}")
    return found[0]


def _values(form: Tag) -> dict[str, str | list[str]]:
    """What a browser sends of a form: each field's value, or all values of those that share a name."""
    values: dict[str, list[str]] = {}
    for field in form.find_all(["input", "textarea", "select"]):
        if field.get("name") and (
            field.get("type") not in ("checkbox", "radio") or field.has_attr("checked")
        ):
            values.setdefault(str(field["name"]), []).append(_value(field))
    return {name: held if len(held) > 1 else held[0] for name, held in values.items()}


def _value(field: Tag) -> str:
    if field.name == "textarea":
        # A browser leaves out the newline that follows the tag.
        return field.get_text().removeprefix("\n")
    if field.name == "select":
        chosen = field.find("option", selected=True) or field.find("option")
        return str(chosen.get("value") or "") if isinstance(chosen, Tag) else ""
    return str(field.get("value") or "")


def _alert(page: Page) -> str:
    said = BeautifulSoup(page.body, "html.parser").find(role="alert")
    return said.get_text(" ", strip=True) if said else f"the page answered {page.status}"
