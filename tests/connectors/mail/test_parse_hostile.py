"""Mails that nobody writes: taken apart all the same, within bounds, and never lost.

None of these is timed: each takes minutes or gigabytes where a bound is missing, and the test's own limit ends it.
"""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.connectors.mail.bounds import too_much
from dunwell.connectors.mail.parse import take_apart
from dunwell.policy.incoming import IncomingMail

HEAD = b"From: Dana Reyes <dana@acme.example>\r\nTo: sam@company.example\r\nSubject: Re: EX-1\r\nMIME-Version: 1.0\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.eml"))
LINES = "The mail has more lines or parts than any mail program writes."
HEADERS = "The mail has more or longer headers than any mail program writes."


def assert_within_bounds(mail: IncomingMail) -> None:
    """Everything fits where the store puts it, and into UTF-8."""
    texts = (mail.message_id, mail.subject, mail.text, mail.own, mail.html, mail.automatic, mail.sender.name)
    for text in (*texts, *mail.recipients, *mail.references, *mail.problems):
        text.encode()
        assert "\0" not in text
    assert len(mail.message_id) <= 255
    assert len(mail.subject) <= 500
    assert len(mail.sender.name) <= 200
    assert len(mail.automatic) <= 200
    assert len(mail.text) <= 400_100
    assert len(mail.own) <= 20_000
    assert len(mail.recipients) <= 200
    assert len(mail.references) <= 50
    assert len(mail.attachments) <= 100
    assert sum(len(file.content) for file in mail.attachments) <= 30_000_000
    for file in mail.attachments:
        assert 0 < len(file.name) <= 120
        assert file.name.isprintable()
        assert not set(file.name) & set('/\\<>:"|?*')
        assert len(file.media_type) <= 100
    for event in mail.reports:
        assert len(event.reason) <= 200


def nested(depth: int, kind: str, body: bytes = b"x") -> bytes:
    inside = b"".join(
        f"Content-Type: multipart/{kind}; boundary=b{number}\r\n\r\n--b{number}\r\n".encode()
        for number in range(depth)
    )
    return HEAD + inside + b"\r\n" + body


UNOPENED: dict[str, tuple[Callable[[], bytes], str]] = {
    "forty million lines": (lambda: HEAD + b"\r\n" + b"\n" * 40_000_000, LINES),
    "a thousand multiparts in each other": (lambda: nested(1_000, "mixed"), LINES),
    "five thousand mails in each other": (
        lambda: HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 5_000,
        LINES,
    ),
    "a million parts": (lambda: MIXED + b"--b\n\n" * 1_000_000, LINES),
    "a part ended by carriage returns": (lambda: MIXED + b"--b\r\r" * 100_000, LINES),
    "many lines in many multiparts": (
        lambda: nested(90, "mixed", b"x\n" * 300_000),
        "The mail is too large for the number of its parts.",
    ),
    "a million headers": (lambda: b"X-A: b\r\n" * 1_000_000 + HEAD + b"\r\nhi", LINES),
    "half a million headers": (lambda: b"X-A: b\r\n" * 500_000 + HEAD + b"\r\nhi", HEADERS),
    "a header of 30 MB": (lambda: b"X-A: " + b"b" * 30_000_000 + b"\r\n" + HEAD + b"\r\nhi", HEADERS),
    "a million parameters": (
        lambda: HEAD + b'Content-Type: text/plain; x="' + b";" * 1_000_000 + b"\r\n\r\nhi",
        HEADERS,
    ),
    "many parts with many parameters": (
        lambda: MIXED + (b'--b\nContent-Disposition: inline; x="' + b";" * 3_000 + b"\n\n") * 1_900,
        HEADERS,
    ),
    "a status of 400,000 groups": (
        lambda: HEAD + b"Content-Type: message/delivery-status\r\n\r\n" + b"a: b\n\n" * 400_000,
        "The mail's delivery report is longer than any mail server writes.",
    ),
    "70 MB": (lambda: HEAD + b"\r\n" + (b"x" * 900 + b"\r\n") * 77_000, "The mail is larger than 60 MB."),
}


