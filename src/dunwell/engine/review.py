"""Review: what people do. Every operation names who did it and leaves a timeline entry with the write."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from dunwell.engine.personal import doubt, drafts
from dunwell.engine.ports import Ports
from dunwell.engine.record import consider, say_again, stop_mail, unblock
from dunwell.engine.switching import forget_collection, queue_hand_back
from dunwell.policy import words
from dunwell.policy.addresses import is_address
from dunwell.policy.decide import decide
from dunwell.policy.facts import Hold
from dunwell.policy.gate import no_charge_because
from dunwell.policy.money import Money
from dunwell.policy.plans import BadPlanError, as_plan
from dunwell.policy.saying import on_hold
from dunwell.policy.zones import zone_for
from dunwell.store import cases, keep, letters, models, people, replies, snapshots
from dunwell.store.claims import answer_for, asked_about, one_transaction
from dunwell.store.journal import Journal

# Desk items about mail, and the state of the mail they are about.
_IN_DOUBT = {
    words.ReviewKind.SEND_UNKNOWN.value: words.MessageState.UNKNOWN,
    words.ReviewKind.SEND_REFUSED.value: words.MessageState.REFUSED,
    words.ReviewKind.NOT_CONFIRMED.value: words.MessageState.UNKNOWN,
}


class NotPossibleError(Exception):
    """What was asked cannot be done; the message is for the person who asked."""


def place_hold(
    *,
    case_id: int,
    kind: words.HoldKind,
    scope: words.HoldScope,
    until: datetime | None,
    reason: str,
    by: str,
    now: datetime,
    ports: Ports,
    parts: Sequence[tuple[date, Money]] = (),
) -> None:
    """Make a case, or all of a customer's cases, wait until `until`; raises `NotPossibleError`.

    `parts` make a payment plan of one case: local days, and amounts that add up to what is open.
    """
    if until is not None and until <= now:
        raise NotPossibleError("The end of a pause must lie in the future.")
    with one_transaction():
        waiting = _case_or_all(case_id, scope)
        row = next(case for case in waiting if case.pk == case_id)
        hold = Hold(kind=kind, scope=scope, start=now, until=until, reason=reason[:500], by=by)
        hold = _with_parts(hold, parts, row) if parts else hold
        journal = Journal(now)
        people.keep_hold(row, hold)
        waits = on_hold(kind, until, _zone(row), hold.instalments)
        for case in waiting:
            journal.entry(case, "hold", f"{waits} {reason}".strip(), by=by)
            stop_mail(case, kind, journal)
            if kind is words.HoldKind.DISPUTE:
                why = f"{by} says that the customer contests it. {reason}".strip()
                people.ask_once(case, words.ReviewKind.DISPUTE, why, _SETTLE_IT, journal)
        consider(waiting, journal, ports, alarm=False)
        journal.write()


_SETTLE_IT = "Settle the dispute with the customer, then release the hold."


def _zone(row: models.Case) -> ZoneInfo:
    policy = keep.book_of(row.policy_id).policy
    return zone_for(snapshots.customer_facts(row.customer, None), policy).zone


def _with_parts(hold: Hold, parts: Sequence[tuple[date, Money]], row: models.Case) -> Hold:
    """A plan is one invoice's and has no end of its own: it lasts as long as its parts come."""
    if (hold.kind, hold.scope) != (words.HoldKind.PAYMENT_PLAN, words.HoldScope.CASE):
        raise NotPossibleError("Only a payment plan of one invoice has parts.")
    owed = Money(row.invoice.open_minor, row.invoice.currency)
    try:
        agreed = as_plan(parts, owed, hold.start.astimezone(_zone(row)).date())
    except BadPlanError as error:
        raise NotPossibleError(str(error)) from None
    return replace(hold, until=None, instalments=agreed)


def release_hold(*, hold_id: int, by: str, now: datetime, ports: Ports) -> None:
    """End a hold now. Nothing is sent in the same breath: the rules wait for the next morning."""
    with one_transaction():
        hold, waiting = _active_hold(hold_id, now)
        if hold.kind == words.HoldKind.REPLY.value:
            _must_be_read(hold.case_id)
        people.end_hold(hold, now)
        journal = Journal(now)
        asked = _ASKED_WITH.get(hold.kind)
        for case in waiting:
            what = hold.kind.replace("_", " ")
            journal.entry(case, "resume", f"The hold ({what}) was released.", by=by)
            if asked and people.settle_kind(case, asked, "The hold was released.", by, now):
                unblock(case)
        consider(waiting, journal, ports, alarm=False)
        journal.write()


