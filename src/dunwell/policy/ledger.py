"""What the ledger (NetSuite) answers: frozen values that its connector returns and rules read (spec 1.2, 5).

Every datetime is aware; `at` is the moment the ledger was asked. Ids are the ledger's internal ones.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from dunwell.policy.facts import Contact, Invoice, Mrr, Person
from dunwell.policy.money import Money
from dunwell.policy.readings import Refused, Uncertain


@dataclass(frozen=True, slots=True)
class AccountReading:
    """A customer's header in the ledger.

    `crm_status` is in the ledger's own words; `owner` is the relationship owner, None when there is none who
    still works there. `strategic` and `timezone` are None unless the installation names fields for them.
    """

    at: datetime
    id: str
    name: str
    crm_status: str
    owner: Person | None = None
    currency: str | None = None
    timezone: str | None = None
    strategic: bool | None = None
    warnings: tuple[str, ...] = ()


class ContactRung(StrEnum):
    """What singled out the accounts-payable contact, surest first."""

    CHOSEN = "chosen"  # somebody named this contact
    ROLE = "role"  # the role the contact has at the customer
    CATEGORY = "category"
    TITLE = "title"  # the job title


@dataclass(frozen=True, slots=True)
class ContactReading:
    """The accounts-payable contact, or None with the sentence (`because`) that says why nobody was chosen.

    `passed_over` says, in sentences, which contacts cannot be written to and why.
    """

    at: datetime
    contact: Contact | None
    because: str
    id: str = ""
    rung: ContactRung | None = None
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenInvoices:
    """The customer's open invoices, earliest due first.

    An invoice that is not among them need not be paid: our role may not be allowed to see it.
    """

    at: datetime
    invoices: tuple[Invoice, ...]


class UnappliedKind(StrEnum):
    """What the customer has with us that no invoice has used up."""

    PAYMENT = "payment"
    CREDIT = "credit"
    DEPOSIT = "deposit"


@dataclass(frozen=True, slots=True)
class Unapplied:
    """Money or credit not applied to an invoice yet; `unused` is what is left of it."""

    id: str
    number: str
    kind: UnappliedKind
    unused: Money
    day: date | None = None


@dataclass(frozen=True, slots=True)
class UnappliedReading:
    """Everything a customer has unapplied, oldest first."""

    at: datetime
    items: tuple[Unapplied, ...]

    def total(self, currency: str) -> Money:
        """Add up what is unapplied in one currency."""
        return Money(
            sum(each.unused.minor for each in self.items if each.unused.currency == currency), currency
        )


@dataclass(frozen=True, slots=True)
class RevenueReading:
    """The last three full months of recurring revenue, or None with the sentence that says why not."""

    at: datetime
    mrr: Mrr | None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Gathering:
    """Everything the ledger says about a customer and one invoice, read together (spec 1.2, step 1).

    `customer` is the ledger's id; empty when it knows no such customer. A part that is None could be asked for
    and is not there; `missing` says so in sentences, with what to do. An unknown MRR is not among them: there are
    other sources, and `revenue.warning` says why this one gave none.
    """

    at: datetime
    customer: str = ""
    account: AccountReading | None = None
    contact: ContactReading | None = None
    invoice: Invoice | None = None
    unapplied: UnappliedReading | None = None
    revenue: RevenueReading | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """The ledger's side of the gate: the invoice, None if it shows us none, and what is unapplied (spec 5).

    `customer` is whose invoice it is, by the ledger's id; empty when it shows us none.
    """

    at: datetime
    invoice: Invoice | None
    unapplied: UnappliedReading
    customer: str = ""


@dataclass(frozen=True, slots=True)
class LedgerCall:
    """A call somebody should make, as a phone call record of the ledger; `key` is ours and makes it unique.

    `assigned` is the address of the employee who calls; empty for nobody in particular.
    """

    key: str
    title: str
    message: str
    on: date
    customer: str
    contact: str = ""
    invoice: str = ""
    phone: str = ""
    assigned: str = ""


@dataclass(frozen=True, slots=True)
class LedgerMail:
    """A mail to leave through the ledger, so that it stands on the customer's record.

    `key` is ours: the ledger sends once per key. `author` is an employee and `recipient` a contact, by id; `cc` are
    employees, by id or address. `html` is the body.
    """

    key: str
    author: str
    recipient: str
    customer: str
    subject: str
    html: str
    invoice: str = ""
    cc: tuple[str, ...] = ()
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class LoggedMail:
    """The row on the customer's record: proof of a mail (spec 1.2, step 6).

    `author` is an employee's id, `recipient` the address the mail went to.
    """

    id: str
    author: str
    recipient: str
    subject: str


class MailState(StrEnum):
    """What the ledger knows of a key. `SENDING`: it began and never finished; the mail may have left."""

    ABSENT = "absent"
    SENDING = "sending"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class MailReading:
    """What became of a mail; `logged` is None until its row can be seen."""

    at: datetime
    state: MailState
    sent_at: datetime | None = None
    logged: LoggedMail | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """The ledger sent the mail, now or before under the same key, at `sent_at`."""

    sent_at: datetime
    logged: LoggedMail | None = None


Posting = Posted | Refused | Uncertain
