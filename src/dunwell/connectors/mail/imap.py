"""Reads a mailbox over IMAP and changes nothing in it."""

import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError, ProtocolError

from dunwell.connectors.mail.parse import take_apart
from dunwell.policy.incoming import Arrived, IncomingMail, MailboxUnreadableError
from dunwell.policy.untrusted import one_line

# How far back the first look goes; what lies there was sent before anybody listened.
_FIRST_LOOK = timedelta(days=3)
# Mails may stand out of order by as much; the engine knows those it has.
_SLACK = timedelta(days=1)
_MOST_BYTES = 40_000_000
_BEGINNING = 1_250_000
_SIZES_AT_ONCE = 200
# A mail that makes the server fail this often is not asked for any more: the ones behind it wait.
_MOST_STUMBLES = 2
_PLACE = re.compile(r"([0-9]{1,10}):([0-9]{1,10})(?::([0-9]{1,10}))?")
_LATEST = 9_999_999_999
_BROKEN = (OSError, EOFError, ValueError, IMAPClientError)


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a mailbox was read: in which numbering, up to which number, and when that mail had come."""

    numbering: int
    last: int
    came: datetime | None = None

    @classmethod
    def read(cls, text: str) -> "_Place | None":
        """Read a place as `__str__` writes it; None for anything else."""
        found = _PLACE.fullmatch(text)
        if found is None:
            return None
        came = datetime.fromtimestamp(int(found[3]), UTC) if found[3] else None
        return cls(int(found[1]), int(found[2]), came)

    def __str__(self) -> str:
        came = f":{min(max(int(self.came.timestamp()), 0), _LATEST)}" if self.came else ""
        return f"{self.numbering}:{self.last}{came}"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A mail in the mailbox: its number there (UID), its size in bytes, and when it came."""

    uid: int
    size: int
    came: datetime


