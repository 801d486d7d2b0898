"""Collection changes hands: Stripe's own retries switched off, proved off, and back on (spec 1.2, step 2).

Switching is harmless to repeat, and only what is read back afterwards counts. So each try has a key of its own:
under the same one Stripe would repeat what it answered before, for a day.
"""

from dataclasses import dataclass
from datetime import timedelta

from dunwell.engine.ask_again import SLOWLY, TELL_AGAIN, answers_again, ask_again, never_given_up
from dunwell.engine.clock import Clock
from dunwell.engine.ports import Ports
from dunwell.engine.proposals import proposal_for
from dunwell.engine.record import look_again, queue_one_more
from dunwell.engine.rereading import is_quiet, keep_reread, lock, reread
from dunwell.policy.facts import InvoiceReading, Unreadable
from dunwell.policy.gate import Verdict, VerdictKind, check_hand_back
from dunwell.policy.money import Money
from dunwell.policy.words import (
    CaseStatus,
    CollectionOwner,
    Ending,
    InvoiceStatus,
    MessageState,
    ReviewKind,
)
from dunwell.store import cases, claims, keep, models, people, snapshots
from dunwell.store.journal import Journal

TAKEN_OVER, HANDED_BACK = "taken_over", "handed_back"
_OVERTAKEN = timedelta(seconds=30)


@dataclass(slots=True)
class _Desk:
    """One claimed effect with its locked case, inside one transaction."""

    item: models.OutboxItem
    row: models.Case
    journal: Journal
    ports: Ports

    def settle(self, to: MessageState, note: str) -> bool:
        """Bring the effect to its end if it still is ours; say whether it was."""
        return claims.move_effect(
            self.item, frm=[MessageState.CLAIMED], to=to, settled_at=self.journal.now, note=note
        )

    def look_again(self) -> None:
        """Write what happened, then let the rules see it."""
        self.journal.write()
        look_again(self.row, self.journal.now, self.ports)


def take_over(item: models.OutboxItem, ports: Ports, clock: Clock, _lease: timedelta) -> str:
    """Switch Stripe's retries of an invoice off and prove it; what is not proved goes to a person."""
    if item.case.closed_at is not None or item.case.collection == CollectionOwner.DUNWELL.value:
        return _stop(item, clock, "There is nothing to take over any more.")
    reading = _switch(item, ports, clock, automatic=False)
    with claims.one_transaction():
        desk = _Desk(item, cases.locked_case(item.case_id), Journal(clock.now()), ports)
        if isinstance(reading, Unreadable):
            return _ask_again(desk, reading)
        if later := _keep(desk, reading):
            return later
        if reading.invoice.status is not InvoiceStatus.OPEN:
            return _nothing_to_collect(desk, reading)
        return _taken(desk, reading) if is_quiet(reading) else _not_proved(desk, reading)


def hand_back(item: models.OutboxItem, ports: Ports, clock: Clock, _lease: timedelta) -> str:
    """Switch Stripe's retries of an invoice on again and prove it; works on closed cases, which it is for."""
    if item.case.collection == CollectionOwner.STRIPE.value:
        return _stop(item, clock, "Stripe collects already.")
    if kept := _kept_back(item, ports, clock):
        return kept
    reading = _switch(item, ports, clock, automatic=True)
    with claims.one_transaction():
        desk = _Desk(item, cases.locked_case(item.case_id), Journal(clock.now()), ports)
        if isinstance(reading, Unreadable):
            return _ask_again(desk, reading)
        if later := _keep(desk, reading):
            return later
        if reading.invoice.status is not InvoiceStatus.OPEN:
            return _nothing_to_collect(desk, reading)
        return _given(desk, reading) if reading.auto_advance else _not_given(desk, reading)


