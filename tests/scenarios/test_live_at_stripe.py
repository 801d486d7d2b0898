"""Scenarios at the fake Stripe, over HTTP: what is past due is searched for, and money that went again is noticed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dunwell.connectors.stripe.client import StripePayments
from dunwell.engine.loop import run_once
from dunwell.engine.perform import Worker
from dunwell.engine.ports import Ports
from dunwell.policy.words import Ending
from dunwell.sandbox.stripe import Account, FakeStripe, declined, paid
from dunwell.store import models
from tests.engine.world import World
from tests.scenarios.test_live_timelines import TIMELINES, as_text

pytestmark = pytest.mark.django_db

BANK = "000123456789"  # a test account at a US bank


class AtStripe(World):
    """A world whose Stripe is the fake server; the worker looks there when it runs, as without webhooks."""

    account: Account
    payments: StripePayments

    @property
    def ports(self) -> Ports:
        return replace(super().ports, payments=self.payments)

    def later(self, **span: float) -> None:
        """Let time pass, then let Stripe and the worker do what they do."""
        self.to(self.now + timedelta(**span))

    def to(self, at: datetime) -> None:
        """Let time pass until a moment, then let Stripe and the worker do what they do."""
        self.clock.move_to(at)
        self.account.advance(self.now)
        run_once(self.ports, self.book, self.now, Worker("test"))

    def at(self, invoice: str) -> models.Case:
        """The one case of an invoice."""
        return models.Case.objects.get(invoice__external_id=invoice)

    def customer_of_ours(self) -> str:
        """A small New York customer who has paid for eight months."""
        id_ = self.account.new_customer("Acme Inc", "dana@acme.example", state="NY")
        self.account.history(id_, months=8)
        return id_


@pytest.fixture
def world() -> Iterator[AtStripe]:
    world = AtStripe()
    world.account = Account(world.clock)
    with FakeStripe(world.account) as stripe:
        world.payments = StripePayments(
            world.account.api_key, api_base=stripe.url, sleep=lambda _seconds: None
        )
        yield world
        world.payments.close()


def test_a_sent_invoice_opens_a_case_within_the_hour_after_its_due_day_and_is_paid_late(
    world: AtStripe, golden: Callable[[Path, str], None]
) -> None:
    due = world.now + timedelta(days=2)
    invoice = world.account.new_subscription_invoice(
        world.customer_of_ours(), 120000, number="INV-1", due=due
    )
    midnight = datetime.fromisoformat("2026-04-10T04:00:00+00:00")  # the 9th is over in New York
    world.later(hours=1)
    world.to(midnight - timedelta(minutes=20))
    assert models.Case.objects.count() == 0
    world.to(midnight + timedelta(minutes=40))
    assert midnight <= world.at(invoice).opened_at <= midnight + timedelta(hours=1)
    assert world.at(invoice).failed_at is None
    assert len(world.postbox.mails) == 1
    world.later(days=4)
    world.account.pay_outside(invoice)
    world.later(hours=1)
    assert world.at(invoice).ending == Ending.RECOVERED
    assert world.account.attempts(invoice) == []
    golden(TIMELINES / "live_sent_invoice_paid_late.txt", as_text(invoice))


def test_a_debit_returned_after_the_case_had_ended_reopens_it(
    world: AtStripe, golden: Callable[[Path, str], None]
) -> None:
    customer = world.customer_of_ours()
    method = world.account.customer_saves_method(customer, BANK)
    world.account.script(method, [declined("insufficient_funds"), paid()])
    invoice = world.account.new_subscription_invoice(customer, 120000, number="INV-1")
    world.account.charge_now(invoice)
    world.account.settle(invoice)
    world.later(hours=2)
    world.account.charge_now(invoice)
    world.later(hours=2)
    assert world.at(invoice).invoice.in_flight
    world.account.settle(invoice)
    world.later(hours=1)
    assert world.at(invoice).ending == Ending.RECOVERED
    mails = len(world.postbox.mails)
    world.clock.advance(timedelta(days=20))
    dispute = world.account.late_return(invoice)
    world.later(hours=1)
    case = world.at(invoice)
    assert (case.status, case.ending) == ("review", None)
    assert world.reviews(invoice) == ["chargeback"]
    world.later(days=3)
    world.account.close_dispute(dispute, won=False)
    world.later(days=1)
    assert world.at(invoice).status == "review"
    assert len(world.postbox.mails) == mails
    golden(TIMELINES / "live_debit_returned_late.txt", as_text(invoice))


def test_a_chargeback_that_is_won_closes_the_case_again(
    world: AtStripe, golden: Callable[[Path, str], None]
) -> None:
    customer = world.customer_of_ours()
    method = world.account.customer_saves_method(customer)
    world.account.script(method, [declined("insufficient_funds"), paid()])
    invoice = world.account.new_subscription_invoice(customer, 120000, number="INV-1")
    world.account.charge_now(invoice)
    world.later(hours=1)
    world.account.charge_now(invoice)
    world.later(hours=1)
    dispute = world.account.chargeback(invoice)
    world.later(hours=1)
    assert (world.at(invoice).status, world.at(invoice).ending) == ("review", None)
    world.account.close_dispute(dispute, won=True)
    world.later(hours=1)
    assert (world.at(invoice).status, world.at(invoice).ending) == ("closed", "recovered")
    assert world.reviews(invoice) == []
    golden(TIMELINES / "live_chargeback_won.txt", as_text(invoice))


def test_a_part_paid_and_a_credit_note_for_the_rest_close_the_case_as_credited(
    world: AtStripe, golden: Callable[[Path, str], None]
) -> None:
    customer = world.customer_of_ours()
    method = world.account.customer_saves_method(customer)
    world.account.script(method, [declined("insufficient_funds")])
    invoice = world.account.new_subscription_invoice(customer, 120000, number="INV-1")
    world.account.plan_retries(invoice, [])
    world.account.charge_now(invoice)
    world.later(days=1)
    world.account.pay_part(invoice, 70000)
    world.later(days=2, hours=1)
    notice, reminder = world.postbox.mails
    assert ("USD 1,200.00" in notice.text, "USD 500.00" in reminder.text) == (True, True)
    world.account.credit(invoice, 50000)
    world.later(hours=1)
    assert world.at(invoice).ending == Ending.CREDITED
    assert len(world.postbox.mails) == 2
    golden(TIMELINES / "live_part_paid_then_credited.txt", as_text(invoice))
