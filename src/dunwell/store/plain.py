"""Makes text from outside storable: a NUL or half a surrogate pair would stop PostgreSQL, and all with it."""

from collections.abc import Mapping
from typing import Any


def plain(text: str, longest: int | None = None) -> str:
    """Return the text without NUL and lone surrogates, at most `longest` characters."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text if longest is None else text[:longest]


def plain_detail(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same JSON object with every text in it made `plain`."""
    return {plain(str(name)): _plain(value) for name, value in detail.items()}


def _plain(value: object) -> object:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, Mapping):
        return plain_detail(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
