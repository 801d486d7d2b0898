import os
import random
import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.labelled import labelled, read_all
from dunwell.policy.replies import ReplyKind, ReplyReading, RulesReader, read_reply

AT = datetime(2026, 4, 28, 15, tzinfo=UTC)  # a Tuesday
NEW_YORK = ZoneInfo("America/New_York")


def kind_of(text: str) -> ReplyKind:
    return read_reply(text.encode(), AT, NEW_YORK).kind


def day_of(text: str, at: datetime = AT) -> date | None:
    return read_reply(text.encode(), at, NEW_YORK).date


def test_a_wrapped_line_stays_as_written_in_the_words() -> None:
    reading = read_reply(b"Hi,\nwe will\npay by\nMay 12, thanks", AT, NEW_YORK)
    assert reading == ReplyReading(
        ReplyKind.PROMISE,
        date(2026, 5, 12),
        "we will\npay by\nMay 12",
        "The sender says that money will come.",
        text="Hi,\nwe will\npay by\nMay 12, thanks",
        span=(4, 25),
    )


def test_an_ambiguous_date_is_no_date_and_says_so() -> None:
    reading = read_reply(b"We will pay on 3/4.", AT, NEW_YORK)
    assert reading.date is None
    assert reading.notes == ("3/4 can be read as day/month and as month/day",)


def test_nothing_but_a_date_is_no_promise_and_says_so() -> None:
    reading = read_reply(b"The 15th.", AT, NEW_YORK)
    assert (reading.kind, reading.date) == (ReplyKind.OTHER, None)
    assert reading.notes == ("it names 2026-05-15 and says nothing else",)


@pytest.mark.parametrize(
    ("text", "kind", "day"),
    [
        ("Can we have another two weeks to pay?", "asks_time", "2026-05-12"),
        ("It's in Thursday's payment run.", "promise", "2026-04-30"),
        ("Haben wir schon bezahlt.", "already_paid", None),
        ("Haben wir schon bezahlt?", "other", None),
        ("We can't pay before May 20, but will on May 22.", "promise", "2026-05-22"),
        ("If the audit ends we can't pay before May 20, but will on May 22.", "asks_time", "2026-05-20"),
        ("Die Zahlung ist für Freitag angewiesen.", "promise", "2026-05-01"),
        ("Wir überweisen übermorgen.", "promise", "2026-04-30"),
        ("Wird heute bezahlt.", "promise", "2026-04-28"),
        ("Nous paierons la semaine prochaine.", "promise", "2026-05-08"),
        ("Pagaremos el 15.", "promise", "2026-05-15"),
        ("Ich bin im Urlaub und am 11. Mai wieder da.", "auto_reply", "2026-05-11"),
    ],
)
def test_what_was_once_misread_is_read_right(text: str, kind: str, day: str | None) -> None:
    reading = read_reply(text.encode(), AT, NEW_YORK)
    assert (reading.kind, reading.date and reading.date.isoformat()) == (kind, day)


def test_of_two_days_the_later_counts_and_none_when_one_is_not_fixed() -> None:
    assert day_of("We will pay on Thursday or Friday.") == date(2026, 5, 1)
    assert day_of("We will pay on Friday or 3/4.") is None


def test_a_date_whose_weekday_does_not_fit_is_no_date_and_says_so() -> None:
    reading = read_reply(b"Payment is scheduled for Friday, May 9.", AT, NEW_YORK)
    assert reading.date is None
    assert reading.notes == ("2026-05-09 is not that weekday",)


