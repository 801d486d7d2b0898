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
