"""Runs every check of `make check`, one line each; shows a check's output only when it fails.

`--skip-sqlite` leaves out the test suite on SQLite: for CI, which has just run it as `make test`.
Exits with 1 when any check failed.
"""

import os
import subprocess
import sys
import time
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
    *("docs", "tools", "policy", "connectors", "performance"),
    *("sandbox/netsuite", "sandbox/test_stripe_*", "sandbox/test_mail_catcher.py"),
    *("scenarios/test_golden_timelines.py", "web/test_browser*", "sandbox/test_story.py"),
    *("cli/test_commands.py", "cli/test_netsuite_*", "cli/test_people.py"),
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
    if done.returncode:
        print(f"FAILED  {check.name} ({seconds:.0f} s)\n{done.stdout}", flush=True)
        return False
    print(f"ok      {check.name} ({seconds:.0f} s)", flush=True)
    if check.tells and done.stdout.strip():
        print(done.stdout.strip().splitlines()[-1], flush=True)
    return True


def main(arguments: list[str]) -> int:
    """Run them all, also after one has failed; return the exit code."""
    if arguments not in ([], ["--skip-sqlite"]):
        sys.stderr.write("usage: tools/check.py [--skip-sqlite]\n")
        return 2
    # The run on SQLite has the docs in it; checked on their own they fail within seconds.
    checks = [*CHECKS, *([] if arguments else [DOCS, SQLITE]), POSTGRES]
    failed = [check.name for check in checks if not passes(check)]
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
