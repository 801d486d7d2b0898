"""Lets the arms take turns on one database, round by round, and checks that each did its work."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import arms, places
from benchmarks.arms import ArmError
from benchmarks.measured import Measured
from benchmarks.places import Place

WARM = 40  # what `tick_arms.ours` looks at before its clock starts
CLIENTS = 16
Round = dict[str, Measured]


@dataclass(frozen=True)
class Sizes:
    """How much of everything, and how often. `batch`: how many are due when plans are looked at."""

    rounds: int
    due: int
    few: int
    many: int
    requests: int
    idle: int
    batch: int


@dataclass(frozen=True)
class Crowd:
    """Open cases in a database; every `stride`-th of them make one of `stride` sets that do not overlap."""

    place: Place
    stride: int


@dataclass(frozen=True)
class Taken:
    """What one database showed: its settings, its rounds, and what it read whole among many cases."""

    database: str
    rounds: list[Round]
    plans: Measured
    sizes: Sizes


def take(new: Callable[[], Place], sizes: Sizes) -> Taken:
    """Measure one kind of database; raises `ArmError` when an arm breaks or did not do its work."""
    many = _crowd(new(), sizes.many, sizes)
    try:
        said = arms.run("machine", "database", many.place.url)
        rounds = [_one_round(number, new, many, sizes) for number in range(sizes.rounds)]
        plans = arms.run(
            "tick_arms", "plans", many.place.url, number=2 * sizes.rounds, due=sizes.batch, stride=many.stride
        )
    finally:
        places.drop(many.place)
    return Taken(said.more["text"], rounds, plans, sizes)


def _crowd(place: Place, cases: int, sizes: Sizes) -> Crowd:
    stride = cases // (sizes.due + WARM)
    made = arms.run("tick_arms", "prepare", place.url, cases=cases, stride=stride)
    _say(f"{place.kind}: {cases:,} open cases made in {made.seconds:.0f} s")
    return Crowd(place, stride)


def _one_round(number: int, new: Callable[[], Place], many: Crowd, sizes: Sizes) -> Round:
    """Run every arm once; each round begins with another one, and with a new small crowd."""
    _say(f"{many.place.kind}: round {number + 1} of {sizes.rounds}")
    few = _crowd(new(), sizes.few, sizes)
    try:
        turns = list(_turns(number, few, many, sizes).items())
        shift = number * 3 % len(turns)
        found: Round = {}
        for name, turn in [*turns[shift:], *turns[:shift]]:
            found[name] = turn()
            _say(f"{many.place.kind}: {name}, {found[name].seconds:.2f} s")
    finally:
        places.drop(few.place)
    check(found, sizes)
    return found


def _turns(number: int, few: Crowd, many: Crowd, sizes: Sizes) -> dict[str, Callable[[], Measured]]:
    def tick(function: str, crowd: Crowd, part: int, **more: bool) -> Callable[[], Measured]:
        values = {"number": part, "due": sizes.due, "stride": crowd.stride, **more}
        return lambda: arms.run("tick_arms", function, crowd.place.url, **values)

    def idle(crowd: Crowd) -> Callable[[], Measured]:
        return lambda: arms.run("tick_arms", "idle", crowd.place.url, times=sizes.idle)

    def ingest(function: str, name: str, **more: int) -> Callable[[], Measured]:
        values = {"name": name, "requests": sizes.requests, **more}
        return lambda: arms.run("ingest_arms", function, few.place.url, **values)

    return {
        "ours few": tick("ours", few, 0),
        "ours many": tick("ours", many, 2 * number),
        "least few": tick("least", few, 1),
        "least many": tick("least", many, 2 * number + 1),
        "alone few": tick("least", few, 2, one_by_one=True),
        "idle few": idle(few),
        "idle many": idle(many),
        "served": ingest("served", "served"),
        "raw one": ingest("raw", "one", clients=1),
        "raw some": ingest("raw", "some", clients=CLIENTS),
    }


def check(found: Round, sizes: Sizes) -> None:
    """Raise `ArmError` unless all arms wrote what the others wrote, each row once, and left nothing due."""
    ours = found["ours few"]
    rows = ours.rows
    right = (
        ours.done == rows["heads of chains"] == sizes.due
        and rows["entries"] == rows["distinct entries"] >= sizes.due
        and rows["mails"] == rows["distinct mails"] > 0
        and rows["still due"] == 0
    )
    if not right:
        raise ArmError(f"ours did not do the work: {ours.done} looked at, {rows}")
    for name in ("ours many", "least few", "least many", "alone few"):
        if (found[name].done, found[name].rows) != (sizes.due, rows):
            raise ArmError(f"{name} wrote {found[name].rows}, ours few {rows}")
    stored = {"stored": sizes.requests, "distinct": sizes.requests}
    for name in ("served", "raw one", "raw some"):
        if (found[name].done, found[name].rows) != (sizes.requests, stored):
            raise ArmError(f"{name} stored {found[name].rows} of {sizes.requests}")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
