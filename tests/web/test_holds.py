"""Pausing with an end date, and resuming with a look at what would happen."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from dunwell.policy.words import CaseStatus, Ending, HoldKind
from dunwell.store.models import Case, Hold, OutboxItem, TimelineEntry
from tests.web import sample
from tests.web.conftest import soup, text
from tests.web.sample import NOW, Wanted

pytestmark = pytest.mark.django_db

GOOD = {"kind": "pause", "until": "2026-04-30", "reason": "Imani is on leave.", "scope": "case"}


def test_a_pause_lasts_to_the_end_of_its_day_where_the_customer_is(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()

    response = desk.post(f"/cases/{aurelius.pk}/hold", GOOD)

    hold = Hold.objects.get(case=aurelius)
    assert (response.status_code, response["Location"]) == (302, f"/cases/{aurelius.pk}/")
    assert (hold.kind, hold.by, hold.reason, hold.start_at) == ("pause", "dana", "Imani is on leave.", NOW)
    assert hold.until_at == datetime(2026, 5, 1, 3, 59, tzinfo=UTC)
    page = text(desk.get(response["Location"]))
    assert "Paused until Thu 30 Apr." in page
    assert "Pause until Thu 30 Apr, 23:59 New York" in page


def test_a_pause_leaves_an_entry_with_who_and_why_and_sends_nothing(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    mails = OutboxItem.objects.count()

    desk.post(f"/cases/{aurelius.pk}/hold", GOOD)

    entry = TimelineEntry.objects.filter(case=aurelius, kind="hold").get()
    assert entry.actor == "dana"
    assert "Imani is on leave." in entry.summary
    assert OutboxItem.objects.count() == mails


def test_a_pause_can_cover_everything_a_customer_owes(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    other = sample.case(Wanted(aurelius.customer, "INV-2026-04-1199", 5_000))

    desk.post(f"/cases/{aurelius.pk}/hold", {**GOOD, "scope": "customer"})

    assert Hold.objects.get(kind="pause").case is None
    page = text(desk.get(f"/cases/{other.pk}/"))
    assert "Pause until Thu 30 Apr, 23:59 New York, for all invoices of this customer" in page


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"until": ""}, "Choose the day the pause ends."),
        ({"until": "2026-04-15"}, "The day must be in the future."),
        ({"until": "2025-12-31"}, "The day must be in the future."),
        ({"until": "2062-04-30"}, "That is more than three years away. Check the year."),
        ({"until": "9999-12-31"}, "That is more than three years away. Check the year."),
        ({"until": "31/12/2026"}, "This is not a day. Write it like 2026-04-30."),
        ({"until": "0000-00-00"}, "This is not a day. Write it like 2026-04-30."),
        ({"reason": " "}, "Say why, so that others understand it later."),
    ],
)
def test_a_wrong_pause_is_shown_in_place_with_what_was_typed(
    desk: Client, typed: dict[str, str], problem: str
) -> None:
    aurelius, _, _ = sample.three_cases()

    response = desk.post(f"/cases/{aurelius.pk}/hold", {**GOOD, **typed})

    page = soup(response)
    assert response.status_code == 422
    assert problem in text(response)
    assert page.select("details.act")[0].has_attr("open")
    kept = {name: page.select(f"#hold-{name}")[0].get("value", "") for name in ("until", "reason")}
    wanted = {**GOOD, **typed}
    assert kept["until"] == wanted["until"]
    assert str(kept["reason"]).strip() == wanted["reason"].strip()
    assert page.select("[aria-invalid=true]")[0]["aria-describedby"] == page.select("span.error")[0]["id"]
    assert not Hold.objects.filter(case=aurelius).exists()


def test_today_is_the_customers_day_not_ours(desk: Client) -> None:
    auckland = sample.case(Wanted(sample.customer("Kauri Mills", timezone="Pacific/Auckland"), "INV-1", 100))

    late = desk.post(f"/cases/{auckland.pk}/hold", {**GOOD, "until": "2026-04-16"})
    good = desk.post(f"/cases/{auckland.pk}/hold", {**GOOD, "until": "2026-04-17"})

    assert (late.status_code, good.status_code) == (422, 302)


def test_a_closed_case_is_not_paused(desk: Client) -> None:
    row = sample.case(
        Wanted(sample.customer("Oakhurst"), "INV-1", 0, status=CaseStatus.CLOSED, ending=Ending.RECOVERED)
    )

    response = desk.post(f"/cases/{row.pk}/hold", GOOD)

    assert response.status_code == 422
    assert "This case is closed." in text(response)
    assert not Hold.objects.exists()


def test_a_closed_cases_problem_is_seen_although_its_form_is_gone(desk: Client) -> None:
    row = sample.case(
        Wanted(sample.customer("Oakhurst"), "INV-1", 0, status=CaseStatus.CLOSED, ending=Ending.RECOVERED)
    )

    response = desk.post(f"/cases/{row.pk}/close", {"ending": "voided", "reason": "Twice."})

    assert "This case is closed." in text(response)


def test_the_preview_says_what_would_happen_and_changes_nothing(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    hold = sample.hold(aurelius, HoldKind.PAUSE, reason="Imani is on leave.")
    before = (Case.objects.values().get(pk=aurelius.pk), TimelineEntry.objects.count())

    response = desk.get(f"/cases/{aurelius.pk}/holds/{hold.pk}/resume")

    hold.refresh_from_db()
    page = text(response)
    assert "What would happen next If released now: The direct" in page
    assert "Imani is on leave." in page
    assert "Resuming sends nothing by itself." in page
    assert hold.ended_at is None
    assert (Case.objects.values().get(pk=aurelius.pk), TimelineEntry.objects.count()) == before


def test_resuming_ends_the_hold_and_sends_nothing_in_the_same_breath(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    hold = sample.hold(aurelius, HoldKind.PAUSE)
    mails = OutboxItem.objects.count()

    response = desk.post(f"/cases/{aurelius.pk}/holds/{hold.pk}/resume")

    hold.refresh_from_db()
    aurelius.refresh_from_db()
    assert (response.status_code, response["Location"]) == (302, f"/cases/{aurelius.pk}/")
    assert hold.ended_at == NOW
    assert OutboxItem.objects.count() == mails
    assert aurelius.due_at is not None
    assert aurelius.due_at > NOW
    assert "Resumed. Nothing was sent; the next look is below." in text(desk.get(response["Location"]))


def test_a_hold_that_has_ended_cannot_be_ended_again(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    hold = sample.hold(aurelius)
    desk.post(f"/cases/{aurelius.pk}/holds/{hold.pk}/resume")
    entries = TimelineEntry.objects.count()

    response = desk.post(f"/cases/{aurelius.pk}/holds/{hold.pk}/resume", follow=True)

    assert "That hold has ended already." in text(response)
    assert TimelineEntry.objects.count() == entries


def test_a_hold_is_resumed_from_its_own_case_only(desk: Client) -> None:
    aurelius, northgate, _ = sample.three_cases()
    hold = Hold.objects.get(case=northgate)

    desk.post(f"/cases/{aurelius.pk}/holds/{hold.pk}/resume")

    hold.refresh_from_db()
    assert hold.ended_at is None


def test_a_hold_that_has_run_out_by_itself_is_not_offered(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    hold = sample.hold(aurelius)
    hold.until_at = NOW - timedelta(seconds=1)
    hold.save()

    assert "Preview resuming" not in text(desk.get(f"/cases/{aurelius.pk}/"))


def test_ending_what_the_relationship_owner_asked_for_takes_a_manager(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    hold = sample.hold(aurelius, HoldKind.VETO)
    address = f"/cases/{aurelius.pk}/holds/{hold.pk}/resume"

    seen, refused = desk.get(address), desk.post(address)

    hold.refresh_from_db()
    said = "The relationship owner asked for this; ending it takes a manager. Nobody here has that permission yet."
    assert said in text(seen)
    assert soup(seen).select("main form button") == []
    assert (refused.status_code, hold.ended_at) == (422, None)


def test_a_manager_ends_what_the_relationship_owner_asked_for(manager: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    hold = sample.hold(aurelius, HoldKind.VETO)

    manager.post(f"/cases/{aurelius.pk}/holds/{hold.pk}/resume")

    hold.refresh_from_db()
    assert hold.ended_at == NOW
