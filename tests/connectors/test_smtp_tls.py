"""Mail over TLS: certificates are checked, whatever the kind of TLS."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from dunwell.connectors.mail.client import SmtpMailer
from dunwell.policy.facts import Person
from dunwell.policy.readings import Handed, OutgoingMail, Refused

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")

MAIL = OutgoingMail(
    message_id="<case-1.notice@mail.example>",
    sender=Person("Felix Nordstrom", "felix@us.example"),
    to=Person("Dana Reyes", "dana@acme.example"),
    reply_to="",
    subject="Invoice EX-2026-0417",
    text="Hi Dana\n",
    html="<p>Hi Dana</p>",
    date=datetime(2026, 4, 7, 14, 3, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, its key in the same file."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mail.example"
    key = file.with_name("key.pem")
    subprocess.run(
        [
            "openssl",
            "req",
            *options.split(),
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            key,
            "-out",
            file,
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + key.read_text())
    return file


@contextmanager
def server_with(certificate: Path, kind: str) -> Iterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    at_once, on_demand = (context, None) if kind == "tls" else (None, context)
    controller = Controller(
        Sink(),
        "127.0.0.1",
        port,
        ssl_context=at_once,
        tls_context=on_demand,
        require_starttls=kind == "starttls",
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.mark.parametrize("kind", ["starttls", "tls"])
def test_a_mail_goes_out_over_tls_to_a_server_with_a_trusted_certificate(
    certificate: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with server_with(certificate, kind) as port:
        mailer = SmtpMailer("127.0.0.1", port, tls=kind, timeout=5)
        assert [type(mailer.send(MAIL)), type(mailer.send(MAIL))] == [Handed, Handed]
        mailer.close()


@pytest.mark.parametrize("kind", ["starttls", "tls"])
def test_no_mail_goes_to_a_server_nobody_vouches_for(certificate: Path, kind: str) -> None:
    with server_with(certificate, kind) as port:
        refused = SmtpMailer("127.0.0.1", port, tls=kind, timeout=5).send(MAIL)
    assert isinstance(refused, Refused)
    assert "certificate verify failed" in refused.reason
    assert not refused.permanent


def test_no_mail_goes_in_the_clear_to_a_server_that_wants_tls(certificate: Path) -> None:
    with server_with(certificate, "starttls") as port:
        mailer = SmtpMailer("127.0.0.1", port, timeout=5)
        refused = mailer.send(MAIL)
        mailer.close()
    assert refused == Refused(
        "127.0.0.1 refused the sender: 530 Must issue a STARTTLS command first", permanent=False
    )
