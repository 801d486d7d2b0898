"""Reads `Names` from a TOML file: the same keys, and a line for every mistake."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from dunwell.connectors.netsuite.names import BadNameError, Names
from dunwell.policy.locate import key_lines

_PLACE = re.compile(r" \(at line (\d+), column \d+\)$| \(at end of document\)$")


class NamesFileError(ValueError):
    """A names file that cannot be used; one line per mistake, each with file, line and key."""


def parse_names(text: str, source: str) -> Names:
    """Read a names file; keys that are left out keep their defaults.

    `source` is the file's name for messages. Raises `NamesFileError` with every mistake found: TOML syntax, unknown
    keys, wrong types, impossible values.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NamesFileError(_syntax(str(error), text, source)) from None
    wrong = {key: why for key, value in table.items() if (why := _fault(key, value))}
    if not wrong:
        try:
            return Names(**{key: _value(value) for key, value in table.items()})
        except BadNameError as error:
            wrong = {error.key: error.said}
    lines = key_lines(text)
    places = {key: f"{source}:{lines[(key,)]}" if (key,) in lines else source for key in wrong}
    raise NamesFileError("\n".join(f"{places[key]}: {key}: {why}" for key, why in wrong.items()))


def _fault(key: str, value: object) -> str:
    usual = _defaults().get(key)
    if usual is None:
        near = difflib.get_close_matches(key, _defaults(), n=1)
        return f"unknown key; did you mean {near[0]}?" if near else "unknown key"
    if isinstance(usual, tuple):
        listed = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return "" if listed else "must be a list of texts in quotes"
    if isinstance(usual, int):
        return "" if isinstance(value, int) and not isinstance(value, bool) else "must be a whole number"
    return "" if isinstance(value, str) else "must be text in quotes"


def _defaults() -> Mapping[str, Any]:
    return {field.name: field.default for field in fields(Names)}


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _syntax(message: str, text: str, source: str) -> str:
    place = _PLACE.search(message)
    if place is None:
        return f"{source}: not TOML: {message}"
    line = int(place[1]) if place[1] else max(1, len(text.splitlines()))
    return f"{source}:{line}: not TOML: {message[: place.start()]}"
