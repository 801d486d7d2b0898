"""Stripe's list of invoices that were sent to be paid and fell due, in bounded memory."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from dunwell.connectors.stripe.shapes import SentInvoice
from dunwell.connectors.stripe.sweep import StrangeListError
from dunwell.connectors.stripe.wire import Wire
from dunwell.policy.readings import Overdue

_PAGE = 100
_STRANGE = "Stripe's list of invoices past their due date is not understood."


def past_due(wire: Wire, since: datetime, until: datetime) -> Iterator[Overdue]:
    """Yield the open sent invoices that fell due at or after `since` and before `until`, page by page.

    Raises `stripe.StripeError` and `StrangeListError`.
    """
    due = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    wanted: dict[str, Any] = {"status": "open", "collection_method": "send_invoice", "due_date": due}
    more = True
    while more:
        answer = wire.get("/v1/invoices", limit=_PAGE, **wanted)
        rows, more = answer.get("data"), answer.get("has_more") is True
        if not isinstance(rows, list) or (more and not rows):
            raise StrangeListError(_STRANGE)
        for row in rows:
            found = _sent(row)
            yield Overdue(found.id, found.due_date.date().isoformat())
            wanted["starting_after"] = found.id


def _sent(row: object) -> SentInvoice:
    try:
        return SentInvoice.model_validate(row)
    except ValidationError:
        raise StrangeListError(_STRANGE) from None
