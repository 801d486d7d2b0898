"""The state of one fake Stripe account: its objects, its events, its clock."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dunwell.engine.clock import Clock
from dunwell.sandbox.stripe.declines import Declined, Outcome, Paid
from dunwell.sandbox.stripe.errors import Json, copied, unknown_object

API_VERSION = "2026-10-28.endive"

# Object type -> prefix of its ids.
PREFIXES = {
    "billing_portal.session": "bps",
    "charge": "ch",
    "customer": "cus",
    "dispute": "dp",
    "event": "evt",
    "invoice": "in",
    "invoice_payment": "inpay",
    "line_item": "il",
    "mandate": "mandate",
    "payment_intent": "pi",
    "payment_method": "pm",
    "payment_record": "prec",
    "price": "price",
    "product": "prod",
    "setup_intent": "seti",
    "subscription": "sub",
    "subscription_item": "si",
    "webhook_endpoint": "we",
}

# Fields by which objects are looked up often and which never change.
_INDEXED = {
    "charge": ("customer", "payment_intent"),
    "invoice": ("customer",),
    "invoice_payment": ("invoice",),
    "line_item": ("invoice",),
    "mandate": ("payment_method",),
    "payment_intent": ("customer",),
    "subscription": ("customer",),
}


@dataclass(slots=True)
class Debit:
    """A bank debit in flight: what becomes of it, and when if nobody says so earlier."""

    invoice: str
    charge: str
    due: datetime
    then: Paid | Declined


class Books:
    """Objects by type and id, events in the order they happened, and what Stripe plans to do.

    `clock` is asked for the time of everything; `at` borrows another moment. Take `lock` around
    anything that reads or writes more than one value: HTTP requests come on other threads.
    """

    def __init__(self, clock: Clock, *, tag: str = "1Sbx", api_version: str = API_VERSION) -> None:
        self.clock = clock
        self.tag = tag
        self.api_version = api_version
        self.base_url = "http://127.0.0.1"
        self.lock = threading.RLock()
        self.request: Json | None = None
        self.tables: dict[str, dict[str, Json]] = {kind: {} for kind in PREFIXES}
        self.outcomes: dict[str, list[Outcome]] = {}
        self.unsaveable: set[str] = set()
        self.used: set[str] = set()
        self.debits: dict[str, Debit] = {}
        self.retry_gaps: tuple[timedelta, ...] = tuple(timedelta(days=days) for days in (3, 4, 5, 6))
        self.retry_plans: dict[str, list[datetime]] = {}
        self.after_retries = "past_due"
        self._index: dict[tuple[str, str, str], dict[str, Json]] = {}
        self._counts: dict[str, int] = {}
        self._at: datetime | None = None
        self._quiet = False

    def now(self) -> datetime:
        """Say what time it is for Stripe: the clock's, or a moment borrowed with `at`."""
        return self._at or self.clock.now()

    def stamp(self) -> int:
        """Say the time in Unix seconds."""
        return int(self.now().timestamp())

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Let everything inside happen at an aware moment, whatever the clock says."""
        before, self._at = self._at, moment
        try:
            yield
        finally:
            self._at = before

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Let everything inside leave no events: history from before anybody listened."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def mint(self, kind: str) -> str:
        """Make the next id of an object type; the same calls always make the same ids."""
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{PREFIXES[kind]}_{self.tag}{number:08d}"

    def add(self, obj: Json) -> Json:
        """Keep a new object."""
        kind = obj["object"]
        self.tables[kind][obj["id"]] = obj
        for field in _INDEXED.get(kind, ()):
            self._index.setdefault((kind, field, obj[field]), {})[obj["id"]] = obj
        return obj

    def remove(self, obj: Json) -> None:
        """Forget an object."""
        kind = obj["object"]
        del self.tables[kind][obj["id"]]
        for field in _INDEXED.get(kind, ()):
            del self._index[kind, field, obj[field]][obj["id"]]

    def find(self, kind: str, id_: str, *, param: str | None = None) -> Json:
        """Find an object; refuses with 404 for an id in the path, 400 for one in parameter `param`."""
        found = self.tables[kind].get(id_)
        if found is None:
            raise unknown_object(kind, id_, param=param or "id", status=400 if param else 404)
        return found

    def lookup(self, id_: str) -> Json | None:
        """Find an object of any type by its id."""
        return next((table[id_] for table in self.tables.values() if id_ in table), None)

    def rows(self, kind: str, **equal: Any) -> list[Json]:
        """List objects newest first, those whose fields equal the given values (None: any)."""
        wanted = {key: value for key, value in equal.items() if value is not None}
        field = next((field for field in _INDEXED.get(kind, ()) if field in wanted), None)
        table = self.tables[kind] if field is None else self._index.get((kind, field, wanted[field]), {})
        found = [obj for obj in table.values() if all(obj.get(k) == v for k, v in wanted.items())]
        # Sorting keeps equal ones in order, so the last one added comes first among equals.
        found.reverse()
        return sorted(found, key=lambda obj: -int(obj.get("created", 0)))

    def emit(self, kind: str, obj: Json, previous: Json | None = None) -> None:
        """Record an event about an object as it is now."""
        if self._quiet:
            return
        data: Json = {"object": copied(obj)}
        if previous is not None:
            data["previous_attributes"] = previous
        listening = [end for end in self.tables["webhook_endpoint"].values() if wants(end, kind)]
        self.add(
            {
                "id": self.mint("event"),
                "object": "event",
                "api_version": self.api_version,
                "created": self.stamp(),
                "data": data,
                "livemode": False,
                "pending_webhooks": len(listening),
                "request": dict(self.request or {"id": None, "idempotency_key": None}),
                "type": kind,
            }
        )

    @contextmanager
    def change(self, obj: Json, event: str) -> Iterator[None]:
        """Record `event` with the previous attributes when something inside changed `obj`."""
        if self._quiet:
            yield
            return
        before = copied(obj)
        yield
        previous = _differences(before, obj)
        if previous:
            self.emit(event, obj, previous)

    def next_outcome(self, method: Json) -> Outcome:
        """Take the next scripted outcome of a payment method; the last one stays."""
        script = self.outcomes.get(method["id"]) or [Paid()]
        return script.pop(0) if len(script) > 1 else script[0]


def wants(endpoint: Json, kind: str) -> bool:
    """Whether a webhook endpoint subscribed to an event type."""
    return bool({"*", kind} & set(endpoint["enabled_events"]))


def _differences(before: Json, after: Json) -> Json:
    changed: Json = {}
    for key, old in before.items():
        new = after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and old.get("object") != "list":
            names = dict.fromkeys([*old, *new])
            changed[key] = {name: old.get(name) for name in names if old.get(name) != new.get(name)}
        else:
            changed[key] = old
    return changed
