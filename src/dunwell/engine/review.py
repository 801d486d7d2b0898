"""Review: what people do. Every operation names who did it and leaves a timeline entry with the write."""

from dataclasses import replace
from datetime import datetime

from dunwell.engine.ports import Ports
from dunwell.engine.record import consider
from dunwell.policy import words
from dunwell.policy.decide import decide
from dunwell.policy.facts import Hold
from dunwell.store import cases, keep, models, people, snapshots
from dunwell.store.claims import one_transaction
from dunwell.store.journal import Journal

_BLOCKS = {words.CaseStatus.REVIEW.value}


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
) -> None:
    """Make a case, or all of a customer's cases, wait until `until`; raises `NotPossibleError`."""
    if until is not None and until <= now:
        raise NotPossibleError("The end of a pause must lie in the future.")
    with one_transaction():
        row = _open_case(case_id)
        waiting = [row] if scope is words.HoldScope.CASE else cases.open_cases_of(row.customer)
        hold = Hold(kind=kind, scope=scope, start=now, until=until, reason=reason[:500], by=by)
        journal = Journal(now)
        people.keep_hold(row, hold)
        until_text = f"until {until:%-d %B %Y %H:%M} UTC" if until else "until somebody releases it"
        for case in waiting:
            what = kind.value.replace("_", " ")
            journal.entry(case, "hold", f"On hold ({what}) {until_text}. {reason}".strip(), by=by)
        consider(waiting, journal, ports, alarm=False)
        journal.write()


def release_hold(*, hold_id: int, by: str, now: datetime, ports: Ports) -> None:
    """End a hold now. Nothing is sent in the same breath: the rules wait for the next morning."""
    with one_transaction():
        hold, waiting = _active_hold(hold_id, now)
        people.end_hold(hold, now)
        journal = Journal(now)
        for case in waiting:
            what = hold.kind.replace("_", " ")
            journal.entry(case, "resume", f"The hold ({what}) was released.", by=by)
        consider(waiting, journal, ports, alarm=False)
        journal.write()


def preview_release(*, hold_id: int, now: datetime) -> str:
    """Say in a sentence what would happen next, and when, if this hold ended now. Changes nothing."""
    with one_transaction():
        hold, waiting = _active_hold(hold_id, now)
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
        item = _open_item(review_id)
        row = cases.locked_case(item.case_id)
        people.assign_review(item, to)
        journal = Journal(now)
        text = f"Assigned to {to}." if to else "Nobody is assigned any more."
        journal.entry(row, "assigned", text, by=by, detail={"review": item.kind})
        journal.write()


def settle(*, review_id: int, resolution: str, by: str, now: datetime, ports: Ports) -> None:
    """Close a desk item with what was done about it; the case then runs on if nothing else blocks it."""
    if not resolution.strip():
        raise NotPossibleError("Say in a few words what was done.")
    with one_transaction():
        item = _open_item(review_id)
        row = cases.locked_case(item.case_id)
        people.settle_review(item, resolution.strip(), by, now)
        journal = Journal(now)
        what = item.kind.replace("_", " ")
        journal.entry(row, "settled", f"Settled ({what}): {resolution.strip()}", by=by)
        if row.status in _BLOCKS and not people.open_reviews_of(row):
            row.status = words.CaseStatus.OPEN.value
        if row.closed_at is None:
            consider([row], journal, ports, alarm=False)
        journal.write()


def choose_track(
    *, case_id: int, track: words.Track, reason: str, by: str, now: datetime, ports: Ports
) -> None:
    """Decide the track of a case whose MRR is unknown, and let it run."""
    with one_transaction():
        row = _open_case(case_id)
        if row.track is not None:
            raise NotPossibleError(f"This case already runs on the {row.track} track.")
        row.track = track.value
        for item in people.open_reviews_of(row):
            if item.kind == words.ReviewKind.MRR_UNKNOWN.value:
                people.settle_review(item, f"Track: {track.value}", by, now)
        if row.status in _BLOCKS and not people.open_reviews_of(row):
            row.status = words.CaseStatus.OPEN.value
        journal = Journal(now)
        journal.entry(row, "track", f"Put on the {track.value} track. {reason}".strip(), by=by)
        consider([row], journal, ports, alarm=False)
        journal.write()


def change_contact(*, case_id: int, name: str, email: str, by: str, now: datetime, ports: Ports) -> None:
    """Name another contact at the customer; all of the customer's open cases see it."""
    with one_transaction():
        row = _open_case(case_id)
        people.set_contact(row.customer, name, email, source=f"set by {by}")
        journal = Journal(now)
        waiting = cases.open_cases_of(row.customer)
        for case in waiting:
            for item in people.open_reviews_of(case):
                if item.kind == words.ReviewKind.NO_CONTACT.value:
                    people.settle_review(item, f"Contact: {email}", by, now)
            if case.status in _BLOCKS and not people.open_reviews_of(case):
                case.status = words.CaseStatus.OPEN.value
            journal.entry(case, "contact", f"The contact is now {name} <{email}>.", by=by)
        consider(waiting, journal, ports, alarm=False)
        journal.write()


def add_note(*, case_id: int, text: str, by: str, now: datetime) -> None:
    """Write something down on a case's timeline."""
    if not text.strip():
        raise NotPossibleError("The note is empty.")
    with one_transaction():
        row = cases.locked_case(case_id)
        journal = Journal(now)
        journal.entry(row, "note", text.strip()[:5000], by=by)
        journal.write()


def close_by_hand(*, case_id: int, ending: words.Ending, reason: str, by: str, now: datetime) -> None:
    """End a case for a reason the ledger does not know; raises `NotPossibleError` without one."""
    if not reason.strip():
        raise NotPossibleError("Say why the case is closed.")
    with one_transaction():
        row = _open_case(case_id)
        journal = Journal(now)
        journal.close(row, ending)
        what = ending.value.replace("_", " ")
        journal.entry(row, "close", f"Closed by hand as {what}: {reason.strip()}", by=by)
        journal.write()


def _open_case(case_id: int) -> models.Case:
    row = cases.locked_case(case_id)
    if row.closed_at is not None:
        raise NotPossibleError("This case is closed.")
    return row


def _open_item(review_id: int) -> models.ReviewItem:
    item = people.open_review(review_id)
    if item is None:
        raise NotPossibleError("Somebody has settled this already.")
    return item


def _active_hold(hold_id: int, now: datetime) -> tuple[models.Hold, list[models.Case]]:
    hold = people.active_hold(hold_id, now)
    if hold is None:
        raise NotPossibleError("This hold is over already.")
    if hold.case_id is not None:
        return hold, [_open_case(hold.case_id)]
    return hold, cases.open_cases_of(hold.customer)
