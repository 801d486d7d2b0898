"""Holding a case and resuming it. Resuming shows what would happen before it does anything (spec 7)."""

from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from dunwell.engine.review import NotPossibleError, place_hold, preview_release, release_hold
from dunwell.policy.plans import BadPlanError
from dunwell.policy.saying import day
from dunwell.policy.words import HoldKind, HoldScope
from dunwell.store import accounts, replies
from dunwell.store.casefile import CaseFile, case_file
from dunwell.store.keep import book_of
from dunwell.web.cases import case_page
from dunwell.web.reply_forms import PlaceHold
from dunwell.web.shell import now, page, user_name, who_may
from dunwell.web.times import zone_of
from dunwell.wiring import ports


@require_POST
def hold(request: HttpRequest, case_id: int) -> HttpResponse:
    """Put a case on hold; a form that is wrong comes back as typed."""
    at = now()
    file = case_file(case_id, at)
    if file is None:
        raise Http404
    form = PlaceHold(request.POST, now=at, zone=zone_of(file.case.customer, file.policy))
    if form.is_valid():
        try:
            _place(request, file, form, at)
        except (NotPossibleError, BadPlanError) as error:
            form.add_error("count" if isinstance(error, BadPlanError) else None, str(error))
        else:
            messages.success(request, _held(form, at))
            return redirect("case", case_id=case_id)
    return case_page(request, case_id, wrong=form)


def _place(request: HttpRequest, file: CaseFile, form: PlaceHold, at: datetime) -> None:
    case, policy = file.case, book_of(file.policy).policy
    planned = form.held is HoldKind.PAYMENT_PLAN
    place_hold(
        case_id=file.id,
        kind=form.held,
        scope=HoldScope(form.cleaned_data["scope"]),
        until=form.ends_at,
        reason=form.cleaned_data["reason"],
        by=user_name(request),
        now=at,
        ports=ports(),
        parts=form.plan(case.invoice.open, case.customer, policy) if planned else (),
    )


def _held(form: PlaceHold, at: datetime) -> str:
    until = form.cleaned_data["until"]
    match form.held:
        case HoldKind.PAUSE:
            return f"Paused until {day(until, at)}."
        case HoldKind.PROMISE:
            return f"On hold until {day(until, at)}, the day they promised to pay by."
        case HoldKind.PAYMENT_PLAN:
            return "On hold as long as every part of the plan comes."
        case HoldKind.DO_NOT_CONTACT:
            return "Nobody is contacted any more until this hold is ended."
        case _:
            return "On hold until the dispute is settled."


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
    if hold.kind is HoldKind.REPLY and (waiting := replies.waiting_mails([case_id])):
        messages.info(request, "Say here what follows from the reply; that ends its hold.")
        return redirect("reply", mail_id=waiting[case_id][0].id)
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