# What lies on a desk because of a hold is done when somebody ends the hold.
_ASKED_WITH = {
    words.HoldKind.REPLY.value: words.ReviewKind.REPLY,
    words.HoldKind.DISPUTE.value: words.ReviewKind.DISPUTE,
    words.HoldKind.VETO.value: words.ReviewKind.VETO,
}


def _must_be_read(case: int | None) -> None:
    """A reply is decided about, not just released: what somebody made of it is kept."""
    if case is not None and replies.waiting_mails([case]):
        raise NotPossibleError("A reply waits to be read: say on its page what follows from it.")


def preview_release(*, hold_id: int, now: datetime) -> str:
    """Say in a sentence what would happen next, and when, if this hold ended now. Changes nothing."""
    with one_transaction():
        hold, waiting = _active_hold(hold_id, now)
        if not waiting:
            return "If released now, nothing happens: no case of this customer is open."
        row = waiting[0]
        case = snapshots.snapshots([row], now)[row.pk]
    ended = tuple(_ended(known, hold, now) for known in case.holds)
    decision = decide(replace(case, holds=ended), keep.book_of(row.policy_id).policy, now)
    if decision.next_look is None:
        return f"If released now, nothing happens by itself. {decision.because}"
    return f"If released now: {decision.because}"


def _ended(known: Hold, hold: models.Hold, now: datetime) -> Hold:
    same = known.kind.value == hold.kind and known.start == hold.start_at and known.until == hold.until_at
    return replace(known, ended_at=now) if same and known.ended_at is None else known


def assign(*, review_id: int, to: str, by: str, now: datetime) -> None:
    """Give a desk item to somebody; an empty `to` puts it back."""
    with one_transaction():
        item, row = open_item(review_id)
        people.assign_review(item, to)
        journal = Journal(now)
        text = f"Assigned to {to}." if to else "Nobody is assigned any more."
        journal.entry(row, "assigned", text, by=by, detail={"review": item.kind})
        journal.write()


def settle(*, review_id: int, resolution: str, by: str, now: datetime, ports: Ports) -> None:
    """Close a desk item with what was done about it; the case then runs on if nothing else blocks it.

    A mail that was refused is sent again. What still needs a person lies on the desk again at once. Raises
    `NotPossibleError` for a mail that may have left: that takes `resolve_send`.
    """
    if not resolution.strip():
        raise NotPossibleError("Say in a few words what was done.")
    with one_transaction():
        item, row, others = _open_with_others(review_id)
        if item.kind == words.ReviewKind.DRAFT.value and letters.live_letter(row) is not None:
            raise NotPossibleError("Approve the letter or discard it.")
        if item.kind == words.ReviewKind.REPLY.value:
            _must_be_read(row.pk)
        if item.kind in _IN_DOUBT and item.kind != words.ReviewKind.SEND_REFUSED.value:
            raise NotPossibleError("Say whether the mail arrived.")
        journal = Journal(now)
        if item.kind == words.ReviewKind.SEND_REFUSED.value:
            _answer_for((row, *others), item, journal, by, arrived=False)
        _settle(item, (row, *others), resolution.strip(), by, journal, ports)


def resolve_send(
    *, review_id: int, arrived: bool, resolution: str, by: str, now: datetime, ports: Ports
) -> None:
    """Say of a mail that was refused or may have left whether it arrived; raises `NotPossibleError`.

    One that arrived counts as sent. One that did not is stopped for good, and its stage is done again when
    the rules allow it. What is said of a mail about several invoices is said for each of them.
    """
    with one_transaction():
        item, row, others = _open_with_others(review_id)
        if item.kind not in _IN_DOUBT:
            raise NotPossibleError("This is not about a mail that may have left.")
        journal = Journal(now)
        _answer_for((row, *others), item, journal, by, arrived=arrived)
        said = "It arrived." if arrived else "It did not arrive."
        _settle(item, (row, *others), f"{said} {resolution}".strip(), by, journal, ports)


