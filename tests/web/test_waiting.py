"""A draft without a signature, and several items of one case: said so that nobody reads them for something else."""

from datetime import timedelta

import pytest
from django.test import Client

from dunwell.policy.words import HoldKind, ReviewKind
from dunwell.store.models import Case, Invoice, Letter
from tests.web import sample
from tests.web.conftest import soup, words_of
from tests.web.sample import NOW, Wanted

pytestmark = pytest.mark.django_db


def _next(desk: Client, letter: Letter) -> tuple[str, str]:
    """What comes next, as the list says it and as the page of the case does."""
    on_list = soup(desk.get("/")).select(".c-next")[0]
    on_page = soup(desk.get(f"/cases/{letter.case_id}/")).select(".next .big")[0]
    return words_of(on_list), words_of(on_page)


def test_a_draft_waits_for_a_signature_and_the_date_is_when_automation_ends(
    desk: Client, letter: Letter
) -> None:
    Case.objects.update(due_at=NOW + timedelta(days=20))

    assert _next(desk, letter) == (
        "Waits for a signature",
        "Waits for a signature: the draft is in the review queue.",
    )
    part = soup(desk.get(f"/cases/{letter.case_id}/")).select(".next")[0]
    assert "Without one, automation ends Tue 5 May (in 20 days)." in words_of(part)
    assert part.select(".big a")[0]["href"] == "/review/?kind=draft"


def test_a_signed_letter_a_held_case_and_a_payment_under_way_wait_for_something_else(
    desk: Client, letter: Letter
) -> None:
    Case.objects.update(due_at=NOW + timedelta(days=1))
    expected = ("Next look Thu 16 Apr, 09:05 New York", "Next look: Thu 16 Apr, 09:05 New York (tomorrow)")

    Invoice.objects.update(in_flight=True)
    assert _next(desk, letter) == expected
    Invoice.objects.update(in_flight=False)
    hold = sample.hold(letter.case, HoldKind.VETO)
    assert _next(desk, letter) == expected
    hold.delete()
    Letter.objects.update(state="approved")
    assert _next(desk, letter) == expected


def test_what_the_owner_put_off_is_not_called_a_veto(desk: Client, letter: Letter) -> None:
    sample.hold(letter.case, HoldKind.VETO)

    status = words_of(soup(desk.get("/")).select(".c-status")[0])
    holds = words_of(soup(desk.get(f"/cases/{letter.case_id}/")).select(".holds")[0])

    assert status == "Held Put off until Tue 21 Apr"
    assert holds.startswith("Put off until Tue 21 Apr, 09:05 New York")


def test_the_items_of_one_case_stand_together_and_say_so(desk: Client) -> None:
    first, other = (
        sample.case(Wanted(sample.customer(name), f"INV-{name}", 500_000, due_in=None))
        for name in ("Corvid", "Meridian")
    )
    escalation = sample.review(first, days=5)
    between = sample.review(other, days=4)
    call = sample.review(first, ReviewKind.CALL_TASK, days=3)

    rows = soup(desk.get("/review/")).select(".queue .item")

    assert [row["id"] for row in rows] == [f"item-{each.pk}" for each in (escalation, call, between)]
    assert ["same" in row["class"] for row in rows] == [False, True, False]
    assert words_of(rows[1].select(".what")[0]) == "Call task the same case: Corvid"
    assert rows[1].select(".worth strong") == []
    assert words_of(rows[1].select("summary")[0]) == "Record the call: Call task, Corvid"
