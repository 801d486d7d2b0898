"""Scenarios walk the calendar and are held to golden timelines; `make scenarios` writes them anew."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from dunwell.engine.replay.history import read_history
from dunwell.engine.replay.run import Replay
from dunwell.engine.replay.step import Step
from dunwell.policy.book import Book
from dunwell.policy.calendars import calendar_for
from dunwell.policy.words import ActionKind, Stage
from dunwell.policy.zones import zone_for
from dunwell.wiring import built_in_book, read_book

HERE = Path(__file__).parent
HISTORIES = sorted((HERE / "histories").glob("*.jsonl"))
STAGES = list(Stage)


def book_for(path: Path) -> Book:
    """The policy of the same name as a history, else the built-in one."""
    own = HERE / "policies" / f"{path.stem}.toml"
    return read_book(own) if own.exists() else built_in_book()


def replayed(path: Path) -> list[Step]:
    world = Replay(book_for(path))
    with path.open(encoding="utf-8") as lines:
        return list(world.steps(read_history(lines), None))


def as_text(steps: Sequence[Step]) -> str:
    """One step a line group: the customer's own time first, then what and why."""
    told = []
    for step in steps:
        zone = zone_for(step.case.customer, built_in_book().policy).zone
        local = step.at.astimezone(zone)
        stage = f" {step.stage}" if step.stage else ""
        to = f" to {step.to}" if step.to else ""
        told.append(
            f"{local:%a %Y-%m-%d %H:%M %Z} {step.invoice} {step.action}{stage}{to}\n    {step.because}\n"
        )
    return "".join(told)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_scenario_goes_as_written(path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(HERE / "timelines" / f"{path.stem}.txt", as_text(replayed(path)))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_stages_are_never_skipped_bunched_or_sent_after_the_end(path: Path) -> None:
    steps = replayed(path)
    # An invoice that is paid and fails again has two cases.
    for about in {(step.invoice, step.case.opened_at) for step in steps}:
        mine = [step for step in steps if (step.invoice, step.case.opened_at) == about]
        sent = [step for step in mine if step.action is ActionKind.SEND and not step.letter]
        assert [step.stage for step in sent] == STAGES[: len(sent)]
        assert all(b.at - a.at >= timedelta(days=2) for a, b in pairwise(sent))
        closed = [step.at for step in mine if step.action is ActionKind.CLOSE]
        assert all(step.at < closed[0] for step in sent if closed)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_letters_are_drafted_first_and_leave_in_order_only_while_collection_is_ours(path: Path) -> None:
    steps = replayed(path)
    for invoice in {step.invoice for step in steps}:
        mine = [step for step in steps if step.invoice == invoice]
        sent = [step for step in mine if step.action is ActionKind.SEND and step.letter]
        assert [step.letter for step in sent] == [1, 2, 3][: len(sent)]
        ours = [step.at for step in mine if step.action is ActionKind.TAKE_OVER]
        ended = [step.at for step in mine if step.action in (ActionKind.CLOSE, ActionKind.ESCALATE)]
        for letter in sent:
            drafts = [
                step.at for step in mine if (step.action, step.letter) == (ActionKind.DRAFT, letter.letter)
            ]
            assert drafts[-1] < letter.at
            assert letter.case.failed_at is None or ours[0] <= drafts[-1]
            assert not ended or letter.at < ended[0]


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_our_own_retries_fall_into_the_customer_s_working_mornings(path: Path) -> None:
    policy = built_in_book().policy
    for step in replayed(path):
        if step.action is ActionKind.RETRY and not step.because.startswith("The customer saved"):
            calendar, _ = calendar_for(step.case.customer, policy)
            local = step.at.astimezone(zone_for(step.case.customer, policy).zone)
            assert calendar.is_working_day(local.date())
            assert 10 <= local.hour < 12


def test_the_same_history_gives_the_same_output_byte_for_byte() -> None:
    path = HERE / "histories" / "personal_veto_then_a_new_draft.jsonl"
    assert [step.as_json() for step in replayed(path)] == [step.as_json() for step in replayed(path)]
