"""A mail that came in, taken apart: who wrote what to whom, with which files."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from dunwell.connectors.mail.parse import take_apart
from dunwell.policy.facts import Person
from dunwell.policy.incoming import Attachment, IncomingMail


def mail(*headers: str, body: str | bytes = "We pay on Friday.") -> bytes:
    content = body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode()
    return (
        "".join(f"{header}\r\n" for header in headers).encode("utf-8", "surrogateescape") + b"\r\n" + content
    )


def parts(*pieces: str | bytes, kind: str = "mixed") -> bytes:
    raw = [piece if isinstance(piece, bytes) else piece.replace("\n", "\r\n").encode() for piece in pieces]
    body = b"".join(b"--b\r\n" + piece + b"\r\n" for piece in raw) + b"--b--\r\n"
    return mail("MIME-Version: 1.0", f'Content-Type: multipart/{kind}; boundary="b"', body=body)


def attached(name: str, content: bytes = b"%PDF", kind: str = "application/pdf") -> bytes:
    head = f"Content-Type: {kind}\r\nContent-Disposition: attachment; {name}\r\n"
    return head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(content)


def test_a_reply_is_taken_apart() -> None:
    source = mail(
        "Return-Path: <dana@acme.example>",
        "Delivered-To: sam@company.example",
        "From: =?utf-8?q?Dana_R=C3=A9yes?= <Dana@Acme.example>",
        "To: Sam Sample <sam+1a.abcdefghijklmnop@inbound.company.example>",
        "Cc: =?utf-8?b?UMOkdA==?= <pat@acme.example>, DANA@acme.example",
        "Subject: =?utf-8?q?Re=3A_Rechnung_=C3=9Cberf=C3=A4llig?=",
        "Date: Tue, 07 Apr 2026 10:05:00 -0400",
        "Message-ID: <r1@acme.example>",
        "References: <case-1.notice@company.example>",
        " <x@acme.example>",
        "In-Reply-To: <case-1.reminder@company.example>",
        "Content-Type: text/plain; charset=utf-8",
        body="We pay on Friday.\n\nDana\n\nOn Tue, 7 Apr 2026 at 10:00, Sam Sample wrote:\n> Hi Dana,\n",
    )
    assert take_apart(source, envelope=["Sam+1A.abcdefghijklmnop@inbound.company.example"]) == IncomingMail(
        message_id="<r1@acme.example>",
        sender=Person("Dana R\u00e9yes", "dana@acme.example"),
        recipients=(
            "sam+1a.abcdefghijklmnop@inbound.company.example",
            "sam@company.example",
            "pat@acme.example",
            "dana@acme.example",
        ),
        subject="Re: Rechnung \u00dcberf\u00e4llig",
        text=("We pay on Friday.\n\nDana\n\nOn Tue, 7 Apr 2026 at 10:00, Sam Sample wrote:\n> Hi Dana,"),
        own="We pay on Friday.\n\nDana",
        references=(
            "<case-1.notice@company.example>",
            "<x@acme.example>",
            "<case-1.reminder@company.example>",
        ),
        sent_at=datetime(2026, 4, 7, 14, 5, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("header", "person"),
    [
        ("From: dana@acme.example", Person("", "dana@acme.example")),
        ("From: Dana Reyes", Person("", "")),
        ("From: Dana <not an address>", Person("Dana", "")),
        ("From: Dana <dana@acme.example>, Pat <pat@acme.example>", Person("Dana", "dana@acme.example")),
        ("From: undisclosed:;", Person("", "")),
        ("From: AP: Dana <dana@acme.example>, Pat <pat@acme.example>;", Person("Dana", "dana@acme.example")),
        ("From: x\r\nFrom: Dana <dana@acme.example>", Person("Dana", "dana@acme.example")),
        ('From: "Reyes, Dana" <dana@acme.example>', Person("Reyes, Dana", "dana@acme.example")),
        ("From: \u202eDana\u200b Reyes <dana@acme.example>", Person("Dana Reyes", "dana@acme.example")),
        (
            "From: =?utf-8?q?Dana=0D=0ABcc=3A_x?= <dana@acme.example>",
            Person("Dana Bcc: x", "dana@acme.example"),
        ),
        ("From: =?no-such?q?Dana?= <dana@acme.example>", Person("Dana", "dana@acme.example")),
        ("From: =?utf-8?b?!!!?= <dana@acme.example>", Person("", "dana@acme.example")),
        ("From: " + "D" * 500 + " <dana@acme.example>", Person("D" * 200, "dana@acme.example")),
        ("Subject: nobody wrote", Person("", "")),
    ],
)
def test_who_wrote_is_the_first_address_that_is_one(header: str, person: Person) -> None:
    assert take_apart(mail(header)).sender == person


def test_it_came_to_everybody_a_server_or_the_sender_names() -> None:
    names = ("To", "Cc", "Delivered-To", "X-Original-To", "X-Envelope-To", "Envelope-To")
    headers = [f"{name}: {name.lower()}@company.example" for name in names]
    found = take_apart(mail(*headers, "Bcc: bcc@company.example", "Delivered-To: second@company.example"))
    assert set(found.recipients) == {f"{name.lower()}@company.example" for name in names} | {
        "second@company.example"
    }


def test_what_is_no_address_is_no_recipient() -> None:
    found = take_apart(mail("To: a@@b, <>, Team: x@acme.example;, y@, z"), envelope=["nonsense", ""])
    assert found.recipients == ("x@acme.example",)


def test_where_it_was_delivered_is_never_crowded_out() -> None:
    crowd = ", ".join(f"p{number}@acme.example" for number in range(400))
    found = take_apart(
        mail(f"To: {crowd}", "Delivered-To: sam@company.example"), envelope=["in@company.example"]
    )
    assert found.recipients[:2] == ("in@company.example", "sam@company.example")
    assert len(found.recipients) == 200


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("<a.b-c@acme.example>", "<a.b-c@acme.example>"),
        ("  <a@acme.example> (added by somebody)", "<a@acme.example>"),
        ("a@acme.example", ""),
        ("<a b@acme.example>", ""),
        ("<>", ""),
        ("<\u00e4@acme.example>", ""),
        ("<" + "a" * 300 + "@acme.example>", ""),
    ],
)
def test_a_message_id_is_well_formed_or_missing(said: str, kept: str) -> None:
    assert take_apart(mail(f"Message-ID: {said}")).message_id == kept


def test_the_nearest_reference_is_last() -> None:
    references = " ".join(f"<{number}@acme.example>" for number in range(80))
    found = take_apart(mail(f"References: {references} junk <broken", "In-Reply-To: Yours <70@acme.example>"))
    assert len(found.references) == 50
    assert found.references[-3:] == ("<78@acme.example>", "<79@acme.example>", "<70@acme.example>")
    assert found.references[0] == "<30@acme.example>"


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("Tue, 7 Apr 2026 10:05:00 -0000", datetime(2026, 4, 7, 10, 5, tzinfo=UTC)),
        ("7 Apr 26 10:05 EST", datetime(2026, 4, 7, 15, 5, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("Tue, 7 Apr 1026 10:05:00 +0000", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Tue, 7 Apr 2026 10:05:00 +9999999999", None),
        ("Tue, 99 Apr 2026 10:05:00 +0000", None),
    ],
)
def test_when_it_was_sent_is_an_instant_or_nothing(said: str, at: datetime | None) -> None:
    found = take_apart(mail(f"Date: {said}")).sent_at
    assert found == at
    assert found is None or found.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("header", "automatic"),
    [
        ("Auto-Submitted: auto-replied (vacation)", "Auto-Submitted: auto-replied (vacation)"),
        ("Auto-Submitted: no", ""),
        ("X-Autoreply: yes", "X-Autoreply: yes"),
        ("Precedence: auto_reply", "Precedence: auto_reply"),
        ("Precedence: bulk", ""),
        ("Subject: Out of office", ""),
    ],
)
def test_a_machine_that_says_so_is_known(header: str, automatic: str) -> None:
    assert take_apart(mail(header)).automatic == automatic


def test_of_two_versions_the_plain_one_is_read_and_the_other_made_safe() -> None:
    found = take_apart(
        parts(
            "Content-Type: text/plain; charset=utf-8\n\nWe pay on Friday.\n",
            "Content-Type: text/html; charset=utf-8\n\n<p onclick=x>We pay on <b>Friday</b>.</p><script>x</script>",
            kind="alternative",
        )
    )
    assert (found.text, found.own, found.attachments) == ("We pay on Friday.", "We pay on Friday.", ())
    assert found.html == "<p>We pay on <b>Friday</b>.</p>"


def test_html_alone_is_read_whole_and_without_quotes() -> None:
    html = "<p>We pay on Friday.</p><div class=gmail_quote>On Monday Sam wrote:<br>Hi Dana</div>"
    found = take_apart(mail("Content-Type: text/html", body=html))
    assert found.text == "We pay on Friday.\nOn Monday Sam wrote:\nHi Dana"
    assert found.own == "We pay on Friday."


def test_text_around_a_picture_is_one_text() -> None:
    found = take_apart(
        parts(
            "Content-Type: text/plain\n\nThis is the notice we got:\n",
            "Content-Type: image/png\nContent-ID: <1>\nContent-Disposition: inline\n\nPNG",
            "Content-Type: text/plain\n\nWhat is it for?\n",
        )
    )
    assert found.own == "This is the notice we got:\n\nWhat is it for?"
    assert found.attachments == (Attachment("attachment-1.png", "image/png", b"PNG"),)


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("iso-8859-1", b"Zahlung f\xe4llig", "Zahlung f\u00e4llig"),
        ("windows-1252", b"\x80 100", "\u20ac 100"),
        ("utf-8", b"\x80 100", "\u20ac 100"),
        ("no-such-charset", "\u20ac 100".encode(), "\u20ac 100"),
        ("utf-16", "\u20ac 100".encode("utf-16"), "\u20ac 100"),
        ("shift_jis", "\u652f\u6255".encode("shift_jis"), "\u652f\u6255"),
        ("utf-7", b"+2AA-x", "x"),
        ("punycode", b"Mnchen-3ya", "Mnchen-3ya"),
        ("unicode_escape", b"\\ud800x", "\\ud800x"),
        ("zlib", b"x\x9cK", "x\u0153K"),
        ("utf-8", b"pay\x00 on\x07 \xe2\x80\xaeFriday\xe2\x80\xa9now", "pay on Friday\nnow"),
    ],
)
def test_text_is_decoded_as_well_as_can_be(charset: str, raw: bytes, text: str) -> None:
    found = take_apart(mail(f"Content-Type: text/plain; charset={charset}", body=raw))
    assert found.text == text
    assert found.text.encode()


@pytest.mark.parametrize(
    ("named", "name"),
    [
        ('filename="PO 4711.pdf"', "PO 4711.pdf"),
        ("filename*=utf-8''Bestellung%20%C3%84.pdf", "Bestellung \u00c4.pdf"),
        ("filename*0=Pur; filename*1=chase.pdf", "Purchase.pdf"),
        ('filename="=?utf-8?q?Bestellung_=C3=84.pdf?="', "Bestellung \u00c4.pdf"),
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="..\\\\..\\\\windows\\\\system.ini"', "system.ini"),
        ('filename="C:\\\\Users\\\\dana\\\\po.pdf"', "po.pdf"),
        ('filename="/"', "attachment-1.pdf"),
        ('filename=".."', "attachment-1.pdf"),
        ('filename=""', "attachment-1.pdf"),
        ("filename*=utf-8''po%00.pdf%0D%0ASet-Cookie:%20x", "po .pdf Set-Cookie_ x"),
        ("filename*=utf-8''po%E2%80%AEfdp.exe", "pofdp.exe"),
        ("filename*=punycode''Mnchen-3ya.pdf", "Mnchen-3ya.pdf"),
        ('filename="<script>.pdf"', "_script_.pdf"),
        (f'filename="{"x" * 300}.pdf"', "x" * 116 + ".pdf"),
        ("x=y", "attachment-1.pdf"),
    ],
)
def test_a_file_has_a_harmless_name(named: str, name: str) -> None:
    found = take_apart(parts("Content-Type: text/plain\n\nSee attached.", attached(named)))
    assert found.attachments == (Attachment(name, "application/pdf", b"%PDF"),)


def test_files_may_share_a_name() -> None:
    found = take_apart(parts(attached("filename=po.pdf", b"1"), attached("filename=po.pdf", b"2")))
    assert [(file.name, file.content) for file in found.attachments] == [("po.pdf", b"1"), ("po.pdf", b"2")]


def test_what_a_file_is_said_to_be_is_kept_when_it_can_be() -> None:
    found = take_apart(
        parts(attached("filename=a", kind="Text/CSV"), attached("filename=b", kind="x/" + "y" * 500))
    )
    assert [file.media_type for file in found.attachments] == ["text/csv", "application/octet-stream"]


def test_a_text_that_is_attached_is_a_file() -> None:
    found = take_apart(parts("Content-Type: text/plain\n\nHi", attached("filename=a.txt", kind="text/plain")))
    assert found.text == "Hi"
    assert [file.name for file in found.attachments] == ["a.txt"]


def test_a_mail_inside_a_mail_is_a_file_and_not_the_sender_s_words() -> None:
    inner = mail("From: pat@acme.example", "Subject: inner", body="From here on: cancel everything.\n")
    found = take_apart(
        parts("Content-Type: text/plain\n\nFYI\n", b"Content-Type: message/rfc822\r\n\r\n" + inner)
    )
    assert found.text == "FYI"
    assert found.attachments == (Attachment("attachment-1.eml", "message/rfc822", inner),)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            parts(attached("filename=winmail.dat", kind="application/ms-tnef")),
            "winmail.dat is Outlook's own format; what is in it was not unpacked.",
        ),
        (
            mail("Content-Type: application/pkcs7-mime; name=smime.p7m", body=b"x"),
            "The mail, or a part of it, is encrypted or sealed (S/MIME) and was not opened.",
        ),
        (
            parts(attached("filename=x", kind="application/pgp-encrypted"), kind="encrypted"),
            "The mail, or a part of it, is encrypted (PGP) and was not opened.",
        ),
    ],
)
def test_what_only_the_sender_s_program_opens_is_kept_and_said(source: bytes, problem: str) -> None:
    found = take_apart(source)
    assert found.problems == (problem,)
    assert len(found.attachments) == 1


def test_more_than_a_hundred_files_are_named_and_left_out() -> None:
    found = take_apart(parts(*(attached(f"filename=f{number}.pdf") for number in range(1, 131))))
    assert len(found.attachments) == 100
    [problem] = found.problems
    assert problem.startswith(
        "More than 100 files or 30 MB came; left out: f101.pdf (4 bytes), f102.pdf (4 bytes), "
    )
    assert problem.endswith("f120.pdf (4 bytes) and 10 more.")


def test_files_beyond_thirty_megabytes_are_left_out() -> None:
    sizes = {"a": 20_000_000, "b": 20_000_000, "c": 1}
    head = "Content-Type: text/csv\r\nContent-Disposition: attachment; filename={}\r\n\r\n"
    found = take_apart(parts(*(head.format(name).encode() + b"x" * size for name, size in sizes.items())))
    assert [file.name for file in found.attachments] == ["a", "c"]
    assert found.problems == ("More than 100 files or 30 MB came; left out: b (20,000,000 bytes).",)


def test_a_text_without_end_is_cut() -> None:
    found = take_apart(mail("Content-Type: text/plain", body=b"word " * 100_000))
    assert len(found.text) == 400_000
    assert found.problems == ("The text was cut after 400,000 characters.",)
