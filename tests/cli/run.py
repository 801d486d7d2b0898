"""Runs the command line as a person does: a process of its own, with settings in its environment."""

import atexit
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

LONGEST = 60  # seconds a command may take
PROGRAM = [sys.executable, "-c", "from dunwell.cli import main; main()"]


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


def migrated(folder: Path, tables: Path, **settings: str) -> dict[str, str]:
    """The same with tables in the database, as `dunwell migrate` makes them (fixture `tables`)."""
    shutil.copy(tables, folder / "cli.sqlite3")
    return environment(folder, **settings)


def dunwell_anew(*arguments: str, env: dict[str, str], stdin: str = "") -> Ran:
    """Run one command to its end in a Python started for it: what a person waits for, and slow.

    Each command needs one such test, for what it imports.
    """
    ran = subprocess.run(
        [*PROGRAM, *arguments],
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def dunwell(*arguments: str, env: dict[str, str], stdin: str = "") -> Ran:
    """Run one command to its end in a process forked for it from one that has the libraries in memory."""
    with tempfile.TemporaryDirectory() as made:
        streams = {name: Path(made) / name for name in ("stdin", "stdout", "stderr")}
        for path in streams.values():
            path.touch()
        streams["stdin"].write_text(stdin, encoding="utf-8")
        asked = {"arguments": arguments, "env": env, "folder": os.getcwd()}  # noqa: PTH109 - as a shell has it
        code = _loaded().run(asked | {name: str(path) for name, path in streams.items()})
        return Ran(code, *(streams[name].read_text(encoding="utf-8") for name in ("stdout", "stderr")))


class _Loaded:
    """The process that forks (`loaded.py`). It ends when our end of its pipe is closed."""

    def __init__(self) -> None:
        asked, self._asked = os.pipe()
        self._answered, answered = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).parent / "loaded.py"), str(asked), str(answered)],
            env={name: value for name, value in os.environ.items() if not name.startswith("DUNWELL_")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(asked, answered),
            start_new_session=True,
        )
        os.close(asked)
        os.close(answered)

    def run(self, command: dict[str, Any]) -> int:
        """Ask for a command and wait for its exit code; below zero for the signal that ended it."""
        os.write(self._asked, json.dumps(command).encode() + b"\n")
        if not select.select([self._answered], [], [], LONGEST)[0]:
            _loaded.cache_clear()
            self.end()
            raise subprocess.TimeoutExpired(command["arguments"], LONGEST)
        answer = os.read(self._answered, 16)
        assert answer, "the process that forks has ended"
        return int(answer)

    def end(self) -> None:
        """End it together with a command that still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            os.close(self._asked)
            os.close(self._answered)


@cache
def _loaded() -> _Loaded:
    loaded = _Loaded()
    atexit.register(loaded.end)
    return loaded
