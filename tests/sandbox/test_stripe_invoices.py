from datetime import timedelta

import pytest
import stripe

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import Account


@pytest.fixture
def invoice(account: Account, acme: str) -> str:
    return account.new_subscription_invoice(acme, 120000, "usd", "INV-1")


def types_after(account: Account, before: int) -> list[str]:
    return [event["type"] for event in account.events()[before:]]


def test_an_invoice_goes_from_draft_over_lines_to_open(client: stripe.StripeClient, acme: str) -> None:
    draft = client.v1.invoices.create(
        {"customer": acme, "currency": "eur", "description": "Work", "metadata": {"po": "7"}}
    )
    assert (draft.status, draft.amount_due, draft.auto_advance, draft.number) == ("draft", 0, False, None)
    client.v1.invoices.add_lines(
        draft.id,
        {"lines": [{"amount": 700, "description": "A"}, {"amount": -200, "description": "Credit"}]},
    )
    opened = client.v1.invoices.finalize_invoice(draft.id)
    assert (opened.status, opened.amount_due, opened.amount_remaining, opened.total) == (
        "open",
        500,
        500,
        500,
    )
    assert opened.number is not None
    assert opened.number.endswith("-0001")
    assert opened.next_payment_attempt is None
    assert opened.status_transitions.finalized_at == opened.effective_at
    assert opened.hosted_invoice_url is not None
    assert opened.hosted_invoice_url.endswith(f"/i/{opened.id}")
    with pytest.raises(stripe.InvalidRequestError, match="is open"):
        client.v1.invoices.finalize_invoice(draft.id)
    with pytest.raises(stripe.InvalidRequestError, match="is open"):
        client.v1.invoices.add_lines(draft.id, {"lines": [{"amount": 1}]})


def test_an_invoice_that_owes_nothing_is_paid_when_it_opens(client: stripe.StripeClient, acme: str) -> None:
    draft = client.v1.invoices.create({"customer": acme})
    opened = client.v1.invoices.finalize_invoice(draft.id)
    assert (opened.status, opened.attempt_count) == ("paid", 0)
    assert client.v1.invoice_payments.list({"invoice": draft.id}).data == []


def test_an_invoice_carries_ten_lines_and_lists_the_rest(client: stripe.StripeClient, acme: str) -> None:
    draft = client.v1.invoices.create({"customer": acme})
    lines = [{"amount": amount} for amount in range(1, 13)]
    filled = client.v1.invoices.add_lines(draft.id, {"lines": lines})  # type: ignore[typeddict-item]
    assert filled.amount_due == 78
    assert (len(filled.lines.data), filled.lines.has_more) == (10, True)
    listed = client.v1.invoices.line_items.list(draft.id, {"limit": 100})
    assert [line.amount for line in listed.data] == list(range(1, 13))


def test_a_subscription_invoice_says_what_it_is_for(
    account: Account, client: stripe.StripeClient, acme: str, clock: VirtualClock
) -> None:
    id_ = account.new_subscription_invoice(acme, 120000, "usd", "INV-1")
    read = client.v1.invoices.retrieve(id_)
    assert (read.number, read.billing_reason, read.customer_name) == ("INV-1", "subscription_cycle", "Acme")
    assert (read.collection_method, read.due_date, read.auto_advance) == ("charge_automatically", None, True)
    assert read.parent is not None
    assert read.parent.subscription_details is not None
    subscription = client.v1.subscriptions.retrieve(str(read.parent.subscription_details.subscription))
    assert (subscription.status, subscription.latest_invoice) == ("active", id_)
    (line,) = read.lines.data
    assert line.parent is not None
    assert line.parent.type == "subscription_item_details"
    assert line.period.start == int(clock.now().timestamp())
    assert line.period.end == int((clock.now() + timedelta(days=30)).timestamp())
    assert line.amount == 120000


def test_a_sent_invoice_has_a_due_date_and_no_attempts(
    account: Account, client: stripe.StripeClient, acme: str, clock: VirtualClock
) -> None:
    due = clock.now() + timedelta(days=14)
    id_ = account.new_subscription_invoice(acme, 5000, due=due)
    read = client.v1.invoices.send_invoice(id_)
    assert (read.collection_method, read.due_date) == ("send_invoice", int(due.timestamp()))
    assert read.next_payment_attempt is None
    assert account.events("invoice.sent")[0]["data"]["object"]["id"] == id_
    clock.advance(timedelta(days=60))
    assert account.advance(clock.now()) == 0


