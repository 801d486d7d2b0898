"""The page of a letter: read, changed, checked, approved by those who sign, and never lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from dunwell.policy.words import LetterState, ReviewKind
from dunwell.store.models import Hold, Letter, OutboxItem, ReviewItem, TimelineEntry
from tests.web import letters
from tests.web.conftest import soup, text, words_of
from tests.web.sample import NOW

pytestmark = pytest.mark.django_db


def _address(letter: Letter, do: str = "") -> str:
    return f"/letters/{letter.pk}/{do}"


def _typed(letter: Letter, **changed: Any) -> dict[str, Any]:
    return {"version": letter.version, "subject": letter.subject, "text": letter.text, **changed}


def _post(client: Client, letter: Letter, do: str, **changed: Any) -> Any:
    return client.post(_address(letter, "change"), {**_typed(letter, **changed), "do": do}, follow=True)


def _kinds(letter: Letter, actor: str) -> list[str]:
    entries = TimelineEntry.objects.filter(case=letter.case, actor=actor).order_by("seq")
    return list(entries.values_list("kind", flat=True))


def test_the_page_shows_who_it_is_from_and_to_and_what_the_customer_will_see(
    desk: Client, letter: Letter
) -> None:
    response = desk.get(_address(letter))

    page = soup(response)
    seen = words_of(page.select("#seen")[0])
    assert response.status_code == 200
    assert page.h1 is not None
    assert page.h1.get_text() == "Letter 1 to Imani Osei"
    assert seen.startswith(
        "From Sam Sample <sam.sample@dunwell.example> To Imani Osei <imani.osei@northgate.example> "
        "Cc Felix Nordstrom <felix.nordstrom@harbourline.example> Subject "
    )
    assert "Update payment details" in seen
    assert "It keeps every rule." in text(response)
    assert page.select("#id_text")[0].get_text().strip() == letter.text.strip()
    assert page.select("#seen a") == []


def test_what_a_text_breaks_is_said_while_it_is_typed_and_nothing_is_kept(
    desk: Client, letter: Letter
) -> None:
    typed = _typed(letter, text=letter.text.replace("Best regards", "This is urgent.\n\nBest regards"))
    entries = TimelineEntry.objects.count()

    response = desk.post(_address(letter, "check"), typed)

    part = soup(response)
    said = words_of(part.select(".breaches")[0])
    letter.refresh_from_db()
    assert response.status_code == 200
    assert said.startswith("Text line ")
    assert "urgent" in said
    assert "It breaks 1 rule, so it cannot be approved" in part.get_text()
    assert "This is urgent." in part.select("#seen")[0].get_text()
    assert part.select("#seen")[0]["hx-swap-oob"] == "true"
    assert (letter.version, "urgent" in letter.text) == (1, False)
    assert TimelineEntry.objects.count() == entries


def test_what_was_said_already_is_not_said_again_to_whoever_listens(desk: Client, letter: Letter) -> None:
    first = desk.post(_address(letter, "check"), _typed(letter))
    said = soup(first).select("input[name=said]")[0]["value"]

    again = desk.post(_address(letter, "check"), _typed(letter, said=said, subject=letter.subject + "."))
    other = desk.post(_address(letter, "check"), _typed(letter, said=said, text="Hello"))

    assert "HX-Reswap" not in first
    assert again["HX-Reswap"] == "none"
    assert "HX-Reswap" not in other


@pytest.mark.parametrize("strange", ["", "\x00", "<script>alert(1)</script>", "x" * 50_000, "\r\n\r\n"])
def test_anything_typed_is_checked_and_shown_not_run(desk: Client, letter: Letter, strange: str) -> None:
    response = desk.post(_address(letter, "check"), {"subject": strange, "text": strange})

    assert response.status_code == 200
    assert b"<script>" not in response.content


def test_saving_keeps_the_text_and_says_who_edited_it(desk: Client, letter: Letter) -> None:
    response = _post(desk, letter, "save", subject="Your payment for INV-2026-04-1177")

    letter.refresh_from_db()
    assert "Saved. It keeps every rule." in text(response)
    assert (letter.subject, letter.version, letter.edited_by) == (
        "Your payment for INV-2026-04-1177", 2, "dana",
    )  # fmt: skip
    assert letter.state == LetterState.DRAFT.value
    assert "by dana, version 2" in text(response)
    assert _kinds(letter, "dana") == ["edited"]


def test_a_text_that_breaks_a_rule_is_saved_but_not_approved(manager: Client, letter: Letter) -> None:
    response = _post(manager, letter, "approve", text=letter.text + "\nP.S. This is the final notice.\n")

    letter.refresh_from_db()
    assert response.status_code == 422
    assert "Your text is saved, but it was not approved: it breaks" in text(response)
    assert "final notice" in words_of(soup(response).select(".breaches")[0])
    assert (letter.state, letter.version) == (LetterState.DRAFT.value, 2)
    assert not OutboxItem.objects.filter(kind=OutboxItem.LETTER).exists()


def test_whoever_signs_approves_and_the_page_says_when_it_goes_out_and_why_not_yet(
    manager: Client, letter: Letter
) -> None:
    response = _post(manager, letter, "approve")

    letter.refresh_from_db()
    said = text(response)
    assert "Approved." in said
    assert (letter.state, letter.approved_by, letter.approved_at) == (
        LetterState.APPROVED.value, "mara", NOW,
    )  # fmt: skip
    assert "the relationship owner may still stop it" in said
    assert "Felix Nordstrom may still stop it until Wed 15 Apr, 11:05 New York" in said
    assert "by mara" in said
    assert [button.get_text() for button in soup(response).select(".write button")] == ["Save"]
    assert _kinds(letter, "mara") == ["approved"]
    assert not ReviewItem.objects.filter(kind=ReviewKind.DRAFT.value, closed_at=None).exists()
    assert not OutboxItem.objects.filter(kind=OutboxItem.LETTER).exists()


def test_a_change_and_the_approval_go_together(manager: Client, letter: Letter) -> None:
    _post(manager, letter, "approve", subject="About the payment for INV-2026-04-1177")

    letter.refresh_from_db()
    assert (letter.state, letter.version, letter.subject) == (
        LetterState.APPROVED.value, 2, "About the payment for INV-2026-04-1177",
    )  # fmt: skip
    assert _kinds(letter, "mara") == ["edited", "approved"]


def test_whoever_does_not_sign_may_change_it_and_is_told_who_may_approve(
    desk: Client, letter: Letter
) -> None:
    letters.signer()

    page = desk.get(_address(letter))
    response = desk.post(_address(letter, "change"), {**_typed(letter, subject="x"), "do": "approve"})

    letter.refresh_from_db()
    assert "You may change this text but not approve it. Mara Lindqvist may." in text(page)
    assert [button.get_text() for button in soup(page).select(".write button")] == ["Save"]
    assert response.status_code == 403
    assert (letter.state, letter.version) == (LetterState.DRAFT.value, 1)
    assert _kinds(letter, "dana") == []


def test_two_people_at_once_lose_nothing(manager: Client, letter: Letter) -> None:
    mine = _typed(letter, subject="Mine", do="save")
    _post(manager, letter, "save", subject="Theirs about INV-2026-04-1177")

    response = manager.post(_address(letter, "change"), mine)

    page = soup(response)
    letter.refresh_from_db()
    assert response.status_code == 409
    assert letter.subject == "Theirs about INV-2026-04-1177"
    assert page.select("#id_subject")[0]["value"] == "Mine"
    assert page.select("#id_version")[0]["value"] == "2"
    theirs = words_of(page.select("[aria-labelledby=theirs-title]")[0])
    assert theirs.startswith("As it stands, saved by mara Wed 15 Apr, 09:05 New York Theirs about")
    assert "Nothing is lost" in text(response)

    again = manager.post(_address(letter, "change"), {**mine, "version": 2}, follow=True)
    letter.refresh_from_db()
    assert "Saved." in text(again)
    assert (letter.subject, letter.version) == ("Mine", 3)


def test_an_approval_of_a_text_nobody_looked_at_is_refused(manager: Client, letter: Letter) -> None:
    old = _typed(letter, do="approve")
    _post(manager, letter, "save", subject="Changed about INV-2026-04-1177")

    response = manager.post(_address(letter, "change"), old)

    letter.refresh_from_db()
    assert response.status_code == 409
    assert letter.state == LetterState.DRAFT.value


@pytest.mark.parametrize(
    ("state", "why"),
    [(LetterState.SENT, "It has left already."), (LetterState.WITHDRAWN, "It was withdrawn.")],
)
def test_what_was_typed_too_late_is_shown_to_be_copied(
    manager: Client, letter: Letter, state: LetterState, why: str
) -> None:
    Letter.objects.update(state=state.value, sent_at=NOW)

    response = _post(manager, letter, "approve", text="All my careful words.")

    letter.refresh_from_db()
    assert response.status_code == 409
    assert why in text(response)
    assert "What you typed, which was not kept" in text(response)
    assert "All my careful words." in text(response)
    assert "careful" not in letter.text


def test_a_letter_that_was_approved_is_a_draft_again_once_it_is_changed(
    manager: Client, letter: Letter
) -> None:
    _post(manager, letter, "approve")
    letter.refresh_from_db()

    response = _post(manager, letter, "save", subject="Changed about INV-2026-04-1177")

    letter.refresh_from_db()
    assert (letter.state, letter.approved_by) == (LetterState.DRAFT.value, "")
    assert [button.get_text() for button in soup(response).select(".write button")] == ["Save", "Approve"]


def test_a_letter_without_a_subject_is_shown_as_typed(desk: Client, letter: Letter) -> None:
    response = desk.post(_address(letter, "change"), _typed(letter, subject="", text="Words I keep."))

    page = soup(response)
    letter.refresh_from_db()
    assert response.status_code == 422
    assert "A mail needs a subject." in text(response)
    assert "Words I keep." in page.select("#id_text")[0].get_text()
    assert letter.version == 1


def test_a_discarded_draft_is_written_anew(desk: Client, letter: Letter) -> None:
    response = desk.post(_address(letter, "discard"), {"version": 1, "then": "again"}, follow=True)

    letter.refresh_from_db()
    assert "The draft is gone. A new one is written from what is known now." in text(response)
    assert (letter.state, letter.note) == (LetterState.WITHDRAWN.value, "It was discarded.")
    assert _kinds(letter, "dana") == ["withdrawn"]
    assert not Hold.objects.exists()


def test_whoever_takes_over_has_it_on_the_desk_and_no_new_draft_comes(desk: Client, letter: Letter) -> None:
    typed = {"version": 1, "then": "by-hand", "until": "2026-04-21"}
    response = desk.post(_address(letter, "discard"), typed, follow=True)

    hold, item = Hold.objects.get(), ReviewItem.objects.get(closed_at=None)
    said = (
        "The draft is gone. It lies on your desk: write or call, then record what came of it by Tue 21 Apr."
    )
    assert said in text(response)
    assert (hold.kind, hold.until_at, hold.by) == ("pause", datetime(2026, 4, 22, 3, 59, tzinfo=UTC), "dana")
    assert (item.kind, item.assigned_to) == ("call_task", "dana")
    assert item.reason == "dana took over from draft 1."
    assert "Write or call, then record what came of it." in text(desk.get("/review/?whose=mine"))
    assert [each.state for each in Letter.objects.all()] == [LetterState.WITHDRAWN.value]


def test_whoever_takes_over_says_until_when_a_week_unless_they_choose(desk: Client, letter: Letter) -> None:
    offered = soup(desk.get(_address(letter))).select("#discard-until")[0]
    response = desk.post(_address(letter, "discard"), {"version": 1, "then": "by-hand"})

    letter.refresh_from_db()
    page = soup(response)
    assert offered["value"] == f"{NOW.date() + timedelta(days=7)}"
    assert response.status_code == 422
    assert page.select("#discard-until_error")[0].get_text() == (
        "Choose the day until which the case waits for you."
    )
    assert letter.state == LetterState.DRAFT.value
    assert not Hold.objects.exists()


@pytest.mark.parametrize(
    "said",
    [
        {"version": 7, "then": "by-hand", "until": "2026-04-21"},
        {"version": 1, "then": "by-hand", "until": "2026-04-01"},
        {"version": 1},
        {"then": "x"},
    ],
)
def test_nothing_is_discarded_by_a_page_that_is_out_of_date_or_makes_no_choice(
    desk: Client, letter: Letter, said: dict[str, Any]
) -> None:
    response = desk.post(_address(letter, "discard"), said)

    letter.refresh_from_db()
    assert response.status_code in (409, 422)
    assert letter.state == LetterState.DRAFT.value
    assert not Hold.objects.exists()
