"""The text of a personal mail: what it may say, which rules it breaks, and its simple HTML."""

import html
import re
from dataclasses import replace
from datetime import datetime

from dunwell.engine.letters import Letter as Written
from dunwell.engine.letters import Unwritable, context_of
from dunwell.engine.links import link_in
from dunwell.engine.ports import Ports
from dunwell.policy.book import Book
from dunwell.policy.content import Breach, check_content, check_letter_text, expectation_of
from dunwell.policy.context import IncompleteContextError
from dunwell.policy.facts import Case, Person
from dunwell.policy.personal import letters_out, sent_at
from dunwell.policy.untrusted import one_line
from dunwell.policy.wording import Rendered, render_letter
from dunwell.policy.words import Track
from dunwell.policy.zones import zone_for
from dunwell.store import models

LONGEST_SUBJECT = 200
LONGEST_TEXT = 10_000


def signer(ports: Ports) -> Person:
    """Say who signs personal mails: the manager, or the sender where none is named."""
    return ports.manager or ports.sender


def cleaned(subject: str, text: str) -> tuple[str, str]:
    """Make what a person typed one subject line and plain text with one kind of line ends."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return one_line(subject, LONGEST_SUBJECT), "\n".join(lines).strip() + "\n"


def compose(
    pk: int, case: Case, number: int, book: Book, ports: Ports, now: datetime
) -> Written | Unwritable:
    """Write the first text of a letter from the template of its number."""
    try:
        context = context_of(pk, case, None, book, ports, now, signer(ports))
        out = letters_out(case)
        if out:
            zone = zone_for(case.customer, book.policy).zone
            context = replace(context, written_on=sent_at(out[-1]).astimezone(zone).date())
        written = render_letter(book.wording, number, context)
    except IncompleteContextError as error:
        return Unwritable(f"The letter cannot be written: {error}.")
    return Written(*cleaned(written.subject, written.text), "")


def breaches_of(
    letter: models.Letter, subject: str, text: str, case: Case, book: Book, ports: Ports, now: datetime
) -> tuple[Breach, ...]:
    """Hold a text of a letter to the content rules of personal mails (spec 1.2, step 4); empty: it keeps them all."""
    sender = signer(ports)
    context = context_of(letter.case_id, case, None, book, ports, now, sender)
    link = link_in(text, letter.case_id, ports, now)
    if link is not None:
        context = replace(context, link=link)
    expected = expectation_of(
        context,
        sender_email=sender.email,
        cc=(letter.cc_address,) if letter.cc_address else (),
        max_words=book.policy.messages.max_words,
        track=Track.PERSONAL,
    )
    found = check_letter_text(subject, text, expected)
    return found or check_content(None, Rendered(subject, text, as_html(text, context.link)), expected)


def in_words(breaches: tuple[Breach, ...]) -> str:
    """Name every broken rule with its place."""
    return "; ".join(f"{breach.place}: {breach.message}" for breach in breaches)


_LINK_WORDS = "Update payment details"


def as_html(text: str, link: str, pressed: str = _LINK_WORDS) -> str:
    """Write the same text as plain paragraphs; the link becomes words to press."""
    address = html.escape(link)
    anchor = f'<a href="{address}">{html.escape(pressed)}</a>'
    escaped = html.escape(text.strip()).replace(address, anchor)
    blocks = (block.replace("\n", "<br>\n") for block in re.split(r"\n{2,}", escaped))
    body = "\n".join(f"<p>{block}</p>" for block in blocks)
    return f"<!doctype html>\n<html>\n<body>\n{body}\n</body>\n</html>\n"
