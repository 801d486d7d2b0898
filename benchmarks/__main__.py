"""`make bench`: measures ticks and webhooks beside the least they could cost, and writes `results.md`.

Needs a private PostgreSQL (`tools/with_postgres.py`) for a result that is kept; `--small` shows in half a
minute that everything runs, on SQLite alone if need be, and writes nothing; `--replies` measures only how replies
are read, in seconds, and puts that section anew into `results.md`. Exits with 1 when an arm broke or did not do its
work, or when a tick reads a table whole among many open cases.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks import places, replies, report
from benchmarks.arms import ArmError
from benchmarks.machine import machine
from benchmarks.rounds import Sizes, Taken, take

RESULTS = Path(__file__).parent / "results.md"
FULL = Sizes(rounds=5, due=1_000, few=10_000, many=1_000_000, requests=2_000, idle=100, batch=500)
SMALL = Sizes(rounds=1, due=40, few=400, many=2_000, requests=60, idle=5, batch=20)


def main() -> int:
    """Measure, print, and write unless it was small; return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="tiny numbers, nothing written")
    parser.add_argument("--replies", action="store_true", help="only how replies are read")
    asked = parser.parse_args()
    if asked.replies:
        return only_replies()
    small = asked.small
    load = os.getloadavg()[0]
    try:
        taken = measure(SMALL, at_once=2) if small else measure(FULL, at_once=1)
        heading = "Results of a small run: they mean nothing" if small else "Results"
        text = replies.replaced(
            report.page(heading, machine(load), taken), replies.section(1 if small else replies.ROUNDS)
        )
        sys.stdout.write(text)
        if not small:  # a small table is rightly read whole
            check_plans(taken)
    except ArmError as error:
        sys.stderr.write(f"FAILED: {error}\n")
        return 1
    if small or len(taken) < 2:
        sys.stderr.write("nothing written\n")
    else:
        RESULTS.write_text(text, encoding="utf-8")
    return 0


def only_replies() -> int:
    """Measure the reading of replies alone; print its section and put it into the results."""
    text = replies.section()
    sys.stdout.write(text)
    RESULTS.write_text(replies.replaced(RESULTS.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 0


def measure(sizes: Sizes, *, at_once: int) -> dict[str, Taken]:
    """Measure each database there is; only `at_once` 1 keeps them from disturbing each other."""
    if not places.postgres_url():
        sys.stderr.write("no PostgreSQL: only SQLite is measured\n")
    with (
        tempfile.TemporaryDirectory(prefix="dunwell-benchmark-") as folder,
        ThreadPoolExecutor(at_once) as pool,
    ):
        kinds: dict[str, Callable[[], places.Place]] = {}
        if places.postgres_url():
            kinds["PostgreSQL"] = places.on_postgres
        kinds["SQLite"] = partial(places.on_sqlite, Path(folder))
        running = {name: pool.submit(take, new, sizes) for name, new in kinds.items()}
        return {name: one.result() for name, one in running.items()}


def check_plans(taken: dict[str, Taken]) -> None:
    """Raise `ArmError` when a tick read a table whole, or did not find due cases by their index."""
    for name, one in taken.items():
        if one.plans.more["scans"] or not one.plans.more["alarm"]:
            raise ArmError(f"{name}: {one.plans.more}")


if __name__ == "__main__":
    sys.exit(main())
