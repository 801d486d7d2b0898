"""The words people read on the desk for the closed sets of `policy.words`, and what kind of thing an entry is."""

from dataclasses import dataclass
from enum import StrEnum

from dunwell.policy.playbook import StepState
from dunwell.policy.replies import ReplyKind
from dunwell.policy.upcoming import PlannedKind
from dunwell.policy.words import (
    AttemptOutcome,
    AttemptTrigger,
    CallOutcome,
    CaseStatus,
    CollectionOwner,
    Ending,
    HoldKind,
    InvoiceStatus,
    LetterState,
    MailNature,
    MailState,
    MatchedBy,
    MessageState,
    Rail,
    ReviewKind,
    Stage,
    Track,
)

STATUS = {
    CaseStatus.OPEN: "Open",
    CaseStatus.REVIEW: "In review",
    CaseStatus.ESCALATED: "Escalated",
    CaseStatus.CLOSED: "Closed",
}
ENDING = {
    Ending.RECOVERED: "Recovered",
    Ending.PAID_ELSEWHERE: "Paid elsewhere",
    Ending.VOIDED: "Voided",
    Ending.WRITTEN_OFF: "Written off",
    Ending.CREDITED: "Credited",
    Ending.TRANSFERRED: "Transferred",
}
HOLD = {
    HoldKind.REPLY: "Reply",
    HoldKind.PROMISE: "Promise to pay",
    HoldKind.DISPUTE: "Dispute",
    HoldKind.PAUSE: "Pause",
    HoldKind.PAYMENT_PLAN: "Payment plan",
    HoldKind.DO_NOT_CONTACT: "Do not contact",
    HoldKind.VETO: "Veto",
}
REPLY = {
    ReplyKind.PROMISE: "Promise to pay",
    ReplyKind.ASKS_TIME: "Asks for time",
    ReplyKind.DISPUTE: "Dispute",
    ReplyKind.ALREADY_PAID: "Already paid",
    ReplyKind.WRONG_PERSON: "Wrong person",
    ReplyKind.NEEDS_DOCUMENT: "Needs a document",
    ReplyKind.HARDSHIP: "Hardship or payment plan",
    ReplyKind.CARD_UPDATED: "Payment method updated",
    ReplyKind.AUTO_REPLY: "Automatic reply",
    ReplyKind.OTHER: "Something else",
}
MAIL = {
    MailState.ARRIVED: "Just arrived",
    MailState.UNMATCHED: "Not placed",
    MailState.WAITING: "Waits to be read",
    MailState.DONE: "Done",
    MailState.SET_ASIDE: "Set aside",
}
NATURE = {
    MailNature.HUMAN: "Written by a person",
    MailNature.AUTOMATIC: "Automatic reply",
    MailNature.BOUNCE: "Came back",
    MailNature.COMPLAINT: "Complaint",
    MailNature.REPORT: "Delivery report",
}
MATCHED = {
    MatchedBy.ADDRESS: "By the address our mail gave for answers",
    MatchedBy.THREAD: "By the thread: it answers a mail of ours",
    MatchedBy.SENDER: "By the sender, a contact of this customer",
    MatchedBy.PERSON: "By a person",
}
TRACK = {Track.STANDARD: "Standard", Track.PERSONAL: "Personal"}
STAGE = {
    Stage.NOTICE: "Notice",
    Stage.REMINDER: "Reminder",
    Stage.DIRECT: "Direct",
    Stage.FINAL: "Final",
    Stage.ESCALATION: "Escalation",
}
MESSAGE = {
    MessageState.QUEUED: "Queued",
    MessageState.CLAIMED: "Queued",
    MessageState.HANDING_OVER: "Being handed over",
    MessageState.SENT: "Sent",
    MessageState.REFUSED: "Refused by the mail server",
    MessageState.UNKNOWN: "Outcome unknown",
    MessageState.STOPPED: "Stopped, not sent",
    MessageState.BOUNCED: "Came back",
}
LETTER = {
    LetterState.DRAFT: "Draft",
    LetterState.APPROVED: "Approved",
    LetterState.LEAVING: "Leaving",
    LetterState.SENT: "Sent",
    LetterState.CONFIRMED: "Sent and confirmed",
    LetterState.IN_DOUBT: "In doubt",
    LetterState.WITHDRAWN: "Withdrawn",
}
COLLECTION = {
    CollectionOwner.STRIPE: "Stripe",
    CollectionOwner.DUNWELL: "Dunwell",
}
CALL = {
    CallOutcome.REACHED: "Reached them",
    CallOutcome.NO_ANSWER: "No answer",
    CallOutcome.PROMISE: "They promised to pay",
    CallOutcome.DISPUTE: "They dispute the invoice",
    CallOutcome.PLAN: "A payment plan",
    CallOutcome.WRONG_NUMBER: "Wrong number",
}
INVOICE = {
    InvoiceStatus.DRAFT: "Draft",
    InvoiceStatus.OPEN: "Open",
    InvoiceStatus.PAID: "Paid",
    InvoiceStatus.VOID: "Void",
    InvoiceStatus.UNCOLLECTIBLE: "Uncollectible",
    InvoiceStatus.UNKNOWN: "Not known there",
}
STEP = {
    StepState.DONE: "Done",
    StepState.NOW: "Now",
    StepState.WAITING: "Waiting",
    StepState.FAILED: "Failed",
    StepState.SKIPPED: "Skipped",
    StepState.LATER: "Later",
}
# Beside the word, so that nothing hangs on a colour.
STEP_MARK = {
    StepState.DONE: "✓",
    StepState.NOW: "●",
    StepState.WAITING: "◷",
    StepState.FAILED: "✕",
    StepState.SKIPPED: "↷",
    StepState.LATER: "○",
}
PLANNED = {
    PlannedKind.RETRY: "Retry",
    PlannedKind.LETTER: "Next letter is drafted",
    PlannedKind.VETO_ENDS: "Time to stop the letter ends",
    PlannedKind.LAST_DAY: "Last day of automation",
}
TRIGGER = {
    AttemptTrigger.STRIPE: "Stripe",
    AttemptTrigger.RETRY: "Our retry",
    AttemptTrigger.NEW_METHOD: "New payment method",
    AttemptTrigger.PERSON: "A person",
}
OUTCOME = {
    AttemptOutcome.PAID: "Paid",
    AttemptOutcome.DECLINED: "Declined",
    AttemptOutcome.PROCESSING: "Under way",
    AttemptOutcome.NEEDS_CUSTOMER: "Needs the customer",
    AttemptOutcome.UNKNOWN: "Outcome unknown",
}
RAIL = {
    Rail.CARD: "Card",
    Rail.BANK_DEBIT: "Bank debit",
    Rail.TRANSFER: "Bank transfer",
    Rail.OTHER: "Other",
}
REVIEW = {
    ReviewKind.MRR_UNKNOWN: "MRR unknown",
    ReviewKind.NO_CONTACT: "No contact",
    ReviewKind.REPLY: "Reply to read",
    ReviewKind.DISPUTE: "Dispute",
    ReviewKind.CHARGEBACK: "Chargeback",
    ReviewKind.ESCALATION: "Escalation",
    ReviewKind.CALL_TASK: "Call task",
    ReviewKind.BROKEN_PROMISE: "Broken promise",
    ReviewKind.SEND_UNKNOWN: "Mail: outcome unknown",
    ReviewKind.SEND_REFUSED: "Mail refused",
    ReviewKind.CHARGE_UNKNOWN: "Charge: outcome unknown",
    ReviewKind.GATE_CLOSED: "Gate closed",
    ReviewKind.LEDGER_UNREADABLE: "Ledger unreadable",
    ReviewKind.INVOICE_UNKNOWN: "Invoice unknown",
    ReviewKind.INCOMPLETE: "Something is missing",
    ReviewKind.SUPPRESSION: "Stripe not proved quiet",
    ReviewKind.DRIFT: "Automation switched back on",
    ReviewKind.DRAFT: "Draft to approve",
    ReviewKind.VETO: "Draft vetoed",
    ReviewKind.NOT_CONFIRMED: "Mail not confirmed",
    ReviewKind.LEDGERS_DISAGREE: "Ledgers disagree",
    ReviewKind.UNAPPLIED: "Unapplied payment",
    ReviewKind.CONTENT: "Message not writable",
    ReviewKind.BAD_DATA: "Bad data",
}


