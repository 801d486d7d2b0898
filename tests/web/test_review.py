"""The review queue: what needs a person, whose it is, and settling it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dunwell.policy.words import MessageState, ReviewKind, Stage
from dunwell.store.desk import PAGE
from dunwell.store.models import ReviewItem, TimelineEntry
from tests.web import sample
from tests.web.conftest import soup, text, words_of
from tests.web.sample import NOW, Wanted

pytestmark = pytest.mark.django_db


def _queue() -> dict[str, ReviewItem]:
    """Four items in two currencies."""
    made: dict[str, ReviewItem] = {}
    for name, minor, currency, days, kind in (
        ("Corvid Analytics", 500_000, "USD", 1, ReviewKind.DISPUTE),
        ("Aurelius Partners", 1_420_000, "USD", 1, ReviewKind.ESCALATION),
        ("Meridian Freight", 500_000, "USD", 9, ReviewKind.DISPUTE),
        ("Halberd Cybersecurity", 20_000, "EUR", 2, ReviewKind.CALL_TASK),
    ):
        row = sample.case(
            Wanted(sample.customer(name), f"INV-{name[:3]}", minor, currency=currency, due_in=None)
        )
        made[name] = sample.review(row, kind, days=days)
    return made


def _names(response: object) -> list[str]:
    return [link.get_text() for link in soup(response).select(".queue .into")]


def test_nothing_needs_you_when_nothing_does(desk: Client) -> None:
    sample.three_cases()
    ReviewItem.objects.update(closed_at=NOW)

    assert "Nothing needs you" in text(desk.get("/review/"))


def test_the_most_money_comes_first_within_each_currency_then_the_oldest(desk: Client) -> None:
    _queue()

    response = desk.get("/review/")

    assert _names(response) == [
        "Halberd Cybersecurity",
        "Aurelius Partners",
        "Meridian Freight",
        "Corvid Analytics",
    ]
    assert [heading.get_text().strip() for heading in soup(response).select("h2.group")] == ["EUR", "USD"]


def test_a_row_says_why_and_what_to_do(desk: Client) -> None:
    item = _queue()["Aurelius Partners"]

    row = soup(desk.get("/review/")).select(f"#item-{item.pk}")[0]

    assert words_of(row).startswith(
        "Escalation Aurelius Partners INV-Aur Every stage has been sent and the invoice is still open. "
        "Next: Call the customer; automation has ended. USD 14,200.00 waiting 1 day Take it"
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("kind=dispute", ["Meridian Freight", "Corvid Analytics"]),
        ("whose=mine", ["Corvid Analytics"]),
        ("kind=escalation&whose=mine", []),
        ("kind=nonsense", ["Halberd Cybersecurity", "Aurelius Partners", "Meridian Freight", "Corvid Analytics"]),
    ],
)  # fmt: skip
def test_the_queue_can_be_narrowed(desk: Client, query: str, names: list[str]) -> None:
    item = _queue()["Corvid Analytics"]
    item.assigned_to = "dana"
    item.save()

    assert _names(desk.get(f"/review/?{query}")) == names


def test_a_filter_without_a_match_says_so(desk: Client) -> None:
    _queue()

    words = text(desk.get("/review/?whose=mine"))

    assert "Nothing in the queue matches." in words
    assert "Nothing needs you" not in words


def test_how_much_waits_stands_on_every_page(desk: Client) -> None:
    _queue()

    assert soup(desk.get("/")).select("nav .count")[0].get_text().split() == ["4", "waiting"]


def test_one_can_take_an_item(desk: Client) -> None:
    item = _queue()["Aurelius Partners"]

    response = desk.post(f"/review/{item.pk}/assign", {"to": "dana", "back": "/review/?kind=escalation"})

    item.refresh_from_db()
    entry = TimelineEntry.objects.filter(case=item.case).latest("seq")
    assert (response.status_code, response["Location"]) == (302, "/review/?kind=escalation")
    assert item.assigned_to == "dana"
    assert (entry.kind, entry.actor) == ("assigned", "dana")
    assert "Assigned to Dana Whitfield." in text(desk.get(response["Location"]))


def test_an_item_can_be_given_to_a_colleague_and_put_back(desk: Client) -> None:
    sample.person("marek", "Marek", "Lindqvist")
    item = _queue()["Aurelius Partners"]

    desk.post(f"/review/{item.pk}/assign", {"to": "marek"})
    assert "Marek Lindqvist Assign or settle" in words_of(
        soup(desk.get("/review/")).select(f"#item-{item.pk}")[0]
    )
    desk.post(f"/review/{item.pk}/assign", {"to": ""})

    item.refresh_from_db()
    assert item.assigned_to == ""


def test_an_item_is_not_given_to_somebody_who_cannot_log_in(desk: Client) -> None:
    gone = sample.person("gone", "Gone", "Away")
    gone.is_active = False
    gone.save()
    item = _queue()["Aurelius Partners"]

    for to in ("gone", "nobody", "<script>"):
        response = desk.post(f"/review/{item.pk}/assign", {"to": to}, follow=True)
        assert "Choose somebody who can log in here." in text(response)

    item.refresh_from_db()
    assert item.assigned_to == ""


def test_settling_needs_a_resolution_and_leaves_an_entry(desk: Client) -> None:
    item = _queue()["Aurelius Partners"]

    response = desk.post(
        f"/review/{item.pk}/settle", {"resolution": "Spoke to Imani: paid on Friday.", "back": "/review/"}
    )

    item.refresh_from_db()
    assert (response.status_code, response["Location"]) == (302, "/review/")
    assert (item.closed_at, item.closed_by, item.resolution) == (
        NOW,
        "dana",
        "Spoke to Imani: paid on Friday.",
    )
    entry = TimelineEntry.objects.get(case=item.case, kind="settled")
    assert entry.actor == "dana"
    assert "Spoke to Imani: paid on Friday." in entry.summary


def test_an_escalated_case_that_stays_open_says_that_it_waits_again(desk: Client) -> None:
    _, _, halberd = sample.three_cases()
    item = halberd.reviews.get()

    response = desk.post(f"/review/{item.pk}/settle", {"resolution": "Nobody answered."}, follow=True)

    assert "Settled. The case is still open, so it waits here again. Pause it or close it." in text(response)
    assert _names(response) == ["Halberd Cybersecurity"]


def test_settling_without_a_word_is_refused_in_place(desk: Client) -> None:
    item = _queue()["Corvid Analytics"]

    response = desk.post(
        f"/review/{item.pk}/settle?kind=dispute", {"resolution": " ", "back": "/review/?kind=dispute"}
    )

    page = soup(response)
    item.refresh_from_db()
    assert response.status_code == 422
    assert item.closed_at is None
    assert _names(response) == ["Meridian Freight", "Corvid Analytics"]
    assert page.select(f"#item-{item.pk} details")[0].has_attr("open")
    assert "Say how it was settled" in page.select(f"#wrong-{item.pk}")[0].get_text()
    assert [box["value"] for box in page.select("[name=back]")] == ["/review/?kind=dispute"] * 6


def test_an_item_settled_by_somebody_else_meanwhile_says_so(desk: Client) -> None:
    item = _queue()["Corvid Analytics"]
    ReviewItem.objects.filter(pk=item.pk).update(closed_at=NOW, closed_by="marek", resolution="Done.")

    response = desk.post(f"/review/{item.pk}/settle", {"resolution": "Mine."}, follow=True)

    item.refresh_from_db()
    assert "Somebody has settled this already." in text(response)
    assert item.resolution == "Done."


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_way_back_never_leads_off_the_desk(desk: Client, back: str) -> None:
    item = _queue()["Corvid Analytics"]

    response = desk.post(f"/review/{item.pk}/assign", {"to": "dana", "back": back})

    assert response["Location"] == "/review/"


def test_the_queue_costs_the_same_number_of_queries_however_long_it_is(desk: Client) -> None:
    _queue()
    with CaptureQueriesContext(connection) as few:
        desk.get("/review/")
    for number in range(PAGE + 5):
        row = sample.case(Wanted(sample.customer(f"Customer {number}"), f"INV-{number}", 100, stages=()))
        sample.review(row)

    with CaptureQueriesContext(connection) as many:
        response = desk.get("/review/")

    assert len(_names(response)) == PAGE
    assert soup(response).select("[rel=next]")[0]["href"] == "/review/?page=2"
    assert len(_names(desk.get("/review/?page=2"))) == 9
    assert len(many) == len(few) <= 12


def test_an_item_from_today_waits_since_today(desk: Client) -> None:
    item = _queue()["Corvid Analytics"]
    ReviewItem.objects.filter(pk=item.pk).update(opened_at=NOW - timedelta(minutes=5))

    assert "waiting since today" in text(desk.get("/review/?kind=dispute"))


@pytest.mark.parametrize(
    ("arrived", "state", "said"), [("yes", "sent", "It arrived."), ("no", "stopped", "It did not arrive.")]
)
def test_of_a_mail_that_may_have_left_a_person_says_whether_it_arrived(
    desk: Client, arrived: str, state: str, said: str
) -> None:
    row = sample.case(Wanted(sample.customer("Corvid Analytics"), "INV-7", 500_000, due_in=None))
    mail = sample.mail(row, Stage.DIRECT, NOW, state=MessageState.UNKNOWN.value)
    item = sample.review(row, ReviewKind.SEND_UNKNOWN)
    buttons = {button["value"] for button in soup(desk.get("/review/")).select("[name=arrived]")}

    desk.post(f"/review/{item.pk}/settle", {"resolution": "Asked Imani.", "arrived": arrived})

    item.refresh_from_db()
    mail.refresh_from_db()
    assert buttons == {"yes", "no"}
    assert (mail.state, item.closed_by, item.resolution) == (state, "dana", f"{said} Asked Imani.")


def test_a_mail_that_may_have_left_is_not_settled_by_a_word_alone(desk: Client) -> None:
    row = sample.case(Wanted(sample.customer("Corvid Analytics"), "INV-7", 500_000, due_in=None))
    item = sample.review(row, ReviewKind.SEND_UNKNOWN)

    response = desk.post(f"/review/{item.pk}/settle", {"resolution": "Asked Imani."}, follow=True)

    item.refresh_from_db()
    assert "Say whether the mail arrived." in text(response)
    assert item.closed_at is None
