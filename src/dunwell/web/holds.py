"""Pausing a case and resuming it. Resuming shows what would happen before it does anything (spec 7)."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from dunwell.engine.review import NotPossibleError, place_hold, preview_release, release_hold
from dunwell.policy.saying import day
from dunwell.policy.words import HoldKind, HoldScope
from dunwell.store import accounts
from dunwell.store.casefile import case_file
from dunwell.web.cases import case_page
from dunwell.web.forms import Pause
from dunwell.web.shell import now, page, user_name, who_may
from dunwell.web.times import zone_of
from dunwell.wiring import ports


@require_POST
def pause(request: HttpRequest, case_id: int) -> HttpResponse:
    """Pause a case until a day; a form that is wrong comes back as typed."""
    at = now()
    file = case_file(case_id, at)
    if file is None:
        raise Http404
    form = Pause(request.POST, now=at, zone=zone_of(file.case.customer, file.policy))
    if form.is_valid():
        try:
            place_hold(
                case_id=case_id,
                kind=HoldKind.PAUSE,
                scope=HoldScope(form.cleaned_data["scope"]),
                until=form.ends_at,
                reason=form.cleaned_data["reason"],
                by=user_name(request),
                now=at,
                ports=ports(),
            )
        except NotPossibleError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"Paused until {day(form.cleaned_data['until'], at)}.")
            return redirect("case", case_id=case_id)
    return case_page(request, case_id, wrong=form)


@require_http_methods(["GET", "POST"])
def resume(request: HttpRequest, case_id: int, hold_id: int) -> HttpResponse:
    """GET: say what would happen next. POST: end the hold, which sends nothing by itself."""
    at = now()
    file = case_file(case_id, at)
    hold = next((hold for hold in file.active_holds if hold.id == hold_id), None) if file else None
    if file is None:
        raise Http404
    if hold is None:
        messages.info(request, "That hold has ended already.")
        return redirect("case", case_id=case_id)
    veto = hold.kind is HoldKind.VETO and not request.user.has_perm(accounts.APPROVE)
    problem = f"The relationship owner asked for this; ending it takes a manager. {who_may()}" if veto else ""
    if request.method == "POST" and not veto:
        try:
            release_hold(hold_id=hold_id, by=user_name(request), now=at, ports=ports())
        except NotPossibleError as error:
            problem = str(error)
        else:
            messages.success(request, "Resumed. Nothing was sent; the next look is below.")
            return redirect("case", case_id=case_id)
    try:
        preview = preview_release(hold_id=hold_id, now=at)
    except NotPossibleError as error:
        preview, problem = "", problem or str(error)
    if veto:
        preview = ""
    context = {
        "file": file,
        "hold": hold,
        "preview": preview,
        "problem": problem,
        "zone": zone_of(file.case.customer, file.policy),
    }
    return page(request, "web/resume.html", context, at=at, status=422 if request.method == "POST" else 200)
