"""SuiteQL over SQLite: the very text that was asked runs, after a few words are put the way SQLite has them."""

import re
import sqlite3
from collections.abc import Collection
from typing import Any

from dunwell.sandbox.netsuite.errors import Json, RefusedError

PATH = "/services/rest/query/v1/suiteql"
_LARGEST_PAGE = 1000
_LITERAL = re.compile(r"('(?:[^']|'')*')")
_DISPLAY = re.compile(r"\bBUILTIN\.DF\(\s*(\w+)\.(\w+)\s*\)", re.IGNORECASE)
_RESERVED = re.compile(r"\btransaction\b", re.IGNORECASE)
_NOT_SUITEQL = re.compile(r"\bLIMIT\b|\bOFFSET\b|;|--|\bPRAGMA\b", re.IGNORECASE)
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
# Put before what TO_CHAR made, so that it can be told from a date nobody formatted.
_FORMATTED = "\x1e"
_FORMATS = {"YYYY-MM-DD": 10, "YYYY-MM": 7}


def prepare(connection: sqlite3.Connection) -> None:
    """Teach SQLite the functions our queries use."""
    connection.create_function("TO_CHAR", 2, _to_char, deterministic=True)
    connection.create_function("TO_DATE", 2, _to_date, deterministic=True)


def page(connection: sqlite3.Connection, sql: str, query: Json, url: str, hidden: Collection[str]) -> Json:
    """Answer one page of a query; rows of `hidden` tables are left out without a word, as NetSuite does."""
    limit, offset = _whole(query, "limit", 1000), _whole(query, "offset", 0)
    if not 1 <= limit <= _LARGEST_PAGE or offset % limit:
        raise _invalid("The limit must be 1 to 1,000 and the offset a multiple of it.")
    try:
        cursor = connection.execute(_translated(sql, hidden))
        rows = [_item(cursor, row) for row in cursor.fetchall()]
    except sqlite3.Error as error:
        raise _invalid(f"Invalid search query. Search error occurred: {error}") from None
    if offset and not re.search(r"\bORDER\s+BY\b", sql, re.IGNORECASE):
        rows.reverse()  # without an order, the pages of a query need not fit together
    items = rows[offset : offset + limit]
    return {
        "links": [{"rel": "self", "href": f"{url}{PATH}?limit={limit}&offset={offset}"}],
        "count": len(items),
        "hasMore": offset + limit < len(rows),
        "items": items,
        "offset": offset,
        "totalResults": len(rows),
    }


def _translated(sql: str, hidden: Collection[str]) -> str:
    parts = _LITERAL.split(sql)
    for index in range(0, len(parts), 2):
        part = parts[index]
        if _NOT_SUITEQL.search(part):
            raise _invalid("Invalid or unsupported search.")
        for table in hidden:
            nothing = rf"\1 (SELECT * FROM {table} WHERE 1 = 0)"  # noqa: S608 - one of our tables
            part = re.sub(rf"\b(FROM|JOIN)\s+{table}\b", nothing, part, flags=re.IGNORECASE)
        parts[index] = _RESERVED.sub('"transaction"', _DISPLAY.sub(r"\1.\2__df", part))
    if not parts[0].lstrip().upper().startswith("SELECT"):
        raise _invalid("Only SELECT is supported.")
    return "".join(parts)


def _item(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> Json:
    """Make a row the way REST gives it: texts only, no NULLs, names in lower case, links that are empty."""
    named = zip((each[0].lower() for each in cursor.description), row, strict=True)
    return {"links": [], **{name: _shown(value) for name, value in named if value not in (None, "")}}


def _shown(value: object) -> str:
    text = str(value)
    if text.startswith(_FORMATTED):
        return text[1:]
    day = _ISO_DAY.fullmatch(text)
    return f"{int(day[2])}/{int(day[3])}/{day[1]}" if day else text


def _to_char(value: str | None, form: str) -> str | None:
    if form not in _FORMATS:
        raise ValueError(f"the sandbox does not know the format {form}")
    return None if value is None else _FORMATTED + value[: _FORMATS[form]]


def _to_date(value: str, form: str) -> str:
    if form != "YYYY-MM-DD" or _ISO_DAY.fullmatch(value) is None:
        raise ValueError(f"the sandbox does not know the date {value} as {form}")
    return value


def _whole(query: Json, name: str, usual: int) -> int:
    given = query.get(name, str(usual))
    if not given.isdecimal():
        raise _invalid(f"Invalid value for the query parameter {name}.")
    return int(given)


def _invalid(detail: str) -> RefusedError:
    return RefusedError(400, "INVALID_PARAMETER", detail)
