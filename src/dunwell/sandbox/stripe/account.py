"""The fake Stripe's account as tests and the sandbox story drive it: what people and time do to it.

Verbs take and return ids; `get` shows any object. Amounts are minor units. Everything is under one
lock, so verbs may be called while the HTTP server answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from dunwell.engine.clock import Clock
from dunwell.sandbox.faults import Fault, Faults, Kind
from dunwell.sandbox.stripe import (
    autopilot,
    charging,
    disputes,
    invoicing,
    methods,
    objects,
    retries,
    selling,
    subscriptions,
)
from dunwell.sandbox.stripe.books import API_VERSION, Books
from dunwell.sandbox.stripe.declines import Declined, Outcome, Paid
from dunwell.sandbox.stripe.errors import Json, copied, unknown_object
from dunwell.sandbox.stripe.idempotency import Keys

P = ParamSpec("P")
R = TypeVar("R")


def _locked(verb: Callable[Concatenate["Account", P], R]) -> Callable[Concatenate["Account", P], R]:
    @wraps(verb)
    def run(self: "Account", /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return verb(self, *args, **kwargs)

    return run


@dataclass(frozen=True, slots=True)
class Call:
    """One API request that arrived. `status` 0: the connection was held or cut."""

    at: datetime
    method: str
    path: str
    params: Json
    key: str | None
    status: int
    replayed: bool


class Account(Books):
    """One Stripe account.

    `clock` gives the time of everything. `api_key` is the only key it accepts. `tag` goes into every
    id, so two accounts never share one.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        api_key: str = "sk_test_sandbox",
        tag: str = "1Sbx",
        api_version: str = API_VERSION,
    ) -> None:
        super().__init__(clock, tag=tag, api_version=api_version)
        self.api_key = api_key
        self.calls: list[Call] = []
        self.faults = Faults()
        self.keys = Keys()

    # Looking

    @_locked
    def get(self, id_: str) -> Json:
        """Show any object by its id (a copy)."""
        found = self.lookup(id_)
        if found is None:
            raise unknown_object("object", id_, param="id", status=404)
        shown: Json = copied(found)
        return shown

    @_locked
    def events(self, kind: str | None = None) -> list[Json]:
        """Show the events so far, oldest first, all or of one type (copies)."""
        rows = self.tables["event"].values()
        return [copied(row) for row in rows if kind in (None, row["type"])]

    @_locked
    def attempts(self, invoice: str) -> list[Json]:
        """Show every charge made for an invoice, oldest first (copies)."""
        intent = invoicing.intent_of(self, self.find("invoice", invoice))
        rows = self.rows("charge", payment_intent=intent["id"]) if intent else []
        return [copied(row) for row in reversed(rows)]

    # Customers and what they pay with

    @_locked
    def new_customer(
        self,
        name: str,
        email: str | None = None,
        *,
        country: str = "US",
        state: str | None = None,
        metadata: Json | None = None,
    ) -> str:
        """Make a customer with a billing address in a country (and state)."""
        address = objects.address({"country": country, "state": state})
        fields = {"name": name, "email": email, "address": address, "metadata": metadata or {}}
        customer = self.add(objects.customer(self.mint("customer"), self.stamp(), **fields))
        self.emit("customer.created", customer)
        return str(customer["id"])

    @_locked
    def customer_saves_method(
        self,
        customer: str,
        instrument: str = "4242424242424242",
        *,
        default: bool = True,
        exp_month: int = 12,
        exp_year: int = 2034,
    ) -> str:
        """Let a customer save a test card, bank account or IBAN as in the portal; returns the method.

        `default=False` saves it without making it what invoices are charged to.
        """
        owner = self.find("customer", customer)
        expiry = {"exp_month": exp_month, "exp_year": exp_year}
        return str(methods.save(self, owner, instrument, default=default, **expiry)["id"])

    @_locked
    def script(self, method: str, outcomes: Sequence[Outcome]) -> None:
        """Say what the next charges of a payment method do, one each; the last one stays."""
        if not outcomes:
            raise ValueError("a script needs at least one outcome")
        self.outcomes[self.find("payment_method", method)["id"]] = list(outcomes)

    @_locked
    def block_bank_account(
        self, method: str, network_code: str = "R02", reason: str = "bank_account_closed"
    ) -> None:
        """Let Stripe learn from the bank that an account cannot be debited any more."""
        methods.block_bank_account(self, self.find("payment_method", method), network_code, reason)

    @_locked
    def revoke_mandate(self, method: str) -> None:
        """End the mandate behind a bank debit method."""
        methods.revoke_mandate(self, self.find("payment_method", method))

    # Subscriptions and invoices

    @_locked
    def new_subscription(
        self,
        customer: str,
        amount: int,
        currency: str = "usd",
        *,
        interval: str = "month",
        interval_count: int = 1,
        quantity: int = 1,
        default_payment_method: str | None = None,
        metadata: Json | None = None,
    ) -> str:
        """Subscribe a customer at `amount` a unit; makes no invoice."""
        product = subscriptions.new_product(self, "Sandbox plan")
        cycle = {"interval": interval, "interval_count": interval_count}
        price = subscriptions.new_price(self, product, amount, currency.lower(), cycle)
        owner = self.find("customer", customer)
        fields = {"default_payment_method": default_payment_method, "metadata": metadata or {}}
        return str(subscriptions.new_subscription(self, owner, [(price, quantity)], **fields)["id"])

    @_locked
    def new_subscription_invoice(
        self,
        customer: str,
        amount: int,
        currency: str = "usd",
        number: str | None = None,
        *,
        subscription: str | None = None,
        due: datetime | None = None,
        draft: bool = False,
    ) -> str:
        """Bill the period that starts now: an open invoice nobody has tried to charge yet.

        Without `subscription` the customer is first subscribed at `amount` a month. `due` makes it one
        that is sent and paid by then. `draft=True` leaves it a draft, which Stripe opens in an hour.
        """
        if subscription is None:
            subscription = self.new_subscription(customer, amount, currency)
        invoice = selling.draft_invoice(self, self.find("subscription", subscription))
        missing = amount - invoice["total"]
        if missing:
            invoicing.put_line(self, invoice, missing, "Usage")
        invoice["number"] = number
        if due is not None:
            selling.set_due(invoice, due)
        self.emit("invoice.created", invoice)
        if not draft:
            invoicing.finalize(self, invoice)
        return str(invoice["id"])

    @_locked
    def history(
        self,
        customer: str,
        months: int = 18,
        *,
        amount: int = 90000,
        currency: str = "usd",
        on_time: int | None = None,
        late_by: timedelta = timedelta(days=20),
    ) -> list[str]:
        """Give a customer a past: `months` paid monthly invoices before now; returns them, oldest first.

        The latest `on_time` (default: all) were paid at once, earlier ones declined and paid `late_by`
        later. The customer and the subscription are dated back. No events: nobody was listening.
        """
        begin = subscriptions.later(self.now(), "month", -months)
        owner = self.find("customer", customer)
        owner["created"] = min(owner["created"], int(begin.timestamp()))
        with self.quiet(), self.at(begin):
            sold = self.find("subscription", self.new_subscription(customer, amount, currency))
        prompt = months if on_time is None else on_time
        made = selling.past(
            self, sold, months=months, on_time=prompt, late_by=late_by, until=self.clock.now()
        )
        return [invoice["id"] for invoice in made]

    # What happens to an invoice

    @_locked
    def charge_now(self, invoice: str, outcome: Outcome | None = None) -> str:
        """Let Stripe's own schedule charge an invoice now; returns the invoice's status after it."""
        row = self.find("invoice", invoice)
        invoicing.must_be(row, "open")
        method = charging.method_for(self, row)
        if outcome is not None and method is not None:
            charging.attempt(self, row, method, automatic=True, outcome=outcome)
        else:
            autopilot.charge_by_schedule(self, row)
        return str(row["status"])

    @_locked
    def pay_hosted(self, invoice: str, instrument: str = "4242424242424242") -> str:
        """Let the customer pay on the hosted page with a test instrument; returns the status after it."""
        row = self.find("invoice", invoice)
        invoicing.must_be(row, "open", "uncollectible")
        charging.attempt(self, row, methods.make(self, instrument), automatic=False)
        return str(row["status"])

    @_locked
    def settle(self, invoice: str, then: Paid | Declined | None = None) -> str:
        """End a debit in flight: as scripted, or with `then`; returns the status after it."""
        row = self.find("invoice", invoice)
        charging.finish_debit(self, row, then)
        return str(row["status"])

    @_locked
    def pay_part(self, invoice: str, amount: int) -> None:
        """Let a part (or all) of what is owed arrive outside Stripe, by bank transfer say."""
        invoicing.pay_part(self, self.find("invoice", invoice), amount)

    @_locked
    def pay_outside(self, invoice: str) -> None:
        """Let a person mark the rest of an invoice paid outside Stripe."""
        invoicing.pay_outside(self, self.find("invoice", invoice))

    @_locked
    def credit(self, invoice: str, amount: int) -> None:
        """Let a person issue a credit note over an open invoice (no credit_note object is modelled)."""
        invoicing.credit(self, self.find("invoice", invoice), amount)

    @_locked
    def void(self, invoice: str) -> None:
        """Let a person void an invoice."""
        invoicing.void(self, self.find("invoice", invoice))

    @_locked
    def mark_uncollectible(self, invoice: str) -> None:
        """Let a person give an invoice up."""
        invoicing.mark_uncollectible(self, self.find("invoice", invoice))

    @_locked
    def set_auto_advance(self, invoice: str, *, on: bool) -> None:
        """Let a person switch Stripe's own collection of an invoice on or off."""
        invoicing.set_auto_advance(self, self.find("invoice", invoice), on=on)

    @_locked
    def chargeback(self, invoice: str, reason: str = "fraudulent") -> str:
        """Let the cardholder's bank take a payment back; returns the dispute. The invoice stays paid."""
        return str(disputes.open_dispute(self, self.find("invoice", invoice), reason)["id"])

    @_locked
    def late_return(self, invoice: str, reason: str = "insufficient_funds") -> str:
        """Let a bank return a debit that had settled: Stripe reports it as a dispute. The invoice stays paid."""
        return str(disputes.return_debit(self, self.find("invoice", invoice), reason)["id"])

    @_locked
    def close_dispute(self, dispute: str, *, won: bool) -> None:
        """End a dispute."""
        disputes.close_dispute(self, self.find("dispute", dispute), won=won)

    # Time and trouble

    @_locked
    def plan_retries(self, invoice: str, moments: Sequence[datetime]) -> None:
        """Name the moments of Stripe's automatic attempts at one invoice from now on (none: no more)."""
        row = self.find("invoice", invoice)
        self.retry_plans[row["id"]] = sorted(moments)
        with self.change(row, "invoice.updated"):
            retries.schedule(self, row)

    @_locked
    def advance(self, now: datetime) -> int:
        """Do what Stripe does by itself up to `now` (drafts, attempts, debits); returns how many things."""
        return autopilot.advance(self, now)

    @_locked
    def next_due(self) -> datetime | None:
        """Say when Stripe will next do something by itself; None when nothing is planned."""
        return autopilot.next_due(self)

    def fail_next(
        self,
        method: str,
        pattern: str,
        status: int = 500,
        *,
        times: int = 1,
        kind: Kind = "status",
        carried_out: bool = False,
        retry_after: int | None = None,
        should_retry: bool | None = None,
    ) -> None:
        """Make the next `times` requests fit to `method` ("*": any) and glob `pattern` go wrong.

        `kind`: answer with `status`, `hold` the answer (until `faults.release()` or the server stops),
        or `cut` the connection. `carried_out`: the request is done all the same.
        """
        headers = {}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        if should_retry is not None:
            headers["Stripe-Should-Retry"] = str(should_retry).lower()
        self.faults.add(Fault(method, pattern, kind, status, times, carried_out, headers))

    @_locked
    def live_at(self, base_url: str) -> None:
        """Say where the server listens; pages of existing invoices move along."""
        old, self.base_url = self.base_url, base_url
        for invoice in self.tables["invoice"].values():
            for name in ("hosted_invoice_url", "invoice_pdf"):
                if invoice[name] is not None:
                    invoice[name] = invoice[name].replace(old, base_url, 1)
