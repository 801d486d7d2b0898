"""What Stripe does by itself as time passes: finalize drafts, charge, retry, settle debits."""

from datetime import UTC, datetime

from dunwell.sandbox.stripe import charging, invoicing, methods, retries
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.declines import HARD
from dunwell.sandbox.stripe.errors import Json


def advance(books: Books, now: datetime) -> int:
    """Carry out, in order of time, everything due up to `now`; returns how many things that was.

    Each happens at its own moment, so events carry the time they were due.
    """
    done = 0
    alive = _alive(books)  # nothing that happens here makes another invoice
    while (planned := _first(books, alive)) is not None and planned[0] <= now:
        moment, id_ = planned
        with books.at(moment):
            _carry_out(books, books.find("invoice", id_))
        done += 1
    return done


def next_due(books: Books) -> datetime | None:
    """Say when the next thing is due; None when nothing is planned."""
    planned = _first(books, _alive(books))
    return planned[0] if planned else None


def _alive(books: Books) -> list[Json]:
    return [
        invoice
        for invoice in books.tables["invoice"].values()
        if invoice["status"] in ("draft", "open") or invoice["id"] in books.debits
    ]


def _first(books: Books, invoices: list[Json]) -> tuple[datetime, str] | None:
    waiting = ((_due_at(books, invoice), invoice["id"]) for invoice in invoices)
    return min(((moment, id_) for moment, id_ in waiting if moment is not None), default=None)


def _due_at(books: Books, invoice: Json) -> datetime | None:
    if invoice["id"] in books.debits:
        return books.debits[invoice["id"]].due
    if invoice["status"] == "draft" and invoice["auto_advance"]:
        return _moment(invoice["automatically_finalizes_at"])
    return _moment(invoice["next_payment_attempt"]) if retries.collected(invoice) else None


def _moment(second: int | None) -> datetime | None:
    return None if second is None else datetime.fromtimestamp(second, UTC)


def _carry_out(books: Books, invoice: Json) -> None:
    if invoice["id"] in books.debits:
        charging.finish_debit(books, invoice)
    elif invoice["status"] == "draft":
        invoicing.finalize(books, invoice)
    else:
        charge_by_schedule(books, invoice)


def charge_by_schedule(books: Books, invoice: Json) -> None:
    """Make one of Stripe's own attempts, or skip it where Stripe would not send it."""
    method = charging.method_for(books, invoice)
    if method is None:
        charging.attempt_without_method(books, invoice)
    elif not _worth_sending(books, invoice, method):
        charging.skip_attempt(books, invoice)
    else:
        charging.attempt(books, invoice, method, automatic=True)


def _worth_sending(books: Books, invoice: Json, method: Json) -> bool:
    """Whether the method may still work: not after a hard decline of it, not with a dead mandate."""
    mandate = methods.mandate_of(books, method)
    if mandate is not None and mandate["status"] == "inactive":
        return False
    intent = invoicing.intent_of(books, invoice)
    if intent is None or intent["latest_charge"] is None:
        return True
    last = books.find("charge", intent["latest_charge"])
    if last["payment_method"] != method["id"] or last["outcome"] is None:
        return True
    outcome = last["outcome"]
    return outcome["reason"] not in HARD and outcome["advice_code"] != "do_not_try_again"
