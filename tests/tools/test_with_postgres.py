"""A private PostgreSQL comes with a command and goes away with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tools.with_postgres import NoServerError, find_programs

SCRIPT = Path(__file__).parent.parent.parent / "tools" / "with_postgres.py"
ASK = """
import os, psycopg
with psycopg.connect(os.environ["DUNWELL_DATABASE_URL"]) as connection:
    for what in ("current_setting('fsync')", "inet_server_addr()", "current_setting('data_directory')"):
        print(*connection.execute("select " + what).fetchone(), end=" ")
    print(flush=True)
"""


def _missing() -> str:
    try:
        find_programs()
    except NoServerError as error:
        return str(error)
    return ""


pytestmark = pytest.mark.skipif(bool(_missing()) and "CI" not in os.environ, reason=_missing())


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(("options", "fsync"), [([], "on"), (["--fast"], "off")])
def test_a_command_finds_a_server_of_its_own_that_is_gone_afterwards(options: list[str], fsync: str) -> None:
    done = _run(*options, sys.executable, "-c", ASK)

    assert (done.returncode, done.stderr) == (0, "")
    told, address, files = done.stdout.split()
    assert (told, address) == (fsync, "127.0.0.1")
    assert not Path(files).parent.exists()


def test_the_exit_code_is_the_commands_own() -> None:
    done = _run("--fast", "sh", "-c", "exit 7")

    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")


def test_a_command_that_is_not_there_is_named_and_nothing_stays() -> None:
    done = _run("--fast", "no-such-command")

    assert (done.returncode, done.stderr) == (1, "cannot run no-such-command\n")


def test_no_command_is_wrong_usage() -> None:
    done = _run("--fast")

    assert (done.returncode, done.stderr) == (2, "usage: tools/with_postgres.py [--fast] COMMAND ...\n")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_takes_its_server_with_it(sign: signal.Signals) -> None:
    with subprocess.Popen(
        [
            sys.executable,
            str(SCRIPT),
            "--fast",
            sys.executable,
            "-c",
            ASK + "\nimport signal; signal.pause()",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A suite started in the background ignores Ctrl-C, and so would everything below it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread here
    ) as running:
        assert running.stdout is not None
        files = Path(running.stdout.readline().split()[2])
        assert files.parent.exists()

        os.killpg(running.pid, sign)

        assert running.wait(30) != 0
        assert not files.parent.exists()
