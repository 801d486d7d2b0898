"""The command line. Exit codes: 0 done, 1 failed, 2 wrong usage (contract, Command line)."""

import os
import signal
import sys
from pathlib import Path

import django

from dunwell.environment import ConfigurationError


def main() -> None:
    """Run the command line; a person's mistake ends in one clear line, never a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dunwell.settings")
    if sys.argv[1:2] == ["worker"]:
        # Told to stop before it holds anything: that is no failure. `worker` puts its own handler in place.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if sys.argv[1:2] == ["demo"]:
        _use_a_world_of_its_own()
    try:
        django.setup()
        # The commands import models, which exist only once Django is set up.
        from dunwell.cli.commands import run  # noqa: PLC0415
    except ConfigurationError as error:
        sys.stderr.write(f"dunwell: {error}\n")
        sys.exit(2)
    sys.exit(run())


def _use_a_world_of_its_own() -> None:
    """The demo reads and touches nothing of yours: no setting, no database."""
    for name in [name for name in os.environ if name.startswith("DUNWELL_")]:
        del os.environ[name]
    folder = Path("var") / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("demo.sqlite3*"):
        old.unlink()
    os.environ["DUNWELL_DATABASE_URL"] = f"sqlite:///{(folder / 'demo.sqlite3').resolve()}"
