"""The benchmarks still run, and an arm that does less than the others is found out."""

from dataclasses import replace

import pytest

from benchmarks import arms, places, report, rounds
from benchmarks.arms import ArmError
from benchmarks.measured import Measured
from benchmarks.rounds import Round, Sizes, Taken

SIZES = Sizes(rounds=1, due=20, few=100, many=1_000, requests=50, idle=1, batch=20)
WRITTEN = {
    "entries": 22,
    "distinct entries": 22,
    "heads of chains": 20,
    "mails": 16,
    "distinct mails": 16,
    "still due": 0,
}
STRIDE = 20


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a SQLite file with two thousand open cases."""
    place = places.on_sqlite(tmp_path_factory.mktemp("benchmark"))
    assert arms.run("tick_arms", "prepare", place.url, cases=2_000, stride=STRIDE).done == 2_000
    return place.url


def test_the_floor_writes_the_rows_that_the_shipped_tick_writes(crowd: str) -> None:
    ours = arms.run("tick_arms", "ours", crowd, number=0, due=20, stride=STRIDE)
    least = arms.run("tick_arms", "least", crowd, number=1, due=20, stride=STRIDE)

    assert (ours.done, ours.rows) == (20, WRITTEN)
    assert (least.done, least.rows) == (20, WRITTEN)


def test_a_tick_finds_all_it_asks_for_by_index(crowd: str) -> None:
    plans = arms.run("tick_arms", "plans", crowd, number=2, due=20, stride=STRIDE)

    assert plans.done > 5
    assert plans.more == {"scans": [], "alarm": True}


def test_an_arm_that_breaks_says_why(crowd: str) -> None:
    with pytest.raises(ArmError, match="no_such_arm"):
        arms.run("tick_arms", "no_such_arm", crowd)


def _round(seconds: float) -> Round:
    """A round in which everything was done; the tick among many took `seconds`, all else one."""
    tick = Measured(20, 1.0, 0.5, 90, rows=WRITTEN)
    ingest = Measured(50, 1.0, 0.5, 90, rows={"stored": 50, "distinct": 50}, more={"p50": 2.0, "p99": 9.0})
    idle = Measured(1, 1.0, 0, 0, more={"milliseconds": 1.5})
    found = dict.fromkeys(("ours few", "least few", "least many", "alone few"), tick)
    found |= {"ours many": replace(tick, seconds=seconds), "idle few": idle, "idle many": idle}
    return found | dict.fromkeys(("served", "raw one", "raw some"), ingest)


@pytest.mark.parametrize("name", ["ours few", "ours many", "least few", "least many", "alone few"])
def test_a_tick_arm_that_wrote_less_fails_the_run(name: str) -> None:
    found = _round(1.0)
    rounds.check(found, SIZES)
    found[name] = replace(found[name], rows={**WRITTEN, "mails": 15})

    with pytest.raises(ArmError, match="15"):
        rounds.check(found, SIZES)


@pytest.mark.parametrize("name", ["served", "raw one", "raw some"])
def test_an_ingest_arm_that_stored_less_fails_the_run(name: str) -> None:
    found = _round(1.0)
    found[name] = replace(found[name], rows={"stored": 49, "distinct": 49})

    with pytest.raises(ArmError, match=f"{name} stored"):
        rounds.check(found, SIZES)


@pytest.mark.parametrize(("seconds", "verdict"), [(1.9, "met: 1.90"), (2.5, "**missed**: 2.50")])
def test_the_page_says_whether_the_goal_was_met(seconds: float, verdict: str) -> None:
    plans = Measured(11, 0, 0, 0, more={"scans": [], "alarm": True})
    taken = Taken("SQLite 3", [_round(seconds)], plans, SIZES)

    page = report.page("Results", "Two cores.", {"SQLite": taken})

    assert f"| tick at 1,000 open takes at most 2 times that at 100 | {verdict} |" in page.splitlines()
