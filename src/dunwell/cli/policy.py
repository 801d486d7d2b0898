"""Commands about the policy: show, check."""

from pathlib import Path
from typing import Annotated

import typer

from dunwell import wiring
from dunwell.cli.terminal import Json, Trouble, out, print_json
from dunwell.environment import ConfigurationError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    room = typer.Typer(help="The active policy.", no_args_is_help=True)
    room.command()(show)
    room.command()(check)
    app.add_typer(room, name="policy")


def show(as_json: Json = False) -> None:
    """Print the active policy as TOML."""
    book = wiring.book()
    if as_json:
        print_json({"version": book.version, "policy": book.policy.model_dump(mode="json")})
    else:
        out.out(f"# version {book.version}\n{book.text}", highlight=False, end="")


def check(
    file: Annotated[Path, typer.Argument(help="A policy file in TOML.")],
    as_json: Json = False,
) -> None:
    """Check a policy file and its templates; name file, line and key of every mistake."""
    if not file.is_file():
        raise Trouble(f"no such file: {file}")
    try:
        book = wiring.read_book(file)
    except ConfigurationError as error:
        if as_json:
            print_json({"file": str(file), "ok": False, "problems": str(error).splitlines()})
        raise Trouble(f"the policy cannot be used:\n{error}") from None
    if as_json:
        print_json({"file": str(file), "ok": True, "version": book.version})
    else:
        out.print(f"{file}: fine, version {book.version}.")
