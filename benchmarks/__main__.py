"""`make bench`: measures, as ratios in one run, and writes `benchmarks/results.md`.

Every arm runs in a process of its own, arms take turns, and the median of the ratios of each round counts.
`--small` only shows that everything runs. On PostgreSQL when `DUNWELL_DATABASE_URL` names one, else SQLite.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sizes:
    """How much of everything, and how often."""

    rounds: int
    due: int
    open_few: int
    open_many: int
    requests: int


FULL = Sizes(rounds=5, due=1_000, open_few=10_000, open_many=1_000_000, requests=4_000)
SMALL = Sizes(rounds=1, due=40, open_few=200, open_many=1_000, requests=60)


def main() -> int:
    """Run everything and write the results."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="tiny numbers, nothing written")
    small = parser.parse_args().small
    sizes = SMALL if small else FULL
    databases = {"SQLite": "sqlite"}
    if os.environ.get("DUNWELL_DATABASE_URL", "").startswith("postgres"):
        databases = {"PostgreSQL": "postgres", **databases}
    lines: list[str] = []
    for name, kind in databases.items():
        lines += [f"## {name}", "", *measured(kind, sizes), ""]
    text = "\n".join(["# Results", "", *machine(), "", *lines]).rstrip() + "\n"
    sys.stdout.write(text)
    if not small:
        (HERE / "results.md").write_text(text, encoding="utf-8")
    return 0


def machine() -> list[str]:
    """Describe the machine without naming it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        (
            f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}. "
            "One worker, one web process. Machines are noisy: read the ratios."
        ),
        "Written by `make bench`; `python -m benchmarks --small` only shows that it runs.",
    ]


def measured(kind: str, sizes: Sizes) -> list[str]:
    """Measure one database."""
    rounds: list[dict[str, dict[str, Any]]] = []
    for number in range(sizes.rounds):
        sys.stderr.write(f"{kind}: round {number + 1} of {sizes.rounds}\n")
        rounds.append({name: arm(kind, name, values) for name, values in arms(sizes).items()})
    return ["| what | median | range over rounds |", "| --- | --- | --- |", *rows(rounds)]


def arms(sizes: Sizes) -> Mapping[str, tuple[int, ...]]:
    """The arms in the order they take turns."""
    return {
        "tick_few": (sizes.open_few, sizes.due),
        "tick_many": (sizes.open_many, sizes.due),
        "floor": (sizes.due,),
        "ingest": (sizes.requests,),
        "raw_ingest": (sizes.requests,),
    }


def arm(kind: str, name: str, values: tuple[int, ...]) -> dict[str, Any]:
    """Run one arm in a process of its own, on an empty database of its own."""
    with tempfile.TemporaryDirectory(prefix="dunwell-bench-") as folder:
        env = dict(os.environ)
        if kind == "sqlite":
            env["DUNWELL_DATABASE_URL"] = f"sqlite:///{folder}/bench.sqlite3"
        command = [sys.executable, "-m", "benchmarks.arms", name, *(str(value) for value in values)]
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"the arm {name} failed:\n{ran.stderr}")
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def rows(rounds: list[dict[str, dict[str, Any]]]) -> list[str]:
    """One row a figure: its median and its range over the rounds."""

    def row(what: str, values: list[float], digits: int = 0) -> str:
        middle, low, high = statistics.median(values), min(values), max(values)
        return f"| {what} | {middle:,.{digits}f} | {low:,.{digits}f} to {high:,.{digits}f} |"

    few = [r["tick_few"] for r in rounds]
    many = [r["tick_many"] for r in rounds]
    floor = [r["floor"]["rate"] for r in rounds]
    ingest = [r["ingest"] for r in rounds]
    raw = [r["raw_ingest"]["rate"] for r in rounds]
    rate = [r["rate"] for r in few]
    return [
        row(f"cases decided and recorded per second ({few[0]['due']} due of {few[0]['open']:,} open)", rate),
        row(f"the same with {many[0]['open']:,} open", [r["rate"] for r in many]),
        row(
            "tick: time with many open, as a multiple of few open",
            [a["seconds"] / b["seconds"] for a, b in zip(many, few, strict=True)],
            2,
        ),
        row("raw inserts and updates of the same rows, cases per second", floor),
        row("tick, as a share of the raw inserts", [a / b for a, b in zip(rate, floor, strict=True)], 2),
        row("idle tick with many open, ms", [r["idle_ms"] for r in many], 1),
        row("idle tick with few open, ms", [r["idle_ms"] for r in few], 1),
        row("peak memory of the worker with many open, MB", [r["memory_mb"] for r in many]),
        row("webhooks verified, stored and answered per second, 16 connections", [r["rate"] for r in ingest]),
        row("webhook p50, ms", [r["p50"] for r in ingest], 1),
        row("webhook p99, ms", [r["p99"] for r in ingest], 1),
        row("raw one-row inserts per second, one client", raw),
        row(
            "webhooks, as a share of the raw inserts",
            [a["rate"] / b for a, b in zip(ingest, raw, strict=True)],
            2,
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
