"""What the fake NetSuite says when it refuses: REST's envelope, a RESTlet's and the token endpoint's."""

from typing import Any

Json = dict[str, Any]

RESTLET = "/app/site/hosting/restlet.nl"
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
}
_HELP = "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html"


class RefusedError(Exception):
    """An answer that is an error; `code` is NetSuite's."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


def body_of(path: str, status: int, code: str, detail: str) -> Json:
    """Put an error into the envelope of the place it happens at."""
    if path.endswith("/token"):
        return {"error": code, "error_description": detail}
    if path == RESTLET:
        return {"error": {"code": code, "message": detail}}
    details = [{"detail": detail, "o:errorCode": code}]
    title = _TITLES.get(status, "Internal Server Error")
    return {"type": _HELP, "title": title, "status": status, "o:errorDetails": details}


def too_many(path: str) -> RefusedError:
    """Refuse a call over the account's limit: REST and RESTlets do it differently."""
    if path == RESTLET:
        return RefusedError(400, "SSS_REQUEST_LIMIT_EXCEEDED", "Request Limit Exceeded.")
    return RefusedError(429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded.")