def test_a_draft_can_be_deleted_and_nothing_else(
    account: Account, client: stripe.StripeClient, acme: str, invoice: str
) -> None:
    draft = account.new_subscription_invoice(acme, 100, draft=True)
    assert client.v1.invoices.delete(draft).deleted is True
    with pytest.raises(stripe.InvalidRequestError) as gone:
        client.v1.invoices.retrieve(draft)
    assert (gone.value.http_status, gone.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.delete(invoice)
    assert client.v1.invoices.retrieve(invoice).status == "open"


def test_taking_collection_over_stops_stripes_attempts_and_says_what_changed(
    account: Account, client: stripe.StripeClient, acme: str, invoice: str, clock: VirtualClock
) -> None:
    before = len(account.events())
    taken = client.v1.invoices.update(invoice, {"auto_advance": False})
    assert (taken.status, taken.auto_advance, taken.next_payment_attempt) == ("open", False, None)
    (event,) = account.events()[before:]
    assert event["type"] == "invoice.updated"
    assert event["data"]["previous_attributes"] == {
        "auto_advance": True,
        "next_payment_attempt": int(clock.now().timestamp()),
    }
    clock.advance(timedelta(days=40))
    assert account.advance(clock.now()) == 0
    assert account.attempts(invoice) == []


def test_somebody_switching_collection_back_on_is_visible(account: Account, invoice: str) -> None:
    account.set_auto_advance(invoice, on=False)
    account.set_auto_advance(invoice, on=True)
    event = account.events("invoice.updated")[-1]
    assert event["data"]["previous_attributes"]["auto_advance"] is False
    assert event["data"]["object"]["next_payment_attempt"] is not None
    assert event["request"] == {"id": None, "idempotency_key": None}


@pytest.mark.parametrize("end", ["void", "mark_uncollectible", "pay_outside"])
def test_collection_is_off_once_an_invoice_has_ended(
    account: Account, client: stripe.StripeClient, invoice: str, end: str
) -> None:
    getattr(account, end)(invoice)
    assert client.v1.invoices.retrieve(invoice).auto_advance is False
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.update(invoice, {"auto_advance": True})


def test_a_finalized_invoice_keeps_its_terms(client: stripe.StripeClient, invoice: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.invoices.update(invoice, {"collection_method": "send_invoice"})
    assert (refused.value.code, refused.value.param) == ("invoice_not_editable", "collection_method")
    noted = client.v1.invoices.update(invoice, {"metadata": {"case": "1"}, "description": "Note"})
    assert (noted.to_dict()["metadata"], noted.description) == ({"case": "1"}, "Note")


def test_voiding_cancels_the_payment_and_is_final(
    account: Account, client: stripe.StripeClient, invoice: str
) -> None:
    before = len(account.events())
    voided = client.v1.invoices.void_invoice(invoice)
    assert (voided.status, voided.status_transitions.voided_at) == ("void", account.stamp())
    assert types_after(account, before) == ["invoice.updated", "invoice.voided", "payment_intent.canceled"]
    (payment,) = client.v1.invoice_payments.list({"invoice": invoice}).data
    assert payment.status == "canceled"
    for again in (
        client.v1.invoices.void_invoice,
        client.v1.invoices.mark_uncollectible,
        client.v1.invoices.pay,
    ):
        with pytest.raises(stripe.InvalidRequestError, match="is void"):
            again(invoice)


def test_an_invoice_given_up_can_still_be_paid(
    account: Account, client: stripe.StripeClient, invoice: str
) -> None:
    given_up = client.v1.invoices.mark_uncollectible(invoice)
    assert given_up.status_transitions.marked_uncollectible_at == account.stamp()
    assert [e["data"]["object"]["status"] for e in account.events("invoice.marked_uncollectible")] == [
        "uncollectible"
    ]
    assert client.v1.invoices.pay(invoice).status == "paid"


def test_paid_outside_stripe_charges_nothing(
    account: Account, client: stripe.StripeClient, invoice: str
) -> None:
    before = len(account.events())
    paid = client.v1.invoices.pay(invoice, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_remaining, paid.amount_paid) == ("paid", 0, 120000)
    assert (paid.amount_paid_off_stripe, paid.attempt_count) == (120000, 0)
    assert account.attempts(invoice) == []
    assert types_after(account, before) == ["invoice.updated", "invoice.paid", "payment_intent.canceled"]


def test_a_part_paid_outside_lowers_what_is_owed_and_charged(
    account: Account, client: stripe.StripeClient, acme: str, invoice: str
) -> None:
    account.pay_part(invoice, 50000)
    read = client.v1.invoices.retrieve(invoice)
    assert (read.status, read.amount_due, read.amount_paid, read.amount_remaining) == (
        "open",
        120000,
        50000,
        70000,
    )
    rows = client.v1.invoice_payments.list({"invoice": invoice}).data
    assert [(row.payment.type, row.status, row.amount_requested) for row in rows] == [
        ("payment_record", "paid", 50000),
        ("payment_intent", "open", 70000),
    ]
    paid = client.v1.invoices.pay(invoice)
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 120000, 0)
    assert [charge["amount"] for charge in account.attempts(invoice)] == [70000]


def test_the_last_part_paid_outside_closes_the_invoice(account: Account, invoice: str) -> None:
    account.pay_part(invoice, 120000)
    assert account.get(invoice)["status"] == "paid"
    assert len(account.events("invoice.paid")) == 1
    assert account.events("invoice.payment_succeeded") == []


def test_a_credit_lowers_what_is_due_and_a_full_one_closes(account: Account, invoice: str) -> None:
    account.credit(invoice, 20000)
    row = account.get(invoice)
    assert (row["status"], row["amount_due"], row["amount_remaining"]) == ("open", 100000, 100000)
    assert (row["total"], row["pre_payment_credit_notes_amount"]) == (120000, 20000)
    account.credit(invoice, 100000)
    row = account.get(invoice)
    assert (row["status"], row["amount_paid"], row["amount_remaining"]) == ("paid", 0, 0)


def test_invoices_are_listed_by_customer_status_subscription_and_time(
    account: Account, client: stripe.StripeClient, acme: str, invoice: str, clock: VirtualClock
) -> None:
    other = account.new_subscription_invoice(account.new_customer("Other"), 100)
    clock.advance(timedelta(days=1))
    due = clock.now() + timedelta(days=30)
    late = account.new_subscription_invoice(acme, 100, due=due)
    account.void(other)

    def ids(**params: object) -> list[str]:
        return [row.id for row in client.v1.invoices.list(params).data]  # type: ignore[arg-type]

    assert ids() == [late, other, invoice]
    assert ids(customer=acme) == [late, invoice]
    assert ids(status="open") == [late, invoice]
    assert ids(status="void") == [other]
    assert ids(created={"gte": account.stamp()}) == [late]
    assert ids(collection_method="send_invoice") == [late]
    assert ids(due_date={"lte": int(due.timestamp())}) == [late]
    subscription = account.get(invoice)["parent"]["subscription_details"]["subscription"]
    assert ids(subscription=subscription) == [invoice]


def test_a_draft_left_alone_opens_and_is_charged_after_an_hour(
    account: Account, clock: VirtualClock, acme: str
) -> None:
    draft = account.new_subscription_invoice(acme, 5000, draft=True)
    made = clock.now()
    clock.advance(timedelta(minutes=59))
    assert account.advance(clock.now()) == 0
    clock.advance(timedelta(hours=5))
    assert account.advance(clock.now()) == 2
    row = account.get(draft)
    opened = int((made + timedelta(hours=1)).timestamp())
    assert (row["status"], row["attempt_count"]) == ("paid", 1)
    assert row["status_transitions"]["finalized_at"] == row["status_transitions"]["paid_at"] == opened


def test_a_draft_taken_over_stays_a_draft(
    account: Account, client: stripe.StripeClient, clock: VirtualClock, acme: str
) -> None:
    draft = account.new_subscription_invoice(acme, 5000, draft=True)
    client.v1.invoices.update(draft, {"auto_advance": False})
    clock.advance(timedelta(days=3))
    assert account.advance(clock.now()) == 0
    assert client.v1.invoices.finalize_invoice(draft, {"auto_advance": False}).status == "open"
    assert account.advance(clock.now()) == 0
    assert account.attempts(draft) == []


def test_history_makes_a_paid_past_with_recurring_lines(
    account: Account, client: stripe.StripeClient, clock: VirtualClock
) -> None:
    customer = account.new_customer("Old Friend")
    before = len(account.events())
    made = account.history(customer, 18, amount=90000, on_time=16, late_by=timedelta(days=20))

    assert len(account.events()) == before
    assert len(made) == 18
    rows = client.v1.invoices.list({"customer": customer, "limit": 100}).data
    assert [row.id for row in reversed(rows)] == made
    assert {row.status for row in rows} == {"paid"}
    late = [row for row in rows if row.attempt_count == 1 and len(account.attempts(row.id)) == 2]
    assert [row.id for row in reversed(late)] == made[:2]
    for row in late:
        paid, opened = row.status_transitions.paid_at, row.status_transitions.finalized_at
        assert paid is not None
        assert opened is not None
        assert paid - opened == 20 * 86400
    first, last = client.v1.invoices.retrieve(made[0]), client.v1.invoices.retrieve(made[-1])
    assert first.created == int(clock.now().replace(year=2024, month=10).timestamp())
    assert last.created == int(clock.now().replace(month=3).timestamp())
    assert last.lines.data[0].period.end == int(clock.now().timestamp())
    assert client.v1.customers.retrieve(customer).created == first.created
    (subscription,) = client.v1.subscriptions.list({"customer": customer}).data
    assert (subscription.status, subscription.created) == ("active", first.created)
    assert subscription.to_dict()["items"]["data"][0]["price"]["unit_amount"] == 90000
