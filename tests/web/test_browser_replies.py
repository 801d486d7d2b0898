"""A reply in Chromium: confirmed by keyboard alone, corrected with a preview, on a phone, and a hostile one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page, expect

from dunwell.store.models import Hold, IncomingMail, OutboxItem
from tests.web import sample
from tests.web.conftest import Visit
from tests.web.keys import log_in, tab_to

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_reply_is_found_read_and_confirmed_without_a_mouse(visit: Visit) -> None:
    sample.person()
    aurelius, _, _ = sample.three_cases()
    mail = sample.incoming(aurelius)

    def path(page: Page) -> None:
        log_in(page)
        page.goto("/review/")
        tab_to(page, "Read the reply")
        page.keyboard.press("Enter")
        expect(page.locator("mark")).to_have_text("We will pay this on April 21")
        tab_to(page, "Confirm: wait until Tue 21 Apr")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Noted. The case follows it from here.")).to_be_visible()

    visit(path)

    mail.refresh_from_db()
    assert (mail.state, mail.decided_kind) == ("done", "promise")
    assert Hold.objects.filter(case=aurelius, ended_at=None).get().kind == "promise"


def test_the_form_shows_what_a_kind_needs_and_says_what_would_happen(visit: Visit) -> None:
    sample.person()
    aurelius, _, _ = sample.three_cases()
    mail = sample.incoming(aurelius)

    def path(page: Page) -> None:
        log_in(page)
        page.goto(f"/replies/{mail.pk}/")
        kind = page.get_by_label("It means")
        expect(page.locator(".ours .foresight")).to_contain_text("(promise) until Tue 21 Apr, 23:59 New York")
        kind.select_option("dispute")
        expect(page.get_by_label("Until", exact=True)).to_be_hidden()
        expect(page.locator(".ours .foresight")).to_contain_text("(dispute) until a person ends it")
        kind.select_option("wrong_person")
        expect(page.get_by_label("E-mail")).to_be_visible()
        kind.select_option("hardship")
        page.get_by_label("Equal parts").fill("2")
        page.get_by_label("The first on").fill("2026-05-01")
        expect(page.locator(".ours .foresight")).to_contain_text("USD 7,100.00, is due on Fri 1 May")
        # Typed and not yet left: the preview follows all the same.
        page.get_by_label("Or the parts one by one").press_sequentially("2026-05-01 USD 7,100.00")
        expect(page.locator(".ours .foresight")).to_contain_text("USD 7,100.00")
        expect(page.locator(".ours .foresight")).to_contain_text("The parts come to")
        page.get_by_label("Or the parts one by one").fill("")
        page.get_by_role("button", name="This is what it means").click()
        expect(page.get_by_text("Noted. The case follows it from here.")).to_be_visible()

    visit(path)

    assert len(Hold.objects.get(case=aurelius, kind="payment_plan").instalments) == 2


def test_a_reply_is_answered_on_a_phone_and_nothing_sticks_out(visit: Visit) -> None:
    sample.person()
    aurelius, _, _ = sample.three_cases()
    mail = sample.incoming(aurelius, own=f"We will pay. {'x' * 400} https://long.example/{'y' * 400}")
    sample.attachment(mail, f"{'very-long-name-' * 8}.pdf", "application/pdf", b"%PDF")

    def path(page: Page) -> list[int]:
        log_in(page)
        wide = []
        for address in (f"/replies/{mail.pk}/", "/review/", f"/cases/{aurelius.pk}/"):
            page.goto(address)
            wide.append(int(page.evaluate("document.documentElement.scrollWidth")))
        page.goto(f"/replies/{mail.pk}/")
        page.get_by_label("Answer").fill("Thank you.")
        page.get_by_role("button", name="Only answer").click()
        expect(page.get_by_text("Your answer goes to")).to_be_visible()
        return wide

    assert visit(path, width=390, height=844) == [390, 390, 390]
    assert OutboxItem.objects.filter(kind="answer").count() == 1


@dataclass
class Elsewhere:
    """A server of somebody else's: who came to it."""

    address: str = ""
    came: list[str] = field(default_factory=list)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    known = Elsewhere()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.came.append(self.path)
            self.send_error(404)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Say nothing on the tests' terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        known.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield known
        server.shutdown()
        thread.join()


def test_a_hostile_mail_loads_nothing_runs_nothing_and_leads_nowhere(
    visit: Visit, elsewhere: Elsewhere
) -> None:
    evil = elsewhere.address
    sample.person()
    aurelius, _, _ = sample.three_cases()
    hostile = (
        f'<p id="there">Hello</p><img src="{evil}/a.png"><link rel="stylesheet" href="{evil}/b.css">'
        f'<style>@import url("{evil}/c.css"); body {{ background: url({evil}/d.png) }}</style>'
        f'<meta http-equiv="refresh" content="0; url={evil}/e"><script>parent.document.title = "owned"</script>'
        f'<iframe src="{evil}/f"></iframe><form action="{evil}/g"><button id="send">x</button></form>'
        f'<a id="away" target="_self" href="{evil}/h">x</a><a id="new" href="{evil}/i">x</a>'
    )
    mail = sample.incoming(aurelius, html=hostile, subject="<b>Re</b>")

    def path(page: Page) -> str:
        log_in(page)
        page.goto(f"/replies/{mail.pk}/")
        page.get_by_text("As they formatted it").click()
        frame = page.frame_locator("iframe.mail")
        expect(frame.locator("#there")).to_be_visible()
        for link in ("#send", "#new", "#away"):
            frame.locator(link).dispatch_event("click")
            page.wait_for_timeout(100)
        return page.title()

    title = visit(path)
    # The browser says on its console what it refused to load.
    refused, visit.problems[:] = list(visit.problems), []

    assert refused
    assert "owned" not in title
    assert elsewhere.came == []
    assert IncomingMail.objects.get(pk=mail.pk).state == "waiting"
