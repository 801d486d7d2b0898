"""The mail as it goes over the wire."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from dunwell.connectors.mail.mime import UnmailableError, build_message, needs_smtputf8, wire_address
from dunwell.policy.facts import Person
from dunwell.policy.readings import OutgoingMail

MAIL = OutgoingMail(
    message_id="<case-1.notice@mail.example>",
    sender=Person("Felix Nordstrom", "felix@us.example"),
    to=Person("Dana Reyes", "dana@acme.example"),
    reply_to="reply+abc123@us.example",
    subject="Invoice EX-2026-0417: your payment did not go through",
    text="Hi Dana,\n\nthe bank declined it.\n.hidden dot\nFrom here on\n",
    html="<p>Hi Dana,</p>",
    date=datetime(2026, 4, 7, 16, 3, tzinfo=timezone(timedelta(hours=2))),
)


def read_back(mail: OutgoingMail) -> EmailMessage:
    parsed = message_from_bytes(build_message(mail).as_bytes(), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


def text_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def test_every_header_says_what_the_mail_says() -> None:
    message = read_back(MAIL)
    assert {name: str(value) for name, value in message.items()} == {
        "From": "Felix Nordstrom <felix@us.example>",
        "To": "Dana Reyes <dana@acme.example>",
        "Reply-To": "Felix Nordstrom <reply+abc123@us.example>",
        "Subject": "Invoice EX-2026-0417: your payment did not go through",
        "Date": "Tue, 07 Apr 2026 16:03:00 +0200",
        "Message-ID": "<case-1.notice@mail.example>",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="=_dunwell"',
    }


def test_the_plain_text_comes_first_and_both_parts_arrive_unchanged() -> None:
    message = read_back(replace(MAIL, html="<p>Hi Dana … 14.200,00 €</p>"))
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert text_of(message, "plain") == MAIL.text
    assert text_of(message, "html") == "<p>Hi Dana … 14.200,00 €</p>\n"


def test_a_mail_a_person_wrote_is_not_called_automatic() -> None:
    assert "Auto-Submitted" not in read_back(replace(MAIL, automatic=False))


def test_copies_go_on_one_cc_line() -> None:
    mail = replace(MAIL, cc=(Person("Owner, The", "owner@us.example"), Person("", "second@us.example")))
    assert str(read_back(mail)["Cc"]) == '"Owner, The" <owner@us.example>, second@us.example'


def test_no_reply_address_means_no_reply_to_header() -> None:
    assert "Reply-To" not in read_back(replace(MAIL, reply_to=""))


def test_replies_to_the_sender_need_no_name() -> None:
    assert str(read_back(replace(MAIL, reply_to="Felix@us.example"))["Reply-To"]) == "Felix@us.example"


def test_a_new_thread_names_no_other_mail() -> None:
    assert {"In-Reply-To", "References"} & set(read_back(MAIL).keys()) == set()


def test_an_answer_names_the_mail_it_answers_and_the_whole_thread() -> None:
    message = read_back(replace(MAIL, answers=("<case-1.notice@mail.example>", "<their/own=id@[10.0.0.1]>")))

    assert str(message["In-Reply-To"]) == "<their/own=id@[10.0.0.1]>"
    assert str(message["References"]) == "<case-1.notice@mail.example> <their/own=id@[10.0.0.1]>"


def test_a_long_thread_is_folded_between_its_mails_and_never_inside_one() -> None:
    thread = tuple(f"<{number}.{'x' * 120}@mail.example>" for number in range(40))

    raw = build_message(replace(MAIL, answers=thread)).as_bytes()

    lines = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    start = next(number for number, line in enumerate(lines) if line.startswith(b"References:"))
    assert lines[start] == b"References: " + thread[0].encode()
    assert lines[start + 1 : start + 40] == [b" " + each.encode() for each in thread[1:]]
    assert b"=?utf-8?" not in raw
    assert str(read_back(replace(MAIL, answers=thread))["References"]).split() == list(thread)


@pytest.mark.parametrize(
    "message_id",
    ["", "no-brackets@mail.example", "<a@b>\r\nBcc: all@x.example", "<a b@c>", "<a@b> <c@d>", "<ü@c>", "<>"],
)
def test_an_answer_to_something_that_is_no_message_id_is_not_built(message_id: str) -> None:
    with pytest.raises(UnmailableError, match="is not a Message-ID that can be answered"):
        build_message(replace(MAIL, answers=("<fine@mail.example>", message_id)))


@pytest.mark.parametrize(
    "name", ["Søren Kierkegård", "渡辺 美咲", 'Łukasz "Luk" Żak', "O'Brien; Zoë", "محمد"]
)
def test_names_beyond_ascii_survive_the_journey(name: str) -> None:
    sender = read_back(replace(MAIL, sender=Person(name, "felix@us.example")))["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == (name, "felix@us.example")


def test_a_long_subject_beyond_ascii_survives_the_journey_in_short_lines() -> None:
    subject = (
        "Rechnung EX-2026-0417: die Zahlung über 14.200,00 € ist nicht durchgegangen … bitte prüfen " * 3
    )
    mail = replace(MAIL, subject=subject.strip())
    assert str(read_back(mail)["Subject"]) == subject.strip()
    assert max(len(line) for line in build_message(mail).as_bytes().split(b"\r\n")) <= 76


def test_a_long_message_id_is_kept_as_it_is() -> None:
    long_id = f"<{'c' * 90}.notice@{'m' * 50}.example>"
    assert read_back(replace(MAIL, message_id=long_id))["Message-ID"].strip() == long_id


def test_every_line_ends_with_crlf_and_is_short() -> None:
    raw = build_message(replace(MAIL, text="x" * 5000 + "\r\nbare\rreturn\n", html="é" * 5000)).as_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 76


def test_the_boundary_in_the_text_ends_nothing() -> None:
    mail = replace(MAIL, text="--=_dunwell--\nstill here\n")
    assert text_of(read_back(mail), "plain") == "--=_dunwell--\nstill here\n"


@pytest.mark.parametrize(
    "break_", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x00", "\ud800"]
)
def test_a_line_break_in_a_header_makes_no_mail(break_: str) -> None:
    hostile = f"Hello{break_}Bcc: everyone@evil.example"
    for mail in (
        replace(MAIL, subject=hostile),
        replace(MAIL, sender=Person(hostile, "felix@us.example")),
        replace(MAIL, to=Person(hostile, "dana@acme.example")),
        replace(MAIL, cc=(Person(hostile, "owner@us.example"),)),
        replace(MAIL, to=Person("Dana", f"dana@acme.example{break_}Bcc: everyone@evil.example")),
        replace(MAIL, reply_to=f"reply@us.example{break_}Bcc: everyone@evil.example"),
        replace(MAIL, message_id=f"<a@b.example>{break_}Bcc: everyone@evil.example"),
    ):
        with pytest.raises(UnmailableError):
            build_message(mail)


@pytest.mark.parametrize(
    "address", ["", "dana", "dana@", "@acme.example", "a@b@c.example", "Dana <dana@acme.example>"]
)
def test_an_address_that_is_none_makes_no_mail(address: str) -> None:
    with pytest.raises(UnmailableError, match="is not an address"):
        build_message(replace(MAIL, to=Person("Dana", address)))


def test_a_date_without_a_zone_makes_no_mail() -> None:
    with pytest.raises(UnmailableError, match="needs a time zone"):
        build_message(replace(MAIL, date=MAIL.date.replace(tzinfo=None)))


def test_text_that_is_not_unicode_makes_no_mail() -> None:
    with pytest.raises(UnmailableError, match="html text is not Unicode"):
        build_message(replace(MAIL, html="\ud800"))


def test_an_international_domain_travels_in_its_ascii_form() -> None:
    mail = replace(MAIL, to=Person("Jörg", "joerg@müller.example"))
    assert read_back(mail)["To"].addresses[0].addr_spec == "joerg@xn--mller-kva.example"
    assert not needs_smtputf8(build_message(mail))


def test_a_local_part_beyond_ascii_asks_for_smtputf8() -> None:
    message = build_message(replace(MAIL, to=Person("Jörg", "jörg@müller.example")))
    assert needs_smtputf8(message)
    assert "To: Jörg <jörg@xn--mller-kva.example>\r\n".encode() in message.as_bytes()
    assert wire_address("jörg@müller.example") == "jörg@xn--mller-kva.example"


def test_one_mail_leaves_no_trace_in_the_next() -> None:
    first = build_message(MAIL)
    build_message(
        replace(
            MAIL,
            subject="Another",
            to=Person("Eve", "eve@other.example"),
            date=datetime(2027, 1, 1, tzinfo=UTC),
        )
    )
    assert build_message(MAIL).as_bytes() == first.as_bytes()