def _kept_back(item: models.OutboxItem, ports: Ports, clock: Clock) -> str:
    """Ask both ledgers whether Stripe may collect; return the state of a hand-back that must not be made now."""
    read = reread(item.case, ports, clock)
    with claims.one_transaction():
        desk = _Desk(item, lock(item, read), Journal(clock.now()), ports)
        row, journal, policy = desk.row, desk.journal, keep.book_of(item.case.policy_id).policy
        read = keep_reread(row, read, policy, journal)
        case = snapshots.snapshots([row], journal.now)[row.pk]
        since = item.queued_at
        verdict = check_hand_back(case, read.stripe, read.standing, policy, journal.now, due_since=since)
        for who, said in (("Stripe", read.stripe), ("NetSuite", read.standing)):
            if isinstance(said, Unreadable):
                verdict = never_given_up(who, said, policy, journal.now, since)
        if verdict.again_at is not None:
            return ask_again(item, row, journal, verdict, verdict.again_at)
        if verdict.kind is not VerdictKind.SEND:
            return _not_handed_back(desk, verdict)
        for kind in _IN_THE_WAY if item.note else ():
            people.settle_kind(row, kind, "It does not stand in the way any more.", "dunwell", journal.now)
        journal.write()
        return ""


_IN_THE_WAY = (ReviewKind.LEDGERS_DISAGREE, ReviewKind.UNAPPLIED, ReviewKind.GATE_CLOSED)


def _not_handed_back(desk: _Desk, verdict: Verdict) -> str:
    """Stripe is left quiet and a person told; the ledgers are asked again until the hand-back is made or needless."""
    item, row, now = desk.item, desk.row, desk.journal.now
    kind = verdict.review or ReviewKind.GATE_CLOSED
    said = f"{row.invoice.number} is not handed back to Stripe, which still leaves it alone. {verdict.why}"
    queued = MessageState.QUEUED
    if not claims.move_effect(item, frm=[MessageState.CLAIMED], to=queued, due_at=now + SLOWLY, note=said):
        return "taken"
    if item.note != said:
        desk.journal.entry(row, "why_not", said, detail={"key": item.key})
    if not people.asked_since(row, kind, now - TELL_AGAIN):
        desk.journal.review(row, kind, said, proposal_for(kind))
    desk.journal.write()
    return queued.value


def queue_hand_back(row: models.Case, to: Journal) -> None:
    """Let Stripe collect again, if we did and money is still open."""
    open_ = row.invoice.status == InvoiceStatus.OPEN.value and row.invoice.open_minor > 0
    if row.collection == CollectionOwner.DUNWELL.value and open_:
        _queue_hand_back(row, to)


def _queue_hand_back(row: models.Case, to: Journal) -> None:
    owed = Money(row.invoice.open_minor, row.invoice.currency)
    queue_one_more(row, models.OutboxItem.HAND_BACK, owed, to)


def forget_collection(row: models.Case) -> None:
    """Act as if Stripe collected, so that collection is taken over, and proved, once more."""
    row.collection = CollectionOwner.STRIPE.value
    row.taken_over_at = row.proved_at = None


def _switch(
    item: models.OutboxItem, ports: Ports, clock: Clock, *, automatic: bool
) -> InvoiceReading | Unreadable:
    """Ask Stripe to switch; one that refuses may have an invoice that is settled, which is worth a look."""
    invoice, key = item.case.invoice.external_id, f"{item.key}:{item.tries}"
    reading = ports.payments.set_collection(invoice, automatic=automatic, key=key, now=clock.now())
    if not isinstance(reading, Unreadable):
        return reading
    seen = ports.payments.read_invoice(invoice, clock.now())
    settled = isinstance(seen, InvoiceReading) and seen.invoice.status is not InvoiceStatus.OPEN
    return seen if settled else reading


def _stop(item: models.OutboxItem, clock: Clock, why: str) -> str:
    stopped = MessageState.STOPPED
    with claims.one_transaction():
        moved = claims.move_effect(
            item, frm=[MessageState.CLAIMED], to=stopped, settled_at=clock.now(), note=why
        )
    return stopped.value if moved else "taken"


def _ask_again(desk: _Desk, said: Unreadable) -> str:
    policy = keep.book_of(desk.row.policy_id).policy
    verdict = never_given_up("Stripe", said, policy, desk.journal.now, desk.item.queued_at)
    return ask_again(desk.item, desk.row, desk.journal, verdict, verdict.again_at or desk.journal.now)


