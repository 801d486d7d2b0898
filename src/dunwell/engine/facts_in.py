"""Facts arrive at cases: each function here runs inside the caller's transaction and decides at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from dunwell.engine import booked, reopening
from dunwell.engine.ports import Ports
from dunwell.engine.record import consider, react
from dunwell.engine.rereading import payment_ended
from dunwell.policy import facts, words
from dunwell.policy.book import Book
from dunwell.policy.opening import Opening, open_on, past_due_from
from dunwell.policy.readings import ArrearsReading, CustomerReading, Notice, Topic
from dunwell.policy.respond import to_new_method
from dunwell.store import cases, claims, keep, models, snapshots
from dunwell.store.instruments import METHOD_SAVED
from dunwell.store.journal import Journal
from dunwell.store.plain import plain

# What `invoice_read` says of a reading that a later one has overtaken; nothing was written about the invoice.
OVERTAKEN = "a later reading came in between"
_OURS = words.CollectionOwner.DUNWELL.value
_IN_FLIGHT_LOOK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Later:
    """It is too early to say whether an invoice gets a case: look again at a moment; `why` is a phrase."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Charged:
    """A charge of ours: when and why it was made, with which method, and what came of it."""

    at: datetime
    trigger: words.AttemptTrigger
    method: str
    outcome: words.AttemptOutcome


_FAILED = (words.AttemptOutcome.DECLINED, words.AttemptOutcome.NEEDS_CUSTOMER)


def tells_of(arrears: ArrearsReading, charged: Charged) -> bool:
    """Say whether the last failure an invoice tells of is that of our charge, not an earlier one's."""
    if charged.outcome not in _FAILED or arrears.failed_at is None:
        return False
    return arrears.method == charged.method and arrears.failed_at >= charged.at - keep.CLOCK_SKEW


def invoice_read(
    arrears: ArrearsReading,
    customer: CustomerReading | None,
    notices: Sequence[Notice],
    ports: Ports,
    book: Book,
    now: datetime,
    charged: Charged | None = None,
) -> str | Later:
    """Fold a reading into its case, opening one if the invoice is in arrears; say in a few words what it was.

    A case opens only on a failure or when the due day of a sent invoice has passed, and only if the invoice, read
    *after* that, is still open; what it is too early for is looked at again `Later`. One that had ended opens again
    when its money is taken back. `charged`: the reading followed a charge of ours. Customer, case and invoice are
    locked, in this order.
    """
    payer = _payer(arrears, customer)
    last = cases.last_case_of(arrears.reading.invoice.id)
    ours = last is not None and last.closed_at is None and last.collection == _OURS
    kept = keep.keep_invoice(arrears.reading, payer, now, ours=ours)
    if kept.overtaken:
        return OVERTAKEN
    new_attempt = _keep_failure(kept.row, arrears, charged)
    if kept.changes and arrears.reading.invoice.status is words.InvoiceStatus.PAID:
        keep.end_debits(kept.row)
    failures = _failures_since(notices, cases.last_end_of(kept.row))
    if last is None or last.closed_at is not None:
        if arrears.reading.invoice.charged_back and any(each.topic is Topic.CHARGEBACK for each in notices):
            return reopening.after_the_end(last, payer, arrears, kept, ports, now)
        return _without_case(arrears, notices, failures, kept, ports, book, now)
    journal = Journal(now)
    last.invoice, last.customer = kept.row, payer
    _refresh(last, arrears, failures, kept.changes, journal, new_attempt=new_attempt)
    payment_ended(last, kept, journal)
    reopening.tell_the_end(last, arrears, journal)
    consider([last], journal, ports, alarm=False)
    journal.write()
    return "updated its case"


def method_saved(arrears: ArrearsReading, method: str, at: datetime, ports: Ports, now: datetime) -> None:
    """A customer saved a payment method: charge this open invoice with it at once (spec 3).

    Several events tell of one method. Those after the first change nothing.
    """
    case = cases.open_case_of(arrears.reading.invoice.id)
    if case is None or set(claims.charges_with(case, method)) - {words.MessageState.STOPPED.value}:
        return
    journal = Journal(now)
    journal.entry(
        case,
        METHOD_SAVED,
        "The customer saved a payment method.",
        by="customer",
        at=at,
        detail={"method": method},
    )
    book = keep.book_of(case.policy_id)
    seen = snapshots.snapshots([case], now)[case.pk]
    decision = to_new_method(seen, method, book.policy, now)
    if not decision.actions:
        journal.entry(case, "why_not", decision.because, detail={"rule": decision.rule, "method": method})
    react(case, seen, decision, journal, ports, book, trigger=words.AttemptTrigger.NEW_METHOD)
    journal.write()