class ImapMailbox:
    """A `Mailbox` (engine/ports.py) over one IMAP connection, kept open between looks. One look at a time.

    `tls` is `"tls"` (from the first byte), `"starttls"` or `"none"`; certificates are always verified. `timeout` in
    seconds for each answer of the server. Of a mail larger than `most_bytes` only the beginning is taken. The folder
    is opened read-only (EXAMINE) and mails are peeked at: no flag changes, nothing is deleted.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        password: str,
        *,
        folder: str = "INBOX",
        tls: str = "tls",
        timeout: float = 30,
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        if tls not in ("none", "starttls", "tls"):
            raise ValueError(f"tls must be 'none', 'starttls' or 'tls', not {tls!r}")
        self._host, self._port, self._tls = host, port, tls
        self._user, self._password = user, password
        self._folder, self._timeout, self._most_bytes = folder, timeout, most_bytes
        self._server: IMAPClient | None = None
        self._stumbles: tuple[str, int] = ("", 0)

    def arrived(self, after: str, now: datetime) -> Iterator[Arrived]:
        """Yield the mails that came after a place, oldest first, one in memory at a time.

        `after` is the `place` of the last mail kept; "" looks at the last 3 days before `now` (aware). When the
        server has numbered its mails anew, mails are yielded again from a day before the last one kept. Raises
        `MailboxUnreadableError`; what was yielded before stands, and the next look goes on from there.
        """
        try:
            yield from self._arrived(_Place.read(after), now)
        except _BROKEN as error:
            self._drop()
            raise MailboxUnreadableError(self._trouble(error)) from None

    def check(self) -> str | None:
        """Connect, log in and open the folder; None when all of it works, else a sentence (for doctor)."""
        self.close()
        try:
            opened = self._opened()
        except MailboxUnreadableError as error:
            return str(error)
        except _BROKEN as error:
            return self._trouble(error)
        finally:
            self.close()
        if b"READ-ONLY" not in opened:
            return (
                f"{self._host} does not open {self._folder} read-only; looking into it may mark mails as read"
            )
        return None

    def close(self) -> None:
        """Say goodbye and let go of the connection; the next look opens another."""
        if self._server is not None:
            try:
                self._server.logout()
            except _BROKEN:
                self._drop()
            self._server = None

    def _arrived(self, place: _Place | None, now: datetime) -> Iterator[Arrived]:
        opened = self._opened()
        numbering = opened.get(b"UIDVALIDITY")
        if not isinstance(numbering, int):
            raise MailboxUnreadableError(f"{self._host} does not number the mails of {self._folder} for good")
        for mail in self._waiting(place, numbering, now):
            taken = self._take(f"{numbering}.{mail.uid}", mail)
            if taken is not None:
                yield Arrived(f"{numbering}.{mail.uid}", str(_Place(numbering, mail.uid, mail.came)), taken)
            if self._server is None:
                raise MailboxUnreadableError(f"{self._host} went away")

    def _waiting(self, place: _Place | None, numbering: int, now: datetime) -> Iterator[_Waiting]:
        if place and place.numbering == numbering:
            # "n:*" holds the newest mail even when its number is smaller than n.
            uids = [uid for uid in self._search(["UID", f"{place.last + 1}:*"]) if uid > place.last]
            since = None
        else:
            since = now - _FIRST_LOOK
            if place and place.came:
                since = min(since, place.came - _SLACK)
            # The server goes by dates of its own zone.
            uids = self._search(["SINCE", (since - timedelta(days=1)).date()])
        for start in range(0, len(uids), _SIZES_AT_ONCE):
            for mail in self._sizes(uids[start : start + _SIZES_AT_ONCE], now):
                if since is None or mail.came >= since:
                    yield mail

    def _search(self, criteria: Sequence[Any]) -> list[int]:
        return sorted({int(uid) for uid in self._connection().search(list(criteria))})

    def _sizes(self, uids: list[int], now: datetime) -> Iterator[_Waiting]:
        known = self._connection().fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
        for uid in uids:
            if uid in known:  # else it was deleted in between
                yield _Waiting(
                    uid, int(known[uid].get(b"RFC822.SIZE", 0)), known[uid].get(b"INTERNALDATE") or now
                )

    def _take(self, name: str, mail: _Waiting) -> IncomingMail | None:
        """Fetch one mail; None when it was deleted in between."""
        stumbled = self._stumbles[1] if self._stumbles[0] == name else 0
        if stumbled >= _MOST_STUMBLES:
            return self._given_up(mail)
        whole = mail.size <= self._most_bytes
        wanted = self._most_bytes if whole else min(_BEGINNING, self._most_bytes)
        try:
            source = self._fetch(mail.uid, "", wanted)
        except _BROKEN:
            self._stumbles = (name, stumbled + 1)
            raise
        if source is None or whole:
            return None if source is None else take_apart(source)
        return _beginning(source, mail.size)

    def _fetch(self, uid: int, section: str, most: int) -> bytes | None:
        """Fetch the first bytes of a mail, or of a section of it; None when it was deleted in between."""
        server = self._connection()
        found = server.fetch([uid], [f"BODY.PEEK[{section}]<0.{most}>"]).get(uid, {})
        body = next((value for key, value in found.items() if key.startswith(b"BODY[")), None)
        if body is None and uid in server.fetch([uid], ["RFC822.SIZE"]):
            raise ProtocolError("a mail without a body")
        return None if body is None else bytes(body)

    def _given_up(self, mail: _Waiting) -> IncomingMail:
        """Take the headers alone, or nothing but the fact that a mail is there: a person looks into the mailbox."""
        try:
            head = self._fetch(mail.uid, "HEADER", _BEGINNING) or b""
        except _BROKEN:
            self._drop()
            head = b""
        said = take_apart(head)
        problem = (
            f"The mail server does not hand over this mail of {mail.size:,} bytes, which came on "
            f"{mail.came.astimezone(UTC):%Y-%m-%d %H:%M} UTC. Look for it in the mailbox."
        )
        return replace(said, attachments=(), problems=(problem,))

    def _opened(self) -> dict[bytes, Any]:
        """Open the folder, over a new connection if the kept one is dead."""
        if self._server is not None:
            try:
                return self._examined(self._server)
            except _BROKEN:
                self._drop()
        return self._examined(self._connected())

    def _examined(self, server: IMAPClient) -> dict[bytes, Any]:
        opened: dict[bytes, Any] = server.select_folder(self._folder, readonly=True)
        return opened

    def _connected(self) -> IMAPClient:
        context = None if self._tls == "none" else ssl.create_default_context()
        server = IMAPClient(
            self._host, self._port, ssl=self._tls == "tls", ssl_context=context, timeout=self._timeout
        )
        self._server = server
        server._imap.debug = 0  # noqa: SLF001 - it would write out every mail, to be thrown away or logged
        server.normalise_times = False
        if self._tls == "starttls":
            server.starttls(context)
        self._log_in(server)
        return server

    def _log_in(self, server: IMAPClient) -> None:
        """Log in, by AUTHENTICATE where the server knows it: a password may hold letters that LOGIN cannot carry."""
        try:
            if server.has_capability("AUTH=PLAIN"):
                server.plain_login(self._user, self._password)
            else:
                server.login(self._user, self._password)
        except (LoginError, ValueError):
            self._drop()
            raise MailboxUnreadableError(f"{self._host} refused the login to the mailbox") from None

    def _connection(self) -> IMAPClient:
        if self._server is None:
            raise MailboxUnreadableError(f"{self._host} went away")
        return self._server

    def _drop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            try:
                server.shutdown()
            except OSError:
                return

    def _trouble(self, error: Exception) -> str:
        return f"cannot read {self._folder} on {self._host}:{self._port}: {_why(error)}"


def _beginning(source: bytes, size: int) -> IncomingMail:
    """Take apart what was fetched of a mail too large; the file in which it was cut off is left out."""
    mail = take_apart(source)
    problem = f"The mail has {size:,} bytes; only its beginning was taken."
    return replace(mail, attachments=mail.attachments[:-1], problems=(problem, *mail.problems))


def _why(error: Exception) -> str:
    """Say what happened without what was said: a server's words may hold a mail, or our login."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, IMAPClientAbortError | EOFError | ConnectionResetError | BrokenPipeError):
        return "the connection broke"
    if isinstance(error, OSError):
        return one_line(error.strerror or type(error).__name__)
    if isinstance(error, ProtocolError | ValueError):
        return "its answer is not understood"
    return one_line(str(error), 160)
