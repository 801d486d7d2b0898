"""The desk in Chromium: by keyboard alone, on a phone, without a word from the console."""

import re

import pytest
from playwright.sync_api import Page, expect

from dunwell.engine.links import make_link, make_owner_link
from dunwell.engine.ports import Ports
from dunwell.policy.words import HoldKind, ReviewKind
from dunwell.store.models import Hold, TimelineEntry
from tests.web import letters, sample
from tests.web.conftest import Visit
from tests.web.keys import log_in, tab_to

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_from_login_to_a_pause_and_back_without_a_mouse(visit: Visit) -> None:
    sample.person()
    aurelius, _, _ = sample.three_cases()

    def path(page: Page) -> str:
        log_in(page)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        page.keyboard.press("Enter")
        tab_to(page, "Aurelius Partners")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Aurelius Partners")).to_be_visible()
        tab_to(page, "Put this case on hold")
        page.keyboard.press("Enter")
        tab_to(page, "Until")
        page.keyboard.type("04302026")
        tab_to(page, "Reason")
        page.keyboard.type("Imani is on leave.")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Paused until Thu 30 Apr.")).to_be_visible()
        tab_to(page, "Preview resuming")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="What would happen next")).to_be_visible()
        preview = page.get_by_text("If released now").inner_text()
        tab_to(page, "Resume")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Resumed. Nothing was sent")).to_be_visible()
        return preview

    preview = visit(path)

    hold = Hold.objects.get(case=aurelius)
    entries = TimelineEntry.objects.filter(case=aurelius, actor="dana").order_by("seq")
    assert "The direct" in preview
    assert (hold.kind, hold.reason, hold.ended_at) == ("pause", "Imani is on leave.", sample.NOW)
    assert list(entries.values_list("kind", flat=True)) == ["hold", "resume"]


def test_filters_narrow_the_list_as_one_types_and_go_into_the_address(visit: Visit) -> None:
    sample.person()
    sample.three_cases()

    def path(page: Page) -> list[str]:
        log_in(page)
        page.get_by_label("Search").press_sequentially("capital")
        expect(page.locator("table.cases tbody tr")).to_have_count(1)
        expect(page.get_by_label("Search")).to_be_focused()
        expect(page).to_have_url(re.compile(r"search=capital"))
        page.get_by_label("Status").select_option("escalated")
        expect(page.get_by_role("heading", name="No case matches")).to_be_visible()
        page.go_back()
        expect(page.locator("table.cases tbody tr")).to_have_count(1)
        return page.locator("table.cases .into").all_inner_texts()

    assert visit(path) == ["Northgate Capital"]


def test_nothing_of_a_page_stays_in_the_browsers_storage(visit: Visit) -> None:
    sample.person()
    sample.three_cases()

    def path(page: Page) -> list[object]:
        log_in(page)
        page.get_by_label("Search").press_sequentially("capital")
        expect(page.locator("table.cases tbody tr")).to_have_count(1)
        kept: list[object] = page.evaluate(
            "[...Object.values(localStorage), ...Object.values(sessionStorage)]"
        )
        return kept

    assert "Northgate" not in str(visit(path))


def test_a_wrong_date_is_said_where_it_was_typed(visit: Visit) -> None:
    sample.person()
    aurelius, _, _ = sample.three_cases()

    def path(page: Page) -> None:
        log_in(page)
        page.goto(f"/cases/{aurelius.pk}/")
        page.get_by_text("Put this case on hold").click()
        page.get_by_label("Until", exact=True).fill("2026-04-01")
        page.get_by_label("Reason").first.fill("Imani is on leave.")
        page.get_by_role("button", name="Put on hold", exact=True).click()
        expect(page.get_by_text("The day must be in the future.")).to_be_visible()
        expect(page.get_by_label("Until", exact=True)).to_have_value("2026-04-01")
        expect(page.get_by_label("Until", exact=True)).to_have_accessible_description(
            re.compile("The day must be in the future.")
        )
        expect(page.locator("#hold-reason")).to_have_value("Imani is on leave.")

    visit(path)


def test_a_mail_is_shown_as_sent_in_a_frame_whose_links_lead_nowhere(visit: Visit) -> None:
    sample.person()
    aurelius, _, _ = sample.three_cases()
    aurelius.outbox.update(html="<p style='color: rgb(1, 2, 3)'>Hello <a href='/review/'>link</a></p>")

    def path(page: Page) -> None:
        log_in(page)
        page.goto(f"/cases/{aurelius.pk}/")
        page.get_by_text("As the customer sees it").first.click()
        mail = page.frame_locator("iframe").first
        expect(mail.locator("p")).to_have_css("color", "rgb(1, 2, 3)")
        mail.get_by_text("link").click()
        expect(mail.locator("p")).to_have_text("Hello link")
        assert len(page.context.pages) == 1

    visit(path)
    # Chromium says that the sandbox kept the link from opening, which is the point.
    assert [problem for problem in visit.problems if "sandboxed frame" not in problem] == []
    visit.problems.clear()


