"""Deaf: while the mailbox cannot be read, replies may lie unread, so nothing but a notice leaves (spec 7)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from dunwell.engine.incoming.look import MAILBOX, TROUBLE
from dunwell.engine.ports import Ports
from dunwell.policy.gate import Verdict, VerdictKind
from dunwell.policy.policy import Policy
from dunwell.policy.words import ReviewKind, Stage
from dunwell.store.marks import mark_of

CHECK_MAILBOX = "Check the mailbox with `dunwell doctor`; what waits goes out once it can be read."
_ASK_AGAIN = timedelta(minutes=15)


def deaf(stages: Iterable[Stage | None], policy: Policy, ports: Ports, now: datetime) -> Verdict | None:
    """Why a message has to wait for the mailbox, which was not read to its end for too long; None when it need not.

    `stages` are those it speaks of; None stands for a letter. A first notice answers nothing, so it never waits; nor
    does anything where no mailbox is set up or nobody has ever looked into it. Too long is the policy's
    `gate.tell_person_after_hours`.
    """
    if ports.mailbox is None or all(stage is Stage.NOTICE for stage in stages):
        return None
    since = mark_of(MAILBOX) or mark_of(TROUBLE)
    if since is None or now - since < timedelta(hours=policy.gate.tell_person_after_hours):
        return None
    why = f"The mailbox could not be read since {since:%Y-%m-%d %H:%M} UTC, so replies may lie unread."
    return Verdict(VerdictKind.REVIEW, why, again_at=now + _ASK_AGAIN, review=ReviewKind.LEDGER_UNREADABLE)
