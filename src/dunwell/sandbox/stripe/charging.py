"""Charging an invoice: which method, what becomes of the charge, and every event it leaves."""

from datetime import timedelta

from dunwell.sandbox.stripe import invoicing, methods, objects, retries, subscriptions
from dunwell.sandbox.stripe.books import Books, Debit
from dunwell.sandbox.stripe.declines import Declined, InFlight, Outcome, Paid, PaidFrom, RequiresAction
from dunwell.sandbox.stripe.errors import Json, card_declined, refuse


def method_for(books: Books, invoice: Json, given: str | None = None) -> Json | None:
    """Choose the method as Stripe does: given, invoice's, subscription's, then customer's default."""
    subscription = subscriptions.behind(books, invoice)
    customer = books.find("customer", invoice["customer"])
    chosen = (
        given
        or invoice["default_payment_method"]
        or (subscription and subscription["default_payment_method"])
        or customer["invoice_settings"]["default_payment_method"]
    )
    return books.find("payment_method", chosen, param="payment_method") if chosen else None


def pay(books: Books, invoice: Json, given: str | None = None) -> None:
    """Charge an invoice because somebody asked over the API; refuses with 402 when declined."""
    if invoice["status"] == "paid":
        raise refuse("Invoice is already paid")
    invoicing.must_be(invoice, "open", "uncollectible")
    if invoice["id"] in books.debits:
        message = "A payment for this invoice is still in flight."
        raise refuse(message, code="payment_intent_unexpected_state")
    method = method_for(books, invoice, given)
    if method is None:
        raise refuse("This customer has no default payment method.", code="resource_missing")
    if method["customer"] != invoice["customer"]:
        message = "The payment method does not belong to the invoice's customer."
        raise refuse(message, param="payment_method")
    mandate = methods.mandate_of(books, method)
    if mandate is not None and mandate["status"] == "inactive":
        raise refuse("The mandate is not active any more.", code="payment_intent_mandate_invalid")
    error = attempt(books, invoice, method, automatic=False)
    if error is not None:
        raise card_declined(error)


def attempt(
    books: Books, invoice: Json, method: Json, *, automatic: bool, outcome: Outcome | None = None
) -> Json | None:
    """Charge an invoice to a method; returns Stripe's error object when it did not work.

    `automatic`: Stripe's own schedule made it, so it counts as an attempt and moves the schedule;
    otherwise only the very first does.
    """
    intent = invoicing.intent_of(books, invoice)
    if intent is None:
        raise refuse("This invoice has nothing to charge.")
    intent |= {"amount": invoice["amount_remaining"], "last_payment_error": None, "next_action": None}
    intent["payment_method"] = method["id"]
    counted = automatic or not invoice["attempted"]
    coming = _coming(books, method, outcome or books.next_outcome(method))
    if isinstance(coming, RequiresAction):
        return _ask_customer(books, invoice, intent, method, counted=counted)
    charge = _new_charge(books, intent, method)
    if isinstance(coming, InFlight):
        _start_debit(books, invoice, charge, coming, counted=counted)
        return None
    if isinstance(coming, Paid):
        _count(books, invoice, counted=counted)
        _succeed(books, invoice, charge)
        return None
    error = _decline(books, charge, coming)
    if counted:
        _count(books, invoice, counted=True)
    _announce_failure(books, invoice)
    return {**error, "payment_intent": dict(intent)}


def attempt_without_method(books: Books, invoice: Json) -> None:
    """Let Stripe's schedule find nothing to charge: counted, announced, nothing sent."""
    _count(books, invoice, counted=True)
    _announce_failure(books, invoice)


def skip_attempt(books: Books, invoice: Json) -> None:
    """Let the schedule move on without a charge, as it does after a hard decline."""
    _count(books, invoice, counted=True)
    retries.exhausted(books, invoice)


def _coming(books: Books, method: Json, outcome: Outcome) -> Paid | Declined | RequiresAction | InFlight:
    if isinstance(outcome, PaidFrom):
        outcome = Paid() if books.now() >= outcome.when else outcome.before
    if method["type"] in methods.BANK_TYPES and isinstance(outcome, Paid | Declined):
        return InFlight(then=outcome)
    return outcome


def _new_charge(books: Books, intent: Json, method: Json) -> Json:
    card = method["type"] == "card"
    instrument = objects.charged_card(method["card"]) if card else _debited(books, method)
    charge = objects.charge(books.mint("charge"), books.stamp(), intent, method, instrument)
    intent["latest_charge"] = charge["id"]
    return books.add(charge)


def _debited(books: Books, method: Json) -> Json:
    kept: tuple[str, ...] = (
        "account_holder_type",
        "account_type",
        "bank_name",
        "fingerprint",
        "last4",
        "routing_number",
    )
    if method["type"] == "sepa_debit":
        kept = ("bank_code", "branch_code", "country", "fingerprint", "last4")
    mandate = methods.mandate_of(books, method)
    instrument = {key: method[method["type"]][key] for key in kept}
    instrument["expected_debit_date"] = (books.now() + timedelta(days=1)).date().isoformat()
    return instrument | ({"mandate": mandate["id"]} if mandate else {})


