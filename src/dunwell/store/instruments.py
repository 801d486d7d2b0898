"""What a retry of ours would charge, and how often it was tried: read only for cases we collect (spec 3)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from dunwell.policy import facts, words
from dunwell.store import models
from dunwell.store.keep import book_of

# The kind of entry that says a customer saved a payment method.
METHOD_SAVED = "method_saved"


def instruments(
    rows: Sequence[models.Case],
    rails: Mapping[int, str],
    attempts: Mapping[int, Sequence[facts.Attempt]],
    now: datetime,
) -> dict[int, facts.Instrument]:
    """Find the instrument of each case that we collect: the method saved last, else the one tried last.

    `rails` and `attempts` are by invoice. Two queries for all cases, none when we collect nothing.
    """
    ours = [row for row in rows if row.collection == words.CollectionOwner.DUNWELL.value]
    if not ours:
        return {}
    saved = _saved_methods({row.id for row in ours})
    methods = {row.id: saved.get(row.id) or _tried_last(attempts[row.invoice_id]) for row in ours}
    tries = _tries({method for method in methods.values() if method}, _longest_window(ours), now)
    found: dict[int, facts.Instrument] = {}
    for row in ours:
        method = methods[row.id]
        if method:
            retries = book_of(row.policy_id).policy.retries
            since = now - timedelta(days=retries.card_window_days)
            found[row.id] = facts.Instrument(
                method,
                recent_tries=sum(1 for at in tries[method] if at > since),
                represented=_represented(
                    rails[row.invoice_id],
                    method,
                    attempts[row.invoice_id],
                    now - timedelta(days=retries.represent_window_days),
                ),
            )
    return found


def _saved_methods(cases: set[int]) -> dict[int, str]:
    entries = models.TimelineEntry.objects.filter(case_id__among=cases, kind=METHOD_SAVED)
    said = entries.order_by("case_id", "seq").values_list("case_id", "detail")
    return {case: str(detail.get("method", "")) for case, detail in said}


def _tried_last(attempts: Sequence[facts.Attempt]) -> str:
    return attempts[-1].method if attempts else ""


def _longest_window(rows: Sequence[models.Case]) -> timedelta:
    days = {book_of(row.policy_id).policy.retries.card_window_days for row in rows}
    return timedelta(days=max(days))


def _tries(methods: set[str], window: timedelta, now: datetime) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = defaultdict(list)
    recent = models.PaymentAttempt.objects.filter(method__in=methods, at__gt=now - window)
    for method, at in recent.values_list("method", "at"):
        found[method].append(at)
    return found


def _represented(rail: str, method: str, attempts: Sequence[facts.Attempt], since: datetime) -> int:
    """Count the tries of a bank debit after the first, whoever made them: a bank counts them all."""
    if rail != words.Rail.BANK_DEBIT.value:
        return 0
    again = [attempt for attempt in attempts if attempt.method == method][1:]
    return sum(1 for attempt in again if attempt.at > since)
