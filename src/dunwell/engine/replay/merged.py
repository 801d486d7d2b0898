"""Which invoices of a payer share a mail in replay: the choice that runs live. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dunwell.policy.facts import Case
from dunwell.policy.merging import Asking, Mail, mails_due
from dunwell.policy.policy import Policy
from dunwell.policy.words import Stage


@dataclass(frozen=True, slots=True)
class Leaving:
    """A mail that leaves now, with its invoices in the order of its parts."""

    mail: Mail
    invoices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Together:
    """What a step that sends shares with others: the cases of the mail and its tone; the first one leads."""

    about: tuple[Case, ...]
    tone: Stage
    carried: bool


def mail_to(contact: str, cases: Sequence[tuple[str, Case]], policy: Policy, now: datetime) -> Leaving | None:
    """Choose the mail that leaves to a contact now, of all open cases of a customer in the order they came up."""
    asking = [Asking(key, case, policy) for key, (_, case) in enumerate(cases)]
    for mail in mails_due(asking, now):
        addressee = cases[mail.leader.key][1].customer.contact
        if addressee and addressee.email.casefold() == contact.casefold():
            return Leaving(mail, tuple(cases[part.key][0] for part in mail.parts))
    return None