def _count(books: Books, invoice: Json, *, counted: bool) -> None:
    with books.change(invoice, "invoice.updated"):
        invoice["attempted"] = True
        if counted:
            invoice["attempt_count"] += 1
            retries.schedule(books, invoice)


def _succeed(books: Books, invoice: Json, charge: Json) -> None:
    outcome = objects.outcome("authorized")
    charge |= {"status": "succeeded", "paid": True, "captured": True, "outcome": outcome}
    charge["amount_captured"] = charge["amount"]
    books.emit("charge.succeeded", charge)
    intent = books.find("payment_intent", charge["payment_intent"])
    intent |= {"status": "succeeded", "amount_received": charge["amount"], "last_payment_error": None}
    books.emit("payment_intent.succeeded", intent)
    _settle_invoice(books, invoice, charge)


def _settle_invoice(books: Books, invoice: Json, charge: Json) -> None:
    payment = invoicing.default_payment(books, invoice)
    if payment is not None:
        payment |= {"status": "paid", "amount_paid": charge["amount"]}
        payment["status_transitions"]["paid_at"] = books.stamp()
        books.emit("invoice_payment.paid", payment)
    invoicing.close_paid(books, invoice, charged=charge["amount"])
    if invoice["amount_overpaid"]:
        books.emit("invoice.overpaid", invoice)


def _decline(books: Books, charge: Json, declined: Declined) -> Json:
    method = books.find("payment_method", charge["payment_method"])
    error = _error(charge, method, declined)
    charge |= {"status": "failed", "failure_message": declined.message}
    charge["failure_code"] = declined.decline_code if method["type"] != "card" else error["code"]
    charge["outcome"] = _refusal(declined, bank=method["type"] != "card")
    books.emit("charge.failed", charge)
    intent = books.find("payment_intent", charge["payment_intent"])
    intent |= {"status": "requires_payment_method", "payment_method": None, "last_payment_error": error}
    books.emit("payment_intent.payment_failed", intent)
    return error


def _error(charge: Json, method: Json, declined: Declined) -> Json:
    bank = method["type"] != "card"
    code = declined.error_code(bank=bank)
    said = {
        "advice_code": declined.advice_code,
        "network_advice_code": declined.network_advice_code,
        "network_decline_code": declined.network(bank=bank),
    }
    return {
        "type": "invalid_request_error" if bank else "card_error",
        "code": code,
        "decline_code": declined.decline_code,
        "charge": charge["id"],
        "doc_url": f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}",
        "message": declined.message,
        "payment_method": dict(method),
        **{key: value for key, value in said.items() if value is not None},
    }


def _refusal(declined: Declined, *, bank: bool) -> Json:
    if declined.blocked:
        reason = declined.reason or declined.decline_code
        return objects.outcome("blocked", network_status="not_sent_to_network", reason=reason)
    return objects.outcome(
        "issuer_declined",
        network_status="declined_by_network",
        reason=declined.reason or declined.decline_code,
        risk_level="not_assessed" if bank else "normal",
        advice_code=declined.advice_code,
        network_advice_code=declined.network_advice_code,
        network_decline_code=declined.network(bank=bank),
    )


def _announce_failure(books: Books, invoice: Json) -> None:
    books.emit("invoice.payment_failed", invoice)
    subscriptions.fell_behind(books, invoice)
    customer = books.find("customer", invoice["customer"])
    with books.change(customer, "customer.updated"):
        customer["delinquent"] = True
    retries.exhausted(books, invoice)


def _ask_customer(books: Books, invoice: Json, intent: Json, method: Json, *, counted: bool) -> Json:
    intent |= {"status": "requires_action", "payment_method": method["id"]}
    intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    books.emit("payment_intent.requires_action", intent)
    _count(books, invoice, counted=counted)
    books.emit("invoice.payment_action_required", invoice)
    _announce_failure(books, invoice)
    return {
        "type": "card_error",
        "code": "invoice_payment_intent_requires_action",
        "message": "The sandbox's bank wants the customer to confirm this payment.",
        "payment_intent": dict(intent),
        "payment_method": dict(method),
    }


def _start_debit(books: Books, invoice: Json, charge: Json, flight: InFlight, *, counted: bool) -> None:
    books.emit("charge.pending", charge)
    intent = books.find("payment_intent", charge["payment_intent"])
    intent |= {"status": "processing"}
    books.emit("payment_intent.processing", intent)
    due = books.now() + flight.after
    books.debits[invoice["id"]] = Debit(invoice["id"], charge["id"], due, flight.then)
    with books.change(invoice, "invoice.updated"):
        invoice["attempted"] = True
        invoice["attempt_count"] += int(counted)
        invoice["next_payment_attempt"] = None


def finish_debit(books: Books, invoice: Json, then: Paid | Declined | None = None) -> None:
    """Let a debit in flight arrive, or fail; without `then`, as was scripted when it started."""
    debit = books.debits.pop(invoice["id"], None)
    if debit is None:
        raise refuse("No debit is in flight for this invoice.")
    charge = books.find("charge", debit.charge)
    result = then or debit.then
    if isinstance(result, Paid):
        _succeed(books, invoice, charge)
        return
    _decline(books, charge, result)
    with books.change(invoice, "invoice.updated"):
        retries.schedule(books, invoice)
    _announce_failure(books, invoice)
