"""Reports of mail servers: what became of a mail of ours, in the formats that servers write."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dunwell.connectors.mail.parse import take_apart
from dunwell.policy.incoming import IncomingMail, TransportEvent
from dunwell.policy.words import TransportKind

SAMPLES = Path(__file__).parent / "samples"
OURS = "<case-1.notice@company.example>"


def sample(name: str) -> bytes:
    """A sample with the line ends that mail has."""
    return (SAMPLES / name).read_bytes().replace(b"\n", b"\r\n")


def opened(name: str) -> IncomingMail:
    return take_apart(sample(name))


def bounced(minute: int, second: int, reason: str, recipient: str = "dana@acme.example") -> TransportEvent:
    at = datetime(2026, 4, 7, 14, minute, second, tzinfo=UTC)
    return TransportEvent(TransportKind.BOUNCED, recipient, OURS, at=at, permanent=True, reason=reason)


@pytest.mark.parametrize(
    ("name", "events"),
    [
        (
            "postfix_failed.eml",
            (
                bounced(
                    5,
                    12,
                    "550 5.1.1 <dana@acme.example>: Recipient address rejected: "
                    "User unknown in virtual mailbox table",
                ),
            ),
        ),
        (
            "exchange_failed.eml",
            (
                bounced(
                    6,
                    2,
                    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
                ),
            ),
        ),
        (
            "gmail_failed.eml",
            (
                bounced(
                    5,
                    16,
                    "550-5.1.1 The email account that you tried to reach does not exist. "
                    "550 5.1.1 Learn more at https://support.mail.example - gsmtp",
                ),
            ),
        ),
        (
            "exim_failed.eml",
            (
                bounced(
                    5,
                    20,
                    "SMTP error from remote mail server after RCPT TO:<dana@acme.example>: "
                    "host mx.acme.example [192.0.2.25]: 550 5.1.1 User unknown",
                ),
                bounced(5, 20, "retry timeout exceeded", "pat@acme.example"),
            ),
        ),
        (
            "qmail_failed.eml",
            (
                bounced(
                    5,
                    30,
                    "192.0.2.25 does not like recipient. Remote host said: 550 5.1.1 user unknown "
                    "Giving up on 192.0.2.25.",
                ),
            ),
        ),
    ],
)
def test_a_mail_that_came_back_is_named_with_its_reason(
    name: str, events: tuple[TransportEvent, ...]
) -> None:
    mail = opened(name)
    assert mail.reports == events
    assert mail.is_report
    assert mail.problems == ()


def test_a_mail_still_on_its_way_is_deferred() -> None:
    assert opened("postfix_delayed.eml").reports == (
        TransportEvent(
            TransportKind.DEFERRED,
            "dana@acme.example",
            OURS,
            at=datetime(2026, 4, 7, 18, 4, 40, tzinfo=UTC),
            permanent=False,
            reason="connect to mx.acme.example[192.0.2.25]:25: Connection timed out",
        ),
    )


def test_a_complaint_is_one() -> None:
    mail = opened("complaint.eml")
    assert mail.is_report
    assert mail.reports == (
        TransportEvent(
            TransportKind.COMPLAINED,
            "dana@acme.example",
            OURS,
            at=datetime(2026, 4, 7, 14, 5, 12, tzinfo=UTC),
            permanent=True,
            reason="Reported as abuse",
        ),
    )


def test_a_complaint_with_its_recipient_blacked_out_still_names_the_mail() -> None:
    source = sample("complaint.eml").replace(b"Original-Rcpt-To: <dana@acme.example>\r\n", b"")
    assert [event.recipient for event in take_apart(source).reports] == ["dana@acme.example"]
    [event] = take_apart(source.replace(b"To: Dana Reyes <dana@acme.example>", b"To: redacted")).reports
    assert (event.recipient, event.message_id) == ("", OURS)


@pytest.mark.parametrize("kind", [b"not-spam", b"auth-failure", b""])
def test_what_is_no_complaint_is_none(kind: bytes) -> None:
    mail = take_apart(sample("complaint.eml").replace(b"Feedback-Type: abuse", b"Feedback-Type: " + kind))
    assert mail.is_report
    assert mail.reports == ()


def test_a_notice_of_having_read_is_a_report_of_nothing() -> None:
    mail = opened("read_notice.eml")
    assert mail.is_report
    assert mail.reports == ()


@pytest.mark.parametrize(
    ("action", "status", "kind", "permanent"),
    [
        (b"failed", b"5.2.2", TransportKind.BOUNCED, True),
        (b"failed", b"4.4.7", TransportKind.BOUNCED, True),
        (b"failed (really)", b"", TransportKind.BOUNCED, True),
        (b"Delivered", b"2.0.0", TransportKind.DELIVERED, False),
        (b"relayed", b"2.0.0", TransportKind.DELIVERED, False),
        (b"delayed", b"4.0.0", TransportKind.DEFERRED, False),
        (b"", b"5.0.0", TransportKind.BOUNCED, True),
        (b"", b"4.0.0", TransportKind.DEFERRED, False),
    ],
)
def test_action_and_status_say_what_became_of_it(
    action: bytes, status: bytes, kind: TransportKind, *, permanent: bool
) -> None:
    source = sample("postfix_failed.eml").replace(b"Action: failed", b"Action: " + action)
    [event] = take_apart(source.replace(b"Status: 5.1.1", b"Status: " + status)).reports
    assert (event.kind, event.permanent) == (kind, permanent)


def test_a_report_that_says_neither_says_nothing() -> None:
    source = sample("postfix_failed.eml").replace(b"Action: failed\r\nStatus: 5.1.1\r\n", b"")
    mail = take_apart(source)
    assert mail.is_report
    assert mail.reports == ()


def test_the_address_we_wrote_to_counts_where_mail_was_forwarded() -> None:
    [event] = opened("exchange_failed.eml").reports
    assert event.recipient == "dana@acme.example"


def test_every_recipient_of_a_report_is_named() -> None:
    second = b"\r\nFinal-Recipient: rfc822; pat@acme.example\r\nAction: failed\r\nStatus: 5.7.1\r\n"
    source = sample("postfix_failed.eml").replace(
        b"\r\n--4Fq1Zk1n3Tz.1775570712/mx.company.example\r\nContent-Description: Und",
        second + b"\r\n--4Fq1Zk1n3Tz.1775570712/mx.company.example\r\nContent-Description: Und",
    )
    events = take_apart(source).reports
    assert [(event.recipient, event.reason[:5]) for event in events] == [
        ("dana@acme.example", "550 5"),
        ("pat@acme.example", "5.7.1"),
    ]


def test_an_encoded_status_is_read() -> None:
    plain = sample("postfix_failed.eml")
    head, start, rest = plain.partition(b"Content-Type: message/delivery-status\r\n\r\n")
    status, end, tail = rest.partition(b"\r\n--4Fq1Zk1n3Tz")
    encoded = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(status)
    source = head + start.removesuffix(b"\r\n") + encoded + end + tail
    assert take_apart(source).reports == take_apart(plain).reports


def test_a_report_that_names_no_mail_of_ours_says_so() -> None:
    source = sample("postfix_failed.eml").replace(b"Message-ID: <case-1.notice@company.example>\r\n", b"")
    [event] = take_apart(source).reports
    assert event.message_id == ""


@pytest.mark.parametrize("name", ["gmail_failed.eml", "exchange_failed.eml"])
def test_without_the_mail_that_came_back_the_report_itself_says_which_it_was(name: str) -> None:
    source = sample(name).replace(b"\r\nMessage-ID: <case-1.notice@company.example>", b"")
    [event] = take_apart(source).reports
    assert event.message_id == OURS
    unanswered = source.replace(b"In-Reply-To: <case", b"X: <case").replace(b"References: <case", b"X: <case")
    [event] = take_apart(unanswered).reports
    assert event.message_id == (OURS if name.startswith("gmail") else "")


def test_a_person_who_quotes_a_bounce_is_a_person() -> None:
    source = (
        sample("qmail_failed.eml")
        .replace(b"From: MAILER-DAEMON@mx.company.example", b"From: Dana Reyes <dana@acme.example>")
        .replace(b"Subject: failure notice", b"Subject: what is this?")
    )
    mail = take_apart(source)
    assert not mail.is_report
    assert mail.reports == ()


def test_the_mail_inside_a_report_is_kept_as_a_file() -> None:
    files = opened("postfix_failed.eml").attachments
    assert [file.media_type for file in files] == ["message/delivery-status", "message/rfc822"]
    assert files[1].content.startswith(b"Return-Path: <sam@company.example>")
    assert b"Hi Dana," in files[1].content
