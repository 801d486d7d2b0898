"""Our RESTlet: contacts with their roles, and mail that is sent once per key and read back (spec 1.2).

What the script must keep to (`netsuite/` is the script; `sandbox/netsuite/restlet.py` keeps to it too):

* `GET action=contacts customer=ID`: `{ok: true, contacts: [{id, firstname, lastname, email, title, role, categories,
  isinactive, isprivate}]}`;
* `POST {action: "send", key, author, recipient, customer, cc, subject, body, invoice?, replyTo?}` and
  `GET action=mail key=KEY`: `{ok: true, state: "absent"|"sending"|"sent", sentAt?, message?: {id, author, recipient,
  subject}}`; a key that was used before sends nothing and answers with what became of it, or is refused when the
  mail is another one (`KEY_REUSED`); `template?`, which we do not use, puts `body` into a template of the account;
* a refusal, before anything has left: `{ok: false, error: {code, permanent}}`.

All of these are HTTP 200; any other status is NetSuite speaking, or the script dying: then a mail is in doubt.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from dunwell.connectors.netsuite import shapes, translate
from dunwell.connectors.netsuite.names import Names
from dunwell.connectors.netsuite.suiteql import is_id
from dunwell.connectors.netsuite.trouble import NOTHING_DONE, Trouble, unreadable
from dunwell.connectors.netsuite.wire import Json, Wire
from dunwell.policy.addresses import is_address
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import LedgerMail, MailReading, MailState, Posted, Posting
from dunwell.policy.readings import Malformed, Refused, Uncertain

S = TypeVar("S", bound=shapes.Shape)

_NotTold = shapes.Refusal | Malformed | Trouble
_KEY = re.compile(r"[A-Za-z0-9_.:-]{8,100}")
NO_MAIL = "doctor.no-mail"  # a key under which nothing is ever sent
_MOST_RECIPIENTS = 10  # NetSuite's, To and Cc together


def contacts_of(wire: Wire, names: Names, customer: str) -> Sequence[shapes.Contact] | Unreadable:
    """List a customer's contacts with their roles, which SuiteQL does not show."""
    about = f"the contacts of customer {customer}"
    answer = wire.ask_restlet(_params(names, action="contacts", customer=customer))
    listed = _told(shapes.Contacts, answer, about)
    return _unreadable(listed, about) if isinstance(listed, _NotTold) else listed.contacts


def send(wire: Wire, names: Names, mail: LedgerMail) -> Posting:
    """Send a mail, or learn that it has been sent before under its key.

    `Uncertain` when it may have left: read it back by its key, never send under another. `Refused` when nothing left.
    """
    if why := _unfit(mail):
        return Refused(why, permanent=True)
    told = _told(shapes.Mail, wire.tell_restlet(_params(names), _body(mail)), "a mail")
    if isinstance(told, _NotTold):
        return _not_sent(told)
    if told.state is not MailState.SENT or told.sent_at is None:
        return Uncertain("NetSuite began to send the mail and did not say that it finished.")
    return Posted(told.sent_at, translate.logged(told.message))


def read_back(wire: Wire, names: Names, key: str, now: datetime) -> MailReading | Unreadable:
    """Ask what became of the mail with a key."""
    if not _KEY.fullmatch(key):
        return Unreadable("The key of a mail is malformed.")
    about = f"mail {key}"
    told = _told(shapes.Mail, wire.ask_restlet(_params(names, action="mail", key=key)), about)
    if isinstance(told, _NotTold):
        return _unreadable(told, about)
    return MailReading(now, told.state, told.sent_at, translate.logged(told.message))


def _params(names: Names, **asked: str) -> Mapping[str, str]:
    return {"script": names.restlet_script, "deploy": names.restlet_deployment, **asked}


def _told(kind: type[S], answer: Json | Trouble, about: str) -> S | _NotTold:
    """Tell our RESTlet's three answers apart: what was asked for, a refusal, and what is neither."""
    if isinstance(answer, Trouble):
        return answer
    refusal = translate.understood(shapes.Refusal, answer, about)
    return refusal if isinstance(refusal, shapes.Refusal) else translate.understood(kind, answer, about)


def _not_sent(told: _NotTold) -> Refused | Uncertain:
    if isinstance(told, Malformed):
        return Uncertain(told.reason)
    if isinstance(told, shapes.Refusal):
        return Refused(f"NetSuite did not send the mail ({told.error.code}).", told.error.permanent)
    if told.kind in NOTHING_DONE:
        return Refused(told.sentence, permanent=told.permanent)
    return Uncertain(told.sentence)


def _unreadable(told: _NotTold, about: str) -> Unreadable:
    if isinstance(told, Malformed):
        return Unreadable(told.reason)
    if isinstance(told, shapes.Refusal):
        return Unreadable(f"NetSuite did not answer about {about} ({told.error.code}).")
    return unreadable(told, about)


def _unfit(mail: LedgerMail) -> str:
    ids = [mail.author, mail.recipient, mail.customer, *mail.cc, *([mail.invoice] if mail.invoice else [])]
    faults = (
        (not _KEY.fullmatch(mail.key), "The key of the mail is malformed."),
        (not all(is_id(each) for each in ids), "The mail names somebody without an internal id of NetSuite."),
        (len(mail.cc) >= _MOST_RECIPIENTS, f"NetSuite sends to {_MOST_RECIPIENTS} people at most."),
        (mail.reply_to and not is_address(mail.reply_to), "The reply address is malformed."),
        (
            not mail.subject.strip() or "\n" in mail.subject or "\r" in mail.subject,
            "The subject is malformed.",
        ),
        (not mail.html.strip(), "The mail is empty."),
    )
    return next((why for wrong, why in faults if wrong), "")


def _body(mail: LedgerMail) -> Json:
    ids = {"author": mail.author, "recipient": mail.recipient, "customer": mail.customer}
    optional = {"invoice": mail.invoice, "replyTo": mail.reply_to}
    return {
        "action": "send",
        "key": mail.key,
        **ids,
        "cc": list(mail.cc),
        "subject": mail.subject,
        "body": mail.html,
        **{name: value for name, value in optional.items() if value},
    }
