"""What becomes of a case's personal mail in replay: drafted, signed, sent or withdrawn. Pure."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from dunwell.policy.addresses import is_address
from dunwell.policy.facts import Case, Letter
from dunwell.policy.owner import owner_time_ends
from dunwell.policy.personal import live_letter
from dunwell.policy.policy import Policy
from dunwell.policy.signing import SIGNED_AS_BEFORE
from dunwell.policy.words import HoldKind, LetterState


def drafted(case: Case, number: int, to: str, policy: Policy, now: datetime) -> Case:
    """Return the case with a new draft; its relationship owner, if there is one to reach, is told at once."""
    owner = case.customer.owner
    until = owner_time_ends(now, policy) if owner and is_address(owner.email) else None
    letter = Letter(number, LetterState.DRAFT, now, owner_until=until, to=to)
    return replace(case, letters=(*case.letters, letter))


def approved(case: Case, now: datetime) -> Case:
    """Return the case with its draft signed."""
    return _with_live(case, state=LetterState.APPROVED, approved_at=now)


def sent(case: Case, now: datetime) -> Case:
    """Return the case with its signed letter sent, and found where it should stand."""
    return _with_live(case, state=LetterState.CONFIRMED, sent_at=now, confirmed_at=now)


def withdrawn(case: Case) -> Case:
    """Return the case with the letter that has not left withdrawn, if there is one."""
    return _with_live(case, state=LetterState.WITHDRAWN)


def held(case: Case, kind: HoldKind) -> Case:
    """Return the case as a hold begins: after what the customer said, a letter is signed anew."""
    letter = live_letter(case)
    if letter is None or letter.state is LetterState.DRAFT or kind in SIGNED_AS_BEFORE:
        return case
    return _with_live(case, state=LetterState.DRAFT, approved_at=None)


def _with_live(case: Case, **values: Any) -> Case:
    live = live_letter(case)
    letters = tuple(replace(each, **values) if each is live else each for each in case.letters)
    return replace(case, letters=letters)
