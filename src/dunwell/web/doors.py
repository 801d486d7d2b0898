"""Doors for machines: webhooks in, and whether we live and are ready."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from dunwell.engine.receive import DeliveryAnswer, store_delivery
from dunwell.store.ready import why_not_ready
from dunwell.wiring import ports

BODY_LIMIT = 1024 * 1024
# How much of a body that is too large is read and thrown away, so that its sender gets to hear why.
DRAIN_LIMIT = 16 * 1024 * 1024

_ANSWERS = {
    DeliveryAnswer.STORED: (200, "stored"),
    DeliveryAnswer.KNOWN: (200, "known"),
    DeliveryAnswer.REFUSED: (400, "refused"),
    DeliveryAnswer.CLOSED: (503, "closed"),
}


@login_not_required
@csrf_exempt  # the signature says who sent it
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """Keep what Stripe sends, and answer. Nothing else happens here (contract, HTTP)."""
    if _length(request) > BODY_LIMIT:
        _drain(request)
        return _answer(400, "too large")
    signature = request.headers.get("Stripe-Signature", "")
    return _answer(*_ANSWERS[store_delivery(request.body, signature, ports())])


@login_not_required
@require_GET
def healthz(_request: HttpRequest) -> HttpResponse:
    """Say that the server lives."""
    return _answer(200, "ok")


@login_not_required
@require_GET
def readyz(_request: HttpRequest) -> HttpResponse:
    """Say whether the database answers and has every migration."""
    problem = why_not_ready()
    return _answer(503, problem) if problem else _answer(200, "ready")


def _length(request: HttpRequest) -> int:
    """The length of the body; the server reads no more than what is announced here."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _drain(request: HttpRequest) -> None:
    left = DRAIN_LIMIT
    while left > 0 and (chunk := request.read(64 * 1024)):
        left -= len(chunk)


def _answer(status: int, text: str) -> HttpResponse:
    response = HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
