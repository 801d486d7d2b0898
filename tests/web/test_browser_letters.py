"""A letter in Chromium: checked while it is typed, approved by keyboard alone, agreed to on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from dunwell.engine.links import make_owner_link
from dunwell.engine.ports import Ports
from dunwell.policy.words import LetterState
from dunwell.store.models import Letter
from tests.web import letters, sample
from tests.web.conftest import Visit
from tests.web.keys import log_in, tab_to
from tests.web.sample import NOW

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def letter(ports: Ports) -> Letter:
    return letters.draft(letters.personal(), ports)


def test_a_banned_word_is_named_while_it_is_typed_and_forgiven_once_it_is_gone(
    visit: Visit, letter: Letter
) -> None:
    letters.signer()

    def path(page: Page) -> str:
        log_in(page, "mara")
        page.goto(f"/letters/{letter.pk}/")
        expect(page.locator("#checked")).to_contain_text("It keeps every rule.")
        page.locator("#id_text").focus()
        page.keyboard.press("Control+End")
        page.keyboard.type("P.S. Your account is overdue.")
        said = page.locator(".breaches").inner_text()
        expect(page.locator("#seen")).to_contain_text("P.S. Your account is overdue.")
        expect(page.locator("#checked")).to_have_attribute("aria-live", "polite")
        expect(page.locator("#id_text")).to_be_focused()
        for _ in "P.S. Your account is overdue.":
            page.keyboard.press("Backspace")
        expect(page.locator("#checked")).to_contain_text("It keeps every rule.")
        expect(page.locator("#seen")).not_to_contain_text("overdue")
        return said

    said = visit(path)

    letter.refresh_from_db()
    assert re.search(r"Text line \d+:", said)
    assert "overdue" in said
    assert (letter.version, letter.edited_by) == (1, "")


def test_from_the_queue_to_an_approved_letter_without_a_mouse(visit: Visit, letter: Letter) -> None:
    letters.signer()

    def path(page: Page) -> None:
        log_in(page, "mara")
        tab_to(page, "Review")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()
        tab_to(page, "Read the draft")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Letter 1 to Imani Osei")).to_be_visible()
        tab_to(page, "Subject")
        page.keyboard.press("End")
        page.keyboard.type(" on 14 April")
        tab_to(page, "Approve")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("Approved.")

    visit(path)

    letter.refresh_from_db()
    assert (letter.state, letter.approved_by, letter.version) == (LetterState.APPROVED.value, "mara", 2)
    assert letter.subject.endswith(" on 14 April")


def test_enter_in_the_subject_saves_and_does_not_approve(visit: Visit, letter: Letter) -> None:
    letters.signer()

    def path(page: Page) -> None:
        log_in(page, "mara")
        page.goto(f"/letters/{letter.pk}/")
        page.get_by_label("Subject").fill("About INV-2026-04-1177")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text("Saved. It keeps every rule.")

    visit(path)

    letter.refresh_from_db()
    assert (letter.state, letter.subject) == (LetterState.DRAFT.value, "About INV-2026-04-1177")


def test_without_javascript_the_rules_are_said_on_saving(visit: Visit, letter: Letter) -> None:
    sample.person()

    def path(page: Page) -> str:
        log_in(page)
        page.context.route("**/*.js", lambda route: route.abort())
        page.goto(f"/letters/{letter.pk}/")
        page.locator("#id_text").fill("Pay immediately.")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("It cannot be approved yet")
        return page.locator(".breaches").inner_text()

    assert "immediately" in visit(path)
    assert all("Failed to load resource" in problem for problem in visit.problems)
    visit.problems.clear()


def test_an_owner_stops_a_letter_on_a_phone(visit: Visit, ports: Ports, letter: Letter) -> None:
    link = make_owner_link(letter.pk, ports, NOW).removeprefix(ports.base_url)

    def path(page: Page) -> list[dict[str, float]]:
        page.goto(link)
        sizes = [button.bounding_box() for button in page.locator("button:visible").all()]
        page.get_by_text("Stop it", exact=True).click()
        page.get_by_role("button", name="Stop the mail").click()
        expect(page.get_by_text("Say why, so that whoever wrote it understands.")).to_be_visible()
        page.get_by_label("Why", exact=True).fill("They pay on Friday.")
        page.get_by_role("button", name="Stop the mail").click()
        expect(page.get_by_text("This mail was withdrawn and will not be sent.")).to_be_visible()
        return [{"width": box["width"], "height": box["height"]} for box in sizes if box]

    sizes = visit(path, width=360, height=740)

    letter.refresh_from_db()
    assert all(box["height"] >= 44 for box in sizes)
    assert letter.state == LetterState.WITHDRAWN.value
