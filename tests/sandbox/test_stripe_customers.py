from datetime import timedelta

import pytest
import stripe

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import Account


def test_a_customer_is_created_read_changed_and_listed(client: stripe.StripeClient, account: Account) -> None:
    made = client.v1.customers.create(
        {
            "name": "Acme",
            "email": "ap@acme.example",
            "address": {"country": "US", "state": "NY"},
            "metadata": {"netsuite": "17", "tier": "a"},
        }
    )
    changed = client.v1.customers.update(made.id, {"metadata": {"tier": ""}, "phone": "+1 555 0100"})
    other = client.v1.customers.create({"name": "Other"})

    read = client.v1.customers.retrieve(made.id)
    assert read.to_dict() == changed.to_dict()
    assert read.to_dict()["metadata"] == {"netsuite": "17"}
    assert (read.name, read.phone, read.delinquent) == ("Acme", "+1 555 0100", False)
    assert read.address is not None
    assert (read.address.country, read.address.state, read.address.city) == ("US", "NY", None)
    assert [c.id for c in client.v1.customers.list().data] == [other.id, made.id]
    assert [c.id for c in client.v1.customers.list({"email": "ap@acme.example"}).data] == [made.id]
    (event,) = account.events("customer.updated")
    assert event["data"]["previous_attributes"] == {
        "phone": None,
        "metadata": {"tier": "a"},
    }
    assert event["request"]["id"].startswith("req_")


def test_an_update_that_changes_nothing_leaves_no_event(
    client: stripe.StripeClient, account: Account, acme: str
) -> None:
    before = len(account.events())
    client.v1.customers.update(acme, {"name": "Acme"})
    assert len(account.events()) == before


