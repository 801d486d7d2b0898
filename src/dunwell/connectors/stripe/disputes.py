"""What Stripe calls disputes: chargebacks on cards, and bank debits returned after they had settled. Pure.

A charge says for ever that it was disputed; whether the money is back is only known by its disputes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dunwell.connectors.stripe.amounts import money
from dunwell.connectors.stripe.shapes import Dispute
from dunwell.policy.lists import word_set
from dunwell.policy.readings import TakenBack

# The money stayed with us, came back, or was given to the customer as a refund.
_OVER = word_set("won warning_closed prevented")
# The bank asks; nothing was taken yet.
_INQUIRY = word_set("warning_needs_response warning_under_review")


def standing(disputes: Sequence[Mapping[str, Any]], *, paid: bool) -> list[TakenBack]:
    """List what was taken back and not given back, the latest last; a lost dispute stands for good.

    An inquiry counts while the invoice is not `paid`: then nothing may be sent, but nothing was taken either.
    Raises `ValidationError` and `BadAmountError`.
    """
    read = [Dispute.model_validate(dispute) for dispute in disputes]
    ignored = _OVER | _INQUIRY if paid else _OVER
    found = [
        TakenBack(
            each.created, money(each.amount, each.currency), each.reason or "", final=each.status == "lost"
        )
        for each in read
        if each.status not in ignored
    ]
    return sorted(found, key=lambda taken: taken.at)
