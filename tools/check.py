"""Runs every check of `make check`, one line each; shows a check's output only when it fails.

What reads the code runs beside the tests: it keeps one core busy, and they wait now and then.

`--skip-sqlite` leaves out the test suite on SQLite: for CI, which has just run it as `make test`.
Exits with 1 when any check failed.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
TESTS = [str(BIN / "pytest"), "-n", "auto", "--maxprocesses", "4"]
# In memory, so that no check writes into the folder; the PostgreSQL run says otherwise for itself.
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "dunwell.settings",
    "DUNWELL_DATABASE_URL": "sqlite:///:memory:",
    "NO_COLOR": "1",
}


@dataclass(frozen=True)
class Check:
    """One command that must end with 0. `tells` shows its last line also when it passed."""

    name: str
    command: list[str]
    tells: bool = False


CHECKS = [
    Check("format", [str(BIN / "ruff"), "format", "--check", "."]),
    Check("lint", [str(BIN / "ruff"), "check", "."]),
    Check("types", [str(BIN / "mypy")]),
    Check("imports", [str(BIN / "lint-imports")]),
    Check("migrations", [str(BIN / "django-admin"), "makemigrations", "--check", "--dry-run"]),
]
DOCS = Check("docs", [str(BIN / "pytest"), "tests/docs"], tells=True)
SQLITE = Check("tests on SQLite", TESTS, tells=True)
# One run is enough of what knows no database, chooses its own, or looks at pages that other tests ask for too.
ONCE = [
    *("cli", "connectors", "docs", "performance", "policy", "sandbox", "tools"),
    *("scenarios/test_golden_timelines.py", "web/test_browser*"),
]
POSTGRES = Check(
    "tests on PostgreSQL",
    [
        sys.executable,
        "tools/with_postgres.py",
        "--fast",
        *TESTS,
        *(f"--ignore-glob=tests/{where}" for where in ONCE),
    ],
    tells=True,
)


def passes(check: Check) -> bool:
    """Run one check and say how it went."""
    start = time.monotonic()
    done = subprocess.run(
        check.command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=os.environ | SETTINGS,
    )
    seconds = time.monotonic() - start
    shown = (
        done.stdout if done.returncode else done.stdout.rstrip().rpartition("\n")[2] if check.tells else ""
    )
    state = "FAILED" if done.returncode else "ok    "
    # In one piece: another check may have something to say at the same time.
    print(f"{state}  {check.name} ({seconds:.0f} s)\n" + (f"{shown}\n" if shown else ""), end="", flush=True)
    return not done.returncode


def failures(checks: Sequence[Check]) -> list[str]:
    """Run checks one after the other, also after one has failed; name those that did."""
    return [check.name for check in checks if not passes(check)]


def main(arguments: list[str]) -> int:
    """Run them all; return the exit code."""
    if arguments not in ([], ["--skip-sqlite"]):
        sys.stderr.write("usage: tools/check.py [--skip-sqlite]\n")
        return 2
    # The run on SQLite has the docs in it; checked on their own they fail within seconds.
    tests = [*([] if arguments else [DOCS, SQLITE]), POSTGRES]
    with ThreadPoolExecutor() as side_by_side:
        return 1 if any(list(side_by_side.map(failures, (CHECKS, tests)))) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
