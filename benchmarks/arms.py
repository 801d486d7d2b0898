"""Runs each arm in a process of its own: `python -m benchmarks.arms MODULE FUNCTION JSON` in the child."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.measured import Measured

ROOT = Path(__file__).parent.parent


class ArmError(Exception):
    """An arm broke or did something else than it should have; the message says what."""


def environment(database: str) -> dict[str, str]:
    """The environment of an arm: nobody's settings but the database."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("DUNWELL_")}
    ours = {
        "DJANGO_SETTINGS_MODULE": "dunwell.settings",
        "DUNWELL_DATABASE_URL": database,
        "DUNWELL_STRIPE_WEBHOOK_SECRET": "whsec_benchmark",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
    }
    return theirs | ours


def run(module: str, function: str, database: str, **arguments: Any) -> Measured:
    """Run `benchmarks.MODULE.FUNCTION` in a new process; raises `ArmError` with its last words."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.arms", module, function, json.dumps(arguments)],
        env=environment(database),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ArmError(f"{module}.{function}: {done.stderr[-2000:]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def main(module: str, function: str, arguments: str) -> None:
    """Be the child."""
    import django  # noqa: PLC0415 - only the child needs it

    django.setup()
    measured = getattr(import_module(f"benchmarks.{module}"), function)(**json.loads(arguments))
    sys.stdout.write(json.dumps(asdict(measured)) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
