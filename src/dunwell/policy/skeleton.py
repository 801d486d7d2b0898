"""Templates with their branches already taken: what is left is to lay values between fixed pieces.

Liquid needs about 70 microseconds for a mail body, most of it spent walking the same branches for every
customer. A template that only prints variables and only asks whether they are there can be rendered once
per shape (which values are there) with marks for the values; then a message is one join. Templates
that do more (a filter, a comparison of a name) are rendered by Liquid each time. Both give the same text.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from liquid import BoundTemplate, Markup, escape

_TAG = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_ASK = r"(?:\w+|days_overdue\s*>\s*0|rail\s*==\s*(?:'\w*'|\"\w*\"))"
_SIMPLE = re.compile(
    rf"\{{\{{-?\s*(?!days_overdue\b)\w+\s*-?\}}\}}"
    rf"|\{{%-?\s*(?:if|elsif|unless)\s+{_ASK}(?:\s+(?:and|or)\s+{_ASK})*\s*-?%\}}"
    r"|\{%-?\s*(?:else|endif|endunless)\s*-?%\}"
)
# Private-use characters: `one_line` takes them out of every value, and templates have no reason to hold one.
_MARK = re.compile("\ue000(\\w+)\ue001")
_KEPT = ("rail", "failed")  # asked for by value, printed as they are
_MOST_SHAPES = 512

Fill = Callable[[Mapping[str, object]], str]
Shape = tuple[object, ...]


def is_simple(source: str) -> bool:
    """Say whether the template only prints variables and asks whether they are there."""
    return "\ue000" not in source and all(_SIMPLE.fullmatch(tag) for tag in _TAG.findall(source))


def shape_of(variables: Mapping[str, object]) -> Shape:
    """Return what decides the branches: which variables hold something, and the rail."""
    return (variables["rail"], *map(bool, variables.values()))


class Skeletons:
    """One simple template, rendered once per shape. Grows to at most 512 shapes."""

    def __init__(self, template: BoundTemplate, *, escaped: bool) -> None:
        self.template = template
        self._escaped = escaped
        self._by_shape: dict[Shape, tuple[str, list[str]]] = {}

    def fill(self, shape: Shape, variables: Mapping[str, object]) -> str:
        """Render the template; `shape` is `shape_of(variables)`."""
        found = self._by_shape.get(shape)
        if found is None:
            found = self._cut(variables)
            if len(self._by_shape) < _MOST_SHAPES:
                self._by_shape[shape] = found
        pattern, names = found
        values = [variables[name] for name in names]
        if self._escaped:
            values = [value if isinstance(value, Markup) else _escaped(str(value)) for value in values]
        return pattern % tuple(values)

    def _cut(self, variables: Mapping[str, object]) -> tuple[str, list[str]]:
        """Render with marks for the values; return that with `%s` for each mark, and whose they are."""
        marked = {name: _marked(name, value) for name, value in variables.items()}
        parts = _MARK.split(self.template.render(**marked))
        return "%s".join(piece.replace("%", "%%") for piece in parts[::2]), parts[1::2]


@lru_cache(maxsize=4096)  # many values stand in every mail of a batch, or several times in one
def _escaped(value: str) -> str:
    return str(escape(value))


def _marked(name: str, value: object) -> object:
    if name == "days_overdue":
        return 1 if value else 0
    return value if name in _KEPT or not value else f"\ue000{name}\ue001"