class Family(StrEnum):
    """What kind of thing a timeline entry is, told apart by word and by mark, never by colour alone."""

    FACT = "fact"
    DECISION = "decision"
    NOT_DONE = "not-done"
    DONE = "done"
    PERSON = "person"


FAMILY = {
    Family.FACT: "Fact",
    Family.DECISION: "Decision",
    Family.NOT_DONE: "Not done",
    Family.DONE: "Done",
    Family.PERSON: "Person",
}


@dataclass(frozen=True, slots=True)
class EntryWord:
    """What to call a timeline entry, and its family."""

    word: str
    family: Family


_ENTRIES = {
    # What a decision asked for
    "gather": EntryWord("Ask the ledger", Family.DECISION),
    "send": EntryWord("Send", Family.DECISION),
    "draft": EntryWord("Draft", Family.DECISION),
    "retry": EntryWord("Retry", Family.DECISION),
    "take_over": EntryWord("Take over collection", Family.DECISION),
    "hand_back": EntryWord("Hand back collection", Family.DECISION),
    "hold": EntryWord("Hold", Family.DECISION),
    "resume": EntryWord("Resume", Family.DECISION),
    "call_task": EntryWord("Call task", Family.DECISION),
    "escalate": EntryWord("Escalate", Family.DECISION),
    "review": EntryWord("To a person", Family.DECISION),
    "close": EntryWord("Close", Family.DECISION),
    # What was not done, and why not
    "skip": EntryWord("Skipped", Family.NOT_DONE),
    "wait": EntryWord("Waited", Family.NOT_DONE),
    "why_not": EntryWord("Stopped by the check before sending", Family.NOT_DONE),
    "stopped": EntryWord("Stopped", Family.NOT_DONE),
    "deferred": EntryWord("Put off", Family.NOT_DONE),
    "refused": EntryWord("Refused by the mail server", Family.NOT_DONE),
    "link_failed": EntryWord("Payment page failed", Family.NOT_DONE),
    "trouble": EntryWord("Trouble", Family.NOT_DONE),
    "withdrawn": EntryWord("Letter withdrawn", Family.NOT_DONE),
    "unsigned": EntryWord("To be approved again", Family.NOT_DONE),
    # What was done
    "sent": EntryWord("Sent", Family.DONE),
    "charge": EntryWord("Charge", Family.DONE),
    "taken_over": EntryWord("Collection taken over", Family.DONE),
    "handed_back": EntryWord("Collection handed back", Family.DONE),
    "owner_told": EntryWord("Relationship owner told", Family.DONE),
    "confirmed": EntryWord("Letter confirmed", Family.DONE),
    "call_record": EntryWord("Call recorded in NetSuite", Family.DONE),
    # What we learned
    "opened": EntryWord("Case opened", Family.FACT),
    "clawed_back": EntryWord("Payment taken back", Family.FACT),
    "lost_for_good": EntryWord("Chargeback lost", Family.FACT),
    "attempt": EntryWord("Payment attempt", Family.FACT),
    "unknown": EntryWord("Outcome unknown", Family.FACT),
    "gate": EntryWord("Read again before sending", Family.FACT),
    "anchor": EntryWord("Earlier failure", Family.FACT),
    "gathered": EntryWord("Ledger read", Family.FACT),
    "not_confirmed": EntryWord("Letter not confirmed", Family.FACT),
    "unclear": EntryWord("Answer not clear", Family.FACT),
    "absent": EntryWord("Not in NetSuite", Family.FACT),
    "agreed": EntryWord("Relationship owner agreed", Family.FACT),
    "edited": EntryWord("Letter edited", Family.FACT),
    "approved": EntryWord("Letter approved", Family.FACT),
    "called": EntryWord("Call", Family.FACT),
    "reply": EntryWord("Reply", Family.FACT),
    "auto_reply": EntryWord("Automatic reply", Family.FACT),
    "bounced": EntryWord("Mail came back", Family.FACT),
    "complaint": EntryWord("Complaint", Family.FACT),
    "delivered": EntryWord("Delivered", Family.FACT),
    "reply_read": EntryWord("Reply read", Family.FACT),
    "answer": EntryWord("Answer", Family.DECISION),
    "method_saved": EntryWord("Payment method saved", Family.FACT),
    "link_opened": EntryWord("Payment link opened", Family.FACT),
    "link_used": EntryWord("Payment link used", Family.FACT),
}
_NOT_PEOPLE = frozenset({"dunwell", "stripe", "netsuite", "customer", "mail"})
# Told in the name of whoever wrote to us.
_THEIRS = frozenset({"reply", "auto_reply", "complaint"})


def entry_word(kind: str, actor: str) -> EntryWord:
    """Name a timeline entry; whatever somebody of ours did is theirs, not a rule's decision.

    A kind without a name of its own is a fact, named after itself.
    """
    known = _ENTRIES.get(kind) or EntryWord(kind.replace("_", " ").capitalize(), Family.FACT)
    ours = actor not in _NOT_PEOPLE and kind not in _THEIRS
    return known if not ours else EntryWord(known.word, Family.PERSON)
