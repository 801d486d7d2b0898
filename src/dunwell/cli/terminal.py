"""What every command shares: one clear line for trouble, tables or JSON."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

# Wide when not a terminal, so that a pipe gets whole lines.
out = Console(width=None if sys.stdout.isatty() else 160, highlight=False, soft_wrap=False)


class Trouble(Exception):  # noqa: N818 - said to a person, not caught by name
    """Something a person has to know; the message is one line."""


def complain(text: str) -> None:
    """Say what is wrong, on stderr."""
    sys.stderr.write(f"dunwell: {text}\n")


def moment(text: str) -> datetime:
    """Read an ISO 8601 moment with a zone; anything else is wrong usage."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not an ISO 8601 time such as 2026-04-07T14:03:00Z") from None
    if at.tzinfo is None:
        raise typer.BadParameter(f"{text!r} needs a time zone, such as 2026-04-07T14:03:00Z")
    return at


def print_json(document: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str, indent=2) + "\n")


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()
) -> None:
    """Print a table; columns named in `right` are numbers."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    out.print(table)
