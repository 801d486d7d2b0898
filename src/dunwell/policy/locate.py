"""Where in a TOML text a key stands, so that an error can name the line."""

import re

_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+))*)\s*="""
)
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")
_FENCE = re.compile(r'"""|' + r"'''")


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(a or b or c for a, b, c in _PART.findall(dotted))


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Map every table and key of a TOML text to its line, counted from 1.

    Lines inside multi-line strings are skipped. Keys of inline tables are not listed: see `line_of`.
    """
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    fence = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if fence:
            fence = "" if line.count(fence) % 2 else fence
            continue
        if header := _HEADER.match(line):
            table = _parts(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            path = (*table, *_parts(key[1]))
            lines.setdefault(path, number)
            for depth in range(len(table) + 1, len(path)):
                lines.setdefault(path[:depth], number)
            opened = _FENCE.findall(line, key.end())
            fence = opened[0] if opened and line.count(opened[0], key.end()) % 2 else ""
    return lines


def line_of(path: tuple[str, ...], lines: dict[tuple[str, ...], int]) -> int | None:
    """Return the line of a key, or of the nearest table around it that the text mentions; else None."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in lines:
            return lines[path[:depth]]
    return None
