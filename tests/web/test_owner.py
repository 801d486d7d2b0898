"""The relationship owner's page: a signed link, no login; looking changes nothing, only a button does."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from dunwell.engine.clock import VirtualClock
from dunwell.engine.links import OWNER_LIFETIME, make_link, make_owner_link
from dunwell.engine.ports import Ports
from dunwell.policy.words import CaseStatus, Ending, LetterState, ReviewKind
from dunwell.store.models import Case, Hold, Letter, OutboxItem, ReviewItem, TimelineEntry
from tests.web import letters
from tests.web.conftest import soup, text
from tests.web.sample import NOW

pytestmark = pytest.mark.django_db
FELIX = "felix.nordstrom@harbourline.example"


@pytest.fixture
def letter(ports: Ports) -> Letter:
    return letters.draft(letters.personal(), ports)


@pytest.fixture
def link(letter: Letter, ports: Ports) -> str:
    return make_owner_link(letter.pk, ports, NOW).removeprefix(ports.base_url)


@pytest.fixture
def unchanged(letter: Letter) -> Iterator[None]:
    """Fail if anything at all was written."""
    tables = (TimelineEntry, Hold, ReviewItem, OutboxItem, Letter)
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    yield
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before


def _buttons(response: object) -> list[str]:
    return [button.get_text() for button in soup(response).select("button")]


def _kinds(letter: Letter) -> list[str]:
    entries = TimelineEntry.objects.filter(case=letter.case, actor=FELIX).order_by("seq")
    return list(entries.values_list("kind", flat=True))


def test_looking_shows_the_letter_and_three_choices_and_changes_nothing(
    client: Client, letter: Letter, link: str, unchanged: None
) -> None:
    response = client.get(link)
    client.head(link)

    said = text(response)
    assert response.status_code == 200
    assert said.startswith("Harbourline Software A mail is about to go to Northgate Capital")
    assert "You may stop it until Wed 15 Apr, 11:05 New York." in said
    assert letter.subject in said
    assert "To Imani Osei <imani.osei@northgate.example>" in said
    assert _buttons(response) == ["Agree: it may go out", "Put it off", "Stop the mail"]
    assert soup(response).select("a, script, img") == []


def test_the_customers_payment_link_is_not_handed_to_the_owner(
    client: Client, letter: Letter, link: str
) -> None:
    response = client.get(link)

    assert "/pay/" in letter.text
    assert b"/pay/" not in response.content
    assert "payment link]" in text(response)


def test_the_page_keeps_out_of_caches_search_engines_and_referrers(client: Client, link: str) -> None:
    response = client.get(link)

    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Content-Security-Policy"].endswith("form-action 'self'")
    assert "script-src" not in response["Content-Security-Policy"]
    assert response.cookies == {}


def test_agreeing_needs_no_session_and_is_said_from_then_on(letter: Letter, link: str) -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.post(link, {"do": "agree"})
    page = client.get(link)

    letter.refresh_from_db()
    assert (response.status_code, response["Location"]) == (303, link)
    assert (letter.owner_agreed_at, letter.state) == (NOW, LetterState.DRAFT.value)
    assert "You agreed Wed 15 Apr, 09:05 New York." in text(page)
    assert _buttons(page) == ["Put it off", "Stop the mail"]
    assert _kinds(letter) == ["agreed"]


def test_stopping_needs_a_reason_and_leaves_it_to_a_person(client: Client, letter: Letter, link: str) -> None:
    refused = client.post(link, {"do": "stop", "reason": " "})
    assert refused.status_code == 422
    assert "Say why, so that whoever wrote it understands." in text(refused)
    assert Letter.objects.get().state == LetterState.DRAFT.value

    client.post(link, {"do": "stop", "reason": "They pay on Friday, I asked them."})
    page = client.get(link)

    letter.refresh_from_db()
    hold = Hold.objects.get()
    assert letter.state == LetterState.WITHDRAWN.value
    assert (hold.kind, hold.until_at, hold.by, hold.reason) == (
        "veto", None, FELIX, "They pay on Friday, I asked them.",
    )  # fmt: skip
    assert ReviewItem.objects.filter(kind=ReviewKind.VETO.value, closed_at=None).count() == 1
    assert "This mail was withdrawn and will not be sent." in text(page)
    assert _buttons(page) == []


def test_putting_it_off_names_the_day(client: Client, letter: Letter, link: str) -> None:
    client.post(link, {"do": "postpone", "until": "2026-04-20", "reason": "They are at a fair."})
    page = client.get(link)

    letter.refresh_from_db()
    assert letter.state == LetterState.DRAFT.value
    assert [hold.kind for hold in Hold.objects.all()] == ["veto"]
    assert "Put off: it does not go out before Mon 20 Apr, 09:00 New York." in text(page)


@pytest.mark.parametrize(
    ("until", "status", "why"),
    [
        ("", 422, "Choose the day."),
        ("20 April", 422, "This is not a day."),
        ("2026-04-14", 409, "Choose a day in the future."),
        ("2027-04-20", 409, "Choose a day within 90 days."),
    ],
)
def test_a_day_that_makes_no_sense_is_said_in_place(
    client: Client, link: str, unchanged: None, until: str, status: int, why: str
) -> None:
    response = client.post(link, {"do": "postpone", "until": until})

    assert response.status_code == status
    assert why in text(response)


@pytest.mark.parametrize("do", ["", "approve", "delete", "__class__"])
def test_what_no_button_says_does_nothing(client: Client, link: str, unchanged: None, do: str) -> None:
    assert client.post(link, {"do": do}).status_code == 422


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (LetterState.SENT, "This mail has been sent. There is nothing left to decide. It left Wed 15 Apr"),
        (LetterState.CONFIRMED, "This mail has been sent."),
        (LetterState.IN_DOUBT, "It cannot be stopped here."),
        (LetterState.WITHDRAWN, "This mail was withdrawn and will not be sent."),
    ],
)
def test_what_is_over_is_said_and_nothing_is_offered(
    client: Client, letter: Letter, link: str, state: LetterState, sentence: str
) -> None:
    Letter.objects.update(state=state.value, sent_at=NOW if state.value in ("sent", "confirmed") else None)

    page = client.get(link)
    answers = [
        client.post(link, said)
        for said in (
            {"do": "agree"},
            {"do": "stop", "reason": "x"},
            {"do": "postpone", "until": "2026-04-20"},
        )
    ]

    assert sentence in text(page)
    assert _buttons(page) == []
    assert [(answer.status_code, _buttons(answer)) for answer in answers] == [(409, [])] * 3
    assert not Hold.objects.exists()
    assert Letter.objects.get().state == state.value


def test_a_closed_case_says_that_nothing_goes_out(client: Client, link: str) -> None:
    closed = {"status": CaseStatus.CLOSED.value, "ending": Ending.RECOVERED.value, "closed_at": NOW}
    Case.objects.update(**closed, due_at=None)

    page = client.get(link)

    assert "This case is closed: the mail will not be sent." in text(page)
    assert _buttons(page) == []
    assert client.post(link, {"do": "agree"}).status_code == 409


def test_after_their_time_an_owner_can_still_stop_what_has_not_left(
    client: Client, letter: Letter, link: str, clock: VirtualClock
) -> None:
    clock.advance(timedelta(hours=3))

    page = client.get(link)
    client.post(link, {"do": "stop", "reason": "Wait."})

    letter.refresh_from_db()
    assert "The time to object is over; it can still be stopped as long as it has not left." in text(page)
    assert letter.state == LetterState.WITHDRAWN.value


def test_a_forged_an_expired_and_a_strange_token_are_the_same_plain_404(
    client: Client, letter: Letter, link: str, ports: Ports, clock: VirtualClock, unchanged: None
) -> None:
    token = link.removeprefix("/owner/")
    payment = make_link(letter.case_id, ports, NOW).rsplit("/", 1)[1]
    forged = [
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        "x",
        "x:y",
        token + "x",
        "%F0%9F%98%80",
        payment,
    ]
    answers: list[Any] = [client.get(f"/owner/{each}") for each in forged]
    answers += [client.post(f"/owner/{each}", {"do": "agree"}) for each in forged]
    clock.advance(OWNER_LIFETIME + timedelta(seconds=1))
    answers += [client.get(link), client.post(link, {"do": "agree"})]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert "Northgate" not in text(answers[-1])
    assert all(answer["Cache-Control"] == "no-store" for answer in answers)


def test_an_owners_token_opens_no_payment_page(client: Client, link: str) -> None:
    assert client.get(link.replace("/owner/", "/pay/")).status_code == 404


def test_no_token_is_written_into_the_log(
    client: Client, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = link.removeprefix("/owner/")
    with caplog.at_level(logging.DEBUG):
        client.post(link, {"do": "nonsense"})
        client.get(f"/owner/{token}x")

    assert len(caplog.records) >= 2
    assert token not in caplog.text
    assert "/owner/..." in caplog.text


def test_a_customer_called_script_is_shown_not_run(client: Client, ports: Ports) -> None:
    letter = letters.draft(letters.personal("<script>alert(1)</script>"), ports, text="<b>x</b>")

    response = client.get(make_owner_link(letter.pk, ports, NOW).removeprefix(ports.base_url))

    assert response.status_code == 200
    assert b"<script>" not in response.content
    assert b"<b>x" not in response.content
