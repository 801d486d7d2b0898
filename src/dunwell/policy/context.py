"""What a message may say, as the values its templates are rendered from; samples of every shape to try them on."""

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from liquid import Markup, escape

from dunwell.policy.money import Money
from dunwell.policy.untrusted import first_name, one_line, tame, tame_sentence
from dunwell.policy.words import Rail, Stage

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_PAYMENTS = {Rail.CARD: "card payment", Rail.BANK_DEBIT: "bank debit"}


class IncompleteContextError(ValueError):
    """A message was asked for without a value its stage has to carry."""


@lru_cache(maxsize=2048)
def written_date(day: date) -> str:
    """Write a date so that nobody can misread it: `7 April 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


@dataclass(frozen=True, slots=True)
class Listed:
    """One of several invoices in a mail; one of `failed_on` and `due_on` is needed, as in `MessageContext`.

    `days_overdue` None: the mail does not name it.
    """

    invoice_number: str
    amount: Money
    failed_on: date | None = None
    due_on: date | None = None
    days_overdue: int | None = None

    def __post_init__(self) -> None:
        if self.failed_on is None and self.due_on is None:
            raise IncompleteContextError("a message names the date of the failure or the due date")

    @property
    def day(self) -> str:
        """The date as written: of the failure, else the due date."""
        day = self.failed_on or self.due_on
        return written_date(day) if day else ""

    @property
    def line(self) -> str:
        """The invoice as it stands in the list."""
        what = "failed on" if self.failed_on else "due on"
        days = f", {days_in_words(self.days_overdue)} overdue" if self.days_overdue else ""
        return f"{one_line(self.invoice_number, 60)}: {self.amount}, {what} {self.day}{days}"


def as_listed(
    invoices: tuple[Listed, ...], stage: Stage | None, days_overdue: int | None
) -> tuple[Listed, ...]:
    """Return invoices as a mail of a tone lists them: only a direct one names days, and only if all are overdue."""
    if stage is Stage.DIRECT and days_overdue:
        return invoices
    return tuple(replace(each, days_overdue=None) for each in invoices)


def days_in_words(days: int) -> str:
    """Write a number of days: `1 day`, `7 days`."""
    return "1 day" if days == 1 else f"{days} days"


@dataclass(frozen=True, slots=True)
class MessageContext:
    """What a message may say.

    `failed_on` is None for an invoice that only passed its due date; one of `failed_on` and `due_on` is
    needed. Dates are local to the customer. `pay_by` is the answer-by date of an escalation. `link` is our
    own payment link. `bank_details`: its page
    shows them. `written_on` is when the last letter was sent. Customer name, contact name, invoice number and
    reason are not trusted. A mail about several `invoices` has all their numbers in `invoice_number` and their sum
    in `amount`; a date or a reason only when all share it.
    """

    customer_name: str
    invoice_number: str
    amount: Money
    link: str
    sender_name: str
    company_name: str
    reply_address: str
    contact_name: str | None = None
    failed_on: date | None = None
    due_on: date | None = None
    reason: str | None = None
    days_overdue: int | None = None
    pay_by: date | None = None
    sender_phone: str = ""
    rail: Rail = Rail.CARD
    bank_details: bool = True
    written_on: date | None = None
    invoices: tuple[Listed, ...] = ()

    def __post_init__(self) -> None:
        if self.failed_on is None and self.due_on is None and not self.invoices:
            raise IncompleteContextError("a message names the date of the failure or the due date")

    def variables(self) -> dict[str, object]:
        """Return the variables a template may use; no others exist. Empty ones are None: Liquid takes "" as true."""
        name = first_name(self.contact_name)
        days = max(self.days_overdue or 0, 0)
        lines, failed = [each.line for each in self.invoices], self.failures
        return {
            "amount": str(self.amount),
            "bank_details": self.bank_details,
            "company_name": one_line(self.company_name, 60),
            "count": str(len(lines)) if lines else None,
            "customer_name": tame(self.customer_name) or None,
            "days_overdue": days,
            "days_overdue_words": days_in_words(days),
            "due_on": written_date(self.due_on) if self.due_on else None,
            "failed": all(failed),
            "failed_on": written_date(self.failed_on) if self.failed_on else None,
            "first_name": name,
            "greeting": f"Hi {name}," if name else "Hello,",
            "invoice_number": one_line(self.invoice_number, 60 * max(len(lines), 1)),
            "invoices": "\n".join(lines) or None,
            "link": self.link,
            "pay_by": written_date(self.pay_by) if self.pay_by else None,
            "payment": _PAYMENTS.get(self.rail, "payment"),
            "rail": str(self.rail),
            "reason": tame_sentence(self.reason) if all(failed) else None,
            "reply_address": one_line(self.reply_address, 254),
            "sender_name": one_line(self.sender_name, 60),
            "sender_phone": one_line(self.sender_phone, 40) or None,
            "some_failed": any(failed),
            "total": str(self.amount) if lines else None,
            "written_on": written_date(self.written_on) if self.written_on else None,
        }

    @property
    def failures(self) -> tuple[bool, ...]:
        """Whether a charge failed, for each invoice."""
        return tuple(each.failed_on is not None for each in self.invoices or (self,))

    @property
    def list_in_html(self) -> Markup:
        """The several invoices as an HTML list."""
        lines = "\n".join(f"<li>{escape(each.line)}</li>" for each in self.invoices)
        return Markup(f"<ul>\n{lines}\n</ul>")


VARIABLES = frozenset(
    MessageContext("", "", Money(0, "USD"), "", "", "", "", due_on=date(2026, 1, 1)).variables()
)


def sample_contexts() -> tuple[MessageContext, ...]:
    """Return one sample context for every shape a message can take, to try templates on."""
    whole = MessageContext(
        customer_name="Sample Customer",
        invoice_number="SAMPLE-1",
        amount=Money(1_420_000, "USD"),
        link="https://pay.example/pay/sample",
        sender_name="Sample Sender",
        company_name="Sample Company",
        reply_address="sample.sender@company.example",
        contact_name="Robin Sample",
        failed_on=date(2026, 4, 7),
        due_on=date(2026, 4, 7),
        reason="The card on file has passed its expiry date.",
        days_overdue=7,
        pay_by=date(2026, 4, 17),
        sender_phone="+1 212 555 0100",
        written_on=date(2026, 4, 8),
    )
    bare = replace(whole, reason=None, contact_name=None, sender_phone="", customer_name="", written_on=None)
    return (
        whole,
        bare,
        replace(whole, rail=Rail.BANK_DEBIT, due_on=None, days_overdue=1),
        replace(whole, rail=Rail.OTHER, days_overdue=0),
        replace(whole, failed_on=None, rail=Rail.TRANSFER),
        replace(bare, failed_on=None, rail=Rail.TRANSFER),
    )


def several_contexts() -> tuple[MessageContext, ...]:
    """Return one sample context for every shape a mail about several invoices can take."""
    failed = Listed("SAMPLE-1", Money(1_420_000, "USD"), failed_on=date(2026, 4, 7), days_overdue=7)
    other = Listed("SAMPLE-2", Money(38_050, "USD"), failed_on=date(2026, 4, 10), days_overdue=1)
    due = replace(other, failed_on=None, due_on=date(2026, 4, 13), days_overdue=None)
    whole = replace(
        sample_contexts()[0],
        invoice_number="SAMPLE-1 and SAMPLE-2",
        amount=failed.amount.plus(other.amount),
        failed_on=None,
        due_on=None,
        days_overdue=1,
        written_on=None,
        invoices=(failed, other),
    )
    bare = replace(
        whole, reason=None, contact_name=None, sender_phone="", customer_name="", bank_details=False
    )
    mixed = replace(whole, rail=Rail.OTHER, days_overdue=0, invoices=(failed, due))
    unpaid = (replace(due, invoice_number="SAMPLE-1", amount=failed.amount), due)
    none_failed = replace(whole, rail=Rail.TRANSFER, days_overdue=0, invoices=unpaid)
    return whole, bare, mixed, none_failed, replace(bare, days_overdue=0, invoices=unpaid)
