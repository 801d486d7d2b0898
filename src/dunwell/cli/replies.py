"""The command that reads a reply."""

import sys
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from dunwell import wiring
from dunwell.cli.terminal import Json, Trouble, moment, out, print_json
from dunwell.policy.replies import read_reply
from dunwell.policy.zone_table import zone_names


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
    reading = read_reply(_content(file), received, ZoneInfo(name))
    date = reading.date.isoformat() if reading.date else None
    if as_json:
        print_json({"kind": reading.kind.value, "date": date, "words": reading.words})
        return
    out.print(f"kind   {reading.kind.value}")
    out.print(f"date   {date or 'none'}")
    out.print(f"words  {reading.words or 'none'}")


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror or error}") from None
