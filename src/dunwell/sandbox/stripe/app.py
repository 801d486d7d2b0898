"""One request in, one answer out: keys, faults, idempotency, routing. Knows nothing of sockets."""

import json
import logging
from urllib.parse import urlsplit

from dunwell.sandbox.faults import Fault
from dunwell.sandbox.http import Answer, Request
from dunwell.sandbox.stripe import endpoints, pages, routes
from dunwell.sandbox.stripe.account import Account, Call
from dunwell.sandbox.stripe.errors import Json, RefusedError, on_demand, refuse
from dunwell.sandbox.stripe.expand import expanded
from dunwell.sandbox.stripe.forms import decode

__all__ = ["Answer", "App", "Request", "endpoints"]

log = logging.getLogger(__name__)

_CRASH: Json = {"type": "api_error", "message": "The sandbox itself failed; its log says how."}


class App:
    """The fake's HTTP side over one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._served = 0

    def answer(self, request: Request) -> Answer:
        """Answer any request; never raises. A held one blocks this thread until it is released."""
        url = urlsplit(request.target)
        if url.path.startswith(("/p/", "/i/")):
            with self._account.lock:
                status, body, headers = pages.answer(self._account, request.method, url.path, request.body)
            return Answer(status, body, headers)
        with self._account.lock:
            self._served += 1
            request_id = f"req_{self._account.tag}{self._served:08d}"
        try:
            params = decode(url.query) | decode(request.body)
            self._check_key(request)
        except RefusedError as refused:
            return self._sealed(request, request_id, refused.status, {"error": refused.error})
        return self._serve(request, url.path, params, request_id)

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not given.startswith("Bearer "):
            raise refuse("You did not provide an API key.", status=401)
        if given != f"Bearer {self._account.api_key}":
            raise refuse(f"Invalid API key provided: ...{given[-4:]}", status=401)

    def _serve(self, request: Request, path: str, params: Json, request_id: str) -> Answer:
        account = self._account
        fault = account.faults.take(request.method, path)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        replayed = None
        if key is not None:
            fingerprint = json.dumps([request.method, path, params], sort_keys=True)
            try:
                with account.lock:
                    replayed = account.keys.begin(key, fingerprint, account.now())
            except RefusedError as refused:
                return self._log(
                    request, path, params, request_id, (refused.status, {"error": refused.error})
                )
        if fault is not None and (replayed is not None or not fault.carried_out):
            begun = key if replayed is None else None
            return self._fail(request, path, params, request_id, fault, begun)
        if replayed is not None:
            status, body, original = replayed
            extra = {"Idempotent-Replayed": "true", "Original-Request": original}
            return self._log(request, path, params, request_id, (status, body), extra)
        done = self._execute(request, path, params, request_id, key)
        if fault is not None:
            return self._fail(request, path, params, request_id, fault, None)
        return self._log(request, path, params, request_id, done)

    def _execute(
        self, request: Request, path: str, params: Json, request_id: str, key: str | None
    ) -> tuple[int, Json]:
        account = self._account
        with account.lock:
            account.request = {"id": request_id, "idempotency_key": key}
            try:
                route, ids = routes.find(request.method, path)
                answer, paths = route.call(account, params, ids)
                status, body, executed = 200, expanded(account, answer, paths), True
            except RefusedError as refused:
                status, body, executed = refused.status, {"error": refused.error}, refused.executed
            except Exception:
                log.exception("the fake Stripe failed at %s %s", request.method, path)
                status, body, executed = 500, {"error": _CRASH}, False
            finally:
                account.request = None
            if key is not None and executed:
                account.keys.finish(key, status, json.loads(json.dumps(body)), request_id)
            elif key is not None:
                account.keys.forget(key)
        return status, body

    def _fail(
        self, request: Request, path: str, params: Json, request_id: str, fault: Fault, begun: str | None
    ) -> Answer:
        """Let a fault answer; `begun` is the idempotency key of a request that will not be carried out."""
        if fault.kind == "hold":
            self._account.faults.hold()
        if begun is not None:
            with self._account.lock:
                self._account.keys.forget(begun)
        if fault.kind == "status":
            done = (fault.status, {"error": on_demand(fault.status)})
            return self._log(request, path, params, request_id, done, dict(fault.headers))
        self._log(request, path, params, request_id, (0, {}))
        return Answer(0, cut=True)

    def _log(
        self,
        request: Request,
        path: str,
        params: Json,
        request_id: str,
        done: tuple[int, Json],
        extra: dict[str, str] | None = None,
    ) -> Answer:
        status, body = done
        key = request.headers.get("idempotency-key")
        with self._account.lock:
            replayed = "Idempotent-Replayed" in (extra or {})
            now = self._account.now()
            self._account.calls.append(Call(now, request.method, path, params, key, status, replayed))
            return self._sealed(request, request_id, status, body, extra)

    def _sealed(
        self,
        request: Request,
        request_id: str,
        status: int,
        body: Json,
        extra: dict[str, str] | None = None,
    ) -> Answer:
        version = request.headers.get("stripe-version", self._account.api_version)
        headers = {
            "Content-Type": "application/json",
            "Request-Id": request_id,
            "Stripe-Version": version,
            **(extra or {}),
        }
        return Answer(status, json.dumps(body), headers)
