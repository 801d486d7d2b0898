"""Handing mail to servers that behave, refuse, hang and die."""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from dunwell.connectors.mail.client import SmtpMailer
from dunwell.engine.ports import Mailer
from dunwell.policy.facts import Person
from dunwell.policy.readings import Delivery, Handed, OutgoingMail, Refused, Uncertain

MAIL = OutgoingMail(
    message_id="<case-1.notice@mail.example>",
    sender=Person("Felix Nordström", "felix@us.example"),
    to=Person("Dana Reyes", "dana@acme.example"),
    reply_to="reply+abc123@us.example",
    subject="Invoice EX-2026-0417",
    text="Hi Dana,\n.a line with a dot\n.\nbye\n",
    html="<p>Hi Dana</p>",
    date=datetime(2026, 4, 7, 14, 3, tzinfo=UTC),
)


class Inbox:
    """What an aiosmtpd server took in."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.peers: list[Any] = []

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope)
        self.peers.append(session.peer)
        return "250 2.0.0 kept"

    async def handle_RCPT(self, *said: Any) -> str:  # noqa: N802 - server, session, envelope, address, options
        envelope, address = said[2:4]
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later@"):
            return "451 4.7.1 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def serve(cleanup: ExitStack, inbox: Inbox, **options: Any) -> int:
    port = a_free_port()
    controller = Controller(inbox, "127.0.0.1", port, server_hostname="mail.example", **options)
    controller.start()
    cleanup.callback(controller.stop)
    return port


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def mailer_to(cleanup: ExitStack, port: int, *, host: str = "127.0.0.1", **options: Any) -> SmtpMailer:
    mailer = SmtpMailer(host, port, **{"timeout": 5, "own_name": "app.example", **options})
    cleanup.callback(mailer.close)
    return mailer


class Scripted(socketserver.ThreadingTCPServer):
    """An SMTP server that answers each command by its first word, or hangs up when told None.

    `.` answers the whole message; a list is used up one answer a time, its last one staying.
    """

    daemon_threads = True

    def __init__(self, **answers: str | list[str | None] | None) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        usual: dict[str, Any] = {
            "greet": "220 hi",
            "EHLO": "250 mail.example",
            "MAIL": "250 ok",
            "RCPT": "250 ok",
        }
        self.answers = {
            **usual,
            "DATA": "354 go on",
            "end": "250 kept",
            "RSET": "250 ok",
            "QUIT": "221 bye",
            **answers,
        }
        self.heard: list[str] = []
        self.connections = 0

    def answer(self, word: str) -> str | None:
        found = self.answers[word]
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        assert found is None or isinstance(found, str)
        return found


class _Talk(socketserver.StreamRequestHandler):
    server: Scripted

    def handle(self) -> None:
        self.server.connections += 1
        if not self.say("greet"):
            return
        while line := self.rfile.readline():
            word = line.decode("utf-8", "replace").split(":")[0].split()[0].upper()
            self.server.heard.append(word)
            if not self.say(word):
                return
            if word == "DATA" and self.last.startswith("354"):
                while (line := self.rfile.readline()) and line != b".\r\n":
                    pass
                if not self.say("end"):
                    return

    def say(self, word: str) -> bool:
        answer = self.server.answer(word)
        if answer is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            return False
        self.last = answer
        self.wfile.write(answer.encode() + b"\r\n")
        return not answer.startswith("421")


Script = Callable[..., tuple[SmtpMailer, Scripted]]


@pytest.fixture
def script(cleanup: ExitStack) -> Script:
    def start(**answers: str | list[str | None] | None) -> tuple[SmtpMailer, Scripted]:
        server = cleanup.enter_context(Scripted(**answers))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        cleanup.callback(server.shutdown)
        return mailer_to(cleanup, server.server_address[1], timeout=0.5, final_timeout=0.5), server

    return start


def test_the_mailer_is_what_the_engine_asks_for(cleanup: ExitStack) -> None:
    mailer: Mailer = mailer_to(cleanup, 1)
    mailer.close()


def test_a_mail_arrives_whole_at_everybody_it_names(cleanup: ExitStack) -> None:
    inbox = Inbox()
    mailer = mailer_to(cleanup, serve(cleanup, inbox))
    copies = (Person("Owner", "owner@us.example"), Person("Dana again", "dana@acme.example"))
    assert mailer.send(replace(MAIL, cc=copies)) == Handed("2.0.0 kept")
    [envelope] = inbox.mails
    assert envelope.mail_from == "felix@us.example"
    assert envelope.rcpt_tos == ["dana@acme.example", "owner@us.example"]
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n") == MAIL.text
    assert message["From"] == "Felix Nordström <felix@us.example>"


def test_the_connection_is_kept_between_mails(cleanup: ExitStack) -> None:
    inbox = Inbox()
    mailer = mailer_to(cleanup, serve(cleanup, inbox))
    assert [type(mailer.send(MAIL)) for _ in range(5)] == [Handed] * 5
    assert len(set(inbox.peers)) == 1


def test_a_new_connection_is_made_after_close(cleanup: ExitStack) -> None:
    inbox = Inbox()
    mailer = mailer_to(cleanup, serve(cleanup, inbox))
    mailer.send(MAIL)
    mailer.close()
    mailer.close()
    assert isinstance(mailer.send(MAIL), Handed)
    assert len(set(inbox.peers)) == 2


def test_one_unknown_recipient_stops_the_mail_for_all_and_the_next_mail_goes_out(cleanup: ExitStack) -> None:
    inbox = Inbox()
    mailer = mailer_to(cleanup, serve(cleanup, inbox))
    refused = mailer.send(replace(MAIL, cc=(Person("Gone", "nobody@us.example"),)))
    assert refused == Refused(
        "127.0.0.1 refused nobody@us.example: 550 5.1.1 no such mailbox", permanent=True
    )
    assert inbox.mails == []
    assert mailer.send(MAIL) == Handed("2.0.0 kept")
    assert [mail.rcpt_tos for mail in inbox.mails] == [["dana@acme.example"]]
    assert len(set(inbox.peers)) == 1


def test_a_greylisted_recipient_may_be_tried_again(cleanup: ExitStack) -> None:
    inbox = Inbox()
    refused = mailer_to(cleanup, serve(cleanup, inbox)).send(
        replace(MAIL, to=Person("", "later@acme.example"))
    )
    assert refused == Refused("127.0.0.1 refused later@acme.example: 451 4.7.1 greylisted", permanent=False)
    assert inbox.mails == []


def test_a_mail_that_cannot_be_built_never_reaches_the_server(script: Script) -> None:
    mailer, server = script()
    refused = mailer.send(replace(MAIL, subject="Hello\r\nBcc: everyone@evil.example"))
    assert isinstance(refused, Refused)
    assert refused.permanent
    assert server.connections == 0


def test_an_address_beyond_ascii_goes_out_by_smtputf8(cleanup: ExitStack) -> None:
    inbox = Inbox()
    mailer = mailer_to(cleanup, serve(cleanup, inbox, enable_SMTPUTF8=True))
    assert isinstance(mailer.send(replace(MAIL, to=Person("Jörg", "jörg@müller.example"))), Handed)
    assert isinstance(mailer.send(MAIL), Handed)
    assert [mail.rcpt_tos for mail in inbox.mails] == [["jörg@xn--mller-kva.example"], ["dana@acme.example"]]
    assert [mail.smtp_utf8 for mail in inbox.mails] == [True, False]


def test_an_address_beyond_ascii_is_refused_where_the_server_takes_none(script: Script) -> None:
    mailer, server = script()
    refused = mailer.send(replace(MAIL, to=Person("Jörg", "jörg@müller.example")))
    assert refused == Refused(
        "127.0.0.1 takes no addresses with characters beyond ASCII (no SMTPUTF8)", permanent=True
    )
    assert "MAIL" not in server.heard


def test_a_server_that_is_not_there_is_not_the_mails_fault(cleanup: ExitStack) -> None:
    port = a_free_port()
    refused = mailer_to(cleanup, port).send(MAIL)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith(f"cannot connect to 127.0.0.1:{port}: ")
    assert not refused.permanent


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"greet": "554 go away"}, Refused("cannot connect to 127.0.0.1:PORT: 554 go away", permanent=False)),
        (
            {"greet": None},
            Refused("cannot connect to 127.0.0.1:PORT: Connection unexpectedly closed", permanent=False),
        ),
        ({"MAIL": "550 not you"}, Refused("127.0.0.1 refused the sender: 550 not you", permanent=True)),
        (
            {"MAIL": "530 log in first"},
            Refused("127.0.0.1 refused the sender: 530 log in first", permanent=False),
        ),
        ({"MAIL": "421 closing"}, Refused("127.0.0.1 refused the sender: 421 closing", permanent=False)),
        (
            {"RCPT": "421 closing"},
            Refused("127.0.0.1 refused dana@acme.example: 421 closing", permanent=False),
        ),
        ({"DATA": "554 no"}, Refused("127.0.0.1 refused the message: 554 no", permanent=True)),
        ({"DATA": "451 not now"}, Refused("127.0.0.1 refused the message: 451 not now", permanent=False)),
        ({"end": "554 spam"}, Refused("127.0.0.1 refused the message: 554 spam", permanent=True)),
        ({"end": "452 disk full"}, Refused("127.0.0.1 refused the message: 452 disk full", permanent=False)),
        ({"end": "421 closing"}, Refused("127.0.0.1 refused the message: 421 closing", permanent=False)),
    ],
)
def test_a_refusal_is_permanent_only_when_it_is_about_this_mail(
    script: Script, answers: dict[str, str | None], expected: Refused
) -> None:
    mailer, server = script(**answers)
    port = str(server.server_address[1])
    assert mailer.send(MAIL) == replace(expected, reason=expected.reason.replace("PORT", port))


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_content_was_asked_for_left_nothing(script: Script, word: str) -> None:
    mailer, server = script(**{word: None})
    refused = mailer.send(MAIL)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("127.0.0.1 went away when ")
    assert not refused.permanent
    server.answers[word] = {"DATA": "354 go on"}.get(word, "250 ok")
    assert mailer.send(MAIL) == Handed("kept")


def test_a_connection_lost_after_the_content_was_asked_for_is_uncertain(script: Script) -> None:
    mailer, server = script(end=[None, "250 kept"])
    lost = mailer.send(MAIL)
    assert isinstance(lost, Uncertain)
    assert lost.reason.startswith("127.0.0.1 went away while it held the message")
    assert mailer.send(MAIL) == Handed("kept")
    assert server.connections == 2


def test_no_answer_to_the_whole_message_is_uncertain(cleanup: ExitStack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        talk = threading.Thread(target=_answer_up_to_354, args=(listener,))
        talk.start()
        mailer = mailer_to(cleanup, listener.getsockname()[1], timeout=0.2, final_timeout=0.2)
        assert isinstance(mailer.send(MAIL), Uncertain)
        talk.join()


def _answer_up_to_354(listener: socket.socket) -> None:
    peer, _ = listener.accept()
    with peer, peer.makefile("rwb") as stream:
        for answer in ("220 hi", "250 mail.example", "250 ok", "250 ok", "354 go on"):
            stream.write(answer.encode() + b"\r\n")
            stream.flush()
            stream.readline()
        while stream.readline():  # takes the message in and never answers; ends when the client gives up
            pass


@pytest.mark.parametrize("gone", [None, "421 idle for too long"])
def test_a_connection_dropped_while_idle_is_opened_again_once(script: Script, gone: str | None) -> None:
    mailer, server = script(MAIL=["250 ok", gone, "250 ok"])
    sent: list[Delivery] = [mailer.send(MAIL), mailer.send(MAIL)]
    assert sent == [Handed("kept"), Handed("kept")]
    assert server.connections == 2
    assert server.heard.count("DATA") == 2


def test_a_server_that_drops_every_connection_is_not_tried_for_ever(script: Script) -> None:
    mailer, server = script(MAIL=["250 ok", None])
    assert isinstance(mailer.send(MAIL), Handed)
    assert isinstance(mailer.send(MAIL), Refused)
    assert server.connections == 2


def test_a_login_is_made_and_a_wrong_one_is_not_the_mails_fault(cleanup: ExitStack) -> None:
    inbox = Inbox()

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any) -> AuthResult:
        assert isinstance(login, LoginPassword)
        return AuthResult(success=login.password == b"right", handled=False)

    port = serve(cleanup, inbox, authenticator=check, auth_require_tls=False)
    assert isinstance(mailer_to(cleanup, port, user="app", password="right").send(MAIL), Handed)
    wrong = mailer_to(cleanup, port, user="app", password="wrong")
    assert wrong.send(MAIL) == Refused("127.0.0.1 refused our login (535)", permanent=False)
    assert wrong.check() == Refused("127.0.0.1 refused our login (535)", permanent=False)
    assert len(inbox.mails) == 1


def test_a_login_is_refused_by_a_server_that_offers_none(script: Script, cleanup: ExitStack) -> None:
    _, server = script()
    refused = mailer_to(cleanup, server.server_address[1], user="app", password="secret-word").send(MAIL)
    assert isinstance(refused, Refused)
    assert not refused.permanent
    assert "secret-word" not in refused.reason
    assert "MAIL" not in server.heard


def test_starttls_is_never_skipped(script: Script, cleanup: ExitStack) -> None:
    _, server = script()
    refused = mailer_to(cleanup, server.server_address[1], tls="starttls").send(MAIL)
    assert isinstance(refused, Refused)
    assert "STARTTLS" in refused.reason
    assert not refused.permanent
    assert "MAIL" not in server.heard


def test_the_check_connects_and_sends_nothing(cleanup: ExitStack) -> None:
    inbox = Inbox()
    assert mailer_to(cleanup, serve(cleanup, inbox)).check() is None
    assert inbox.mails == []


def test_an_unknown_kind_of_tls_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="must be 'none', 'starttls' or 'tls'"):
        SmtpMailer("127.0.0.1", 25, tls="ssl")
