"""What comes out of the rules: actions, the next look, and *because*."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from dunwell.policy.facts import Case, Hold
from dunwell.policy.policy import Policy
from dunwell.policy.words import ActionKind, Ending, ReviewKind, Stage


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do, with its reason in a sentence a person can read; `letter` is a personal mail's number."""

    kind: ActionKind
    because: str
    stage: Stage | None = None
    to: str | None = None
    review: ReviewKind | None = None
    ending: Ending | None = None
    hold: Hold | None = None
    method: str | None = None
    letter: int | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """A rule that did not speak, and why not."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now and when to look again.

    `next_look` None means nothing but a new fact or a person can move the case. `considered` lists, in
    order, the rules that were asked before the one that spoke.
    """

    actions: tuple[Action, ...]
    next_look: datetime | None
    because: str
    rule: str = ""
    considered: tuple[Silence, ...] = ()


Rule = Callable[[Case, Policy, datetime], Decision | str]


def silent(because: str, next_look: datetime | None = None) -> Decision:
    """Decide to do nothing until the next look."""
    return Decision((), next_look, because)


def ask(case: Case, kind: ReviewKind, because: str) -> Decision:
    """Put the case on a person's desk, once: an item of that kind that is open already is enough."""
    if kind in case.reviews:
        return silent(f"{because} A person has been asked.")
    return Decision((Action(ActionKind.REVIEW, because, review=kind),), None, because)
