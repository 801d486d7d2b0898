"""One request in, one answer out: login, limits, faults, routing. Knows nothing of sockets."""

import json
import logging
import threading
from urllib.parse import parse_qs, urlsplit

from dunwell.sandbox.faults import Fault
from dunwell.sandbox.http import Answer, Request
from dunwell.sandbox.netsuite import login, records, restlet, suiteql
from dunwell.sandbox.netsuite.books import Call, Company, NetSuiteFault
from dunwell.sandbox.netsuite.errors import RESTLET, Json, RefusedError, body_of, too_many

log = logging.getLogger(__name__)


class App:
    """The fake's HTTP side over one company."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._at_once = 0
        self._counting = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Answer any request; never raises. A held one blocks this thread until it is released."""
        path = urlsplit(request.target).path
        with self._counting:
            self._at_once += 1
            at_once = self._at_once
            self._company.most_at_once = max(self._company.most_at_once, at_once)
        try:
            status, body, fault = self._carry_out(request, path, at_once)
        finally:
            with self._counting:
                self._at_once -= 1
        cut = fault is not None and fault.kind != "status"
        with self._company.lock:
            self._company.calls.append(Call(request.method, path, 0 if cut else status))
        headers = dict(fault.headers) if fault else {}
        if isinstance(body, records.Written):
            return Answer(
                204, "", {**({"Location": body.location} if body.location else {}), **headers}, cut=cut
            )
        return Answer(
            status, json.dumps(body), {"Content-Type": _content_type(path, status), **headers}, cut=cut
        )

    def _carry_out(
        self, request: Request, path: str, at_once: int
    ) -> tuple[int, Json | records.Written, Fault | None]:
        fault = self._company.faults.take(request.method, path)
        if fault is not None and fault.kind == "hold":
            self._company.faults.hold()
            fault = None  # late, but an answer
        if fault is not None and not fault.carried_out:
            return (*_failed(path, fault), fault)
        done: tuple[int, Json | records.Written]
        try:
            if path != login.PATH and at_once > self._company.limit:
                raise too_many(path)  # noqa: TRY301 - refusals are answers here
            body = self._execute(request, path)
            done = (204 if isinstance(body, records.Written) else 200), body
        except RefusedError as refused:
            done = refused.status, body_of(path, refused.status, refused.code, refused.detail)
        except Exception:
            log.exception("the fake NetSuite failed at %s %s", request.method, path)
            done = 500, body_of(path, 500, "UNEXPECTED_ERROR", "The sandbox itself failed; its log says how.")
        return (*(_failed(path, fault) if fault else done), fault)

    def _execute(self, request: Request, path: str) -> Json | records.Written:
        company = self._company
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.target).query).items()}
        if path == login.PATH and request.method == "POST":
            return company.login.mint(request.body, company.url + path)
        company.login.check(request.headers.get("authorization", ""))
        with company.lock:
            if path == suiteql.PATH and request.method == "POST":
                return self._query(request, query)
            if path == RESTLET and request.method in ("GET", "POST"):
                _insist(request, "content-type", "application/json", "A RESTlet needs a content type.")
                return restlet.answer(company, request.method, query, request.body)
            if path.startswith(records.PREFIX) and request.method == "GET":
                return records.record(company, path, query)
            if path.startswith(records.PREFIX) and request.method == "PUT":
                strict = request.headers.get("x-netsuite-propertynamevalidation") == "Error"
                return records.write(company, path, request.body, strict=strict)
        raise RefusedError(404, "NOT_FOUND", "The requested resource does not exist.")

    def _query(self, request: Request, query: Json) -> Json:
        _insist(request, "prefer", "transient", "The request header Prefer: transient is required.")
        sql = json.loads(request.body)["q"]
        return suiteql.page(self._company.rows, sql, query, self._company.url, self._company.hidden)


def _insist(request: Request, header: str, value: str, said: str) -> None:
    if request.headers.get(header) != value:
        raise RefusedError(400, "INVALID_REQUEST", said)


def _failed(path: str, fault: Fault) -> tuple[int, Json]:
    code = fault.code if isinstance(fault, NetSuiteFault) else "UNEXPECTED_ERROR"
    return fault.status, body_of(path, fault.status, code, "Failed on demand.")


def _content_type(path: str, status: int) -> str:
    if path.startswith(records.PREFIX) or (status >= 400 and path == suiteql.PATH):
        kind = "singular" if status < 400 else "error"
        return f"application/vnd.oracle.resource+json; type={kind}"
    return "application/json"
