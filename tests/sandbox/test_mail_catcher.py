import shutil
import smtplib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from dunwell.sandbox.mail import MailCatcher

LOGIN = ("dunwell", "correct horse")


@pytest.fixture
def mail() -> Iterator[MailCatcher]:
    with MailCatcher() as catcher:
        yield catcher


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, its key in the same file."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    key = file.with_name("key.pem")
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mail.sandbox"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(file)]
    subprocess.run(["openssl", "req", *options.split(), *names], check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    return file


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def client_tls(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


def letter(to: str = "dana@acme.example", text: str = "Hello\n.\nDünwell\n") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Priya Sample <priya@dunwell.example>"
    message["To"] = to
    message["Subject"] = "Invoice INV-1"
    message.set_content(text)
    return message


def connect(mail: MailCatcher, timeout: float = 5) -> smtplib.SMTP:
    return smtplib.SMTP(mail.host, mail.port, timeout=timeout)


def test_a_mail_is_kept_as_it_was_sent(mail: MailCatcher) -> None:
    with connect(mail) as smtp:
        smtp.send_message(letter(), to_addrs=["dana@acme.example", "felix@us.example"])
    (caught,) = mail.caught()
    assert caught.sender == "priya@dunwell.example"
    assert caught.recipients == ("dana@acme.example", "felix@us.example")
    assert (caught.user, caught.tls) == (None, False)
    (message,) = mail.messages()
    assert message["Subject"] == "Invoice INV-1"
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content() == "Hello\n.\nDünwell\n"


def test_mails_are_found_by_recipient_in_order_and_forgotten(mail: MailCatcher) -> None:
    with connect(mail) as smtp:
        for number, to in enumerate(["a@x.example", "b@x.example", "A@X.example"]):
            smtp.send_message(letter(to, f"{number}\n"))
    assert [m.get_content() for m in mail.messages("a@x.example")] == ["0\n", "2\n"]
    assert len(mail.messages()) == 3
    assert mail.connected == 1
    mail.clear()
    assert mail.messages() == []


def test_an_address_can_be_refused_for_now_a_number_of_times(mail: MailCatcher) -> None:
    mail.refuse("Dana@acme.example", "451 4.3.0 Try later", times=2)
    with connect(mail) as smtp:
        for _ in range(2):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                smtp.send_message(letter())
            assert refused.value.recipients == {"dana@acme.example": (451, b"4.3.0 Try later")}
        smtp.send_message(letter())
    assert len(mail.caught()) == 1


def test_one_of_two_recipients_can_be_refused_for_good(mail: MailCatcher) -> None:
    mail.refuse("gone@acme.example")
    with connect(mail) as smtp:
        for _ in range(2):
            problems = smtp.send_message(letter(), to_addrs=["gone@acme.example", "dana@acme.example"])
            assert problems == {"gone@acme.example": (550, b"5.1.1 No such mailbox")}
    assert [caught.recipients for caught in mail.caught()] == [("dana@acme.example",)] * 2


@pytest.mark.parametrize("reply", ["452 4.2.2 Mailbox full", "554 5.7.1 Looks like spam"])
def test_a_message_can_be_refused_after_its_final_dot(mail: MailCatcher, reply: str) -> None:
    mail.refuse("dana@acme.example", reply, at="message")
    with connect(mail) as smtp, pytest.raises(smtplib.SMTPDataError) as refused:
        smtp.send_message(letter())
    assert refused.value.smtp_code == int(reply[:3])
    assert mail.caught() == []


def test_a_refusal_must_be_one(mail: MailCatcher) -> None:
    for reply in ("250 OK", "nope", "550", "550 a\r\nb"):
        with pytest.raises(ValueError, match="not an SMTP refusal"):
            mail.refuse("x@x.example", reply)


@pytest.mark.parametrize(("kept", "count"), [(True, 1), (False, 0)])
def test_a_connection_can_be_cut_after_the_final_dot(mail: MailCatcher, *, kept: bool, count: int) -> None:
    mail.cut_next("after_dot", kept=kept)
    smtp = connect(mail)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.send_message(letter())
    smtp.close()
    assert len(mail.caught()) == count
    with connect(mail) as smtp:
        smtp.send_message(letter())
    assert len(mail.caught()) == count + 1


@pytest.mark.parametrize("moment", ["data", "before_dot"])
def test_a_connection_can_be_cut_before_the_final_dot(mail: MailCatcher, moment: Any) -> None:
    mail.cut_next(moment)
    smtp = connect(mail)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        smtp.send_message(letter(text="line\n" * 100_000))
    smtp.close()
    assert mail.caught() == []


def test_the_go_ahead_is_given_before_a_cut_in_the_text_and_not_before_a_cut_at_data(
    mail: MailCatcher,
) -> None:
    mail.cut_next("before_dot")
    mail.cut_next("data", times=1)
    for code in (None, 354):
        smtp = connect(mail)
        smtp.ehlo()
        smtp.mail("priya@dunwell.example")
        smtp.rcpt("dana@acme.example")
        if code is None:
            with pytest.raises(smtplib.SMTPServerDisconnected):
                smtp.docmd("DATA")
        else:
            assert smtp.docmd("DATA")[0] == code
        smtp.close()


def test_a_connection_can_be_cut_at_once(mail: MailCatcher) -> None:
    mail.cut_next("connect", times=2)
    for _ in range(2):
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            connect(mail)
    with connect(mail) as smtp:
        assert smtp.noop()[0] == 250


def test_a_slow_answer_is_a_timeout_and_the_mail_may_have_been_kept(mail: MailCatcher) -> None:
    mail.answer_after(60)
    smtp = connect(mail, timeout=0.2)
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        smtp.send_message(letter())
    smtp.close()
    mail.answer_after(0)
    with connect(mail) as smtp:
        smtp.send_message(letter())
    assert len(mail.caught()) == 1


def test_behaving_again_drops_everything_asked_for(mail: MailCatcher) -> None:
    mail.refuse()
    mail.cut_next("data")
    mail.answer_after(60)
    mail.behave()
    with connect(mail) as smtp:
        smtp.send_message(letter())
    assert len(mail.caught()) == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
class TestTlsAndLogin:
    @pytest.fixture
    def safe(self, server_tls: ssl.SSLContext) -> Iterator[MailCatcher]:
        with MailCatcher(tls=server_tls, login=LOGIN) as catcher:
            yield catcher

    def test_a_login_over_tls_may_send(self, safe: MailCatcher, client_tls: ssl.SSLContext) -> None:
        with connect(safe) as smtp:
            smtp.starttls(context=client_tls)
            smtp.login(*LOGIN)
            smtp.send_message(letter())
        (caught,) = safe.caught()
        assert (caught.user, caught.tls) == ("dunwell", True)

    def test_without_tls_nothing_is_taken(self, safe: MailCatcher) -> None:
        with connect(safe) as smtp, pytest.raises(smtplib.SMTPSenderRefused) as refused:
            smtp.send_message(letter())
        assert refused.value.smtp_code == 530
        assert safe.caught() == []

    def test_a_wrong_password_is_refused(self, safe: MailCatcher, client_tls: ssl.SSLContext) -> None:
        with connect(safe) as smtp:
            smtp.starttls(context=client_tls)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                smtp.login("dunwell", "wrong")

    def test_without_a_login_nothing_is_taken(self, safe: MailCatcher, client_tls: ssl.SSLContext) -> None:
        with connect(safe) as smtp:
            smtp.starttls(context=client_tls)
            with pytest.raises(smtplib.SMTPSenderRefused) as refused:
                smtp.send_message(letter())
        assert refused.value.smtp_code == 530

    def test_a_client_that_does_not_know_the_certificate_goes_away(self, safe: MailCatcher) -> None:
        smtp = connect(safe)
        with pytest.raises(ssl.SSLCertVerificationError):
            smtp.starttls(context=ssl.create_default_context())
        smtp.close()
        assert safe.caught() == []

    def test_a_cut_works_over_tls_too(self, safe: MailCatcher, client_tls: ssl.SSLContext) -> None:
        safe.cut_next("after_dot")
        smtp = connect(safe)
        smtp.starttls(context=client_tls)
        smtp.login(*LOGIN)
        with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
            smtp.send_message(letter())
        smtp.close()
        assert len(safe.caught()) == 1

    def test_stopping_does_not_wait_for_a_handshake(self, server_tls: ssl.SSLContext) -> None:
        with MailCatcher(tls=server_tls) as catcher:
            smtp = connect(catcher)
            smtp.ehlo()
            assert smtp.docmd("STARTTLS")[0] == 220
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            smtp.noop()
        smtp.close()

    def test_a_login_can_be_asked_for_without_tls(self) -> None:
        with MailCatcher(login=LOGIN) as catcher, connect(catcher) as smtp:
            smtp.login(*LOGIN)
            smtp.send_message(letter())
            assert [caught.user for caught in catcher.caught()] == ["dunwell"]


class TestLife:
    def test_stopping_ends_the_thread_and_open_conversations(self) -> None:
        before = set(threading.enumerate())
        catcher = MailCatcher().start()
        catcher.answer_after(60)
        idle = connect(catcher)
        silent = socket.create_connection((catcher.host, catcher.port))
        catcher.stop()
        assert set(threading.enumerate()) == before
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            idle.noop()
        idle.close()
        silent.close()
        with pytest.raises(ConnectionRefusedError):
            connect(catcher)

    def test_a_catcher_that_was_never_started_can_be_stopped(self) -> None:
        MailCatcher().stop()

    def test_two_catchers_take_two_ports(self) -> None:
        with MailCatcher() as one, MailCatcher() as two:
            assert one.port != two.port
