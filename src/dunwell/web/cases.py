"""The list of cases, one case, and its history as a document. Nothing here changes anything."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from dunwell.policy.personal import signature_due
from dunwell.policy.playbook import Step, playbook
from dunwell.policy.words import MailState
from dunwell.store import accounts, casefile, desk
from dunwell.store.keep import book_of
from dunwell.web import correspondence, forms, history, plans, standing
from dunwell.web.reply_forms import PlaceHold
from dunwell.web.shell import now, page, who_may
from dunwell.web.times import zone_of

NEWEST, OLDEST = "newest", "oldest"
# Enough for any ordinary case; the whole history is one link away.
ENTRIES = 100

# A mail is shown in a frame of its own: it may style itself and load nothing, run nothing, go nowhere.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


@require_GET
def cases(request: HttpRequest) -> HttpResponse:
    """List cases: filtered, searched, sorted, a page at a time."""
    at = now()
    form = forms.FindCases(request.GET, currencies=desk.currencies())
    wanted = form.wanted()
    found = desk.list_cases(wanted, at)
    context: dict[str, Any] = {
        "section": "cases",
        "selects": [form[name] for name in ("status", "track", "currency", "sort")],
        "sort_word": dict(forms.SORTS)[wanted.sort].lower(),
        "wanted": wanted,
        "found": found,
        "narrowed": any((wanted.search, wanted.status, wanted.track, wanted.currency)),
        "next_page": wanted.page + 1 if found.more and wanted.page < desk.LAST_PAGE else None,
        "previous_page": wanted.page - 1,
    }
    if not found.rows:
        context["never_any"] = not desk.any_case()
        context["webhook"] = f"{settings.DUNWELL.base_url}{reverse('stripe-webhook')}"
    return page(request, "web/cases.html", context, at=at)


@require_GET
def case(request: HttpRequest, case_id: int) -> HttpResponse:
    """Show one case."""
    return case_page(request, case_id)


def case_page(
    request: HttpRequest,
    case_id: int,
    *,
    wrong: Form | None = None,
) -> HttpResponse:
    """Render a case; `wrong` is a form that had something wrong with it, shown again as it was typed."""
    at = now()
    file = _file_or_404(case_id, at)
    zone = zone_of(file.case.customer, file.policy)
    order = OLDEST if request.GET.get("order") == OLDEST else NEWEST
    timeline = file.timeline if order == OLDEST else file.timeline[::-1]
    shown = timeline if "all" in request.GET else timeline[:ENTRIES]
    context = {
        "file": file,
        "zone": zone,
        "standing": standing.of(file),
        "steps": _steps(file, at),
        "plans": plans.of_case(file, at),
        "signature": signature_due(file.case, book_of(file.policy).policy, at),
        "may_approve": request.user.has_perm(accounts.APPROVE),
        "who_may": who_may,
        "waiting_mail": next((mail for mail in file.incoming if mail.state is MailState.WAITING), None),
        "correspondence": correspondence.of_case(file),
        "replied": correspondence.replied(file),
        "newest_letter": file.letters[-1] if file.letters else None,
        "order": order,
        "entries": shown,
        "left_out": len(timeline) - len(shown),
        "problem": wrong.non_field_errors()[0] if wrong and wrong.non_field_errors() else "",
        **_forms(at, zone, wrong),
    }
    return page(request, "web/case.html", context, at=at, status=422 if wrong else 200)


def _steps(file: casefile.CaseFile, at: datetime) -> tuple[Step, ...]:
    """The seven steps of the personal track; none on the standard one (spec 1.2)."""
    return playbook(file.case, book_of(file.policy).policy, at)


def _forms(at: datetime, zone: ZoneInfo, wrong: Form | None) -> dict[str, Form]:
    fresh: dict[str, Form] = {
        "hold_form": PlaceHold(now=at, zone=zone),
        "note": forms.Note(auto_id="note-%s"),
        "track": forms.ChooseTrack(auto_id="track-%s"),
        "contact": forms.ChangeContact(auto_id="contact-%s"),
        "give_back": forms.HandBack(auto_id="hand-back-%s"),
        "close": forms.CloseCase(auto_id="close-%s"),
    }
    return {name: wrong if type(wrong) is type(form) else form for name, form in fresh.items()}


@require_GET
def mail(_request: HttpRequest, case_id: int, mail_id: int) -> HttpResponse:
    """A mail's HTML version, exactly as written, for a frame that lets it do nothing."""
    html = casefile.mail_html(case_id, mail_id)
    if html is None:
        raise Http404
    # Links open in a new window, which the frame's sandbox forbids: looking at a mail must not open its link.
    response = HttpResponse('<!doctype html><base target="_blank">' + html)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Cache-Control"] = "no-store"
    return response


@require_GET
def printable(request: HttpRequest, case_id: int) -> HttpResponse:
    """A case's whole history as one page to print or save."""
    at = now()
    file = _file_or_404(case_id, at)
    zone = zone_of(file.case.customer, file.policy)
    context = {
        "file": file,
        "zone": zone,
        "standing": standing.of(file),
        "steps": _steps(file, at),
        "plans": plans.of_case(file, at),
    }
    return page(request, "web/history.html", context, at=at)


@require_GET
def as_json(_request: HttpRequest, case_id: int) -> HttpResponse:
    """A case's whole history as JSON; times are UTC, amounts decimal text with their currency."""
    at = now()
    file = _file_or_404(case_id, at)
    response = JsonResponse(
        history.document(file, at), json_dumps_params={"ensure_ascii": False, "indent": 2}
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Disposition"] = f'inline; filename="case-{case_id}.json"'
    return response


def _file_or_404(case_id: int, at: datetime) -> casefile.CaseFile:
    file = casefile.case_file(case_id, at)
    if file is None:
        raise Http404
    return file
