"""The seven steps of the personal track on the case page, the ledger's facts, and handing collection back."""

import pytest
from django.test import Client

from dunwell.engine.ports import Ports
from dunwell.policy.words import Ending, LetterState, ReviewKind
from dunwell.store.models import Case, OutboxItem, TimelineEntry
from tests.web import letters, sample
from tests.web.conftest import soup, text, words_of
from tests.web.sample import NOW

pytestmark = pytest.mark.django_db


def _steps(response: object) -> list[str]:
    return [words_of(step) for step in soup(response).select(".playbook .step .what")]


def test_the_seven_steps_say_where_they_are_in_words(desk: Client, ports: Ports) -> None:
    row = letters.draft(letters.personal(), ports).case

    response = desk.get(f"/cases/{row.pk}/")

    assert [step.split(" Tue")[0].split(" Wed")[0] for step in _steps(response)] == [
        "1. Gather ✓ Done", "2. Take over collection ✓ Done", "3. Manual retry ↷ Skipped", "4. Draft ● Now",
        "5. Send ○ Later", "6. Confirm ○ Later", "7. Next retry ○ Later",
    ]  # fmt: skip
    assert soup(response).select("[aria-current=step] .what")[0].get_text().split()[0] == "4."
    assert "Read letter 1, edit it, approve it." in text(response)


def test_a_step_that_failed_says_what_to_do(desk: Client) -> None:
    row = letters.personal(proved_at=None, taken_over_at=None, collection="stripe")
    sample.review(row, ReviewKind.SUPPRESSION)

    failed = soup(desk.get(f"/cases/{row.pk}/")).select(".step.failed")[0]

    assert "✕ Failed" in words_of(failed)
    assert words_of(failed.select(".todo")[0]).startswith("To do: Stripe could not be proved quiet")


def test_the_standard_track_has_no_playbook(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()

    assert soup(desk.get(f"/cases/{aurelius.pk}/")).select(".playbook") == []


def test_the_history_on_paper_has_the_steps_too(desk: Client, ports: Ports) -> None:
    row = letters.draft(letters.personal(), ports, state=LetterState.CONFIRMED.value, sent_at=NOW).case

    assert len(_steps(desk.get(f"/cases/{row.pk}/history"))) == 7


def test_what_the_ledger_said_stands_beside_the_case(desk: Client) -> None:
    row = letters.personal(
        uses_ledger=True, gathered_at=NOW, missing=["NetSuite names no relationship owner."]
    )
    row.customer.ledger_id, row.customer.crm_status = "6001", "CUSTOMER-Closed Won"
    row.customer.save()
    row.customer.contacts.update(ledger_id="4021", source="NetSuite")
    row.invoice.ledger_id, row.invoice.ledger_status = "7001", "open"
    row.invoice.ledger_open_minor, row.invoice.ledger_read_at = 688_000, NOW
    row.invoice.save()

    about = words_of(soup(desk.get(f"/cases/{row.pk}/")).select(".about")[0])

    assert (
        "CRM status CUSTOMER-Closed Won NetSuite, as read on Wed 15 Apr, 09:05 New York, customer 6001"
        in about
    )
    assert (
        "Invoice in NetSuite Open, USD 6,880.00 open as read on Wed 15 Apr, 09:05 New York there 7001"
        in about
    )
    assert "imani.osei@northgate.example from NetSuite in NetSuite 4021" in about
    assert "NetSuite names no relationship owner." in about


def test_without_a_ledger_nothing_is_said_of_one(desk: Client) -> None:
    row = letters.personal()

    assert "NetSuite" not in words_of(soup(desk.get(f"/cases/{row.pk}/")).select(".about")[0])


def test_whoever_collects_is_said_and_only_what_is_ours_can_be_handed_back(desk: Client) -> None:
    ours = letters.personal()
    theirs = letters.personal("Corvid Analytics", "INV-7", collection="stripe", taken_over_at=None)

    mine, stripes = (soup(desk.get(f"/cases/{row.pk}/")).select(".about")[0] for row in (ours, theirs))

    assert "Charge retried by Dunwell since Tue 14 Apr, 09:05 New York proved Wed 15 Apr, 08:05" in words_of(
        mine
    )
    assert "Charge retried by Stripe" in words_of(stripes)
    assert len(mine.select(f"form[action='/cases/{ours.pk}/hand-back']")) == 1
    assert stripes.select("form[action$='hand-back']") == []


def test_handing_back_takes_a_manager_and_others_are_told_who(desk: Client) -> None:
    row = letters.personal()
    letters.signer()

    page = desk.get(f"/cases/{row.pk}/")
    response = desk.post(f"/cases/{row.pk}/hand-back", {"reason": "Their bank wants it."})

    assert "This takes a manager. Mara Lindqvist may do it." in text(page)
    assert response.status_code == 422
    assert Case.objects.get().closed_at is None
    assert not OutboxItem.objects.exists()


def test_handing_back_needs_a_reason_and_ends_the_case(manager: Client) -> None:
    row = letters.personal()

    silent = manager.post(f"/cases/{row.pk}/hand-back", {"reason": " "})
    assert silent.status_code == 422
    assert Case.objects.get().closed_at is None
    response = manager.post(f"/cases/{row.pk}/hand-back", {"reason": "Their bank wants it."}, follow=True)

    row.refresh_from_db()
    effect = OutboxItem.objects.get(case=row, kind=OutboxItem.HAND_BACK)
    assert "Stripe is being told to collect again." in text(response)
    assert (row.ending, row.closed_at, effect.state) == (Ending.TRANSFERRED.value, NOW, "queued")
    assert "Their bank wants it." in TimelineEntry.objects.get(case=row, actor="mara").summary


def test_handing_back_what_is_not_ours_is_refused(manager: Client) -> None:
    row = letters.personal(collection="stripe", taken_over_at=None, proved_at=None)

    response = manager.post(f"/cases/{row.pk}/hand-back", {"reason": "Their bank wants it."})

    assert response.status_code == 422
    assert "Stripe collects this invoice already." in text(response)
    assert Case.objects.get().closed_at is None
    assert not OutboxItem.objects.exists()
