"""The payment-link page: what a customer sees behind the one link in a mail (spec 4).

Looking creates nothing, so mail scanners are harmless. Only the button makes the vendor's session.
"""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from dunwell.engine.links import open_link, start_update
from dunwell.policy.facts import Unreadable
from dunwell.wiring import ports

# As strict as the desk's, but the button leads on to the payment vendor, so forms may go elsewhere.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self' https: http:"
)


class SeeOther(HttpResponseRedirect):
    """303: fetch the next page with GET."""

    status_code = 303


@login_not_required
@csrf_exempt  # there is no session to ride on: whoever has the token may press the button
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what is open and one button; POST makes the vendor's page and goes there."""
    if request.method == "POST":
        address = start_update(token, ports(), _chosen(request))
        if isinstance(address, str):
            return _quiet(SeeOther(address))
        return _page(request, token, unreachable=isinstance(address, Unreadable))
    return _page(request, token)


def _chosen(request: HttpRequest) -> int | None:
    """The invoice whose own button was pressed, where each has one."""
    said = request.POST.get("invoice", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None


def _page(request: HttpRequest, token: str, *, unreachable: bool = False) -> HttpResponse:
    link = open_link(token, ports())
    if link is None:
        return _quiet(render(request, "web/pay_unknown.html", status=404))
    status = 503 if unreachable else 200
    return _quiet(render(request, "web/pay.html", {"link": link, "unreachable": unreachable}, status=status))


def _quiet(response: HttpResponse) -> HttpResponse:
    """Keep the page out of caches and search engines, and its address out of everybody's logs."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Content-Security-Policy"] = _POLICY
    return response
