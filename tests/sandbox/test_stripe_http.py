import socket
import threading
from datetime import timedelta

import pytest
import requests
import stripe

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import Account, FakeStripe, declined


@pytest.fixture
def invoice(account: Account, acme: str) -> str:
    return account.new_subscription_invoice(acme, 120000, "usd", "INV-1")


def patient(server: FakeStripe, retries: int = 2) -> stripe.StripeClient:
    return stripe.StripeClient(
        "sk_test_sandbox", base_addresses={"api": server.url}, max_network_retries=retries
    )


class TestKeysAndHeaders:
    def test_a_wrong_key_is_refused_without_being_repeated(self, server: FakeStripe) -> None:
        wrong = stripe.StripeClient("sk_test_somebody_else", base_addresses={"api": server.url})
        with pytest.raises(stripe.AuthenticationError) as refused:
            wrong.v1.customers.list()
        assert refused.value.http_status == 401
        assert "somebody" not in str(refused.value)
        assert server.account.calls == []

    def test_no_key_is_refused(self, server: FakeStripe) -> None:
        answer = requests.get(f"{server.url}/v1/customers", timeout=5)
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")

    def test_every_answer_names_its_request_and_version(
        self, client: stripe.StripeClient, server: FakeStripe
    ) -> None:
        first, second = (client.v1.customers.list().last_response for _ in range(2))
        assert first is not None
        assert second is not None
        assert first.request_id != second.request_id
        assert first.headers["Stripe-Version"] == "2026-10-28.endive"
        older = stripe.StripeClient(
            "sk_test_sandbox", base_addresses={"api": server.url}, stripe_version="2026-08-26.dahlia"
        )
        answer = older.v1.customers.list().last_response
        assert answer is not None
        assert answer.headers["Stripe-Version"] == "2026-08-26.dahlia"

    def test_an_unknown_id_in_the_path_is_a_404(self, client: stripe.StripeClient) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.invoices.retrieve("in_nothing")
        assert (refused.value.http_status, refused.value.code, refused.value.param) == (
            404,
            "resource_missing",
            "id",
        )

    def test_an_unknown_id_in_a_parameter_is_a_400(self, client: stripe.StripeClient) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.invoices.create({"customer": "cus_nobody"})
        assert (refused.value.http_status, refused.value.code, refused.value.param) == (
            400,
            "resource_missing",
            "customer",
        )

    def test_an_unknown_parameter_is_refused_and_nothing_happens(
        self, client: stripe.StripeClient, account: Account, invoice: str
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.invoices.pay(invoice, {"paymentmethod": "pm_1"})  # type: ignore[arg-type]
        assert (refused.value.code, refused.value.param) == ("parameter_unknown", "paymentmethod")
        assert account.attempts(invoice) == []

    @pytest.mark.parametrize(
        ("method", "path"), [("GET", "/v1/nothing"), ("DELETE", "/v1/events/evt_1"), ("GET", "/")]
    )
    def test_an_unknown_url_is_a_404(self, server: FakeStripe, method: str, path: str) -> None:
        answer = requests.request(
            method, server.url + path, headers={"Authorization": "Bearer sk_test_sandbox"}, timeout=5
        )
        assert answer.status_code == 404
        assert "Unrecognized request URL" in answer.json()["error"]["message"]

    def test_the_account_remembers_each_call(
        self, client: stripe.StripeClient, account: Account, acme: str
    ) -> None:
        client.v1.customers.update(acme, {"phone": "1"}, {"idempotency_key": "k"})
        (call,) = account.calls
        assert (call.method, call.path, call.params, call.key, call.status, call.replayed) == (
            "POST",
            f"/v1/customers/{acme}",
            {"phone": "1"},
            "k",
            200,
            False,
        )


class TestIdempotency:
    def test_the_same_key_gives_the_same_answer_and_acts_once(
        self, client: stripe.StripeClient, account: Account
    ) -> None:
        one = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        two = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        assert two.to_dict() == one.to_dict()
        assert one.last_response is not None
        assert two.last_response is not None
        assert "Idempotent-Replayed" not in one.last_response.headers
        assert two.last_response.headers["Idempotent-Replayed"] == "true"
        assert two.last_response.headers["Original-Request"] == one.last_response.request_id
        assert len(account.events("customer.created")) == 1

    def test_a_decline_is_replayed_too(
        self, client: stripe.StripeClient, account: Account, acme: str, invoice: str
    ) -> None:
        account.script(account.get(acme)["invoice_settings"]["default_payment_method"], [declined()])
        messages = set()
        for _ in range(3):
            with pytest.raises(stripe.CardError) as refused:
                client.v1.invoices.pay(invoice, {}, {"idempotency_key": "attempt-1"})
            assert refused.value.error is not None
            messages.add(refused.value.error.charge)
        assert len(messages) == 1
        assert len(account.attempts(invoice)) == 1
        with pytest.raises(stripe.CardError):
            client.v1.invoices.pay(invoice, {}, {"idempotency_key": "attempt-2"})
        assert len(account.attempts(invoice)) == 2

    def test_the_same_key_with_other_parameters_is_an_error(
        self, client: stripe.StripeClient, account: Account, invoice: str
    ) -> None:
        client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        with pytest.raises(stripe.IdempotencyError) as refused:
            client.v1.customers.create({"name": "B"}, {"idempotency_key": "k"})
        assert refused.value.http_status == 400
        with pytest.raises(stripe.IdempotencyError):
            client.v1.invoices.pay(invoice, {}, {"idempotency_key": "k"})
        assert len(account.events("customer.created")) == 2  # acme and A

    def test_a_request_that_was_refused_before_doing_anything_frees_its_key(
        self, client: stripe.StripeClient
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.create({"nam": "A"}, {"idempotency_key": "k"})  # type: ignore[arg-type]
        assert client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"}).name == "A"

    def test_a_key_is_forgotten_after_a_day(self, client: stripe.StripeClient, clock: VirtualClock) -> None:
        one = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        clock.advance(timedelta(hours=24))
        two = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        assert one.id != two.id

    def test_a_key_in_use_is_a_409(self, server: FakeStripe, account: Account) -> None:
        account.fail_next("POST", "/v1/customers", kind="hold")
        answers: list[str] = []

        def held() -> None:
            try:
                patient(server, 0).v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
            except stripe.APIConnectionError:
                answers.append("cut off")

        thread = threading.Thread(target=held)
        thread.start()
        assert account.faults.holding.wait(5)
        with pytest.raises(stripe.APIError) as refused:
            patient(server, 0).v1.customers.create({"name": "A"}, {"idempotency_key": "k"})
        assert refused.value.http_status == 409
        assert refused.value.error is not None
        assert refused.value.error.code == "idempotency_key_in_use"
        account.faults.release()
        thread.join()
        assert answers == ["cut off"]
        assert account.events("customer.created") == []


class TestFaults:
    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, stripe.InvalidRequestError),
            (402, stripe.CardError),
            (403, stripe.PermissionError),
            (409, stripe.APIError),
            (429, stripe.RateLimitError),
            (500, stripe.APIError),
            (503, stripe.APIError),
        ],
    )
    def test_a_status_on_demand_happens_once_and_does_nothing(
        self, client: stripe.StripeClient, account: Account, status: int, error: type[stripe.StripeError]
    ) -> None:
        account.fail_next("POST", "/v1/customers", status)
        with pytest.raises(error) as refused:
            client.v1.customers.create({"name": "A"})
        assert refused.value.http_status == status
        assert account.events() == []
        assert client.v1.customers.create({"name": "A"}).name == "A"

    def test_a_pattern_picks_its_requests(
        self, client: stripe.StripeClient, account: Account, acme: str, invoice: str
    ) -> None:
        account.fail_next("*", "/v1/invoices/*/pay", 500, times=2)
        assert client.v1.invoices.retrieve(invoice).status == "open"
        for _ in range(2):
            with pytest.raises(stripe.APIError):
                client.v1.invoices.pay(invoice)
        assert account.faults.left == 0
        assert client.v1.invoices.pay(invoice).status == "paid"

    def test_retry_headers_are_sent(self, client: stripe.StripeClient, account: Account) -> None:
        account.fail_next("GET", "/v1/customers", 429, retry_after=7, should_retry=False)
        with pytest.raises(stripe.RateLimitError) as refused:
            client.v1.customers.list()
        assert refused.value.headers is not None
        assert refused.value.headers["Retry-After"] == "7"
        assert refused.value.headers["Stripe-Should-Retry"] == "false"

    def test_the_sdk_can_be_told_not_to_retry(self, server: FakeStripe, account: Account) -> None:
        account.fail_next("GET", "/v1/customers", 500, times=2, should_retry=False)
        with pytest.raises(stripe.APIError):
            patient(server).v1.customers.list()
        assert account.faults.left == 1

    def test_an_answer_lost_after_the_charge_is_found_again_with_the_same_key(
        self, client: stripe.StripeClient, account: Account, invoice: str
    ) -> None:
        account.fail_next("POST", "/v1/invoices/*/pay", kind="cut", carried_out=True)
        with pytest.raises(stripe.APIConnectionError):
            client.v1.invoices.pay(invoice, {}, {"idempotency_key": "k"})
        assert account.get(invoice)["status"] == "paid"
        again = client.v1.invoices.pay(invoice, {}, {"idempotency_key": "k"})
        assert again.status == "paid"
        assert again.last_response is not None
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        assert len(account.attempts(invoice)) == 1
        assert [call.status for call in account.calls] == [0, 200]

    def test_a_fault_can_hide_a_replay_and_the_stored_answer_stays(
        self, client: stripe.StripeClient, account: Account, invoice: str
    ) -> None:
        client.v1.invoices.pay(invoice, {}, {"idempotency_key": "k"})
        account.fail_next("POST", "/v1/invoices/*/pay", 500)
        with pytest.raises(stripe.APIError):
            client.v1.invoices.pay(invoice, {}, {"idempotency_key": "k"})
        again = client.v1.invoices.pay(invoice, {}, {"idempotency_key": "k"})
        assert again.last_response is not None
        assert again.last_response.headers["Idempotent-Replayed"] == "true"
        assert len(account.attempts(invoice)) == 1

    def test_a_connection_cut_before_the_charge_leaves_nothing_done(
        self, client: stripe.StripeClient, account: Account, invoice: str
    ) -> None:
        account.fail_next("POST", "/v1/invoices/*/pay", kind="cut")
        with pytest.raises(stripe.APIConnectionError):
            client.v1.invoices.pay(invoice, {}, {"idempotency_key": "k"})
        assert account.attempts(invoice) == []
        assert client.v1.invoices.pay(invoice, {}, {"idempotency_key": "k"}).status == "paid"

    @pytest.mark.parametrize("carried_out", [False, True])
    def test_an_answer_that_does_not_come_in_time_is_a_timeout(
        self, server: FakeStripe, account: Account, *, carried_out: bool
    ) -> None:
        account.fail_next("POST", "/v1/customers", kind="hold", carried_out=carried_out)
        hasty = stripe.StripeClient(
            "sk_test_sandbox",
            base_addresses={"api": server.url},
            http_client=stripe.RequestsClient(timeout=0.2),
        )
        with pytest.raises(stripe.APIConnectionError):
            hasty.v1.customers.create({"name": "A"})
        assert len(account.events("customer.created")) == int(carried_out)

    def test_a_bug_in_the_fake_is_a_500_and_not_a_hang(
        self, client: stripe.StripeClient, account: Account, acme: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        del account.tables["customer"][acme]["metadata"]
        with pytest.raises(stripe.APIError) as refused:
            client.v1.customers.update(acme, {"metadata": {"a": "b"}})
        assert refused.value.http_status == 500
        assert "the fake Stripe failed" in caplog.text
        account.tables["customer"][acme]["metadata"] = {}


class TestServer:
    def test_stopping_ends_every_thread_also_with_an_idle_and_a_held_connection(
        self, account: Account
    ) -> None:
        before = set(threading.enumerate())
        server = FakeStripe(account).start()
        port = int(server.url.rpartition(":")[2])
        account.fail_next("GET", "/v1/customers", kind="hold")
        idle = socket.create_connection(("127.0.0.1", port))
        held = socket.create_connection(("127.0.0.1", port))
        held.sendall(
            b"GET /v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_test_sandbox\r\n\r\n"
        )
        assert account.faults.holding.wait(5)
        server.stop()
        assert set(threading.enumerate()) == before
        for connection in (idle, held):
            assert connection.recv(1) == b""
            connection.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()

    def test_a_server_that_was_never_started_can_be_stopped(self, account: Account) -> None:
        FakeStripe(account).stop()

    def test_two_servers_take_two_ports(self, account: Account, clock: VirtualClock) -> None:
        with FakeStripe(account) as one, FakeStripe(Account(clock, tag="1Two")) as two:
            assert one.url != two.url

    def test_pages_of_older_invoices_follow_the_server(self, account: Account, acme: str) -> None:
        invoice = account.new_subscription_invoice(acme, 100)
        with FakeStripe(account) as server:
            assert account.get(invoice)["hosted_invoice_url"] == f"{server.url}/i/{invoice}"

    def test_many_callers_at_once_get_one_answer_each(self, server: FakeStripe, account: Account) -> None:
        def make() -> None:
            for number in range(5):
                patient(server, 0).v1.customers.create({"name": f"C{number}"})

        threads = [threading.Thread(target=make) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(account.events("customer.created")) == 30
        assert len({event["id"] for event in account.events()}) == 30
