"""The rules of the standard track, in the order they are asked (spec 1 to 7).

Each takes a case, the policy and the moment, and either decides or says in a few constant words why it does
not speak. The order is the meaning: money and ledgers first, then holds, then people, then the cadence.
"""

from datetime import datetime, timedelta

from dunwell.policy.addresses import is_address
from dunwell.policy.cadence import (
    Timing,
    earliest,
    earliest_after,
    end_of,
    is_active,
    next_stage,
    rhythm_of,
    stage_after,
)
from dunwell.policy.calendars import into_window
from dunwell.policy.decision import Action, Decision, ask, silent
from dunwell.policy.facts import Case, Hold, Invoice
from dunwell.policy.opening import open_on
from dunwell.policy.plans import next_check, next_part
from dunwell.policy.policy import Policy
from dunwell.policy.retries import is_under_way, look, stalled_since
from dunwell.policy.saying import hold_word, in_full
from dunwell.policy.words import (
    ActionKind,
    CaseStatus,
    Ending,
    HoldKind,
    HoldScope,
    InvoiceStatus,
    MessageState,
    Rail,
    ReviewKind,
    Stage,
)
from dunwell.policy.zones import zone_for

CHARGEBACK = "chargeback"
LONG_UNDER_WAY = "A payment has been under way for"
ON_ITS_WAY = frozenset({MessageState.QUEUED, MessageState.CLAIMED, MessageState.HANDING_OVER})
IN_DOUBT = frozenset({MessageState.UNKNOWN, MessageState.REFUSED})
SETTLED = {
    InvoiceStatus.PAID: (Ending.RECOVERED, "The invoice is paid."),
    InvoiceStatus.VOID: (Ending.VOIDED, "The invoice was voided."),
    InvoiceStatus.UNCOLLECTIBLE: (Ending.WRITTEN_OFF, "The invoice was marked uncollectible."),
}
STRANGE = {
    InvoiceStatus.UNKNOWN: (ReviewKind.INVOICE_UNKNOWN, "The ledger no longer knows this invoice."),
    InvoiceStatus.DRAFT: (ReviewKind.BAD_DATA, "The ledger says this invoice is still a draft."),
}
CALLED = {
    Stage.NOTICE: "notice",
    Stage.REMINDER: "reminder",
    Stage.DIRECT: "direct message",
    Stage.FINAL: "final message",
    Stage.ESCALATION: "escalation",
}
# How long to wait for what is under way before looking again; facts that arrive earlier come first.
_IN_FLIGHT_LOOK = timedelta(days=1)
_QUEUE_LOOK = timedelta(hours=1)


def _local(timing: Timing, at: datetime) -> str:
    """Write a moment on the customer's own clock."""
    return in_full(at, timing.rhythm.zone.zone)


def closed(case: Case, _policy: Policy, _now: datetime) -> Decision | str:
    """Leave a closed case alone."""
    if case.status is CaseStatus.CLOSED:
        return silent("The case is closed.")
    return "the case is not closed"


def settled(case: Case, _policy: Policy, _now: datetime) -> Decision | str:
    """Close a case whose invoice is paid, voided, written off or fully credited.

    An invoice whose payment was taken back still counts as paid at the vendor, and here as open.
    """
    status = case.invoice.status
    if is_taken_back(case.invoice):
        return "the payment was taken back"
    if status in SETTLED:
        ending, because = SETTLED[status]
    elif status is InvoiceStatus.OPEN and case.invoice.open.minor <= 0:
        ending, because = Ending.CREDITED, "Nothing is open on the invoice any more."
    else:
        return "money is still open"
    return Decision((Action(ActionKind.CLOSE, because, ending=ending),), None, because)


def is_taken_back(invoice: Invoice) -> bool:
    """Say whether the money of an invoice came and went again."""
    return invoice.charged_back and invoice.status in (InvoiceStatus.PAID, InvoiceStatus.OPEN)


def taken_back(invoice: Invoice) -> str:
    """Say in a sentence who took a payment of the invoice back."""
    match invoice.rail:
        case Rail.BANK_DEBIT:
            return "The bank returned the debit after it had settled, so the payment was clawed back."
        case Rail.CARD:
            return "The card network took a payment back (chargeback)."
        case _:
            return "A payment was taken back (chargeback)."


def strange_invoice(case: Case, _policy: Policy, _now: datetime) -> Decision | str:
    """Ask a person about an invoice the ledger does not know, or that is not final."""
    if case.invoice.status not in STRANGE:
        return "the ledger knows the invoice"
    kind, because = STRANGE[case.invoice.status]
    return ask(case, kind, because)


