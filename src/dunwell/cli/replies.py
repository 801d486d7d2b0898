"""The command that reads a reply."""

import sys
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from dunwell import wiring
from dunwell.cli.terminal import Json, Trouble, moment, out, print_json
from dunwell.policy.replies import ReplyReading
from dunwell.policy.zone_table import zone_names

_MOST_SHOWN = 4_000  # characters of the text on a terminal


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="read-reply")(read)


def read(
    file: Annotated[str, typer.Argument(help="An .eml or plain-text file; - is stdin.")],
    at: Annotated[str, typer.Option(help="Read it as if received then (ISO 8601).")] = "",
    zone: Annotated[str, typer.Option(help="The sender's time zone; default: the company's.")] = "",
    as_json: Json = False,
) -> None:
    """Read one reply: what kind it is, which date it names, and the words that rests on."""
    if zone and zone not in zone_names():
        raise typer.BadParameter(f"{zone!r} is not a time zone such as America/New_York")
    received = moment(at) if at else wiring.ports().clock.now()
    name = zone or wiring.book().policy.company.timezone
    reading = wiring.reply_reader().read(_content(file), received, ZoneInfo(name))
    if as_json:
        print_json(_document(reading))
    else:
        _show(reading)


def _document(reading: ReplyReading) -> dict[str, object]:
    return {
        "kind": reading.kind.value,
        "date": reading.date.isoformat() if reading.date else None,
        "words": reading.words,
        "span": list(reading.span) if reading.span else None,
        "text": reading.text,
        "notes": list(reading.notes),
    }


def _show(reading: ReplyReading) -> None:
    """Print what was read, then the sender's own text with the words it rests on highlighted."""
    out.print(f"kind   {reading.kind.value}")
    out.print(f"date   {reading.date.isoformat() if reading.date else 'none'}")
    out.print(Text(f"words  {' '.join(reading.words.split()) or 'none'}"))
    for note in reading.notes:
        out.print(Text(f"note   {note}"))
    shown = Text(reading.text[:_MOST_SHOWN])
    if reading.span:
        shown.stylize("bold black on yellow", *reading.span)
    if shown.plain:
        out.print()
        out.print(shown)


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror or error}") from None