@pytest.mark.parametrize(
    ("when", "day"),
    [
        ("today", "2026-04-28"),
        ("tomorrow", "2026-04-29"),
        ("in 10 days", "2026-05-08"),
        ("within 5 business days", "2026-05-05"),
        ("in a month", "2026-05-28"),
        ("on Tuesday", "2026-05-05"),
        ("by Wednesday", "2026-04-29"),
        ("this Friday", "2026-05-01"),
        ("next Friday", "2026-05-08"),
        ("Friday next week", "2026-05-08"),
        ("next week on Monday", "2026-05-04"),
        ("next week", "2026-05-08"),
        ("by the end of next week", "2026-05-08"),
        ("at the beginning of next week", "2026-05-04"),
        ("by the end of the week", "2026-05-01"),
        ("by month end", "2026-04-30"),
        ("by EOM", "2026-04-30"),
        ("by the end of next month", "2026-05-31"),
        ("by mid May", "2026-05-15"),
        ("in May", "2026-05-31"),
        ("by the end of the quarter", "2026-06-30"),
        ("by the end of the year", "2026-12-31"),
        ("by the 15th", "2026-05-15"),
        ("by the 30th", "2026-04-30"),
        ("on the 31st", "2026-05-31"),
        ("on May 3rd", "2026-05-03"),
        ("on the 3rd of May", "2026-05-03"),
        ("on 3 May 2026", "2026-05-03"),
        ("on Sunday, May 3", "2026-05-03"),
        ("on 2026-05-03", "2026-05-03"),
        ("on 03.05.2026", "2026-05-03"),
        ("on 13/5", "2026-05-13"),
        ("on 5/13", "2026-05-13"),
        ("on 5/5", "2026-05-05"),
        ("on 5/13/26", "2026-05-13"),
        ("after our payment run on Friday", "2026-05-01"),
        ("by close of business Thursday", "2026-04-30"),
        ("on 31 June", None),
        ("on 31/31", None),
        ("on 5/6/2026", None),
        ("on 2026-13-45", None),
        ("on 7 April", None),
        ("on 2025-04-30", None),
        ("soon", None),
        ("in a few days", None),
        ("in early May", None),
        ("in 99999999999999 days", None),
        ("24/7", None),
    ],
)
def test_a_date_is_resolved_from_the_day_the_reply_came(when: str, day: str | None) -> None:
    reading = read_reply(f"We will pay {when}.".encode(), AT, NEW_YORK)
    assert reading.kind is ReplyKind.PROMISE
    assert reading.date == (date.fromisoformat(day) if day else None)


def test_a_day_is_counted_in_the_zone_of_the_sender() -> None:
    late = datetime(2026, 4, 29, 3, 30, tzinfo=UTC)
    assert read_reply(b"We will pay tomorrow.", late, NEW_YORK).date == date(2026, 4, 29)
    assert read_reply(b"We will pay tomorrow.", late, ZoneInfo("Asia/Tokyo")).date == date(2026, 4, 30)


def test_on_a_friday_friday_is_the_next_one_and_this_friday_is_today() -> None:
    friday = datetime(2026, 5, 1, 15, tzinfo=UTC)
    assert day_of("We will pay on Friday.", friday) == date(2026, 5, 8)
    assert day_of("We will pay this Friday.", friday) == date(2026, 5, 1)


def test_on_a_weekend_the_end_of_the_week_is_the_coming_friday() -> None:
    assert day_of("We will pay by the end of the week.", datetime(2026, 5, 2, 15, tzinfo=UTC)) == date(
        2026, 5, 8
    )


@pytest.mark.parametrize(
    "text",
    [
        "If you send the W-9 we can pay Friday.",
        "We have not paid.",
        "Did you get our payment?",
        "We will not pay.",
        "We may pay on Friday.",
        "Will we pay on Friday?",
        'You wrote: "we will pay on Friday". Who told you that?',
        "We will pay on Friday provided that the bug is fixed.",
        "Our customers will pay us on Friday.",
        "We are not sure that it will be paid on Friday.",
        "> We will pay on Friday.",
    ],
)
def test_what_is_conditional_negated_asked_or_quoted_is_neither_a_promise_nor_a_payment(text: str) -> None:
    assert kind_of(text) not in (ReplyKind.PROMISE, ReplyKind.ALREADY_PAID)


