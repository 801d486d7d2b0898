"""The sandbox's mail provider: what it posts is Postmark's shape, and it tries again as Postmark does."""

import json
from base64 import b64encode
from collections.abc import Mapping

import pytest

from dunwell.sandbox.provider import MailProvider

RAW = (
    b"From: Dana Sample <dana@acme.example>\r\nTo: Priya Sample <priya+1.abc@inbound.dunwell.example>\r\n"
    b"Subject: Re: Invoice\r\nDate: Tue, 07 Apr 2026 16:03:00 +0000\r\nMessage-ID: <1@acme.example>\r\n"
    b"In-Reply-To: <ours@dunwell.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nWe pay on Friday.\r\n"
)
TO = "priya+1.abc@inbound.dunwell.example"


class Door:
    """Answers each call with the next status, the last one for good, and keeps what came."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.calls: list[tuple[str, dict[str, object], Mapping[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.calls.append((url, json.loads(body), headers))
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


def provider(door: Door, *, twice: float = 0.0) -> MailProvider:
    return MailProvider("http://127.0.0.1:1", "postmark:secret", twice=twice, post=door)


def test_a_mail_is_posted_in_the_published_shape_with_the_mail_as_it_was_written() -> None:
    door = Door(200)
    brings = provider(door)
    brings.take(RAW, TO)

    assert (brings.flush(), brings.waiting) == (1, 0)

    ((url, body, headers),) = door.calls
    assert url == "http://127.0.0.1:1/webhooks/mail/inbound"
    assert headers["Authorization"] == f"Basic {b64encode(b'postmark:secret').decode()}"
    assert set(body) == {
        "FromName", "MessageStream", "From", "FromFull", "To", "ToFull", "Cc", "CcFull", "Bcc", "BccFull",
        "OriginalRecipient", "Subject", "MessageID", "ReplyTo", "MailboxHash", "Date", "TextBody", "HtmlBody",
        "StrippedTextReply", "RawEmail", "Tag", "Headers", "Attachments",
    }  # fmt: skip
    assert body["FromFull"] == {"Email": "dana@acme.example", "Name": "Dana Sample", "MailboxHash": ""}
    assert body["ToFull"] == [{"Email": TO, "Name": "Priya Sample", "MailboxHash": "1.abc"}]
    assert (body["OriginalRecipient"], body["MailboxHash"]) == (TO, "1.abc")
    assert body["RawEmail"] == RAW.decode()
    assert body["Headers"] == [
        {"Name": "Return-Path", "Value": "<dana@acme.example>"},
        {"Name": "Message-ID", "Value": "<1@acme.example>"},
        {"Name": "In-Reply-To", "Value": "<ours@dunwell.example>"},
        {"Name": "Content-Type", "Value": 'text/plain; charset="utf-8"'},
    ]


def test_what_is_not_kept_is_posted_again_until_it_is() -> None:
    door = Door(503, 0, 200)
    brings = provider(door)
    brings.take(RAW, TO)

    assert [brings.flush() for _ in range(4)] == [0, 0, 1, 0]
    assert len(door.calls) == 3
    assert door.calls[0][1] == door.calls[2][1]


@pytest.mark.parametrize(("status", "calls"), [(400, 11), (403, 1)])
def test_it_gives_up_after_ten_more_tries_and_at_once_when_it_is_forbidden(status: int, calls: int) -> None:
    door = Door(status)
    brings = provider(door)
    brings.take(RAW, TO)

    assert sum(brings.flush() for _ in range(20)) == 0
    assert (len(door.calls), brings.waiting) == (calls, 0)


def test_a_mail_may_come_twice_and_is_the_same_both_times() -> None:
    door = Door(200)
    brings = provider(door, twice=1.0)
    brings.take(RAW, TO)

    assert brings.flush() == 1
    assert len(door.calls) == 2
    assert door.calls[0][1] == door.calls[1][1]
