"""From Stripe's invoices and the payments behind them to readings. Pure.

Since API version 2025-03-31 an invoice says nothing of why its payment failed: that lies with the payment
intents behind it, and is read from `invoice_payments` with `payment.payment_intent.latest_charge` expanded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from dunwell.connectors.stripe import shapes
from dunwell.connectors.stripe.amounts import money
from dunwell.connectors.stripe.disputes import standing
from dunwell.connectors.stripe.shapes import fault
from dunwell.policy.facts import Invoice, InvoiceReading, Reason
from dunwell.policy.lists import word_set
from dunwell.policy.money import BadAmountError
from dunwell.policy.readings import ArrearsReading, Malformed
from dunwell.policy.reasons import NO_PAYMENT_METHOD, DeclineCodes, read_reason
from dunwell.policy.words import InvoiceStatus, Rail

# How Stripe says that the bank wants the customer's confirmation, when it is read and not answered to us.
WANTS_CONFIRMATION = "invoice_payment_intent_requires_action"

_CARDS = word_set("card card_present link")
_DEBITS = word_set("acss_debit au_becs_debit bacs_debit nz_bank_account payto sepa_debit us_bank_account")
_TRANSFERS = word_set("ach_credit_transfer customer_balance multibanco")


@dataclass(frozen=True, slots=True)
class LastFailure:
    """The newest failed attempt. `at` is when its charge was made: for a debit, days before it came back."""

    at: datetime
    reason: Reason
    method: str = ""
    method_type: str = ""
    payment: str = ""


def read_invoice(
    invoice: Mapping[str, Any], payments: Sequence[Mapping[str, Any]], now: datetime
) -> InvoiceReading | Malformed:
    """Read an invoice and the list of its invoice payments, as asked at `now` (aware)."""
    read = read_arrears(invoice, payments, now)
    return read if isinstance(read, Malformed) else read.reading


def read_arrears(
    invoice: Mapping[str, Any],
    payments: Sequence[Mapping[str, Any]],
    now: datetime,
    disputes: Sequence[Mapping[str, Any]] | None = None,
) -> ArrearsReading | Malformed:
    """Read an invoice with its last failure; a part that is missing or ill-typed is named in `Malformed`.

    `disputes` None: they were not read, so a charge that was ever disputed counts as taken back.
    """
    try:
        whole = shapes.Invoice.model_validate(invoice)
        intents = intents_of(payments)
        taken = None if disputes is None else standing(disputes, paid=whole.status == "paid")
        back = _charged_back(intents) if taken is None else bool(taken)
        credited = _closed_by_credit(whole, payments)
        reading = _reading(whole, intents, now, charged_back=back, credited=credited)
    except ValidationError as error:
        return Malformed(f"Stripe's answer about an invoice is not understood: {fault(error)}")
    except BadAmountError as error:
        return Malformed(f"Stripe's amount for an invoice is not understood: {error}")
    failure = last_failure(whole, intents)
    return ArrearsReading(
        reading=reading,
        customer=whole.customer,
        failed_at=failure.at if failure else None,
        reason=failure.reason if failure else None,
        # What a customer paid a sent invoice with, on its page, is not on file: it is never charged again.
        method=failure.method if failure and reading.collects_automatically else "",
        payment=failure.payment if failure else _newest_payment(intents),
        email=whole.customer_email or "",
        taken_back=taken[-1] if taken else None,
    )


def last_failure(invoice: shapes.Invoice, intents: Sequence[shapes.Intent]) -> LastFailure | None:
    """Find the newest failed attempt behind an invoice; None when nothing failed or money is under way.

    Stripe says of an invoice without any stored method that an attempt was made: such a failure has the
    reason `no_payment_method` and the moment the invoice was finalized.
    """
    if invoice.status == "paid" or any(intent.status == "processing" for intent in intents):
        return None
    failures = [failure for intent in intents if (failure := _failure(intent))]
    if failures:
        return max(failures, key=lambda failure: failure.at)
    if invoice.status != "open" or not invoice.attempted or invoice.collection_method == "send_invoice":
        return None
    at = invoice.status_transitions.finalized_at or invoice.created
    return LastFailure(at, NO_PAYMENT_METHOD, payment=_newest_payment(intents))


def reason_of(error: shapes.Failure | None, charge: shapes.Charge | None = None) -> Reason:
    """Read a failed attempt's codes; the error's own win over what the charge repeats of them.

    A bank debit's charge names the cause in `failure_code`, where a card's only says `card_declined`.
    """
    error = error or shapes.Failure()
    outcome = (charge.outcome if charge else None) or shapes.Outcome()
    failure_code = charge.failure_code if charge else None
    kind = method_type(error, charge)
    return read_reason(
        DeclineCodes(
            advice_code=error.advice_code or outcome.advice_code,
            network_advice_code=error.network_advice_code or outcome.network_advice_code,
            decline_code=error.decline_code or (failure_code if kind in _DEBITS else None),
            outcome_reason=outcome.reason,
            error_code=error.code or failure_code,
            # Without any code or type a reason would read as "nothing stored", and something was tried here.
            payment_method_type=kind or "card",
        )
    )


def method_type(error: shapes.Failure | None, charge: shapes.Charge | None) -> str:
    """Name the type of the method that failed, such as `us_bank_account`; empty when Stripe does not say."""
    if error and isinstance(error.payment_method, shapes.Method):
        return error.payment_method.type
    if error and error.payment_method_type:
        return error.payment_method_type
    return charge.payment_method_details.type if charge and charge.payment_method_details else ""


def method_id(error: shapes.Failure | None, charge: shapes.Charge | None) -> str:
    """Give the id of the method that failed; empty when Stripe does not say."""
    method = error.payment_method if error else None
    if isinstance(method, shapes.Method):
        return method.id
    return method or (charge.payment_method if charge else None) or ""


def intents_of(payments: Sequence[Mapping[str, Any]]) -> list[shapes.Intent]:
    """Take the payment intents out of invoice payments; raises `ValidationError` for one not expanded."""
    read = [shapes.InvoicePayment.model_validate(payment) for payment in payments]
    return [each.payment.payment_intent for each in read if each.payment.payment_intent]


def _closed_by_credit(invoice: shapes.Invoice, payments: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a credit note brought a paid invoice to its end, after all money that came for it.

    Money that no payment tells of was marked as paid outside Stripe, which closes an invoice by itself.
    """
    ended = invoice.status_transitions.paid_at
    if invoice.status != "paid" or invoice.pre_payment_credit_notes_amount <= 0:
        return False
    paid = [shapes.InvoicePayment.model_validate(each) for each in payments if each.get("status") == "paid"]
    if sum(each.amount_paid or 0 for each in paid) < invoice.amount_paid:
        return False
    times = [each.status_transitions.paid_at for each in paid]
    return ended is not None and all(at is not None and at < ended for at in times)


