"""Lines of history to the facts that rules read. Pure."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dunwell.engine.replay import history
from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.policy.plans import with_left
from dunwell.policy.reasons import reason_for_code
from dunwell.policy.words import InvoiceStatus


def customer_facts(fact: history.CustomerLine) -> facts.Customer:
    """Turn a customer line into facts."""
    mrr = None
    if fact.mrr is not None:
        first, second, third = (Money.parse(month, fact.currency) for month in fact.mrr)
        mrr = facts.Mrr((first, second, third), "history", fact.at.date())
    record = None
    if fact.tenure_months is not None:
        record = facts.PaymentRecord(
            fact.tenure_months, fact.invoices_paid, fact.invoices_on_time, fact.failures_90d
        )
    contact = fact.contact if fact.contact and fact.contact.email else None
    owner = fact.owner if fact.owner and fact.owner.email else None
    return facts.Customer(
        id=fact.customer,
        name=fact.name,
        country=fact.country,
        subdivision=fact.subdivision,
        timezone=fact.timezone,
        mrr=mrr,
        record=record,
        strategic=fact.strategic,
        contact=facts.Contact(contact.name, contact.email, "history") if contact else None,
        owner=facts.Person(owner.name, owner.email) if owner else None,
    )


# What people call American bank debits, and what the table of reasons calls them.
_RAILS = {"ach": "us_bank_account"}


def reason(fact: history.PaymentFailedLine) -> facts.Reason:
    """Why a charge failed."""
    return reason_for_code(fact.code, _RAILS.get(fact.rail, fact.rail))


def rail(fact: history.ArrearsLine) -> words.Rail:
    """What the money travels on; an invoice nobody tried to charge is paid by transfer."""
    if not isinstance(fact, history.PaymentFailedLine):
        return words.Rail.TRANSFER
    if fact.rail == "card":
        return words.Rail.CARD
    debit = fact.rail in ("ach", "us_bank_account", "sepa_debit", "bacs_debit", "bank_debit")
    return words.Rail.BANK_DEBIT if debit else words.Rail.OTHER


def less(invoice: facts.Invoice, amount: str, *, credited: bool = False) -> facts.Invoice:
    """An invoice after a partial payment or credit; when nothing is left, it is paid unless a credit closed it."""
    left = invoice.open.minus(Money.parse(amount, invoice.open.currency))
    status = InvoiceStatus.PAID if left.minor <= 0 and not credited else invoice.status
    return replace(invoice, open=left, status=status)


def hold_end(fact: history.HoldLine, zone: ZoneInfo, opens: time) -> datetime | None:
    """A bare date is the customer's: a promise lasts through that day, any other hold ends as it begins.

    A mail that was put off to a day waits until the window `opens`.
    """
    if fact.until is None or isinstance(fact.until, datetime):
        return fact.until
    ends = opens if fact.kind is words.HoldKind.VETO else time(0)
    day = fact.until + timedelta(days=1) if fact.kind is words.HoldKind.PROMISE else fact.until
    return datetime.combine(day, ends, zone).astimezone(UTC)


def instalments(fact: history.HoldLine, currency: str) -> tuple[facts.Instalment, ...]:
    """The parts of a payment plan, in the invoice's currency."""
    return with_left([(part.due, Money.parse(part.amount, currency)) for part in fact.instalments])


def ended(hold: facts.Hold, now: datetime) -> facts.Hold:
    """A hold that has run out, marked as over."""
    over = hold.ended_at is None and hold.until is not None and hold.until <= now
    return replace(hold, ended_at=now) if over else hold
