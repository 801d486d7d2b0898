"""What NetSuite says when it refuses, read into one value. Pure.

Three envelopes: REST (`o:errorDetails`), RESTlets (`error` with a SuiteScript code) and OAuth (`error` as a word).
Only codes are repeated, never the words around them, which may hold what we sent.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dunwell.policy.facts import Unreadable

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,79}")
# What SuiteScript throws, as HTTP 400, when a limit on simultaneous or frequent calls is reached.
_BUSY = {"SSS_REQUEST_LIMIT_EXCEEDED", "CONCURRENCY_LIMIT_EXCEEDED", "REQUEST_LIMIT_EXCEEDED"}
# There is no such script or deployment, or not for us.
_BEFORE_THE_SCRIPT = {"SSS_INVALID_SCRIPTLET_ID", "SSS_INVALID_DEPLOYMENT_ID", "INVALID_REQUEST"}
_DENIED = {"INSUFFICIENT_PERMISSION", "INVALID_LOGIN"}


class Kind(StrEnum):
    """What sort of trouble it is."""

    BUSY = "busy"  # not carried out: too many calls
    LOGGED_OUT = "logged_out"  # the token is not valid (any more)
    DENIED = "denied"  # our integration or role may not
    MISSING = "missing"  # NetSuite does not know what was asked for
    REFUSED = "refused"  # the request is wrong, now and tomorrow
    BROKEN = "broken"  # NetSuite failed; whether it did what was asked is not known
    NO_LOGIN = "no_login"  # logging in broke off: nothing was asked
    NOT_REACHED = "not_reached"  # no connection: nothing was asked
    NO_ANSWER = "no_answer"  # asked, and then silence
    STRANGE = "strange"  # an answer that is not understood


_WORDS = {
    Kind.BUSY: "NetSuite asks us to slow down",
    Kind.LOGGED_OUT: "NetSuite refused our login",
    Kind.DENIED: "our NetSuite role lacks a permission this needs",
    Kind.MISSING: "NetSuite does not know it",
    Kind.REFUSED: "NetSuite refused the request",
    Kind.BROKEN: "NetSuite failed",
    Kind.NO_LOGIN: "logging in to NetSuite broke off",
    Kind.NOT_REACHED: "NetSuite could not be reached",
    Kind.NO_ANSWER: "NetSuite did not answer",
    Kind.STRANGE: "NetSuite's answer is not understood",
}
_BY_STATUS = {401: Kind.LOGGED_OUT, 403: Kind.DENIED, 404: Kind.MISSING, 408: Kind.BROKEN}
# Asking again may help, and nothing is done twice by it when the call only reads.
AGAIN = {Kind.BUSY, Kind.BROKEN, Kind.NO_LOGIN, Kind.NOT_REACHED, Kind.NO_ANSWER}
# The call certainly did nothing.
NOTHING_DONE = {
    Kind.BUSY,
    Kind.LOGGED_OUT,
    Kind.DENIED,
    Kind.MISSING,
    Kind.REFUSED,
    Kind.NO_LOGIN,
    Kind.NOT_REACHED,
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A call that failed. `wait` is how many seconds NetSuite asked us to wait, if it did."""

    kind: Kind
    code: str = ""
    status: int | None = None
    wait: float | None = None

    @property
    def permanent(self) -> bool:
        """Whether the very same call can never succeed, as things are set up now."""
        return self.kind in (Kind.MISSING, Kind.REFUSED)

    @property
    def sentence(self) -> str:
        """What happened, in a sentence, with NetSuite's code or the status for their support."""
        what = _WORDS[self.kind]
        mark = self.code or (f"status {self.status}" if self.status else "")
        return f"{what[0].upper()}{what[1:]}{f' ({mark})' if mark else ''}."


def unreadable(trouble: Trouble, about: str) -> Unreadable:
    """Say why something could not be read.

    Permanent only when NetSuite does not know a record that was asked for by its id: a wrong query, key or role is
    ours to mend and must not end a case.
    """
    if trouble.kind is Kind.MISSING:
        return Unreadable(f"NetSuite does not know {about}.", permanent=True)
    return Unreadable(f"{about[:1].upper()}{about[1:]} could not be read. {trouble.sentence}")


def read_trouble(status: int, body: object, *, restlet: bool, retry_after: str = "") -> Trouble:
    """Read an answer that is not a success; `body` is its JSON, or None."""
    codes = [code for code in _codes(body) if _CODE.fullmatch(code)]
    code = next((code for code in codes if code in _BUSY), codes[0] if codes else "")
    wait = float(retry_after) if re.fullmatch(r"[0-9]{1,5}", retry_after) else None
    return Trouble(_kind(status, code, restlet=restlet), code, status, wait)


def _kind(status: int, code: str, *, restlet: bool) -> Kind:
    if status == 429 or code in _BUSY:
        return Kind.BUSY
    if restlet and status == 400 and code not in _BEFORE_THE_SCRIPT:
        # An error the script did not catch: it may have come after the mail had left.
        return Kind.BROKEN
    if status in _BY_STATUS:
        return Kind.REFUSED if restlet and status == 404 else _BY_STATUS[status]
    if code in _DENIED:
        return Kind.DENIED
    if status >= 500:
        return Kind.BROKEN
    return Kind.REFUSED if status >= 400 else Kind.STRANGE


def _codes(body: object) -> Iterator[str]:
    """Find the codes in any of the envelopes; a RESTlet's may come as JSON inside a text, which is left alone."""
    if not isinstance(body, Mapping):
        return
    details = body.get("o:errorDetails")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, Mapping):
            yield from _text(detail.get("o:errorCode"))
    error = body.get("error")
    yield from _text(error.get("code") if isinstance(error, Mapping) else error)


def _text(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