def rail_of(payment_method_type: str) -> Rail:
    """Say what the money travels on, from Stripe's payment method type."""
    if payment_method_type in _CARDS:
        return Rail.CARD
    if payment_method_type in _DEBITS:
        return Rail.BANK_DEBIT
    return Rail.TRANSFER if payment_method_type in _TRANSFERS else Rail.OTHER


def _charged_back(intents: Sequence[shapes.Intent]) -> bool:
    return any(intent.latest_charge.disputed for intent in intents if intent.latest_charge)


def _reading(
    invoice: shapes.Invoice,
    intents: Sequence[shapes.Intent],
    now: datetime,
    *,
    charged_back: bool,
    credited: bool,
) -> InvoiceReading:
    return InvoiceReading(
        at=now,
        invoice=Invoice(
            id=invoice.id,
            number=invoice.number or invoice.id,
            open=money(invoice.amount_remaining, invoice.currency),
            # Stripe calls it paid, though no money closed it: nothing is open on it any more.
            status=InvoiceStatus.OPEN if credited else InvoiceStatus(invoice.status),
            due=invoice.due_date.date() if invoice.due_date else None,
            rail=_rail(invoice, intents),
            in_flight=any(intent.status == "processing" for intent in intents),
            charged_back=charged_back,
            auto_advance=invoice.auto_advance,
            next_attempt=invoice.next_payment_attempt,
        ),
        auto_advance=invoice.auto_advance,
        next_attempt=invoice.next_payment_attempt,
        collects_automatically=invoice.collection_method != "send_invoice",
    )


def _rail(invoice: shapes.Invoice, intents: Sequence[shapes.Intent]) -> Rail:
    """Prefer what was used last, then the invoice's own method, then the only one it allows."""
    tried = [
        (intent.latest_charge.created if intent.latest_charge else intent.created, kind)
        for intent in intents
        if (kind := method_type(intent.last_payment_error, intent.latest_charge))
    ]
    if tried:
        return rail_of(max(tried)[1])
    if isinstance(invoice.default_payment_method, shapes.Method):
        return rail_of(invoice.default_payment_method.type)
    allowed = (invoice.payment_settings.payment_method_types if invoice.payment_settings else None) or ()
    if len(allowed) == 1:
        return rail_of(allowed[0])
    if invoice.collection_method == "send_invoice":
        return Rail.TRANSFER if "customer_balance" in allowed else Rail.OTHER
    return Rail.CARD


def _failure(intent: shapes.Intent) -> LastFailure | None:
    error, charge = intent.last_payment_error, intent.latest_charge
    if intent.status == "requires_action":
        reason = reason_of(shapes.Failure(code=WANTS_CONFIRMATION))
        return LastFailure(intent.created, reason, intent.payment_method or "", "card", intent.id)
    failed = charge if charge and charge.status == "failed" else None
    if error is None and failed is None:
        return None
    if error and failed and error.charge and error.charge != failed.id:
        failed = None  # the error is about another attempt than the latest charge
    return LastFailure(
        at=failed.created if failed else intent.created,
        reason=reason_of(error, failed),
        method=method_id(error, failed),
        method_type=method_type(error, failed),
        payment=intent.id,
    )


def _newest_payment(intents: Sequence[shapes.Intent]) -> str:
    return max(intents, key=lambda intent: intent.created).id if intents else ""
