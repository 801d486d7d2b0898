"""A NetSuite in memory: customers, contacts, invoices, employees, mails and calls, each call of ours counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from dunwell.engine.clock import Clock
from dunwell.engine.ports import Ledger
from dunwell.policy import facts, ledger, readings
from dunwell.policy.money import Money
from dunwell.policy.words import InvoiceStatus

NO_MRR = "MRR is unknown: no NetSuite field or query is set for it."
NO_CONTACT = "No accounts-payable contact we can write to is among the 0 the customer has."


@dataclass
class Account:
    """A customer as NetSuite has them; `contact` None: no accounts-payable contact was found."""

    id: str
    name: str
    crm_status: str = "CUSTOMER-Closed Won"
    owner: facts.Person | None = None
    contact: facts.Contact | None = None
    contact_id: str = ""
    passed_over: tuple[str, ...] = ()
    mrr: facts.Mrr | None = None
    timezone: str | None = None
    strategic: bool | None = None
    invoices: dict[str, facts.Invoice] = field(default_factory=dict)
    unapplied: list[ledger.Unapplied] = field(default_factory=list)


class Books(Ledger):
    """NetSuite, in memory. `unreadable` makes every answer that; `before_read` runs before each question.

    A mail stands on the record `seen_after` it was sent, at a time `clock_off` ours; `logged` may change what is
    read back. `postings` are the next answers to `send_mail`: after an `Uncertain` the mail has left only with
    `leaves_unheard`.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.accounts: dict[str, Account] = {}
        self.employees: dict[str, str] = {}
        self.unreadable: facts.Unreadable | None = None
        self.before_read: Callable[[str], None] = lambda _what: None
        self.asked: list[str] = []
        self.postings: list[ledger.Posting] = []
        self.leaves_unheard = True
        self.after_send: Callable[[ledger.LedgerMail], None] = lambda _mail: None
        self.seen_after = timedelta(minutes=2)
        self.clock_off = timedelta()
        self.logged: Callable[[ledger.LoggedMail], ledger.LoggedMail] = lambda row: row
        self.stuck: set[str] = set()
        self.mails: dict[str, tuple[ledger.LedgerMail, datetime]] = {}
        self.calls: dict[str, ledger.LedgerCall] = {}

    def gather(self, customer: str, number: str, now: datetime) -> ledger.Gathering | facts.Unreadable:
        if away := self._asked("gather"):
            return away
        account = self.accounts.get(customer) if customer else self._billed(number)
        if account is None:
            what = f"NetSuite knows no customer with the invoice {number}."
            return ledger.Gathering(now, missing=(what,))
        invoice = self.invoice_numbered(account, number)
        missing = [
            *([] if account.contact else [" ".join((NO_CONTACT, *account.passed_over))]),
            *([] if invoice else [f"NetSuite shows us no invoice {number} of this customer."]),
        ]
        return ledger.Gathering(
            at=now,
            customer=account.id,
            account=ledger.AccountReading(
                at=now,
                id=account.id,
                name=account.name,
                crm_status=account.crm_status,
                owner=account.owner,
                timezone=account.timezone,
                strategic=account.strategic,
            ),
            contact=self._contact(account, now),
            invoice=invoice,
            unapplied=ledger.UnappliedReading(now, tuple(account.unapplied)),
            revenue=ledger.RevenueReading(now, account.mrr, "" if account.mrr else NO_MRR),
            missing=tuple(missing),
        )

    def read_standing(self, customer: str, invoice: str, now: datetime) -> ledger.Standing | facts.Unreadable:
        if away := self._asked("standing"):
            return away
        account = self.accounts.get(customer) or self._owing(invoice)
        unapplied = ledger.UnappliedReading(now, tuple(account.unapplied) if customer and account else ())
        shown = account.invoices.get(invoice) if account else None
        return ledger.Standing(now, shown, unapplied, account.id if account and shown else "")

    def overdue(self, since: date, until: date) -> Sequence[facts.Invoice] | facts.Unreadable:
        if away := self._asked("overdue"):
            return away
        billed = [each for account in self.accounts.values() for each in account.invoices.values()]
        late = [each for each in billed if each.due is not None and since <= each.due <= until]
        return [each for each in late if each.status is InvoiceStatus.OPEN]

    def _owing(self, invoice: str) -> Account | None:
        return next((each for each in self.accounts.values() if invoice in each.invoices), None)

    def find_employee(self, email: str) -> str | facts.Unreadable:
        if away := self._asked("employee"):
            return away
        if email not in self.employees:
            return facts.Unreadable(f"NetSuite has no active employee {email}.", permanent=True)
        return self.employees[email]

    def send_mail(self, mail: ledger.LedgerMail) -> ledger.Posting:
        if away := self._asked("send"):
            return readings.Refused(away.reason, permanent=away.permanent)
        if mail.key in self.mails:
            return ledger.Posted(self.mails[mail.key][1])
        answer = self.postings.pop(0) if self.postings else None
        if answer is None or (isinstance(answer, readings.Uncertain) and self.leaves_unheard):
            self.mails[mail.key] = mail, self.clock.now()
            self.after_send(mail)
        return answer or ledger.Posted(self.mails[mail.key][1])

    def read_mail(self, key: str, now: datetime) -> ledger.MailReading | facts.Unreadable:
        if away := self._asked("mail"):
            return away
        if key in self.stuck:
            return ledger.MailReading(now, ledger.MailState.SENDING)
        if key not in self.mails:
            return ledger.MailReading(now, ledger.MailState.ABSENT)
        mail, sent_at = self.mails[key]
        number = str(list(self.mails).index(key) + 1)
        contacts = {each.contact_id: each.contact for each in self.accounts.values()}
        to = contacts.get(mail.recipient)
        row = ledger.LoggedMail(number, mail.author, to.email if to else "", mail.subject)
        seen = now - sent_at >= self.seen_after
        logged = self.logged(row) if seen else None
        return ledger.MailReading(now, ledger.MailState.SENT, sent_at + self.clock_off, logged)

    def record_call(self, call: ledger.LedgerCall) -> str | facts.Unreadable:
        if away := self._asked("call"):
            return away
        self.calls[call.key] = call
        return str(list(self.calls).index(call.key) + 1)

    def close(self) -> None:
        pass

    def bill(self, customer: facts.Customer, invoice: facts.Invoice) -> None:
        """Enter a customer, their contact and an invoice, as somebody would who keeps both systems in step."""
        number = len(self.accounts) + 101
        account = next((each for each in self.accounts.values() if each.name == customer.name), None)
        if account is None:
            account = Account(str(number), customer.name, owner=customer.owner)
            self.accounts[account.id] = account
            if customer.contact:
                source = f"NetSuite contact {number}7, role Accounts Payable"
                account.contact, account.contact_id = replace(customer.contact, source=source), f"{number}7"
            if customer.owner:
                self.employees[customer.owner.email] = f"{number}9"
        account.invoices[f"9{invoice.id.removeprefix('in_')}"] = replace(
            invoice, id=f"9{invoice.id.removeprefix('in_')}", auto_advance=None, next_attempt=None
        )

    @property
    def account(self) -> Account:
        """The first customer."""
        return next(iter(self.accounts.values()))

    def invoice_numbered(self, account: Account, number: str) -> facts.Invoice | None:
        """An invoice of a customer by its number."""
        return next((each for each in account.invoices.values() if each.number == number), None)

    def change(self, number: str, **values: object) -> None:
        """Change what NetSuite says about an invoice."""
        for account in self.accounts.values():
            for id_, invoice in account.invoices.items():
                if invoice.number == number:
                    account.invoices[id_] = replace(invoice, **values)  # type: ignore[arg-type]

    def pays(self, number: str) -> None:
        """Let an invoice be paid here and nowhere else."""
        account = self._billed(number)
        assert account is not None
        open_ = next(each.open for each in account.invoices.values() if each.number == number)
        self.change(number, status=InvoiceStatus.PAID, open=Money(0, open_.currency))

    def receives(self, unused: Money, kind: ledger.UnappliedKind = ledger.UnappliedKind.PAYMENT) -> None:
        """Let money of the first customer come in that is not applied to an invoice yet."""
        items = self.account.unapplied
        items.append(ledger.Unapplied(f"5{len(items)}", f"PYMT-{len(items)}", kind, unused))

    def _asked(self, what: str) -> facts.Unreadable | None:
        self.asked.append(what)
        self.before_read(what)
        return self.unreadable

    def _billed(self, number: str) -> Account | None:
        found = (a for a in self.accounts.values() if self.invoice_numbered(a, number))
        return next(found, None)

    def _contact(self, account: Account, now: datetime) -> ledger.ContactReading:
        if account.contact is None:
            return ledger.ContactReading(now, None, NO_CONTACT, passed_over=account.passed_over)
        because = f"{account.contact.name} ({account.contact_id}) was taken: role Accounts Payable."
        return ledger.ContactReading(
            now,
            account.contact,
            because,
            account.contact_id,
            ledger.ContactRung.ROLE,
            passed_over=account.passed_over,
        )
