"""A mail server on loopback that keeps what it gets and misbehaves when told to."""

import asyncio
import re
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

# When a connection is cut: on connect; instead of the go-ahead for the text; while the text comes,
# before the final dot; after the final dot, instead of the answer.
Moment = Literal["connect", "data", "before_dot", "after_dot"]
# Whether a refusal answers the recipient's address or the whole message.
Answering = Literal["recipient", "message"]

_REPLY = re.compile(r"[45]\d\d [ -~]+")
_READY_SECONDS = 10
_DROP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Caught:
    """One mail as it arrived: envelope, exact bytes, who logged in, whether it came over TLS."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    user: str | None
    tls: bool

    @property
    def message(self) -> EmailMessage:
        """The mail, parsed, with plain newlines in its text."""
        return message_from_bytes(self.raw.replace(b"\r\n", b"\n"), policy=policy.default)


@dataclass(slots=True)
class _Refusal:
    address: str
    reply: str
    at: Answering
    times: int | None

    def use(self, at: Answering, address: str) -> bool:
        if self.at != at or self.times == 0 or self.address not in ("*", address.lower()):
            return False
        self.times = None if self.times is None else self.times - 1
        return True


@dataclass(slots=True)
class _Cut:
    moment: Moment
    times: int
    kept: bool


class MailCatcher:
    """An SMTP server in a thread; `with MailCatcher() as mail:` and send to `mail.host`, `mail.port`.

    `tls`: a server-side context with a certificate; STARTTLS is then offered and demanded. `login`: the
    one (user, password) that may send. Port 0 takes a free one, known before `start`.
    """

    def __init__(
        self, *, port: int = 0, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None
    ) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.host = "127.0.0.1"
        self.port: int = self._socket.getsockname()[1]
        self._tls = tls
        self._login = login
        self._lock = threading.Lock()
        self._caught: list[Caught] = []
        self._refusals: list[_Refusal] = []
        self._cuts: list[_Cut] = []
        self._delay = 0.0
        self._connections: list[_Conversation] = []
        self._ready = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="mail-catcher")

    # What came

    def caught(self) -> list[Caught]:
        """List everything accepted so far, oldest first."""
        with self._lock:
            return list(self._caught)

    def messages(self, to: str | None = None) -> list[EmailMessage]:
        """List the accepted mails, parsed, oldest first: all, or those sent to one address."""
        wanted = None if to is None else to.lower()
        return [
            mail.message
            for mail in self.caught()
            if wanted is None or wanted in (address.lower() for address in mail.recipients)
        ]

    def clear(self) -> None:
        """Forget what came so far."""
        with self._lock:
            self._caught.clear()

    @property
    def connected(self) -> int:
        """How many connections were made so far."""
        return len(self._connections)

    # What shall go wrong

    def refuse(
        self,
        address: str = "*",
        reply: str = "550 5.1.1 No such mailbox",
        *,
        times: int | None = None,
        at: Answering = "recipient",
    ) -> None:
        """Answer a recipient ("*": any), or the message to it, with a 4xx or 5xx; `times` None: always."""
        if not _REPLY.fullmatch(reply):
            raise ValueError(f"not an SMTP refusal: {reply!r}")
        with self._lock:
            self._refusals.append(_Refusal(address.lower(), reply, at, times))

    def cut_next(self, moment: Moment, *, times: int = 1, kept: bool = True) -> None:
        """Drop the connection at a moment; after the final dot the mail may have been `kept` or not."""
        with self._lock:
            self._cuts.append(_Cut(moment, times, kept))

    def answer_after(self, seconds: float) -> None:
        """Wait that long after the final dot before answering, from now on (0: not at all)."""
        self._delay = seconds

    def behave(self) -> None:
        """Drop every refusal, cut and delay still to come."""
        with self._lock:
            self._refusals.clear()
            self._cuts.clear()
        self._delay = 0.0

    # Life

    def start(self) -> Self:
        """Begin to accept mail."""
        self._thread.start()
        if not self._ready.wait(_READY_SECONDS):
            raise RuntimeError("the mail catcher did not start")
        return self

    def stop(self) -> None:
        """Stop; returns when the thread has ended and every socket is closed."""
        if self._thread.is_alive():
            self._stopping = True
            # Waiting for a connection ends with one; cancelling it could lose one just accepted.
            socket.create_connection((self.host, self.port)).close()
            self._thread.join()
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._socket.setblocking(False)
        self._ready.set()
        while True:
            accepted, _ = await loop.sock_accept(self._socket)
            if self._stopping:
                accepted.close()
                break
            await loop.connect_accepted_socket(self._connection, accepted)
        for conversation in self._connections:
            conversation.drop()
            # One dropped within a TLS handshake is never told that it is lost.
            with suppress(TimeoutError):
                await asyncio.wait_for(conversation.lost.wait(), _DROP_SECONDS)

    def _connection(self) -> "_Conversation":
        conversation = _Conversation(self, self._tls, self._login)
        self._connections.append(conversation)
        return conversation

    # Called by the conversations, in the server's thread

    def take_cut(self, moment: Moment) -> _Cut | None:
        """Use up a cut asked for at this moment."""
        with self._lock:
            cut = next((each for each in self._cuts if each.moment == moment and each.times), None)
            if cut is not None:
                cut.times -= 1
            return cut

    def refusal(self, at: Answering, *addresses: str) -> str | None:
        """Use up a refusal asked for one of these addresses; returns its reply."""
        with self._lock:
            found = (each for each in self._refusals for address in addresses if each.use(at, address))
            used = next(found, None)
            return used.reply if used else None

    def keep(self, mail: Caught) -> None:
        """Keep a mail."""
        with self._lock:
            self._caught.append(mail)

    @property
    def delay(self) -> float:
        """Seconds to wait before the answer to a final dot."""
        return self._delay


class _Conversation(SMTP):
    """One connection: what aiosmtpd does, plus cuts, refusals and delays."""

    def __init__(
        self, catcher: MailCatcher, tls: ssl.SSLContext | None, login: tuple[str, str] | None
    ) -> None:
        self._catcher = catcher
        self._pair = login
        self.lost = asyncio.Event()
        super().__init__(
            self,
            enable_SMTPUTF8=True,
            hostname="mail.sandbox",
            tls_context=tls,
            require_starttls=tls is not None,
            auth_require_tls=tls is not None,
            authenticator=self._check_login,
            loop=asyncio.get_running_loop(),
        )

    def drop(self) -> None:
        """Cut the connection without a word."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        first = self.transport is None
        super().connection_made(transport)
        if first and self._catcher.take_cut("connect"):
            self.drop()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.lost.set()

    def _check_login(
        self, _server: object, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> Any:
        if not isinstance(given, LoginPassword) or self._pair is None:
            return AuthResult(success=False, handled=False)
        right = (given.login.decode(), given.password.decode()) == self._pair
        return AuthResult(success=right, handled=False, auth_data=given.login.decode())

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Take the text, unless the connection is to be cut before its end."""
        if self._catcher.take_cut("data"):
            await self._gone()
        if self._catcher.take_cut("before_dot"):
            await self.push("354 Go ahead")
            await self._gone()
        await super().smtp_DATA(arg)

    async def _gone(self) -> None:
        self.drop()
        # Losing the connection cancels this task; nothing more may be said on it.
        await asyncio.get_running_loop().create_future()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: object, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer MAIL FROM."""
        if self._pair is not None and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: object, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer RCPT TO, with a refusal if one was asked for."""
        reply = self._catcher.refusal("recipient", address)
        if reply is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: object, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Answer the final dot."""
        if self._catcher.delay:
            await asyncio.sleep(self._catcher.delay)
        cut = self._catcher.take_cut("after_dot")
        reply = self._catcher.refusal("message", *envelope.rcpt_tos)
        if reply is None and (cut is None or cut.kept):
            self._catcher.keep(_caught(session, envelope))
        if cut is not None:
            await self._gone()
        return reply or "250 2.0.0 Kept"


def _caught(session: Session, envelope: Envelope) -> Caught:
    return Caught(
        sender=envelope.mail_from or "",
        recipients=tuple(envelope.rcpt_tos),
        raw=envelope.original_content or b"",
        user=session.auth_data if session.authenticated else None,
        tls=session.ssl is not None,
    )
