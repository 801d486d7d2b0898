"""The list of cases: what it shows, finds, sorts, adds up, and what it costs."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup, Tag
from django.contrib.auth.models import User
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from dunwell.policy.words import CaseStatus, Ending, HoldKind, InvoiceStatus, Stage, Track
from dunwell.store import desk as desk_reads
from tests.web import sample
from tests.web.conftest import soup, text, words_of
from tests.web.sample import NOW, Wanted

pytestmark = pytest.mark.django_db


def _names(response: object) -> list[str]:
    return [link.get_text() for link in soup(response).select("table.cases .into")]


def _row(response: object, name: str) -> str:
    row = next(row for row in soup(response).select("table.cases tbody tr") if name in row.get_text())
    return words_of(row)


def test_a_row_says_who_owes_what_and_what_comes_next(desk: Client) -> None:
    sample.three_cases()

    row = _row(desk.get("/"), "Aurelius Partners")

    assert row == (
        "Aurelius Partners INV-2026-04-1198 USD 14,200.00 Open Reminder sent "
        "Not written on Saturday: the customer's next working morning is Monday. "
        "Standard 8 days Next look Thu 16 Apr, 09:00 New York"
    )


def test_a_held_case_says_by_what_and_until_when(desk: Client) -> None:
    sample.three_cases()

    assert "Held Promise to pay until Tue 21 Apr" in _row(desk.get("/"), "Northgate Capital")


def test_a_hold_on_the_customer_holds_every_case_of_theirs(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    other = sample.case(Wanted(aurelius.customer, "INV-2026-04-1199", 5_000))
    sample.hold(aurelius, HoldKind.DO_NOT_CONTACT, days=None, whole_customer=True)

    response = desk.get("/?status=held&sort=customer")

    assert _names(response) == ["Aurelius Partners", "Aurelius Partners", "Northgate Capital"]
    assert "Held Do not contact" in _row(response, other.invoice.number)


@pytest.mark.parametrize(
    ("until", "ended"), [(timedelta(0), None), (None, timedelta(0)), (timedelta(days=9), -timedelta(hours=1))]
)
def test_a_hold_that_is_over_holds_nothing(
    desk: Client, until: timedelta | None, ended: timedelta | None
) -> None:
    aurelius, _, _ = sample.three_cases()
    hold = sample.hold(aurelius, HoldKind.PAUSE)
    hold.until_at = NOW + until if until is not None else None
    hold.ended_at = NOW + ended if ended is not None else None
    hold.save()

    assert "Pause" not in _row(desk.get("/"), "Aurelius Partners")


def test_money_at_risk_is_added_up_for_each_currency_alone(desk: Client) -> None:
    sample.three_cases()
    sample.case(Wanted(sample.customer("Fennimore & Tate"), "INV-J", 980_000, currency="JPY"))

    totals = soup(desk.get("/")).select("dl.totals")[0]

    assert words_of(totals) == (
        "At risk EUR 3,940.50 1 case At risk JPY 980,000 1 case At risk USD 21,080.00 2 cases"
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Halberd Cybersecurity", "Aurelius Partners", "Northgate Capital"]),
        ("status=open", ["Aurelius Partners"]),
        ("status=held", ["Northgate Capital"]),
        ("status=escalated", ["Halberd Cybersecurity"]),
        ("status=closed", ["Oakhurst Media"]),
        ("status=everything&sort=age&track=standard", ["Oakhurst Media", "Halberd Cybersecurity", "Aurelius Partners"]),
        ("track=personal", ["Northgate Capital"]),
        ("currency=EUR", ["Halberd Cybersecurity"]),
        ("search=capital", ["Northgate Capital"]),
        ("search=1198", ["Aurelius Partners"]),
        ("search=AP@aurelius", ["Aurelius Partners"]),
        ("search=oakhurst", []),
        ("search=oakhurst&status=everything", ["Oakhurst Media"]),
        ("status=everything&track=standard", ["Oakhurst Media", "Halberd Cybersecurity", "Aurelius Partners"]),
        ("sort=customer", ["Aurelius Partners", "Halberd Cybersecurity", "Northgate Capital"]),
        ("sort=next", ["Aurelius Partners", "Northgate Capital", "Halberd Cybersecurity"]),
        ("sort=age", ["Halberd Cybersecurity", "Aurelius Partners", "Northgate Capital"]),
        ("status=nonsense&sort=nonsense&page=-1", ["Halberd Cybersecurity", "Aurelius Partners", "Northgate Capital"]),
    ],
)  # fmt: skip
def test_filters_and_orders(desk: Client, query: str, names: Sequence[str]) -> None:
    sample.three_cases()
    sample.case(
        Wanted(
            sample.customer("Oakhurst Media"), "INV-2026-02-0300", 0, status=CaseStatus.CLOSED,
            ending=Ending.RECOVERED, invoice_status=InvoiceStatus.PAID, failed_days_ago=40,
        )
    )  # fmt: skip

    assert _names(desk.get(f"/?{query}")) == names


def test_what_was_asked_for_stays_in_the_form(desk: Client) -> None:
    sample.three_cases()

    page = soup(desk.get("/?search=capital&status=held&track=personal&currency=USD&sort=age"))

    chosen = {box["name"]: _chosen(box) for box in page.select("form.find select")}
    assert page.select_one("#search")["value"] == "capital"  # type: ignore[index]
    assert chosen == {"status": "held", "track": "personal", "currency": "USD", "sort": "age"}


def _chosen(box: Tag) -> str:
    option = box.select_one("option[selected]")
    return str(option["value"]) if option else ""


def test_before_the_first_case_the_page_says_how_to_connect_stripe(desk: Client) -> None:
    words = text(desk.get("/"))

    assert "No case yet" in words
    assert "http://127.0.0.1:8000/webhooks/stripe" in words


def test_a_search_without_a_match_offers_to_clear_the_filters(desk: Client) -> None:
    sample.three_cases()

    response = desk.get("/?search=zzz")

    assert "No case matches" in text(response)
    assert soup(response).select_one(".empty a")["href"] == "/"  # type: ignore[index]


def test_when_everything_is_closed_the_page_says_so(desk: Client) -> None:
    sample.case(
        Wanted(
            sample.customer("Oakhurst Media"), "INV-1", 0, status=CaseStatus.CLOSED, ending=Ending.RECOVERED
        )
    )

    assert "Nothing is open" in text(desk.get("/"))


def test_pages_hold_fifty_cases_and_keep_the_filters(desk: Client) -> None:
    for number in range(desk_reads.PAGE + 3):
        sample.case(
            Wanted(sample.customer(f"Customer {number:02}"), f"INV-{number:02}", 1000 + number, stages=())
        )

    first = desk.get("/?sort=customer&currency=USD")
    second = desk.get("/?sort=customer&currency=USD&page=2")

    assert _names(first) == [f"Customer {number:02}" for number in range(50)]
    assert _names(second) == ["Customer 50", "Customer 51", "Customer 52"]
    assert soup(first).select_one("[rel=next]")["href"] == "/?sort=customer&currency=USD&page=2"  # type: ignore[index]
    assert soup(first).select_one("[rel=prev]") is None
    assert soup(second).select_one("[rel=next]") is None
    assert "53 cases" in text(first)


def test_pages_by_next_look_lose_and_repeat_nothing(desk: Client) -> None:
    customer = sample.customer("Aurelius Partners")
    for number in range(desk_reads.PAGE + 20):
        due = timedelta(hours=number) if number < desk_reads.PAGE + 5 else None
        sample.case(Wanted(customer, f"INV-{number:03}", 100, stages=(), due_in=due))

    pages = [desk.get(f"/?sort=next&page={page}") for page in (1, 2, 3)]

    numbers = [cell.get_text() for page in pages for cell in soup(page).select("td.c-invoice")]
    assert numbers == [f"INV-{number:03}" for number in range(desk_reads.PAGE + 20)]
    assert [len(_names(page)) for page in pages] == [50, 20, 0]


def test_a_closed_case_counts_but_puts_no_money_at_risk(desk: Client) -> None:
    row = sample.case(
        Wanted(sample.customer("Oakhurst"), "INV-1", 700, status=CaseStatus.CLOSED, ending=Ending.WRITTEN_OFF)
    )

    closed = desk.get("/?status=closed")

    assert row.invoice.open_minor == 700
    assert "1 case matches" in text(closed)
    assert soup(closed).select("dl.totals") == []


def test_more_cases_than_can_be_counted_in_a_moment_are_not_counted() -> None:
    sample.three_cases()
    sample.case(
        Wanted(sample.customer("Oakhurst"), "INV-1", 0, status=CaseStatus.CLOSED, ending=Ending.RECOVERED)
    )
    wanted = desk_reads.Wanted(status="everything", sort="customer", count_at_most=3)

    some = desk_reads.list_cases(wanted, NOW)
    few = desk_reads.list_cases(replace(wanted, count_at_most=2), NOW)
    every = desk_reads.list_cases(replace(wanted, count_at_most=None), NOW)

    assert (some.count, few.count, every.count) == (None, None, 4)
    assert few.totals is None
    assert some.totals == every.totals
    assert [str(total.open) for total in every.totals or ()] == ["EUR 3,940.50", "USD 21,080.00"]
    assert len(few.rows) == 4


def test_a_list_that_was_not_counted_offers_to_count(desk: Client, rf: RequestFactory) -> None:
    sample.three_cases()
    request = rf.get("/?sort=customer")
    request.user = User.objects.get()
    wanted = desk_reads.Wanted(sort="customer", count_at_most=2)
    context = {"wanted": wanted, "found": desk_reads.list_cases(wanted, NOW), "here": "/", "now": NOW}

    page = BeautifulSoup(render_to_string("web/cases.html", context, request), "html.parser")

    assert words_of(page.select(".tally")[0]) == "More than 2 cases · Add up the money at risk"
    assert page.select(".tally a")[0]["href"] == "/?sort=customer&totals=1"
    assert "At risk USD 21,080.00 2 cases" in text(desk.get("/?sort=customer&totals=1"))


def test_a_page_costs_the_same_number_of_queries_however_many_cases_there_are(desk: Client) -> None:
    sample.three_cases()
    with CaptureQueriesContext(connection) as few:
        desk.get("/?search=in")
    for number in range(40):
        row = sample.case(
            Wanted(sample.customer(f"Inverness {number}"), f"INV-{number}", 100, stages=tuple(Stage))
        )
        sample.hold(row)

    with CaptureQueriesContext(connection) as many:
        response = desk.get("/?search=in")

    assert len(_names(response)) == 43
    assert len(many) == len(few) <= 16


def test_hostile_names_are_shown_not_run(desk: Client) -> None:
    name = '<script>alert(1)</script>" onmouseover="x'
    sample.case(Wanted(sample.customer(name), "<b>INV</b>", 100, because="<img src=x onerror=alert(1)>"))

    response = desk.get("/")
    found = desk.get("/", {"search": name})

    assert _names(response) == _names(found) == [name]
    for page in (response, found):
        assert b"<script>alert" not in page.content
        assert b"<b>INV" not in page.content
        assert b'" onmouseover="' not in page.content


def test_a_search_for_anything_at_all_is_answered(desk: Client) -> None:
    sample.three_cases()

    for search in ("%", "_", "'", "\x00", "\\", "😀", "a" * 5000):
        assert desk.get("/", {"search": search}).status_code == 200


def test_an_overdue_look_is_said_to_be_now(desk: Client) -> None:
    sample.case(Wanted(sample.customer("Aurelius Partners"), "INV-1", 100, due_in=-timedelta(minutes=1)))

    assert _row(desk.get("/"), "Aurelius").endswith("Next look Now")


def test_a_case_without_a_track_says_so(desk: Client) -> None:
    sample.case(Wanted(sample.customer("Aurelius Partners"), "INV-1", 100, track=None))

    assert "Not chosen" in _row(desk.get("/"), "Aurelius")
    assert _names(desk.get(f"/?track={Track.STANDARD}")) == []