def mail(body: str, *headers: str, kind: str = "text/plain; charset=utf-8") -> bytes:
    lines = [
        "From: Dana <dana@acme.example>",
        "Subject: Re: Invoice",
        *headers,
        f"Content-Type: {kind}",
        "",
        body,
    ]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Auto-Submitted: auto-replied", "Auto-Submitted: auto-replied"),
        ("Auto-Submitted: auto-generated (rejected)", "Auto-Submitted: auto-generated (rejected)"),
        ("X-Autoreply: yes", "X-Autoreply: yes"),
        ("X-Autorespond: Re: hello", "X-Autorespond: Re: hello"),
        ("Precedence: auto_reply", "Precedence: auto_reply"),
        ("Precedence: bulk", "Precedence: bulk"),
        ("X-Auto-Response-Suppress: All", "X-Auto-Response-Suppress: All"),
    ],
)
def test_a_header_gives_a_machine_away(header: str, words: str) -> None:
    reading = read_reply(mail("Thank you for your message.", header), AT, NEW_YORK)
    assert (reading.kind, reading.date, reading.words) == (ReplyKind.AUTO_REPLY, None, words)


def test_a_machine_that_names_a_return_date_passes_it_on() -> None:
    body = "I am out of the office until Monday, May 11. We will pay on Friday."
    reading = read_reply(mail(body, "Auto-Submitted: auto-replied"), AT, NEW_YORK)
    assert (reading.kind, reading.date) == (ReplyKind.AUTO_REPLY, date(2026, 5, 11))
    assert reading.words == "I am out of the office"


def test_auto_submitted_no_is_a_person() -> None:
    reading = read_reply(mail("We will pay on Friday.", "Auto-Submitted: no"), AT, NEW_YORK)
    assert reading.kind is ReplyKind.PROMISE


def test_a_person_writing_through_a_help_desk_is_a_person() -> None:
    reading = read_reply(mail("We will pay on Friday.", "X-Auto-Response-Suppress: All"), AT, NEW_YORK)
    assert reading.kind is ReplyKind.PROMISE


def test_the_subject_of_an_automatic_reply_is_enough() -> None:
    source = (
        b"From: a@b.example\nTo: c@d.example\nSubject: =?utf-8?q?Automatic_reply=3A_Invoice?=\n\nI left.\n"
    )
    assert read_reply(source, AT, NEW_YORK).kind is ReplyKind.AUTO_REPLY


def test_a_person_on_holiday_who_promises_has_promised() -> None:
    reading = read_reply(b"I am on vacation until Monday, but we will pay on 12 May.", AT, NEW_YORK)
    assert (reading.kind, reading.date) == (ReplyKind.PROMISE, date(2026, 5, 12))


@pytest.mark.parametrize(
    "text",
    [
        "Your automatic reply said you're on leave. Please call me about invoice INV-1.",
        "I've received your message and will answer tomorrow after checking with legal.",
        "Is this an automated email? I want to talk to a person.",
        "I am out of the office until Monday. Please do not contact me again.",
        "I am out of the office until Monday. Wait until then.\n\nRegards,\nKim\nPS this is not our invoice",
        'I am away until Monday. "We dispute this."',
        "I am away until Monday. See https://x.example/",
        "I am away until Monday. Regulators have been told.",
        "I am out of the office.",
        "I'm out and about today, will get back to you.",
        "I'm out until Friday. I will get back to you on this.",
        "Our company is closed for business since May 1.",
        "Wir sind bis Freitag im Urlaub und haben keine Zeit für das.",
        "I was away until Monday.",
        "We have received your message and will reply within two days.",
        "Ich bin bis Freitag im Urlaub. Rufen Sie mich danach an.",
        "Je suis en congés jusqu'au 15 mai, appelez-moi ensuite.",
        "Estoy de vacaciones hasta el 15 de mayo, pero llámeme.",
    ],
)
def test_what_is_more_than_an_absence_note_is_a_person(text: str) -> None:
    assert kind_of(text) is not ReplyKind.AUTO_REPLY


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office until May 11.\n\nBest regards,\nTom Reed\nAccounts Payable",
        "Hi Sam,\n\nI'm away until May 11. Please contact my colleague Ann Lee (ann@corp.example).",
        "Ich bin bis 11. Mai im Urlaub. I am on leave until May 11.",
        "Merci pour votre message. Je suis en congés jusqu'au 11 mai inclus.",
        "Estoy de viaje hasta el 11 de mayo. Para cualquier urgencia, contacten con Ana Ruiz.",
    ],
)
def test_a_whole_absence_note_is_a_machine_and_says_until_when(text: str) -> None:
    reading = read_reply(text.encode(), AT, NEW_YORK)
    assert (reading.kind, reading.date) == (ReplyKind.AUTO_REPLY, date(2026, 5, 11))


