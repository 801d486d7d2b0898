"""A private Dovecot on a free loopback port, to read mail from as from anybody's mail server.

Anybody may log in with the password `secret`; a mailbox is made when it is first used. Everything lies in a short
temporary directory (a socket's path may have 107 characters) and is gone with the server.
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from imapclient import IMAPClient

PASSWORD = "secret"
PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
STARTS_WITHIN = 20.0


@dataclass
class Dovecot:
    """A running server. `port` takes plain connections and STARTTLS, `tls_port` TLS from the first byte."""

    home: Path
    port: int
    tls_port: int
    certificate: Path
    _running: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [str(PROGRAM), "-F", "-c", str(self.home / "dovecot.conf")]
        quiet = subprocess.DEVNULL
        self._running = subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
        )
        end = time.monotonic() + STARTS_WITHIN
        while self._running.poll() is None and time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=STARTS_WITHIN) as greeted:
                    if greeted.recv(4) == b"* OK":
                        return
            except OSError:
                time.sleep(0.02)
        log = self.home / "log"
        raise RuntimeError(f"Dovecot did not start:\n{log.read_text() if log.exists() else ''}")

    def stop(self) -> None:
        """End the server and what it started, and nobody else's."""
        if self._running is not None:
            self._running.terminate()
            try:
                self._running.wait(STARTS_WITHIN)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(
                        self._running.pid, signal.SIGKILL
                    )  # its session: those it serves outlive it a while
                self._running.wait()
            self._running = None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Be gone for as long as the block lasts."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def logged_in(self, user: str) -> Iterator[IMAPClient]:
        """Log in as the owner of a mailbox, who may change it."""
        with IMAPClient("127.0.0.1", self.port, ssl=False, timeout=20) as client:
            client._imap.debug = 0
            client.login(user, PASSWORD)
            yield client

    def sessions(self, user: str) -> list[str]:
        """Return the server's log line about each session of a user, once all of them are over."""
        end = time.monotonic() + STARTS_WITHIN
        while True:
            log = (self.home / "log").read_text().splitlines()
            begun = [line for line in log if f"Login: user=<{user}>" in line]
            ended = [line for line in log if f"imap({user})<" in line and "body_count=" in line]
            if len(ended) >= len(begun) or time.monotonic() > end:
                return ended
            time.sleep(0.02)

    def deliver(self, user: str, *mails: bytes, folder: str = "INBOX", at: datetime | None = None) -> None:
        """Put mails into a mailbox, as if they had come at a time."""
        with self.logged_in(user) as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            for mail in mails:
                client.append(folder, mail, msg_time=at)


@contextmanager
def running() -> Iterator[Dovecot]:
    """Run a server for as long as the block lasts."""
    home = Path(tempfile.mkdtemp(prefix="dw-", dir="/tmp"))
    server = Dovecot(home, _free_port(), _free_port(), home / "cert.pem")
    try:
        _make_certificate(home)
        (home / "dovecot.conf").write_text(_settings(server))
        home.chmod(0o755)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _make_certificate(home: Path) -> None:
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mail.example"
    named = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        f"{home}/key.pem",
        "-out",
        f"{home}/cert.pem",
    ]
    subprocess.run(["openssl", "req", *options.split(), *named], check=True, capture_output=True)


def _settings(server: Dovecot) -> str:
    home = server.home
    root = os.getuid() == 0
    # Dovecot refuses mail of root's; whoever else runs it is everybody in it.
    owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
    mail = home / "mail"
    mail.mkdir()
    if root:
        os.chown(mail, owner.pw_uid, owner.pw_gid)
    me = pwd.getpwuid(os.getuid()).pw_name
    ours = "" if root else f"default_login_user = {me}\ndefault_internal_user = {me}\n"
    group = "" if root else f"default_internal_group = {grp.getgrgid(os.getgid()).gr_name}\n"
    return f"""
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = sdbox:{mail}/%u
mail_fsync = never
first_valid_uid = {owner.pw_uid}
first_valid_gid = {owner.pw_gid}
{ours}{group}
ssl = yes
ssl_cert = <{home}/cert.pem
ssl_key = <{home}/key.pem
mail_max_userip_connections = 100
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={mail}/%u allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {server.port}
  }}
  inet_listener imaps {{
    port = {server.tls_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""
