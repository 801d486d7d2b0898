"""What is coming up on large customers and on what we collect ourselves: a page, and a feed for calendars.

The feed is read-only. Its address is signed and belongs to one person; a new password makes a new address.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET, require_safe
from icalendar import Calendar, Event

from dunwell.policy.upcoming import Planned, upcoming
from dunwell.store import accounts
from dunwell.store.ahead import CaseAhead, cases_ahead
from dunwell.store.keep import book_of
from dunwell.web.shell import now, page
from dunwell.web.times import zone_of
from dunwell.wiring import ports

_SALT = "dunwell.calendar"
_LASTS = timedelta(minutes=15)
_ASK_AGAIN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing planned for one case."""

    case: CaseAhead
    planned: Planned
    zone: ZoneInfo


@require_GET
def coming_up(request: HttpRequest) -> HttpResponse:
    """List what is planned, soonest first, with the address of the feed."""
    at = now()
    address = reverse("calendar", args=[_token(request.user.pk or 0)])
    context = {"section": "coming-up", "lines": _lines(at), "feed": f"{ports().base_url}{address}"}
    return page(request, "web/coming_up.html", context, at=at)


@login_not_required
@require_safe
def feed(_request: HttpRequest, token: str) -> HttpResponse:
    """The same list as a calendar (RFC 5545) for whoever the address was made for, while they can log in."""
    if not _may_read(token):
        raise Http404
    at = now()
    calendar = Calendar()
    calendar.add("prodid", "-//Dunwell//Coming up//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Dunwell")
    calendar.add("refresh-interval", _ASK_AGAIN, parameters={"VALUE": "DURATION"})
    for line in _lines(at):
        calendar.add_component(_event(line, at))
    response = HttpResponse(calendar.to_ical(), content_type="text/calendar; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _lines(at: datetime) -> list[Line]:
    found: list[Line] = []
    for case in cases_ahead(at):
        zone = zone_of(case.case.customer, case.policy)
        planned = upcoming(case.case, book_of(case.policy).policy, at)
        found += [Line(case, each, zone) for each in planned]
    return sorted(found, key=lambda line: (line.planned.at, line.case.id, line.planned.kind))


def _event(line: Line, at: datetime) -> Event:
    """An entry that keeps its name while its time moves, and names nobody but customer and invoice."""
    case, event = line.case, Event()
    event.add("uid", f"case-{case.id}-{line.planned.kind}@{urlsplit(ports().base_url).hostname}")
    event.add("dtstamp", at)
    event.add("dtstart", line.planned.at)
    event.add("dtend", line.planned.at + _LASTS)
    event.add("summary", line.planned.what)
    event.add("url", f"{ports().base_url}{reverse('case', args=[case.id])}")
    event.add("transp", "TRANSPARENT")
    return event


def _token(user: int) -> str:
    return _signer().sign_object([user, accounts.fingerprint(user)], compress=False)


def _may_read(token: str) -> bool:
    try:
        user, seen = _signer().unsign_object(token)
    except signing.BadSignature:
        return False
    fingerprint = accounts.fingerprint(int(user))
    return fingerprint is not None and constant_time_compare(str(seen), fingerprint)


def _signer() -> signing.Signer:
    return signing.Signer(key=ports().secret, salt=_SALT)
