"""Sums a replay up, so that two policies can be laid side by side (spec 10)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dunwell.engine.replay.run import Replay
from dunwell.engine.replay.step import Step
from dunwell.policy.book import Book
from dunwell.policy.money import Money
from dunwell.policy.words import ActionKind, CaseStatus


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one policy would have done: counts, days from opening to close, and money still open.

    `messages` are those that left, personal mails among them; `drafts` were prepared for a person to sign.
    """

    version: str
    messages: int
    drafts: int
    retries: int
    calls: int
    reviews: int
    closed: int
    open_cases: int
    days_to_close: str
    money_open: str


def _ended(steps: Sequence[Step], world: Replay) -> list[Step]:
    """How each case ended that stayed closed: one whose money was taken back counts when it ends again."""
    last: dict[tuple[str, datetime], Step] = {}
    for step in steps:
        if step.action is ActionKind.CLOSE:
            last[step.invoice, step.case.opened_at] = step
    open_again = {
        (invoice, case.opened_at)
        for invoice, case in world.cases.items()
        if case.status is not CaseStatus.CLOSED
    }
    return [step for about, step in last.items() if about not in open_again]


def outcome_of(book: Book, steps: Sequence[Step], world: Replay) -> Outcome:
    """Sum up the steps of one replay. Amounts of different currencies stay apart."""
    count = {kind: sum(1 for step in steps if step.action is kind) for kind in ActionKind}
    ended = _ended(steps, world)
    days = [(step.at - step.case.opened_at).total_seconds() / 86400 for step in ended]
    money: dict[str, Money] = defaultdict()
    still_open = [invoice for invoice, case in world.cases.items() if case.status is not CaseStatus.CLOSED]
    for invoice in still_open:
        amount = world.owed(invoice)
        known = money.get(amount.currency)
        money[amount.currency] = known.plus(amount) if known else amount
    return Outcome(
        version=book.version,
        messages=sum(1 for step in steps if step.action is ActionKind.SEND and not step.carried),
        drafts=count[ActionKind.DRAFT],
        retries=count[ActionKind.RETRY],
        calls=count[ActionKind.CALL_TASK],
        reviews=count[ActionKind.REVIEW],
        closed=len(ended),
        open_cases=len(still_open),
        days_to_close=f"{sum(days) / len(days):.1f}" if days else "none closed",
        money_open=", ".join(str(money[code]) for code in sorted(money)) or "none",
    )
