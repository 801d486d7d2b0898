"""How much of a mail may be opened: what Python's parser would take minutes or gigabytes for is kept unopened. Pure.

The parser's work grows with lines times nested parts, with the number of parts, and with the square of the length of
a field that it splits into parameters. Each of these has a bound that no honest mail comes near.
"""

import re

_MOST_SOURCE = 60_000_000
_MOST_LINES = 1_000_000
_MOST_NESTED = 100
_MOST_WORK = 10_000_000
_MOST_PARTS = 2_000
_MOST_HEAD = 1_000_000
_MOST_LONG_FIELDS = 50
_MOST_BLANK_LINES = 20_000
_NESTS = re.compile(rb"multipart/|message/", re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\n\r?\n")
# What follows these names is split into parameters. Encoded names of files take up to 2,500 bytes.
_FIELD = rb"content-(?:type|disposition|transfer-encoding):(?:[^\r\n]|\r?\n[ \t]|\r[ \t])"
_LONG_FIELD = re.compile(_FIELD + rb"{1000}")
_ENDLESS_FIELD = re.compile(_FIELD + rb"{4000}")


def too_much(source: bytes) -> str:
    """Say in a sentence why a mail must not be opened; "" when it may be."""
    if len(source) > _MOST_SOURCE:
        return f"The mail is larger than {_MOST_SOURCE // 1_000_000} MB."
    low = source.lower()  # counting what is spelled in one way takes a hundredth of the time
    lines = max(low.count(b"\n"), low.count(b"\r"))
    parts = low.count(b"\n--") + low.count(b"\r--")
    nested = low.count(b"multipart/") + low.count(b"message/")
    if lines > _MOST_LINES or parts > _MOST_PARTS or nested > _MOST_NESTED:
        return "The mail has more lines or parts than any mail program writes."
    if lines * (nested + 1) > _MOST_WORK:
        return "The mail is too large for the number of its parts."
    # Every group of fields of a delivery report becomes a message of its own.
    if b"delivery-status" in low and _count(_BLANK_LINE, low) > _MOST_BLANK_LINES:
        return "The mail's delivery report is longer than any mail server writes."
    endless_head = len(low) > _MOST_HEAD and not _BLANK_LINE.search(low, 0, _MOST_HEAD)
    if endless_head or _count(_LONG_FIELD, low) > _MOST_LONG_FIELDS or _ENDLESS_FIELD.search(low):
        return "The mail has more or longer headers than any mail program writes."
    return ""


def _count(pattern: re.Pattern[bytes], source: bytes) -> int:
    return sum(1 for _ in pattern.finditer(source))
