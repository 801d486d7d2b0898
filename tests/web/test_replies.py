"""The page of a reply: read, confirmed, corrected, answered; and what a hostile one cannot do."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from dunwell.policy.words import CaseStatus, Ending, MailNature, MailState
from dunwell.store.models import Case, Hold, IncomingMail, OutboxItem, TimelineEntry
from dunwell.web.attachments import safe_name
from tests.web import sample
from tests.web.conftest import soup, text, words_of
from tests.web.sample import Wanted

pytestmark = pytest.mark.django_db

XSS = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def waiting() -> tuple[Case, IncomingMail]:
    aurelius, _, _ = sample.three_cases()
    return aurelius, sample.incoming(aurelius)


def holds(row: Case) -> list[tuple[str, datetime | None, bool]]:
    found = Hold.objects.filter(case=row).order_by("pk")
    return [(hold.kind, hold.until_at, hold.ended_at is not None) for hold in found]


def test_the_page_shows_who_wrote_what_it_rests_on_and_what_it_seems_to_mean(desk: Client) -> None:
    _, mail = waiting()

    response = desk.get(f"/replies/{mail.pk}/")

    page, words = soup(response), text(response)
    assert [mark.get_text() for mark in page.select("pre.own mark")] == ["We will pay this on April 21"]
    assert "sorry for the delay." in page.select("pre.own")[0].get_text()
    assert "from Imani Osei <imani.osei@customer.example> · Wed 15 Apr, 06:05 New York" in words
    assert "Promise to pay: Tue 21 Apr 2026 The sender says that money will come." in words
    assert "By the thread: it answers a mail of ours" in words
    assert "INV-2026-04-1198: The case is on hold (promise) until Tue 21 Apr, 23:59 New York." in words
    assert page.select("details pre.mail")[0].get_text().endswith("> the payment did not go through.\n")


def test_one_click_confirms_and_nothing_leaves(desk: Client) -> None:
    aurelius, mail = waiting()
    queued = OutboxItem.objects.count()
    click = soup(desk.get(f"/replies/{mail.pk}/")).select(".reading form")[0]
    typed = {str(field["name"]): str(field["value"]) for field in click.select("input[name], button[name]")}
    assert typed.pop("csrfmiddlewaretoken", "") is not None

    response = desk.post(str(click["action"]), typed, follow=True)

    mail.refresh_from_db()
    assert holds(aurelius) == [
        ("reply", None, True),
        ("promise", datetime(2026, 4, 22, 3, 59, tzinfo=UTC), False),
    ]
    assert (mail.state, mail.decided_kind, mail.decided_by) == ("done", "promise", "dana")
    assert OutboxItem.objects.count() == queued
    assert "Noted. The case follows it from here." in text(response)
    assert "said by dana" in text(response)
    assert TimelineEntry.objects.get(case=aurelius, kind="reply_read").detail["decided"] == "promise"


def test_a_correction_is_kept_beside_the_proposal(desk: Client) -> None:
    aurelius, mail = waiting()

    response = desk.post(
        f"/replies/{mail.pk}/decide",
        {"kind": "asks_time", "until": "2026-04-24", "do": "decide"},
        follow=True,
    )

    assert holds(aurelius)[-1][0] == "pause"
    assert "It was read as: promise to pay, Tue 21 Apr 2026." in text(response)


@pytest.mark.parametrize(
    ("typed", "status", "problem"),
    [
        ({"kind": ""}, 422, "Choose what the reply means."),
        ({"kind": "nonsense"}, 422, "Select a valid choice."),
        ({"kind": "promise", "until": ""}, 409, "Choose the day."),
        ({"kind": "promise", "until": "2026-04-01"}, 409, "The day must not lie in the past."),
        ({"kind": "promise", "until": "soon"}, 422, "This is not a day. Write it like 2026-04-30."),
        (
            {"kind": "hardship", "count": "3"},
            422,
            "Say how many parts and when the first is due, or list them.",
        ),
        ({"kind": "hardship", "count": "99", "first": "2026-05-01"}, 422, "Choose 1 to 24 parts."),
        (
            {"kind": "hardship", "parts": "2026-05-01 1.00"},
            409,
            "The parts come to USD 1.00, but USD 14,200.00",
        ),
        ({"kind": "hardship", "parts": "tomorrow all"}, 422, "'tomorrow all' is not a part."),
        ({"kind": "wrong_person"}, 409, "Name the person to write to instead, with their address."),
        ({"kind": "wrong_person", "name": "Robin", "email": "x"}, 422, "This is not an e-mail address."),
        ({"kind": "other", "cases": "999"}, 422, "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_changes(
    desk: Client, typed: dict[str, str], status: int, problem: str
) -> None:
    aurelius, mail = waiting()
    entries = TimelineEntry.objects.count()

    response = desk.post(f"/replies/{mail.pk}/decide", {"do": "decide", **typed})

    mail.refresh_from_db()
    assert (response.status_code, mail.state) == (status, "waiting")
    assert problem in text(response)
    assert holds(aurelius) == [("reply", None, False)]
    assert TimelineEntry.objects.count() == entries


def test_a_plan_is_typed_as_the_page_prints_it(desk: Client) -> None:
    aurelius, mail = waiting()

    parts = "2026-05-01 USD 4,200.00\n2026-06-01 5,000.00\n2026-07-01 usd 5000"
    desk.post(f"/replies/{mail.pk}/decide", {"kind": "hardship", "parts": parts, "do": "decide"})

    (plan,) = Hold.objects.filter(case=aurelius, kind="payment_plan")
    assert [part["minor"] for part in plan.instalments] == [420_000, 500_000, 500_000]


@pytest.mark.parametrize(
    "amount", ["14200,00", "14.200,00", "14,20,000", "EUR 14,200.00", ",200", "1,200,00"]
)
def test_an_amount_that_can_be_read_in_two_ways_is_not_guessed(desk: Client, amount: str) -> None:
    aurelius, mail = waiting()

    typed = {"kind": "hardship", "parts": f"2026-05-01 {amount}", "do": "decide"}
    response = desk.post(f"/replies/{mail.pk}/decide", typed)

    assert (response.status_code, "is not a part." in text(response)) == (422, True)
    assert holds(aurelius) == [("reply", None, False)]


def test_a_plan_of_equal_parts_is_made_on_the_page_and_shown_on_the_case(desk: Client) -> None:
    aurelius, mail = waiting()

    desk.post(
        f"/replies/{mail.pk}/decide",
        {"kind": "hardship", "count": "3", "first": "2026-05-01", "every": "1", "do": "decide"},
    )

    (plan,) = Hold.objects.filter(case=aurelius, kind="payment_plan")
    assert plan.instalments == [
        {"due": "2026-05-01", "minor": 473_334, "left": 946_666},
        {"due": "2026-06-01", "minor": 473_333, "left": 473_333},
        {"due": "2026-07-01", "minor": 473_333, "left": 0},
    ]
    page = text(desk.get(f"/cases/{aurelius.pk}/"))
    assert "USD 0.00 paid of USD 14,200.00 USD 4,733.34 by Fri 1 May 2026 ● next" in page
    assert "as long as every part comes" in page


def test_a_dispute_about_two_invoices_asks_which(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    other = sample.case(Wanted(aurelius.customer, "INV-2026-04-1199", 5_000))
    mail = sample.incoming(aurelius, other, reading_kind="dispute", reading_date=None)

    page = soup(desk.get(f"/replies/{mail.pk}/"))
    assert page.select(".reading form") == []
    assert len(page.select("input[name=cases][checked]")) == 2
    desk.post(f"/replies/{mail.pk}/decide", {"kind": "dispute", "cases": [str(other.pk)], "do": "decide"})

    assert holds(aurelius) == [("reply", None, True)]
    assert holds(other)[-1] == ("dispute", None, False)


def test_only_the_invoices_the_mail_is_about_are_ticked(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    other = sample.case(Wanted(aurelius.customer, "INV-2026-04-1199", 5_000))
    mail = sample.incoming(aurelius, other, about=[other.pk], reading_kind="dispute", reading_date=None)

    page = soup(desk.get(f"/replies/{mail.pk}/"))
    boxes = page.select("input[name=cases][type=checkbox]")
    click = page.select(".reading form")[0]
    typed = {str(field["name"]): str(field["value"]) for field in click.select("input[name], button[name]")}
    desk.post(str(click["action"]), typed)

    assert [(box["value"], box.has_attr("checked")) for box in boxes] == [
        (str(aurelius.pk), False),
        (str(other.pk), True),
    ]
    assert "not named in the mail; waits until somebody has read it" in words_of(page.select(".covered p")[0])
    assert holds(aurelius) == [("reply", None, True)]
    assert holds(other)[-1] == ("dispute", None, False)


@pytest.mark.parametrize(
    ("own", "offered"),
    [
        ("Please write to Bea@corp.example from now on.", "bea@corp.example"),
        ("Please write to bea@corp.example.", "bea@corp.example"),
        ("Ask <bea@corp.example> or bea@corp.example", "bea@corp.example"),
        ("Not me. Imani, imani.osei@customer.example", ""),
        ("You are sam.sample@dunwell.example, write to bea@corp.example", "bea@corp.example"),
        ("Either bea@corp.example or cy@corp.example", ""),
        ("I am not in charge.", ""),
        ("bea@b\u00fccher.example", ""),
    ],
)
def test_an_address_in_their_words_stands_in_the_form_and_nothing_else(
    desk: Client, own: str, offered: str
) -> None:
    aurelius, _, _ = sample.three_cases()
    reading = {
        "reading_kind": "wrong_person",
        "reading_date": None,
        "reading_words": "",
        "reading_start": None,
    }
    mail = sample.incoming(aurelius, own=own, **reading)

    page = soup(desk.get(f"/replies/{mail.pk}/"))

    assert page.select_one("#reply-email").get("value", "") == offered  # type: ignore[union-attr]
    assert page.select_one("#reply-name").get("value", "") == ""  # type: ignore[union-attr]
    assert page.select(".reading form") == []


def test_of_several_addresses_the_one_the_reading_rests_on_is_offered(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    words = "Please write to bea@corp.example"
    mail = sample.incoming(
        aurelius, own=f"{words}. Imani, imani@corp.example", reading_kind="wrong_person", reading_words=words
    )

    box = soup(desk.get(f"/replies/{mail.pk}/")).select("#reply-email")[0]

    assert box["value"] == "bea@corp.example"


def test_no_invoice_chosen_of_two_is_refused(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    other = sample.case(Wanted(aurelius.customer, "INV-2026-04-1199", 5_000))
    mail = sample.incoming(aurelius, other)

    response = desk.post(f"/replies/{mail.pk}/decide", {"kind": "dispute", "do": "decide"})

    assert (response.status_code, "Choose at least one invoice." in text(response)) == (409, True)


def test_the_preview_answers_as_the_form_changes(desk: Client) -> None:
    aurelius, mail = waiting()
    address = f"/replies/{mail.pk}/preview"

    promised = desk.post(address, {"kind": "promise", "until": "2026-04-30"})
    missing = desk.post(address, {"kind": "promise", "until": ""})
    nothing = desk.post(address, {})
    wrong = desk.post(address, {"kind": "promise", "until": "soon"})

    assert "on hold (promise) until Thu 30 Apr, 23:59 New York" in soup(promised).get_text()
    assert soup(missing).get_text().strip() == "Choose the day."
    assert soup(nothing).get_text().strip() == "Choose what the reply means."
    assert "This is not a day." in soup(wrong).get_text()
    assert holds(aurelius) == [("reply", None, False)]


def test_an_answer_is_queued_in_the_name_of_whoever_is_logged_in(desk: Client) -> None:
    _, mail = waiting()

    response = desk.post(f"/replies/{mail.pk}/decide", {"do": "answer", "text": "Thank you."}, follow=True)

    answer = OutboxItem.objects.get(kind="answer")
    assert (answer.to_address, answer.subject, answer.text, answer.method, answer.state) == (
        "imani.osei@customer.example",
        "Re: Payment for your invoice did not go through",
        "Thank you.\n",
        "dana",
        "queued",
    )
    mail.refresh_from_db()
    assert mail.state == "waiting"
    page = text(response)
    assert "Your answer goes to imani.osei@customer.example." in page
    assert "What was written back" in page
    assert soup(response).select("textarea[name=text]") == []


def test_answer_and_confirm_is_one_button(desk: Client) -> None:
    aurelius, mail = waiting()

    desk.post(
        f"/replies/{mail.pk}/decide",
        {"do": "both", "text": "Thank you.", "kind": "promise", "until": "2026-04-21"},
    )

    mail.refresh_from_db()
    assert (mail.state, holds(aurelius)[-1][0]) == ("done", "promise")
    assert OutboxItem.objects.filter(kind="answer").count() == 1


def test_a_wrong_answer_comes_back_as_typed_and_decides_nothing(desk: Client) -> None:
    _, mail = waiting()
    typed = "Please use card 4242 4242 4242 4242."

    response = desk.post(f"/replies/{mail.pk}/decide", {"do": "both", "text": typed, "kind": "other"})

    mail.refresh_from_db()
    assert (response.status_code, mail.state) == (409, "waiting")
    assert "card number" in text(response)
    assert soup(response).select("textarea[name=text]")[0].get_text().strip() == typed
    assert not OutboxItem.objects.filter(kind="answer").exists()


def test_without_an_address_on_the_account_the_page_says_where_to_set_it(client: Client) -> None:
    _, mail = waiting()
    user = sample.person()
    user.email = ""
    user.save()
    client.force_login(user)

    page = client.get(f"/replies/{mail.pk}/")

    assert "no e-mail address to write from: `dunwell person NAME --email" in text(page)
    assert soup(page).select("textarea[name=text]") == []


def test_somebody_else_who_was_faster_is_named(desk: Client) -> None:
    _, mail = waiting()
    desk.post(f"/replies/{mail.pk}/decide", {"kind": "other", "do": "decide"})

    again = desk.post(
        f"/replies/{mail.pk}/decide", {"kind": "promise", "until": "2026-04-21", "do": "decide"}
    )

    assert (again.status_code, "dana has decided about this mail already." in text(again)) == (409, True)


def test_what_a_stranger_wrote_stays_text_wherever_it_is_shown(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    mail = sample.incoming(
        aurelius,
        subject=XSS,
        sender_name=XSS,
        own=f"{XSS} we pay",
        text=f"{XSS} we pay\n> {XSS}",
        reading_words=XSS,
        reading_start=0,
        reading_end=len(XSS),
        reading_why=XSS,
        reading_notes=[XSS],
        problems=[XSS],
        automatic=XSS,
    )
    sample.incoming(subject=XSS, sender_name=XSS, own=XSS)

    for address in (
        f"/replies/{mail.pk}/",
        "/review/",
        f"/cases/{aurelius.pk}/",
        f"/cases/{aurelius.pk}/history",
    ):
        response = desk.get(address)
        page = soup(response)
        assert response.status_code == 200
        assert [tag for tag in page.select("script") if not tag.get("src")] == []
        assert page.select("img[src=x]") == []
        assert page.select("[onerror]") == []
        assert "script-src 'self'" in response["Content-Security-Policy"]
    assert soup(desk.get(f"/replies/{mail.pk}/")).select("mark")[0].get_text() == XSS


def test_the_html_is_shown_only_in_a_frame_that_can_do_nothing(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    mail = sample.incoming(aurelius, html="<p>Hello</p><img src='https://evil.example/x.png'>")

    frame = soup(desk.get(f"/replies/{mail.pk}/")).select("iframe")[0]
    response = desk.get(str(frame["src"]))

    assert frame.has_attr("sandbox")
    assert (not frame["sandbox"], frame["referrerpolicy"]) == (True, "no-referrer")
    assert response["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox"
    )
    assert "<p>Hello</p>" in response.content.decode()
    assert desk.get(f"/replies/{sample.incoming(aurelius, state='done').pk}/formatted").status_code == 404


@pytest.mark.parametrize(
    ("media_type", "told"),
    [
        ("application/pdf", "application/pdf"),
        ("text/html", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("TEXT/PLAIN; charset=utf-8", "text/plain"),
        ("text/html\r\nX-Evil: 1", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_files_are_handed_out_to_be_saved_and_never_shown(desk: Client, media_type: str, told: str) -> None:
    _, mail = waiting()
    file = sample.attachment(
        mail, "../../etc/<b>pass\r\nwd\u202egpj.exe", media_type, b"<script>alert(1)</script>"
    )

    response = desk.get(f"/replies/{mail.pk}/files/{file.pk}")

    assert response["Content-Type"] == told
    assert response["Content-Disposition"] == 'attachment; filename="bpasswdgpj.exe"'
    assert (response["X-Content-Type-Options"], response["Content-Security-Policy"]) == (
        "nosniff",
        "default-src 'none'; sandbox",
    )
    assert response.content == b"<script>alert(1)</script>"
    assert "X-Evil" not in response.headers


def test_a_file_belongs_to_its_mail(desk: Client) -> None:
    aurelius, mail = waiting()
    other = sample.incoming(aurelius, state="done")
    file = sample.attachment(mail, "a.pdf", "application/pdf", b"x")

    assert desk.get(f"/replies/{other.pk}/files/{file.pk}").status_code == 404


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Remittance April.pdf", "Remittance April.pdf"),
        ("", "attachment"),
        ("..", "attachment"),
        (".htaccess", "htaccess"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("a" * 300 + ".pdf", "a" * 99 + ".pdf"),
        ("Überweisung.pdf", "Überweisung.pdf"),
    ],
)
def test_a_file_is_saved_under_a_harmless_name(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_mail_nobody_could_place_is_listed_counted_and_placed(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    mail = sample.incoming(subject="A question", sender_name="", sender_address="a@elsewhere.example")

    queue = desk.get("/review/")
    assert "Mail nobody could place 1 Whose is it? A question from a@elsewhere.example" in text(queue)
    assert soup(queue).select("nav .count")[0].get_text(" ", strip=True) == "2 waiting"
    wrong = desk.post(f"/replies/{mail.pk}/assign", {"invoice": "INV-404"})
    assert (wrong.status_code, "There is no case on invoice INV-404." in text(wrong)) == (422, True)
    assert holds(aurelius) == []
    placed = desk.post(f"/replies/{mail.pk}/assign", {"invoice": aurelius.invoice.number}, follow=True)

    mail.refresh_from_db()
    assert "Placed. The case waits from now on" in text(placed)
    assert (mail.state, mail.matched_by, holds(aurelius)) == ("waiting", "person", [("reply", None, False)])


def offers(desk: Client, mail: IncomingMail) -> list[str]:
    return [words_of(line) for line in soup(desk.get(f"/replies/{mail.pk}/")).select(".maybe li")]


def test_a_mail_nobody_could_place_offers_the_cases_it_may_be_about(desk: Client) -> None:
    aurelius, _, halberd = sample.three_cases()
    mail = sample.incoming(
        subject="INV-2026-03-0932",
        sender_name="Northgate Capital",
        sender_address="cy@aurelius-partners.example",
        own="Which card is it?",
    )

    offered = soup(desk.get(f"/replies/{mail.pk}/")).select(".maybe button")
    colleague = "somebody else at aurelius-partners.example is their contact"

    assert offers(desk, mail) == [
        "INV-2026-03-0932, Halberd Cybersecurity EUR 3,940.50 open: its number stands in the mail",
        f"INV-2026-04-1198, Aurelius Partners USD 14,200.00 open: {colleague}",
        "INV-2026-04-1177, Northgate Capital USD 6,880.00 open: their name stands in the mail",
    ]
    assert holds(halberd) == []
    desk.post(f"/replies/{mail.pk}/assign", {str(offered[1]["name"]): str(offered[1]["value"])})
    mail.refresh_from_db()
    assert (mail.state, mail.matched_by, holds(aurelius)) == ("waiting", "person", [("reply", None, False)])


def test_at_most_five_cases_are_offered_and_a_domain_of_many_says_nothing(desk: Client) -> None:
    for number in range(7):
        customer = sample.customer("Same Name Ltd")
        customer.contacts.update(email=f"ap{number}@post.example")
        sample.case(Wanted(customer, f"INV-{number}", 100, stages=()))

    said = sample.incoming(sender_address="new@post.example", own="Hello.")
    named = sample.incoming(sender_address="new@post.example", own="We at Same Name Ltd wonder.")

    assert offers(desk, said) == []
    assert len(offers(desk, named)) == 5


def test_a_report_of_a_mail_server_offers_no_case(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    mail = sample.incoming(nature=MailNature.BOUNCE.value, subject=aurelius.invoice.number, reading_kind="")

    assert offers(desk, mail) == []


def test_a_mail_about_no_case_is_set_aside(desk: Client) -> None:
    mail = sample.incoming()

    wrong = desk.post(f"/replies/{mail.pk}/aside", {"reason": " "})
    desk.post(f"/replies/{mail.pk}/aside", {"reason": "A newsletter."})

    mail.refresh_from_db()
    assert (wrong.status_code, "Say in a few words what it is." in text(wrong)) == (422, True)
    assert (mail.state, mail.decided_by) == ("set_aside", "dana")
    assert "Mail nobody could place" not in text(desk.get("/review/"))
    assert "Nothing needs you" in text(desk.get("/review/"))


def test_a_report_of_a_mail_server_is_not_taken_for_a_reply(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    mail = sample.incoming(nature=MailNature.BOUNCE.value, reading_kind="")

    response = desk.post(f"/replies/{mail.pk}/assign", {"invoice": aurelius.invoice.number})

    assert "it is a report of a mail server. Set it aside." in text(response)
    assert holds(aurelius) == []


def test_replies_stand_oldest_first_with_their_first_words_and_the_proposal(desk: Client) -> None:
    aurelius, northgate, _ = sample.three_cases()
    young = sample.incoming(aurelius, own="The younger one.", reading_start=None, reading_end=None)
    old = sample.incoming(northgate, own="The older one.", reading_kind="", reading_start=None)
    northgate.reviews.update(opened_at=sample.NOW - timedelta(days=3))

    response = desk.get("/review/?kind=reply")

    page = soup(response)
    assert [link["href"] for link in page.select(".said a.button")] == [
        f"/replies/{old.pk}/",
        f"/replies/{young.pk}/",
    ]
    words = text(response)
    assert (
        "Oldest first Reply to read Northgate Capital INV-2026-04-1177 “The older one.” Imani Osei" in words
    )
    assert "not read yet" in words
    assert (
        "“The younger one.” Imani Osei · Wed 15 Apr, 06:05 New York · read as promise to pay, Tue 21 Apr"
        in words
    )
    assert "waiting 3 days" in words


def test_the_case_lists_its_replies_and_leads_to_the_one_that_waits(desk: Client) -> None:
    aurelius, mail = waiting()
    sample.incoming(aurelius, state=MailState.DONE.value, nature=MailNature.AUTOMATIC.value, own="I am away.")

    response = desk.get(f"/cases/{aurelius.pk}/")

    page = text(response)
    assert "Waits to be read Wed 15 Apr, 06:05 New York · read as promise to pay, Tue 21 Apr 2026" in page
    assert "Automatic reply" in page
    assert len(soup(response).select(f"#holds a[href='/replies/{mail.pk}/']")) == 1
    held = Hold.objects.get(case=aurelius, kind="reply")
    assert desk.get(f"/cases/{aurelius.pk}/holds/{held.pk}/resume")["Location"] == f"/replies/{mail.pk}/"


def test_a_reply_about_a_closed_case_can_still_be_answered(desk: Client) -> None:
    row = sample.case(
        Wanted(sample.customer("Oakhurst"), "INV-1", 0, status=CaseStatus.CLOSED, ending=Ending.RECOVERED)
    )
    mail = sample.incoming(row, state=MailState.DONE.value)

    desk.post(f"/replies/{mail.pk}/decide", {"do": "answer", "text": "Thank you."})

    assert OutboxItem.objects.get(kind="answer").case_id == row.pk


def test_there_is_no_page_for_a_mail_that_is_not_there(desk: Client) -> None:
    for address in ("/replies/1/", "/replies/1/formatted", "/replies/1/files/1"):
        assert desk.get(address).status_code == 404
    for address in ("decide", "preview", "assign", "aside"):
        assert desk.post(f"/replies/1/{address}").status_code == 404


def test_replies_are_behind_the_login(client: Client) -> None:
    _, mail = waiting()

    for address in ("", "formatted", "files/1"):
        assert client.get(f"/replies/{mail.pk}/{address}").status_code == 302
    assert client.post(f"/replies/{mail.pk}/decide", {"kind": "other"}).status_code == 302
    mail.refresh_from_db()
    assert mail.state == "waiting"