def test_a_customer_made_with_a_method_can_have_it_as_default_later(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create({"name": "Acme", "payment_method": "pm_card_visa"})
    (method,) = client.v1.customers.payment_methods.list(made.id).data
    changed = client.v1.customers.update(made.id, {"invoice_settings": {"default_payment_method": method.id}})
    assert changed.invoice_settings is not None
    assert changed.invoice_settings.default_payment_method == method.id


def test_somebody_elses_method_cannot_be_the_default(client: stripe.StripeClient, acme: str) -> None:
    method = client.v1.payment_methods.attach(
        "pm_card_visa", {"customer": client.v1.customers.create({"name": "Other"}).id}
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.update(acme, {"invoice_settings": {"default_payment_method": method.id}})
    assert refused.value.param == "invoice_settings[default_payment_method]"


def test_methods_are_made_attached_listed_and_detached(
    client: stripe.StripeClient, account: Account, acme: str
) -> None:
    (first,) = client.v1.customers.payment_methods.list(acme).data
    made = client.v1.payment_methods.create(
        {
            "type": "card",
            "card": {"number": "5555555555554444", "exp_month": 8, "exp_year": 2031, "cvc": "123"},
            "billing_details": {"name": "Dana Reyes"},
        }
    )
    assert (made.customer, made.card and made.card.last4, made.card and made.card.brand) == (
        None,
        "4444",
        "mastercard",
    )
    attached = client.v1.payment_methods.attach(made.id, {"customer": acme})
    assert attached.customer == acme
    assert [m.id for m in client.v1.payment_methods.list({"customer": acme, "type": "card"}).data] == [
        made.id,
        first.id,
    ]
    assert client.v1.payment_methods.list({"customer": acme, "type": "sepa_debit"}).data == []

    client.v1.payment_methods.detach(first.id)
    assert client.v1.customers.retrieve(acme).invoice_settings.default_payment_method is None  # type: ignore[union-attr]
    assert [m.id for m in client.v1.customers.payment_methods.list(acme).data] == [made.id]
    assert account.events("payment_method.detached")[0]["data"]["previous_attributes"] == {"customer": acme}


def test_a_card_number_is_forgotten_but_for_its_end(account: Account, client: stripe.StripeClient) -> None:
    client.v1.payment_methods.create(
        {"type": "card", "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}}
    )
    assert "4242424242424242" not in repr(account.tables)


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_declining_test_cards_refuse_to_be_saved(
    client: stripe.StripeClient, acme: str, token: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        client.v1.payment_methods.attach(token, {"customer": acme})
    assert (refused.value.http_status, refused.value.code) == (402, code)
    assert refused.value.error is not None
    assert refused.value.error.decline_code == decline_code
    assert len(client.v1.customers.payment_methods.list(acme).data) == 1


def test_a_number_that_is_no_test_number_is_incorrect(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as refused:
        client.v1.payment_methods.create(
            {"type": "card", "card": {"number": "4111111111111111", "exp_month": 1, "exp_year": 2030}}
        )
    assert refused.value.code == "incorrect_number"


def test_a_method_belongs_to_one_customer(client: stripe.StripeClient, account: Account, acme: str) -> None:
    (method,) = client.v1.customers.payment_methods.list(acme).data
    other = account.new_customer("Other")
    with pytest.raises(stripe.InvalidRequestError, match="belongs to another"):
        client.v1.payment_methods.attach(method.id, {"customer": other})
    assert client.v1.payment_methods.attach(method.id, {"customer": acme}).id == method.id


def test_saving_a_method_as_the_portal_does_leaves_its_three_events(
    account: Account, client: stripe.StripeClient, acme: str
) -> None:
    old = account.get(acme)["invoice_settings"]["default_payment_method"]
    before = len(account.events())

    new = account.customer_saves_method(acme, "5555555555554444")

    events = account.events()[before:]
    assert [event["type"] for event in events] == [
        "payment_method.attached",
        "setup_intent.succeeded",
        "customer.updated",
    ]
    assert events[2]["data"]["previous_attributes"] == {"invoice_settings": {"default_payment_method": old}}
    assert events[2]["data"]["object"]["invoice_settings"]["default_payment_method"] == new
    setup = client.v1.setup_intents.retrieve(events[1]["data"]["object"]["id"])
    assert (setup.status, setup.payment_method, setup.customer) == ("succeeded", new, acme)
    listed = client.v1.setup_intents.list({"customer": acme, "payment_method": new})
    assert [s.id for s in listed.data] == [setup.id]


def test_a_method_saved_aside_leaves_the_default_alone(account: Account, acme: str) -> None:
    old = account.get(acme)["invoice_settings"]["default_payment_method"]
    new = account.customer_saves_method(acme, default=False)
    assert account.get(new)["customer"] == acme
    assert account.get(acme)["invoice_settings"]["default_payment_method"] == old


def test_a_bank_account_comes_with_a_mandate_that_can_end(
    account: Account, client: stripe.StripeClient, acme: str
) -> None:
    method = account.customer_saves_method(acme, "000123456789")
    (mandate,) = account.rows("mandate", payment_method=method)
    assert client.v1.mandates.retrieve(mandate["id"]).status == "active"
    account.revoke_mandate(method)
    assert client.v1.mandates.retrieve(mandate["id"]).status == "inactive"
    assert account.events("mandate.updated")[0]["data"]["previous_attributes"] == {"status": "active"}


def test_a_blocked_bank_account_is_announced_by_the_network(account: Account, acme: str) -> None:
    method = account.customer_saves_method(acme, "000123456789")
    account.block_bank_account(method)
    (event,) = account.events("payment_method.automatically_updated")
    details = event["data"]["object"]["us_bank_account"]["status_details"]
    assert details == {"blocked": {"network_code": "R02", "reason": "bank_account_closed"}}


def test_ids_are_the_same_for_the_same_calls_and_never_shared_between_tags(clock: VirtualClock) -> None:
    one, again, other = Account(clock), Account(clock), Account(clock, tag="1Two")
    assert [one.new_customer("A"), one.new_customer("B")] == [
        again.new_customer("A"),
        again.new_customer("B"),
    ]
    assert other.new_customer("A") not in one.tables["customer"]


def test_created_filters_customers_by_time(
    account: Account, client: stripe.StripeClient, clock: VirtualClock
) -> None:
    early = account.new_customer("Early")
    clock.advance(timedelta(hours=1))
    late = account.new_customer("Late")
    at = account.stamp()
    assert [c.id for c in client.v1.customers.list({"created": {"gte": at}}).data] == [late]
    assert [c.id for c in client.v1.customers.list({"created": {"lt": at}}).data] == [early]
    assert [c.id for c in client.v1.customers.list({"created": at}).data] == [late]
    assert client.v1.customers.list({"created": {"gt": at}}).data == []
    assert len(client.v1.customers.list({"created": {"lte": at}}).data) == 2
