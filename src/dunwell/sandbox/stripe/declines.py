"""What a charge will do: outcomes that can be scripted, and Stripe's test cards and bank accounts.

Codes and test numbers are Stripe's public ones; the messages are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# Decline codes that come back as the error's own `code`; all others come as `card_declined`.
_OWN_ERROR_CODE = frozenset((
    "authentication_required", "expired_card", "incorrect_cvc", "incorrect_number", "incorrect_zip",
    "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year", "invalid_number", "processing_error",
))  # fmt: skip
# What the network says, where there is one usual answer (Visa's codes; ACH return codes for banks).
_NETWORK = {
    "authentication_required": "1A", "card_velocity_exceeded": "61", "do_not_honor": "05",
    "expired_card": "54", "generic_decline": "05", "incorrect_number": "14", "insufficient_funds": "51",
    "invalid_account": "46", "issuer_not_available": "91", "lost_card": "41", "pickup_card": "04",
    "revocation_of_all_authorizations": "R3", "revocation_of_authorization": "R1", "stolen_card": "43",
    "stop_payment_order": "R0", "transaction_not_allowed": "57", "withdrawal_count_limit_exceeded": "65",
}  # fmt: skip
_RETURNS = {
    "bank_account_closed": "R02", "bank_account_frozen": "R16", "bank_account_invalid_details": "R03",
    "bank_account_restricted": "R20", "debit_not_authorized": "R10", "insufficient_funds": "R01",
}  # fmt: skip
# The nine after which Stripe itself does not try the same card again.
HARD = frozenset((
    "incorrect_number", "lost_card", "pickup_card", "stolen_card", "revocation_of_authorization",
    "revocation_of_all_authorizations", "authentication_required", "highest_risk_level",
    "transaction_not_allowed",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paid:
    """The money comes. On a bank account: after a few days in flight."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The issuer, the network or the bank says no. Empty network codes take the usual ones."""

    decline_code: str = "generic_decline"
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    reason: str | None = None
    blocked: bool = False

    @property
    def hard(self) -> bool:
        """Whether Stripe stops sending this card to the network."""
        return bool(HARD & {self.decline_code, self.reason}) or self.advice_code == "do_not_try_again"

    def error_code(self, *, bank: bool) -> str:
        """Return the error's `code` (cards and bank debits differ)."""
        if bank:
            return "payment_intent_payment_attempt_failed"
        return self.decline_code if self.decline_code in _OWN_ERROR_CODE else "card_declined"

    def network(self, *, bank: bool) -> str | None:
        """Return the network's decline code, or None when it never saw the charge."""
        if self.blocked:
            return None
        usual = (_RETURNS if bank else _NETWORK).get(self.decline_code)
        return self.network_decline_code or usual

    @property
    def message(self) -> str:
        """Say it in a sentence; ours, so tests cannot come to lean on Stripe's wording."""
        return f"The sandbox declined this charge: {self.decline_code}."


@dataclass(frozen=True, slots=True)
class RequiresAction:
    """The bank wants the customer to confirm (3-D Secure)."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A bank debit on its way: `then` happens `after` that long, or when told to settle."""

    after: timedelta = timedelta(days=4)
    then: Paid | Declined = Paid()


@dataclass(frozen=True, slots=True)
class PaidFrom:
    """Declined before `when`, paid from then on: pay day."""

    when: datetime
    before: Declined


Outcome = Paid | Declined | RequiresAction | InFlight | PaidFrom


def paid() -> Paid:
    """Let the charge succeed."""
    return Paid()


def declined(
    decline_code: str = "generic_decline",
    *,
    advice_code: str | None = None,
    network_decline_code: str | None = None,
    network_advice_code: str | None = None,
) -> Declined:
    """Let the charge fail with one of Stripe's decline codes (or a bank's failure code)."""
    return Declined(decline_code, advice_code, network_decline_code, network_advice_code)


def blocked() -> Declined:
    """Let Stripe's fraud screen stop the charge before the bank sees it."""
    return Declined("fraudulent", reason="highest_risk_level", blocked=True)


def requires_action() -> RequiresAction:
    """Let the bank ask for the customer's confirmation."""
    return RequiresAction()


def processing(*, after: timedelta = timedelta(days=4), then: Paid | Declined | None = None) -> InFlight:
    """Let a debit stay in flight; it settles (or fails with `then`) after that long, or when told."""
    return InFlight(after, then or Paid())


def paid_from(when: datetime, before: Declined | None = None) -> PaidFrom:
    """Let charges fail (insufficient funds unless said) before an aware moment, and succeed from then on."""
    return PaidFrom(when, before or Declined("insufficient_funds"))


@dataclass(frozen=True, slots=True)
class TestCard:
    """One of Stripe's test numbers. `attaches` is whether it can be saved to a customer."""

    label: str
    brand: str = "visa"
    outcomes: Sequence[Outcome] = (Paid(),)
    attaches: bool = True

    __test__ = False


CARDS: dict[str, TestCard] = {
    "4242424242424242": TestCard("Visa that works"),
    "5555555555554444": TestCard("Mastercard that works", "mastercard"),
    "4000000000000341": TestCard("Visa that is saved, then declined", outcomes=(Declined(),)),
    "4000000000000002": TestCard("Visa, declined", outcomes=(Declined(),), attaches=False),
    "4000000000009995": TestCard(
        "Visa without funds", outcomes=(Declined("insufficient_funds"),), attaches=False
    ),
    "4000000000009987": TestCard("Visa, lost", outcomes=(Declined("lost_card"),), attaches=False),
    "4000000000009979": TestCard("Visa, stolen", outcomes=(Declined("stolen_card"),), attaches=False),
    "4000000000000069": TestCard("Visa, expired", outcomes=(Declined("expired_card"),), attaches=False),
    "4000000000000119": TestCard("Visa, fault", outcomes=(Declined("processing_error"),), attaches=False),
    "4000002760003184": TestCard("Visa that wants 3-D Secure", outcomes=(RequiresAction(),)),
}
BANKS: dict[str, tuple[Outcome, ...]] = {
    "000123456789": (InFlight(),),
    "000111111113": (InFlight(then=Declined("bank_account_closed")),),
    "000111111116": (InFlight(then=Declined("bank_account_invalid_details")),),
    "000222222227": (InFlight(then=Declined("insufficient_funds")),),
    "000333333335": (InFlight(then=Declined("debit_not_authorized")),),
}
IBANS: dict[str, tuple[Outcome, ...]] = {
    "DE89370400440532013000": (InFlight(timedelta(days=5)),),
    "DE62370400440532013001": (InFlight(timedelta(days=5), Declined("insufficient_funds")),),
}
TOKENS: dict[str, str] = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_usBankAccount_success": "000123456789",
    "pm_usBankAccount_accountClosed": "000111111113",
    "pm_usBankAccount_noAccount": "000111111116",
    "pm_usBankAccount_insufficientFunds": "000222222227",
    "pm_usBankAccount_debitNotAuthorized": "000333333335",
}
