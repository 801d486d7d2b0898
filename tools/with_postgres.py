"""Runs a command with a private PostgreSQL: `tools/with_postgres.py [--fast] COMMAND ...`.

The server listens on a free loopback port, lives in a temporary directory and goes away with the
command, whatever ends it. The command finds it in `DUNWELL_DATABASE_URL`. `--fast` turns fsync off:
right for tests, wrong for measuring. Exits with the command's own code, or 1 when no server came up.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER = DATABASE = "dunwell"
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
OLDEST = 14


class NoServerError(Exception):
    """PostgreSQL is missing or did not start; the message says what to do."""


@dataclass(frozen=True)
class Server:
    """Where a server's programs are, who may run them, and where it keeps its files."""

    programs: Path
    home: Path
    account: int | None
    port: int
    password: str

    @property
    def url(self) -> str:
        """The address to put in `DUNWELL_DATABASE_URL`."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start one of PostgreSQL's programs, out of reach of Ctrl-C, writing to our log."""
        with (self.home / "log").open("ab") as log:
            return subprocess.Popen(
                [self.programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                env={"PATH": os.environ.get("PATH", ""), "PGPASSWORD": self.password, "LC_ALL": "C"},
                start_new_session=True,
                user=self.account,
            )

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end; `NoServerError` when it fails."""
        if self.start(program, *arguments).wait():
            raise NoServerError(f"{program} failed:\n{self.log()}")

    def log(self) -> str:
        """The last lines the server wrote."""
        return "\n".join((self.home / "log").read_text(errors="replace").splitlines()[-15:])


def find_programs() -> Path:
    """Find the directory with `postgres` and `initdb`, the newest first; `NoServerError` without one."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda p: float(p.parent.name), reverse=True
    )
    on_path = shutil.which("postgres")
    for place in [*debian, *([Path(on_path).resolve().parent] if on_path else [])]:
        if (place / "initdb").exists() and (place / "postgres").exists() and _version(place) >= OLDEST:
            return place
    raise NoServerError(
        f"no PostgreSQL {OLDEST} or newer here; on Debian or Ubuntu: apt-get install postgresql"
    )


def _version(programs: Path) -> int:
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    return int(said.stdout.split()[2].split(".")[0])


def _account() -> int | None:
    """PostgreSQL refuses to run as root: choose somebody else then."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise NoServerError("PostgreSQL does not run as root, and there is no user postgres")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgres(*, fast: bool) -> Iterator[Server]:
    """Run a fresh server for as long as the block lasts."""
    programs = find_programs()
    account = _account()
    home = Path(tempfile.mkdtemp(prefix="dunwell-postgres-"))
    running: subprocess.Popen[bytes] | None = None
    try:
        server = Server(programs, home, account, _free_port(), secrets.token_hex(16))
        secret = home / "password"
        secret.write_text(server.password)
        (home / "log").touch()
        if account is not None:
            for path in (home, secret):
                os.chown(path, account, -1)
        files = str(home / "files")
        server.run(
            "initdb",
            "-D",
            files,
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            f"--pwfile={secret}",
            "--no-sync",
            "-E",
            "UTF8",
        )
        options = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            *(FAST if fast else []),
        ]
        place = ["-h", "127.0.0.1", "-p", str(server.port), "-U", USER]
        running = server.start(
            "postgres", "-D", files, "-p", str(server.port), *[f"-c{option}" for option in options]
        )
        _await(server, running, place)
        server.run("createdb", *place, DATABASE)
        yield server
    finally:
        if running is not None:
            _stop(running)
        shutil.rmtree(home, ignore_errors=True)


def _await(server: Server, running: "subprocess.Popen[bytes]", place: list[str]) -> None:
    for _ in range(300):
        if running.poll() is not None:
            raise NoServerError(f"PostgreSQL did not start:\n{server.log()}")
        if server.start("pg_isready", "-q", *place).wait() == 0:
            return
        try:
            running.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    raise NoServerError(f"PostgreSQL did not answer within 30 seconds:\n{server.log()}")


def _stop(running: "subprocess.Popen[bytes]") -> None:
    """Ask for a fast shutdown, then insist. By its own process id, nobody else's."""
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if running.poll() is None:
            running.send_signal(sign)
            try:
                running.wait(15)
            except subprocess.TimeoutExpired:
                continue


def _run(command: list[str], url: str) -> int:
    """Run the command; Ctrl-C and SIGTERM reach it, and we wait for its end."""
    child = subprocess.Popen(command, env={**os.environ, "DUNWELL_DATABASE_URL": url})
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = child.wait()
    return code if code >= 0 else 128 - code


def main(arguments: list[str]) -> int:
    """Read the command line and run; return the exit code."""
    fast = arguments[:1] == ["--fast"]
    command = arguments[1:] if fast else arguments
    if not command:
        sys.stderr.write("usage: tools/with_postgres.py [--fast] COMMAND ...\n")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with postgres(fast=fast) as server:
            return _run(command, server.url)
    except NoServerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except FileNotFoundError as error:
        sys.stderr.write(f"cannot run {error.filename}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
