"""What providers call us about, proven and taken apart. Bodies have the shapes of the providers' documentation."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import RequestFactory

from dunwell.connectors.mail.addresses import ProviderAddress, parse_email_url, parse_inbound_provider
from dunwell.connectors.mail.known_providers import PROVIDERS
from dunwell.connectors.mail.webhooks import AnymailWebhooks, Part
from dunwell.engine.ports import MailWebhooks
from dunwell.policy.incoming import IncomingMail, TransportEvent
from dunwell.policy.readings import Malformed
from dunwell.policy.words import TransportKind

SECRET = "dunwell:a-long-password"
OURS = "<0123456789abcdef0123456789abcdef@pay.us.example>"
REPLY_TO = "felix+1z.abcdefghijklmnop@inbound.us.example"
KEY = "mailgun-signing-key"
REPLY = (
    b"From: Dana Reyes <dana@acme.example>\r\nTo: Felix <felix@us.example>\r\nSubject: Re: Invoice\r\n"
    b"Message-ID: <theirs@acme.example>\r\nIn-Reply-To: " + OURS.encode() + b"\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Wir bezahlen n\xe4chste Woche.\r\n"
)


def login(secret: str = SECRET) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}


def webhooks(url: str, *, secret: str = SECRET, inbound: str = "") -> AnymailWebhooks:
    out = parse_email_url(url) if url else None
    assert out is None or isinstance(out, ProviderAddress)
    return AnymailWebhooks(out, parse_inbound_provider(inbound) if inbound else out, secret)


def postmark(secret: str = SECRET) -> AnymailWebhooks:
    return webhooks("postmark://?server_token=t", secret=secret)


def call(
    port: MailWebhooks, what: str, body: object, headers: Mapping[str, str] | None = None, **options: Any
) -> tuple[Part, ...] | Malformed:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = RequestFactory().post(
        f"/webhooks/mail/{what}",
        sent,
        content_type=options.get("content_type", "application/json"),
        headers=login() if headers is None else headers,
    )
    return port.open(request, what)


def only_mail(parts: tuple[Part, ...] | Malformed) -> IncomingMail:
    assert isinstance(parts, tuple), parts
    ((_, mail),) = parts
    assert isinstance(mail, IncomingMail)
    return mail


def only_event(parts: tuple[Part, ...] | Malformed) -> TransportEvent:
    assert isinstance(parts, tuple), parts
    ((_, event),) = parts
    assert isinstance(event, TransportEvent)
    return event


def only_id(parts: tuple[Part, ...] | Malformed) -> str:
    assert isinstance(parts, tuple), parts
    ((external_id, _),) = parts
    return external_id


class TestPostmark:
    DELIVERY = {
        "RecordType": "Delivery",
        "ServerID": 23,
        "MessageStream": "outbound",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Recipient": "Dana@Acme.example",
        "Tag": "",
        "DeliveredAt": "2026-04-07T14:03:26.8150930Z",
        "Details": "smtp;250 2.0.0 OK",
        "Metadata": {"mail": OURS},
    }
    BOUNCE = {
        "RecordType": "Bounce",
        "ID": 4323372036854775807,
        "Type": "HardBounce",
        "TypeCode": 1,
        "Name": "Hard bounce",
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
        "Details": "smtp;550 5.1.1 unknown user",
        "Email": "dana@acme.example",
        "From": "felix@us.example",
        "BouncedAt": "2026-04-07T14:05:00Z",
        "Metadata": {"mail": OURS},
    }

    def test_a_delivery_names_our_mail_and_when(self) -> None:
        assert only_event(call(postmark(), "tracking", self.DELIVERY)) == TransportEvent(
            kind=TransportKind.DELIVERED,
            recipient="dana@acme.example",
            message_id=OURS,
            provider_id="883953f4-6105-42a2-a16a-77a8eac79483",
            at=datetime(2026, 4, 7, 14, 3, 26, 815093, tzinfo=UTC),
            reason="smtp;250 2.0.0 OK",
        )

    def test_a_bounce_is_for_good_unless_it_is_soft(self) -> None:
        hard = only_event(call(postmark(), "tracking", self.BOUNCE))
        soft = only_event(call(postmark(), "tracking", {**self.BOUNCE, "Type": "SoftBounce"}))

        assert (hard.kind, hard.permanent) == (TransportKind.BOUNCED, True)
        assert hard.reason == self.BOUNCE["Description"]
        assert (soft.kind, soft.permanent) == (TransportKind.BOUNCED, False)

    @pytest.mark.parametrize(
        ("kind", "expected", "permanent"),
        [
            ("Transient", TransportKind.DEFERRED, False),
            ("BadEmailAddress", TransportKind.BOUNCED, True),
            ("ManuallyDeactivated", TransportKind.BOUNCED, True),
            ("Blocked", TransportKind.BOUNCED, False),
            ("SMTPApiError", TransportKind.BOUNCED, False),
            ("SpamNotification", TransportKind.COMPLAINED, True),
        ],
    )
    def test_every_way_to_come_back_is_told_apart(
        self, kind: str, expected: TransportKind, *, permanent: bool
    ) -> None:
        event = only_event(call(postmark(), "tracking", {**self.BOUNCE, "Type": kind}))

        assert (event.kind, event.permanent) == (expected, permanent)

    def test_a_complaint_is_one(self) -> None:
        complaint = {**self.BOUNCE, "RecordType": "SpamComplaint", "Type": "SpamComplaint"}

        assert only_event(call(postmark(), "tracking", complaint)).kind is TransportKind.COMPLAINED

    @pytest.mark.parametrize("kind", ["Open", "Click"])
    def test_what_does_not_concern_us_is_left_out(self, kind: str) -> None:
        opened = {**self.DELIVERY, "RecordType": kind, "ReceivedAt": "2026-04-07T15:00:00Z"}

        assert call(postmark(), "tracking", opened) == ()

    def test_the_same_event_has_the_same_id_and_another_has_another(self) -> None:
        first = only_id(call(postmark(), "tracking", self.DELIVERY))
        later = {**self.DELIVERY, "DeliveredAt": "2026-04-08T14:03:26Z"}

        assert first.startswith("postmark:")
        assert len(first) < 60
        assert only_id(call(postmark(), "tracking", self.DELIVERY)) == first
        assert only_id(call(postmark(), "tracking", later)) != first

    @pytest.mark.parametrize("forged", ["<a@b>\r\n<c@d>", "no brackets", 7, None, "<" + "x" * 300 + ">"])
    def test_metadata_that_is_no_message_id_counts_for_nothing(self, forged: object) -> None:
        event = only_event(call(postmark(), "tracking", {**self.DELIVERY, "Metadata": {"mail": forged}}))

        assert event.message_id == ""

    def test_a_mail_arrives_as_it_was_written(self) -> None:
        body = {
            "FromFull": {"Email": "dana@acme.example", "Name": "Dana"},
            "OriginalRecipient": REPLY_TO,
            "MessageID": "22c74902-a0c1-4511-804f-341342852c90",
            "Headers": [],
            "RawEmail": REPLY.replace(b"iso-8859-1", b"utf-8").replace(b"\xe4", "ä".encode()).decode(),
        }

        mail = only_mail(call(postmark(), "inbound", body))

        assert mail.sender.email == "dana@acme.example"
        assert set(mail.recipients) == {"felix@us.example", REPLY_TO}
        assert (mail.message_id, mail.references) == ("<theirs@acme.example>", (OURS,))
        assert mail.own == "Wir bezahlen nächste Woche."

    @pytest.mark.parametrize(
        "raw",
        ["", "no mail at all", "Subject: =?utf-8?q?=80?=\r\nBcc: <<>\r\nDate: 99\r\n\r\nhello", "\ud800\x00"],
    )
    def test_a_broken_mail_arrives_all_the_same(self, raw: str) -> None:
        body = {
            "MessageID": "1",
            "OriginalRecipient": REPLY_TO,
            "BccFull": [{"Email": "a\nb"}],
            "RawEmail": raw,
        }

        assert REPLY_TO in only_mail(call(postmark(), "inbound", body)).recipients

    def test_without_the_raw_mail_its_parts_are_put_together(self) -> None:
        body = {
            "FromFull": {"Email": "dana@acme.example", "Name": "Dana Reyes"},
            "ToFull": [{"Email": "felix@us.example", "Name": ""}],
            "CcFull": [],
            "BccFull": [],
            "OriginalRecipient": REPLY_TO,
            "Subject": "Re: Invoice",
            "MessageID": "22c74902-a0c1-4511-804f-341342852c90",
            "Date": "Tue, 07 Apr 2026 16:03:00 +0200",
            "TextBody": "We pay on Friday.\n",
            "HtmlBody": "<p>We pay on <b>Friday</b>.</p><script>alert(1)</script>",
            "Headers": [
                {"Name": "Message-ID", "Value": "<theirs@acme.example>"},
                {"Name": "In-Reply-To", "Value": OURS},
            ],
            "Attachments": [
                {
                    "Name": "po.pdf",
                    "Content": base64.b64encode(b"%PDF-1.4").decode(),
                    "ContentType": "application/pdf",
                    "ContentLength": 8,
                }
            ],
        }

        mail = only_mail(call(postmark(), "inbound", body))

        assert (mail.sender.name, mail.subject, mail.own) == (
            "Dana Reyes",
            "Re: Invoice",
            "We pay on Friday.",
        )
        assert mail.references == (OURS,)
        assert "script" not in mail.html
        ((name, content),) = ((each.name, each.content) for each in mail.attachments)
        assert (name, content) == ("po.pdf", b"%PDF-1.4")


class TestMailgun:
    URL = f"mailgun://?api_key=key-1&webhook_signing_key={KEY}"

    @staticmethod
    def signed(token: str = "token-1", key: str = KEY) -> dict[str, str]:  # noqa: S107 - no password
        digest = hmac.new(key.encode(), f"1775570583{token}".encode(), hashlib.sha256).hexdigest()
        return {"token": token, "timestamp": "1775570583", "signature": digest}

    @classmethod
    def failed(cls, **signed: str) -> dict[str, Any]:
        return {
            "signature": cls.signed(**signed),
            "event-data": {
                "id": "G9Bn5sl1TC6nu79C8C0bwg",
                "event": "failed",
                "severity": "permanent",
                "reason": "generic",
                "timestamp": 1775570583.5,
                "recipient": "dana@acme.example",
                "message": {"headers": {"message-id": OURS.strip("<>")}},
                "user-variables": {"mail": OURS},
                "delivery-status": {"code": 550, "message": "5.1.1 no such user", "description": "Not there"},
            },
        }

    @classmethod
    def inbound(cls, **fields: str) -> bytes:
        return urlencode(
            {"recipient": REPLY_TO, "sender": "dana@acme.example", **cls.signed(), **fields}
        ).encode()

    def test_its_signature_is_enough(self) -> None:
        assert only_event(
            call(webhooks(self.URL, secret=""), "tracking", self.failed(), {})
        ) == TransportEvent(
            kind=TransportKind.BOUNCED,
            recipient="dana@acme.example",
            message_id=OURS,
            provider_id=OURS,
            at=datetime(2026, 4, 7, 14, 3, 3, 500000, tzinfo=UTC),
            permanent=True,
            reason="Not there",
        )

    def test_another_signature_is_not(self) -> None:
        refused = call(webhooks(self.URL, secret=""), "tracking", self.failed(key="other"), {})

        assert refused == Malformed("Mailgun did not prove itself")

    def test_with_a_secret_both_are_asked_for(self) -> None:
        assert call(webhooks(self.URL), "tracking", self.failed(), {}) == Malformed(
            "Mailgun did not prove itself"
        )
        assert only_event(call(webhooks(self.URL), "tracking", self.failed())).permanent

    def test_its_next_try_has_another_token_and_the_same_id(self) -> None:
        first = call(webhooks(self.URL), "tracking", self.failed(token="token-1"))
        second = call(webhooks(self.URL), "tracking", self.failed(token="token-2"))

        assert only_id(first) == only_id(second)

    def test_a_failure_that_passes_is_deferred(self) -> None:
        body = self.failed()
        body["event-data"]["severity"] = "temporary"

        event = only_event(call(webhooks(self.URL), "tracking", body))

        assert (event.kind, event.permanent) == (TransportKind.DEFERRED, False)

    def test_a_raw_mail_in_any_character_set_arrives_byte_for_byte(self) -> None:
        plain = self.inbound() + b"&" + urlencode({"body-mime": REPLY}).encode()
        lines = [
            b'--edge\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
            for name, value in (
                ("recipient", REPLY_TO.encode()),
                *((name, value.encode()) for name, value in self.signed().items()),
                ("body-mime", REPLY),
            )
        ]
        forms = {
            "application/x-www-form-urlencoded": plain,
            "multipart/form-data; boundary=edge": b"".join(lines) + b"--edge--\r\n",
        }

        for form, body in forms.items():
            mail = only_mail(call(webhooks(self.URL), "inbound", body, content_type=form))
            assert mail.own == "Wir bezahlen nächste Woche."
            assert set(mail.recipients) == {"felix@us.example", REPLY_TO}

    def test_a_parsed_mail_is_put_together_with_its_files(self) -> None:
        headers = [["From", "dana@acme.example"], ["Subject", "PO"], ["Message-Id", "<theirs@acme.example>"]]
        fields = {
            "recipient": REPLY_TO,
            **self.signed(),
            "message-headers": json.dumps(headers),
            "body-plain": "Bezahlen wir nächste Woche.",
            "attachment-count": "1",
        }
        lines = [
            f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        file = 'Content-Disposition: form-data; name="attachment-1"; filename="po.txt"\r\nContent-Type: text/plain'
        body = "".join(lines) + f"--edge\r\n{file}\r\n\r\nPO 4711\r\n--edge--\r\n"

        mail = only_mail(
            call(
                webhooks(self.URL),
                "inbound",
                body.encode(),
                content_type="multipart/form-data; boundary=edge",
            )
        )

        assert (mail.own, mail.subject) == ("Bezahlen wir nächste Woche.", "PO")
        assert [(each.name, each.content) for each in mail.attachments] == [("po.txt", b"PO 4711")]

    def test_the_same_mail_has_the_same_id(self) -> None:
        form = "application/x-www-form-urlencoded"
        body = b"&" + urlencode({"body-mime": REPLY}).encode()

        first = call(webhooks(self.URL), "inbound", self.inbound() + body, content_type=form)
        again = self.inbound(**self.signed(token="other")) + body

        assert only_id(first) == only_id(call(webhooks(self.URL), "inbound", again, content_type=form))

    def test_a_tracking_call_at_the_inbound_door_is_told_so(self) -> None:
        assert call(webhooks(self.URL), "inbound", self.failed()) == Malformed(
            "Mailgun was given the address of the other door, or calls in another form"
        )


class TestSparkPost:
    URL = "sparkpost://?api_key=k"

    @staticmethod
    def relay(source: bytes, *, in_base64: bool) -> list[dict[str, Any]]:
        written = base64.b64encode(source).decode() if in_base64 else source.decode()
        content = {"email_rfc822": written, "email_rfc822_is_base64": in_base64}
        return [{"msys": {"relay_message": {"content": content, "rcpt_to": REPLY_TO, "protocol": "smtp"}}}]

    def test_a_mail_that_is_not_utf_8_comes_in_base64(self) -> None:
        mail = only_mail(call(webhooks(self.URL), "inbound", self.relay(REPLY, in_base64=True)))

        assert mail.own == "Wir bezahlen nächste Woche."
        assert REPLY_TO in mail.recipients

    def test_any_other_comes_as_it_is(self) -> None:
        plain = REPLY.replace(b"\xe4", b"ae")

        assert only_mail(call(webhooks(self.URL), "inbound", self.relay(plain, in_base64=False))).own == (
            "Wir bezahlen naechste Woche."
        )

    def test_its_ping_is_nothing(self) -> None:
        assert call(webhooks(self.URL), "inbound", [{"msys": {}}]) == ()
        assert call(webhooks(self.URL), "tracking", [{"msys": {}}]) == ()

    @pytest.mark.parametrize(("bounce_class", "permanent"), [("10", True), ("22", False), ("50", False)])
    def test_a_bounce_is_for_good_by_its_class(self, bounce_class: str, *, permanent: bool) -> None:
        event = {
            "type": "bounce",
            "bounce_class": bounce_class,
            "event_id": "1",
            "raw_rcpt_to": "dana@acme.example",
            "rcpt_meta": {"mail": OURS},
            "timestamp": "1775570583",
            "transmission_id": "2",
        }

        told = only_event(call(webhooks(self.URL), "tracking", [{"msys": {"message_event": event}}]))

        assert (told.kind, told.message_id, told.permanent) == (TransportKind.BOUNCED, OURS, permanent)


@pytest.mark.parametrize(
    ("url", "body", "permanent"),
    [
        (
            "brevo://?api_key=k",
            {
                "event": "soft_bounce",
                "email": "d@a.example",
                "message-id": "<1@b>",
                "ts_epoch": 1775570583000,
            },
            False,
        ),
        (
            "brevo://?api_key=k",
            {
                "event": "hard_bounce",
                "email": "d@a.example",
                "message-id": "<1@b>",
                "ts_epoch": 1775570583000,
            },
            True,
        ),
        (
            "mailjet://?api_key=k&secret_key=s",
            {
                "event": "bounce",
                "time": 1775570583,
                "email": "d@a.example",
                "hard_bounce": False,
                "error": "quota exceeded",
            },
            False,
        ),
        (
            "mailjet://?api_key=k&secret_key=s",
            [
                {
                    "event": "bounce",
                    "time": 1,
                    "email": "d@a.example",
                    "hard_bounce": True,
                    "error": "user unknown",
                }
            ],
            True,
        ),
        (
            "resend://?api_key=k",
            {
                "type": "email.bounced",
                "created_at": "2026-04-07T14:03:03.500Z",
                "data": {
                    "email_id": "1",
                    "to": ["d@a.example"],
                    "headers": [{"name": "X-Metadata", "value": json.dumps({"mail": OURS})}],
                    "bounce": {"message": "The recipient's mailbox is full", "type": "Transient"},
                },
            },
            False,
        ),
        (
            "sendgrid://?api_key=k",
            [
                {
                    "event": "bounce",
                    "email": "d@a.example",
                    "timestamp": 1775570583,
                    "sg_event_id": "1",
                    "type": "bounce",
                    "mail": OURS,
                }
            ],
            True,
        ),
    ],
    ids=["brevo soft", "brevo hard", "mailjet soft", "mailjet hard", "resend", "sendgrid"],
)
def test_other_providers_say_it_in_their_own_words(url: str, body: object, *, permanent: bool) -> None:
    event = only_event(call(webhooks(url), "tracking", body))

    assert (event.kind, event.recipient, event.permanent) == (TransportKind.BOUNCED, "d@a.example", permanent)


def test_mandrill_signs_address_and_form() -> None:
    key, url = "mandrill-key", "https://dunwell:a-long-password@pay.us.example/webhooks/mail/tracking"
    port = webhooks(f"mandrill://?api_key=k&webhook_key={key}&webhook_url={url}")
    happened = {"event": "hard_bounce", "ts": 1775570583, "_id": "abc"}
    events = json.dumps([{**happened, "msg": {"email": "d@a.example", "metadata": {"mail": OURS}}}])
    digest = hmac.new(key.encode(), f"{url}mandrill_events{events}".encode(), hashlib.sha1).digest()
    form = {"body": urlencode({"mandrill_events": events}).encode()}
    proof = {**login(), "X-Mandrill-Signature": base64.b64encode(digest).decode()}

    parts = call(port, "tracking", form["body"], proof, content_type="application/x-www-form-urlencoded")
    forged = call(
        port,
        "tracking",
        form["body"],
        {**proof, "X-Mandrill-Signature": "no"},
        content_type="application/x-www-form-urlencoded",
    )

    event = only_event(parts)
    assert (event.kind, event.message_id, event.permanent) == (TransportKind.BOUNCED, OURS, True)
    assert forged == Malformed("Mandrill did not prove itself")


def test_mailersend_has_a_key_for_each_door_and_knows_our_mail_by_its_own_name_only() -> None:
    port = webhooks("mailersend://?api_token=t&signing_secret=one&inbound_secret=two", secret="")
    body = json.dumps(
        {
            "type": "activity.soft_bounced",
            "created_at": "2026-04-07T14:03:03.500000Z",
            "data": {
                "type": "soft_bounced",
                "id": "1",
                "email": {"message": {"id": "provider-id"}, "recipient": {"email": "d@a.example"}},
            },
        }
    ).encode()
    raw = json.dumps(
        {
            "type": "inbound.message",
            "data": {
                "id": "2",
                "raw": REPLY.replace(b"\xe4", b"ae").decode(),
                "recipients": {"rcptTo": [{"email": REPLY_TO}]},
            },
        }
    ).encode()

    def signed(key: str, said: bytes) -> dict[str, str]:
        return {"Signature": hmac.new(key.encode(), said, hashlib.sha256).hexdigest()}

    event = only_event(call(port, "tracking", body, signed("one", body)))

    assert (event.provider_id, event.message_id, event.permanent) == ("provider-id", "", False)
    mail = only_mail(call(port, "inbound", raw, signed("two", raw)))
    assert mail.own == "Wir bezahlen naechste Woche."
    assert REPLY_TO in mail.recipients
    assert call(port, "inbound", raw, signed("one", raw)) == Malformed("MailerSend did not prove itself")


def test_sendgrid_says_whom_a_mail_was_delivered_to() -> None:
    fields = {
        "email": REPLY.replace(b"\xe4", b"ae").decode(),
        "envelope": json.dumps({"from": "dana@acme.example", "to": [REPLY_TO, "second@inbound.us.example"]}),
    }
    body = urlencode(fields).encode()

    mail = only_mail(
        call(
            webhooks("sendgrid://?api_key=k"),
            "inbound",
            body,
            content_type="application/x-www-form-urlencoded",
        )
    )

    assert set(mail.recipients) == {"felix@us.example", "second@inbound.us.example", REPLY_TO}


def test_mailjet_s_mail_is_put_together_from_its_parts() -> None:
    body = {
        "Recipient": REPLY_TO,
        "Headers": {
            "From": "Dana <dana@acme.example>",
            "Subject": "PO",
            "In-Reply-To": OURS,
            "Message-ID": "<1@a>",
        },
        "Text-part": "Bezahlen wir nächste Woche.",
        "Parts": [],
    }

    mail = only_mail(call(webhooks("mailjet://?api_key=k&secret_key=s"), "inbound", body))

    assert (mail.sender.email, mail.own, mail.references) == (
        "dana@acme.example",
        "Bezahlen wir nächste Woche.",
        (OURS,),
    )
    assert REPLY_TO in mail.recipients


class TestWhoMayCall:
    @pytest.mark.parametrize(
        "headers",
        [{}, login("dunwell:other"), login(""), {"Authorization": "Bearer x"}, {"Authorization": "Basic ?"}],
        ids=["nothing", "other", "empty", "bearer", "garbage"],
    )
    @pytest.mark.parametrize("what", ["inbound", "tracking"])
    def test_without_the_secret_nobody(self, what: str, headers: dict[str, str]) -> None:
        assert call(postmark(), what, b"not even read", headers) == Malformed("Postmark did not prove itself")

    def test_without_any_secret_the_doors_are_closed(self) -> None:
        port = postmark(secret="")

        assert port.why_closed("tracking") == "DUNWELL_MAIL_WEBHOOK_SECRET is not set"
        assert port.why_closed("inbound") == "DUNWELL_MAIL_WEBHOOK_SECRET is not set"
        assert call(port, "tracking", TestPostmark.DELIVERY) == Malformed("nobody may call here")

    def test_who_always_signs_needs_a_key_whatever_the_secret(self) -> None:
        port = webhooks("mailgun://?api_key=key-1")

        assert port.why_closed("tracking") == (
            "Mailgun signs its calls, and webhook_signing_key is not among its options"
        )

    def test_mail_may_come_in_by_another_provider_than_it_goes_out(self) -> None:
        port = webhooks("", inbound=f"mailgun://?webhook_signing_key={KEY}", secret="")

        assert port.why_closed("inbound") == ""
        assert port.why_closed("tracking") == "no mail provider is set for it"

    def test_a_key_that_signs_only_one_door_opens_only_that_one(self) -> None:
        port = webhooks("sendgrid://?api_key=k&tracking_webhook_verification_key=abc", secret="")

        assert port.why_closed("tracking") == ""
        assert port.why_closed("inbound") == "DUNWELL_MAIL_WEBHOOK_SECRET is not set"


@pytest.mark.parametrize("scheme", PROVIDERS)
@pytest.mark.parametrize("what", ["inbound", "tracking"])
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"[7]", b'"text"', b"\xff\xfe", b'{"event-data": 7}', b"null"]
)
def test_a_call_without_sense_says_nothing_and_breaks_nothing(scheme: str, what: str, body: bytes) -> None:
    known = PROVIDERS[scheme]
    needed = "&".join(f"{option}=k" for option in known.needs)
    port = webhooks(f"{scheme}://?{needed}")
    keys = {"mailersend": "&signing_secret=one&inbound_secret=one", "mandrill": "&webhook_key=one"}
    if known.must_sign:
        port = webhooks(f"{scheme}://?{needed}{keys.get(scheme, '&webhook_signing_key=one')}")

    answer = call(port, what, body)

    if isinstance(answer, tuple):
        assert [part for _, part in answer if isinstance(part, TransportEvent)] == []
    else:
        assert answer.reason.startswith(known.name)
        assert body.decode("latin-1") not in answer.reason or len(body) < 3
