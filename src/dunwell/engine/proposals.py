"""What a person may do about each kind of desk item, in a sentence."""

from dunwell.policy.words import ReviewKind

_PROPOSALS = {
    ReviewKind.MRR_UNKNOWN: "Find out the customer's MRR and choose the track.",
    ReviewKind.NO_CONTACT: "Find a working address for accounts payable at the customer.",
    ReviewKind.CHARGEBACK: "Answer a chargeback at Stripe in time; ask the customer about a returned debit.",
    ReviewKind.INVOICE_UNKNOWN: "Look the invoice up at Stripe and close the case.",
    ReviewKind.ESCALATION: "Call or write to the customer yourself; automation has ended.",
    ReviewKind.CALL_TASK: "Call the customer.",
    ReviewKind.REPLY: "Read the reply and decide what follows.",
    ReviewKind.DISPUTE: "Settle the dispute with the customer, then release the hold.",
    ReviewKind.BROKEN_PROMISE: "Ask what happened to the promised payment.",
    ReviewKind.CONTENT: "Correct the template or the data, then settle this.",
    ReviewKind.SEND_UNKNOWN: "Look for the mail in the mail server's log, then say whether it arrived.",
    ReviewKind.SEND_REFUSED: "Correct the address or the mail settings, then settle this.",
    ReviewKind.CHARGE_UNKNOWN: "Look the payment up at Stripe, then settle this.",
    ReviewKind.INCOMPLETE: "Put in what is missing, then settle this; NetSuite is then asked again.",
    ReviewKind.SUPPRESSION: "Look at the invoice in Stripe; settling this tries again to switch its retries off.",
    ReviewKind.DRIFT: "Ask who switched it on; settling this switches it off again.",
    ReviewKind.LEDGERS_DISAGREE: "Correct the ledger that is wrong, then settle this.",
    ReviewKind.UNAPPLIED: "Apply the money to an invoice in NetSuite, then settle this.",
}


def proposal_for(kind: ReviewKind) -> str:
    """Say in a sentence what a person may do about a desk item."""
    return _PROPOSALS.get(kind, "Look at the case, then settle this.")
