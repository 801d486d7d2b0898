"""The settings of mail that goes out and comes in, and what `dunwell doctor` says of it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dunwell import wiring
from dunwell.connectors.mail.addresses import MailboxAddress, ProviderAddress, SmtpAddress
from dunwell.connectors.mail.client import SmtpMailer
from dunwell.connectors.mail.imap import ImapMailbox
from dunwell.connectors.mail.known_providers import PROVIDERS
from dunwell.connectors.mail.providers import ProviderMailer
from dunwell.connectors.mail.webhooks import AnymailWebhooks
from dunwell.engine.clock import SystemClock
from dunwell.engine.doctor import NOTE, OK, WRONG, Finding
from dunwell.engine.ports import Ports
from dunwell.environment import ConfigurationError, MailSettings, read_environment
from tests.cli.run import dunwell, migrated
from tests.connectors.provider_server import FakeProvider, fake_provider

POSTMARK = "postmark://?server_token=a-secret-token"
SECRET = "dunwell:a-secret-password"


def read(**settings: str) -> MailSettings:
    return read_environment({f"DUNWELL_{name}": value for name, value in settings.items()}).mail


def refusal(**settings: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        read(**settings)
    return str(raised.value)


def ports(**settings: str) -> Ports:
    env = read_environment({f"DUNWELL_{name}": value for name, value in settings.items()})
    return wiring.build_ports(env, SystemClock())


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as server:
        yield server


class TestOut:
    def test_without_a_setting_nothing_leaves(self) -> None:
        assert read() == MailSettings()
        assert isinstance(ports().mailer, wiring.NoMailer)
        assert (ports().mailbox, ports().mail_webhooks, ports().reply_to) == (None, None, "")

    def test_an_smtp_server_is_as_before(self) -> None:
        url = "smtp://felix:p%40ss@mail.example?tls=starttls"

        assert read(EMAIL_URL=url).smtp == SmtpAddress("mail.example", 587, "felix", "p@ss", "starttls")
        assert isinstance(ports(EMAIL_URL=url).mailer, SmtpMailer)

    def test_a_provider_has_its_options(self) -> None:
        url = "mailgun://?api_key=key%2Bone+two&sender_domain=mg.us.example&api_url=https://api.eu.mailgun.net/v3"
        found = read(EMAIL_URL=url)

        assert found.smtp is None
        assert found.provider == ProviderAddress(
            "mailgun",
            (
                ("api_key", "key+one+two"),
                ("sender_domain", "mg.us.example"),
                ("api_url", "https://api.eu.mailgun.net/v3"),
            ),
        )
        assert isinstance(ports(EMAIL_URL=url).mailer, ProviderMailer)

    @pytest.mark.parametrize("scheme", PROVIDERS)
    def test_every_provider_says_what_it_lacks(self, scheme: str) -> None:
        needs = PROVIDERS[scheme].needs
        form = "&".join(f"{option}=..." for option in needs)

        assert refusal(EMAIL_URL=f"{scheme}://") == (
            f"DUNWELL_EMAIL_URL: {needs[0]} is missing; {PROVIDERS[scheme].name} needs {scheme}://?{form}"
        )
        assert (
            read(EMAIL_URL=f"{scheme}://?" + "&".join(f"{option}=k" for option in needs)).provider is not None
        )

    @pytest.mark.parametrize(
        ("url", "said"),
        [
            (
                "pigeon://?a_secret=1",
                (
                    "must look like smtp://user:pass@host:port?tls=starttls, or begin with one of brevo://, "
                    "mailersend://, mailgun://, mailjet://, mandrill://, postmark://, resend://, sendgrid://, sparkpost://"
                ),
            ),
            (
                "postmark://a-secret-token",
                "options go behind a question mark, # as %23: postmark://?server_token=...",
            ),
            (f"{POSTMARK}#1", "options go behind a question mark, # as %23: postmark://?server_token=..."),
            (
                "postmark://?a-secret-token",
                "an option has no value; postmark://?server_token=... is the form",
            ),
            (
                f"{POSTMARK}&stream=x",
                "unknown option 'stream'; Postmark takes server_token, message_stream, api_url",
            ),
            (f"{POSTMARK}&server_token=b", "server_token is there twice"),
            ("postmark://?server_token=a%0Ab", "server_token holds a character that no key has"),
            (f"{POSTMARK}&api_url=ftp://x", "api_url must be an http or https address, not 'ftp://x'"),
            (
                "mailjet://?api_key=a",
                "secret_key is missing; Mailjet needs mailjet://?api_key=...&secret_key=...",
            ),
            (
                "amazon_ses://",
                (
                    "Amazon SES needs boto3, which Dunwell does without; use its SMTP interface: "
                    "smtp://user:pass@email-smtp.REGION.amazonaws.com:587?tls=starttls"
                ),
            ),
            ("smtp://", "must look like smtp://user:pass@host:port?tls=starttls"),
            ("smtp://mail.example:many", "the port must be a number"),
            ("smtp://mail.example?tls=yes", "tls must be starttls, tls or none, not 'yes'"),
            ("smtp://mail.example?ssl=1", "unknown option 'ssl'"),
        ],
    )
    def test_a_mistake_is_one_line_without_secrets(self, url: str, said: str) -> None:
        assert refusal(EMAIL_URL=url) == f"DUNWELL_EMAIL_URL: {said}"
        assert "a-secret" not in said


class TestIn:
    def test_mail_comes_in_by_the_provider_it_goes_out_by(self) -> None:
        found = read(EMAIL_URL=POSTMARK, MAIL_WEBHOOK_SECRET=SECRET)

        assert found.provider == found.inbound
        assert found.webhook_secret == SECRET
        webhooks = ports(EMAIL_URL=POSTMARK, MAIL_WEBHOOK_SECRET=SECRET).mail_webhooks
        assert isinstance(webhooks, AnymailWebhooks)
        assert (webhooks.why_closed("inbound"), webhooks.why_closed("tracking")) == ("", "")

    def test_or_by_another(self) -> None:
        found = read(EMAIL_URL="smtp://mail.example", INBOUND_PROVIDER="postmark", MAIL_WEBHOOK_SECRET=SECRET)
        signed = read(INBOUND_PROVIDER="mailgun://?webhook_signing_key=k")

        assert (found.provider, found.inbound) == (None, ProviderAddress("postmark"))
        assert signed.inbound == ProviderAddress("mailgun", (("webhook_signing_key", "k"),))

    def test_a_provider_that_brings_no_whole_mail_brings_none(self) -> None:
        found = read(EMAIL_URL="resend://?api_key=k", MAIL_WEBHOOK_SECRET=SECRET)

        assert (found.provider, found.inbound) == (ProviderAddress("resend", (("api_key", "k"),)), None)

    def test_a_mailbox_is_read_over_tls_unless_told_otherwise(self) -> None:
        plain = read(MAILBOX_URL="imap://sam:p%3Aw@mail.example/Archive/Antworten%20neu?tls=none").mailbox

        assert read(MAILBOX_URL="imap://sam%40us.example:pw@mail.example").mailbox == MailboxAddress(
            "mail.example", 993, "sam@us.example", "pw", "INBOX", "tls"
        )
        assert plain == MailboxAddress("mail.example", 143, "sam", "p:w", "Archive/Antworten neu", "none")
        assert isinstance(ports(MAILBOX_URL="imap://sam:pw@mail.example").mailbox, ImapMailbox)

    def test_secrets_can_come_from_files_and_are_not_shown(self, tmp_path: Path) -> None:
        (tmp_path / "box").write_text("imap://sam:a-secret-password@mail.example\n")
        (tmp_path / "out").write_text(f"{POSTMARK}\n")
        (tmp_path / "hook").write_text(f"{SECRET}\n")

        found = read(
            MAILBOX_URL_FILE=str(tmp_path / "box"),
            EMAIL_URL_FILE=str(tmp_path / "out"),
            MAIL_WEBHOOK_SECRET_FILE=str(tmp_path / "hook"),
        )

        assert (found.mailbox is not None, found.webhook_secret) == (True, SECRET)
        assert "a-secret" not in repr(found)

    def test_replies_go_to_an_address_in_lower_case(self) -> None:
        assert ports(REPLY_TO="Sam@Inbound.us.example").reply_to == "sam@inbound.us.example"

    @pytest.mark.parametrize(
        ("name", "value", "said"),
        [
            ("INBOUND_PROVIDER", "pigeon", f"must be one of {', '.join(PROVIDERS)}"),
            ("INBOUND_PROVIDER", "postmark?x=1", f"must be one of {', '.join(PROVIDERS)}"),
            (
                "INBOUND_PROVIDER",
                "resend",
                "Resend does not bring a whole mail with its call; read the mailbox by DUNWELL_MAILBOX_URL",
            ),
            (
                "INBOUND_PROVIDER",
                "postmark://?key=k",
                "unknown option 'key'; Postmark takes server_token, message_stream, api_url",
            ),
            ("MAIL_WEBHOOK_SECRET", "a-secret", "must look like user:password, without spaces"),
            ("MAIL_WEBHOOK_SECRET", ":a-secret", "must look like user:password, without spaces"),
            ("MAIL_WEBHOOK_SECRET", "dunwell:a secret", "must look like user:password, without spaces"),
            (
                "MAIL_WEBHOOK_SECRET",
                SECRET,
                "no mail provider would use it; set DUNWELL_INBOUND_PROVIDER, or name a provider in DUNWELL_EMAIL_URL",
            ),
            ("MAILBOX_URL", "pop3://sam:pw@x", "must look like imap://user:pass@host:port/Folder?tls=tls"),
            (
                "MAILBOX_URL",
                "imap://mail.example",
                "a user or a password is missing; must look like imap://user:pass@host:port/Folder?tls=tls",
            ),
            ("MAILBOX_URL", "imap://sam:pw@x?tls=ssl", "tls must be starttls, tls or none, not 'ssl'"),
            ("MAILBOX_URL", "imap://sam:pw@x:imap", "the port must be a number"),
            ("MAILBOX_URL", "imap://sam:pw@x/a%0Ab", "the folder's name holds a control character"),
            ("REPLY_TO", "sam", "must be an address, not 'sam'"),
            (
                "REPLY_TO",
                "sam+x@us.example",
                "before the @ there must be room for a case: at most 30 characters and no +, all of it in ASCII",
            ),
            (
                "REPLY_TO",
                f"{'s' * 31}@us.example",
                "before the @ there must be room for a case: at most 30 characters and no +, all of it in ASCII",
            ),
        ],
    )
    def test_a_mistake_is_one_line_without_secrets(self, name: str, value: str, said: str) -> None:
        assert refusal(**{name: value}) == f"DUNWELL_{name}: {said}"
        assert "a-secret" not in said


def test_who_sends_by_smtp_does_not_wait_for_the_parts_of_others() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'dunwell.settings'; import django; django.setup();"
        "import dunwell.cli.commands, dunwell.wiring; dunwell.wiring.ports();"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'anymail', 'imapclient'}))"
    )
    env = {"PATH": "/usr/bin:/bin", "DUNWELL_EMAIL_URL": "smtp://127.0.0.1"}

    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"


class TestDoctor:
    @staticmethod
    def look(**settings: str) -> list[Finding]:
        return list(wiring._check_replies(read(**settings)))

    def test_it_notes_that_nothing_brings_replies_in(self) -> None:
        said = "replies are not read: set DUNWELL_MAILBOX_URL, or DUNWELL_MAIL_WEBHOOK_SECRET for a provider's webhook"

        assert self.look() == [Finding("replies", NOTE, said)]
        assert self.look(REPLY_TO="sam@inbound.us.example") == [Finding("replies", WRONG, said)]

    def test_it_says_which_doors_are_open(self) -> None:
        open_ = self.look(EMAIL_URL=POSTMARK, MAIL_WEBHOOK_SECRET=SECRET, REPLY_TO="sam@inbound.us.example")
        half = self.look(
            EMAIL_URL="mailgun://?api_key=k", INBOUND_PROVIDER="postmark", MAIL_WEBHOOK_SECRET=SECRET
        )

        assert open_ == [
            Finding("mail webhook: inbound", OK, "/webhooks/mail/inbound is open to Postmark"),
            Finding("mail webhook: tracking", OK, "/webhooks/mail/tracking is open to Postmark"),
            Finding("replies", OK, "go to sam@inbound.us.example, signed for each case"),
        ]
        assert half[1] == Finding(
            "mail webhook: tracking",
            NOTE,
            "/webhooks/mail/tracking is closed to Mailgun: Mailgun signs its calls, and webhook_signing_key is not "
            "among its options",
        )

    def test_it_says_why_a_mailbox_cannot_be_read(self) -> None:
        (found,) = self.look(MAILBOX_URL="imap://sam:a-secret-password@127.0.0.1:9/Replies?tls=none")

        assert (found.check, found.state) == ("mailbox", WRONG)
        assert found.said.startswith("Replies at 127.0.0.1:9 (none): ")
        assert "a-secret" not in found.said

    @pytest.mark.parametrize(
        ("answer", "state", "said"),
        [
            (
                (422, {"ErrorCode": 300, "Message": "Zero recipients specified"}),
                "ok",
                "Postmark answers and takes our key",
            ),
            (
                (401, {"ErrorCode": 10, "Message": "No token like a-secret-token"}),
                "wrong",
                "Postmark refuses us: 401 No token like ***",
            ),
        ],
        ids=["known", "unknown"],
    )
    def test_it_tries_the_provider_s_key_without_sending(
        self,
        tmp_path: Path,
        tables: Path,
        provider: FakeProvider,
        answer: tuple[int, object],
        state: str,
        said: str,
    ) -> None:
        provider.answer = answer
        env = migrated(tmp_path, tables, DUNWELL_EMAIL_URL=f"{POSTMARK}&api_url={provider.url}")

        ran = dunwell("doctor", "--json", env=env)

        found = {each["check"]: each for each in ran.document}
        assert found["mail"] == {"check": "mail", "state": state, "said": said}
        assert found["replies"]["state"] == "note"
        assert [each.fields for each in provider.heard] == [{}]
        assert "a-secret" not in ran.out + ran.err
