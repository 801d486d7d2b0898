"""Workers killed with SIGKILL anywhere: no mail twice, none lost unnoticed, no charge twice, every chain whole."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from psycopg import sql

pytestmark = [pytest.mark.kill]

ROOT = Path(__file__).parent.parent.parent
NOTICE, REMINDER = ["notice", "sent"], ["reminder", "sent"]
CHARGE = ["charge", "refused"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    """A database of its own, of the kind the suite runs on."""
    theirs: dict[str, Any] = settings.DATABASES["default"]
    if theirs["ENGINE"].endswith("sqlite3"):
        yield f"sqlite:///{tmp_path / 'killed.sqlite3'}"
        return
    name = f"killed_{os.getpid()}"
    place = f"{theirs['USER']}:{theirs['PASSWORD']}@{theirs['HOST']}:{theirs['PORT']}"
    with psycopg.connect(f"postgresql://{place}/postgres", autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield f"postgresql://{place}/{name}"
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Victims:
    """The program whose forks die, and what became of each experiment."""

    def __init__(self, program: "subprocess.Popen[str]") -> None:
        self._program = program

    def run(self, **order: object) -> dict[str, Any]:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(order) + "\n")
        self._program.stdin.flush()
        line = self._program.stdout.readline()
        assert line, "the program itself has died"
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def victims(database: str, folder: Path, *arguments: str) -> Iterator[Victims]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
        "DJANGO_SETTINGS_MODULE": "dunwell.settings",
        "DUNWELL_DATABASE_URL": database,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.engine.killing", str(folder), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
    ) as program:
        try:
            yield Victims(program)
        finally:
            assert program.stdin is not None
            program.stdin.close()
            program.wait(30)


def check(answer: dict[str, Any], mails: Counter[str]) -> str:
    """Hold what is true wherever a worker dies; say what became of the first mail in doubt, if any."""
    assert answer["cases"] == 1, answer
    assert answer["events"] == ["handled", "handled"], answer
    assert (answer["forgotten"], answer["unknown"], answer["misfits"]) == (0, 0, 0), answer
    assert set(mails.values()) <= {1}, f"a mail left twice: {answer}"
    assert len(set(answer["charges"])) == 1, f"a second key would be a second charge: {answer}"
    assert answer["attempts"] == [["declined", "pm_new"]], answer
    outbox = answer["outbox"]
    assert outbox.count(CHARGE) == 1, answer
    unknown = [stage for stage, state in outbox if state == "unknown"]
    if unknown:
        assert answer["reviews"] == ["send_unknown"], answer
        assert outbox == [*([NOTICE] if unknown == ["reminder"] else []), [*unknown, "unknown"], CHARGE]
        assert mails.total() in (len(outbox) - 2, len(outbox) - 1), answer
        return str(unknown[0])
    assert outbox == [NOTICE, REMINDER, CHARGE], answer
    assert answer["reviews"] == [], answer
    assert mails.total() == 2, f"a mail was lost: {answer}"
    return ""


def test_a_worker_killed_before_any_statement_loses_nothing_and_repeats_nothing(
    database: str, tmp_path: Path
) -> None:
    with victims(database, tmp_path) as program:
        whole = program.run()
        assert check(whole, Counter(whole["mails"])) == ""
        classes: list[list[int]] = whole["survived"]["classes"]
        assert len(classes) >= 15, "a state for every commit, mail and charge"
        doubts: Counter[str] = Counter()
        for statement in [n for same in classes for n in places(same)]:
            answer = program.run(statement=statement)
            assert answer["survived"] is None, "it was to die"
            doubts[check(answer, Counter(answer["mails"]))] += 1
    assert set(doubts) == {"", "notice", "reminder"}, "some died with a mail in hand"


def places(same: list[int]) -> list[int]:
    """Where to die among statements that leave the same behind: all with KILL_EVERYWHERE, else at both ends.

    At the first, everything before has been committed; at the last, a whole transaction is still to be.
    """
    return same if os.environ.get("KILL_EVERYWHERE") else sorted({same[0], same[-1]})


class Catcher:
    """A mail server that takes everything and can kill whoever talks to it."""

    def __init__(self) -> None:
        self.point = ""
        self.mails: list[str] = []

    def kill_at(self, point: str, session: Session) -> bool:
        who = str(session.host_name)
        if point != self.point or not who.startswith("victim-"):
            return False
        os.kill(int(who.removeprefix("victim-")), signal.SIGKILL)
        return True

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.kill_at("EHLO", session)
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.kill_at("MAIL", session)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.kill_at("RCPT", session)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        head = content.decode("utf-8", "replace").partition("\r\n\r\n")[0]
        [key] = [line for line in head.splitlines() if line.lower().startswith("message-id:")]
        self.mails.append(key)
        self.kill_at("DATA", session)
        return "250 OK"


@contextmanager
def catcher() -> Iterator[tuple[Catcher, int]]:
    handler = Catcher()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler, port
    finally:
        controller.stop()


def test_a_worker_killed_around_the_hand_over_leaves_each_mail_once_or_in_doubt(
    database: str, tmp_path: Path
) -> None:
    left = {}
    with catcher() as (server, port), victims(database, tmp_path, str(port)) as program:
        for point in ("before", "EHLO", "MAIL", "RCPT", "DATA", "after"):
            server.point, server.mails = point, []
            answer = program.run(point=point)
            assert answer["survived"] is None, point
            assert check(answer, Counter(server.mails)) == "notice"
            left[point] = len(server.mails)
    assert left == {"before": 0, "EHLO": 0, "MAIL": 0, "RCPT": 0, "DATA": 1, "after": 1}
