"""What comes back to our mails in the sandbox is what people, machines and mail servers really write."""

import json
import smtplib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage

import pytest

from dunwell.connectors.mail.parse import take_apart
from dunwell.policy.facts import Person
from dunwell.policy.incoming import IncomingMail
from dunwell.policy.words import TransportKind
from dunwell.sandbox.correspondents import Correspondents, DeadMailbox, OutOfOffice
from dunwell.sandbox.mail import MailCatcher
from dunwell.sandbox.provider import MailProvider

NOW = datetime(2026, 4, 14, 15, 10, tzinfo=UTC)
DANA = Person("Dana Sample", "dana@acme.example")
REPLY_TO = "priya+1.abc@inbound.dunwell.example"
PRIYA = "priya.sample@dunwell.example"


@dataclass
class Post:
    """A mail catcher with somebody's mail in it, and everything that came back."""

    catcher: MailCatcher
    back: list[tuple[str, IncomingMail]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.provider = MailProvider("http://127.0.0.1:1", "a:b", post=self._keep)
        self.people = Correspondents(self.catcher, self.provider)

    def _keep(self, _url: str, body: bytes, _headers: Mapping[str, str]) -> int:
        said = json.loads(body)
        self.back.append((said["OriginalRecipient"], take_apart(said["RawEmail"].encode())))
        return 200

    def send(self, number: int = 1) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"] = f"Priya Sample <{PRIYA}>", "Dana Sample <dana@acme.example>"
        mail["Reply-To"], mail["Subject"] = f"Priya Sample <{REPLY_TO}>", "Invoice INV-1 is still open"
        mail["Date"], mail["Message-ID"] = NOW - timedelta(hours=2), f"<ours-{number}@dunwell.example>"
        mail.set_content("Hello Dana,\n\nplease see to invoice INV-1.\n\nPriya Sample\n")
        with smtplib.SMTP(self.catcher.host, self.catcher.port) as server:
            server.send_message(mail)

    def looks(self, now: datetime = NOW) -> int:
        answered = self.people.look(now)
        self.provider.flush()
        return answered


@pytest.fixture
def post() -> Iterator[Post]:
    with MailCatcher() as catcher:
        yield Post(catcher)


def test_a_person_answers_in_the_thread_to_the_address_for_answers_and_quotes(post: Post) -> None:
    post.send()
    post.people.answer(DANA, "Hi Priya,\n\nwe pay on Friday.\n\nDana", NOW)
    post.provider.flush()

    ((to, mail),) = post.back
    assert (to, mail.recipients) == (REPLY_TO, (REPLY_TO,))
    assert (mail.sender, mail.sent_at) == (DANA, NOW)
    assert mail.subject == "Re: Invoice INV-1 is still open"
    assert mail.references == ("<ours-1@dunwell.example>",)
    assert mail.own == "Hi Priya,\n\nwe pay on Friday.\n\nDana"
    assert "> please see to invoice INV-1." in mail.text
    assert (mail.automatic, mail.is_report) == ("", False)


def test_a_machine_says_once_that_somebody_is_away_and_that_it_is_a_machine(post: Post) -> None:
    post.people.machines[DANA.email] = OutOfOffice(DANA, date(2026, 4, 20))
    post.send(1)
    post.send(2)

    assert (post.looks(), post.looks()) == (1, 0)

    ((to, mail),) = post.back
    assert to == PRIYA
    assert mail.automatic == "Auto-Submitted: auto-replied"
    assert mail.references == ("<ours-1@dunwell.example>",)
    assert "Monday, 20 April 2026" in mail.own


def test_nobody_is_away_any_more_once_they_are_back(post: Post) -> None:
    post.people.machines[DANA.email] = OutOfOffice(DANA, date(2026, 4, 20))
    post.send()

    assert post.looks(datetime(2026, 4, 20, 8, tzinfo=UTC)) == 0
    assert post.back == []


def test_a_dead_mailbox_is_reported_with_the_mail_it_was_for(post: Post) -> None:
    post.people.machines[DANA.email] = DeadMailbox(DANA.email)
    post.send(7)

    assert post.looks() == 1

    ((to, mail),) = post.back
    assert (to, mail.is_report) == (PRIYA, True)
    (event,) = mail.reports
    assert (event.kind, event.recipient, event.permanent) == (TransportKind.BOUNCED, DANA.email, True)
    assert event.message_id == "<ours-7@dunwell.example>"
    assert event.reason == "550 5.1.1 nobody has this mailbox any more"


def test_mail_to_everybody_else_is_answered_by_nobody(post: Post) -> None:
    post.people.machines["else@acme.example"] = DeadMailbox("else@acme.example")
    post.send()

    assert post.looks() == 0
    assert post.back == []
