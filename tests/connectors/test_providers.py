"""Handing mail to providers that take it, refuse it, hang and die. Shapes are Postmark's and Mailgun's own."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dunwell.connectors.mail.addresses import ProviderAddress, parse_email_url
from dunwell.connectors.mail.known_providers import PROVIDERS
from dunwell.connectors.mail.providers import ProviderMailer
from dunwell.engine.ports import Mailer
from dunwell.policy.facts import Person
from dunwell.policy.readings import Delivery, Handed, OutgoingMail, Refused, Uncertain
from tests.connectors.provider_server import BREAKS_OFF, HANGS, HANGS_UP, FakeProvider, fake_provider

MAIL = OutgoingMail(
    message_id="<0123456789abcdef0123456789abcdef@pay.us.example>",
    sender=Person("Félix Nordström", "felix@us.example"),
    to=Person("Reyes, Dana", "Dana@Acme.example"),
    reply_to="felix+1z.abcdefghijklmnop@inbound.us.example",
    subject="Invoice EX-2026-0417",
    text="Hi Dana,\nthe bank declined 14.200,00 €.\n",
    html="<p>Hi Dana</p>",
    date=datetime(2026, 4, 7, 14, 3, tzinfo=UTC),
)
POSTMARK_ID = "0a129aee-e1cd-480d-b08d-4f48548ff48d"
TAKEN = {
    "To": '"Reyes, Dana" <Dana@Acme.example>',
    "SubmittedAt": "2026-04-07T10:03:01.2735393-04:00",
    "MessageID": POSTMARK_ID,
    "ErrorCode": 0,
    "Message": "OK",
}
INACTIVE = (
    "You tried to send to a recipient that has been marked as inactive.\nFound inactive addresses: "
    "dana@acme.example.\nInactive recipients are ones that have generated a hard bounce or a spam complaint."
)
GATEWAY = "<html><body>Bad Gateway</body></html>"


@pytest.fixture
def server() -> Iterator[FakeProvider]:
    with fake_provider() as provider:
        yield provider


def mailer(url: str, *, timeout: float = 5) -> ProviderMailer:
    address = parse_email_url(url)
    assert isinstance(address, ProviderAddress)
    return ProviderMailer(address, timeout=timeout)


def postmark(server: FakeProvider, **options: Any) -> ProviderMailer:
    return mailer(f"postmark://?server_token=tok-en+1&api_url={server.url}", **options)


def mailgun(server: FakeProvider) -> ProviderMailer:
    return mailer(f"mailgun://?api_key=key-1&sender_domain=mg.us.example&api_url={server.url}v3")


def sent_by_postmark(server: FakeProvider, mail: OutgoingMail = MAIL, **options: Any) -> Delivery:
    port: Mailer = postmark(server, **options)
    delivery = port.send(mail)
    port.close()
    return delivery


class TestPostmark:
    def test_the_mail_leaves_as_an_smtp_server_would_get_it(self, server: FakeProvider) -> None:
        server.answer = (200, TAKEN)

        assert sent_by_postmark(server) == Handed("Postmark: sent", id=POSTMARK_ID)

        (heard,) = server.heard
        assert (heard.path, heard.headers["x-postmark-server-token"]) == ("/email", "tok-en+1")
        headers = {each["Name"]: each["Value"] for each in heard.fields.pop("Headers")}
        assert headers == {
            "Auto-Submitted": "auto-generated",
            "Message-ID": "<0123456789abcdef0123456789abcdef@pay.us.example>",
            "X-PM-KeepID": "true",
        }
        assert heard.fields == {
            "From": "Félix Nordström <felix@us.example>",
            "To": '"Reyes, Dana" <Dana@acme.example>',
            "ReplyTo": "Félix Nordström <felix+1z.abcdefghijklmnop@inbound.us.example>",
            "Subject": "Invoice EX-2026-0417",
            "TextBody": "Hi Dana,\nthe bank declined 14.200,00 €.\n",
            "HtmlBody": "<p>Hi Dana</p>",
            "Metadata": {"mail": "<0123456789abcdef0123456789abcdef@pay.us.example>"},
            "TrackOpens": False,
            "TrackLinks": "None",
        }

    def test_an_answer_a_person_wrote_is_threaded_and_not_automatic(self, server: FakeProvider) -> None:
        server.answer = (200, TAKEN)
        answer = replace(MAIL, automatic=False, answers=("<ours@us.example>", "<theirs@acme.example>"))

        sent_by_postmark(
            server, replace(answer, cc=(Person("Owner", "o@us.example"), Person("", "p@us.example")))
        )

        (heard,) = server.heard
        headers = {each["Name"]: each["Value"] for each in heard.fields["Headers"]}
        assert headers["In-Reply-To"] == "<theirs@acme.example>"
        assert headers["References"] == "<ours@us.example> <theirs@acme.example>"
        assert "Auto-Submitted" not in headers
        assert heard.fields["Cc"] == "Owner <o@us.example>, p@us.example"

    def test_a_message_stream_is_named(self, server: FakeProvider) -> None:
        server.answer = (200, TAKEN)

        mailer(f"postmark://?server_token=t&message_stream=invoices&api_url={server.url}").send(MAIL)

        assert server.heard[0].fields["MessageStream"] == "invoices"

    def test_a_message_id_too_long_for_its_metadata_stays_out_of_it(self, server: FakeProvider) -> None:
        server.answer = (200, TAKEN)

        sent = sent_by_postmark(server, replace(MAIL, message_id=f"<{'x' * 90}@us.example>"))

        assert sent == Handed("Postmark: sent", id=POSTMARK_ID)
        assert "Metadata" not in server.heard[0].fields

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (
                (422, {"ErrorCode": 406, "Message": INACTIVE}),
                Refused(
                    f"Postmark refused Dana@Acme.example: rejected, {' '.join(INACTIVE.split())[:200]}",
                    permanent=True,
                ),
            ),
            (
                (422, {"ErrorCode": 300, "Message": "Invalid 'To' address: 'dana@acme.example'."}),
                Refused(
                    "Postmark refused Dana@Acme.example: invalid, Invalid 'To' address: 'dana@acme.example'.",
                    permanent=True,
                ),
            ),
            (
                (422, {"ErrorCode": 300, "Message": "Invalid 'From' address: 'felix@us.example'."}),
                Refused("Postmark answered 422: Invalid 'From' address: 'felix@us.example'.", permanent=True),
            ),
            (
                (422, {"ErrorCode": 405, "Message": "Not allowed to send."}),
                Refused("Postmark answered 422: Not allowed to send.", permanent=False),
            ),
            (
                (401, {"ErrorCode": 10, "Message": "Bad token tok-en+1."}),
                Refused("Postmark answered 401: Bad token ***.", permanent=False),
            ),
            (
                (429, {"ErrorCode": 429, "Message": "Rate limit exceeded"}),
                Refused("Postmark answered 429: Rate limit exceeded", permanent=False),
            ),
            (
                (500, {"ErrorCode": 500, "Message": "We are sorry"}),
                Refused("Postmark answered 500: We are sorry", permanent=False),
            ),
            (
                (503, "<html>maintenance</html>"),
                Refused("Postmark answered 503: Service Unavailable", permanent=False),
            ),
        ],
        ids=["inactive", "no address", "bad sender", "no credit", "bad key", "too fast", "broken", "closed"],
    )
    def test_a_refusal_says_whether_it_is_about_the_mail(
        self, server: FakeProvider, answer: tuple[int, Any], expected: Refused
    ) -> None:
        server.answer = answer

        assert sent_by_postmark(server) == expected
        assert len(server.heard) == 1

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            (HANGS, "Postmark went away while it held the mail (ReadTimeout)"),
            (HANGS_UP, "Postmark went away while it held the mail (ConnectionError)"),
            (BREAKS_OFF, "Postmark went away while it held the mail (ChunkedEncodingError)"),
            ((500, GATEWAY), "Postmark answered 500: Internal Server Error"),
            ((502, {"message": "upstream"}), "Postmark answered 502: upstream"),
            ((504, GATEWAY), "Postmark answered 504: Gateway Timeout"),
            ((200, "not JSON"), "Postmark answered 200: OK"),
            ((200, {"ErrorCode": 0}), "Postmark answered 200: OK"),
            ((200, ["what?"]), "Postmark answered what nobody can read (AttributeError)"),
            (
                (200, {**TAKEN, "To": "not an address"}),
                "Postmark answered what nobody can read (AnymailInvalidAddress)",
            ),
        ],
        ids=str,
    )
    def test_without_an_answer_to_rely_on_nobody_knows(
        self, server: FakeProvider, answer: tuple[int, Any] | str, expected: str
    ) -> None:
        server.answer = answer

        assert sent_by_postmark(server, timeout=0.5) == Uncertain(expected)
        assert len(server.heard) == 1

    def test_a_provider_that_cannot_be_reached_has_nothing(self, server: FakeProvider) -> None:
        nobody = mailer("postmark://?server_token=t&api_url=http://127.0.0.1:9/")

        assert nobody.send(MAIL) == Refused("Postmark cannot be reached (ConnectionError)", permanent=False)

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
    def test_a_provider_with_a_certificate_of_nobody_s_gets_nothing(self, tmp_path: Path) -> None:
        options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
        both = str(tmp_path / "both.pem")
        command = [
            "openssl",
            "req",
            *options.split(),
            "-keyout",
            both,
            "-out",
            str(tmp_path / "certificate.pem"),
        ]
        subprocess.run(command, check=True, capture_output=True)
        with (tmp_path / "both.pem").open("a") as file:
            file.write((tmp_path / "certificate.pem").read_text())

        with fake_provider(tmp_path / "both.pem") as server:
            sent = mailer(f"postmark://?server_token=t&api_url={server.url}").send(MAIL)

        assert sent == Refused("Postmark: its certificate is not to be trusted", permanent=False)
        assert server.heard == []

    def test_a_redirect_is_not_followed(self, server: FakeProvider) -> None:
        server.answer, server.headers = (302, ""), {"Location": f"{server.url}elsewhere"}

        assert sent_by_postmark(server) == Refused(
            "Postmark sent us elsewhere: check api_url", permanent=False
        )
        assert [each.path for each in server.heard] == ["/email"]

    def test_a_copy_that_was_refused_is_told_of(self, server: FakeProvider) -> None:
        message = (
            "Message OK, but will not deliver to these inactive addresses: owner@us.example. Inactive recipients are "
            "ones that have generated a hard bounce or a spam complaint."
        )
        server.answer = (200, {**TAKEN, "Message": message})

        sent = sent_by_postmark(server, replace(MAIL, cc=(Person("", "owner@us.example"),)))

        assert sent == Handed("Postmark: sent, but not to owner@us.example", id=POSTMARK_ID)

    def test_a_mail_of_which_only_the_copy_left_was_refused(self, server: FakeProvider) -> None:
        message = (
            "Message OK, but will not deliver to these inactive addresses: dana@acme.example. Inactive recipients are "
            "ones that have generated a hard bounce or a spam complaint."
        )
        server.answer = (200, {**TAKEN, "Message": message})

        sent = sent_by_postmark(server, replace(MAIL, cc=(Person("", "owner@us.example"),)))

        assert isinstance(sent, Refused)
        assert sent.permanent
        assert sent.reason.startswith("Postmark refused Dana@Acme.example: rejected, Message OK, but")

    @pytest.mark.parametrize(
        ("mail", "reason"),
        [
            (
                replace(MAIL, subject="a\r\nBcc: all@x.example"),
                "Subject holds a line break or control character",
            ),
            (replace(MAIL, to=Person("Dana", "no address")), "'no address' is not an address"),
            (
                replace(MAIL, to=Person("", "dánä@acme.example")),
                "Postmark takes no addresses with characters",
            ),
        ],
        ids=["line break", "no address", "not ASCII"],
    )
    def test_a_mail_that_cannot_be_built_is_not_offered(
        self, server: FakeProvider, mail: OutgoingMail, reason: str
    ) -> None:
        sent = sent_by_postmark(server, mail)

        assert isinstance(sent, Refused)
        assert sent.permanent
        assert sent.reason.startswith(reason)
        assert server.heard == []


class TestMailgun:
    def test_the_mail_leaves_under_our_message_id_without_tracking(self, server: FakeProvider) -> None:
        server.answer = (200, {"id": MAIL.message_id, "message": "Queued. Thank you."})

        assert mailgun(server).send(MAIL) == Handed("Mailgun: queued", id=MAIL.message_id)

        (heard,) = server.heard
        assert (heard.path, heard.login) == ("/v3/mg.us.example/messages", "api:key-1")
        assert heard.fields == {
            "from": "Félix Nordström <felix@us.example>",
            "to": '"Reyes, Dana" <Dana@acme.example>',
            "subject": MAIL.subject,
            "h:Reply-To": "Félix Nordström <felix+1z.abcdefghijklmnop@inbound.us.example>",
            "h:Auto-Submitted": "auto-generated",
            "h:Message-Id": MAIL.message_id,
            "text": MAIL.text,
            "html": MAIL.html,
            "v:mail": MAIL.message_id,
            "o:tracking-opens": "no",
            "o:tracking-clicks": "no",
        }

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ((401, "Forbidden"), Refused("Mailgun answered 401: Unauthorized", permanent=False)),
            (
                (404, {"message": "Domain not found: mg.us.example"}),
                Refused("Mailgun answered 404: Domain not found: mg.us.example", permanent=False),
            ),
            (
                (400, {"message": "to parameter is not a valid address. please check documentation"}),
                Refused(
                    "Mailgun answered 400: to parameter is not a valid address. please check documentation",
                    permanent=True,
                ),
            ),
            ((200, "Mailgun Magnificent API"), Uncertain("Mailgun answered 200: OK")),
        ],
        ids=["key", "domain", "address", "no endpoint"],
    )
    def test_a_refusal_says_whether_it_is_about_the_mail(
        self, server: FakeProvider, answer: tuple[int, Any], expected: Delivery
    ) -> None:
        server.answer = answer

        assert mailgun(server).send(MAIL) == expected

    def test_what_it_would_replace_is_not_handed_to_it(self, server: FakeProvider) -> None:
        sent = mailgun(server).send(replace(MAIL, text="Hi %recipient.name%"))

        assert sent == Refused("the mail holds '%recipient', which Mailgun would replace", permanent=True)
        assert server.heard == []


class TestTheOthers:
    """What differs from one to the other, in what they are asked for."""

    ANSWERS: dict[str, Any] = {
        "brevo": {"messageId": "<1@smtp-relay.mailin.fr>"},
        "mailersend": {},
        "mailgun": {"id": "<1@mg>", "message": "Queued. Thank you."},
        "mailjet": {
            "Messages": [
                {"Status": "success", "To": [{"Email": "Dana@Acme.example", "MessageID": 70650219165027410}]}
            ]
        },
        "mandrill": [{"email": "Dana@Acme.example", "status": "sent", "_id": "abc"}],
        "postmark": TAKEN,
        "resend": {"id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"},
        "sendgrid": "",
        "sparkpost": {
            "results": {"id": "12345", "total_accepted_recipients": 1, "total_rejected_recipients": 0}
        },
    }
    IDS = {
        "brevo": "<1@smtp-relay.mailin.fr>",
        "mailersend": "5e42957d51f1d94a1070a733",
        "mailgun": "<1@mg>",
        "mailjet": "70650219165027410",
        "mandrill": "abc",
        "postmark": POSTMARK_ID,
        "resend": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794",
        "sparkpost": "12345",
    }

    @pytest.mark.parametrize("scheme", PROVIDERS)
    def test_every_provider_takes_our_mail(self, server: FakeProvider, scheme: str) -> None:
        server.answer, server.headers = (
            (200, self.ANSWERS[scheme]),
            {"X-Message-Id": "5e42957d51f1d94a1070a733"},
        )
        keys = "&".join(f"{option}=key-{option}" for option in PROVIDERS[scheme].needs)

        sent = mailer(f"{scheme}://?{keys}&api_url={server.url}").send(
            replace(MAIL, answers=("<theirs@acme.example>",))
        )

        assert isinstance(sent, Handed), sent
        assert sent.id == self.IDS.get(scheme, sent.id)
        assert sent.id != ""
        said = str(server.heard[0].fields)
        assert "auto-generated" in said
        assert "theirs@acme.example" in said
        assert (
            "'Message-ID': '<0123" in said or "h:Message-Id" in said or "'Name': 'Message-ID'" in said
        ) == (PROVIDERS[scheme].keeps_message_id)
        assert len(server.heard) == 1

    def test_mandrill_shows_everybody_who_else_got_the_mail(self, server: FakeProvider) -> None:
        server.answer = (200, self.ANSWERS["mandrill"])

        mailer(f"mandrill://?api_key=k&api_url={server.url}").send(MAIL)

        assert server.heard[0].fields["message"]["preserve_recipients"] is True

    def test_mandrill_says_500_to_a_mail_that_is_wrong(self, server: FakeProvider) -> None:
        error = {
            "status": "error",
            "code": -2,
            "name": "ValidationError",
            "message": "You must specify a key",
        }
        server.answer = (500, error)

        sent = mailer(f"mandrill://?api_key=k&api_url={server.url}").send(MAIL)

        assert sent == Refused("Mandrill answered 500: You must specify a key", permanent=True)


class TestCheck:
    """Doctor asks a provider to send nothing; what it says shows whether it takes our key."""

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            ((422, {"ErrorCode": 300, "Message": "Zero recipients specified"}), None),
            (
                (401, {"ErrorCode": 10, "Message": "No Account or Server API tokens were supplied"}),
                Refused("refuses us: 401 No Account or Server API tokens were supplied", permanent=False),
            ),
            ((500, "down"), Refused("is out of order: 500", permanent=False)),
            (HANGS, Refused("cannot be reached (ReadTimeout)", permanent=False)),
        ],
        ids=["key", "no key", "down", "hangs"],
    )
    def test_a_key_is_tried_with_nothing_to_send(
        self, server: FakeProvider, answer: tuple[int, Any] | str, expected: Refused | None
    ) -> None:
        server.answer = answer

        assert postmark(server, timeout=0.5).check("felix@us.example") == expected
        assert [each.fields for each in server.heard] == [{}]

    def test_mailgun_is_asked_under_the_domain_mail_comes_from(self, server: FakeProvider) -> None:
        server.answer = (400, {"message": "from parameter is missing"})

        assert mailer(f"mailgun://?api_key=k&api_url={server.url}").check("felix@us.example") is None
        assert [each.path for each in server.heard] == ["/us.example/messages"]

    @pytest.mark.parametrize("scheme", PROVIDERS)
    def test_nothing_is_ever_sent_by_it(self, server: FakeProvider, scheme: str) -> None:
        server.answer = (400, {"message": "nothing to send"})
        keys = "&".join(f"{option}=key-{option}" for option in PROVIDERS[scheme].needs)

        assert mailer(f"{scheme}://?{keys}&api_url={server.url}").check("felix@us.example") is None
        assert [each.fields for each in server.heard] == [
            {"key": "key-api_key"} if scheme == "mandrill" else {}
        ]
