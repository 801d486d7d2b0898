"""The fake speaks Stripe's language: published shapes, real parameters, real expansions."""

import json
from datetime import timedelta
from typing import Any

import pytest
import stripe
import stripe.params as sdk
from stripe.params import billing_portal as sdk_portal

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import Account, Deliveries, FakeStripe, declined, paid, requires_action
from dunwell.sandbox.stripe.app import endpoints
from dunwell.sandbox.stripe.expand import EXPANDABLE
from dunwell.sandbox.stripe.routes import ROUTES
from tests.sandbox import shapes
from tests.sandbox.conftest import RecordingClient

assert endpoints  # importing the package registers the routes


def test_the_composed_events_fit_the_schemas_apart_from_what_their_placeholders_add() -> None:
    """Our closed schemas are not too tight: the published examples only fail on names since removed."""
    for path in sorted((shapes.PAYLOADS / "events").glob("[!t]*.json")):
        found = shapes.problems(json.loads(path.read_text()))
        assert [
            line for line in found if "Additional properties" not in line and "not valid" not in line
        ] == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"amount_due": "120000"}, "amount_due"),
        ({"charge": "ch_1"}, ""),
        ({"status": "overdue"}, "status"),
        ({"lines": {"object": "list", "data": [{"id": 1}], "has_more": False, "url": "/"}}, "lines"),
    ],
)
def test_a_wrong_shape_is_noticed(account: Account, acme: str, change: dict[str, Any], where: str) -> None:
    invoice = account.get(account.new_subscription_invoice(acme, 100))
    assert shapes.problems(invoice) == []
    found = shapes.problems(invoice | change)
    assert found
    assert all(line.startswith(f"invoice.{where}") for line in found)


def test_a_whole_life_has_stripes_shapes_in_every_answer_and_webhook(  # noqa: PLR0915 - a life is long
    client: stripe.StripeClient, http_client: RecordingClient, account: Account, clock: VirtualClock
) -> None:
    bodies: list[bytes] = []

    def keep(_url: str, body: bytes, _headers: object) -> int:
        bodies.append(body)
        return 200

    deliveries = Deliveries(account, "http://127.0.0.1/hook", "whsec_test", post=keep)
    v1 = client.v1
    customer = v1.customers.create(
        {"name": "Acme", "payment_method": "pm_card_visa", "metadata": {"a": "b"}}
    ).id
    (card,) = v1.customers.payment_methods.list(customer).data
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})
    product = v1.products.create({"name": "Plan"})
    price = v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"}}
    )
    sold = v1.subscriptions.create(
        {"customer": customer, "items": [{"price": price.id}], "expand": ["latest_invoice.payments"]}
    )
    account.history(customer, 3)
    account.script(
        card.id, [declined("insufficient_funds", advice_code="try_again_later"), requires_action()]
    )
    clock.advance(timedelta(days=30))
    failing = account.new_subscription_invoice(customer, 500, subscription=sold.id)
    account.advance(clock.now())
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            v1.invoices.pay(failing)
    v1.invoices.update(failing, {"auto_advance": False, "metadata": {"case": "1"}})
    v1.invoices.retrieve(failing, {"expand": ["payments.data.payment.payment_intent", "customer"]})
    v1.invoice_payments.list(
        {"invoice": failing, "expand": ["data.payment.payment_intent.latest_charge", "data.invoice"]}
    )
    v1.billing_portal.sessions.create(
        {
            "customer": customer,
            "return_url": "https://app.example",
            "flow_data": {"type": "payment_method_update"},
            "after_expiration": {"type": "customer_login", "customer_login": {"expires_at": 1}},
        }
    )
    bank = account.customer_saves_method(customer, "000222222227")
    v1.invoices.pay(failing, {"payment_method": bank})
    account.settle(failing)
    account.pay_part(failing, 100)
    account.credit(failing, 50)
    account.block_bank_account(bank)
    account.revoke_mandate(bank)
    account.script(card.id, [paid()])
    v1.invoices.pay(failing, {"payment_method": card.id})
    account.close_dispute(account.chargeback(failing), won=False)
    sepa = account.customer_saves_method(customer, "DE89370400440532013000")
    drafted = v1.invoices.create({"customer": customer, "currency": "usd", "days_until_due": 5})
    v1.invoices.add_lines(drafted.id, {"lines": [{"amount": 5}]})
    v1.invoices.send_invoice(drafted.id)
    v1.invoices.mark_uncollectible(drafted.id)
    v1.invoices.void_invoice(drafted.id)
    v1.invoices.delete(v1.invoices.create({"customer": customer}).id)
    v1.payment_methods.detach(sepa)
    v1.subscriptions.cancel(sold.id)
    for refused in (lambda: v1.invoices.pay(failing), lambda: v1.customers.retrieve("cus_nobody")):
        with pytest.raises(stripe.InvalidRequestError):
            refused()
    v1.mandates.retrieve(next(iter(account.tables["mandate"])))
    v1.accounts.retrieve_current()
    for listing in (
        v1.customers.list, v1.invoices.list, v1.payment_intents.list, v1.charges.list, v1.disputes.list,
        v1.events.list, v1.products.list, v1.prices.list, v1.setup_intents.list, v1.webhook_endpoints.list,
    ):  # fmt: skip
        listing({"limit": 100})
    v1.subscriptions.list({"status": "all"})
    report = deliveries.flush()

    assert [status for status, _ in http_client.answers if status not in (200, 400, 402, 404)] == []
    assert {status for status, _ in http_client.answers} == {200, 400, 402, 404}
    assert [problem for _, body in http_client.answers for problem in shapes.problems(body)] == []
    assert len(bodies) == len(report.delivered) == len(account.events())
    assert [problem for body in bodies for problem in shapes.problems(json.loads(body))] == []
    kinds = {json.loads(body)["type"] for body in bodies}
    assert {
        "billing_portal.session.created", "charge.dispute.closed", "charge.dispute.created", "charge.failed",
        "charge.pending", "charge.succeeded", "customer.created", "customer.subscription.created",
        "customer.subscription.deleted", "customer.subscription.updated", "customer.updated", "invoice.created",
        "invoice.deleted", "invoice.finalized", "invoice.marked_uncollectible", "invoice.paid",
        "invoice.payment_action_required", "invoice.payment_failed", "invoice.payment_succeeded", "invoice.sent",
        "invoice.updated", "invoice.voided", "invoice_payment.paid", "mandate.updated",
        "payment_intent.payment_failed", "payment_intent.processing", "payment_intent.succeeded",
        "payment_method.attached", "payment_method.automatically_updated", "payment_method.detached",
        "setup_intent.succeeded",
    } <= kinds  # fmt: skip