def _open_with_others(review_id: int) -> tuple[models.ReviewItem, models.Case, list[models.Case]]:
    """A desk item with its case and, if it is about a mail that others share, their cases; all locked, by id."""
    seen = people.open_review(review_id)
    if seen is None or seen.kind not in _IN_DOUBT:
        return (*open_item(review_id), [])
    about = asked_about(seen.case, _IN_DOUBT[seen.kind])
    rows = cases.locked_cases(sorted({seen.case_id, *(mail.case_id for mail in about)}))
    item, row = open_item(review_id)
    return item, row, [other for other in rows if other.pk != row.pk]


def _answer_for(
    rows: Sequence[models.Case], item: models.ReviewItem, journal: Journal, by: str, *, arrived: bool
) -> None:
    row, by_id = rows[0], {each.pk: each for each in rows}
    doubt.answered(row, words.ReviewKind(item.kind), journal, arrived=arrived, by=by)
    note = "A person says that it arrived." if arrived else "A person says that it did not arrive."
    to = words.MessageState.SENT if arrived else words.MessageState.STOPPED
    for mail in answer_for(row, _IN_DOUBT[item.kind], to, journal.now, note):
        if not arrived and mail.case_id in by_id:
            say_again(by_id[mail.case_id], mail)


def _settle(
    item: models.ReviewItem,
    rows: Sequence[models.Case],
    resolution: str,
    by: str,
    journal: Journal,
    ports: Ports,
) -> None:
    """Settle a desk item of the first case; the others have one of the same kind about the same mail."""
    kind, what = words.ReviewKind(item.kind), item.kind.replace("_", " ")
    people.settle_review(item, resolution, by, journal.now)
    _try_again(kind, rows[0])
    for row in rows:
        if row is rows[0] or people.settle_kind(row, kind, resolution, by, journal.now):
            journal.entry(row, "settled", f"Settled ({what}): {resolution}", by=by)
        unblock(row)
    consider([row for row in rows if row.closed_at is None], journal, ports, alarm=False)
    journal.write()


def _try_again(kind: words.ReviewKind, row: models.Case) -> None:
    """What failed is tried once more: a person says that it can work now."""
    if kind in (words.ReviewKind.DRIFT, words.ReviewKind.SUPPRESSION):
        forget_collection(row)
    if kind in _GATHERED_AGAIN and row.uses_ledger:
        row.gathered_at = None


_GATHERED_AGAIN = (words.ReviewKind.INCOMPLETE, words.ReviewKind.NO_CONTACT, words.ReviewKind.MRR_UNKNOWN)


def choose_track(
    *, case_id: int, track: words.Track, reason: str, by: str, now: datetime, ports: Ports
) -> None:
    """Decide the track of a case whose MRR is unknown, and let it run."""
    with one_transaction():
        row = _open_case(case_id)
        if row.track is not None:
            raise NotPossibleError(f"This case already runs on the {row.track} track.")
        row.track, row.track_chosen = track.value, True
        people.settle_kind(row, words.ReviewKind.MRR_UNKNOWN, f"Track: {track.value}", by, now)
        unblock(row)
        journal = Journal(now)
        journal.entry(row, "track", f"Put on the {track.value} track. {reason}".strip(), by=by)
        consider([row], journal, ports, alarm=False)
        journal.write()


def change_contact(*, case_id: int, name: str, email: str, by: str, now: datetime, ports: Ports) -> None:
    """Name another contact at the customer; all of the customer's open cases see it."""
    name, email = name.strip(), email.strip()
    if not is_address(email):
        raise NotPossibleError(f"{email or 'Nothing'} is not an e-mail address.")
    with one_transaction():
        waiting = _case_or_all(case_id, words.HoldScope.CUSTOMER)
        people.set_contact(waiting[0].customer, name, email, by)
        journal = Journal(now)
        for case in waiting:
            people.settle_kind(case, words.ReviewKind.NO_CONTACT, f"Contact: {email}", by, now)
            unblock(case)
            journal.entry(case, "contact", f"The contact is now {name} <{email}>.", by=by)
        consider(waiting, journal, ports, alarm=False)
        journal.write()


def add_note(*, case_id: int, text: str, by: str, now: datetime) -> None:
    """Write something down on a case's timeline."""
    if not text.strip():
        raise NotPossibleError("The note is empty.")
    with one_transaction():
        row = _any_case(case_id)
        journal = Journal(now)
        journal.entry(row, "note", text.strip()[:5000], by=by)
        journal.write()


