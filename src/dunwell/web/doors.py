"""Doors for machines: webhooks in, and whether we live and are ready."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from dunwell.store.ready import why_not_ready
from dunwell.web.webhook import deliver


@login_not_required
@csrf_exempt  # the signature says who sent it
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """Keep what Stripe sends, and answer. Under gunicorn `WebhookDoor` does so before Django is asked."""
    return answer(*deliver(request.META))


@login_not_required
@require_GET
def healthz(_request: HttpRequest) -> HttpResponse:
    """Say that the server lives."""
    return answer(200, "ok")


@login_not_required
@require_GET
def readyz(_request: HttpRequest) -> HttpResponse:
    """Say whether the database answers and has every migration."""
    problem = why_not_ready()
    return answer(503, problem) if problem else answer(200, "ready")


def answer(status: int, text: str) -> HttpResponse:
    """Answer a machine with a status and a word, which nobody is to keep."""
    response = HttpResponse(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
