"""What a replay sums up when money that had come is taken back."""

import json
from pathlib import Path

from dunwell.engine.replay.history import read_history
from dunwell.engine.replay.outcome import Outcome, outcome_of
from dunwell.engine.replay.run import Replay
from dunwell.wiring import built_in_book

HISTORIES = Path(__file__).parent.parent / "scenarios" / "histories"


def outcome(lines: list[str]) -> Outcome:
    world = Replay(built_in_book())
    steps = list(world.steps(read_history(lines), None))
    return outcome_of(built_in_book(), steps, world)


def won_twice() -> list[str]:
    """Paid, taken back, won; taken back and won once more."""
    return (HISTORIES / "chargeback_won_closes_again.jsonl").read_text(encoding="utf-8").splitlines()


def test_a_case_that_ended_three_times_counts_once_and_by_its_last_end() -> None:
    done = outcome(won_twice())
    assert (done.closed, done.open_cases, done.money_open) == (1, 0, "none")
    assert done.days_to_close == "74.0"


def test_money_that_was_taken_back_is_open_and_its_case_has_not_ended() -> None:
    done = outcome(won_twice()[:4])
    assert (done.closed, done.open_cases, done.money_open) == (0, 1, "USD 1,200.00")
    assert done.days_to_close == "none closed"


def test_an_invoice_that_fails_anew_after_its_case_ended_is_a_second_case() -> None:
    lines = won_twice()[:3]
    again = {**json.loads(lines[1]), "at": "2026-04-20T14:03:00Z"}
    done = outcome([*lines, json.dumps(again)])
    assert (done.closed, done.open_cases) == (1, 1)
