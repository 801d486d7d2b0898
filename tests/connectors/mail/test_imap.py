"""A mailbox on a real server: read to the end, once, and left as it was."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from dunwell.connectors.mail.imap import ImapMailbox
from dunwell.policy.incoming import Arrived, MailboxUnreadableError
from tests.connectors.mail.conftest import NOW
from tests.connectors.mail.dovecot import Dovecot

Connect = Callable[..., ImapMailbox]


def a_mail(number: int = 1, text: str = "We pay on Friday.", more: bytes = b"") -> bytes:
    head = (
        f"From: Dana Reyes <dana@acme.example>\r\nTo: Sam Sample <sam@company.example>\r\n"
        f"Subject: Re: Invoice {number}\r\nMessage-ID: <{number}@acme.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    )
    return head.encode() + more + b"\r\n" + text.encode()


def subjects(arrived: list[Arrived]) -> list[str]:
    return [each.mail.subject for each in arrived]


def everything(server: Dovecot, user: str) -> object:
    """All that a look into a mailbox could change."""
    with server.logged_in(user) as client:
        status = client.folder_status("INBOX", ["MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN"])
        client.select_folder("INBOX", readonly=True)
        fetched = client.fetch(client.search("ALL"), ["FLAGS", "INTERNALDATE", "BODY.PEEK[]"])
        return status, {uid: dict(each) for uid, each in fetched.items()}


def test_a_mail_is_taken_once(server: Dovecot, user: str, connect: Connect) -> None:
    server.deliver(user, a_mail(1), a_mail(2), at=NOW - timedelta(hours=1))
    mailbox = connect()
    first = list(mailbox.arrived("", NOW))
    assert subjects(first) == ["Re: Invoice 1", "Re: Invoice 2"]
    assert first[0].mail.own == "We pay on Friday."
    assert first[0].mail.sender.email == "dana@acme.example"
    assert list(mailbox.arrived(first[-1].place, NOW)) == []
    server.deliver(user, a_mail(3))
    second = list(mailbox.arrived(first[-1].place, NOW))
    assert subjects(second) == ["Re: Invoice 3"]
    assert len({each.id for each in (*first, *second)}) == 3


def test_a_look_goes_on_from_any_mail(server: Dovecot, user: str, connect: Connect) -> None:
    server.deliver(user, *(a_mail(number) for number in range(1, 6)), at=NOW)
    look = connect().arrived("", NOW)
    _, second = next(look), next(look)
    assert subjects(list(connect().arrived(second.place, NOW))) == [f"Re: Invoice {n}" for n in (3, 4, 5)]


def test_nothing_in_the_mailbox_changes(server: Dovecot, user: str, connect: Connect) -> None:
    server.deliver(user, a_mail(1), a_mail(2), a_mail(3), at=NOW)
    with server.logged_in(user) as client:
        client.select_folder("INBOX")
        client.set_flags([1], [b"\\Seen", b"\\Flagged"])
    server.deliver(user, a_mail(4), at=NOW)
    before = everything(server, user)
    mailbox = connect(most_bytes=200)
    assert len(list(mailbox.arrived("", NOW))) == 4
    assert mailbox.check() is None
    assert len(list(connect().arrived("", NOW))) == 4
    assert everything(server, user) == before


def test_the_first_look_goes_back_three_days(server: Dovecot, user: str, connect: Connect) -> None:
    server.deliver(user, a_mail(1), at=NOW - timedelta(days=3, minutes=1))
    server.deliver(user, a_mail(2), at=NOW - timedelta(days=3))
    server.deliver(user, a_mail(3), at=NOW - timedelta(days=1))
    assert subjects(list(connect().arrived("", NOW))) == ["Re: Invoice 2", "Re: Invoice 3"]


def test_an_old_mail_that_comes_late_is_taken(server: Dovecot, user: str, connect: Connect) -> None:
    server.deliver(user, a_mail(1), at=NOW)
    [first] = connect().arrived("", NOW)
    server.deliver(user, a_mail(2), at=NOW - timedelta(days=300))
    assert subjects(list(connect().arrived(first.place, NOW))) == ["Re: Invoice 2"]


def test_downtime_loses_no_mail(server: Dovecot, user: str, connect: Connect) -> None:
    server.deliver(user, a_mail(1), at=NOW)
    [first] = connect().arrived("", NOW)
    server.deliver(user, a_mail(2), at=NOW + timedelta(days=1))
    assert subjects(list(connect().arrived(first.place, NOW + timedelta(days=40)))) == ["Re: Invoice 2"]


def renumber(server: Dovecot, user: str, folder: str) -> None:
    with server.logged_in(user) as client:
        client.select_folder(folder)
        kept = client.fetch(client.search("ALL"), ["BODY.PEEK[]", "INTERNALDATE"])
        client.unselect_folder()
        client.delete_folder(folder)
    for uid in sorted(kept):
        server.deliver(user, kept[uid][b"BODY[]"], folder=folder, at=kept[uid][b"INTERNALDATE"])


def test_mails_numbered_anew_are_looked_at_again(server: Dovecot, user: str, connect: Connect) -> None:
    server.deliver(user, a_mail(1), folder="Replies", at=NOW - timedelta(days=30))
    server.deliver(user, a_mail(2), folder="Replies", at=NOW)
    mailbox = connect(folder="Replies")
    [second] = mailbox.arrived("", NOW)
    server.deliver(user, a_mail(3), folder="Replies", at=NOW + timedelta(days=1))
    mailbox.close()
    renumber(server, user, "Replies")
    later = NOW + timedelta(days=20)
    again = list(connect(folder="Replies").arrived(second.place, later))
    assert subjects(again) == ["Re: Invoice 2", "Re: Invoice 3"]
    assert again[0].mail == second.mail
    assert again[0].place.split(":")[0] != second.place.split(":")[0]


@pytest.mark.parametrize("place", ["7:9", "", "nonsense", "1:2:3:4", "-1:2", "99999999999:1"])
def test_a_place_that_means_nothing_here_starts_with_the_last_days(
    server: Dovecot, user: str, connect: Connect, place: str
) -> None:
    server.deliver(user, a_mail(1), at=NOW - timedelta(days=30))
    server.deliver(user, a_mail(2), at=NOW)
    assert subjects(list(connect().arrived(place, NOW))) == ["Re: Invoice 2"]


def test_of_two_thousand_mails_only_new_ones_are_fetched(
    server: Dovecot, user: str, connect: Connect, counted: Callable[[Dovecot, str], int]
) -> None:
    with server.logged_in(user) as client:
        client.multiappend("INBOX", [a_mail(number) for number in range(2_000)])
    now = datetime.now(UTC)  # noqa: TID251 - the server dates these itself
    mailbox = connect()
    first = list(mailbox.arrived("", now))
    assert subjects(first) == [f"Re: Invoice {number}" for number in range(2_000)]
    mailbox.close()
    assert counted(server, user) == 2_000
    server.deliver(user, a_mail(2_001), a_mail(2_002))
    later = connect()
    assert subjects(list(later.arrived(first[-1].place, now))) == ["Re: Invoice 2001", "Re: Invoice 2002"]
    later.close()
    assert counted(server, user) == 2_002


def test_a_mail_of_25_megabytes_is_taken_whole(server: Dovecot, user: str, connect: Connect) -> None:
    attached = b"JVBERi0x" * 10 + b"\r\n"
    size = 25_000_000 // len(attached) * len(attached)
    body = (
        b'--b\r\nContent-Type: text/plain\r\n\r\nSee attached.\r\n--b\r\nContent-Type: application/pdf; name="po.pdf"'
        b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + attached * (size // len(attached)) + b"--b--\r\n"
    )
    head = (
        b'From: dana@acme.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    )
    server.deliver(user, head + body, at=NOW)
    [taken] = connect().arrived("", NOW)
    assert taken.mail.own == "See attached."
    assert [(file.name, len(file.content)) for file in taken.mail.attachments] == [
        ("po.pdf", size // len(attached) * 60)
    ]
    assert taken.mail.problems == ()


def test_of_a_mail_too_large_only_the_beginning_is_taken(
    server: Dovecot, user: str, connect: Connect
) -> None:
    body = (
        b"--b\r\nContent-Type: text/plain\r\n\r\nWe pay on Friday.\r\n--b\r\nContent-Type: text/csv\r\n"
        b'Content-Disposition: attachment; filename="whole.csv"\r\n\r\n1;2\r\n--b\r\nContent-Type: text/csv\r\n'
        b'Content-Disposition: attachment; filename="cut.csv"\r\n\r\n' + b"1;2;3\r\n" * 3_000 + b"--b--\r\n"
    )
    head = (
        b'From: dana@acme.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    )
    server.deliver(user, head + body, a_mail(2), at=NOW)
    large, small = connect(most_bytes=10_000).arrived("", NOW)
    assert large.mail.own == "We pay on Friday."
    assert [file.name for file in large.mail.attachments] == ["whole.csv"]
    assert large.mail.problems == (f"The mail has {len(head + body):,} bytes; only its beginning was taken.",)
    assert small.mail.problems == ()


def test_mails_are_fetched_one_at_a_time(
    server: Dovecot, user: str, connect: Connect, counted: Callable[[Dovecot, str], int]
) -> None:
    server.deliver(user, *(a_mail(number) for number in range(8)), at=NOW)
    mailbox = connect()
    look = mailbox.arrived("", NOW)
    next(look)
    next(look)
    mailbox.close()
    assert counted(server, user) == 2


def test_a_mail_deleted_meanwhile_is_passed_over(server: Dovecot, user: str, connect: Connect) -> None:
    server.deliver(user, a_mail(1), a_mail(2), a_mail(3), at=NOW)
    look = connect().arrived("", NOW)
    assert next(look).mail.subject == "Re: Invoice 1"
    with server.logged_in(user) as client:
        client.select_folder("INBOX")
        client.delete_messages([2])
        client.expunge()
    assert subjects(list(look)) == ["Re: Invoice 3"]


def test_a_mail_the_server_cannot_read_holds_up_the_others_for_two_looks_only(
    server: Dovecot, user: str, connect: Connect
) -> None:
    server.deliver(user, *(a_mail(number) for number in range(1, 4)), at=NOW)
    mailbox = connect()
    place, *_ = (each.place for each in mailbox.arrived("", NOW))  # the server now remembers sizes and dates
    mailbox.close()
    [file] = server.home.glob(f"mail/{user}/**/u.2")
    file.chmod(0)
    for _ in range(2):
        with pytest.raises(MailboxUnreadableError, match="cannot read INBOX on"):
            list(mailbox.arrived(place, NOW))
    taken: list[Arrived] = []
    while len(taken) < 2:  # the server hangs up after the mail it cannot read
        try:
            for each in mailbox.arrived(place, NOW):
                taken.append(each)
                place = each.place
        except MailboxUnreadableError as error:
            assert str(error) == "127.0.0.1 went away"  # noqa: PT017
    assert subjects(taken) == ["", "Re: Invoice 3"]
    [problem] = taken[0].mail.problems
    assert problem == (
        f"The mail server does not hand over this mail of {len(a_mail(2)):,} bytes, which came on "
        "2026-04-09 12:00 UTC. Look for it in the mailbox."
    )


def test_malformed_mails_are_taken_too(server: Dovecot, user: str, connect: Connect) -> None:
    strange = [
        b"\r\n",
        b"no headers at all",
        b"Content-Type: multipart/mixed; boundary=never\r\n\r\nWe pay on Friday.",
        b"Content-Type: text/plain; charset=no-such\r\n\r\n\xff\xfe\xfa",
        b"From: \xff\xff <a@@b>\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
    ]
    server.deliver(user, *strange, at=NOW)
    taken = list(connect().arrived("", NOW))
    assert len(taken) == len(strange)
    assert taken[2].mail.own == "We pay on Friday."
    assert [each.mail.sender.email for each in taken] == [""] * 5


def test_a_restart_of_the_server_is_survived(server: Dovecot, user: str, connect: Connect) -> None:
    server.deliver(user, a_mail(1), at=NOW)
    mailbox = connect()
    [first] = mailbox.arrived("", NOW)
    with server.stopped():
        pass
    server.deliver(user, a_mail(2), at=NOW)
    assert subjects(list(mailbox.arrived(first.place, NOW))) == ["Re: Invoice 2"]


def test_a_restart_in_the_middle_of_a_look_loses_nothing(
    server: Dovecot, user: str, connect: Connect
) -> None:
    server.deliver(user, *(a_mail(number) for number in range(1, 5)), at=NOW)
    mailbox = connect()
    look = mailbox.arrived("", NOW)
    first = next(look)
    with server.stopped():
        with pytest.raises(
            MailboxUnreadableError, match=r"^cannot read INBOX on 127.+: the connection broke$"
        ):
            next(look)
        with pytest.raises(MailboxUnreadableError, match=r"Connection refused$"):
            list(mailbox.arrived(first.place, NOW))
    assert subjects(list(mailbox.arrived(first.place, NOW))) == [f"Re: Invoice {n}" for n in (2, 3, 4)]


def test_a_wrong_password_is_said_without_it(connect: Connect) -> None:
    mailbox = connect(password='tr\u00f6ub4dor"\\ &3')
    with pytest.raises(MailboxUnreadableError) as caught:
        list(mailbox.arrived("", NOW))
    assert str(caught.value) == "127.0.0.1 refused the login to the mailbox"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert mailbox.check() == "127.0.0.1 refused the login to the mailbox"


def test_a_folder_that_is_missing_is_named(connect: Connect) -> None:
    mailbox = connect(folder="Replies")
    with pytest.raises(
        MailboxUnreadableError, match=r"^cannot read Replies on 127\.0\.0\.1:\d+: .*doesn't exist"
    ):
        list(mailbox.arrived("", NOW))
    assert str(mailbox.check()).startswith("cannot read Replies on 127.0.0.1:")


def test_a_folder_may_have_any_name(server: Dovecot, user: str, connect: Connect) -> None:
    name = "R\u00fcckl\u00e4ufer & Antworten \u4e2d"
    server.deliver(user, a_mail(1), folder=name, at=NOW)
    assert subjects(list(connect(folder=name).arrived("", NOW))) == ["Re: Invoice 1"]


def test_a_mailbox_that_can_be_read_has_no_complaint(connect: Connect) -> None:
    assert connect().check() is None


@pytest.mark.parametrize("kind", ["starttls", "tls"])
def test_nobody_is_trusted_without_a_certificate(
    server: Dovecot, connect: Connect, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    port = server.tls_port if kind == "tls" else server.port
    mailbox = connect(port=port, tls=kind)
    assert str(mailbox.check()).endswith("certificate verify failed: self-signed certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    assert connect(port=port, tls=kind).check() is None


def test_what_kind_of_tls_is_meant_must_be_said_right() -> None:
    with pytest.raises(ValueError, match="tls must be 'none', 'starttls' or 'tls', not 'ssl'"):
        ImapMailbox("127.0.0.1", 993, "sam", "secret", tls="ssl")


@pytest.fixture
def counted() -> Callable[[Dovecot, str], int]:
    """Count how many bodies of mails a user was sent, by the server's own log."""

    def count(server: Dovecot, user: str) -> int:
        lines = server.sessions(user)
        return sum(int(line.partition("body_count=")[2].partition(" ")[0]) for line in lines)

    return count
