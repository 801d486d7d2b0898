"""What every page of the desk shares: the clock, who is looking, how much waits for a person."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dunwell.store import accounts, replies, reviews
from dunwell.wiring import ports


def now() -> datetime:
    """The time the house goes by, which in the sandbox is not the machine's."""
    return ports().clock.now()


def user_name(request: HttpRequest) -> str:
    """Whoever is looking; goes on the timeline as the actor of what they do."""
    return request.user.get_username()


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, at: datetime, status: int = 200
) -> HttpResponse:
    """Render a page of the desk as of `at`. Answers hold customers' affairs, so nobody caches them."""
    shared = {
        "now": at,
        "waiting": reviews.waiting_reviews() + replies.count_unplaced(),
        "production": settings.DUNWELL.production,
        "here": request.path,
    }
    response = render(request, template, {**shared, **context}, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def who_may() -> str:
    """Say in a sentence who has the permission of a manager."""
    names = accounts.signers()
    return f"{', '.join(names)} may do it." if names else "Nobody here has that permission yet."
