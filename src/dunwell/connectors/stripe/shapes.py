"""The parts of Stripe's objects that we read, checked by pydantic. Everything else is ignored.

Times become aware datetimes in UTC, an expandable field may be an id or the object itself.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

# The year 9999; beyond it, Python has no date.
_LAST_SECOND = 253_402_300_799


def _moment(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LAST_SECOND:
        raise ValueError("not a time in Unix seconds")
    return datetime.fromtimestamp(value, UTC)


def _id(value: object) -> object:
    return value.get("id") if isinstance(value, Mapping) else value


Moment = Annotated[datetime, BeforeValidator(_moment)]
Id = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_\-]{1,200}$")]
Ref = Annotated[Id, BeforeValidator(_id)]
# Stripe takes at most twelve digits; anything the database cannot hold is refused here.
Amount = Annotated[int, Field(strict=True, ge=-(10**15), le=10**15)]
Count = Annotated[int, Field(strict=True, ge=0, le=10**6)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, StringConstraints(strict=True)]


class Shape(BaseModel):
    """A part of a Stripe object."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Method(Shape):
    """A payment method."""

    id: Id
    type: Text


# As a whole where it is expanded, else its id: the first that fits.
MethodOrId = Annotated[Method | Ref, Field(union_mode="left_to_right")]


class Failure(Shape):
    """`last_payment_error` of a payment intent, or `error` of a refused request."""

    code: Text | None = None
    decline_code: Text | None = None
    advice_code: Text | None = None
    network_advice_code: Text | None = None
    charge: Ref | None = None
    payment_method: MethodOrId | None = None
    payment_method_type: Text | None = None
    payment_intent: Ref | None = None


class Refusal(Shape):
    """The body of an answer that is an error."""

    error: Failure


class Outcome(Shape):
    """What the network or Stripe's own fraud check said about a charge."""

    reason: Text | None = None
    advice_code: Text | None = None
    network_advice_code: Text | None = None


class MethodDetails(Shape):
    """How a charge was paid."""

    type: Text


class Charge(Shape):
    """A charge."""

    id: Id
    status: Text
    created: Moment
    disputed: Flag = False
    failure_code: Text | None = None
    outcome: Outcome | None = None
    payment_method: Ref | None = None
    payment_method_details: MethodDetails | None = None


class Dispute(Shape):
    """A chargeback, or a bank debit that was returned after it had settled."""

    status: Text
    amount: Amount
    currency: Text
    created: Moment
    reason: Text | None = None


class Intent(Shape):
    """A payment intent, its latest charge expanded."""

    id: Id
    status: Text
    created: Moment
    last_payment_error: Failure | None = None
    latest_charge: Charge | None = None
    payment_method: Ref | None = None
    payment_method_types: tuple[Text, ...] = ()


class Payment(Shape):
    """What an invoice payment is made with; `payment_intent` must be expanded when there is one."""

    type: Text
    payment_intent: Intent | None = None


class PaidAt(Shape):
    """When something was paid."""

    paid_at: Moment | None = None


class InvoicePayment(Shape):
    """The link between an invoice and a payment."""

    invoice: Ref | None = None
    payment: Payment
    status: Text | None = None
    amount_paid: Amount | None = None
    status_transitions: PaidAt = PaidAt()


class Period(Shape):
    """A service period; half-open."""

    start: Moment
    end: Moment


class SubscriptionItem(Shape):
    """Says that a line comes from a subscription item."""

    proration: Flag = False


class LineParent(Shape):
    """Where a line comes from."""

    type: Text
    subscription_item_details: SubscriptionItem | None = None


class DiscountAmount(Shape):
    """What a discount takes off a line."""

    amount: Amount


class Tax(Shape):
    """A tax on a line."""

    amount: Amount
    tax_behavior: Text | None = None


class Line(Shape):
    """An invoice line."""

    amount: Amount
    currency: Text
    period: Period
    parent: LineParent | None = None
    discount_amounts: tuple[DiscountAmount, ...] | None = None
    taxes: tuple[Tax, ...] | None = None


class Lines(Shape):
    """The first lines of an invoice; `has_more` when Stripe kept some back."""

    data: tuple[Line, ...]
    has_more: Flag = False


class PaymentSettings(Shape):
    """How an invoice may be paid."""

    payment_method_types: tuple[Text, ...] | None = None


class Transitions(Shape):
    """When an invoice changed its status."""

    finalized_at: Moment | None = None
    paid_at: Moment | None = None


class Invoice(Shape):
    """An invoice without its lines."""

    id: Id
    number: Text | None = None
    status: Literal["draft", "open", "paid", "void", "uncollectible"]
    currency: Text
    total: Amount = 0
    amount_remaining: Amount
    amount_paid: Amount = 0
    pre_payment_credit_notes_amount: Amount = 0
    created: Moment
    due_date: Moment | None = None
    auto_advance: Flag | None = None
    next_payment_attempt: Moment | None = None
    collection_method: Text | None = None
    attempted: Flag = False
    attempt_count: Count = 0
    customer: Ref
    customer_email: Text | None = None
    default_payment_method: MethodOrId | None = None
    payment_settings: PaymentSettings | None = None
    status_transitions: Transitions = Transitions()


class SentInvoice(Shape):
    """An invoice in a list of those that fell due."""

    id: Id
    due_date: Moment


class BilledInvoice(Invoice):
    """An invoice with its lines."""

    lines: Lines


class Address(Shape):
    """A billing address."""

    country: Text | None = None
    state: Text | None = None


class Customer(Shape):
    """A customer."""

    id: Id
    created: Moment
    name: Text | None = None
    business_name: Text | None = None
    individual_name: Text | None = None
    email: Text | None = None
    currency: Text | None = None
    address: Address | None = None
    metadata: dict[str, Text] = {}


def fault(error: ValidationError) -> str:
    """Name the first thing that is wrong, without the value: `lines.data.0.amount: not a valid integer`."""
    first: dict[str, Any] = dict(
        error.errors(include_input=False, include_url=False, include_context=False)[0]
    )
    return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"
