"""One case: what is known, what happened, and what people write about it."""

import json
from datetime import timedelta

import pytest
from bs4 import Tag
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dunwell.policy.words import AttemptOutcome, CaseStatus, Ending, MessageState, ReviewKind, Stage, Track
from dunwell.store.models import Case, OutboxItem, PaymentAttempt, TimelineEntry
from dunwell.web.cases import ENTRIES
from dunwell.web.times import friendly
from tests.web import letters, sample
from tests.web.conftest import soup, text, words_of
from tests.web.sample import NOW, Wanted

pytestmark = pytest.mark.django_db


def _section(response: object, name: str) -> str:
    found = soup(response).select_one(f"[aria-labelledby={name}-title]")
    assert found is not None
    return words_of(found)


def test_the_head_says_who_owes_how_much_on_what(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()

    head = soup(desk.get(f"/cases/{aurelius.pk}/")).select_one(".case-head")

    assert head is not None
    assert words_of(head) == (
        "Aurelius Partners Invoice INV-2026-04-1198 Open "
        "Contact Imani Osei <ap@aurelius-partners.example> USD 14,200.00 open"
    )


def test_a_partial_payment_shows_both_amounts(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    Case.objects.filter(pk=aurelius.pk).update(opened_minor=2_000_000)

    assert "USD 14,200.00 open, of USD 20,000.00 when the case opened" in text(
        desk.get(f"/cases/{aurelius.pk}/")
    )


def test_the_next_look_comes_with_its_because(desk: Client) -> None:
    aurelius, _, halberd = sample.three_cases()

    assert _section(desk.get(f"/cases/{aurelius.pk}/"), "next") == (
        "What happens next Next look: Thu 16 Apr, 09:00 New York (tomorrow) "
        "The direct message is due 8 days after the failed payment. "
        "Why? See the rule that spoke and those that did not"
    )
    assert "Nothing by itself: this waits for a person." in _section(
        desk.get(f"/cases/{halberd.pk}/"), "next"
    )


def test_a_closed_case_says_how_it_ended_and_offers_no_pause(desk: Client) -> None:
    row = sample.case(
        Wanted(
            sample.customer("Oakhurst Media"),
            "INV-1",
            0,
            status=CaseStatus.CLOSED,
            ending=Ending.RECOVERED,
            because="The invoice is paid.",
        )
    )

    response = desk.get(f"/cases/{row.pk}/")

    assert _section(response, "next").startswith(
        "What happens next Nothing more: this case is closed. "
        "Recovered on Tue 14 Apr, 09:05 New York. The invoice is paid."
    )
    assert "Put this case on hold" not in text(response)
    assert "Close this case by hand" not in text(response)


def test_track_band_clock_and_mrr_come_with_their_reasons(desk: Client) -> None:
    aurelius, northgate, halberd = sample.three_cases()

    about = _section(desk.get(f"/cases/{aurelius.pk}/"), "about")
    mrr = _section(desk.get(f"/cases/{aurelius.pk}/"), "mrr")

    assert "Relationship owner Felix Nordstrom" in about
    assert "Contact Imani Osei" in about
    assert "Track Standard Three-month MRR of USD 2,900.00, USD 3,100.00 and USD 3,100.00" in about
    assert "Band Patient 26 months of tenure, 24 of 25 invoices on time" in about
    assert "Clock New York set for this customer" in about
    assert mrr == (
        "MRR January 2026 USD 2,900.00 February 2026 USD 3,100.00 March 2026 USD 3,100.00 "
        "Average USD 3,033.33 From Stripe subscriptions, as of 1 Apr 2026."
    )
    assert "Track Personal" in _section(desk.get(f"/cases/{northgate.pk}/"), "about")
    assert "Clock Berlin" in _section(desk.get(f"/cases/{halberd.pk}/"), "about")


def test_unknown_mrr_is_said_not_to_be_zero(desk: Client) -> None:
    customer = sample.customer("Juniper Health Group", mrr_minor=None, mrr_currency=None)
    row = sample.case(Wanted(customer, "INV-1", 100, track=None))

    assert "Unknown is not zero" in _section(desk.get(f"/cases/{row.pk}/"), "mrr")


def _entries(response: object) -> list[Tag]:
    return soup(response).select("ol.timeline > li")


def test_the_timeline_is_newest_first_and_can_be_turned_round(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()

    newest = [li.select("strong")[0].get_text() for li in _entries(desk.get(f"/cases/{aurelius.pk}/"))]
    oldest = [
        li.select("strong")[0].get_text() for li in _entries(desk.get(f"/cases/{aurelius.pk}/?order=oldest"))
    ]

    assert newest == ["Skipped", "Sent", "Send", "Sent", "Send", "Case opened"]
    assert oldest == newest[::-1]


def test_decisions_and_non_decisions_are_told_apart_by_word(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()

    skipped, sent, decided, *_, opened = _entries(desk.get(f"/cases/{aurelius.pk}/"))

    words = [li.select(".family")[0].get_text() for li in (skipped, sent, decided, opened)]
    assert words == ["Not done", "Done", "Decision", "Fact"]
    assert [li["class"] for li in (skipped, decided)] == [["not-done"], ["decision"]]


def test_an_entry_names_actor_time_policy_and_what_it_rests_on(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    kept = TimelineEntry.objects.get(case=aurelius, seq=1)

    entry = _entries(desk.get(f"/cases/{aurelius.pk}/?order=oldest"))[0]
    words = words_of(entry)

    assert entry.select_one("time")["title"] == "2026-04-07 12:05:00 UTC"  # type: ignore[index]
    assert entry.select_one("time").get_text() == "Tue 7 Apr, 08:05"  # type: ignore[union-attr]
    assert f"by stripe · {aurelius.policy_id}" in words
    assert "track standard" in words
    assert "code insufficient_funds" in words
    assert kept.hash in words


def test_a_long_timeline_is_cut_and_can_be_shown_whole(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    for number in range(ENTRIES):
        desk.post(f"/cases/{aurelius.pk}/note", {"text": f"Note {number}"})

    short = desk.get(f"/cases/{aurelius.pk}/")
    whole = desk.get(f"/cases/{aurelius.pk}/?all=1")

    assert len(_entries(short)) == ENTRIES
    assert "Show 6 more entries" in text(short)
    assert len(_entries(whole)) == ENTRIES + 6


def test_attempts_show_their_outcome_and_reason(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    PaymentAttempt.objects.create(
        invoice=aurelius.invoice, key="pi_x", at=NOW, trigger="new_method", outcome=AttemptOutcome.PAID.value
    )

    attempts = _section(desk.get(f"/cases/{aurelius.pk}/"), "attempts")

    assert (
        "Stripe Declined The card did not have enough money available. insufficient_funds with pm_sample_4242"
        in attempts
    )
    assert attempts.endswith("New payment method Paid —")


def test_open_review_items_lead_to_the_queue(desk: Client) -> None:
    _, _, halberd = sample.three_cases()

    needs = _section(desk.get(f"/cases/{halberd.pk}/"), "needs")

    assert "Escalation Every stage has been sent and the invoice is still open." in needs
    assert "Proposed: Call the customer; automation has ended." in needs


def test_a_case_page_costs_the_same_however_long_its_story_is(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    desk.get(f"/cases/{aurelius.pk}/")
    with CaptureQueriesContext(connection) as few:
        desk.get(f"/cases/{aurelius.pk}/")
    for stage in (Stage.DIRECT, Stage.FINAL):
        sample.mail(aurelius, stage, NOW)
    for kind in (ReviewKind.REPLY, ReviewKind.DISPUTE):
        sample.review(aurelius, kind)
        sample.hold(aurelius)

    with CaptureQueriesContext(connection) as many:
        desk.get(f"/cases/{aurelius.pk}/")

    assert len(many) == len(few) <= 22


@pytest.mark.parametrize("path", ["", "explain", "history", "history.json", "mails/1", "holds/1/resume"])
@pytest.mark.parametrize("case", ["999999", "99999999999999999999999999"])
def test_a_case_that_is_not_there_is_not_found(desk: Client, path: str, case: str) -> None:
    assert desk.get(f"/cases/{case}/{path}").status_code == 404


# Mails


def test_a_mail_shows_subject_recipient_time_state_and_text(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    sample.mail(aurelius, Stage.DIRECT, NOW, state=MessageState.STOPPED.value, note="The invoice was paid.")

    mails = _section(desk.get(f"/cases/{aurelius.pk}/"), "mails")

    assert (
        "Payment for invoice INV-2026-04-1198 did not go through Sent "
        "To Imani Osei <ap@aurelius-partners.example> · Notice · Tue 7 Apr, 08:09 Read it Hello Imani,"
        in mails
    )
    assert "Stopped, not sent" in mails
    assert "The invoice was paid." in mails


def test_mails_in_and_out_stand_in_one_list_by_time(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    sample.incoming(aurelius, subject="Which card?", received_at=NOW - timedelta(days=6), state="done")
    sample.incoming(aurelius, subject="And now?", received_at=NOW - timedelta(hours=1))

    listed = soup(desk.get(f"/cases/{aurelius.pk}/")).select("#mails > .mails")
    subjects = [each.get_text() for each in listed[0].select(".what > strong")]

    assert len(listed) == 1
    number = aurelius.invoice.number
    assert subjects == [
        f"Payment for invoice {number} did not go through",
        "Which card?",
        f"Payment for invoice {number} did not go through",
        "And now?",
    ]


def test_the_hold_of_a_reply_says_who_replied_and_how_it_begins(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    sample.incoming(aurelius, sender_name="Imani Osei", own="Which card is it?")

    held = _section(desk.get(f"/cases/{aurelius.pk}/"), "holds")

    assert "Imani Osei replied Wed 15 Apr, 06:05 New York: “Which card is it?”" in held
    assert "reply Read" not in held


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ("until 2026-04-21 23:59 America/New_York.", "until Tue 21 Apr, 23:59 New York."),
        ("(2026-04-21) and 2027-01-04.", "(Tue 21 Apr) and Mon 4 Jan 2027."),
        ("at 2026-04-21 23:59 UTC, then", "at Tue 21 Apr, 23:59 UTC, then"),
        ("INV-2026-04-21, 2026-04-1198 and 2026-04-21/7", "INV-2026-04-21, 2026-04-1198 and 2026-04-21/7"),
        ("2026-13-45 stays", "2026-13-45 stays"),
        ("clock of America/New_York (set)", "clock of New York (set)"),
    ],
)
def test_stamps_in_sentences_read_like_the_other_dates(kept: str, shown: str) -> None:
    assert friendly(kept, NOW) == shown


def test_a_sentence_of_the_rules_is_shown_friendly_and_a_note_as_it_was_typed(desk: Client) -> None:
    _, northgate, _ = sample.three_cases()
    desk.post(f"/cases/{northgate.pk}/note", {"text": "They said 2026-04-21."})

    page = desk.get(f"/cases/{northgate.pk}/")

    assert "The case is on hold (promise) until Tue 21 Apr." in _section(page, "next")
    assert "They said 2026-04-21." in _section(page, "timeline")


def test_the_html_of_a_mail_is_served_for_a_frame_in_which_nothing_runs(desk: Client) -> None:
    aurelius, northgate, _ = sample.three_cases()
    hostile = (
        "<p>Hello</p><script>top.location='https://evil.example'</script><img src=https://evil.example/x>"
    )
    OutboxItem.objects.filter(case=aurelius).update(html=hostile)
    mail = OutboxItem.objects.filter(case=aurelius).first()
    assert mail is not None

    page = soup(desk.get(f"/cases/{aurelius.pk}/"))
    frame = page.select_one("iframe")
    response = desk.get(f"/cases/{aurelius.pk}/mails/{mail.pk}")
    allowed = {part.split()[0]: part.split()[1:] for part in response["Content-Security-Policy"].split("; ")}

    assert frame is not None
    assert frame.attrs["sandbox"] == []  # the empty list of permissions
    assert frame["src"] == f"/cases/{aurelius.pk}/mails/{mail.pk}"
    assert page.find("script") is None
    assert allowed["default-src"] == ["'none'"]
    assert allowed["sandbox"] == []
    assert "script-src" not in allowed
    assert allowed["img-src"] == ["data:"]
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert desk.get(f"/cases/{northgate.pk}/mails/{mail.pk}").status_code == 404


def test_hostile_words_anywhere_in_a_case_are_shown_not_run(desk: Client) -> None:
    bad = "<script>alert(1)</script>"
    customer = sample.customer(bad, owner_name=bad, owner_email=bad, mrr_source=bad, warnings=[bad])
    customer.contacts.update(name=bad, email=bad, source=bad)
    row = sample.case(
        Wanted(customer, bad, 100, because=bad, columns={"reason_sentence": bad, "reason_code": bad})
    )
    OutboxItem.objects.filter(case=row).update(subject=bad, text=f"</pre>{bad}", to_name=bad, note=bad)
    PaymentAttempt.objects.update(sentence=bad, code=bad, method=bad)
    sample.hold(row, reason=bad)
    sample.review(row, reason=bad, proposal=bad, assigned_to="dana")
    desk.post(f"/cases/{row.pk}/note", {"text": bad})

    for path in (
        f"/cases/{row.pk}/",
        f"/cases/{row.pk}/history",
        f"/cases/{row.pk}/explain",
        "/review/",
        "/",
    ):
        response = desk.get(path)
        assert response.status_code == 200
        assert b"<script>alert" not in response.content, path
        assert b"&lt;script&gt;alert(1)" in response.content, path


# Notes and other changes


def test_a_note_goes_on_the_timeline_with_who_wrote_it(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()

    response = desk.post(f"/cases/{aurelius.pk}/note", {"text": "Imani is back on Monday."})

    entry = TimelineEntry.objects.filter(case=aurelius).latest("seq")
    assert (response.status_code, response["Location"]) == (302, f"/cases/{aurelius.pk}/")
    assert (entry.kind, entry.actor, entry.summary, entry.at) == (
        "note", "dana", "Imani is back on Monday.", NOW,
    )  # fmt: skip


def test_an_empty_note_is_shown_again_with_what_is_wrong(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    before = TimelineEntry.objects.count()

    response = desk.post(f"/cases/{aurelius.pk}/note", {"text": "  "})

    assert response.status_code == 422
    assert "Write the note first." in text(response)
    assert TimelineEntry.objects.count() == before


def test_a_contact_is_changed_for_the_customer(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    typed = {"name": "Ravi Menon", "email": "ravi.menon@aurelius.example"}

    response = desk.post(f"/cases/{aurelius.pk}/contact", typed)

    assert response.status_code == 302
    assert "Contact Ravi Menon ravi.menon@aurelius.example" in _section(
        desk.get(response["Location"]), "about"
    )


def test_a_wrong_address_is_shown_again_as_typed(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()

    response = desk.post(f"/cases/{aurelius.pk}/contact", {"name": "Ravi Menon", "email": "ravi at aurelius"})

    assert response.status_code == 422
    assert "This is not an e-mail address." in text(response)
    box = soup(response).select_one("#contact-email")
    assert box is not None
    assert (box["value"], box["aria-invalid"], box["aria-describedby"]) == (
        "ravi at aurelius", "true", "contact-email_error",
    )  # fmt: skip


def test_a_track_can_be_chosen_where_none_is(desk: Client) -> None:
    customer = sample.customer("Juniper Health Group", mrr_minor=None, mrr_currency=None)
    row = sample.case(
        Wanted(customer, "INV-1", 100, track=None, status=CaseStatus.REVIEW, due_in=None, stages=())
    )
    sample.review(row, ReviewKind.MRR_UNKNOWN)

    response = desk.post(
        f"/cases/{row.pk}/track", {"track": "standard", "reason": "Their contract says 300."}
    )

    row.refresh_from_db()
    assert response.status_code == 302
    assert row.track == Track.STANDARD
    assert "Choose the track" not in text(desk.get(f"/cases/{row.pk}/"))


@pytest.mark.parametrize("ending", ["written_off", "transferred"])
def test_writing_off_takes_a_manager_and_others_are_told_who(desk: Client, ending: str) -> None:
    aurelius, _, _ = sample.three_cases()
    letters.signer()

    response = desk.post(f"/cases/{aurelius.pk}/close", {"ending": ending, "reason": "They are gone."})

    aurelius.refresh_from_db()
    assert response.status_code == 422
    assert "This takes a manager. Mara Lindqvist may do it." in text(response)
    assert "Written off and transferred take a manager." in text(desk.get(f"/cases/{aurelius.pk}/"))
    assert aurelius.closed_at is None


def test_a_case_can_be_closed_by_hand_once(manager: Client) -> None:
    aurelius, _, _ = sample.three_cases()
    typed = {"ending": "transferred", "reason": "Sold to a collector."}

    first = manager.post(f"/cases/{aurelius.pk}/close", typed)
    second = manager.post(f"/cases/{aurelius.pk}/close", typed)

    aurelius.refresh_from_db()
    assert (first.status_code, aurelius.ending) == (302, Ending.TRANSFERRED)
    assert second.status_code == 422


# The whole history


def test_the_printable_history_holds_everything(desk: Client) -> None:
    _, northgate, _ = sample.three_cases()

    words = text(desk.get(f"/cases/{northgate.pk}/history"))

    for each in (
        "History of invoice INV-2026-04-1177",
        "Payment for invoice INV-2026-04-1177 did not go through",
        "the payment for invoice INV-2026-04-1177 did not go through.",
        "2026-04-07 12:05:00 UTC",
        "Promise to pay: from Tue 14 Apr, 09:05 New York until Tue 21 Apr, 09:05 New York, by dana.",
        "insufficient_funds",
        "Average USD 6,300.00",
        TimelineEntry.objects.get(case=northgate, seq=1).hash,
    ):
        assert each in words


def test_the_history_as_json_is_exact(desk: Client) -> None:
    _, northgate, _ = sample.three_cases()

    response = desk.get(f"/cases/{northgate.pk}/history.json")
    said = json.loads(response.content)

    assert response["Content-Type"] == "application/json"
    assert (said["document"], said["version"], said["as_of"]) == (
        "dunwell case history", 1, "2026-04-15T13:05:00Z",
    )  # fmt: skip
    assert said["case"]["invoice"]["open"] == {"amount": "6880.00", "currency": "USD"}
    assert said["case"]["customer"]["mrr"]["months"][0] == {"amount": "6100.00", "currency": "USD"}
    assert [hold["kind"] for hold in said["holds"]] == ["promise"]
    assert [mail["text"].splitlines()[0] for mail in said["mails"]] == ["Hello Imani,"] * 2
    chain = [(entry["previous"], entry["hash"]) for entry in said["timeline"]]
    assert chain[0][0] == ""
    assert [previous for previous, _ in chain[1:]] == [hash_ for _, hash_ in chain[:-1]]


# Why?


def test_the_explanation_names_the_rule_that_speaks_and_the_silent_ones(desk: Client) -> None:
    _, northgate, _ = sample.three_cases()

    words = text(desk.get(f"/cases/{northgate.pk}/explain"))

    assert "The rule that speaks Wed 15 Apr, 09:05 New York On hold: The case is on hold (promise)" in words
    assert "Closed the case is not closed" in words
    assert "Not asked" in words


def test_a_case_can_be_explained_for_another_moment_on_the_customers_clock(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()

    words = text(desk.get(f"/cases/{aurelius.pk}/explain?at=2026-04-22T10:00"))

    assert "The rule that speaks Wed 22 Apr, 10:00 New York Send: The direct" in words


def test_a_moment_that_is_none_is_refused_in_place(desk: Client) -> None:
    aurelius, _, _ = sample.three_cases()

    for asked in ("tomorrow", "2026-99-99", "0001-01-01T00:00+23:59", "9999-12-31T23:59-23:59"):
        response = desk.get(f"/cases/{aurelius.pk}/explain", {"at": asked})
        assert response.status_code == 422
        assert "This is not a moment." in text(response)


def test_times_in_another_year_name_the_year(desk: Client) -> None:
    row = sample.case(Wanted(sample.customer("Aurelius Partners"), "INV-1", 100, due_in=timedelta(days=300)))

    assert "Tue 9 Feb 2027, 08:05 New York" in text(desk.get(f"/cases/{row.pk}/"))
