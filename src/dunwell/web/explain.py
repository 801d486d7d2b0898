"""Why a case does what it does: the facts, the rule that spoke, the rules that did not (spec 10)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from dunwell.policy.decide import as_of, explain
from dunwell.store.casefile import case_file
from dunwell.store.keep import book_of
from dunwell.web.shell import now, page
from dunwell.web.times import zone_of


@require_GET
def explanation(request: HttpRequest, case_id: int) -> HttpResponse:
    """Explain a case as of now, or of the moment `at` on the customer's clock. Decides nothing."""
    present = now()
    file = case_file(case_id, present)
    if file is None:
        raise Http404
    zone = zone_of(file.case.customer, file.policy)
    asked = request.GET.get("at", "")
    at, problem = _moment(asked, zone, present)
    case = as_of(file.case, at) if asked and not problem else file.case
    context = {
        "file": file,
        "zone": zone,
        "moment": at,
        "asked": asked or f"{present.astimezone(zone):%Y-%m-%dT%H:%M}",
        "problem": problem,
        "said": explain(case, book_of(file.policy).policy, at),
    }
    return page(request, "web/explain.html", context, at=present, status=422 if problem else 200)


def _moment(asked: str, zone: ZoneInfo, present: datetime) -> tuple[datetime, str]:
    """Read a moment; without an offset it is on the customer's clock. Wrong: the present, and what is wrong."""
    if not asked:
        return present, ""
    try:
        at = datetime.fromisoformat(asked)
        at = at if at.tzinfo else at.replace(tzinfo=zone)
        return at.astimezone(UTC), ""
    except (ValueError, OverflowError):
        return present, "This is not a moment. Write it like 2026-04-30T09:00."
