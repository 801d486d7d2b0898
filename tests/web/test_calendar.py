"""What is coming up: a page for those who log in, and a read-only feed for their calendars."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar

from dunwell.engine.clock import VirtualClock
from dunwell.engine.ports import Ports
from dunwell.policy.words import CaseStatus, CollectionOwner, Ending
from dunwell.store.models import Case, Hold, OutboxItem, TimelineEntry
from tests.web import letters, sample
from tests.web.conftest import soup, text
from tests.web.sample import NOW, Wanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def northgate(ports: Ports) -> Case:
    """A large customer with a draft whose owner may still stop it."""
    return letters.draft(letters.personal(), ports).case


@pytest.fixture
def feed(desk: Client, northgate: Case) -> str:
    """The path of Dana's own feed."""
    address = str(soup(desk.get("/coming-up/")).select("#feed")[0]["value"])
    assert address.startswith("http://testserver/calendar/")
    assert address.endswith(".ics")
    return address.removeprefix("http://testserver")


def _events(response: Any) -> dict[str, Any]:
    calendar = Calendar.from_ical(response.content)
    return {str(event["uid"]): event for event in calendar.walk("VEVENT")}


def test_the_page_lists_what_is_planned_soonest_first(desk: Client, northgate: Case) -> None:
    response = desk.get("/coming-up/")

    rows = [" ".join(row.get_text(" ").split()) for row in soup(response).select("tbody tr")]
    assert rows[0].startswith("Wed 15 Apr, 11:05 New York Time to stop the letter ends From then on")
    assert rows[0].endswith("Northgate Capital INV-2026-04-1177 USD 6,880.00")
    assert rows[1].startswith("Tue 5 May, 09:00 New York Last day of automation Day 21 after the failure")
    assert len(rows) == 2


def test_only_running_cases_that_are_personal_or_collected_by_us_are_looked_at(
    desk: Client, northgate: Case
) -> None:
    standard = Wanted(sample.customer("Aurelius Partners"), "INV-1", 1_420_000)
    sample.case(standard)
    ours = Wanted(
        sample.customer("Corvid Analytics"),
        "INV-2",
        1_000,
        columns={"collection": CollectionOwner.DUNWELL.value, "taken_over_at": NOW, "proved_at": NOW},
    )
    sample.case(ours)
    letters.personal("Waits for a person", "INV-3", due_at=None)
    closed = {"status": CaseStatus.CLOSED.value, "ending": Ending.RECOVERED.value, "closed_at": NOW}
    letters.personal("Closed", "INV-4", **closed, due_at=NOW)

    page = soup(desk.get("/coming-up/"))

    assert {link.get_text() for link in page.select("tbody .into")} == {
        "Northgate Capital",
        "Corvid Analytics",
    }


def test_nothing_planned_says_so(desk: Client) -> None:
    assert "Nothing is planned" in text(desk.get("/coming-up/"))


def test_the_feed_is_a_calendar_in_utc_that_needs_no_login(feed: str, northgate: Case) -> None:
    response = Client().get(feed)

    events = _events(response)
    ends = events[f"case-{northgate.pk}-veto_ends@testserver"]
    assert response.status_code == 200
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert response.content.startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Dunwell//")
    assert b"DTSTART:20260415T150500Z\r\n" in response.content
    assert ends.decoded("dtstart") == datetime(2026, 4, 15, 15, 5, tzinfo=UTC)
    assert str(ends["summary"]) == (
        "Time to stop letter 1 ends: invoice INV-2026-04-1177, Northgate Capital, USD 6,880.00"
    )
    assert str(ends["url"]) == f"http://testserver/cases/{northgate.pk}/"
    assert set(events) == {f"case-{northgate.pk}-{kind}@testserver" for kind in ("veto_ends", "last_day")}


def test_the_feed_names_nobody_and_no_address(feed: str) -> None:
    content = Client().get(feed).content

    for private in (b"Imani", b"Felix", b"example", b"@northgate", b"/pay/"):
        assert private not in content


def test_an_entry_keeps_its_name_when_its_time_moves(feed: str, northgate: Case) -> None:
    before = _events(Client().get(feed))
    northgate.letters.update(owner_until=NOW + timedelta(hours=5))

    after = _events(Client().get(feed))

    uid = f"case-{northgate.pk}-veto_ends@testserver"
    assert set(before) == set(after)
    moved = after[uid].decoded("dtstart") - before[uid].decoded("dtstart")
    assert moved == timedelta(hours=3)


def test_reading_the_feed_changes_nothing(feed: str) -> None:
    tables = (TimelineEntry, Case, OutboxItem, Hold)
    before = [list(table.objects.order_by("pk").values()) for table in tables]

    Client().get(feed)
    Client().head(feed)
    refused = Client(enforce_csrf_checks=True).post(feed)

    assert refused.status_code in (403, 405)
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before


def test_a_feed_ends_with_the_account_and_with_the_password(feed: str) -> None:
    assert Client().get(feed).status_code == 200
    dana = User.objects.get(username="dana")
    dana.is_active = False
    dana.save()
    assert Client().get(feed).status_code == 404

    dana.is_active = True
    dana.set_password("another long password")
    dana.save()
    assert Client().get(feed).status_code == 404


def test_everybody_has_an_address_of_their_own(feed: str) -> None:
    other = Client()
    other.force_login(letters.signer())

    theirs = str(soup(other.get("/coming-up/")).select("#feed")[0]["value"])

    assert not theirs.endswith(feed)
    assert Client().get(theirs).status_code == 200


def test_a_forged_token_is_not_found(feed: str) -> None:
    token = feed.removeprefix("/calendar/").removesuffix(".ics")
    forged = [token[:-1] + ("A" if token[-1] != "A" else "B"), "x", "x:y", token + "x", "%F0%9F%98%80"]

    answers = [Client().get(f"/calendar/{each}.ics") for each in forged]

    assert {answer.status_code for answer in answers} == {404}
    assert b"Northgate" not in answers[0].content


def test_a_customers_name_cannot_add_to_the_calendar(desk: Client, ports: Ports) -> None:
    letters.draft(letters.personal("Evil\r\nEND:VEVENT\r\nBEGIN:VALARM"), ports)
    address = str(soup(desk.get("/coming-up/")).select("#feed")[0]["value"])

    calendar = Calendar.from_ical(Client().get(address).content)

    assert len(calendar.walk("VEVENT")) == 2
    assert calendar.walk("VALARM") == []


def test_the_page_costs_the_same_however_many_cases_there_are(
    desk: Client, northgate: Case, clock: VirtualClock
) -> None:
    desk.get("/coming-up/")
    with CaptureQueriesContext(connection) as few:
        desk.get("/coming-up/")
    for number in range(8):
        letters.personal(f"Customer {number}", f"INV-{number}")

    with CaptureQueriesContext(connection) as many:
        desk.get("/coming-up/")

    assert len(many) == len(few) <= 20
