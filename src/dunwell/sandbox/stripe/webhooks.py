"""Webhook delivery: signed, over HTTP, with the mishaps Stripe warns of, only when told to.

`flush` makes one try for every waiting event and returns what happened, so tests need no sleeps.
Each delivery is signed afresh with the real time, because the SDK compares it with the real time.
"""

import http.client
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import stripe

from dunwell.engine.clock import Clock, SystemClock
from dunwell.sandbox.stripe.account import Account
from dunwell.sandbox.stripe.books import wants
from dunwell.sandbox.stripe.errors import Json, copied

# Sends a body with headers to a URL and returns the HTTP status; 0 when nobody answered.
Post = Callable[[str, bytes, Mapping[str, str]], int]

_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Chaos:
    """How deliveries go wrong, each as a chance from 0 to 1; the same seed, the same mishaps.

    `duplicate`: delivered twice. `twin`: a second event object for the same change. `drop`: never
    delivered, only found by listing events. `reorder`: each flush in random order.
    """

    seed: int = 0
    duplicate: float = 0.0
    twin: float = 0.0
    drop: float = 0.0
    reorder: bool = False


@dataclass(slots=True)
class Flushed:
    """What one flush did, as event ids; `delivered` in order, with repeats."""

    delivered: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)


def post_over_http(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """POST over a real connection; redirects are not followed (Stripe counts them as failures)."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target or "/", body, dict(headers))
        with connection.getresponse() as response:
            response.read()
            return response.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Deliveries:
    """A webhook endpoint of the account; it gets the events that happen from now on.

    `types`: exact event types, or ("*",). A delivery that is not answered 2xx waits for the next
    flush, `tries` times in all.
    """

    def __init__(
        self,
        account: Account,
        url: str,
        secret: str,
        *,
        types: tuple[str, ...] = ("*",),
        chaos: Chaos | None = None,
        clock: Clock | None = None,
        post: Post = post_over_http,
        tries: int = 16,
    ) -> None:
        self._account = account
        self.url = url
        self._secret = secret
        self._chaos = chaos or Chaos()
        self._random = random.Random(self._chaos.seed)  # noqa: S311 - mishaps, not secrets
        self._clock = clock or SystemClock()
        self._post = post
        self._tries = tries
        self._made: dict[str, int] = {}
        with account.lock:
            self._seen = len(account.tables["event"])
            self._endpoint = account.add(_endpoint(account, url, types))

    @property
    def waiting(self) -> list[str]:
        """The events that will be tried at the next flush, besides new ones."""
        return list(self._made)

    def flush(self) -> Flushed:
        """Try to deliver every waiting event once."""
        report = Flushed()
        for event_id in self._batch(report):
            self._made[event_id] += 1
            status = self._deliver(event_id)
            if 200 <= status < 300:
                report.delivered.append(event_id)
                if self._chance(self._chaos.duplicate):
                    report.duplicated.append(event_id)
                    self._deliver(event_id)
                    report.delivered.append(event_id)
                self._settle(event_id)
            elif self._made[event_id] >= self._tries:
                report.given_up.append(event_id)
                del self._made[event_id]
            else:
                report.failed.append(event_id)
        return report

    def resend(self, event_id: str) -> int:
        """Deliver one event again, as the dashboard's resend button does; returns the HTTP status."""
        return self._deliver(event_id)

    def _batch(self, report: Flushed) -> list[str]:
        with self._account.lock:
            rows = list(self._account.tables["event"].values())
            for event in rows[self._seen :]:
                if wants(self._endpoint, event["type"]):
                    self._admit(event, report)
            # Twins made just now are among the table's events already.
            self._seen = len(self._account.tables["event"])
        batch = list(self._made)
        if self._chaos.reorder:
            self._random.shuffle(batch)
        return batch

    def _admit(self, event: Json, report: Flushed) -> None:
        if self._chance(self._chaos.drop):
            report.dropped.append(event["id"])
            return
        self._made[event["id"]] = 0
        if self._chance(self._chaos.twin):
            twin = self._account.add({**copied(event), "id": self._account.mint("event")})
            report.twins.append(twin["id"])
            self._made[twin["id"]] = 0

    def _chance(self, likelihood: float) -> bool:
        # No draw when it cannot happen: switching one mishap on does not move the others.
        return likelihood > 0 and self._random.random() < likelihood

    def _deliver(self, event_id: str) -> int:
        with self._account.lock:
            body = json.dumps(self._account.find("event", event_id), indent=2)
        stamp = int(self._clock.now().timestamp())
        signature = stripe.WebhookSignature.generate_signature_header(body, self._secret, stamp)
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}
        return self._post(self.url, body.encode(), headers)

    def _settle(self, event_id: str) -> None:
        del self._made[event_id]
        with self._account.lock:
            event = self._account.find("event", event_id)
            event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)


def _endpoint(account: Account, url: str, types: tuple[str, ...]) -> Json:
    return {
        "id": account.mint("webhook_endpoint"),
        "object": "webhook_endpoint",
        "api_version": account.api_version,
        "application": None,
        "created": account.stamp(),
        "description": None,
        "enabled_events": list(types),
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }
