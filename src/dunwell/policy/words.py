"""The words of the field, as closed sets. `docs/glossary.md` explains each."""

from enum import StrEnum


class Track(StrEnum):
    """How a case is run; chosen when it opens (spec 1)."""

    STANDARD = "standard"
    PERSONAL = "personal"


class Stage(StrEnum):
    """The five messages of the standard track, in order (spec 1.1)."""

    NOTICE = "notice"
    REMINDER = "reminder"
    DIRECT = "direct"
    FINAL = "final"
    ESCALATION = "escalation"


class Band(StrEnum):
    """How a customer's own record stretches or tightens the cadence (spec 2)."""

    PATIENT = "patient"
    NORMAL = "normal"
    TIGHT = "tight"


class RetryClass(StrEnum):
    """What a decline says about trying the same instrument again (spec 3)."""

    HARD = "hard"
    SOFT = "soft"
    ACTION = "action"


class HoldKind(StrEnum):
    """Why a case waits. A hold is the only way anything waits (spec 7)."""

    REPLY = "reply"
    PROMISE = "promise"
    DISPUTE = "dispute"
    PAUSE = "pause"
    PAYMENT_PLAN = "payment_plan"
    DO_NOT_CONTACT = "do_not_contact"
    VETO = "veto"


class HoldScope(StrEnum):
    """What a hold covers."""

    CASE = "case"
    CUSTOMER = "customer"


class CaseStatus(StrEnum):
    """Where a case stands: running, on a person's desk, handed over for good, or over."""

    OPEN = "open"
    REVIEW = "review"
    ESCALATED = "escalated"
    CLOSED = "closed"


class Ending(StrEnum):
    """How a case ended (spec 8)."""

    RECOVERED = "recovered"
    PAID_ELSEWHERE = "paid_elsewhere"
    VOIDED = "voided"
    WRITTEN_OFF = "written_off"
    CREDITED = "credited"
    TRANSFERRED = "transferred"


class InvoiceStatus(StrEnum):
    """The ledger's word for an invoice. `UNKNOWN`: the ledger no longer knows it."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    UNKNOWN = "unknown"


class Rail(StrEnum):
    """What the money travels on."""

    CARD = "card"
    BANK_DEBIT = "bank_debit"
    TRANSFER = "transfer"
    OTHER = "other"


class MessageState(StrEnum):
    """Where a message is on its way out.

    `QUEUED` and `CLAIMED` have not left; `HANDING_OVER` may have; `UNKNOWN` means a worker died while
    handing over, so a person decides; `SENT` and `REFUSED` are final answers of the mail server;
    `STOPPED` was stopped by the gate; `BOUNCED` left and came back: it reached nobody.
    """

    QUEUED = "queued"
    CLAIMED = "claimed"
    HANDING_OVER = "handing_over"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    STOPPED = "stopped"
    BOUNCED = "bounced"


class MailNature(StrEnum):
    """What kind of mail came in (spec 7). `REPORT`: a delivery report that says of no failure."""

    HUMAN = "human"
    AUTOMATIC = "automatic"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    REPORT = "report"


class MailState(StrEnum):
    """Where a mail that came in stands.

    `ARRIVED`: nobody has looked yet. `UNMATCHED`: nobody knows whom it is about; a person says. `WAITING`: a case
    is on hold until a person says what follows. `DONE`: it was answered for, or asked for nothing. `SET_ASIDE`: a
    person said that it is not about any case.
    """

    ARRIVED = "arrived"
    UNMATCHED = "unmatched"
    WAITING = "waiting"
    DONE = "done"
    SET_ASIDE = "set_aside"


class MatchedBy(StrEnum):
    """How a mail that came in was found to belong to a case, the surest first (spec 7)."""

    ADDRESS = "address"
    THREAD = "thread"
    SENDER = "sender"
    PERSON = "person"


class TransportKind(StrEnum):
    """What a mail provider, or a mail server by a report, says became of a mail of ours."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class InvoiceSource(StrEnum):
    """Which books an invoice is read from."""

    STRIPE = "stripe"
    NETSUITE = "netsuite"


class LetterState(StrEnum):
    """Where a personal mail is: written by us, signed by a manager, on its way, out, seen in the ledger (spec 1.2).

    `WITHDRAWN` was vetoed, discarded or overtaken by events and never left; `IN_DOUBT` may have left, or was
    refused, or is not found where it should stand: a person decides.
    """

    DRAFT = "draft"
    APPROVED = "approved"
    LEAVING = "leaving"
    SENT = "sent"
    CONFIRMED = "confirmed"
    IN_DOUBT = "in_doubt"
    WITHDRAWN = "withdrawn"


class CollectionOwner(StrEnum):
    """Who retries the charge of an invoice (spec 1.2, step 2; spec 3)."""

    STRIPE = "stripe"
    DUNWELL = "dunwell"


class CallOutcome(StrEnum):
    """How a call ended (spec 8)."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    PROMISE = "promise"
    DISPUTE = "dispute"
    PLAN = "plan"
    WRONG_NUMBER = "wrong_number"


class AttemptTrigger(StrEnum):
    """Why a payment attempt was made."""

    STRIPE = "stripe"
    RETRY = "retry"
    NEW_METHOD = "new_method"
    PERSON = "person"


class AttemptOutcome(StrEnum):
    """What became of a payment attempt."""

    PAID = "paid"
    DECLINED = "declined"
    PROCESSING = "processing"
    NEEDS_CUSTOMER = "needs_customer"
    UNKNOWN = "unknown"


class ActionKind(StrEnum):
    """What a decision can ask for; the `action` of replay output (contract, Replay).

    `GATHER` asks the ledger for what it knows about customer and invoice; history holds that already, so
    replay never shows it.
    """

    GATHER = "gather"

    SEND = "send"
    DRAFT = "draft"
    RETRY = "retry"
    TAKE_OVER = "take_over"
    HAND_BACK = "hand_back"
    HOLD = "hold"
    RESUME = "resume"
    SKIP = "skip"
    CALL_TASK = "call_task"
    ESCALATE = "escalate"
    REVIEW = "review"
    CLOSE = "close"


class ReviewKind(StrEnum):
    """Why a case is on a person's desk (spec 8)."""

    MRR_UNKNOWN = "mrr_unknown"
    NO_CONTACT = "no_contact"
    REPLY = "reply"
    DISPUTE = "dispute"
    CHARGEBACK = "chargeback"
    ESCALATION = "escalation"
    CALL_TASK = "call_task"
    BROKEN_PROMISE = "broken_promise"
    SEND_UNKNOWN = "send_unknown"
    SEND_REFUSED = "send_refused"
    CHARGE_UNKNOWN = "charge_unknown"
    GATE_CLOSED = "gate_closed"
    LEDGER_UNREADABLE = "ledger_unreadable"
    INVOICE_UNKNOWN = "invoice_unknown"
    INCOMPLETE = "incomplete"
    SUPPRESSION = "suppression"
    DRIFT = "drift"
    DRAFT = "draft"
    VETO = "veto"
    NOT_CONFIRMED = "not_confirmed"
    LEDGERS_DISAGREE = "ledgers_disagree"
    UNAPPLIED = "unapplied"
    CONTENT = "content"
    BAD_DATA = "bad_data"