# Endpoint -> what the SDK lets one send there.
_PARAMS: dict[tuple[str, str], Any] = {
    ("POST", "/v1/customers"): sdk.CustomerCreateParams,
    ("GET", "/v1/customers"): sdk.CustomerListParams,
    ("POST", "/v1/customers/{}"): sdk.CustomerUpdateParams,
    ("POST", "/v1/payment_methods"): sdk.PaymentMethodCreateParams,
    ("GET", "/v1/payment_methods"): sdk.PaymentMethodListParams,
    ("GET", "/v1/customers/{}/payment_methods"): sdk.CustomerListPaymentMethodsParams,
    ("POST", "/v1/payment_methods/{}/attach"): sdk.PaymentMethodAttachParams,
    ("GET", "/v1/setup_intents"): sdk.SetupIntentListParams,
    ("POST", "/v1/invoices"): sdk.InvoiceCreateParams,
    ("GET", "/v1/invoices"): sdk.InvoiceListParams,
    ("GET", "/v1/invoices/search"): sdk.InvoiceSearchParams,
    ("POST", "/v1/invoices/{}"): sdk.InvoiceUpdateParams,
    ("POST", "/v1/invoices/{}/add_lines"): sdk.InvoiceAddLinesParams,
    ("GET", "/v1/invoices/{}/lines"): sdk.InvoiceListLinesParams,
    ("POST", "/v1/invoices/{}/finalize"): sdk.InvoiceFinalizeInvoiceParams,
    ("POST", "/v1/invoices/{}/pay"): sdk.InvoicePayParams,
    ("GET", "/v1/invoice_payments"): sdk.InvoicePaymentListParams,
    ("GET", "/v1/payment_intents"): sdk.PaymentIntentListParams,
    ("GET", "/v1/payment_intents/{}"): sdk.PaymentIntentRetrieveParams,
    ("GET", "/v1/charges"): sdk.ChargeListParams,
    ("GET", "/v1/disputes"): sdk.DisputeListParams,
    ("POST", "/v1/products"): sdk.ProductCreateParams,
    ("GET", "/v1/products"): sdk.ProductListParams,
    ("POST", "/v1/prices"): sdk.PriceCreateParams,
    ("GET", "/v1/prices"): sdk.PriceListParams,
    ("GET", "/v1/events"): sdk.EventListParams,
    ("GET", "/v1/webhook_endpoints"): sdk.WebhookEndpointListParams,
    ("POST", "/v1/billing_portal/sessions"): sdk_portal.SessionCreateParams,
    ("POST", "/v1/subscriptions"): sdk.SubscriptionCreateParams,
    ("GET", "/v1/subscriptions"): sdk.SubscriptionListParams,
    ("POST", "/v1/subscriptions/{}"): sdk.SubscriptionUpdateParams,
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.pattern}")
def test_each_parameter_the_fake_knows_is_one_that_stripe_knows(route: Any) -> None:
    real = _PARAMS.get((route.method, route.pattern))
    if real is None:
        assert not route.known
        return
    assert set(route.known) <= set(real.__annotations__)


@pytest.mark.parametrize("kind", sorted(EXPANDABLE))
def test_each_expandable_property_is_one_in_stripes_schema(kind: str) -> None:
    schema = shapes.raw_schema(kind)
    assert EXPANDABLE[kind] <= set(schema["x-expandableFields"])
    for name in EXPANDABLE[kind]:
        shown = schema["properties"][name]
        includable = shown.get("properties", {}).get("object", {}).get("enum") == ["list"]
        assert includable or any("$ref" in choice for choice in shown["anyOf"])


def test_the_server_needs_no_network_beyond_loopback(server: FakeStripe) -> None:
    assert server.url.startswith("http://127.0.0.1:")