@pytest.mark.parametrize("header", ["Precedence: bulk", "X-Auto-Response-Suppress: All"])
def test_a_header_that_only_hints_makes_no_machine_of_a_question(header: str) -> None:
    body = "We have received your email. What is this invoice for?"
    assert read_reply(mail(body, header), AT, NEW_YORK).kind is ReplyKind.OTHER


HTML = (
    "<html><head><style>p{color:red}</style><title>We dispute this</title></head><body><!-- We will not pay -->"
    "<p>Hi Felix,</p><p>we will pay <b>on</b><br>Friday.</p>"
    "<div class='gmail_quote'>On Mon, Felix wrote:<blockquote>We dispute this.</blockquote></div></body></html>"
)


def test_an_html_mail_is_read_without_what_it_quotes() -> None:
    reading = read_reply(mail(HTML, kind="text/html; charset=utf-8"), AT, NEW_YORK)
    assert (reading.kind, reading.date, reading.words) == (
        ReplyKind.PROMISE,
        date(2026, 5, 1),
        "we will pay on\nFriday",
    )


def test_the_text_part_is_read_before_the_html_part() -> None:
    parts = (
        "--B\r\nContent-Type: text/html\r\n\r\n<p>We dispute this.</p>\r\n"
        "--B\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "We will pay=20on Friday.\r\n"
        "--B\r\nContent-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nWe dispute this.\r\n--B--"
    )
    reading = read_reply(mail(parts, kind="multipart/mixed; boundary=B"), AT, NEW_YORK)
    assert (reading.kind, reading.words) == (ReplyKind.PROMISE, "We will pay on Friday")


@pytest.mark.parametrize(
    "source",
    [
        b"We will pay on Friday.",
        "We will pay on Friday.".encode("utf-16"),
        mail("We will pay on Friday.", kind="text/plain; charset=klingon"),
        mail("We will pay on Friday.", kind="text/plain; charset=base64"),
        mail("We will pay on Friday.", kind="text/plain; charset=rot13"),
        mail("We will pay on Friday.", kind="text/plain; charset=punycode"),
        mail("We will pay on Friday.", kind="text/plain; charset=ISO_8859-15"),
        mail("We will pay on Friday.", kind='text/plain; charset="u\x00tf"'),
        b"Subject: x\nFrom: y\n\nWe will pay on Friday.\n\n-- \nWe dispute nothing",
        b"Hi Felix: We will pay on Friday.",
        "We\u00a0will pay on\u200b Friday.".encode(),
        mail(
            "We will pay on Friday.\n\n________________________________\nFrom: Felix\nSent: Monday\nWe dispute this."
        ),
    ],
)
def test_a_reply_in_any_wrapping_is_read(source: bytes) -> None:
    reading = read_reply(source, AT, NEW_YORK)
    assert (reading.kind, reading.date) == (ReplyKind.PROMISE, date(2026, 5, 1))


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b" \n\t\n",
        b"\x00" * 100,
        b"\xff\xfe\xfd",
        mail(""),
        mail("", kind="multipart/mixed"),
        mail("--B\r\n\r\n--B--", kind="multipart/mixed; boundary=B"),
        mail("!!!", "Content-Transfer-Encoding: base64"),
        mail("<p", kind="text/html"),
        b"From: x\nSubject: =?bogus?b?!!?=\nContent-Type: ;;;=\n\n",
    ],
)
def test_nothing_to_read_is_other(source: bytes) -> None:
    reading = read_reply(source, AT, NEW_YORK)
    assert reading == ReplyReading(
        ReplyKind.OTHER, None, "", "Nothing in it says anything we know.", text=reading.text
    )
    assert len(reading.text) < 5


MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("one line", b"a" * 25 * MEGABYTE),
        ("headers", b"From: x\nTo: y\n" * (2 * MEGABYTE)),
        ("quotes", b"> we will pay\n" * MEGABYTE),
        (
            "base64",
            mail("", kind="text/html") + b"<img src='data:image/png;base64," + b"A" * 20 * MEGABYTE + b"'>",
        ),
        ("deep html", mail("<div>" * 400_000, kind="text/html")),
        ("unfinished html", mail("<a " * 400_000 + "<!--" * 100_000, kind="text/html")),
        ("unfinished styles", mail("<style " * 400_000, kind="text/html")),
        ("runs of base64", b"From: x\nTo: y\n\n" + (b"A" * 76 + b"\n") * 330_000 + b"-"),
        ("short runs of base64", b"From: x\nTo: y\n\n" + ((b"A" * 76 + b"\n") * 5_900 + b"-\n") * 55),
        ("punycode", mail("a-" + "99999" * 200_000, kind="text/plain; charset=punycode")),
        ("commas", b"we will, " * 200_000),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_huge_or_twisted_mail_is_read_in_seconds(name: str, source: bytes) -> None:
    begun = time.perf_counter()
    read_reply(source, AT, NEW_YORK)
    assert time.perf_counter() - begun < 10  # minutes without the bounds


def test_an_attachment_of_25_megabytes_does_not_hide_the_text() -> None:
    attached = "\r\n".join(["A" * 76] * 320_000)
    parts = (
        "--B\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment\r\n\r\n"
        f"{attached}\r\n--B\r\nContent-Type: text/plain\r\n\r\nWe will pay on Friday.\r\n--B--"
    )
    reading = read_reply(mail(parts, kind="multipart/mixed; boundary=B"), AT, NEW_YORK)
    assert reading.kind is ReplyKind.PROMISE


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(source: bytes) -> None:
    assert read_reply(source, AT, NEW_YORK).kind in ReplyKind


@given(st.text(max_size=300), st.integers(0, 4_000_000_000))
def test_no_text_on_no_day_breaks_the_reader(text: str, seconds: int) -> None:
    assert (
        read_reply(text.encode("utf-8", "replace"), datetime.fromtimestamp(seconds, UTC), NEW_YORK).kind
        in ReplyKind
    )


def test_broken_mails_never_break_the_reader() -> None:
    whole = mail(
        f"--B\r\nContent-Type: text/html\r\n\r\n{HTML}\r\n--B--", kind="multipart/alternative; boundary=B"
    )
    chance = random.Random(7)  # noqa: S311 - not for secrets
    for _ in range(60):
        broken = bytearray(whole)
        for _ in range(30):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        assert read_reply(bytes(broken), AT, NEW_YORK).kind in ReplyKind


def test_escapes_of_python_are_not_decoded() -> None:
    source = mail("\\x57e dispute this.", kind="text/plain; charset=unicode_escape")
    assert read_reply(source, AT, NEW_YORK).text == "\\x57e dispute this."


def test_the_same_reply_gives_the_same_reading_in_any_time_zone_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some = labelled("tuning")[:60]
    first = [one.reading for one in read_all(some, RulesReader())]
    monkeypatch.setitem(os.environ, "TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        assert [one.reading for one in read_all(some, RulesReader())] == first
    finally:
        monkeypatch.undo()
        time.tzset()
