"""All commands in one app, and what their failures say."""

import sys

import typer
from django.db import DatabaseError, OperationalError, ProgrammingError
from typer.exceptions import Abort, TyperException

from dunwell.cli import desk, operate, policy, replay, replies
from dunwell.cli.terminal import Trouble, complain
from dunwell.environment import ConfigurationError

app = typer.Typer(
    name="dunwell",
    help="Recovers failed B2B SaaS payments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for room in (operate, desk, policy, replay, replies):
    room.register(app)


def run() -> int:
    """Run one command and return its exit code."""
    try:
        # Not standalone: a usage error is said in our one line, not in four.
        code = app(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except Abort:
        return 130
    except TyperException as error:
        return _wrong_usage(error)
    except ConfigurationError as error:
        complain(str(error))
        return 2
    except Trouble as error:
        complain(str(error))
    except DatabaseError as error:
        complain(_database_trouble(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read us has enough, as in `dunwell timeline INV | head`.
        sys.stderr.close()
    return 1


def _wrong_usage(error: TyperException) -> int:
    """Say what is wrong in one line; called without a command, print what there is."""
    said = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    if len(said.splitlines()) > 1:
        sys.stdout.write(said + "\n")
    else:
        complain(f"{said} (see 'dunwell --help')")
    return 2


def _database_trouble(error: DatabaseError) -> str:
    said = str(error).strip().splitlines()[0]
    missing = "no such table" in said or "no such column" in said or "does not exist" in said
    if isinstance(error, OperationalError | ProgrammingError) and missing:
        return "the database is empty or older than this version: run 'dunwell migrate'"
    return f"the database cannot be used: {said}"
