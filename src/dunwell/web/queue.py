"""The review queue: everything that needs a person."""

from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from dunwell.engine.review import NotPossibleError, assign, resolve_send, settle
from dunwell.policy.words import ReviewKind
from dunwell.store import desk, replies, reviews
from dunwell.web import forms, words
from dunwell.web.shell import now, page, user_name
from dunwell.wiring import book, ports

_ARRIVED = {"yes": True, "no": False}
_CALLS = (ReviewKind.CALL_TASK,)
_ABOUT_LETTERS = (ReviewKind.DRAFT, ReviewKind.VETO, ReviewKind.NOT_CONFIRMED, ReviewKind.CONTENT)


@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """List what waits for a person: most money first within each currency, then oldest."""
    return queue_page(request)


def queue_page(
    request: HttpRequest,
    *,
    wrong: int | None = None,
    settling: forms.Settle | None = None,
    calling: forms.CallResult | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the queue; `wrong` is the item whose settling, or call, was not complete."""
    form = forms.FindReviews(request.GET)
    form.full_clean()
    said: dict[str, Any] = form.cleaned_data
    number = said.get("page") or 1
    whose = user_name(request) if said.get("whose") else ""
    found = reviews.review_queue(kind=said.get("kind", ""), assigned_to=whose, page=number)
    people = reviews.people()
    first = number == 1 and not said.get("kind") and not whose
    context = {
        "section": "review",
        # An item that was not settled properly is shown at the address of settling, which nobody can GET.
        "here": reverse("review"),
        "back": f"{reverse('review')}?{request.GET.urlencode()}",
        "found": found,
        "groups": _groups(found, oldest_first=said.get("kind") == ReviewKind.REPLY.value),
        "mails": replies.waiting_mails(row.case for row in found.rows if row.kind is ReviewKind.REPLY),
        "unplaced": replies.unplaced_mails() if first else (),
        "unplaced_zone": ZoneInfo(book().policy.company.timezone),
        "kind": said.get("kind", ""),
        "kinds": [(kind.value, words.REVIEW[kind], count) for kind, count in found.kinds],
        "about_letters": _ABOUT_LETTERS,
        "mine": bool(whose),
        "people": people,
        "names": dict(people),
        "me": user_name(request),
        "wrong": wrong,
        "settling": settling,
        "calls": {row.id: _call_form(row, wrong, calling) for row in found.rows if row.kind in _CALLS},
        "next_page": number + 1 if found.more and number < desk.LAST_PAGE else None,
        "previous_page": number - 1,
    }
    return page(request, "web/review.html", context, at=now(), status=status)


def _groups(found: reviews.Queue, *, oldest_first: bool) -> list[tuple[str, list[list[reviews.QueueRow]]]]:
    """The rows under their currencies, those of one case together; replies alone stand in one list, oldest first."""
    return [
        (title, [list(of_case) for _, of_case in groupby(rows, key=lambda row: row.case)])
        for title, rows in groupby(
            found.rows, key=lambda row: "Oldest first" if oldest_first else row.open.currency
        )
    ]


def _call_form(row: reviews.QueueRow, wrong: int | None, typed: forms.CallResult | None) -> forms.CallResult:
    return typed if typed is not None and row.id == wrong else forms.CallResult(auto_id=f"call-{row.id}-%s")


@require_POST
def assign_item(request: HttpRequest, review_id: int) -> HttpResponse:
    """Give an item to somebody."""
    to = request.POST.get("to", "")
    names = dict(reviews.people())
    if to and to not in names:
        messages.error(request, "Choose somebody who can log in here.")
        return back_to(request)
    try:
        assign(review_id=review_id, to=to, by=user_name(request), now=now())
    except NotPossibleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Assigned to {names[to]}." if to else "Assigned to nobody.")
    return back_to(request)


@require_POST
def settle_item(request: HttpRequest, review_id: int) -> HttpResponse:
    """Settle an item with a resolution."""
    form = forms.Settle(request.POST)
    if not form.is_valid():
        return queue_page(request, wrong=review_id, settling=form, status=422)
    try:
        _settle(request, review_id, form.cleaned_data["resolution"])
    except NotPossibleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Settled.")
        if reviews.asks_again(review_id):
            # A case that is open and has nothing else to wait for never drops out of sight.
            messages.info(request, "The case is still open, so it waits here again. Pause it or close it.")
    return back_to(request)


def _settle(request: HttpRequest, review_id: int, resolution: str) -> None:
    """Settle an item; a mail that may have left takes the button that says whether it arrived."""
    arrived = _ARRIVED.get(request.POST.get("arrived", ""))
    by, at = user_name(request), now()
    if arrived is None:
        settle(review_id=review_id, resolution=resolution, by=by, now=at, ports=ports())
    else:
        resolve_send(
            review_id=review_id, arrived=arrived, resolution=resolution, by=by, now=at, ports=ports()
        )


def back_to(request: HttpRequest) -> HttpResponse:
    """Return to where the button was, if that is a page of ours."""
    back = request.POST.get("back", "")
    ours = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return redirect(back if back and ours else "review")
