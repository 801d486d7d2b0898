"""Headers that keep a page from loading or leaking anything foreign."""

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)


_SIGNED = ("/pay/", "/owner/", "/calendar/")


class HideSignedLinks(logging.Filter):
    """Keeps the tokens of signed links out of the log: whoever reads a log must not be able to use one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line through, with a signed link's path cut short."""
        if isinstance(record.args, tuple):
            record.args = tuple(_hidden(part) for part in record.args)
        return True


def _hidden(part: object) -> object:
    if not isinstance(part, str):
        return part
    return next((f"{start}..." for start in _SIGNED if part.startswith(start)), part)


class ContentSecurityPolicy:
    """Adds the Content-Security-Policy header to every answer that has none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the header."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        return response


class BodyLimit:
    """Refuses what is larger than a page of ours ever sends; the door of incoming mail has a limit of its own.

    Django has one limit for everything, which has to let a mail with its attachments through. It counts what a
    client announces, and Django reads no more than that.
    """

    LIMIT = 2 * 1024 * 1024

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or say 413."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        too_large = not length.isdecimal() or int(length) > self.LIMIT
        if too_large and not request.path.startswith("/webhooks/"):
            return HttpResponse("too large\n", status=413, content_type="text/plain; charset=utf-8")
        return self.get_response(request)
