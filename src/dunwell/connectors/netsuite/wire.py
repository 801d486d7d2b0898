"""Calls to NetSuite: at most a few at a time, again after a pause, JSON or a `Trouble` out."""

import json
import re
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from dunwell.connectors.netsuite.names import Access
from dunwell.connectors.netsuite.token import Tokens
from dunwell.connectors.netsuite.trouble import AGAIN, NOTHING_DONE, Kind, Trouble, read_trouble

Json = Mapping[str, Any]
Sleep = Callable[[float], None]
# A second, two, four ... and up to half as much again, so that callers who met do not meet again.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 20.0
_SUITEQL = "/services/rest/query/v1/suiteql"
_RESTLET = "/app/site/hosting/restlet.nl"
# Without it a field that does not exist is left out, and only a header of the answer says so.
_STRICT = {"X-NetSuite-PropertyNameValidation": "Error"}
_WRITTEN = "written"
_RECORD = re.compile(r"/(-?[0-9]{1,12})$")


@cache
def _trusted() -> ssl.SSLContext:
    """Whose certificates are good, read once: that takes longer than a call."""
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class _Call:
    """One call, before it has a token."""

    method: str
    path: str
    host: Literal["suitetalk", "restlets"] = "suitetalk"
    params: Mapping[str, str] | None = None
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Wire:
    """One integration's way to NetSuite. Safe to share between threads.

    `in_flight`: how many calls at a time; NetSuite's limit (5 at the least) is the whole account's, for every
    integration together. `tries` includes the first.
    """

    def __init__(
        self,
        access: Access,
        *,
        in_flight: int,
        tries: int,
        timeout: float,
        sleep: Sleep,
        jitter: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        self.access = access
        self._http = httpx.Client(timeout=timeout, verify=_trusted())
        self._tokens = Tokens(access, self._http, wall)
        self._slots = threading.BoundedSemaphore(in_flight)
        self._tries = tries
        self._sleep = sleep
        self._jitter = jitter

    def log_in(self) -> Trouble | None:
        """Get a token, unless there is one; say why there is none."""
        token = self._tokens.current()
        return token if isinstance(token, Trouble) else None

    def read(self, path: str, params: Mapping[str, str] | None = None) -> Json | Trouble:
        """GET from the REST services."""
        return self._insist(_Call("GET", path, params=params), AGAIN)

    def query(self, sql: str, limit: int, offset: int) -> Json | Trouble:
        """Ask one page of a SuiteQL query."""
        page = {"limit": str(limit), "offset": str(offset)}
        return self._insist(_Call("POST", _SUITEQL, params=page, body={"q": sql}), AGAIN)

    def write(self, path: str, body: Json) -> str | Trouble:
        """PUT a record under an external id of ours, which makes it or changes it; returns its id, "" if untold."""
        answer = self._insist(_Call("PUT", path, body=body, headers=_STRICT), AGAIN)
        return answer if isinstance(answer, Trouble) else str(answer.get(_WRITTEN, ""))

    def ask_restlet(self, params: Mapping[str, str]) -> Json | Trouble:
        """GET from a RESTlet."""
        return self._insist(_Call("GET", _RESTLET, "restlets", params), AGAIN)

    def tell_restlet(self, params: Mapping[str, str], body: Json) -> Json | Trouble:
        """POST to a RESTlet; repeated only when the call before it did nothing for certain."""
        return self._insist(_Call("POST", _RESTLET, "restlets", params, body), AGAIN & NOTHING_DONE)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _insist(self, call: _Call, again: set[Kind]) -> Json | Trouble:
        answer = self._logged_in(call)
        for turn in range(self._tries - 1):
            if not isinstance(answer, Trouble) or answer.kind not in again:
                break
            self._sleep(self._pause(answer, turn))
            answer = self._logged_in(call)
        return answer

    def _pause(self, trouble: Trouble, turn: int) -> float:
        usual = _FIRST_PAUSE * 2**turn * (1 + self._jitter() / 2)
        return float(min(usual if trouble.wait is None else trouble.wait, _LONGEST_PAUSE))

    def _logged_in(self, call: _Call) -> Json | Trouble:
        """Call once, or twice with a new token when the old one was revoked."""
        answer: Json | Trouble = Trouble(Kind.LOGGED_OUT)
        for _ in range(2):
            token = self._tokens.current()
            if isinstance(token, Trouble):
                return _not_asked(token)
            answer = self._once(call, token)
            if not isinstance(answer, Trouble) or answer.kind is not Kind.LOGGED_OUT:
                break
            self._tokens.drop(token)
        return answer

    def _once(self, call: _Call, token: str) -> Json | Trouble:
        # RESTlets insist on a content type also where there is no content.
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Prefer": "transient",
            **call.headers,
        }
        url = self.access.host(call.host) + call.path
        content = None if call.body is None else json.dumps(call.body)
        try:
            with self._slots:
                answer = self._http.request(
                    call.method, url, params=call.params, content=content, headers=headers
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Trouble(Kind.NOT_REACHED)
        except httpx.HTTPError:
            return Trouble(Kind.NO_ANSWER)
        return _read(answer, restlet=call.host == "restlets")


def _not_asked(trouble: Trouble) -> Trouble:
    """Whatever went wrong while logging in, the call itself was never made."""
    return trouble if trouble.kind in NOTHING_DONE else replace(trouble, kind=Kind.NO_LOGIN)


def _read(answer: httpx.Response, *, restlet: bool) -> Json | Trouble:
    try:
        # Never a float: amounts in records are JSON numbers.
        body = json.loads(answer.content, parse_float=Decimal)
    except (ValueError, RecursionError):
        body = None
    if answer.status_code == 204:
        # A write answers with nothing but the address of the record.
        record = _RECORD.search(urlsplit(answer.headers.get("location", "")).path)
        return {_WRITTEN: record[1] if record else ""}
    if answer.status_code != 200:
        retry_after = answer.headers.get("retry-after", "")
        return read_trouble(answer.status_code, body, restlet=restlet, retry_after=retry_after)
    return body if isinstance(body, dict) else Trouble(Kind.STRANGE, status=200)
