"""Stripe's own retry schedule for an invoice (Smart Retries), at scripted times.

The account's `retry_gaps` say how long after each counted attempt the next one comes; a plan for one
invoice (`retry_plans`) names moments instead. Only invoices that Stripe collects have a next attempt.
"""

from dunwell.sandbox.stripe import subscriptions
from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json


def collected(invoice: Json) -> bool:
    """Whether Stripe itself charges this invoice."""
    return bool(
        invoice["status"] == "open"
        and invoice["auto_advance"]
        and invoice["collection_method"] == "charge_automatically"
    )


def schedule(books: Books, invoice: Json) -> None:
    """Set the next automatic attempt after the attempts made so far (null: none)."""
    invoice["next_payment_attempt"] = _next(books, invoice) if collected(invoice) else None


def _next(books: Books, invoice: Json) -> int | None:
    plan = books.retry_plans.get(invoice["id"])
    now = books.now()
    if plan is not None:
        return next((int(moment.timestamp()) for moment in plan if moment > now), None)
    made = invoice["attempt_count"]
    if made == 0:
        return int(now.timestamp())
    if made > len(books.retry_gaps):
        return None
    return int((now + books.retry_gaps[made - 1]).timestamp())


def exhausted(books: Books, invoice: Json) -> None:
    """Do what the account's settings say once Stripe has no attempt left."""
    subscription = subscriptions.behind(books, invoice)
    if subscription is None or not collected(invoice) or invoice["next_payment_attempt"] is not None:
        return
    if books.after_retries == "unpaid":
        subscriptions.move(books, subscription, "unpaid")
    elif books.after_retries == "canceled":
        subscriptions.cancel(books, subscription, "payment_failed")