def customer_read(reading: CustomerReading, ports: Ports, now: datetime) -> None:
    """A customer's own facts changed: keep them and look at their open cases again."""
    row = keep.keep_customer(reading)
    rows = cases.open_cases_of(row)
    journal = Journal(now)
    for case in rows:
        case.customer = row
    consider(rows, journal, ports, alarm=False)
    journal.write()


def invoice_gone(invoice: str, why: str, ports: Ports, now: datetime) -> None:
    """Stripe no longer knows an invoice that has an open case: a person must look."""
    case = cases.open_case_of(invoice)
    if case is None:
        return
    cases.mark_unknown(case.invoice, now)
    journal = Journal(now)
    journal.entry(case, "invoice", why, by="stripe")
    consider([case], journal, ports, alarm=False)
    journal.write()


def _payer(arrears: ArrearsReading, reading: CustomerReading | None) -> models.Customer:
    """The customer's row, locked; an address on the invoice stands in when the customer has none."""
    if reading is None:
        known = keep.locked_customer(arrears.customer)
        if known is None:
            raise ValueError(f"customer {arrears.customer} was neither read nor known")
        return known
    if reading.customer.contact is None and arrears.email:
        contact = facts.Contact(name="", email=arrears.email, source="invoice")
        reading = replace(reading, customer=replace(reading.customer, contact=contact))
    return keep.keep_customer(reading)


def _keep_failure(
    invoice: models.Invoice, arrears: ArrearsReading, charged: Charged | None
) -> keep.AttemptSeen | None:
    """Keep the last failure an invoice tells of; return it if we had not heard of it."""
    if arrears.failed_at is None:
        return None
    ours = charged if charged is not None and tells_of(arrears, charged) else None
    wanted = words.AttemptOutcome.NEEDS_CUSTOMER
    seen = keep.AttemptSeen(
        key=f"{arrears.payment or invoice.external_id}:{arrears.failed_at.isoformat()}",
        at=arrears.failed_at,
        trigger=ours.trigger if ours else words.AttemptTrigger.STRIPE,
        outcome=wanted if ours and ours.outcome is wanted else words.AttemptOutcome.DECLINED,
        method=arrears.method,
        reason=arrears.reason,
    )
    return seen if keep.keep_attempt(invoice, seen) else None


def _failures_since(notices: Sequence[Notice], last_end: datetime | None) -> list[Notice]:
    """The failures that belong to no earlier case of the invoice."""
    failures = [notice for notice in notices if notice.topic is Topic.FAILURE]
    return [notice for notice in failures if last_end is None or notice.at > last_end]


def _without_case(
    arrears: ArrearsReading,
    notices: Sequence[Notice],
    failures: Sequence[Notice],
    kept: keep.InvoiceKept,
    ports: Ports,
    book: Book,
    now: datetime,
) -> str | Later:
    """Nothing is open on this invoice: open a case, or say in a few words why not."""
    said, topics = arrears.reading.invoice, {notice.topic for notice in notices}
    if topics.isdisjoint((Topic.FAILURE, Topic.OVERDUE)):
        return "no case on this invoice"
    if said.status is not words.InvoiceStatus.OPEN:
        return f"no case: the invoice is {said.status.value}"
    if said.open.minor <= 0:
        return "no case: nothing is open on the invoice"
    if not failures:
        if Topic.OVERDUE not in topics:
            return "no case: the failure is older than the end of the last case"
        if why_not := _not_past_due(arrears.reading, kept.row, book, now):
            return why_not
    journal = Journal(now)
    _open(kept.row, arrears, failures, ports, book, journal, now)
    journal.write()
    return "opened a case"


def _not_past_due(
    reading: facts.InvoiceReading, row: models.Invoice, book: Book, now: datetime
) -> str | Later | None:
    """Say why an open invoice that no charge failed on gets no case, or not yet; None when it gets one."""
    if reading.collects_automatically:
        return "no case: the invoice is charged, and a failed charge opens its case"
    payer = snapshots.customer_facts(row.customer, None)
    passed = past_due_from(reading.invoice, payer, book.policy)
    if passed is None:
        return "no case: the invoice has no due date"
    if passed > now:
        return Later(passed, "the due day has not passed yet where the customer is")
    last_end = cases.last_end_of(row)
    if last_end is not None and last_end >= passed:
        return "no case: the last one ended after the invoice fell due"
    return Later(now + _IN_FLIGHT_LOOK, "a payment is under way") if reading.invoice.in_flight else None


