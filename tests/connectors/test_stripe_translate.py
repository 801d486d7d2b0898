"""What each of Stripe's events is about."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from dunwell.connectors.stripe.events import NOT_USED, UNKNOWN, USED
from dunwell.connectors.stripe.translate import THIN, translate
from dunwell.policy.lists import word_set
from dunwell.policy.readings import Malformed, Notice, Topic

SAMPLES = Path(__file__).parent.parent / "sandbox" / "stripe_payloads" / "events"
INVOICE, CUSTOMER = "in_1SampleDunning0000000001", "cus_QXg1o8vcGmoR32"
PAYMENT, METHOD = "pi_3SampleDunning0000000001", "pm_1SampleDunning0000000001"
# Families in which Stripe's next version may add a type that concerns us.
OURS = word_set(
    "billing_portal. cash_balance. charge. checkout. credit_note. customer. invoice. invoice_payment. "
    "invoiceitem. mandate. payment_intent. payment_method. refund. setup_intent. test_helpers."
)


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return event


def event_of(type_: str, about: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": type_,
        "created": 1_790_000_000,
        "data": {"object": about, **data},
    }


ABOUT_INVOICE = {"invoice": INVOICE, "customer": CUSTOMER}
ABOUT_PAYMENT = {"payment": PAYMENT, "customer": CUSTOMER}
ABOUT_METHOD = {"customer": CUSTOMER, "method": METHOD}
EXPECTED: dict[str, tuple[Topic, dict[str, str]]] = {
    "charge.dispute.created.ach_late_return": (Topic.CHARGEBACK, {"payment": PAYMENT}),
    "charge.failed.ach_insufficient_funds": (Topic.PAYMENT, ABOUT_PAYMENT),
    "charge.failed.card_insufficient_funds": (Topic.PAYMENT, ABOUT_PAYMENT),
    "charge.failed.card_lost": (Topic.PAYMENT, ABOUT_PAYMENT),
    "customer.subscription.updated.past_due": (Topic.CUSTOMER, {"customer": CUSTOMER}),
    "customer.updated.default_payment_method_changed": (Topic.NEW_METHOD, ABOUT_METHOD),
    "invoice.marked_uncollectible": (Topic.INVOICE, ABOUT_INVOICE),
    "invoice.overdue": (Topic.OVERDUE, ABOUT_INVOICE),
    "invoice.paid": (Topic.INVOICE, ABOUT_INVOICE),
    "invoice.payment_action_required": (Topic.FAILURE, ABOUT_INVOICE),
    "invoice.payment_failed.ach": (Topic.FAILURE, ABOUT_INVOICE),
    "invoice.payment_failed.card_insufficient_funds": (Topic.FAILURE, ABOUT_INVOICE),
    "invoice.payment_failed.no_payment_method": (Topic.FAILURE, ABOUT_INVOICE),
    "invoice.payment_succeeded": (Topic.INVOICE, ABOUT_INVOICE),
    "invoice.updated.auto_advance_off": (Topic.INVOICE, ABOUT_INVOICE),
    "invoice.updated.next_attempt_scheduled_by_automation": (Topic.INVOICE, ABOUT_INVOICE),
    "invoice.voided": (Topic.INVOICE, ABOUT_INVOICE),
    "invoice.will_be_due": (Topic.IGNORED, {}),
    "payment_intent.payment_failed.ach_account_closed": (Topic.PAYMENT, ABOUT_PAYMENT),
    "payment_intent.payment_failed.authentication_required": (Topic.PAYMENT, ABOUT_PAYMENT),
    "payment_intent.payment_failed.card_expired": (Topic.PAYMENT, ABOUT_PAYMENT),
    "payment_intent.payment_failed.card_insufficient_funds": (Topic.PAYMENT, ABOUT_PAYMENT),
    "payment_method.attached": (Topic.NEW_METHOD, ABOUT_METHOD),
    "payment_method.automatically_updated.ach_blocked": (Topic.IGNORED, {}),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_sample_of_every_event_says_where_to_look(name: str) -> None:
    topic, ids = EXPECTED[name]
    event = sample(name)
    notice = translate(event)
    assert isinstance(notice, Notice)
    at = datetime.fromtimestamp(event["created"], UTC)
    expected = Notice(event["id"], event["type"], at, topic, why=notice.why, **ids)
    assert notice == expected
    assert bool(notice.why) == (topic is Topic.IGNORED)


def test_every_sample_is_expected_to_say_something() -> None:
    names = {path.stem for path in SAMPLES.glob("*.json")}
    assert names == {*EXPECTED, "thin.v1.invoice.payment_failed"}


def test_a_thin_event_says_how_to_set_the_endpoint() -> None:
    assert translate(sample("thin.v1.invoice.payment_failed")) == Malformed(THIN)


def test_every_type_the_sdk_knows_in_our_families_is_classified() -> None:
    known = {name for name in get_args(stripe.Event.__annotations__["type"]) if name.startswith(tuple(OURS))}
    assert len(known) > 90
    assert known == {*USED, *NOT_USED}
    assert not USED.keys() & NOT_USED.keys()


def test_an_unknown_type_is_ignored_with_a_reason() -> None:
    notice = translate(event_of("treasury.received_credit.created", {"object": "treasury.received_credit"}))
    assert isinstance(notice, Notice)
    assert (notice.topic, notice.why) == (Topic.IGNORED, UNKNOWN)


@pytest.mark.parametrize(
    "before", [{"email": "old@acme.example"}, {"invoice_settings": {"footer": None}}, {}, None]
)
def test_a_customer_changed_in_another_way_gives_no_new_method(before: dict[str, Any] | None) -> None:
    event = sample("customer.updated.default_payment_method_changed")
    event["data"]["previous_attributes"] = before
    notice = translate(event)
    assert isinstance(notice, Notice)
    assert (notice.topic, notice.customer, notice.method) == (Topic.CUSTOMER, CUSTOMER, None)


def test_a_customer_whose_default_was_taken_away_gives_no_new_method() -> None:
    event = sample("customer.updated.default_payment_method_changed")
    event["data"]["object"]["invoice_settings"]["default_payment_method"] = None
    notice = translate(event)
    assert isinstance(notice, Notice)
    assert notice.topic is Topic.CUSTOMER


@pytest.mark.parametrize(
    ("type_", "about", "topic", "ids"),
    [
        (
            "invoice_payment.paid",
            {
                "object": "invoice_payment",
                "id": "inpay_1",
                "invoice": "in_1",
                "payment": {"payment_intent": "pi_1"},
            },
            Topic.INVOICE,
            {"invoice": "in_1", "payment": "pi_1"},
        ),
        (
            "credit_note.created",
            {"object": "credit_note", "id": "cn_1", "invoice": "in_1", "customer": "cus_1"},
            Topic.INVOICE,
            {"invoice": "in_1", "customer": "cus_1"},
        ),
        (
            "setup_intent.succeeded",
            {"object": "setup_intent", "id": "seti_1", "customer": "cus_1", "payment_method": {"id": "pm_1"}},
            Topic.NEW_METHOD,
            {"customer": "cus_1", "method": "pm_1"},
        ),
        ("customer.deleted", {"object": "customer", "id": "cus_1"}, Topic.CUSTOMER, {"customer": "cus_1"}),
        (
            "payment_intent.processing",
            {"object": "payment_intent", "id": "pi_1", "customer": None},
            Topic.PAYMENT,
            {"payment": "pi_1"},
        ),
    ],
)
def test_each_object_gives_the_ids_it_holds(
    type_: str, about: dict[str, Any], topic: Topic, ids: dict[str, str]
) -> None:
    at = datetime.fromtimestamp(1_790_000_000, UTC)
    assert translate(event_of(type_, about)) == Notice("evt_1", type_, at, topic, **ids)


@pytest.mark.parametrize(
    ("type_", "about", "why"),
    [
        (
            "charge.failed",
            {"object": "charge", "id": "ch_1", "payment_intent": None},
            "this charge belongs to no payment",
        ),
        ("charge.dispute.created", {"object": "dispute", "id": "dp_1"}, "this dispute belongs to no payment"),
        (
            "payment_method.attached",
            {"object": "payment_method", "id": "pm_1", "customer": None},
            "this payment method belongs to no customer",
        ),
        (
            "setup_intent.succeeded",
            {"object": "setup_intent", "id": "seti_1", "payment_method": "pm_1", "customer": None},
            "this setup intent belongs to no customer",
        ),
    ],
)
def test_an_object_that_belongs_to_nothing_of_ours_is_ignored(
    type_: str, about: dict[str, Any], why: str
) -> None:
    notice = translate(event_of(type_, about))
    assert isinstance(notice, Notice)
    assert (notice.topic, notice.why) == (Topic.IGNORED, why)


FAILED = event_of("invoice.payment_failed", {"object": "invoice", "id": "in_1", "customer": "cus_1"})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "not an event: id: Input should be a valid string"),
        ({"id": "in_1"}, "not an event: its id is none"),
        ({"id": "evt_1/../x"}, "not an event: its id is none"),
        ({"type": 7}, "not an event: type: Input should be a valid string"),
        ({"type": "invoice paid\n"}, "not an event: its type is none"),
        ({"created": "1790000000"}, "not an event: created: Value error, not a time in Unix seconds"),
        ({"created": True}, "not an event: created: Value error, not a time in Unix seconds"),
        ({"created": 10**20}, "not an event: created: Value error, not a time in Unix seconds"),
        ({"created": -1}, "not an event: created: Value error, not a time in Unix seconds"),
        ({"data": None}, "not an event: data: Input should be a valid dictionary"),
        ({"data": {}}, "invoice.payment_failed carries no invoice"),
        ({"data": {"object": "in_1"}}, "invoice.payment_failed carries no invoice"),
        (
            {"data": {"object": {"object": "customer", "id": "cus_1"}}},
            "invoice.payment_failed carries no invoice",
        ),
        ({"data": {"object": {"object": "invoice"}}}, "invoice.payment_failed: invoice.id is missing"),
        ({"data": {"object": {"object": "invoice", "id": 5}}}, "invoice.payment_failed: invoice.id is no id"),
        (
            {"data": {"object": {"object": "invoice", "id": "../v1"}}},
            "invoice.payment_failed: invoice.id is no id",
        ),
        (
            {"data": {"object": {"object": "invoice", "id": "in_1", "customer": ["cus_1"]}}},
            "invoice.payment_failed: invoice.customer is no id",
        ),
    ],
)
def test_a_hostile_event_is_malformed_with_a_reason(change: dict[str, Any], reason: str) -> None:
    assert translate({**FAILED, **change}) == Malformed(reason)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["id", "in_1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "object", "customer", "payment", "invoice_settings"]), inner)
    ),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.just("evt_1") | ANYTHING,
            "object": st.just("event") | ANYTHING,
            "type": st.sampled_from(sorted(USED)) | ANYTHING,
            "created": st.just(1_790_000_000) | ANYTHING,
            "data": st.fixed_dictionaries({"object": ANYTHING, "previous_attributes": ANYTHING}) | ANYTHING,
        },
    ),
    st.sampled_from(sorted({kind for _, kind in USED.values()})),
)
def test_no_event_whatever_breaks_the_translation(event: dict[str, Any], kind: str) -> None:
    data = event.get("data")
    if isinstance(data, dict) and isinstance(data.get("object"), dict):
        data["object"]["object"] = kind
    assert isinstance(translate(event), Notice | Malformed)
