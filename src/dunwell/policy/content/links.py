"""Rules about links: one, and it leads to the payment page (spec 1.1, 4)."""

import re
from collections.abc import Iterable, Iterator

from dunwell.policy.content.message import Breach, Message, Rule
from dunwell.policy.content.readable import Readable

URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]*://[^\s<>\"']+|\bwww\.[^\s<>\"']+")
# Pages of Stripe's that die within minutes, or that know nothing of the case.
_PORTAL = re.compile(
    r"(?i)\b(?:billing|invoice|checkout|buy|pay|payments)\.stripe\.com|\bstripe\.com/p/|/p/session/"
)
_MAIL = re.compile(r"(?i)(?:mailto:)?[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_LINKISH = re.compile(
    r"(?i)\b(?:mailto|tel|sms|javascript|data):\S+"
    r"|(?<![\w.-])(?:[\w-]+\.)+(?:xn--[\w-]+|[^\W\d_]{2,24})(?![\w-])\S*"
)
_TWICE = "the payment link stands here once more than it should"
_STRIPES = "a page of Stripe's dies within minutes: use the payment link of this case"
_OTHER = "only the payment link may stand in a message"


def one_link_in_text(m: Message) -> Iterator[Breach]:
    """The text holds the payment link once and nothing else a reader can click."""
    yield from _printed_links(m, m.subject, allowed=0)
    yield from _printed_links(m, m.text, allowed=1)
    if m.expected.link not in m.source.text:
        yield Breach(Rule.ONE_LINK, "text", "", f"the payment link is missing: {m.expected.link}")


def one_link_in_html(m: Message) -> Iterator[Breach]:
    """The HTML leads to the payment page once, prints no address and loads nothing."""
    if m.html is None:
        return
    yield from _printed_links(m, m.html, allowed=0)
    found = [(m.html.place(line), url) for line, url in m.html.hrefs]
    yield from _wrong_links(m, found, allowed=1)
    if m.expected.link not in (url for _, url in found):
        yield Breach(Rule.ONE_LINK, "html", "", f"no link leads to the payment page: {m.expected.link}")
    for line, url in m.html.other_addresses:
        said = "a message loads and opens nothing but the payment link"
        yield Breach(Rule.ONE_LINK, m.html.place(line), url, said)


def _printed_links(m: Message, part: Readable, *, allowed: int) -> Iterator[Breach]:
    urls = [(part.place_of(hit.start()), hit.group().rstrip(".,;:!?)]")) for hit in URL.finditer(part.whole)]
    yield from _wrong_links(m, urls, allowed=allowed)
    rest = URL.sub(blank, part.whole)
    own = {address.casefold() for address in (m.expected.sender_email, m.expected.reply_address)}
    for hit in _MAIL.finditer(rest):
        if hit.group().casefold() not in own:
            place = part.place_of(hit.start())
            yield Breach(Rule.ONE_LINK, place, hit.group(), "mail readers make a link of any other address")
    rest = _MAIL.sub(blank, rest)
    for own_text in (m.expected.invoice_number, m.expected.company_name):
        rest = rest.replace(own_text, " " * len(own_text)) if own_text else rest
    for hit in _LINKISH.finditer(rest):
        place = part.place_of(hit.start())
        if _PORTAL.search(hit.group()):
            yield Breach(Rule.PORTAL_LINK, place, hit.group(), _STRIPES)
        else:
            yield Breach(Rule.ONE_LINK, place, hit.group(), "mail readers may make a link of this")


def _wrong_links(m: Message, found: Iterable[tuple[str, str]], *, allowed: int) -> Iterator[Breach]:
    right = 0
    for place, url in found:
        if _PORTAL.search(url):
            yield Breach(Rule.PORTAL_LINK, place, url, _STRIPES)
            continue
        right += url == m.expected.link
        if url != m.expected.link:
            yield Breach(Rule.ONE_LINK, place, url, _OTHER)
        elif right > allowed:
            yield Breach(Rule.ONE_LINK, place, url, _TWICE)


def blank(hit: re.Match[str]) -> str:
    """Return blanks in place of a match, so that offsets stay."""
    return " " * len(hit.group())
