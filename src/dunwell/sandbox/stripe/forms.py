"""Stripe's form encoding: `a[b][0][c]=x` to nested values, and strict reading of parameters.

Every endpoint names the parameters it knows. Anything else is refused as `parameter_unknown`, so a
call that would fail at Stripe fails here too.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from dunwell.sandbox.stripe.errors import Json, refuse

Reader = Callable[[Any, str], Any]

_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_MAX_DEPTH = 8


def decode(encoded: str) -> Json:
    """Turn a query string or form body into nested dicts and lists of text."""
    tree: Json = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        match = _NAME.match(name)
        if match is None:
            raise refuse(f"Invalid parameter name: {name}", param=name)
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(path) > _MAX_DEPTH:
            raise refuse(f"Parameter nested too deeply: {name}", param=name)
        _put(tree, path, value)
    return {key: _listed(value) for key, value in tree.items()}


def _put(tree: Json, path: list[str], value: str) -> None:
    node = tree
    for step in path[:-1]:
        # `[]` means the next free place in a list.
        node = node.setdefault(step or str(len(node)), {})
        if not isinstance(node, dict):
            raise refuse(f"Parameter {path[0]} is both a value and a hash", param=path[0])
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise refuse(f"Parameter {path[0]} is both a value and a hash", param=path[0])
    node[last] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(item) for key, item in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def read(params: Json, known: Mapping[str, Reader], required: tuple[str, ...] = (), prefix: str = "") -> Json:
    """Check and convert parameters; refuses unknown names, missing ones and wrong values."""
    unknown = [key for key in params if key not in known]
    if unknown:
        names = ", ".join(_named(prefix, key) for key in unknown)
        plural = "s" if len(unknown) > 1 else ""
        first = _named(prefix, unknown[0])
        raise refuse(f"Received unknown parameter{plural}: {names}", param=first, code="parameter_unknown")
    for key in required:
        if key not in params:
            name = _named(prefix, key)
            raise refuse(f"Missing required param: {name}.", param=name, code="parameter_missing")
    return {key: known[key](value, _named(prefix, key)) for key, value in params.items()}


def _named(prefix: str, key: str) -> str:
    return f"{prefix}[{key}]" if prefix else key


def text(value: Any, name: str) -> str:
    """Read a text that cannot be unset."""
    if not isinstance(value, str):
        raise refuse(f"Invalid string for {name}", param=name)
    if value == "":
        raise refuse(f"{name} cannot be empty", param=name, code="parameter_invalid_empty")
    return value


def clearable(value: Any, name: str) -> str | None:
    """Read a text that an empty value unsets."""
    return None if value == "" else text(value, name)


def integer(value: Any, name: str) -> int:
    """Read a whole number."""
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,18}", value):
        raise refuse(f"Invalid integer: {value}", param=name, code="parameter_invalid_integer")
    return int(value)


def boolean(value: Any, name: str) -> bool:
    """Read `true` or `false`."""
    if value not in ("true", "false"):
        raise refuse(f"Invalid boolean: {value}", param=name)
    return bool(value == "true")


def one_of(*choices: str) -> Reader:
    """Read one of the given words."""

    def reader(value: Any, name: str) -> str:
        if value not in choices:
            raise refuse(f"Invalid {name}: must be one of {', '.join(choices)}", param=name)
        return str(value)

    return reader


def many(inner: Reader, at_most: int = 100) -> Reader:
    """Read a list."""

    def reader(value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise refuse(f"Invalid array for {name}", param=name)
        if len(value) > at_most:
            raise refuse(f"{name} takes at most {at_most} values", param=name)
        return [inner(item, f"{name}[{index}]") for index, item in enumerate(value)]

    return reader


def group(known: Mapping[str, Reader], required: tuple[str, ...] = ()) -> Reader:
    """Read a nested hash with its own known names."""

    def reader(value: Any, name: str) -> Json:
        if not isinstance(value, dict):
            raise refuse(f"Invalid object for {name}", param=name)
        return read(value, known, required, prefix=name)

    return reader


def metadata(value: Any, name: str) -> Json:
    """Read metadata; an empty value for a key deletes it, an empty text deletes all (`{"": ""}`)."""
    if value == "":
        return {"": ""}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise refuse(f"Invalid {name}: must be a flat hash of texts", param=name)
    for key, item in value.items():
        if len(key) > 40 or len(item) > 500:
            raise refuse(f"{name}[{key}] is too long (40 for a key, 500 for a value)", param=name)
    return dict(value)


def merged_metadata(old: Json, new: Json) -> Json:
    """Apply an update to metadata, Stripe's way: merge, and empty values delete."""
    if "" in new:
        return {}
    return {key: value for key, value in {**old, **new}.items() if value != ""}


_BOUNDS: dict[str, Reader] = {"gt": integer, "gte": integer, "lt": integer, "lte": integer}


def moment_range(value: Any, name: str) -> Json:
    """Read a time filter: one Unix second, or a hash of `gt`, `gte`, `lt`, `lte`."""
    if isinstance(value, str):
        second = integer(value, name)
        return {"gte": second, "lte": second}
    return dict(group(_BOUNDS)(value, name))


PAGING: dict[str, Reader] = {"limit": integer, "starting_after": text, "ending_before": text}
ADDRESS: Reader = group(
    dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), clearable)
)