def _keep(desk: _Desk, reading: InvoiceReading) -> str:
    """Keep what was read back; return the state of an effect that has to be tried again, else nothing."""
    row, journal = desk.row, desk.journal
    kept = keep.keep_invoice(reading, row.customer, journal.now)
    said = reading.invoice
    if kept.overtaken or kept.row.auto_advance != said.auto_advance:
        queued, at = MessageState.QUEUED, journal.now + _OVERTAKEN
        note = "A later reading came in between."
        moved = claims.move_effect(desk.item, frm=[MessageState.CLAIMED], to=queued, due_at=at, note=note)
        return queued.value if moved else "taken"
    row.invoice = kept.row
    for change in kept.changes:
        journal.entry(row, "invoice", change, by="stripe")
    if people.has_open_review(row, ReviewKind.LEDGER_UNREADABLE):
        answers_again(row, journal)
    return ""


def _nothing_to_collect(desk: _Desk, reading: InvoiceReading) -> str:
    state = MessageState.STOPPED
    if not desk.settle(state, f"The invoice is {reading.invoice.status}."):
        return "taken"
    desk.look_again()
    return state.value


def _taken(desk: _Desk, reading: InvoiceReading) -> str:
    row, now = desk.row, desk.journal.now
    said = (
        f"Collection of {row.invoice.number} is ours. Read back from Stripe: the invoice is open, auto_advance is "
        "false, and no next attempt is planned."
    )
    if not desk.settle(MessageState.SENT, said):
        return "taken"
    row.collection = CollectionOwner.DUNWELL.value
    row.taken_over_at, row.proved_at = now, reading.at
    desk.journal.entry(row, TAKEN_OVER, said, detail=_evidence(reading))
    if row.ending == Ending.TRANSFERRED.value:
        # It left our hands while Stripe was being asked. Any other ending leaves Stripe quiet.
        _queue_hand_back(row, desk.journal)
    desk.look_again()
    return MessageState.SENT.value


def _not_proved(desk: _Desk, reading: InvoiceReading) -> str:
    said = (
        f"Stripe was asked to stop collecting {desk.row.invoice.number} by itself, and is not proved quiet: "
        f"{_as_read(reading)}. Nothing is sent or charged meanwhile."
    )
    return _fail(desk, reading, said)


def _given(desk: _Desk, reading: InvoiceReading) -> str:
    row = desk.row
    said = f"Stripe collects {row.invoice.number} again. Read back: {_as_read(reading)}."
    if not desk.settle(MessageState.SENT, said):
        return "taken"
    forget_collection(row)
    desk.journal.entry(row, HANDED_BACK, said, detail=_evidence(reading))
    desk.look_again()
    return MessageState.SENT.value


def _not_given(desk: _Desk, reading: InvoiceReading) -> str:
    said = (
        f"Stripe was asked to collect {desk.row.invoice.number} again, and does not: {_as_read(reading)}. Nobody "
        "collects this invoice now."
    )
    return _fail(desk, reading, said, "Switch automatic collection on in Stripe, then settle this.")


def _fail(desk: _Desk, reading: InvoiceReading, said: str, proposal: str = "") -> str:
    row, kind = desk.row, ReviewKind.SUPPRESSION
    if not desk.settle(MessageState.REFUSED, said):
        return "taken"
    desk.journal.entry(row, "why_not", said, detail=_evidence(reading))
    people.ask_once(row, kind, said, proposal or proposal_for(kind), desk.journal)
    if row.status == CaseStatus.OPEN.value:
        row.status, row.due_at, row.because = CaseStatus.REVIEW.value, None, said
        desk.journal.changed(row)
    desk.look_again()
    return MessageState.REFUSED.value


def _as_read(reading: InvoiceReading) -> str:
    says = {True: "true", False: "false", None: "not given"}[reading.auto_advance]
    attempt = reading.next_attempt
    planned = f"the next attempt is planned for {attempt:%Y-%m-%d %H:%M %Z}" if attempt else "none is planned"
    return f"the invoice is {reading.invoice.status}, auto_advance is {says}, {planned}"


def _evidence(reading: InvoiceReading) -> dict[str, object]:
    attempt = reading.next_attempt
    return {
        "status": reading.invoice.status.value,
        "auto_advance": reading.auto_advance,
        "next_attempt": attempt.isoformat() if attempt else None,
        "read_at": reading.at.isoformat(),
    }