def close_by_hand(*, case_id: int, ending: words.Ending, reason: str, by: str, now: datetime) -> None:
    """End a case for a reason the ledger does not know; raises `NotPossibleError` without one.

    A case that is transferred leaves our hands unpaid: what we took over goes back to Stripe.
    """
    if not reason.strip():
        raise NotPossibleError("Say why the case is closed.")
    with one_transaction():
        row = _open_case(case_id)
        if ending is words.Ending.TRANSFERRED and row.collection == words.CollectionOwner.DUNWELL.value:
            _must_be_free(row, now)
        _close(row, ending, reason, by, Journal(now))


def hand_back(*, case_id: int, by: str, now: datetime, reason: str = "") -> None:
    """Let Stripe collect an invoice again and end its case as transferred; raises `NotPossibleError`."""
    with one_transaction():
        row = _open_case(case_id)
        if row.collection == words.CollectionOwner.STRIPE.value:
            raise NotPossibleError("Stripe collects this invoice already.")
        _must_be_free(row, now)
        why = f"Collection goes back to Stripe. {reason}"
        _close(row, words.Ending.TRANSFERRED, why, by, Journal(now))


def _must_be_free(row: models.Case, now: datetime) -> None:
    """Stripe would charge what is contested, paid in parts by agreement, or under way already."""
    case = snapshots.snapshots([row], now)[row.pk]
    under_way = words.ActionKind.RETRY in case.under_way or case.invoice.in_flight
    why = "a payment is under way" if under_way else None
    owed = case.invoice.open.minor > 0 and case.invoice.status is words.InvoiceStatus.OPEN
    why = why or (no_charge_because(case.invoice, case.holds, now) if owed else None)
    if why:
        what = "Collection cannot go back to Stripe now"
        raise NotPossibleError(f"{what}: {why}. Wait for it, release the hold, or close the case otherwise.")


def _close(row: models.Case, ending: words.Ending, reason: str, by: str, journal: Journal) -> None:
    drafts.withdraw_live(row, "The case was closed.", journal, by=by)
    journal.close(row, ending)
    what = ending.value.replace("_", " ")
    journal.entry(row, "close", f"Closed by hand as {what}: {reason.strip()}", by=by)
    if ending is words.Ending.TRANSFERRED:
        queue_hand_back(row, journal)
    journal.write()


def _any_case(case_id: int) -> models.Case:
    if cases.case_with_id(case_id) is None:
        raise NotPossibleError("There is no such case.")
    return cases.locked_case(case_id)


def _open_case(case_id: int) -> models.Case:
    row = _any_case(case_id)
    if row.closed_at is not None:
        raise NotPossibleError("This case is closed.")
    return row


def _case_or_all(case_id: int, scope: words.HoldScope) -> list[models.Case]:
    """Lock an open case, or all open cases of its customer; the case itself is among them."""
    seen = cases.case_with_id(case_id)
    if seen is None or scope is words.HoldScope.CASE:
        return [_open_case(case_id)]
    found = cases.open_cases_of(cases.lock_customer(seen.customer_id))
    if case_id not in {case.pk for case in found}:
        raise NotPossibleError("This case is closed.")
    return found


def open_item(review_id: int) -> tuple[models.ReviewItem, models.Case]:
    """A desk item with its case, locked; asked for again under the lock, since two people may settle it.

    Raises `NotPossibleError` when it is settled.
    """
    seen = people.open_review(review_id)
    row = cases.locked_case(seen.case_id) if seen is not None else None
    item = people.open_review(review_id)
    if item is None or row is None:
        raise NotPossibleError("Somebody has settled this already.")
    return item, row


def _active_hold(hold_id: int, now: datetime) -> tuple[models.Hold, list[models.Case]]:
    """A hold with the cases it covers, locked; asked for again under the lock."""
    seen, waiting = people.active_hold(hold_id, now), []
    if seen is not None and seen.case_id is not None:
        waiting = [_open_case(seen.case_id)]
    elif seen is not None:
        waiting = cases.open_cases_of(cases.lock_customer(seen.customer_id))
    hold = people.active_hold(hold_id, now)
    if hold is None:
        raise NotPossibleError("This hold is over already.")
    return hold, waiting