def chargeback(case: Case, _policy: Policy, now: datetime) -> Decision | str:
    """Hold a case whose payment was taken back by the card network or the bank.

    What was placed before the case was reopened belongs to an earlier chargeback.
    """
    if not case.invoice.charged_back:
        return "no payment was taken back"
    since = case.reopened_at or case.opened_at
    placed = [
        hold
        for hold in case.holds
        if hold.kind is HoldKind.DISPUTE and hold.reason.startswith(CHARGEBACK) and hold.start >= since
    ]
    if any(is_active(hold, now) for hold in placed):
        return "the chargeback is on hold already"
    because = taken_back(case.invoice)
    if placed:
        return silent(f"{because} The hold was released, but nothing may be sent while it stands.")
    hold = Hold(
        HoldKind.DISPUTE, HoldScope.CASE, now, None, f"{CHARGEBACK} reported by the ledger", "dunwell"
    )
    actions = [Action(ActionKind.HOLD, because, hold=hold)]
    if ReviewKind.CHARGEBACK not in case.reviews:
        actions.append(Action(ActionKind.REVIEW, because, review=ReviewKind.CHARGEBACK))
    return Decision(tuple(actions), None, because)


def on_hold(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Keep silent until the last active hold ends; look again when the first one does, so that its end is told."""
    active = [hold for hold in case.holds if is_active(hold, now)] if case.holds else None
    if not active:
        return "no hold is active"
    ends = [end for hold in active if (end := end_of(hold)) is not None]
    checks = [at for hold in active if (at := next_check(hold, case, policy, now)) is not None]
    kinds = " and ".join(dict.fromkeys(hold_word(hold.kind, hold.until) for hold in active))
    next_look = min((*ends, *checks), default=None)
    zone = zone_for(case.customer, policy).zone
    lasts = len(ends) == len(active)
    planned = all(hold.instalments or end_of(hold) for hold in active)
    until = "as long as every part comes" if planned else "until a person ends it"
    until = f"until {in_full(max(ends), zone)}" if lasts else until
    parts = "".join(_says_next(hold, case) for hold in active)
    return silent(f"The case is on hold ({kinds}) {until}.{parts}", next_look)


def _says_next(hold: Hold, case: Case) -> str:
    part = next_part(hold.instalments, case.invoice.open)
    return f" The next part, {part.amount}, is due on {part.due:%Y-%m-%d}." if part else ""


def track_unknown(case: Case, policy: Policy, _now: datetime) -> Decision | str:
    """Ask a person when the MRR, or the threshold for it, and so the track, is unknown."""
    if case.track is not None:
        return "the track is known"
    if case.customer.mrr is not None and (opening := open_on(case.customer, policy)).track is None:
        return ask(case, ReviewKind.MRR_UNKNOWN, opening.because)
    return ask(case, ReviewKind.MRR_UNKNOWN, "The customer's MRR is unknown, so the track is open.")


def with_a_person(case: Case, _policy: Policy, _now: datetime) -> Decision | str:
    """Keep silent while the case is on somebody's desk or handed over for good."""
    if case.status is CaseStatus.REVIEW:
        return silent("The case is on a person's desk.")
    if case.status is CaseStatus.ESCALATED:
        return silent("The case was handed to a person; automation has ended.")
    return "no person has the case"


def no_contact(case: Case, _policy: Policy, _now: datetime) -> Decision | str:
    """Ask a person for a contact when there is none that mail can reach."""
    contact = case.customer.contact
    if contact is None:
        return ask(case, ReviewKind.NO_CONTACT, "No contact is known for this customer.")
    if not is_address(contact.email):
        return ask(case, ReviewKind.NO_CONTACT, "The contact's address is not an e-mail address.")
    if not contact.deliverable:
        return ask(case, ReviewKind.NO_CONTACT, "Mail to the contact came back.")
    return "there is a contact"


def in_flight(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Keep silent while a payment is under way; ask a person, once, about one that does not come to an end."""
    if not is_under_way(case):
        return "no payment is under way"
    next_look = now + _IN_FLIGHT_LOOK
    if (stalled := stalled_since(case, policy, now)) is None:
        return silent("A payment for the invoice is under way.", next_look)
    because = f"{LONG_UNDER_WAY} {policy.gate.under_way_days} days."
    if ReviewKind.GATE_CLOSED in case.reviews or (case.gate_told_at and case.gate_told_at >= stalled):
        return silent(f"{because} A person has been asked.", next_look)
    return Decision((Action(ActionKind.REVIEW, because, review=ReviewKind.GATE_CLOSED),), next_look, because)


def on_its_way(case: Case, _policy: Policy, now: datetime) -> Decision | str:
    """Wait for a message of this case that has not left yet."""
    if any(message.state in ON_ITS_WAY for message in case.messages):
        return silent("A message of this case is on its way.", now + _QUEUE_LOOK)
    return "no message is on its way"


def in_doubt(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Keep silent when nobody knows whether the message of this stage left, or it was refused."""
    stage = next_stage(case)
    if stage and any(message.stage is stage and message.state in IN_DOUBT for message in case.messages):
        called = CALLED[stage]
        because = f"The {called} was refused, or may have left; a person decides what happens next."
        return silent(because, look(case, policy, now, None))
    return "every message is accounted for"


def all_said(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Stop after the last stage."""
    if next_stage(case) is None:
        return silent("Every stage has been sent; automation has ended.", look(case, policy, now, None))
    return "a stage is left"


def too_early(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Wait for the earliest moment of the next stage, and for the customer's working hours."""
    stage = _stage(case)
    timing = earliest(case, stage, policy, now)
    at = timing.at
    if at <= now and stage is not Stage.NOTICE:
        rhythm = timing.rhythm
        at = into_window(now, rhythm.calendar.calendar, rhythm.zone.zone, policy.window)
    if at <= now:
        return "the stage is due"
    return silent(
        f"The {CALLED[stage]} waits until {_local(timing, at)}: {timing.because}.",
        look(case, policy, now, at),
    )


def payer_cap(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Skip a message that would be the contact's second within the cap, whichever case the first was about."""
    stage = _stage(case)
    if stage is Stage.ESCALATION:
        return "handing the case to a person waits for no other mail"
    free = cap_ends(case, policy, now, stage)
    if free is None:
        return "the contact has not been written to lately"
    until = in_full(free, zone_for(case.customer, policy).zone)
    because = f"The {CALLED[stage]} is due but waits until {until}: {written_lately(policy)}."
    next_look = look(case, policy, now, free)
    return Decision((Action(ActionKind.SKIP, because, stage=stage),), next_look, because)


def escalate(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Hand the case to a person: by a call task for strategic customers, with one last mail for others.

    It never waits for the per-payer cap: then only the mail is left out (spec 1.1, 2).
    """
    stage = _stage(case)
    if stage is not Stage.ESCALATION:
        return "it is not time to escalate"
    because = f"The escalation is due: {earliest(case, stage, policy, now).because}."
    actions = [Action(ActionKind.ESCALATE, because, stage=stage)]
    if ReviewKind.ESCALATION not in case.reviews:
        over = "The stages have run out and the invoice is not paid; a person takes over."
        actions.append(Action(ActionKind.REVIEW, over, stage=stage, review=ReviewKind.ESCALATION))
    if case.customer.strategic:
        call = "The customer is strategic: a person calls instead of sending mail."
        actions.append(Action(ActionKind.CALL_TASK, call, stage=stage))
    elif cap_ends(case, policy, now, stage):
        without = f"The escalation goes without a mail: {written_lately(policy)}. A person takes over."
        actions.append(Action(ActionKind.SKIP, without, stage=stage))
    else:
        actions.append(Action(ActionKind.SEND, because, stage=stage, to=_address(case)))
    return Decision(tuple(actions), None, because)


def send(case: Case, policy: Policy, now: datetime) -> Decision:
    """Send the stage that is due, and look again when the following one can be."""
    stage = _stage(case)
    because = f"The {CALLED[stage]} is due: {earliest(case, stage, policy, now).because}."
    following = stage_after(stage)
    next_look = earliest_after(case, following, policy, now, now).at if following else None
    next_look = look(case, policy, now, next_look)
    return Decision((Action(ActionKind.SEND, because, stage=stage, to=_address(case)),), next_look, because)


def cap_ends(case: Case, policy: Policy, now: datetime, stage: Stage | None) -> datetime | None:
    """Return when the per-payer cap lets the stage go, inside the window unless a notice; None when free.

    `stage` is None for a personal mail.
    """
    if case.payer_written_at is None:
        return None
    free = case.payer_written_at + timedelta(days=policy.payer.cap_days)
    if free <= now:
        return None
    if stage is Stage.NOTICE:
        return free
    rhythm = rhythm_of(case.customer, policy)
    return into_window(free, rhythm.calendar.calendar, rhythm.zone.zone, policy.window)


def written_lately(policy: Policy) -> str:
    """Say in a phrase what the per-payer cap waits for; the other case may be an earlier one of the same invoice."""
    return f"the contact was written to in another case less than {policy.payer.cap_days} days ago"


class NothingLeftError(ValueError):
    """A rule about the next stage was asked about a case that has none."""


def _stage(case: Case) -> Stage:
    stage = next_stage(case)
    if stage is None:
        raise NothingLeftError("every stage of this case has been sent")
    return stage


def _address(case: Case) -> str | None:
    return case.customer.contact.email if case.customer.contact else None
