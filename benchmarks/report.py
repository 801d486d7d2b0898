"""Turns rounds into a page: a figure a row, its median and its range over the rounds, and the goals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from benchmarks.rounds import CLIENTS, Round, Sizes, Taken

_HOW = (
    "Median (lowest to highest) of {rounds} rounds; a ratio is taken within each round. One worker, one web "
    "process, one load client on the same machine. Machines are noisy: read the ratios. What each row means: "
    "docs/performance.md."
)


@dataclass(frozen=True)
class Figure:
    """One row: what it is, and how to find it in a round."""

    what: str
    of: Callable[[Round], float]
    digits: int = 0


def growth(found: Round) -> float:
    """How much longer the same due cases take when many are open."""
    return found["ours many"].seconds / found["ours few"].seconds


def share(found: Round, size: str) -> float:
    """The speed of ours as a share of the floor."""
    return found[f"least {size}"].seconds / found[f"ours {size}"].seconds


def idle(found: Round, size: str) -> float:
    """Milliseconds of a tick with nothing due."""
    return float(found[f"idle {size}"].more["milliseconds"])


def page(heading: str, machine: str, taken: Mapping[str, Taken]) -> str:
    """Write the whole page as Markdown."""
    sizes = next(iter(taken.values())).sizes
    lines = [
        f"# {heading}",
        "",
        _HOW.format(rounds=sizes.rounds),
        "",
        machine,
        *[f"{one.database}." for one in taken.values()],
        "",
        f"| what | {' | '.join(taken)} |",
        "| --- |" + " --- |" * len(taken),
    ]
    for figure in _figures(sizes):
        cells = [_cell(figure, one.rounds) for one in taken.values()]
        lines.append(f"| {figure.what} | {' | '.join(cells)} |")
    lines += ["", "## Goals", "", f"| goal | {' | '.join(taken)} |", "| --- |" + " --- |" * len(taken)]
    lines += _goals(list(taken.values()), sizes)
    lines += ["", "## Rows and plans", "", *_proof(taken)]
    return "\n".join(lines) + "\n"


def _cell(figure: Figure, rounds: list[Round]) -> str:
    values, digits = [figure.of(found) for found in rounds], figure.digits
    low, high = f"{min(values):,.{digits}f}", f"{max(values):,.{digits}f}"
    return f"{median(values):,.{digits}f} ({low} to {high})"


def _figures(sizes: Sizes) -> list[Figure]:
    few, many, due = f"{sizes.few:,} open", f"{sizes.many:,} open", f"{sizes.due:,} due"
    return [
        Figure(f"tick, {due} of {few}: cases a second", lambda r: r["ours few"].rate),
        Figure(f"tick, {due} of {many}: cases a second", lambda r: r["ours many"].rate),
        Figure(f"**time of a tick at {many}, as a multiple of that at {few}**", growth, 2),
        Figure(f"floor, the same rows, {few}: cases a second", lambda r: r["least few"].rate),
        Figure(f"floor, the same rows, {many}: cases a second", lambda r: r["least many"].rate),
        Figure(f"**tick as a share of the floor, {few}**", lambda r: share(r, "few"), 2),
        Figure(f"**tick as a share of the floor, {many}**", lambda r: share(r, "many"), 2),
        Figure(
            f"the floor with one transaction a case, {few}: cases a second", lambda r: r["alone few"].rate
        ),
        Figure("**tick as a multiple of that**", lambda r: r["alone few"].seconds / r["ours few"].seconds, 2),
        Figure(f"idle tick, {few}: ms", lambda r: idle(r, "few"), 2),
        Figure(f"idle tick, {many}: ms", lambda r: idle(r, "many"), 2),
        Figure("**idle tick, the second over the first**", lambda r: idle(r, "many") / idle(r, "few"), 2),
        Figure(
            f"worker's CPU a case, {many}: ms", lambda r: r["ours many"].cpu / r["ours many"].done * 1000, 2
        ),
        Figure(f"worker's peak memory, {few}: MB", lambda r: r["ours few"].memory_mb),
        Figure(f"worker's peak memory, {many}: MB", lambda r: r["ours many"].memory_mb),
        *_ingest("webhooks verified, stored and answered, 16 connections", "served"),
        *_ingest("raw one-row inserts, 1 client", "raw one"),
        *_ingest(f"raw one-row inserts, {CLIENTS} clients", "raw some"),
        Figure("**webhooks as a share of 1 raw client**", lambda r: r["served"].rate / r["raw one"].rate, 2),
        Figure(
            f"**webhooks as a share of {CLIENTS} raw clients**",
            lambda r: r["served"].rate / r["raw some"].rate,
            2,
        ),
    ]


def _ingest(what: str, name: str) -> list[Figure]:
    return [
        Figure(f"{what}: a second", lambda r: r[name].rate),
        Figure(f"{what}: p50, ms", lambda r: float(r[name].more["p50"]), 1),
        Figure(f"{what}: p99, ms", lambda r: float(r[name].more["p99"]), 1),
    ]


def _goals(taken: list[Taken], sizes: Sizes) -> list[str]:
    goals: list[tuple[str, Callable[[Round], float], float, bool]] = [
        (f"tick at {sizes.many:,} open takes at most 2 times that at {sizes.few:,}", growth, 2, True),
        (f"idle tick at {sizes.many:,} open: at most 10 ms", lambda r: idle(r, "many"), 10, True),
        (
            f"idle tick at {sizes.many:,} open: at most 2 times that at {sizes.few:,}",
            lambda r: idle(r, "many") / idle(r, "few"),
            2,
            True,
        ),
        (f"tick at {sizes.many:,} open: at least 0.30 of the floor", lambda r: share(r, "many"), 0.3, False),
    ]
    lines = []
    for what, of, limit, at_most in goals:
        found = [median(of(each) for each in one.rounds) for one in taken]
        met = [value <= limit if at_most else value >= limit for value in found]
        cells = [
            f"{'met' if yes else '**missed**'}: {value:.2f}" for value, yes in zip(found, met, strict=True)
        ]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return lines


def _proof(taken: Mapping[str, Taken]) -> list[str]:
    """Say what every arm of every round wrote: the same, or there would be no page."""
    lines = []
    for name, one in taken.items():
        rows = ", ".join(f"{what} {count:,}" for what, count in one.rounds[0]["ours few"].rows.items())
        scans = ", ".join(one.plans.more["scans"]) or "none"
        found = "yes" if one.plans.more["alarm"] else "no"
        plans = (
            f"{one.plans.done} statements explained; tables read whole: {scans}; due cases by index: {found}"
        )
        lines += [
            f"* {name}: every tick, floor and one-by-one arm wrote the same: {rows}.",
            f"* {name}: every ingest arm stored {one.sizes.requests:,} events once; a second delivery added none.",
            f"* {name}: plans of a tick at {one.sizes.many:,} open: {plans}.",
        ]
    return lines