def _open(
    invoice: models.Invoice,
    arrears: ArrearsReading,
    failures: Sequence[Notice],
    ports: Ports,
    book: Book,
    journal: Journal,
    now: datetime,
) -> models.Case:
    keep.pin(book, now)
    failed_at = min((notice.at for notice in failures), default=None)
    reason = arrears.reason if failed_at else None
    payer = snapshots.customer_facts(invoice.customer, None)
    opening = open_on(payer, book.policy) if ports.ledger is None else _ASKS_LEDGER
    values: dict[str, Any] = {
        "uses_ledger": ports.ledger is not None,
        "track": opening.track.value if opening.track else None,
        "status": words.CaseStatus.OPEN.value,
        "opened_at": now,
        "anchor_at": min(failed_at or now, now),
        # Decided in the tick that follows, together with what else of this customer opens now (spec 6).
        "due_at": now,
        "failed_at": failed_at,
        **reason_columns(reason),
    }
    case = cases.open_case(invoice=invoice, book=book, values=values)
    amount = arrears.reading.invoice.open
    why = f"The payment of {invoice.number} over {amount} failed. {reason.sentence if reason else ''}".strip()
    if failed_at is None:
        why = f"{invoice.number} over {amount} was due on {invoice.due_on} and is not paid."
    journal.entry(
        case,
        "opened",
        f"{why} {opening.because}",
        by=_teller(arrears),
        at=failed_at,
        detail=_opening_detail(payer, opening, reason),
    )
    warnings = list(invoice.customer.warnings)
    if reason is not None and not reason.known:
        code = reason.code
        warnings.append(f"Stripe gave a reason we do not know ({code}); it is treated as one that may pass.")
    for warning in warnings:
        journal.entry(case, "warning", warning)
    return case


def _teller(arrears: ArrearsReading) -> str:
    return "netsuite" if booked.is_booked(arrears.reading.invoice.id) else "stripe"


_ASKS_LEDGER = Opening(None, None, "NetSuite is asked before the track is chosen.")


def _opening_detail(payer: facts.Customer, opening: Opening, reason: facts.Reason | None) -> dict[str, Any]:
    detail: dict[str, Any] = {"track": opening.track.value if opening.track else None}
    if payer.mrr is not None:
        detail["mrr"] = [str(month) for month in payer.mrr.months]
        detail["mrr_source"] = payer.mrr.source
        detail["mrr_as_of"] = payer.mrr.as_of.isoformat() if payer.mrr.as_of else None
    if reason is not None:
        detail["code"], detail["class"] = reason.code, reason.retry_class.value
    return detail


def reason_columns(reason: facts.Reason | None) -> dict[str, Any]:
    """The columns of a case that say why its payment failed; none when nothing is known."""
    if reason is None:
        return {}
    return {
        "reason_code": plain(reason.code, 100),
        "reason_class": reason.retry_class.value,
        "reason_sentence": plain(reason.sentence, 300),
        "reason_known": reason.known,
    }


def _refresh(
    case: models.Case,
    arrears: ArrearsReading,
    failures: Sequence[Notice],
    changes: Sequence[str],
    journal: Journal,
    *,
    new_attempt: keep.AttemptSeen | None,
) -> None:
    earliest = min((notice.at for notice in failures), default=case.anchor_at)
    if failures and case.failed_at is None:
        case.failed_at = earliest  # it was only past its due date; the clock goes on as it began
    if earliest < case.anchor_at:
        case.anchor_at = case.failed_at = earliest
        journal.entry(
            case, "anchor", "An earlier failure of this invoice came in late.", by="stripe", at=earliest
        )
    if new_attempt is not None:
        sentence = new_attempt.reason.sentence if new_attempt.reason else ""
        journal.entry(
            case,
            "attempt",
            f"A payment attempt failed. {sentence}".strip(),
            by="stripe",
            at=new_attempt.at,
            detail={"code": new_attempt.reason.code if new_attempt.reason else ""},
        )
        for name, value in reason_columns(arrears.reason).items():
            setattr(case, name, value)
    for change in changes:
        journal.entry(case, "invoice", change, by=_teller(arrears))
    journal.changed(case)
