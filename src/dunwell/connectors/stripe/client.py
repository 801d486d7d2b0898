"""Stripe as the engine's `Payments` port: asks, charges, and turns every answer into a value."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import stripe

from dunwell.connectors.stripe import attempts, customers, invoices, reads, translate
from dunwell.connectors.stripe.check import KeyCheck, check_key
from dunwell.connectors.stripe.envelope import open_envelope
from dunwell.connectors.stripe.events import USED
from dunwell.connectors.stripe.overdue import past_due
from dunwell.connectors.stripe.sweep import StrangeListError, oldest_first
from dunwell.connectors.stripe.wire import Json, Sleep, Wire, sentence, unreadable
from dunwell.policy.facts import InvoiceReading, Unreadable
from dunwell.policy.readings import (
    ArrearsReading,
    ChargeResult,
    CustomerReading,
    Malformed,
    Notice,
    Overdue,
    SweepFailedError,
)
from dunwell.policy.words import AttemptOutcome

R = TypeVar("R")

_PAGE = 100
_TYPES_A_CALL = 20
# No charge was made, and none will be by asking again at once.
_NOT_AT_ONCE = (
    stripe.AuthenticationError,
    stripe.IdempotencyError,
    stripe.PermissionError,
    stripe.RateLimitError,
)


class StripePayments:
    """One Stripe account behind one API key.

    `api_base` replaces Stripe's address (tests, sandbox). `timeout` in seconds for each of up to
    `1 + max_network_retries` tries; a 429 is tried twice more after a pause. `sleep` makes that pause.
    `wall` is the machine's clock in Unix seconds: webhooks are signed by Stripe's, so they are compared
    with the real one, as the SDK does. Safe to share between threads.
    """

    def __init__(
        self,
        api_key: str,
        *,
        api_base: str = "",
        webhook_secret: str = "",
        max_network_retries: int = 2,
        timeout: float = 20,
        sleep: Sleep = time.sleep,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - no time of ours depends on it
    ) -> None:
        self._wire = Wire(
            api_key, api_base=api_base, max_network_retries=max_network_retries, timeout=timeout, sleep=sleep
        )
        self._api_key = api_key
        self._webhook_secret = webhook_secret
        self._schemes = {"https", urlsplit(api_base).scheme} if api_base else {"https"}
        self._wall = wall

    def translate(self, event: Mapping[str, Any]) -> Notice | Malformed:
        """Say what an event is about. Pure."""
        return translate.translate(event)

    def open_envelope(self, body: bytes, signature: str) -> Mapping[str, Any] | Malformed:
        """Check a webhook's signature and parse its body; raises `NoSecretError` without a secret."""
        return open_envelope(body, signature, self._webhook_secret, self._wall)

    def read_invoice(self, invoice: str, now: datetime) -> InvoiceReading | Unreadable:
        """Read an invoice and the payments behind it, for the gate: two calls, and one for a disputed payment."""
        read = self.read_arrears(invoice, now)
        return read if isinstance(read, Unreadable) else read.reading

    def read_arrears(self, invoice: str, now: datetime) -> ArrearsReading | Unreadable:
        """Read an invoice with its last failure and that failure's reason: two calls, one more if disputed."""
        answers = reads.invoice_and_payments(self._wire, invoice)
        if isinstance(answers, Unreadable):
            return answers
        disputes = reads.disputes_behind(self._wire, answers[1])
        if isinstance(disputes, Unreadable):
            return disputes
        return _readable(invoices.read_arrears(*answers, now, disputes))

    def read_customer(self, customer: str, now: datetime) -> CustomerReading | Unreadable:
        """Read a customer, how they have paid and their MRR: at most four calls and 200 invoices."""
        answer = reads.ask(self._wire, "customer", customer, "/v1/customers/{}")
        if isinstance(answer, Unreadable):
            return answer
        listed = reads.invoices_of(self._wire, customer)
        if isinstance(listed, Unreadable):
            return listed
        found, complete = listed
        return _readable(customers.read_customer(answer, found, now, complete=complete))

    def find_invoice(self, payment: str) -> str | Unreadable | None:
        """Find the invoice behind a payment intent; None when there is none: one call."""
        return reads.invoice_behind(self._wire, payment)

    def find_numbered(self, number: str) -> str | Unreadable | None:
        """Find the invoice that carries a number, whatever became of it; None when there is none: one call."""
        return reads.invoice_numbered(self._wire, number)

    def charge(self, invoice: str, method: str, key: str) -> ChargeResult:
        """Charge an open invoice with one method under one idempotency key.

        The same key within a day gives the same answer again and charges nothing twice. `UNKNOWN` with
        `retry_at_once`: no answer came (timeout, connection, 5xx, 409). `UNKNOWN` without it: Stripe limits
        us or refuses our key, or the idempotency key was used for another charge.
        """
        if not (reads.is_id(invoice) and reads.is_id(method)):
            return ChargeResult(AttemptOutcome.DECLINED, detail="The invoice or the method has no valid id.")
        try:
            answer = self._wire.post(
                f"/v1/invoices/{invoice}/pay", key, payment_method=method, off_session=True
            )
        except stripe.CardError as error:
            return attempts.declined(error.json_body)
        except stripe.InvalidRequestError as error:
            return self._refused_to_try(invoice, error)
        except stripe.StripeError as error:
            at_once = not isinstance(error, _NOT_AT_ONCE)
            return ChargeResult(AttemptOutcome.UNKNOWN, detail=sentence(error), retry_at_once=at_once)
        if answer.get("status") == "paid":
            return ChargeResult(AttemptOutcome.PAID)
        payments = reads.payments_of(self._wire, invoice)
        return attempts.as_it_stands(answer, [] if isinstance(payments, Unreadable) else payments)

    def set_collection(
        self, invoice: str, *, automatic: bool, key: str, now: datetime
    ) -> InvoiceReading | Unreadable:
        """Switch Stripe's own retries of an invoice on or off, then read it back: three calls (spec 1.2, step 2).

        What the update answers proves nothing; only what is read afterwards does. So an invoice Stripe will not
        change, because it is paid or void by now, is read as well. Stripe answers a key it knows with what it did
        then and changes nothing: every switch needs a key of its own.
        """
        about = f"invoice {invoice}"
        if not reads.is_id(invoice):
            return Unreadable(f"{about} has no valid id.", permanent=True)
        try:
            self._wire.post(f"/v1/invoices/{invoice}", key, auto_advance=automatic)
        except stripe.InvalidRequestError:
            return self.read_invoice(invoice, now)
        except stripe.StripeError as error:
            return unreadable(error, about)
        return self.read_invoice(invoice, now)

    def open_portal(self, customer: str, return_url: str) -> str | Unreadable:
        """Make a portal session that only updates the payment method, then sends the customer back.

        The address lives for minutes: it is never stored, logged or mailed (spec 4).
        """
        about = f"the portal of customer {customer}"
        after = {"type": "redirect", "redirect": {"return_url": return_url}}
        flow = {"type": "payment_method_update", "after_completion": after}
        try:
            session = self._wire.post(
                "/v1/billing_portal/sessions", customer=customer, return_url=return_url, flow_data=flow
            )
        except stripe.StripeError as error:
            return unreadable(error, about)
        return self._web_address(session.get("url"), about)

    def hosted_page(self, invoice: str) -> str | Unreadable:
        """Return the address of the invoice's hosted page; a draft has none."""
        answer = reads.ask(self._wire, "invoice", invoice, "/v1/invoices/{}")
        if isinstance(answer, Unreadable):
            return answer
        return self._web_address(answer.get("hosted_invoice_url"), f"the page of invoice {invoice}")

    def events_since(self, since: datetime) -> Iterator[Json]:
        """Yield the events of types we use created at or after `since`, oldest first (30 days at most)."""
        if not self._api_key:
            raise SweepFailedError("DUNWELL_STRIPE_API_KEY is not set")
        types = sorted(USED)
        chunks = [types[start : start + _TYPES_A_CALL] for start in range(0, len(types), _TYPES_A_CALL)]
        try:
            yield from oldest_first([partial(self._events, chunk, since) for chunk in chunks])
        except stripe.StripeError as error:
            raise SweepFailedError(sentence(error)) from None
        except StrangeListError as error:
            raise SweepFailedError(str(error)) from None

    def overdue(self, since: datetime, until: datetime) -> Iterator[Overdue]:
        """Yield the open sent invoices that fell due at or after `since` and before `until`."""
        if not self._api_key:
            raise SweepFailedError("DUNWELL_STRIPE_API_KEY is not set")
        try:
            yield from past_due(self._wire, since, until)
        except stripe.StripeError as error:
            raise SweepFailedError(sentence(error)) from None
        except StrangeListError as error:
            raise SweepFailedError(str(error)) from None

    def check(self) -> KeyCheck:
        """Say whose key this is and whether it can read what is needed (for doctor)."""
        return check_key(self._wire, self._api_key)

    def close(self) -> None:
        """Let go of this thread's connections."""
        self._wire.close()

    def _refused_to_try(self, invoice: str, error: stripe.InvalidRequestError) -> ChargeResult:
        """Stripe said 400 or 404: nothing was charged now, but it may have been paid before."""
        detail = sentence(error)
        answers = reads.invoice_and_payments(self._wire, invoice)
        if isinstance(answers, Unreadable):
            outcome = AttemptOutcome.DECLINED if answers.permanent else AttemptOutcome.UNKNOWN
            return ChargeResult(outcome, detail=detail)
        return attempts.refused(*answers, error.code or "", detail)

    def _events(self, types: list[str], since: datetime, after: str | None) -> Json:
        page = {"starting_after": after} if after else {}
        created = {"gte": int(since.timestamp())}
        return self._wire.get("/v1/events", types=types, created=created, limit=_PAGE, **page)

    def _web_address(self, given: object, about: str) -> str | Unreadable:
        if isinstance(given, str) and urlsplit(given).scheme in self._schemes:
            return given
        return Unreadable(f"Stripe gave no address for {about}.")


def _readable(read: R | Malformed) -> R | Unreadable:
    """An answer we do not understand may be understood after an update, so it is never permanent."""
    return Unreadable(read.reason) if isinstance(read, Malformed) else read