@pytest.mark.parametrize("name", UNOPENED)
def test_what_no_mail_program_writes_is_kept_unopened(name: str) -> None:
    build, why = UNOPENED[name]
    source = build()
    mail = take_apart(source)
    assert mail.problems == (f"{why} It was not opened, but kept as message.eml.",)
    [file] = mail.attachments
    assert (file.name, file.media_type) == ("message.eml", "message/rfc822")
    assert file.content == source[:30_000_000]
    assert_within_bounds(mail)


def test_of_an_unopened_mail_the_headers_are_read() -> None:
    mail = take_apart(nested(1_000, "mixed").replace(HEAD, HEAD + b"Auto-Submitted: auto-replied\r\n"))
    assert (mail.sender.email, mail.recipients, mail.subject) == (
        "dana@acme.example",
        ("sam@company.example",),
        "Re: EX-1",
    )
    assert mail.automatic == "Auto-Submitted: auto-replied"


OPENED: dict[str, Callable[[], bytes]] = {
    "10,000 headers": lambda: b"X-A: b\r\n" * 10_000 + HEAD + b"\r\nhi",
    "a folded header": lambda: b"X-A: " + b"b\r\n " * 100_000 + b"\r\n" + HEAD + b"\r\nhi",
    "10,000 recipients": lambda: b"Cc: " + b"a@b.example, " * 10_000 + b"\r\n" + HEAD + b"\r\nhi",
    "brackets in an address": lambda: b"Cc: " + b"(" * 32_000 + b"\r\n" + HEAD + b"\r\nhi",
    "quotes in an address": lambda: b"Cc: " + b'"\\' * 16_000 + b"\r\n" + HEAD + b"\r\nhi",
    "commas in an address": lambda: b"Cc: " + b"," * 32_000 + b"\r\n" + HEAD + b"\r\nhi",
    "groups in an address": lambda: b"Cc: " + b"a:b;" * 8_000 + b"\r\n" + HEAD + b"\r\nhi",
    "encoded words without end": lambda: b"Subject: " + b"=?a?q?" * 20_000 + b"\r\n" + HEAD + b"\r\nhi",
    "references": lambda: b"References: " + b"<" * 32_000 + b"\r\n" + HEAD + b"\r\nhi",
    "punycode": lambda: (
        HEAD + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a" * 9**5 + b"-" + b"b" * 9**5
    ),
    "quoted-printable": lambda: (
        HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 3_000_000
    ),
    "uuencode": lambda: (
        HEAD + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\n" + b"M" * 3_000_000
    ),
    "base64 as text": lambda: HEAD + b"\r\nhi\r\n" + (b"A" * 76 + b"\r\n") * 100_000,
    "line ends in HTML": lambda: HEAD + b"Content-Type: text/html\r\n\r\nhi" + b"<br>" * 100_000,
    "nested HTML": lambda: HEAD + b"Content-Type: text/html\r\n\r\nhi" + b"<div>" * 100_000,
    "marks of quotes": lambda: (
        HEAD + b"Content-Type: text/html\r\n\r\nhi" + b"<p id=divRplyFwdMsg></p>" * 10_000
    ),
    "brackets in HTML": lambda: HEAD + b"Content-Type: text/html\r\n\r\nhi " + b"<" * 400_000,
    "99 mails in each other": lambda: HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 99 + b"hi",
    "many empty parts": lambda: MIXED + b"--b\n\n" * 1_900,
    "an empty digest": lambda: (
        HEAD + b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + b"--b\n\n" * 1_900
    ),
}


