"""What a person may write back to a reply, and how its headers follow from the mail it answers. Pure."""

import re
from collections.abc import Sequence

from dunwell.policy.addresses import is_address
from dunwell.policy.content.values import is_shared_mailbox
from dunwell.policy.facts import Person
from dunwell.policy.untrusted import one_line

LONGEST_TEXT = 10_000
_LONGEST_SUBJECT = 200
# What comes before a subject in an answer to an answer, in the tongues we read.
_PREFIX = re.compile(r"^(?:(?:re|aw|antw|rép|rv|sv|vs|r|tr|wg|fwd?)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
# Mail programs cut a long thread in the middle; so do we (RFC 5322 3.6.4 asks for the first and the last ones).
_THREAD = 20
# Cards begin with 2 to 6. What follows letters, or is part of a longer number, is an IBAN or the like.
_CARD = re.compile(r"(?<![0-9A-Za-z])(?<![0-9][ -])[2-6](?:[ -]?[0-9]){12,18}(?![ -]?[0-9])")


def why_not_written(text: str) -> str | None:
    """Say in a sentence why a text cannot be sent as an answer; None when it can."""
    if not text.strip():
        return "Write the answer first."
    if len(text) > LONGEST_TEXT:
        return f"The text is longer than {LONGEST_TEXT:,} characters."
    if holds_a_card_number(text):
        return "It holds what looks like a card number. Never send one by mail."
    return None


def why_not_from(who: Person | None) -> str | None:
    """Say in a sentence why nobody can be answered in this name; None when they can."""
    if who is None:
        return "You cannot log in any more."
    if not who.name.strip():
        return "Your account has no full name to sign with: `dunwell person NAME --name ...` sets it."
    if not is_address(who.email):
        return "Your account has no e-mail address to write from: `dunwell person NAME --email ...` sets it."
    if is_shared_mailbox(who.email):
        return f"{who.email} is a shared mailbox: a person answers from an address of their own."
    return None


def holds_a_card_number(text: str) -> bool:
    """Say whether 13 to 19 digits in a row, with blanks or hyphens between them, pass the check of card numbers."""
    return any(_passes_luhn(re.sub("[ -]", "", found[0])) for found in _CARD.finditer(text))


def _passes_luhn(digits: str) -> bool:
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return len(set(digits)) > 1 and sum(each // 10 + each % 10 for each in doubled) % 10 == 0


def answer_subject(subject: str) -> str:
    """Put one `Re:` before a subject, however many there were."""
    bare = _PREFIX.sub("", one_line(subject, 500)).strip()
    return one_line(f"Re: {bare or 'your mail'}", _LONGEST_SUBJECT)


def thread(references: Sequence[str], message_id: str) -> tuple[str, ...]:
    """Return the Message-IDs an answer names, the mail it answers last; what is none is left out."""
    known = [each for each in (*references, message_id) if _MESSAGE_ID.fullmatch(each)]
    known = list(dict.fromkeys(reversed(known)))[::-1]
    return tuple(known if len(known) <= _THREAD else [known[0], *known[1 - _THREAD :]])
