"""Pausing with an end date, and resuming with a look at what would happen."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from dunwell.engine.clock import VirtualClock
from dunwell.engine.ports import Ports
from dunwell.engine.tick import tick
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


KINDS: list[tuple[dict[str, str], tuple[str, datetime | None], str]] = [
    (
        {"kind": "promise", "until": "2026-04-21"},
        ("promise", datetime(2026, 4, 22, 3, 59, tzinfo=UTC)),
        "On hold until Tue 21 Apr, the day they promised to pay by.",
    ),
    ({"kind": "dispute"}, ("dispute", None), "On hold until the dispute is settled."),
    (
        {"kind": "do_not_contact", "scope": "customer"},
        ("do_not_contact", None),
        "Nobody is contacted any more until this hold is ended.",
    ),
    (
        {"kind": "payment_plan", "count": "2", "first": "2026-05-01", "every": "1"},
        ("payment_plan", None),
        "On hold as long as every part of the plan comes.",
    ),
    (
        {"kind": "payment_plan", "parts": "2026-05-01 USD 7000.00\n\n 2026-05-08 7200.00"},
        ("payment_plan", None),
        "On hold as long as every part of the plan comes.",
    ),
]


@pytest.mark.parametrize(("typed", "placed", "said"), KINDS)
def test_every_kind_of_hold_a_person_may_set_is_set_and_sends_nothing(
    desk: Client, typed: dict[str, str], placed: tuple[str, datetime | None], said: str
) -> None:
    aurelius, _, _ = sample.three_cases()
    mails = OutboxItem.objects.count()

    response = desk.post(
        f"/cases/{aurelius.pk}/hold", {"reason": "They called.", "scope": "case", **typed}, follow=True
    )

    hold = Hold.objects.get(customer=aurelius.customer)
    assert ((hold.kind, hold.until_at), hold.by) == (placed, "dana")
    assert (hold.case is None) == (typed.get("scope") == "customer")
    assert said in text(response)
    assert "They called." in text(response)
    assert OutboxItem.objects.count() == mails


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ({"kind": "promise"}, "Choose the day they promised to pay by."),
        ({"kind": "promise", "until": "2026-04-14"}, "The day must be in the future."),
        ({"kind": "dispute", "scope": "customer"}, "A dispute stops the clock of one invoice only."),
        ({"kind": "payment_plan", "scope": "customer"}, "A payment plan is for one invoice."),
        ({"kind": "payment_plan"}, "Say how many parts and when the first is due, or list them."),
        ({"kind": "payment_plan", "count": "0", "first": "2026-05-01"}, "Choose 1 to 24 parts."),
        ({"kind": "payment_plan", "count": "two", "first": "2026-05-01"}, "Choose 1 to 24 parts."),
        (
            {"kind": "payment_plan", "count": "2", "first": "2026-04-01"},
            "The first part must not lie in the past.",
        ),
        (
            {"kind": "payment_plan", "parts": "2026-05-01 1"},
            "The parts come to USD 1.00, but USD 14,200.00 is open.",
        ),
        ({"kind": "payment_plan", "parts": "2026-05-01"}, "'2026-05-01' is not a part."),
        ({"kind": "payment_plan", "parts": "2026-05-01 1e9"}, "is not a part."),
        ({"kind": "veto"}, "Select a valid choice."),
        ({"kind": "reply"}, "Select a valid choice."),
    ],
)
def test_a_hold_that_lacks_what_its_kind_needs_is_refused(
    desk: Client, typed: dict[str, str], problem: str
) -> None:
    aurelius, _, _ = sample.three_cases()

    response = desk.post(f"/cases/{aurelius.pk}/hold", {"reason": "They called.", "scope": "case", **typed})

    assert (response.status_code, problem in text(response)) == (422, True)
    assert not Hold.objects.filter(customer=aurelius.customer).exists()


def test_a_dispute_lies_on_the_desk_until_its_hold_is_released(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    desk.post(f"/cases/{aurelius.pk}/hold", {"kind": "dispute", "reason": "Wrong hours.", "scope": "case"})
    hold = Hold.objects.get(case=aurelius)
    assert list(aurelius.reviews.values_list("kind", "closed_at")) == [("dispute", None)]

    desk.post(f"/cases/{aurelius.pk}/holds/{hold.pk}/resume")

    assert [item.closed_by for item in aurelius.reviews.all()] == ["dana"]


def test_nobody_is_contacted_about_a_new_case_of_a_customer_either(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    typed = {"kind": "do_not_contact", "reason": "Their lawyer asked.", "scope": "customer"}
    desk.post(f"/cases/{aurelius.pk}/hold", typed)

    new = sample.case(Wanted(aurelius.customer, "INV-2026-05-0001", 5_000))

    page = text(desk.get(f"/cases/{new.pk}/"))
    assert "Do not contact until somebody ends it, for all invoices of this customer" in page


def test_the_case_shows_how_far_a_plan_has_come(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    parts = "2026-04-20 4200.00\n2026-05-20 5000.00\n2026-06-20 5000.00"
    desk.post(
        f"/cases/{aurelius.pk}/hold",
        {"kind": "payment_plan", "parts": parts, "reason": "Agreed.", "scope": "case"},
    )
    aurelius.invoice.open_minor = 1_000_000
    aurelius.invoice.save()

    page = text(desk.get(f"/cases/{aurelius.pk}/"))

    assert "USD 4,200.00 paid of USD 14,200.00" in page
    assert "USD 4,200.00 by Mon 20 Apr 2026 ✓ has come USD 5,000.00 by Wed 20 May 2026 ● next" in page
    assert "USD 5,000.00 by Sat 20 Jun 2026 ○ later" in page


def _mails(row: Case) -> list[str]:
    return list(OutboxItem.objects.filter(case=row, state="queued").values_list("stage", flat=True))


def test_a_promise_set_here_breaks_the_morning_after_its_day(
    desk: Client, clock: VirtualClock, ports: Ports
) -> None:
    aurelius, _, _ = sample.three_cases()
    typed = {"kind": "promise", "until": "2026-04-21", "reason": "By phone.", "scope": "case"}
    desk.post(f"/cases/{aurelius.pk}/hold", typed)

    clock.move_to(datetime(2026, 4, 22, 4, 0, tzinfo=UTC))
    tick(ports, clock.now())
    assert [item.kind for item in aurelius.reviews.all()] == ["broken_promise"]
    assert _mails(aurelius) == []
    clock.move_to(datetime(2026, 4, 22, 13, 0, tzinfo=UTC))
    tick(ports, clock.now())

    assert _mails(aurelius) == ["direct"]


def test_a_plan_set_here_breaks_on_the_morning_after_a_part_that_did_not_come(
    desk: Client, clock: VirtualClock, ports: Ports
) -> None:
    aurelius, _, _ = sample.three_cases()
    typed = {"kind": "payment_plan", "count": "2", "first": "2026-05-04", "every": "0", "reason": "Agreed."}
    desk.post(f"/cases/{aurelius.pk}/hold", {**typed, "scope": "case"})

    clock.move_to(datetime(2026, 5, 5, 3, 58, tzinfo=UTC))
    tick(ports, clock.now())
    assert not aurelius.reviews.exists()
    clock.move_to(datetime(2026, 5, 5, 3, 59, tzinfo=UTC))
    tick(ports, clock.now())
    assert [item.kind for item in aurelius.reviews.all()] == ["broken_promise"]
    assert _mails(aurelius) == []
    clock.move_to(datetime(2026, 5, 5, 13, 0, tzinfo=UTC))
    tick(ports, clock.now())

    assert _mails(aurelius) == ["direct"]
    page = text(desk.get(f"/cases/{aurelius.pk}/history"))
    assert "USD 7,100.00 by Mon 4 May 2026 ✕ has not come" in page
