"""Asking in SuiteQL. Over REST it takes one text and binds nothing, so what goes into it is checked first."""

import re
from collections.abc import Sequence

from dunwell.connectors.netsuite.trouble import Kind, Trouble
from dunwell.connectors.netsuite.wire import Json, Wire

_ID = re.compile(r"-?[0-9]{1,12}", re.ASCII)
# No quotation mark of any kind, so there is nothing to escape.
_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/#-]{0,59}")
# As much of an address as employees have; an apostrophe is doubled, and nothing else needs escaping.
_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,8}")
PAGE = 1000  # NetSuite's own maximum
_MOST_PAGES = 100  # and 100,000 rows are all it gives


class UnsafeValueError(ValueError):
    """A value that must not become part of a query: not an id, not a document number."""


def is_id(text: str) -> bool:
    """Say whether a text is an internal id."""
    return _ID.fullmatch(text) is not None


def id_(text: str) -> str:
    """Return an internal id as it stands in a query; raise `UnsafeValueError` for anything else."""
    if not is_id(text):
        raise UnsafeValueError("not an internal id of NetSuite")
    return str(int(text))


def is_number(text: str) -> bool:
    """Say whether a text can be a document number that we ask for, such as `INV-1042`."""
    return _NUMBER.fullmatch(text) is not None


def number(text: str) -> str:
    """Return a document number as a quoted literal; raise `UnsafeValueError` for anything else."""
    if not is_number(text):
        raise UnsafeValueError("not a document number")
    return f"'{text}'"


def is_email(text: str) -> bool:
    """Say whether a text is an address that we ask for."""
    return _EMAIL.fullmatch(text) is not None


def email(text: str) -> str:
    """Return an address in lower case as a quoted literal; raise `UnsafeValueError` for anything else."""
    if not is_email(text):
        raise UnsafeValueError("not an address")
    return "'" + text.lower().replace("'", "''") + "'"


def rows(wire: Wire, sql: str, *, page: int = PAGE) -> Sequence[Json] | Trouble:
    """Read every row of a query, page by page; `sql` must order by something unique.

    Without such an order NetSuite repeats rows or leaves some out. An answer that contradicts itself (a page that is
    not where we asked, more to come after an empty page) is a `Trouble`, never a shorter list.
    """
    found: list[Json] = []
    for turn in range(_MOST_PAGES):
        # An offset must be a multiple of the limit.
        answer = wire.query(sql, page, turn * page)
        if isinstance(answer, Trouble):
            return answer
        items = answer.get("items")
        if not _is_page(answer, items, turn * page):
            return Trouble(Kind.STRANGE, status=200)
        found += items or []
        if not answer["hasMore"]:
            return found
        if len(items or []) != page:
            return Trouble(Kind.STRANGE, status=200)
    return Trouble(Kind.REFUSED, "TOO_MANY_ROWS")


def _is_page(answer: Json, items: object, offset: int) -> bool:
    return (
        isinstance(items, list)
        and all(isinstance(item, dict) for item in items)
        and isinstance(answer.get("hasMore"), bool)
        and answer.get("offset") == offset
    )
