"""The webhook's own way in: past every middleware, which knows people and pages, straight to the inbox.

`WebhookDoor` stands in front of Django; Django's own route for the same address ends in the same `deliver`.
"""

import logging
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.db import InterfaceError, OperationalError, connections

from dunwell.engine.receive import DeliveryAnswer, store_delivery
from dunwell.wiring import ports

log = logging.getLogger(__name__)

PATH = "/webhooks/stripe"
BODY_LIMIT = 1024 * 1024
# How much of a body that is too large is read and thrown away, so that its sender gets to hear why.
DRAIN_LIMIT = 16 * 1024 * 1024

_ANSWERS = {
    DeliveryAnswer.STORED: (200, "stored"),
    DeliveryAnswer.KNOWN: (200, "known"),
    DeliveryAnswer.REFUSED: (400, "refused"),
    DeliveryAnswer.CLOSED: (503, "closed"),
}
_STATUS = {200: "200 OK", 400: "400 Bad Request", 500: "500 Internal Server Error"}
_STATUS[503] = "503 Service Unavailable"


def deliver(environ: WSGIEnvironment) -> tuple[int, str]:
    """Keep what Stripe sends; return the status and the word to answer (contract, HTTP)."""
    length, body = _length(environ), environ["wsgi.input"]
    if length > BODY_LIMIT:
        _drain(body, min(length, DRAIN_LIMIT))
        return 400, "too large"
    return _ANSWERS[_store(body.read(length), environ.get("HTTP_STRIPE_SIGNATURE", ""))]


def _store(body: bytes, signature: str) -> DeliveryAnswer:
    """Store it, with a second try on a new connection: the one at hand may have died while it was idle.

    An event is stored once however often one tries, so this takes the place of asking the database before
    every webhook whether it is still there.
    """
    database: Any = connections["default"]
    database.health_check_done = True
    try:
        return store_delivery(body, signature, ports())
    except (OperationalError, InterfaceError):
        if database.in_atomic_block:
            raise
        database.close()
        return store_delivery(body, signature, ports())


class WebhookDoor:
    """A WSGI application that answers webhooks itself and hands everything else to Django."""

    def __init__(self, everything_else: WSGIApplication) -> None:
        self._everything_else = everything_else

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer one request; 500 when storing failed, so that Stripe sends it again."""
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST":
            return self._everything_else(environ, start)
        try:
            status, word = deliver(environ)
        except Exception:
            log.exception("a webhook could not be stored")
            status, word = 500, "failed"
        # What Django does after a request: let go of a connection that is old or broken.
        connections["default"].close_if_unusable_or_obsolete()
        said = f"{word}\n".encode()
        start(_STATUS[status], [("Content-Length", str(len(said))), *_HEADERS])
        return [said]


_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
]


def _length(environ: WSGIEnvironment) -> int:
    """The length of the body; no more is read than what is announced here."""
    try:
        return max(int(environ.get("CONTENT_LENGTH") or 0), 0)
    except ValueError:
        return 0


def _drain(body: Any, left: int) -> None:
    while left > 0 and (chunk := body.read(min(left, 64 * 1024))):
        left -= len(chunk)
