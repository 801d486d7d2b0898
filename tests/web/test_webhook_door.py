"""The door in front of Django that gunicorn asks first: webhooks past every middleware, all else to Django."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, connections

from dunwell import wiring
from dunwell.engine.clock import VirtualClock
from dunwell.engine.ports import Ports
from dunwell.store.models import InboxEvent
from dunwell.web.webhook import BODY_LIMIT
from dunwell.web.wsgi import application
from tests.web.test_doors import EVENT, _signature

BODY = json.dumps(EVENT).encode()


class _Broken:
    """A clock that has stopped for good, so that nothing can be stored."""

    def now(self) -> Any:
        raise RuntimeError("the clock has stopped")


def _ask(body: bytes = BODY, **environ: str) -> tuple[str, dict[str, str], bytes]:
    """Ask the application as gunicorn does."""
    said: list[Any] = []
    asked: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/webhooks/stripe",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_STRIPE_SIGNATURE": _signature(body),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        **environ,
    }
    answer = application(asked, lambda status, headers, *_: said.extend([status, dict(headers)]))  # type: ignore[arg-type]
    return said[0], said[1], b"".join(answer)


@pytest.mark.django_db(transaction=True)
def test_a_webhook_is_stored_and_answered_in_plain_text() -> None:
    status, headers, body = _ask()

    assert (status, body) == ("200 OK", b"stored\n")
    assert headers == {
        "Content-Length": "7",
        "Content-Type": "text/plain; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    assert InboxEvent.objects.get().body == BODY.decode()
    assert _ask()[2] == b"known\n"
    assert InboxEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("length", ["", "-5", "seven"])
def test_without_a_length_nothing_is_read(length: str) -> None:
    assert _ask(CONTENT_LENGTH=length)[::2] == ("400 Bad Request", b"refused\n")
    assert not InboxEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_body_that_is_too_large_is_heard_out_and_refused() -> None:
    body = io.BytesIO(b"x" * (BODY_LIMIT + 1))

    status, _, said = _ask(CONTENT_LENGTH=str(BODY_LIMIT + 1), **{"wsgi.input": body})  # type: ignore[arg-type]

    assert (status, said) == ("400 Bad Request", b"too large\n")
    assert body.read() == b""
    assert not InboxEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_stripe_is_asked_to_send_again_what_could_not_be_stored(
    ports: Ports, caplog: pytest.LogCaptureFixture
) -> None:
    wiring.install(replace(ports, clock=_Broken()), None)

    assert _ask()[::2] == ("500 Internal Server Error", b"failed\n")
    assert "a webhook could not be stored" in caplog.text
    assert not InboxEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_every_other_request_is_djangos(clock: VirtualClock) -> None:
    assert _ask(REQUEST_METHOD="GET")[0] == "405 Method Not Allowed"
    assert _ask(REQUEST_METHOD="GET", PATH_INFO="/healthz")[2] == b"ok\n"
    assert _ask(PATH_INFO="/webhooks/stripe/")[0].startswith("404")


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_while_idle_costs_no_webhook() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's connections do not die")
    InboxEvent.objects.exists()
    other = connections.create_connection("default")
    try:
        with connection.cursor() as mine, other.cursor() as theirs:
            mine.execute("SELECT pg_backend_pid()")
            theirs.execute("SELECT pg_terminate_backend(%s)", mine.fetchone())
    finally:
        other.close()

    assert _ask()[::2] == ("200 OK", b"stored\n")
    assert InboxEvent.objects.count() == 1
