"""Which track a case opens on, and when an invoice that no charge failed on is past due (spec 1)."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from dunwell.policy.calendars import at_local
from dunwell.policy.facts import Customer, Invoice
from dunwell.policy.policy import Policy
from dunwell.policy.words import ReviewKind, Track
from dunwell.policy.zones import zone_for


@dataclass(frozen=True, slots=True)
class Opening:
    """The track of a new case, or None with the review item it waits for."""

    track: Track | None
    review: ReviewKind | None
    because: str


def open_on(customer: Customer, policy: Policy) -> Opening:
    """Choose the track from the mean of three months' MRR: personal strictly above the threshold.

    Unknown MRR is not zero: without a reading, or without a threshold for its currency, a person decides.
    """
    if customer.mrr is None:
        return _unknown("The MRR of the last three months is unknown, which is not the same as zero.")
    months = customer.mrr.months
    currency = months[0].currency
    if any(month.currency != currency for month in months):
        return _unknown("The three months of MRR are in different currencies and cannot be averaged.")
    threshold = policy.thresholds.get(currency)
    if threshold is None:
        return _unknown(f"The MRR is in {currency}, for which the policy has no threshold.")
    total = sum(month.minor for month in months)
    inputs = f"{months[0]}, {months[1]} and {months[2]} ({customer.mrr.source})"
    if total > 3 * threshold.minor:
        return Opening(Track.PERSONAL, None, f"Three-month MRR of {inputs} averages above {threshold}.")
    return Opening(Track.STANDARD, None, f"Three-month MRR of {inputs} averages {threshold} or less.")


def past_due_from(invoice: Invoice, customer: Customer, policy: Policy) -> datetime | None:
    """Return when an invoice's whole due day has passed on the customer's clock, in UTC; None without a due date."""
    if invoice.due is None:
        return None
    return at_local(invoice.due + timedelta(days=1), time(0), zone_for(customer, policy).zone)


def _unknown(because: str) -> Opening:
    return Opening(None, ReviewKind.MRR_UNKNOWN, because)
