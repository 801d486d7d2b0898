"""The tables. They keep facts and hold no rules: no methods that decide, no `save()` hooks, no signals."""

from dunwell.store.models.case import Case, Hold, Letter, PaymentAttempt, ReviewItem, TimelineEntry
from dunwell.store.models.parties import Contact, Customer, Invoice, PolicyVersion
from dunwell.store.models.traffic import Attachment, InboxEvent, IncomingMail, OutboxItem, SweepMark

__all__ = [
    "Attachment",
    "Case",
    "Contact",
    "Customer",
    "Hold",
    "InboxEvent",
    "IncomingMail",
    "Invoice",
    "Letter",
    "OutboxItem",
    "PaymentAttempt",
    "PolicyVersion",
    "ReviewItem",
    "SweepMark",
    "TimelineEntry",
]
