"""Hands mail to an SMTP server and says, of each mail, whether it left."""

import smtplib
import ssl
from threading import Lock

from dunwell.connectors.mail.mime import UnmailableError, build_message, needs_smtputf8, wire_address
from dunwell.policy.readings import Delivery, Handed, OutgoingMail, Refused, Uncertain

# RFC 5321 4.5.3.2.6 grants a server ten minutes to take a message in; a worker's claim on it is shorter.
_WAIT_FOR_THE_LAST_ANSWER = 60.0
# Refusals at MAIL that speak of our login, not of the message: a later try can succeed.
_NEEDS_LOGIN = frozenset({530, 534, 535, 538})


class _RefusedAtError(Exception):
    """The server said no, or went away, before it held the message."""

    def __init__(self, reason: str, *, permanent: bool = False, stale: bool = False) -> None:
        super().__init__(reason)
        self.refused = Refused(reason, permanent)
        self.stale = stale


class SmtpMailer:
    """A `Mailer` (engine/ports.py) over one SMTP connection, kept open between mails.

    `tls` is `"none"`, `"starttls"` or `"tls"` (from the first byte); certificates are always verified.
    `own_name` is what we call ourselves in EHLO: the name of this host in DNS. `timeout` in seconds for
    every step but the answer to the whole message, which may take `final_timeout`.

    One mail at a time; sharing it between threads is safe. A connection that went away while idle is
    opened again once, and only before anything of the mail was said.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str = "",
        password: str = "",
        *,
        tls: str = "none",
        timeout: float = 20,
        final_timeout: float = _WAIT_FOR_THE_LAST_ANSWER,
        own_name: str = "localhost",
    ) -> None:
        if tls not in ("none", "starttls", "tls"):
            raise ValueError(f"tls must be 'none', 'starttls' or 'tls', not {tls!r}")
        self._host, self._port, self._tls = host, port, tls
        self._user, self._password = user, password
        self._timeout, self._final_timeout = timeout, max(timeout, final_timeout)
        self._own_name = own_name
        self._context = None if tls == "none" else ssl.create_default_context()
        self._server: smtplib.SMTP | None = None
        self._lock = Lock()

    def send(self, mail: OutgoingMail) -> Delivery:
        """Hand over one mail to all its recipients or to none; never raises for what server or network do.

        `Refused.permanent` is the server's 5xx about this mail, or a mail that cannot be built. A server
        we cannot reach or log in to is not the mail's fault. Once the server has asked for the content
        (354), a lost connection is `Uncertain`.
        """
        try:
            message = build_message(mail)
            sender, recipients = wire_address(mail.sender.email), _recipients(mail)
        except UnmailableError as error:
            return Refused(str(error), permanent=True)
        content, utf8 = message.as_bytes(), needs_smtputf8(message)
        with self._lock:
            try:
                server = self._announced(sender, len(content), utf8=utf8)
                self._address(server, recipients)
            except _RefusedAtError as error:
                return error.refused
            return self._hand_over(server, content)

    def close(self) -> None:
        """Say goodbye and let go of the connection; the next `send` opens another."""
        with self._lock:
            server, self._server = self._server, None
            if server is None:
                return
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()

    def check(self) -> Refused | None:
        """Connect, greet and log in without sending anything; None when all of it works (for doctor)."""
        with self._lock:
            try:
                self._drop()
                self._connected()
            except _RefusedAtError as error:
                return error.refused
            return None

    def _announced(self, sender: str, size: int, *, utf8: bool) -> smtplib.SMTP:
        """Say MAIL FROM; over a kept connection that turns out to be dead, once more over a new one."""
        if self._server is not None:
            try:
                return self._say_mail_from(self._server, sender, size, utf8=utf8)
            except _RefusedAtError as error:
                if not error.stale:
                    raise
        return self._say_mail_from(self._connected(), sender, size, utf8=utf8)

    def _say_mail_from(self, server: smtplib.SMTP, sender: str, size: int, *, utf8: bool) -> smtplib.SMTP:
        options = [f"size={size}"] if server.has_extn("size") else []
        if utf8:
            if not server.has_extn("smtputf8"):
                reason = f"{self._host} takes no addresses with characters beyond ASCII (no SMTPUTF8)"
                raise _RefusedAtError(reason, permanent=True)
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        try:
            code, answer = server.mail(sender, options)
        except (OSError, smtplib.SMTPException) as error:
            raise self._gone("the sender was announced", error) from None
        if code != 250:
            raise self._refusal("the sender", code, answer, kept=code != 421)
        return server

    def _address(self, server: smtplib.SMTP, recipients: list[str]) -> None:
        for recipient in recipients:
            try:
                code, answer = server.rcpt(recipient)
            except (OSError, smtplib.SMTPException) as error:
                raise self._gone("the recipients were named", error) from None
            if code not in (250, 251):
                raise self._refusal(recipient, code, answer, kept=self._reset(server, code))

    def _hand_over(self, server: smtplib.SMTP, content: bytes) -> Delivery:
        try:
            code, answer = server.docmd("DATA")
        except (OSError, smtplib.SMTPException) as error:
            return self._gone("the content was asked for", error).refused
        if code != 354:
            return self._refusal("the message", code, answer, kept=self._reset(server, code)).refused
        try:
            server.send(_stuffed(content))
            if server.sock is not None:
                server.sock.settimeout(self._final_timeout)
            code, answer = server.getreply()
            if server.sock is not None:
                server.sock.settimeout(self._timeout)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Uncertain(f"{self._host} went away while it held the message: {_why(error)}")
        if code == 250:
            return Handed(_text(answer))
        return self._refusal("the message", code, answer, kept=code != 421).refused

    def _connected(self) -> smtplib.SMTP:
        try:
            return self._open()
        except smtplib.SMTPAuthenticationError as error:
            self._drop()
            raise _RefusedAtError(f"{self._host} refused our login ({error.smtp_code})") from None
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise _RefusedAtError(f"cannot connect to {self._host}:{self._port}: {_why(error)}") from None

    def _open(self) -> smtplib.SMTP:
        server: smtplib.SMTP
        if self._tls == "tls":
            server = smtplib.SMTP_SSL(
                self._host, self._port, self._own_name, timeout=self._timeout, context=self._context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, self._own_name, timeout=self._timeout)
        self._server = server
        server.ehlo_or_helo_if_needed()
        if self._tls == "starttls":
            server.starttls(context=self._context)
            server.ehlo_or_helo_if_needed()
        if self._user:
            server.login(self._user, self._password)
        return server

    def _reset(self, server: smtplib.SMTP, code: int) -> bool:
        """Take back the half-said mail, so that the connection can carry the next; False if it cannot."""
        if code == 421:
            return False
        try:
            return server.rset()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def _refusal(self, what: str, code: int, answer: bytes, *, kept: bool) -> _RefusedAtError:
        if not kept:
            self._drop()
        permanent = 500 <= code <= 599 and code not in _NEEDS_LOGIN
        reason = f"{self._host} refused {what}: {code} {_text(answer)}"
        return _RefusedAtError(reason, permanent=permanent, stale=code == 421)

    def _gone(self, when: str, error: Exception) -> _RefusedAtError:
        self._drop()
        return _RefusedAtError(f"{self._host} went away when {when}: {_why(error)}", stale=True)

    def _drop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()


def _recipients(mail: OutgoingMail) -> list[str]:
    """List the envelope's recipients once each, To first."""
    return list(dict.fromkeys(wire_address(person.email) for person in (mail.to, *mail.cc)))


def _stuffed(content: bytes) -> bytes:
    """Double leading dots and end with the lone one (RFC 5321 4.5.2). The content already has CRLFs."""
    return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def _text(answer: bytes) -> str:
    return " ".join(answer.decode("utf-8", "replace").split())[:200]


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error
        return f"{error.smtp_code} {answer if isinstance(answer, str) else _text(answer)}"
    return (str(error) or type(error).__name__)[:200]
