"""Walks history on a virtual clock, in memory, with the rules, the gate and the answers that run live."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from dunwell.engine.replay import history
from dunwell.engine.replay.step import Step
from dunwell.engine.replay.told import apply
from dunwell.engine.replay.world import World
from dunwell.policy import facts
from dunwell.policy.book import Book
from dunwell.policy.money import Money


class Replay:
    """A world in memory with a clock. `steps` yields what would have been done, ordered by time."""

    def __init__(self, book: Book) -> None:
        self._world = World(book)
        self._down_until: datetime | None = None
        self._stored: list[history.Told] = []

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
            elif self._down_until is not None and fact.at < self._down_until:
                self._stored.append(fact)
            else:
                apply(fact, fact.at, self._world)
            yield from self._world.drain()
        yield from self._run_to(until, inclusive=True)

    def _run_to(self, until: datetime | None, *, inclusive: bool) -> Iterator[Step]:
        """Ring every alarm up to `until`. Due means `<= now`, so downtime delays but loses nothing."""
        while True:
            down = self._down_until
            if down is not None:
                if until is not None and (until < down or (until == down and not inclusive)):
                    return
                self._down_until = None
                stored, self._stored = self._stored, []
                for fact in stored:
                    apply(fact, down, self._world)
                yield from self._world.drain()
            due = self._world.alarms.first()
            if due is None:
                return
            now = max(due, down) if down is not None else due
            if until is not None and (now > until or (now == until and not inclusive)):
                return
            self._world.look(self._world.alarms.ring(), now)
            yield from self._world.drain()
            if down is not None:
                yield from self._catch_up(down)

    def _catch_up(self, now: datetime) -> Iterator[Step]:
        """After downtime everything that came due meanwhile is looked at in one go."""
        while (due := self._world.alarms.first()) is not None and due <= now:
            self._world.look(self._world.alarms.ring(), now)
        yield from self._world.drain()
