import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
import stripe

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import Account, Chaos, Deliveries

SECRET = "whsec_test"
URL = "http://127.0.0.1:9/hook"


class Receiver:
    """An endpoint that remembers what came and answers as told (the last answer stays)."""

    def __init__(self, *answers: int) -> None:
        self._answers = list(answers or (200,))
        self.received: list[tuple[bytes, Mapping[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.received.append((body, headers))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    @property
    def ids(self) -> list[str]:
        return [json.loads(body)["id"] for body, _ in self.received]


def happen(account: Account, times: int) -> list[str]:
    """Let that many events happen; returns their ids."""
    before = len(account.events())
    for number in range(times):
        account.new_customer(f"C{number}")
    return [event["id"] for event in account.events()[before:]]


def test_each_event_is_delivered_once_in_order_and_signed(account: Account) -> None:
    receiver = Receiver()
    deliveries = Deliveries(account, URL, SECRET, post=receiver)
    ids = happen(account, 3)

    report = deliveries.flush()

    assert report.delivered == receiver.ids == ids
    assert (report.failed, report.dropped, report.duplicated, report.twins) == ([], [], [], [])
    for body, headers in receiver.received:
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET)
        assert event.type == "customer.created"
        assert event.api_version == "2026-10-28.endive"
    assert deliveries.flush().delivered == []


@pytest.mark.parametrize(
    ("body", "secret"), [(b"changed", SECRET), (None, "whsec_other")], ids=["body", "secret"]
)
def test_a_signature_holds_for_one_body_and_one_secret(
    account: Account, body: bytes | None, secret: str
) -> None:
    receiver = Receiver()
    deliveries = Deliveries(account, URL, SECRET, post=receiver)
    happen(account, 1)
    deliveries.flush()
    ((sent, headers),) = receiver.received
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body or sent, headers["Stripe-Signature"], secret)


def test_signatures_carry_the_time_of_the_given_clock_not_of_the_account(account: Account) -> None:
    receiver = Receiver()
    long_ago = VirtualClock(datetime(2020, 1, 1, tzinfo=UTC))
    deliveries = Deliveries(account, URL, SECRET, post=receiver, clock=long_ago)
    happen(account, 1)
    deliveries.flush()
    ((body, headers),) = receiver.received
    assert headers["Stripe-Signature"].startswith("t=1577836800,v1=")
    with pytest.raises(stripe.SignatureVerificationError, match="tolerance"):
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET)


def test_an_endpoint_gets_only_what_happens_after_it_exists_and_only_its_types(account: Account) -> None:
    happen(account, 2)
    receiver = Receiver()
    deliveries = Deliveries(account, URL, SECRET, types=("customer.updated",), post=receiver)
    customer = account.new_customer("Acme")
    account.customer_saves_method(customer)
    deliveries.flush()
    assert [json.loads(body)["type"] for body, _ in receiver.received] == ["customer.updated"]


def test_a_refused_delivery_is_tried_again_at_the_next_flush(
    account: Account, client: stripe.StripeClient
) -> None:
    receiver = Receiver(503, 302, 0, 200)
    deliveries = Deliveries(account, URL, SECRET, post=receiver)
    (event,) = happen(account, 1)
    for _ in range(3):
        report = deliveries.flush()
        assert (report.failed, report.delivered) == ([event], [])
        assert deliveries.waiting == [event]
        assert [e.id for e in client.v1.events.list({"delivery_success": False}).data] == [event]
    assert deliveries.flush().delivered == [event]
    assert deliveries.waiting == []
    assert client.v1.events.list({"delivery_success": False}).data == []
    assert [e.id for e in client.v1.events.list({"delivery_success": True}).data] == [event]
    assert receiver.ids == [event] * 4


def test_each_try_is_signed_afresh(account: Account) -> None:
    receiver = Receiver(500, 200)
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    deliveries = Deliveries(account, URL, SECRET, post=receiver, clock=clock)
    happen(account, 1)
    deliveries.flush()
    clock.move_to(datetime(2026, 1, 2, tzinfo=UTC))
    deliveries.flush()
    first, second = (headers["Stripe-Signature"] for _, headers in receiver.received)
    assert first.split(",")[0] == "t=1767225600"
    assert second.split(",")[0] == "t=1767312000"


def test_after_its_last_try_an_event_is_given_up_and_stays_undelivered(
    account: Account, client: stripe.StripeClient
) -> None:
    receiver = Receiver(500)
    deliveries = Deliveries(account, URL, SECRET, post=receiver, tries=3)
    (event,) = happen(account, 1)
    assert [deliveries.flush().given_up for _ in range(4)] == [[], [], [event], []]
    assert receiver.ids == [event] * 3
    assert [e.id for e in client.v1.events.list({"delivery_success": False}).data] == [event]
    assert deliveries.resend(event) == 500


