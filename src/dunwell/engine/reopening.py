"""Money that had come and went again: a case that had ended comes back to a person (spec 5).

A chargeback on a card, or a bank debit returned after it had settled. The invoice stays paid at Stripe, so there is
nothing to collect by itself: the case waits on a desk, and nothing is sent while the money is away.
"""

from datetime import datetime, timedelta

from dunwell.engine.ports import Ports
from dunwell.engine.record import consider
from dunwell.policy.readings import ArrearsReading, TakenBack
from dunwell.policy.rules import taken_back
from dunwell.policy.words import CaseStatus, Ending, ReviewKind
from dunwell.store import keep, models, people, snapshots, timeline
from dunwell.store.journal import Journal

LOST = "lost_for_good"
_A_MOMENT = timedelta(seconds=1)
# What counted as money that had come.
_RECEIVED = frozenset({Ending.RECOVERED.value, Ending.PAID_ELSEWHERE.value})


def after_the_end(
    case: models.Case | None,
    payer: models.Customer,
    arrears: ArrearsReading,
    kept: keep.InvoiceKept,
    ports: Ports,
    now: datetime,
) -> str:
    """Money of an invoice went back and no case is open on it: reopen the last one; say in a few words what was done.

    Customer, case and invoice are locked. Stripe tells of one chargeback in several events; only the first brings
    news. A case that had ended otherwise than with money stays closed, and a person is told.
    """
    if case is None or case.closed_at is None:
        return "chargeback on an invoice that never had a case"
    since = arrears.taken_back.at if arrears.taken_back else None
    if keep.CHARGED_BACK not in kept.changes and (since is None or since <= case.closed_at):
        return "chargeback on a closed case, known already"
    journal = Journal(now)
    if case.ending not in _RECEIVED:
        text = f"The payment of {kept.row.number} was taken back after the case had closed."
        journal.entry(case, "chargeback", text, by="stripe")
        people.ask_once(case, ReviewKind.CHARGEBACK, text, "Answer the chargeback at Stripe.", journal)
        journal.write()
        return "chargeback on a closed case"
    case.invoice, case.customer = kept.row, payer
    case.status, case.ending, case.closed_at = CaseStatus.REVIEW.value, None, None
    case.reopened_at = now
    _tell(case, arrears.taken_back, journal)
    tell_the_end(case, arrears, journal)
    consider([case], journal, ports, alarm=False)
    journal.write()
    return "chargeback: reopened its case"


def _tell(case: models.Case, taken: TakenBack | None, journal: Journal) -> None:
    """Say on the timeline what went back, as far as Stripe said."""
    what = taken_back(snapshots.invoice_facts(case.invoice))
    amount = f" {taken.amount} went back." if taken else ""
    detail = (
        {"amount": str(taken.amount), "reason": taken.reason, "at": taken.at.isoformat()} if taken else {}
    )
    text = f"{what}{amount} The case had ended as recovered; it is open again."
    journal.entry(case, timeline.CLAWED_BACK, text, by="stripe", detail=detail)


def tell_the_end(case: models.Case, arrears: ArrearsReading, journal: Journal) -> None:
    """A chargeback of a locked open case was decided against us: say so once; a person decides what follows."""
    taken = arrears.taken_back
    if taken is None or not taken.final or timeline.told_since(case, LOST, taken.at - _A_MOMENT):
        return
    text = f"The chargeback was decided against us: {taken.amount} stays with the customer's bank."
    journal.entry(case, LOST, text, by="stripe")
