"""A case's whole history as one JSON document."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from dunwell.policy.money import Money
from dunwell.store.casefile import CaseFile

# What the web page needs and a reader of the document doesn't.
_LEFT_OUT = {"has_html", "active", "begins"}


def document(file: CaseFile, at: datetime) -> dict[str, Any]:
    """Put a case into JSON's words. Times are ISO 8601 in UTC; amounts are decimal text with a currency."""
    said = _plain(file)
    return {"document": "dunwell case history", "version": 1, "as_of": _plain(at), **said}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, frozenset):
        return sorted(_plain(part) for part in value)
    if is_dataclass(value) and not isinstance(value, Money):
        names = [field.name for field in fields(value) if field.name not in _LEFT_OUT]
        return {name: _plain(getattr(value, name)) for name in names}
    return _single(value)


def _single(value: Any) -> Any:
    if isinstance(value, Money):
        return {"amount": str(value.decimal), "currency": value.currency}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
