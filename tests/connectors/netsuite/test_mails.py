"""Mail through NetSuite: once per key, and read back, over real HTTP."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.engine.clock import VirtualClock
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import LedgerMail, LoggedMail, MailReading, MailState, Posted
from dunwell.policy.readings import Refused, Uncertain
from dunwell.sandbox.netsuite import Company, SentMail
from tests.connectors.netsuite.conftest import Connect

KEY = "case-17.personal.1"


@pytest.fixture
def mail(company: Company, acme: str, felix: str) -> LedgerMail:
    maria = company.new_employee("Maria", "Okafor", "maria@us.example")
    dana = company.new_contact(acme, "Dana", "Reyes", "dana@acme.example")
    invoice = company.new_invoice(acme, "INV-1", "1200.00")
    return LedgerMail(
        key=KEY,
        author=maria,
        recipient=dana,
        customer=acme,
        subject="A question about invoice INV-1",
        html="<p>Hello Dana</p>",
        invoice=invoice,
        cc=(felix,),
        reply_to="maria@us.example",
    )


def _logged(mail: LedgerMail) -> LoggedMail:
    return LoggedMail("9000", mail.author, "dana@acme.example", mail.subject)


def test_a_mail_leaves_as_the_author_and_stands_on_the_customer_and_the_invoice(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail, now: datetime
) -> None:
    assert ledger.send_mail(mail) == Posted(now, _logged(mail))
    assert company.mail.sent == [
        SentMail(
            id=9000,
            key=KEY,
            author=mail.author,
            recipient=mail.recipient,
            to="dana@acme.example",
            cc=mail.cc,
            customer=mail.customer,
            invoice=mail.invoice,
            subject=mail.subject,
            body=mail.html,
            reply_to="maria@us.example",
            at=now,
        )
    ]


def test_somebody_on_cc_may_be_named_by_address(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail, felix: str, now: datetime
) -> None:
    assert ledger.send_mail(replace(mail, cc=("felix@us.example",))) == Posted(now, _logged(mail))
    assert [sent.cc for sent in company.mail.sent] == [(felix,)]


def test_an_address_on_cc_that_no_employee_has_sends_nothing(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail
) -> None:
    answer = ledger.send_mail(replace(mail, cc=("nobody@us.example",)))

    assert isinstance(answer, Refused)
    assert answer.permanent
    assert "no active employee with the address nobody@us.example" in answer.reason
    assert company.mail.sent == []


def test_an_address_on_cc_that_cannot_be_looked_up_now_sends_nothing_yet(
    connect: Connect, company: Company, mail: LedgerMail
) -> None:
    company.fail("*/suiteql", 503)

    answer = connect(tries=1).send_mail(replace(mail, cc=("felix@us.example",)))

    assert isinstance(answer, Refused)
    assert not answer.permanent
    assert company.mail.sent == []


def test_the_same_key_sends_once_and_answers_the_same(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail, clock: VirtualClock
) -> None:
    first = ledger.send_mail(mail)
    clock.advance(timedelta(hours=1))

    assert ledger.send_mail(mail) == first
    assert len(company.mail.sent) == 1


def test_a_key_under_which_something_else_was_sent_sends_nothing(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail
) -> None:
    ledger.send_mail(mail)

    said = Refused("NetSuite did not send the mail (KEY_REUSED).", permanent=True)
    assert ledger.send_mail(replace(mail, subject="Another")) == said
    assert len(company.mail.sent) == 1


def test_the_message_row_may_come_minutes_later(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail, now: datetime, clock: VirtualClock
) -> None:
    company.mail.row_after = timedelta(minutes=10)

    assert ledger.send_mail(mail) == Posted(now, None)
    assert ledger.read_mail(KEY, now) == MailReading(now, MailState.SENT, now, None)

    clock.advance(timedelta(minutes=10))
    later = clock.now()
    assert ledger.read_mail(KEY, later) == MailReading(later, MailState.SENT, now, _logged(mail))


def test_a_mail_nobody_sent_is_absent(ledger: NetSuiteLedger, now: datetime) -> None:
    assert ledger.read_mail(KEY, now) == MailReading(now, MailState.ABSENT)


def test_a_script_that_died_after_sending_leaves_doubt_and_a_row_to_find(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail, now: datetime, pauses: list[float]
) -> None:
    company.mail.crashes = ["after"]

    assert ledger.send_mail(mail) == Uncertain("NetSuite failed (UNEXPECTED_ERROR).")
    assert ledger.send_mail(mail) == Uncertain(
        "NetSuite began to send the mail and did not say that it finished."
    )
    assert ledger.read_mail(KEY, now) == MailReading(now, MailState.SENDING, None, _logged(mail))
    assert len(company.mail.sent) == 1
    assert pauses == []


def test_a_script_that_died_before_sending_is_never_made_to_send_by_itself(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail, now: datetime
) -> None:
    company.mail.crashes = ["before"]

    assert isinstance(ledger.send_mail(mail), Uncertain)
    assert isinstance(ledger.send_mail(mail), Uncertain)
    assert ledger.read_mail(KEY, now) == MailReading(now, MailState.SENDING)
    assert company.mail.sent == []


def test_an_answer_that_got_lost_is_in_doubt_until_it_is_read_back(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail, now: datetime, pauses: list[float]
) -> None:
    company.fail("*/restlet.nl", kind="cut", carried_out=True)

    assert ledger.send_mail(mail) == Uncertain("NetSuite did not answer.")
    assert len(company.mail.sent) == 1
    assert ledger.read_mail(KEY, now) == MailReading(now, MailState.SENT, now, _logged(mail))
    assert ledger.send_mail(mail) == Posted(now, _logged(mail))
    assert len(company.mail.sent) == 1
    assert pauses == []


def test_a_busy_account_has_not_sent_so_it_is_asked_again(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail, now: datetime, pauses: list[float]
) -> None:
    company.fail("*/restlet.nl", 400, code="SSS_REQUEST_LIMIT_EXCEEDED", times=2)

    assert ledger.send_mail(mail) == Posted(now, _logged(mail))
    assert len(company.mail.sent) == 1
    assert pauses == [1.0, 2.0]


def test_an_account_that_stays_busy_has_sent_nothing(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail
) -> None:
    company.fail("*/restlet.nl", 400, code="SSS_REQUEST_LIMIT_EXCEEDED", times=4)

    said = "NetSuite asks us to slow down (SSS_REQUEST_LIMIT_EXCEEDED)."
    assert ledger.send_mail(mail) == Refused(said, permanent=False)
    assert company.mail.sent == []


def test_a_login_that_breaks_off_leaves_no_doubt_because_the_mail_was_never_asked_for(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail
) -> None:
    company.fail("*/token", kind="cut", times=9)

    said = Refused("Logging in to NetSuite broke off.", permanent=False)
    assert ledger.send_mail(mail) == said
    assert company.mail.sent == []
    assert {call.path for call in company.calls} == {"/services/rest/auth/oauth2/v1/token"}


def test_a_login_that_fails_sends_nothing(connect: Connect, company: Company, mail: LedgerMail) -> None:
    answer = connect(access={"client_id": "other"}).send_mail(mail)

    assert answer == Refused("NetSuite refused our login (invalid_grant).", permanent=False)
    assert company.mail.sent == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"author": "999"}, "AUTHOR_UNKNOWN"),
        ({"recipient": "999"}, "RECIPIENT_UNKNOWN"),
        ({"customer": "999"}, "CUSTOMER_UNKNOWN"),
        ({"invoice": "999"}, "INVOICE_UNKNOWN"),
        ({"cc": ("999",)}, "CC_UNKNOWN"),
    ],
)
def test_what_our_script_refuses_has_not_been_sent(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail, change: dict[str, str], code: str
) -> None:
    answer = ledger.send_mail(replace(mail, **change))  # type: ignore[arg-type]

    assert answer == Refused(f"NetSuite did not send the mail ({code}).", permanent=True)
    assert company.mail.sent == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": "x"}, "The key of the mail is malformed."),
        ({"author": "maria"}, "The mail names somebody without an internal id of NetSuite."),
        ({"cc": ("1",) * 10}, "NetSuite sends to 10 people at most."),
        ({"reply_to": "nobody"}, "The reply address is malformed."),
        ({"subject": "Hello\nBcc: x"}, "The subject is malformed."),
        ({"html": " "}, "The mail is empty."),
    ],
)
def test_a_mail_that_cannot_be_right_never_reaches_netsuite(
    ledger: NetSuiteLedger, company: Company, mail: LedgerMail, change: dict[str, str], said: str
) -> None:
    answer = ledger.send_mail(replace(mail, **change))  # type: ignore[arg-type]

    assert answer == Refused(said, permanent=True)
    assert company.calls == []


def test_a_key_that_is_malformed_is_not_asked_about(
    ledger: NetSuiteLedger, company: Company, now: datetime
) -> None:
    assert ledger.read_mail("a b", now) == Unreadable("The key of a mail is malformed.")
    assert company.calls == []
