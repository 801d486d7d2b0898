from datetime import timedelta
from typing import Any

import pytest
import stripe

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import Account, declined


@pytest.fixture
def failed(account: Account, acme: str) -> str:
    """An invoice whose first charge was declined."""
    invoice = account.new_subscription_invoice(acme, 120000, "usd", "INV-1")
    account.charge_now(invoice, declined("insufficient_funds"))
    return invoice


class TestExpand:
    def test_the_reason_of_a_decline_is_one_call_away_from_the_invoice(
        self, client: stripe.StripeClient, failed: str
    ) -> None:
        (row,) = client.v1.invoice_payments.list(
            {"invoice": failed, "expand": ["data.payment.payment_intent.latest_charge"]}
        ).data
        intent = row.payment.payment_intent
        assert isinstance(intent, stripe.PaymentIntent)
        assert intent.last_payment_error is not None
        assert intent.last_payment_error.decline_code == "insufficient_funds"
        charge = intent.latest_charge
        assert isinstance(charge, stripe.Charge)
        assert charge.outcome is not None
        assert charge.outcome.reason == "insufficient_funds"
        assert (row.is_default, row.status, row.amount_requested) == (True, "open", 120000)

    def test_an_invoice_shows_its_payments_only_when_asked(
        self, client: stripe.StripeClient, failed: str
    ) -> None:
        assert "payments" not in client.v1.invoices.retrieve(failed)
        shown = client.v1.invoices.retrieve(
            failed, {"expand": ["payments.data.payment.payment_intent", "customer"]}
        )
        assert shown.payments is not None
        assert isinstance(shown.payments.data[0].payment.payment_intent, stripe.PaymentIntent)
        assert isinstance(shown.customer, stripe.Customer)
        # The stored object is as it was.
        assert "payments" not in client.v1.invoices.retrieve(failed)

    def test_nested_hashes_are_walked(self, client: stripe.StripeClient, failed: str, acme: str) -> None:
        shown = client.v1.invoices.retrieve(failed, {"expand": ["parent.subscription_details.subscription"]})
        assert isinstance(shown.parent.subscription_details.subscription, stripe.Subscription)  # type: ignore[union-attr]
        customer = client.v1.customers.retrieve(
            acme, {"expand": ["invoice_settings.default_payment_method", "subscriptions"]}
        )
        assert isinstance(customer.invoice_settings.default_payment_method, stripe.PaymentMethod)  # type: ignore[union-attr]
        assert [s.status for s in customer.subscriptions.data] == ["past_due"]  # type: ignore[union-attr]

    def test_a_list_expands_in_each_row(self, client: stripe.StripeClient, failed: str) -> None:
        shown = client.v1.subscriptions.list({"expand": ["data.latest_invoice", "data.items.data.price"]})
        assert [s.latest_invoice.id for s in shown.data] == [failed]  # type: ignore[union-attr]

    def test_what_is_null_stays_null(self, client: stripe.StripeClient, failed: str) -> None:
        shown = client.v1.invoices.retrieve(failed, {"expand": ["default_payment_method"]})
        assert shown.default_payment_method is None

    @pytest.mark.parametrize(
        "path", ["number", "id", "status_transitions", "nothing", "customer.email", "number.x"]
    )
    def test_what_cannot_be_expanded_is_refused(
        self, client: stripe.StripeClient, failed: str, path: str
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            client.v1.invoices.retrieve(failed, {"expand": [path]})

    def test_five_steps_are_too_many(self, client: stripe.StripeClient, failed: str) -> None:
        path = "payments.data.payment.payment_intent.latest_charge"
        with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
            client.v1.invoices.retrieve(failed, {"expand": [path]})


class TestPaging:
    @pytest.fixture
    def many(self, account: Account) -> list[str]:
        return [account.new_customer(f"C{number}") for number in range(25)]

    def test_pages_follow_each_other_newest_first(self, client: stripe.StripeClient, many: list[str]) -> None:
        first = client.v1.customers.list()
        assert ([c.id for c in first.data], first.has_more) == (many[:14:-1], True)
        last = client.v1.customers.list({"limit": 20, "starting_after": first.data[-1].id})
        assert ([c.id for c in last.data], last.has_more) == (many[14::-1], False)

    def test_ending_before_gives_the_page_in_front(
        self, client: stripe.StripeClient, many: list[str]
    ) -> None:
        page = client.v1.customers.list({"limit": 3, "ending_before": many[10]})
        assert ([c.id for c in page.data], page.has_more) == ([many[13], many[12], many[11]], True)
        page = client.v1.customers.list({"limit": 3, "ending_before": many[22]})
        assert ([c.id for c in page.data], page.has_more) == ([many[24], many[23]], False)

    def test_the_sdk_pages_through_everything_both_ways(
        self, client: stripe.StripeClient, many: list[str]
    ) -> None:
        assert [c.id for c in client.v1.customers.list({"limit": 7}).auto_paging_iter()] == many[::-1]
        backwards = client.v1.customers.list({"limit": 7, "ending_before": many[0]})
        assert [c.id for c in backwards.auto_paging_iter()] == many[1:]

    @pytest.mark.parametrize(
        "params",
        [
            {"limit": 0},
            {"limit": 101},
            {"starting_after": "cus_nobody"},
            {"starting_after": "a", "ending_before": "b"},
        ],
    )
    def test_impossible_pages_are_refused(
        self, client: stripe.StripeClient, many: list[str], params: dict[str, Any]
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.customers.list(params)  # type: ignore[arg-type]
        assert refused.value.http_status == 400


class TestEvents:
    def test_events_are_snapshots_pinned_to_their_version(
        self, client: stripe.StripeClient, account: Account, failed: str, acme: str
    ) -> None:
        (listed,) = client.v1.events.list({"type": "invoice.payment_failed"}).data
        account.void(failed)
        event = client.v1.events.retrieve(listed.id)
        assert event.data.object["status"] == "open"
        assert (event.api_version, event.livemode) == ("2026-10-28.endive", False)
        assert "payments" not in event.data.object

    def test_events_are_found_by_type_wildcard_and_types(
        self, client: stripe.StripeClient, failed: str
    ) -> None:
        def types(**params: Any) -> set[str]:
            found = client.v1.events.list({"limit": 100, **params}).data  # type: ignore[arg-type]
            return {str(event.type) for event in found}

        assert types(type="charge.failed") == {"charge.failed"}
        assert types(type="invoice.*") == {
            "invoice.created",
            "invoice.finalized",
            "invoice.updated",
            "invoice.payment_failed",
        }
        wanted = ["charge.failed", "customer.created"]
        assert types(types=wanted) == set(wanted)
        assert types(types=["charge.succeeded"]) == set()

    def test_type_and_types_exclude_each_other_and_twenty_is_the_limit(
        self, client: stripe.StripeClient
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.events.list({"type": "a", "types": ["b"]})
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.events.list({"types": [f"t{n}" for n in range(21)]})

    def test_events_are_found_by_time_and_for_thirty_days(
        self, client: stripe.StripeClient, account: Account, clock: VirtualClock
    ) -> None:
        account.new_customer("Early")
        clock.advance(timedelta(days=30))
        account.new_customer("Late")
        at = account.stamp()
        names = [e.data.object["name"] for e in client.v1.events.list().data]
        assert names == ["Late", "Early"]
        names = [e.data.object["name"] for e in client.v1.events.list({"created": {"gte": at}}).data]
        assert names == ["Late"]
        clock.advance(timedelta(seconds=1))
        assert [e.data.object["name"] for e in client.v1.events.list().data] == ["Late"]

    def test_an_event_knows_the_request_behind_it(
        self, client: stripe.StripeClient, account: Account
    ) -> None:
        made = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k-1"})
        (event,) = account.events("customer.created")
        assert made.last_response is not None
        assert event["request"] == {"id": made.last_response.request_id, "idempotency_key": "k-1"}


class TestSubscriptions:
    @pytest.fixture
    def price(self, client: stripe.StripeClient) -> str:
        product = client.v1.products.create({"name": "Plan"})
        made = client.v1.prices.create(
            {
                "product": product.id,
                "currency": "usd",
                "unit_amount": 2500,
                "recurring": {"interval": "year"},
            }
        )
        assert client.v1.prices.retrieve(made.id, {"expand": ["product"]}).product.name == "Plan"  # type: ignore[union-attr]
        assert [p.id for p in client.v1.prices.list({"product": product.id}).data] == [made.id]
        assert [p.id for p in client.v1.products.list().data] == [product.id]
        assert client.v1.products.retrieve(product.id).name == "Plan"
        return str(made.id)

    def test_a_new_subscription_bills_its_first_period_at_once(
        self, client: stripe.StripeClient, account: Account, acme: str, price: str
    ) -> None:
        made = client.v1.subscriptions.create({"customer": acme, "items": [{"price": price, "quantity": 3}]})
        assert made.status == "active"
        invoice = client.v1.invoices.retrieve(str(made.latest_invoice))
        assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == (
            "paid",
            7500,
            "subscription_create",
        )
        item = made.to_dict()["items"]["data"][0]
        assert item["current_period_end"] - item["current_period_start"] == 365 * 86400

    def test_a_first_period_that_cannot_be_charged_leaves_it_incomplete(
        self, client: stripe.StripeClient, account: Account, acme: str, price: str
    ) -> None:
        account.script(account.get(acme)["invoice_settings"]["default_payment_method"], [declined()])
        made = client.v1.subscriptions.create({"customer": acme, "items": [{"price": price}]})
        assert made.status == "incomplete"
        client.v1.invoices.pay(
            str(made.latest_invoice), {"payment_method": account.customer_saves_method(acme)}
        )
        assert client.v1.subscriptions.retrieve(made.id).status == "active"

    def test_a_sent_subscription_waits_for_its_due_date(
        self, client: stripe.StripeClient, acme: str, price: str
    ) -> None:
        made = client.v1.subscriptions.create(
            {
                "customer": acme,
                "items": [{"price": price}],
                "collection_method": "send_invoice",
                "days_until_due": 30,
            }
        )
        invoice = client.v1.invoices.retrieve(str(made.latest_invoice))
        assert (made.status, invoice.status, invoice.due_date) == (
            "active",
            "open",
            invoice.created + 30 * 86400,
        )

    def test_canceled_subscriptions_are_listed_only_when_asked_for(
        self, client: stripe.StripeClient, account: Account, acme: str
    ) -> None:
        kept, gone = account.new_subscription(acme, 100), account.new_subscription(acme, 200)
        client.v1.subscriptions.cancel(gone)

        def ids(**params: Any) -> list[str]:
            return [s.id for s in client.v1.subscriptions.list(params).data]  # type: ignore[arg-type]

        assert ids(customer=acme) == [kept]
        assert ids(status="all") == [gone, kept]
        assert ids(status="canceled") == ids(status="ended") == [gone]
        assert ids(status="active", price=account.get(kept)["items"]["data"][0]["price"]["id"]) == [kept]
        assert ids(customer=account.new_customer("Other")) == []

    def test_collection_of_future_invoices_can_be_paused_and_resumed(
        self, client: stripe.StripeClient, account: Account, acme: str
    ) -> None:
        id_ = account.new_subscription(acme, 100)
        paused = client.v1.subscriptions.update(id_, {"pause_collection": {"behavior": "void"}})
        assert paused.to_dict()["pause_collection"] == {"behavior": "void", "resumes_at": None}
        assert client.v1.subscriptions.update(id_, {"pause_collection": ""}).pause_collection is None


class TestPayments:
    def test_invoice_payments_are_filtered_by_status_and_retrieved(
        self, client: stripe.StripeClient, account: Account, failed: str
    ) -> None:
        account.pay_part(failed, 100)
        (open_,) = client.v1.invoice_payments.list({"invoice": failed, "status": "open"}).data
        (paid,) = client.v1.invoice_payments.list({"invoice": failed, "status": "paid"}).data
        assert client.v1.invoice_payments.retrieve(open_.id).payment.type == "payment_intent"
        assert (paid.amount_paid, paid.payment.type) == (100, "payment_record")
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.invoice_payments.list({"invoice": "in_nothing"})

    def test_charges_and_intents_are_listed_by_customer(
        self, client: stripe.StripeClient, account: Account, failed: str, acme: str
    ) -> None:
        (charge,) = client.v1.charges.list({"customer": acme}).data
        (intent,) = client.v1.payment_intents.list({"customer": acme}).data
        assert (charge.status, charge.payment_intent) == ("failed", intent.id)
        assert [c.id for c in client.v1.charges.list({"payment_intent": intent.id}).data] == [charge.id]
        assert client.v1.charges.retrieve(charge.id).failure_code == "card_declined"
        assert client.v1.charges.list({"customer": account.new_customer("Other")}).data == []
        assert client.v1.disputes.list().data == []


def test_the_account_says_whose_key_it_is(client: stripe.StripeClient) -> None:
    account = client.v1.accounts.retrieve_current()
    assert (account.id, account.charges_enabled) == ("acct_1Sbx", True)
