"""What came of a call is recorded where the call task stands."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from dunwell.policy.words import CallOutcome
from dunwell.store.models import Hold, ReviewItem, TimelineEntry
from tests.web import letters, sample
from tests.web.conftest import soup, text
from tests.web.sample import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> ReviewItem:
    return letters.call_task(letters.personal())


def _record(desk: Client, task: ReviewItem, outcome: CallOutcome | str, **said: str) -> Any:
    return desk.post(f"/review/{task.pk}/call", {"outcome": str(outcome), **said}, follow=True)


def test_a_call_task_offers_the_six_outcomes_of_a_call(desk: Client, task: ReviewItem) -> None:
    item = soup(desk.get("/review/")).select(f"#item-{task.pk}")[0]

    assert [option.get_text() for option in item.select(f"#call-{task.pk}-outcome option")] == [
        "Choose", "Reached them", "No answer", "They promised to pay", "They dispute the invoice",
        "A payment plan", "Wrong number",
    ]  # fmt: skip
    assert [button.get_text() for button in item.select(".two button")] == ["Record the call", "Assign"]


@pytest.mark.parametrize(
    ("outcome", "until", "hold"),
    [
        (CallOutcome.PROMISE, "2026-04-21", ("promise", datetime(2026, 4, 22, 3, 59, tzinfo=UTC))),
        (CallOutcome.DISPUTE, "", ("dispute", None)),
        (CallOutcome.PLAN, "2026-04-21", ("payment_plan", datetime(2026, 4, 22, 3, 59, tzinfo=UTC))),
    ],
)
def test_a_promise_a_dispute_and_a_plan_hold_the_case_and_end_the_task(
    desk: Client, task: ReviewItem, outcome: CallOutcome, until: str, hold: tuple[str, datetime | None]
) -> None:
    response = _record(desk, task, outcome, until=until, note="Spoke to Imani.")

    task.refresh_from_db()
    made = Hold.objects.get()
    assert "Noted: " in text(response)
    assert (made.kind, made.until_at, made.by) == (*hold, "dana")
    assert (task.closed_at, task.closed_by) == (NOW, "dana")
    entry = TimelineEntry.objects.get(case=task.case, kind="called")
    assert (entry.actor, entry.detail["outcome"]) == ("dana", outcome.value)
    assert "Spoke to Imani." in entry.summary


@pytest.mark.parametrize("outcome", [CallOutcome.NO_ANSWER, CallOutcome.WRONG_NUMBER])
def test_whoever_was_not_reached_is_still_to_be_called(
    desk: Client, task: ReviewItem, outcome: CallOutcome
) -> None:
    response = _record(desk, task, outcome)

    task.refresh_from_db()
    assert "The call is still to be made." in text(response)
    assert task.closed_at is None
    assert not Hold.objects.exists()
    assert TimelineEntry.objects.filter(kind="called").count() == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"outcome": ""}, "Choose how the call ended."),
        ({"outcome": "shouted"}, "Select a valid choice."),
        ({"outcome": "promise"}, "Say by which day they promised to pay."),
        ({"outcome": "plan"}, "Say on which day the plan is to be looked at again."),
        ({"outcome": "promise", "until": "soon"}, "This is not a day."),
        ({"outcome": "promise", "until": "2026-04-14"}, "The day must not lie in the past."),
    ],
)
def test_a_call_that_is_not_told_completely_is_shown_as_typed(
    desk: Client, task: ReviewItem, said: dict[str, str], why: str
) -> None:
    response = desk.post(f"/review/{task.pk}/call?kind=call_task", {**said, "note": "Spoke to Imani."})

    item = soup(response).select(f"#item-{task.pk}")[0]
    task.refresh_from_db()
    assert response.status_code == 422
    assert why in text(response)
    assert item.select(f"#call-{task.pk}-note")[0].get_text().strip() == "Spoke to Imani."
    assert item.select("details")[0].has_attr("open")
    assert task.closed_at is None
    assert not TimelineEntry.objects.filter(kind="called").exists()


def test_a_call_about_something_else_or_settled_already_is_refused(desk: Client, task: ReviewItem) -> None:
    other = sample.review(letters.personal("Corvid Analytics", "INV-7"))
    _record(desk, task, CallOutcome.REACHED)

    again = _record(desk, task, CallOutcome.REACHED)
    wrong = _record(desk, other, CallOutcome.REACHED)

    assert (again.status_code, wrong.status_code) == (422, 422)
    assert "Somebody has settled this already." in text(again)
    assert "This is not about a call." in text(wrong)
    assert TimelineEntry.objects.filter(kind="called").count() == 1
