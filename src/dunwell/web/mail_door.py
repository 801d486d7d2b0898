"""The door of mail providers: checks who calls, keeps what they bring, answers. Everything else is the worker's."""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from dunwell.engine.incoming.take import take_mail, take_transport
from dunwell.engine.ports import Ports
from dunwell.policy.incoming import IncomingMail, TransportEvent
from dunwell.policy.readings import Malformed
from dunwell.web.doors import answer
from dunwell.wiring import ports

log = logging.getLogger(__name__)

# A mail may have 25 MB at most providers, and grows by a third on its way into a call.
LIMITS = {"inbound": 60 * 1024 * 1024, "tracking": 2 * 1024 * 1024}


@login_not_required
@csrf_exempt  # the call proves itself
@require_http_methods(["POST", "HEAD"])
def mail(request: HttpRequest, what: str) -> HttpResponse:
    """Keep what a provider calls about: 200 stored or known, 400 no proof or no sense, 503 closed.

    HEAD says only that there is a door: Mandrill asks so before it gives out the key its calls are signed with.
    """
    if what not in LIMITS:
        raise Http404
    if request.method == "HEAD":
        return HttpResponse(headers={"Cache-Control": "no-store"})
    doing = ports()
    if doing.mail_webhooks is None or doing.mail_webhooks.why_closed(what):
        return answer(503, "closed")
    if _length(request) > LIMITS[what]:
        return answer(400, "too large")
    parts = doing.mail_webhooks.open(request, what)
    if isinstance(parts, Malformed):
        log.warning("a call about mail (%s) was refused: %s", what, parts.reason)
        return answer(400, "refused")
    new = [_take(external_id, part, doing) for external_id, part in parts]
    return answer(200, "stored" if any(new) else "known" if new else "nothing to keep")


def _take(external_id: str, part: IncomingMail | TransportEvent, doing: Ports) -> bool:
    now = doing.clock.now()
    if isinstance(part, IncomingMail):
        return take_mail(external_id.partition(":")[0], external_id, part, now)
    return take_transport(external_id, part, now)


def _length(request: HttpRequest) -> int:
    """The length of the body; no more is read than what is announced here."""
    try:
        return max(int(request.META.get("CONTENT_LENGTH") or 0), 0)
    except ValueError:
        return 0
