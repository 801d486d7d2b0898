"""What came of a charge: from Stripe's answer, or from how the invoice stands afterwards. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from dunwell.connectors.stripe import shapes
from dunwell.connectors.stripe.invoices import WANTS_CONFIRMATION, intents_of, last_failure, reason_of
from dunwell.policy.lists import word_set
from dunwell.policy.readings import ChargeResult
from dunwell.policy.words import AttemptOutcome

_CONFIRMATION = word_set(
    f"authentication_required authentication_not_handled payment_intent_action_required {WANTS_CONFIRMATION}"
)
_NO_WORD = ChargeResult(
    AttemptOutcome.UNKNOWN, detail="Stripe did not say what came of it.", retry_at_once=True
)


def declined(body: object) -> ChargeResult:
    """Read the body of a 402: declined, or waiting for the customer's confirmation."""
    try:
        read = shapes.Refusal.model_validate(body).error
    except ValidationError:
        read = shapes.Failure()
    wanted = {read.code, read.decline_code} & _CONFIRMATION
    outcome = AttemptOutcome.NEEDS_CUSTOMER if wanted else AttemptOutcome.DECLINED
    codes = ", ".join(code for code in (read.code, read.decline_code, read.advice_code) if code)
    return ChargeResult(outcome, reason_of(read), read.payment_intent or "", f"Stripe's codes: {codes}.")


def as_it_stands(invoice: Mapping[str, Any], payments: Sequence[Mapping[str, Any]]) -> ChargeResult:
    """Read what came of a charge that Stripe took without an error, from the invoice and its payments."""
    try:
        whole, intents = shapes.Invoice.model_validate(invoice), intents_of(payments)
    except ValidationError:
        return _NO_WORD
    settled = _settled(whole, intents)
    if settled:
        return settled
    failure = last_failure(whole, intents)
    if failure is None or not intents:
        return _NO_WORD
    wanted = failure.reason.code in _CONFIRMATION
    outcome = AttemptOutcome.NEEDS_CUSTOMER if wanted else AttemptOutcome.DECLINED
    return ChargeResult(outcome, failure.reason, failure.payment)


def refused(
    invoice: Mapping[str, Any], payments: Sequence[Mapping[str, Any]], code: str, detail: str
) -> ChargeResult:
    """Read why Stripe refused to try (400): paid or under way already, or not chargeable like this."""
    try:
        whole, intents = shapes.Invoice.model_validate(invoice), intents_of(payments)
    except ValidationError:
        return _NO_WORD
    reason = reason_of(shapes.Failure(code=code)) if code else None
    return _settled(whole, intents) or ChargeResult(AttemptOutcome.DECLINED, reason, detail=detail)


def _settled(invoice: shapes.Invoice, intents: Sequence[shapes.Intent]) -> ChargeResult | None:
    if invoice.status == "paid":
        newest = max(intents, key=lambda intent: intent.created, default=None)
        return ChargeResult(AttemptOutcome.PAID, payment=newest.id if newest else "")
    for intent in intents:
        if intent.status == "processing":
            return ChargeResult(AttemptOutcome.PROCESSING, payment=intent.id)
    return None