def _every_page(ports: Ports) -> list[str]:
    aurelius, northgate, halberd = sample.three_cases()
    hold = sample.hold(aurelius, HoldKind.PAUSE, whole_customer=True, reason="w" * 300)
    long = sample.case(
        sample.Wanted(
            sample.customer("Donaudampfschifffahrtselektrizitäten" * 3), "INV-" + "9" * 60, 123_456_789_00
        )
    )
    sample.review(long, reason="x" * 200, assigned_to="dana")
    link = make_link(aurelius.pk, ports, sample.NOW).removeprefix(ports.base_url)
    letter = letters.draft(letters.personal("Larkspur Logistics " * 6, "INV-" + "8" * 60), ports)
    letters.call_task(letter.case)
    asked = make_owner_link(letter.pk, ports, sample.NOW).removeprefix(ports.base_url)
    return [
        "/", "/?search=zzz", "/?status=held", "/review/", "/review/?whose=mine", "/review/?kind=chargeback",
        f"/cases/{aurelius.pk}/", f"/cases/{northgate.pk}/?order=oldest", f"/cases/{halberd.pk}/",
        f"/cases/{long.pk}/", f"/cases/{long.pk}/history", f"/cases/{aurelius.pk}/explain",
        f"/cases/{aurelius.pk}/holds/{hold.pk}/resume", link, "/pay/forged",
        f"/letters/{letter.pk}/", f"/cases/{letter.case_id}/", "/review/?kind=call_task", "/coming-up/", asked,
        "/nowhere", "/login",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [320, 390, 768, 1360])
def test_no_page_is_wider_than_the_screen(visit: Visit, ports: Ports, width: int) -> None:
    sample.person()
    addresses = _every_page(ports)

    def path(page: Page) -> dict[str, int]:
        log_in(page)
        too_wide: dict[str, int] = {}
        for address in addresses:
            page.goto(address)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            over = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if over > 0:
                too_wide[address] = over
        return too_wide

    assert visit(path, width=width) == {}


CONTRAST = """() => {
  const number = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = number(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const [a, b] = [light(number(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${element.className || element.tagName}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)];
}"""

UNNAMED = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a, iframe')]
  .filter(each => !(each.labels?.length || each.innerText?.trim() || each.title || each.getAttribute('aria-label')))
  .map(each => each.outerHTML.slice(0, 90))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read_and_every_control_has_a_name(visit: Visit, ports: Ports, scheme: str) -> None:
    sample.person()
    addresses = _every_page(ports)

    def path(page: Page) -> dict[str, object]:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        log_in(page)
        found: dict[str, object] = {}
        for address in addresses:
            page.goto(address)
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            wrong = [*page.evaluate(CONTRAST), *page.evaluate(UNNAMED)]
            if wrong:
                found[address] = wrong
        return found

    assert visit(path) == {}


def test_the_desk_works_without_javascript(visit: Visit) -> None:
    sample.person()
    sample.three_cases()

    def path(page: Page) -> str:
        page.context.route("**/*.js", lambda route: route.abort())
        page.goto("/login")
        page.get_by_label("User name").fill("dana")
        page.get_by_label("Password").fill(sample.PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.get_by_label("Search").fill("capital")
        page.get_by_role("button", name="Find").click()
        page.get_by_role("link", name="Northgate Capital").click()
        return page.get_by_role("heading", level=1).inner_text()

    assert visit(path) == "Northgate Capital"
    assert all("Failed to load resource" in problem for problem in visit.problems)
    visit.problems.clear()


def test_an_item_is_taken_and_settled(visit: Visit) -> None:
    sample.person()
    aurelius, _, halberd = sample.three_cases()
    halberd.reviews.all().delete()
    sample.review(aurelius, ReviewKind.REPLY)

    def path(page: Page) -> None:
        log_in(page)
        page.get_by_role("link", name="Review").click()
        page.get_by_role("button", name="Take it").click()
        expect(page.get_by_text("Assigned to Dana Whitfield.")).to_be_visible()
        page.get_by_text("Assign or settle").click()
        page.get_by_label("What was done").fill("Spoke to Imani.")
        page.get_by_role("button", name="Settle").click()
        expect(page.get_by_text("Settled.")).to_be_visible()
        expect(page.get_by_role("heading", name="Nothing needs you")).to_be_visible()

    visit(path)
