"""Walks history on a virtual clock, in memory, with the rules, the gate and the answers that run live."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from dunwell.engine.replay import history
from dunwell.engine.replay.step import Step
from dunwell.engine.replay.told import apply
from dunwell.engine.replay.world import World
from dunwell.policy import facts
from dunwell.policy.book import Book
from dunwell.policy.money import Money

# Once history is told to its end: a payment under way is looked at daily, and after 14 days a person is asked.
MOST_LOOKS_IN_VAIN = 30


class Replay:
    """A world in memory with a clock. `steps` yields what would have been done, ordered by time."""

    def __init__(self, book: Book) -> None:
        self._world = World(book)
        self._down_until: datetime | None = None
        self._up_since: datetime | None = None
        self._stored: list[history.Told] = []
        self._all_told = False
        self._in_vain: Counter[str] = Counter()

    @property
    def cases(self) -> dict[str, facts.Case]:
        """Every case by invoice, as it stands."""
        return self._world.cases

    def owed(self, invoice: str) -> Money:
        """What is still to come on an invoice: what is open, or what was paid and taken back."""
        said = self.cases[invoice].invoice
        return self._world.paid.get(invoice, said.open) if said.charged_back else said.open

    def steps(self, told: Iterable[history.Fact], until: datetime | None) -> Iterator[Step]:
        """Replay facts in order, then let the clock run to `until` or until nothing is due any more."""
        for fact in told:
            if until is not None and fact.at > until:
                break
            yield from self._run_to(fact.at, inclusive=False)
            if isinstance(fact, history.DowntimeLine):
                self._down_until = max(fact.until, self._down_until or fact.until)
            elif self._down_until is not None and fact.at <= self._down_until:
                self._stored.append(fact)
            else:
                apply(fact, fact.at, self._world)
            yield from self._world.drain()
        self._all_told = True
        yield from self._run_to(until, inclusive=True)

    def _run_to(self, until: datetime | None, *, inclusive: bool) -> Iterator[Step]:
        """Ring every alarm up to `until`. Due means `<= now`, so downtime delays but loses nothing.

        The facts of one moment, or of one downtime, are all known before anything of that moment is looked at.
        """

        def lies_ahead(at: datetime) -> bool:
            return until is not None and (at > until or (at == until and not inclusive))

        if self._down_until is not None:
            if lies_ahead(self._down_until):
                return
            yield from self._come_up(self._down_until)
        if (at := self._world.charges_at) is not None and not lies_ahead(at):
            self._world.charge(at)
            yield from self._world.drain()
        while (due := self._world.alarms.first()) is not None:
            now = max(due, self._up_since or due)
            if lies_ahead(now):
                return
            yield from self._look(self._world.alarms.ring(), now)

    def _come_up(self, now: datetime) -> Iterator[Step]:
        """Hear of everything that happened while nothing ran."""
        self._down_until, self._up_since = None, now
        stored, self._stored = self._stored, []
        for fact in stored:
            apply(fact, now, self._world)
        yield from self._world.drain()

    def _look(self, invoice: str, now: datetime) -> Iterator[Step]:
        """Look at a case, but not for ever at one that only waits for what history does not tell."""
        self._world.look(invoice, now)
        done = self._world.drain()
        yield from done
        if not self._all_told:
            return
        self._in_vain[invoice] = 0 if done else self._in_vain[invoice] + 1
        if self._in_vain[invoice] >= MOST_LOOKS_IN_VAIN:
            self._world.give_up(invoice, now)
            yield from self._world.drain()
