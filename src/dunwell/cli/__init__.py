"""The command line. Exit codes: 0 done, 1 failed, 2 wrong usage (contract, Command line)."""

import os
import sys

import django

from dunwell.environment import ConfigurationError


def main() -> None:
    """Run the command line; a person's mistake ends in one clear line, never a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dunwell.settings")
    try:
        django.setup()
        # The commands import models, which exist only once Django is set up.
        from dunwell.cli.commands import run  # noqa: PLC0415
    except ConfigurationError as error:
        sys.stderr.write(f"dunwell: {error}\n")
        sys.exit(2)
    sys.exit(run())
