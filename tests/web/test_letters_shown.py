"""What a letter shows of itself: on its own page after it left, in the queue, on the case and in its history."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from dunwell.engine.clock import VirtualClock
from dunwell.engine.ports import Ports
from dunwell.policy.words import CaseStatus, Ending, HoldKind, LetterState, ReviewKind
from dunwell.store.models import Case, Letter, ReviewItem
from tests.web import letters, sample
from tests.web.conftest import soup, text, words_of
from tests.web.sample import NOW

pytestmark = pytest.mark.django_db


def _address(letter: Letter, do: str = "") -> str:
    return f"/letters/{letter.pk}/{do}"


def _typed(letter: Letter, **changed: Any) -> dict[str, Any]:
    return {"version": letter.version, "subject": letter.subject, "text": letter.text, **changed}


@pytest.mark.parametrize(
    ("columns", "proof"),
    [
        (
            {"via": "netsuite", "record_id": "88123", "author_ledger_id": "17", "to_ledger_id": "4021"},
            "Message in NetSuite 88123 Author, recipient employee 17, contact 4021 Confirmed Wed 15 Apr",
        ),
        ({"via": "smtp"}, "Mail server took it Confirmed Wed 15 Apr, 09:05 New York"),
    ],
)
def test_after_it_was_sent_the_page_shows_the_proof(
    desk: Client, ports: Ports, columns: dict[str, str], proof: str
) -> None:
    state = LetterState.CONFIRMED.value
    letter = letters.draft(letters.personal(), ports, state=state, sent_at=NOW, confirmed_at=NOW, **columns)

    response = desk.get(_address(letter))

    assert proof in text(response)
    assert soup(response).select("textarea") == []
    assert soup(response).select("script") == []
    assert "As the customer saw it" in text(response)


@pytest.mark.parametrize("state", list(LetterState))
def test_every_state_says_what_happens_next(desk: Client, ports: Ports, state: LetterState) -> None:
    letter = letters.draft(letters.personal(), ports, state=state.value, note="A note about it.")

    response = desk.get(_address(letter))

    assert words_of(soup(response).select(".next .big")[0]).endswith(".")
    editable = state in (LetterState.DRAFT, LetterState.APPROVED)
    assert bool(soup(response).select("textarea")) is editable
    assert ("A note about it." in text(response)) is not editable


def test_a_closed_case_leaves_nothing_to_edit(desk: Client, letter: Letter) -> None:
    closed = {"status": CaseStatus.CLOSED.value, "ending": Ending.RECOVERED.value, "closed_at": NOW}
    Case.objects.update(**closed, due_at=None)

    page = desk.get(_address(letter))
    response = desk.post(_address(letter, "change"), {**_typed(letter, subject="x"), "do": "save"})

    assert soup(page).select("textarea") == []
    assert "Nothing: the case is closed." in text(page)
    assert "This case is closed." in text(response)
    assert Letter.objects.get().version == 1


def test_a_letter_that_does_not_exist_is_not_found(desk: Client) -> None:
    letter = Letter(pk=99, version=1, subject="x", text="x")

    assert desk.get("/letters/99/").status_code == 404
    for do in ("change", "check", "discard"):
        assert desk.post(_address(letter, do), _typed(letter)).status_code == 404


def test_the_time_of_the_owner_runs_out_on_the_page_too(
    manager: Client, letter: Letter, clock: VirtualClock
) -> None:
    clock.advance(timedelta(hours=3))

    said = text(manager.get(_address(letter)))

    assert "Did not object by Wed 15 Apr, 11:05 New York" in said
    assert "may stop it" not in said


def test_the_queue_leads_to_the_draft(desk: Client, letter: Letter) -> None:
    page = soup(desk.get("/review/?kind=draft"))

    link = page.select(".gist .button")[0]
    assert words_of(link) == "Read the draft: Northgate Capital"
    assert link["href"] == _address(letter)


def test_the_case_shows_its_letters_and_leads_to_the_draft(desk: Client, letter: Letter) -> None:
    page = soup(desk.get(f"/cases/{letter.case_id}/"))

    mails = words_of(page.select("#mails")[0])
    assert letter.subject in mails
    assert "To Imani Osei <imani.osei@northgate.example>, Cc Felix Nordstrom" in mails
    assert page.select("#mails .button")[0]["href"] == _address(letter)
    assert "Read, change and approve the draft" in words_of(page.select(".needs")[0])


def test_a_customer_called_script_is_shown_not_run(desk: Client, ports: Ports) -> None:
    letter = letters.draft(letters.personal("<script>alert(1)</script>"), ports, subject="<b>x</b>")

    response = desk.get(_address(letter))

    assert b"<script>alert" not in response.content
    assert b"<b>x" not in response.content


def test_the_history_holds_every_letter(desk: Client, letter: Letter) -> None:
    said = desk.get(f"/cases/{letter.case_id}/history.json").json()["letters"]
    paper = text(desk.get(f"/cases/{letter.case_id}/history"))

    assert [(each["number"], each["state"], each["text"]) for each in said] == [(1, "draft", letter.text)]
    assert letter.subject in paper
    assert " ".join(letter.text.split()[:8]) in paper


def test_a_draft_is_settled_by_approving_or_discarding_it_and_never_lost_from_the_queue(
    desk: Client, letter: Letter
) -> None:
    item = ReviewItem.objects.get(kind=ReviewKind.DRAFT.value)

    page = soup(desk.get("/review/"))
    response = desk.post(f"/review/{item.pk}/settle", {"resolution": "Looks fine."}, follow=True)

    item.refresh_from_db()
    assert page.select("form[action*=settle]") == []
    assert "Approve the letter or discard it." in text(response)
    assert item.closed_at is None


def test_a_letter_that_was_not_confirmed_is_answered_for_in_the_queue(desk: Client, ports: Ports) -> None:
    letter = letters.draft(letters.personal(), ports, state=LetterState.IN_DOUBT.value, via="netsuite")
    ReviewItem.objects.all().delete()
    item = sample.review(letter.case, ReviewKind.NOT_CONFIRMED)

    page = soup(desk.get("/review/"))
    desk.post(f"/review/{item.pk}/settle", {"resolution": "It stands there.", "arrived": "yes"})

    letter.refresh_from_db()
    assert [button.get_text() for button in page.select("form[action*=settle] button")] == [
        "It arrived",
        "It did not arrive",
    ]
    assert letter.state == LetterState.CONFIRMED.value


def test_a_letter_that_left_says_whom_it_was_from_whoever_signs_today(desk: Client, ports: Ports) -> None:
    out = {"state": LetterState.CONFIRMED.value, "sent_at": NOW, "via": "smtp"}
    from_mara = {"sender_name": "Mara Lindqvist", "sender_email": "mara@harbourline.example"}
    letter = letters.draft(letters.personal(), ports, **out, **from_mara)

    page = soup(desk.get(_address(letter)))
    mails = words_of(soup(desk.get(f"/cases/{letter.case_id}/")).select("#mails")[0])

    assert words_of(page.select("#seen")[0]).startswith("From Mara Lindqvist <mara@harbourline.example> To")
    assert words_of(page.select(".about")[0]).startswith(
        "This letter From Mara Lindqvist mara@harbourline.example"
    )
    assert "From Mara Lindqvist <mara@harbourline.example>, to Imani Osei" in mails


def test_of_a_letter_whose_sender_was_not_kept_nobody_is_named(desk: Client, ports: Ports) -> None:
    letter = letters.draft(letters.personal(), ports, state=LetterState.SENT.value, sent_at=NOW)

    assert words_of(soup(desk.get(_address(letter))).select("#seen")[0]).startswith("To Imani Osei")


def test_a_letter_that_was_put_off_says_what_it_waits_for(desk: Client, letter: Letter) -> None:
    sample.hold(letter.case, HoldKind.VETO)

    page = text(desk.get(f"/letters/{letter.pk}/"))

    assert "The case is on hold (put off by the owner) until Tue 21 Apr" in page
    assert "It does not leave before that." in page
    assert "Relationship owner Put it off until Tue 21 Apr" in page
    assert "It then leaves" not in page
    assert "Did not object" not in page
