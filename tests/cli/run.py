"""Runs the command line as a person does: a process of its own, with settings in its environment."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line on stderr."""
        assert "Traceback" not in self.err, self.err
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """An environment with a database in `folder` and nothing of whoever runs the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DUNWELL_")}
    return {**clean, "DUNWELL_DATABASE_URL": f"sqlite:///{folder / 'cli.sqlite3'}", **settings}


def dunwell(*arguments: str, env: dict[str, str], stdin: str = "") -> Ran:
    """Run one command to its end."""
    ran = subprocess.run(
        [sys.executable, "-c", "from dunwell.cli import main; main()", *arguments],
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)
