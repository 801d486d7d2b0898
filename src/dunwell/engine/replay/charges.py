"""Charges in replay: with which method, how often it was tried, and when the bank's answer would be in."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from dunwell.policy.facts import Attempt, Case, Instrument
from dunwell.policy.policy import Policy
from dunwell.policy.words import AttemptOutcome, Rail

# The rules wait this long for what history tells of a charge; without a word the case goes on.
ANSWERED_WITHIN = timedelta(minutes=5)


class Methods:
    """The payment method of each customer. History names none, so each gets a name of ours."""

    def __init__(self) -> None:
        self._saved: dict[str, str] = {}

    def save(self, customer: str, at: datetime) -> str:
        """Let a customer save a method at a moment; return its name."""
        self._saved[customer] = f"method saved {at.isoformat()}"
        return self._saved[customer]

    def of(self, customer: str) -> str:
        """Return the method a charge of the customer uses: the one saved last, else the one on file."""
        return self._saved.get(customer, "method on file")

    def instrument(self, case: Case, cases: Iterable[Case], policy: Policy, now: datetime) -> Instrument:
        """Return what a retry would charge, with how often it was tried on all invoices of the customer."""
        method, retries = self.of(case.customer.id), policy.retries
        theirs = [each for each in cases if each.customer.id == case.customer.id]
        since = now - timedelta(days=retries.card_window_days)
        tries = sum(1 for each in theirs for a in each.attempts if a.method == method and a.at > since)
        represented = 0
        if case.invoice.rail is Rail.BANK_DEBIT:
            again = [attempt for attempt in case.attempts if attempt.method == method][1:]
            since = now - timedelta(days=retries.represent_window_days)
            represented = sum(1 for attempt in again if attempt.at > since)
        return Instrument(method, tries, represented)


def awaits_answer(case: Case, now: datetime) -> bool:
    """Say whether the last charge was made so shortly ago that its answer may still come."""
    last = case.attempts[-1] if case.attempts else None
    return (
        last is not None
        and last.outcome is AttemptOutcome.UNKNOWN
        and last.at <= now < last.at + ANSWERED_WITHIN
    )


def answered_by(case: Case, now: datetime) -> datetime | None:
    """Return until when the rules wait for the answer to the charge under way; None when none is."""
    return case.attempts[-1].at + ANSWERED_WITHIN if awaits_answer(case, now) else None


def with_failure(case: Case, failed: Attempt) -> Case:
    """Return the case with a failed attempt.

    It answers the last charge of ours that nobody has answered, however late: a bank debit comes back after days,
    and nobody else charges meanwhile.
    """
    last = case.attempts[-1] if case.attempts else None
    if last is None or last.outcome is not AttemptOutcome.UNKNOWN:
        return replace(case, attempts=(*case.attempts, failed))
    answer = replace(last, outcome=failed.outcome, code=failed.code)
    return replace(case, attempts=(*case.attempts[:-1], answer))
