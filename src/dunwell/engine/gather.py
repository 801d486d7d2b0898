"""The ledger (NetSuite) is asked about a case: contact, invoice, MRR, owner, CRM status (spec 1.2, step 1)."""

from datetime import timedelta
from typing import Any

from dunwell.engine.ask_again import answers_again, ask_again, never_given_up
from dunwell.engine.clock import Clock
from dunwell.engine.ports import Ports
from dunwell.engine.rereading import NOT_SET_UP
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import Gathering
from dunwell.policy.opening import open_on
from dunwell.policy.words import MessageState
from dunwell.store import cases, claims, gathered, keep, models, snapshots
from dunwell.store.journal import Journal

GATHERED = "gathered"


def perform(item: models.OutboxItem, ports: Ports, clock: Clock, _lease: timedelta) -> str:
    """Ask the ledger and keep what it says; one that cannot be read is asked again, and never given up."""
    said: Gathering | Unreadable = NOT_SET_UP
    if ports.ledger is not None:
        known = item.case.customer.ledger_id
        said = ports.ledger.gather(known, item.case.invoice.number, clock.now())
    with claims.one_transaction():
        cases.lock_customer(item.case.customer_id)
        row = cases.locked_case(item.case_id)
        journal = Journal(clock.now())
        if row.closed_at is not None:
            return _settle(item, journal, MessageState.STOPPED, "The case is closed.")
        if isinstance(said, Unreadable):
            policy = keep.book_of(row.policy_id).policy
            verdict = never_given_up("NetSuite", said, policy, journal.now, item.queued_at)
            return ask_again(item, row, journal, verdict, verdict.again_at or journal.now)
        state = _settle(item, journal, MessageState.SENT, "NetSuite was read.")
        if state == MessageState.SENT.value:
            _keep(row, said, journal)
        return state


def _settle(item: models.OutboxItem, journal: Journal, to: MessageState, note: str) -> str:
    moved = claims.move_effect(item, frm=[MessageState.CLAIMED], to=to, settled_at=journal.now, note=note)
    return to.value if moved else "taken"


def _keep(row: models.Case, said: Gathering, journal: Journal) -> None:
    gathered.keep_gathering(row, said)
    row.gathered_at, row.missing = said.at, list(said.missing)
    warnings = _warnings(said, mrr_known=row.customer.mrr_minor is not None)
    answers_again(row, journal)
    track = _choose_track(row)
    journal.entry(row, GATHERED, f"{_summary(said)} {track}".strip(), by="netsuite", detail=_evidence(said))
    for warning in warnings:
        journal.entry(row, "warning", warning, by="netsuite")
    # Decided in the tick that follows, together with what else of this customer was asked about (spec 6).
    row.due_at = journal.now
    journal.changed(row)
    journal.write()


def _warnings(said: Gathering, *, mrr_known: bool) -> tuple[str, ...]:
    """What is to be known about the answers, each thing once.

    Who was passed over stands in what is missing when nobody was chosen; an MRR that another source gave is known.
    """
    account = said.account.warnings if said.account else ()
    passed_over = said.contact.passed_over if said.contact and said.contact.contact else ()
    revenue = (said.revenue.warning,) if said.revenue and said.revenue.warning and not mrr_known else ()
    return tuple(dict.fromkeys((*said.missing, *account, *passed_over, *revenue)))


def _choose_track(row: models.Case) -> str:
    """The track of a case that has none yet; say why in a sentence."""
    if row.track is not None:
        return ""
    payer = snapshots.customer_facts(row.customer, None)
    opening = open_on(payer, keep.book_of(row.policy_id).policy)
    row.track = opening.track.value if opening.track else None
    return opening.because


def _summary(said: Gathering) -> str:
    if not said.customer:
        return "NetSuite was asked and does not know the customer."
    contact = said.contact.contact if said.contact else None
    who = f"the contact is {contact.name} <{contact.email}>" if contact else "no contact can be written to"
    bill = said.invoice
    what = f"invoice {bill.number} has {bill.open} open" if bill else "the invoice is not shown"
    return f"NetSuite was asked: {who}, {what}."


def _evidence(said: Gathering) -> dict[str, Any]:
    """Every value the ledger gave, so that the timeline shows what was decided on."""
    found: dict[str, Any] = {"at": said.at.isoformat(), "customer": said.customer}
    if account := said.account:
        found["crm_status"] = account.crm_status
        found["owner"] = f"{account.owner.name} <{account.owner.email}>" if account.owner else None
    if reading := said.contact:
        contact = reading.contact
        found["contact"] = f"{contact.name} <{contact.email}>" if contact else None
        found["contact_id"], found["contact_because"] = reading.id, reading.because
    if bill := said.invoice:
        found["invoice"], found["invoice_id"] = bill.number, bill.id
        found["open"], found["invoice_status"] = str(bill.open), bill.status.value
    if unapplied := said.unapplied:
        found["unapplied"] = [f"{each.number}: {each.unused}" for each in unapplied.items]
    mrr = said.revenue.mrr if said.revenue else None
    if mrr:
        found["mrr"] = [str(month) for month in mrr.months]
        found["mrr_source"] = mrr.source
        found["mrr_as_of"] = mrr.as_of.isoformat() if mrr.as_of else None
    return found
