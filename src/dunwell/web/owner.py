"""The relationship owner's page: a signed link from a mail, no login (spec 1.2, step 4).

Looking changes nothing, so mail scanners are harmless. Only a button agrees, stops or puts off.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from dunwell.engine.links import OwnerView, around_link, owner_letter
from dunwell.engine.personal.text import signer
from dunwell.engine.review import NotPossibleError
from dunwell.engine.signing import agree_letter, postpone_letter, veto_letter
from dunwell.policy.words import HoldKind, LetterState
from dunwell.store.casefile import CaseFile, case_file
from dunwell.web import forms
from dunwell.web.pay import SeeOther
from dunwell.web.shell import now
from dunwell.web.times import zone_of
from dunwell.wiring import ports

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'"
)
# A letter on its way can still be stopped until a worker has it at the door; the engine knows.
_OPEN = (LetterState.DRAFT, LetterState.APPROVED, LetterState.LEAVING)
_OVER = {
    LetterState.SENT: "This mail has been sent. There is nothing left to decide.",
    LetterState.CONFIRMED: "This mail has been sent. There is nothing left to decide.",
    LetterState.IN_DOUBT: "This mail may have been sent already; a person is finding out. It cannot be stopped here.",
    LetterState.WITHDRAWN: "This mail was withdrawn and will not be sent.",
}


@login_not_required
@csrf_exempt  # there is no session to ride on: whoever has the token may press the buttons
@require_http_methods(["GET", "HEAD", "POST"])
def owner(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the mail and what can be done about it; POST does one of those things."""
    view = owner_letter(token, ports(), now())
    if view is None:
        return _quiet(render(request, "web/owner_unknown.html", status=404))
    if request.method != "POST":
        return _page(request, view)
    do = request.POST.get("do", "")
    form = _FORMS.get(do, Form)(request.POST)
    if do not in _ACTS or not form.is_valid():
        return _page(request, view, wrong=form, status=422)
    try:
        _ACTS[do](view, form.cleaned_data)
    except NotPossibleError as error:
        again = owner_letter(token, ports(), now()) or view
        return _page(request, again, problem=str(error), status=409)
    return _quiet(SeeOther(request.path))


def _page(
    request: HttpRequest, view: OwnerView, *, wrong: Form | None = None, problem: str = "", status: int = 200
) -> HttpResponse:
    at = now()
    file = case_file(view.letter.case, at)
    if file is None:
        return _quiet(render(request, "web/owner_unknown.html", status=404))
    fresh: dict[str, Form] = {
        "stop": forms.StopLetter(auto_id="stop-%s"),
        "postpone": forms.PostponeLetter(auto_id="postpone-%s"),
    }
    context: dict[str, Any] = {
        "view": view,
        "letter": view.letter,
        "now": at,
        "zone": zone_of(file.case.customer, file.policy),
        "over": _over(view),
        "seen": _without_link(view),
        "sender": signer(ports()),
        "put_off": _put_off(file),
        "problem": problem,
        **{name: wrong if type(wrong) is type(form) else form for name, form in fresh.items()},
    }
    return _quiet(render(request, "web/owner.html", context, status=status))


def _over(view: OwnerView) -> str:
    """Why nothing can be decided any more; empty while it can."""
    if view.letter.state not in _OPEN:
        return _OVER[view.letter.state]
    return "" if view.case_open else "This case is closed: the mail will not be sent."


def _without_link(view: OwnerView) -> dict[str, str]:
    """The text around the payment link, which is the customer's to press and nobody else's."""
    before, link, after = around_link(view.letter.text, view.letter.case, ports(), now())
    return {"before": before, "link": link, "after": after.rstrip()}


def _put_off(file: CaseFile) -> datetime | None:
    """Until when the mail is put off; None when it is not."""
    ends = [hold.until for hold in file.active_holds if hold.kind is HoldKind.VETO and hold.until is not None]
    return max(ends, default=None)


def _agree(view: OwnerView, _said: dict[str, Any]) -> None:
    agree_letter(letter_id=view.letter.id, by=view.owner.email, now=now(), ports=ports())


def _stop(view: OwnerView, said: dict[str, Any]) -> None:
    veto_letter(
        letter_id=view.letter.id, reason=said["reason"], by=view.owner.email, now=now(), ports=ports()
    )


def _postpone(view: OwnerView, said: dict[str, Any]) -> None:
    postpone_letter(
        letter_id=view.letter.id,
        until=said["until"],
        by=view.owner.email,
        now=now(),
        ports=ports(),
        reason=said["reason"],
    )


_ACTS: dict[str, Callable[[OwnerView, dict[str, Any]], None]] = {
    "agree": _agree,
    "stop": _stop,
    "postpone": _postpone,
}
_FORMS: dict[str, type[Form]] = {"stop": forms.StopLetter, "postpone": forms.PostponeLetter}


def _quiet(response: HttpResponse) -> HttpResponse:
    """Keep the page out of caches and search engines, and its address out of everybody's logs."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Content-Security-Policy"] = _POLICY
    return response
