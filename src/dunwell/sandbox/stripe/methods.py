"""Payment methods: made from test numbers, saved to customers, made the default, taken off."""

from typing import Any

from dunwell.sandbox.stripe import objects
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.declines import BANKS, CARDS, IBANS, TOKENS, Declined
from dunwell.sandbox.stripe.errors import Json, RefusedError, card_declined, refuse

BANK_TYPES = ("us_bank_account", "sepa_debit")


def make(books: Books, instrument: str, *, exp_month: int = 12, exp_year: int = 2034) -> Json:
    """Make a payment method from a test card number, bank account number, IBAN or `pm_...` token.

    It is not attached to anybody yet. Its outcomes are the test number's until scripted otherwise.
    The number itself is forgotten except for its last four digits.
    """
    number = TOKENS.get(instrument, instrument).replace(" ", "")
    if number in CARDS:
        card = objects.card_details(CARDS[number].brand, number[-4:], exp_month, exp_year)
        kind, details, outcomes = "card", card, CARDS[number].outcomes
    elif number in BANKS:
        kind, details, outcomes = "us_bank_account", objects.us_bank_details(number[-4:]), BANKS[number]
    elif number in IBANS:
        kind, details, outcomes = "sepa_debit", objects.sepa_details(number), IBANS[number]
    else:
        raise _incorrect_number()
    method = objects.payment_method(books.mint("payment_method"), books.stamp(), kind, details)
    books.outcomes[method["id"]] = list(outcomes)
    if kind == "card" and not CARDS[number].attaches:
        books.unsaveable.add(method["id"])
    return books.add(method)


def _incorrect_number() -> RefusedError:
    message = "Not one of the sandbox's test numbers."
    return card_declined({"type": "card_error", "code": "incorrect_number", "message": message})


def from_token(books: Books, id_: str, *, param: str | None = None) -> Json:
    """Find a payment method; a test token such as `pm_card_visa` makes a fresh one."""
    return make(books, id_) if id_ in TOKENS else books.find("payment_method", id_, param=param)


def attach(books: Books, method: Json, customer: Json) -> None:
    """Save a method to a customer; cards that Stripe refuses to save are refused with 402."""
    if method["customer"] == customer["id"]:
        return
    if method["customer"] is not None:
        raise refuse("This payment method already belongs to another customer.", param="payment_method")
    if method["id"] in books.unsaveable:
        raise card_declined(_refused_to_save(books, method))
    method["customer"] = customer["id"]
    if method["type"] in BANK_TYPES:
        books.add(objects.mandate(books.mint("mandate"), books.stamp(), method))
    books.emit("payment_method.attached", method)


def _refused_to_save(books: Books, method: Json) -> Json:
    outcome = books.outcomes[method["id"]][0]
    declined = outcome if isinstance(outcome, Declined) else Declined()
    return {
        "type": "card_error",
        "code": declined.error_code(bank=False),
        "decline_code": declined.decline_code,
        "message": declined.message,
    }


def detach(books: Books, method: Json) -> None:
    """Take a method off its customer; it can never be charged again, and is nobody's default."""
    owner = method["customer"]
    if owner is None:
        raise refuse("The payment method is not attached to a customer.", param="payment_method")
    with books.change(method, "payment_method.detached"):
        method["customer"] = None
    customer = books.find("customer", owner)
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        set_default(books, customer, None)
    for subscription in books.rows("subscription", customer=owner, default_payment_method=method["id"]):
        with books.change(subscription, "customer.subscription.updated"):
            subscription["default_payment_method"] = None


def set_default(books: Books, customer: Json, method_id: str | None) -> None:
    """Make a method what the customer's invoices are charged to."""
    with books.change(customer, "customer.updated"):
        customer["invoice_settings"]["default_payment_method"] = method_id


def mandate_of(books: Books, method: Json) -> Json | None:
    """Find the mandate behind a bank debit method."""
    return next(iter(books.rows("mandate", payment_method=method["id"])), None)


def save(books: Books, customer: Json, instrument: str, *, default: bool = True, **details: Any) -> Json:
    """Save a new method the way the customer portal does; `details` are a card's expiry."""
    method = make(books, instrument, **details)
    attach(books, method, customer)
    mandate = mandate_of(books, method)
    setup = objects.setup_intent(
        books.mint("setup_intent"),
        books.stamp(),
        customer["id"],
        method,
        mandate["id"] if mandate else None,
    )
    books.add(setup)
    books.emit("setup_intent.succeeded", setup)
    if default:
        set_default(books, customer, method["id"])
    return method


def block_bank_account(books: Books, method: Json, network_code: str, reason: str) -> None:
    """Let Stripe learn that a bank account cannot be debited any more."""
    with books.change(method, "payment_method.automatically_updated"):
        method["us_bank_account"]["status_details"] = {
            "blocked": {"network_code": network_code, "reason": reason}
        }


def revoke_mandate(books: Books, method: Json) -> None:
    """End the mandate behind a bank debit method."""
    mandate = mandate_of(books, method)
    if mandate is None:
        raise refuse("This payment method has no mandate.", param="payment_method")
    with books.change(mandate, "mandate.updated"):
        mandate["status"] = "inactive"
