"""Every type of event near invoices, payments and customers: what we do with it, or why nothing.

A type in neither table is not one we use. A test holds both against the SDK's own list of types.
"""

from dunwell.policy.readings import Topic

# Type to (what to look at, the object the event must carry).
USED: dict[str, tuple[Topic, str]] = {
    "invoice.payment_failed": (Topic.FAILURE, "invoice"),
    "invoice.payment_action_required": (Topic.FAILURE, "invoice"),
    "invoice.payment_attempt_required": (Topic.FAILURE, "invoice"),
    "invoice.deleted": (Topic.INVOICE, "invoice"),
    "invoice.marked_uncollectible": (Topic.INVOICE, "invoice"),
    "invoice.overdue": (Topic.OVERDUE, "invoice"),
    "invoice.overpaid": (Topic.INVOICE, "invoice"),
    "invoice.paid": (Topic.INVOICE, "invoice"),
    "invoice.payment_succeeded": (Topic.INVOICE, "invoice"),
    "invoice.updated": (Topic.INVOICE, "invoice"),
    "invoice.voided": (Topic.INVOICE, "invoice"),
    "invoice_payment.paid": (Topic.INVOICE, "invoice_payment"),
    "credit_note.created": (Topic.INVOICE, "credit_note"),
    "credit_note.updated": (Topic.INVOICE, "credit_note"),
    "credit_note.voided": (Topic.INVOICE, "credit_note"),
    "charge.failed": (Topic.PAYMENT, "charge"),
    "payment_intent.canceled": (Topic.PAYMENT, "payment_intent"),
    "payment_intent.partially_funded": (Topic.PAYMENT, "payment_intent"),
    "payment_intent.payment_failed": (Topic.PAYMENT, "payment_intent"),
    "payment_intent.processing": (Topic.PAYMENT, "payment_intent"),
    "payment_intent.requires_action": (Topic.PAYMENT, "payment_intent"),
    "payment_intent.succeeded": (Topic.PAYMENT, "payment_intent"),
    "charge.dispute.closed": (Topic.CHARGEBACK, "dispute"),
    "charge.dispute.created": (Topic.CHARGEBACK, "dispute"),
    "payment_method.attached": (Topic.NEW_METHOD, "payment_method"),
    "setup_intent.succeeded": (Topic.NEW_METHOD, "setup_intent"),
    "customer.deleted": (Topic.CUSTOMER, "customer"),
    "customer.updated": (Topic.CUSTOMER, "customer"),
    "customer.subscription.deleted": (Topic.CUSTOMER, "subscription"),
    "customer.subscription.paused": (Topic.CUSTOMER, "subscription"),
    "customer.subscription.resumed": (Topic.CUSTOMER, "subscription"),
    "customer.subscription.updated": (Topic.CUSTOMER, "subscription"),
}

_TOLD_BY_THE_INVOICE = "the invoice's own event says what came of it"
_ONLY_BEGUN = "a payment was only prepared; what comes of it has its own event"
_NOT_OWED_YET = "nothing is late on this invoice; a failed payment has its own event"
_MONEY_STAYS = "money given back leaves the invoice paid"
_DISPUTE_STANDS = "opening and closing a chargeback is what counts; both have their own event"
_OLD_SOURCE = "sources are Stripe's old payment methods; a new default arrives as customer.updated"
_NO_DEBT = "says nothing of money owed"
_AS_INVOICED = "what is owed, and what a customer brings, is read from invoices"
_PORTAL = "our own payment page records who opened it"
_CHECKOUT = "what a finished checkout saved or paid has its own event"
_TEST_CLOCK = "a clock of Stripe's test mode"

NOT_USED: dict[str, str] = {
    "invoice.created": _NOT_OWED_YET,
    "invoice.finalization_failed": "the invoice is still a draft, so nothing is owed on it",
    "invoice.finalized": _NOT_OWED_YET,
    "invoice.sent": _NOT_OWED_YET,
    "invoice.upcoming": "no invoice exists yet",
    "invoice.will_be_due": "not due yet; we count the days ourselves",
    "invoiceitem.created": _NOT_OWED_YET,
    "invoiceitem.deleted": _NOT_OWED_YET,
    "charge.captured": _TOLD_BY_THE_INVOICE,
    "charge.dispute.funds_reinstated": _DISPUTE_STANDS,
    "charge.dispute.funds_withdrawn": _DISPUTE_STANDS,
    "charge.dispute.updated": _DISPUTE_STANDS,
    "charge.expired": "an uncaptured charge lapsed; invoices are captured at once",
    "charge.pending": "payment_intent.processing says the same and knows its invoice",
    "charge.refund.updated": _MONEY_STAYS,
    "charge.refunded": _MONEY_STAYS,
    "charge.succeeded": _TOLD_BY_THE_INVOICE,
    "charge.updated": "notes on a charge change nothing that is owed",
    "refund.created": _MONEY_STAYS,
    "refund.failed": _MONEY_STAYS,
    "refund.updated": _MONEY_STAYS,
    "payment_intent.amount_capturable_updated": _ONLY_BEGUN,
    "payment_intent.created": _ONLY_BEGUN,
    "payment_method.automatically_updated": "the same method, renewed or blocked by its bank; a retry shows it",
    "payment_method.detached": "a retry reads the invoice again and finds what is left to charge",
    "payment_method.updated": "edited details of the same method; a new one arrives as attached",
    "setup_intent.canceled": "no method was saved",
    "setup_intent.created": "no method is saved yet",
    "setup_intent.requires_action": "no method is saved yet",
    "setup_intent.setup_failed": "no method was saved",
    "mandate.updated": "a debit without its mandate fails, and that has its own event",
    "cash_balance.funds_available": "money that covers an invoice arrives as a payment of it",
    "customer.created": "nothing is owed yet; the customer is read when a case opens",
    "customer.discount.created": _AS_INVOICED,
    "customer.discount.deleted": _AS_INVOICED,
    "customer.discount.updated": _AS_INVOICED,
    "customer.source.created": _OLD_SOURCE,
    "customer.source.deleted": _OLD_SOURCE,
    "customer.source.expiring": _OLD_SOURCE,
    "customer.source.updated": _OLD_SOURCE,
    "customer.subscription.created": _AS_INVOICED,
    "customer.subscription.pending_update_applied": "customer.subscription.updated says the same",
    "customer.subscription.pending_update_expired": "nothing changed",
    "customer.subscription.trial_will_end": _NOT_OWED_YET,
    "customer.tax_id.created": _NO_DEBT,
    "customer.tax_id.deleted": _NO_DEBT,
    "customer.tax_id.updated": _NO_DEBT,
    "billing_portal.configuration.created": _NO_DEBT,
    "billing_portal.configuration.updated": _NO_DEBT,
    "billing_portal.session.created": _PORTAL,
    "checkout.session.async_payment_failed": _CHECKOUT,
    "checkout.session.async_payment_succeeded": _CHECKOUT,
    "checkout.session.completed": _CHECKOUT,
    "checkout.session.expired": _CHECKOUT,
    "test_helpers.test_clock.advancing": _TEST_CLOCK,
    "test_helpers.test_clock.created": _TEST_CLOCK,
    "test_helpers.test_clock.deleted": _TEST_CLOCK,
    "test_helpers.test_clock.internal_failure": _TEST_CLOCK,
    "test_helpers.test_clock.ready": _TEST_CLOCK,
}
UNKNOWN = "not a type we use"