@pytest.mark.parametrize("name", OPENED)
def test_what_is_only_odd_is_opened_within_bounds(name: str) -> None:
    mail = take_apart(OPENED[name]())
    assert mail.sender.email == "dana@acme.example"
    assert "sam@company.example" in mail.recipients or "recipients" in name
    assert all("not opened" not in problem for problem in mail.problems)
    assert_within_bounds(mail)


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\r\n",
        b"\0" * 1_000,
        b"\xff" * 1_000,
        b"no headers at all",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: multipart/mixed; boundary=never\r\n\r\nnever begun",
        b"Content-Type: multipart/report; report-type=delivery-status\r\n\r\nempty",
        b"Content-Type: /\r\nContent-Disposition: ;;;\r\n\r\nx",
        b"Content-Type: text/plain; charset*0*=x''y; charset*1=z\r\n\r\nx",
        b"Content-Type: text/plain; charset=\xff\r\n\r\nx",
        b"Content-Type: text/plain; charset=a\0b\r\n\r\nx",
        b"Content-Transfer-Encoding: base64\r\n\r\n=====",
        b"Content-Transfer-Encoding: \xff\r\n\r\nx",
        b"Date: \xff\r\nFrom: \xff\xfe\r\nTo: =?utf-8?b?\xff?=\r\nMessage-ID: <\xff>\r\n\r\nx",
        b"Subject: C:\\users =?utf-8?q?x?=\r\n\r\nx",
        b"From nobody\nFrom: a@b.example\n\nx",
    ],
)
def test_broken_mails_are_taken_apart(source: bytes) -> None:
    assert_within_bounds(take_apart(source))


def test_what_has_no_headers_is_all_text() -> None:
    mail = take_apart(b"Content-Type: multipart/mixed; boundary=never\r\n\r\nWe pay on Friday.")
    assert mail.own == "We pay on Friday."


@given(st.binary(max_size=2_000), st.lists(st.text(max_size=60), max_size=3))
def test_any_bytes_are_taken_apart(source: bytes, envelope: list[str]) -> None:
    assert_within_bounds(take_apart(source, envelope=envelope))


_PIECES = st.sampled_from(
    [
        *(b"From: ", b"To: ", b"Subject: ", b"Date: ", b"Message-ID: ", b"References: ", b"Auto-Submitted: "),
        *(
            b"Content-Type: ",
            b"multipart/mixed; boundary=b",
            b"multipart/report; boundary=b",
            b"message/rfc822",
        ),
        *(
            b"message/delivery-status",
            b"message/feedback-report",
            b"text/plain",
            b"text/html; charset=",
            b"utf-7",
        ),
        *(b"Content-Disposition: attachment; filename=", b"filename*0*=utf-8''%ff", b"X-Failed-Recipients: "),
        *(
            b"Content-Transfer-Encoding: base64",
            b"quoted-printable",
            b"--b",
            b"--b--",
            b"\r\n",
            b"\n",
            b"\r",
            b"\t",
        ),
        *(
            b"Final-Recipient: rfc822; ",
            b"Action: failed",
            b"Status: 5.1.1",
            b"Feedback-Type: abuse",
            b"idna",
        ),
        *(
            b"dana@acme.example",
            b"<a@b>",
            b"=?utf-8?q?=C3?=",
            b"=?idna?b?/w==?=",
            b"\xff",
            b"\0",
            b"<p>",
            b'"',
            b";",
        ),
    ]
)


@given(st.lists(_PIECES, max_size=60).map(b"".join))
def test_anything_put_together_from_pieces_of_mail_is_taken_apart(source: bytes) -> None:
    assert_within_bounds(take_apart(source))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_damaged_samples_are_taken_apart(path: Path) -> None:
    whole, chance = path.read_bytes(), random.Random(path.name)  # noqa: S311 - the same damage each time
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            start = chance.randrange(len(damaged) + 1)
            match chance.randrange(4):
                case 0:
                    del damaged[start : start + chance.randrange(200)]
                case 1:
                    damaged[start:start] = chance.randbytes(chance.randrange(8))
                case 2:
                    other = chance.randrange(len(damaged) + 1)
                    damaged[start:start] = damaged[other : other + chance.randrange(300)]
                case _:
                    damaged[start : start + 1] = chance.choice([b"\r", b"\n", b"\0", b"=", b'"', b"\xff"])
        assert_within_bounds(take_apart(bytes(damaged)))


def test_honest_mails_are_opened() -> None:
    assert [path.name for path in SAMPLES if too_much(path.read_bytes())] == []
    thread = nested(20, "alternative", b"We pay on Friday.\r\n" * 20_000)
    assert too_much(thread) == ""
    scanned = (
        MIXED + b"--b\r\nContent-Type: application/pdf\r\n\r\n" + (b"A" * 76 + b"\r\n") * 450_000 + b"--b--"
    )
    assert too_much(scanned) == ""