class TestChaos:
    def test_duplicates_are_extra_deliveries_of_the_same_event(self, account: Account) -> None:
        receiver = Receiver()
        deliveries = Deliveries(account, URL, SECRET, chaos=Chaos(seed=1, duplicate=0.5), post=receiver)
        ids = happen(account, 40)
        report = deliveries.flush()
        counts = Counter(receiver.ids)
        assert set(counts) == set(ids)
        assert {id_ for id_, count in counts.items() if count == 2} == set(report.duplicated)
        assert len(receiver.ids) == len(report.delivered) == 40 + len(report.duplicated)
        assert 0 < len(report.duplicated) < 40

    def test_twins_are_two_events_for_one_change(self, account: Account) -> None:
        receiver = Receiver()
        deliveries = Deliveries(account, URL, SECRET, chaos=Chaos(twin=1.0), post=receiver)
        ids = happen(account, 2)
        report = deliveries.flush()
        assert len(report.twins) == 2
        assert sorted(receiver.ids) == sorted([*ids, *report.twins])
        objects = Counter(json.loads(body)["data"]["object"]["id"] for body, _ in receiver.received)
        assert sorted(objects.values()) == [2, 2]
        assert deliveries.flush().delivered == []

    def test_dropped_events_never_arrive_but_can_be_listed(
        self, account: Account, client: stripe.StripeClient
    ) -> None:
        receiver = Receiver()
        deliveries = Deliveries(account, URL, SECRET, chaos=Chaos(seed=2, drop=0.3), post=receiver)
        ids = happen(account, 30)
        report = deliveries.flush()
        assert 0 < len(report.dropped) < 30
        assert receiver.ids == [id_ for id_ in ids if id_ not in report.dropped]
        deliveries.flush()
        assert len(receiver.ids) == 30 - len(report.dropped)
        listed = client.v1.events.list({"delivery_success": False, "limit": 100}).data
        assert {event.id for event in listed} == set(report.dropped)

    def test_reordering_delivers_everything_once_in_another_order(self, account: Account) -> None:
        receiver = Receiver()
        deliveries = Deliveries(account, URL, SECRET, chaos=Chaos(seed=3, reorder=True), post=receiver)
        ids = happen(account, 20)
        deliveries.flush()
        assert receiver.ids != ids
        assert sorted(receiver.ids) == sorted(ids)

    def test_the_same_seed_makes_the_same_mishaps(self, clock: VirtualClock) -> None:
        chaos = Chaos(seed=4, duplicate=0.3, twin=0.2, drop=0.2, reorder=True)

        def run(chaos: Chaos) -> list[str]:
            account, receiver = Account(clock), Receiver()
            deliveries = Deliveries(account, URL, SECRET, chaos=chaos, post=receiver)
            happen(account, 20)
            deliveries.flush()
            return receiver.ids

        assert run(chaos) == run(chaos)
        assert run(chaos) != run(Chaos(seed=5, duplicate=0.3, twin=0.2, drop=0.2, reorder=True))


class TestOverHttp:
    @pytest.fixture
    def endpoint(self) -> Iterator[tuple[str, list[bytes]]]:
        received: list[bytes] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
                stripe.Webhook.construct_event(received[-1], self.headers["Stripe-Signature"], SECRET)
                status = 302 if "away" in self.path else 200
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}", received
            server.shutdown()
            thread.join()

    def test_a_real_endpoint_receives_a_body_the_sdk_accepts(
        self, account: Account, endpoint: tuple[str, list[bytes]]
    ) -> None:
        url, received = endpoint
        deliveries = Deliveries(account, f"{url}/webhooks/stripe?x=1", SECRET)
        ids = happen(account, 2)
        assert deliveries.flush().delivered == ids
        assert [json.loads(body)["id"] for body in received] == ids

    def test_a_redirect_is_a_failure_and_is_not_followed(
        self, account: Account, endpoint: tuple[str, list[bytes]]
    ) -> None:
        url, received = endpoint
        deliveries = Deliveries(account, f"{url}/away", SECRET)
        ids = happen(account, 1)
        assert deliveries.flush().failed == ids
        assert len(received) == 1

    def test_an_endpoint_that_is_not_there_is_a_failure(self, account: Account) -> None:
        deliveries = Deliveries(account, URL, SECRET)
        ids = happen(account, 1)
        assert deliveries.flush().failed == ids


def test_endpoints_are_listed_and_events_count_them(account: Account, client: stripe.StripeClient) -> None:
    one = Deliveries(account, URL, SECRET, post=Receiver())
    Deliveries(account, f"{URL}2", SECRET, types=("invoice.paid",), post=Receiver())
    listed = client.v1.webhook_endpoints.list().data
    assert [(end.url, end.enabled_events, end.status) for end in listed] == [
        (f"{URL}2", ["invoice.paid"], "enabled"),
        (URL, ["*"], "enabled"),
    ]
    (event,) = happen(account, 1)
    assert account.get(event)["pending_webhooks"] == 1
    one.flush()
    assert account.get(event)["pending_webhooks"] == 0
