"""The sandbox's sample customers and colleagues, in Stripe and in NetSuite. All of them are sample data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from dunwell.policy.facts import Person
from dunwell.policy.money import Money
from dunwell.sandbox.netsuite import Company
from dunwell.sandbox.stripe import Account, Outcome, declined, paid

DECLINING_CARD = "4000000000000341"

ANALYST = Person("Priya Sample", "priya.sample@dunwell.example")
MANAGER = Person("Ingrid Sample", "ingrid.sample@dunwell.example")
FELIX = Person("Felix Nordstrom", "felix.nordstrom@dunwell.example")
VERA = Person("Vera Sample", "vera.sample@dunwell.example")
SALES = Person("Theo Sample", "theo.sample@dunwell.example")


class Entered(StrEnum):
    """When NetSuite hears of a payment at Stripe. `NEVER`: it does not know the customer at all."""

    AT_ONCE = "at once"
    NEXT_NIGHT = "the next night"
    BY_HAND = "by hand"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample customer and the invoice that fails. `amount` is in Stripe's minor units.

    `mails` leave by SMTP to the contact, `letters` through NetSuite; `calls` are recorded there. `answers` are what
    a colleague writes back, `replies` what the contact writes. `declines` is how often a charge fails before it would
    go through; None: always. `gone`: who NetSuite has as the contact, though nobody reads their mail any more; Stripe
    has the contact. `due`: the invoice is sent at `fails_at`, to be paid by then; nothing is charged. Samples of the
    same name are invoices of one customer, whose `mails` and so on are counted once.
    """

    name: str
    number: str
    amount: int
    fails_at: datetime
    ending: str
    mails: int
    currency: str = "usd"
    country: str = "US"
    state: str | None = "NY"
    contact: str = "Dana Sample"
    code: str = "insufficient_funds"
    months: int = 18
    on_time: int | None = None
    letters: int = 0
    answers: int = 0
    replies: int = 0
    calls: int = 0
    declines: int | None = None
    owner: Person | None = None
    strategic: bool = False
    personal: bool = False
    entered: Entered = Entered.AT_ONCE
    linked: bool = True
    gone: str = ""
    due: datetime | None = None
    about: str = ""

    @property
    def domain(self) -> str:
        """Where the company's mail goes."""
        return f"{self.name.lower().replace(' ', '-')}.example"

    @property
    def email(self) -> str:
        """The contact's address: first name at the company."""
        return f"{self.contact.split()[0].lower()}@{self.domain}"

    @property
    def person(self) -> Person:
        """The contact, as somebody who writes mail."""
        return Person(self.contact, self.email)

    @property
    def gone_email(self) -> str:
        """The address nobody reads any more."""
        return f"{self.gone.split()[0].lower()}@{self.domain}" if self.gone else ""

    @property
    def stripe_email(self) -> str:
        """The address Stripe has. Large customers gave a shared mailbox; only NetSuite knows who reads it."""
        return f"billing@{self.domain}" if self.personal else self.email

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """What the charges of the card on file do, one each; the last one stays."""
        if self.declines is None:
            return [declined(self.code)]
        return [*[declined(self.code)] * self.declines, paid()]


def _at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


AURELIUS = Sample(
    "Aurelius Partners", "INV-2026-04-1198", 1_420_000, _at(4, 7, 14, 3), "recovered", 0,
    contact="Marta Sample", letters=1, declines=2, owner=VERA, personal=True,
    about="14,200 USD a month: a person signs. One mail, then the retry works",
)  # fmt: skip
NORTHGATE = Sample(
    "Northgate Capital", "INV-2026-04-1201", 980_000, _at(4, 8, 13, 30), "recovered", 0, state="IL",
    contact="Ruth Sample", code="do_not_honor", letters=1, owner=FELIX, personal=True, entered=Entered.NEXT_NIGHT,
    about="its relationship owner, Felix Nordstrom, puts the mail off; then they pay by its link",
)  # fmt: skip
HALBERD = Sample(
    "Halberd Cybersecurity", "INV-2026-04-1207", 715_000, _at(4, 9, 15, 12), "escalated", 0, state="TX",
    contact="Owen Sample", code="expired_card", letters=3, calls=1, personal=True,
    about="an expired card is never retried: three signed mails, then a call (21 April is a holiday in Texas)",
)  # fmt: skip
WAITING = Sample(
    "Kestrel Aerospace", "INV-2026-05-1302", 860_000, _at(5, 11, 15, 20), "open", 0, state="CO",
    contact="Iris Sample", owner=FELIX, personal=True,
    about="its draft waits for you to sign it",
)  # fmt: skip
STRATEGIC = Sample(
    "Merrow Logistics", "INV-2026-04-1204", 240_000, _at(4, 8, 9, 30), "escalated", 4, state="IL",
    contact="Hugh Sample", code="expired_card", months=8, calls=1, owner=FELIX, strategic=True,
    about="a strategic account: four mails, then Felix Nordstrom is asked to call",
)  # fmt: skip
SAVES_A_CARD = Sample(
    "Cobalt Ridge Energy", "INV-2026-04-1209", 185_000, _at(4, 9, 15, 40), "recovered", 2, state="TX",
    contact="Liam Sample", about="saves a new card from the second mail; it is charged at once",
)  # fmt: skip
PAYS_AT_ONCE = Sample(
    "Tidewater Design", "INV-2026-04-1210", 49_000, _at(4, 7, 16, 40), "recovered", 1, state="WA",
    contact="Ines Sample", code="do_not_honor", entered=Entered.NEVER, linked=False,
    about="not in NetSuite yet; opens the first mail and pays within the hour",
)  # fmt: skip
PAYS_LATE = Sample(
    "Brightwell Labs", "INV-2026-04-1214", 79_000, _at(4, 10, 21, 5), "recovered", 3, state="CA",
    contact="Joel Sample", months=6, about="fails on a Friday night; Stripe's own retry succeeds on day nine",
)  # fmt: skip
NEVER_PAYS = Sample(
    "Quillon Freight", "INV-2026-04-1220", 64_000, _at(4, 8, 11, 20), "escalated", 5, state="GA",
    contact="Nina Sample", months=7, linked=False, about="never answers: five stages, then a person",
)  # fmt: skip
MUNICH = Sample(
    "Isarblick Software", "INV-2026-04-1223", 120_000, _at(4, 17, 8, 0), "recovered", 4, "eur", "DE", "BY",
    "Karl Sample", months=9, about="in Munich: working days and holidays are Bavaria's",
)  # fmt: skip
TOKYO = Sample(
    "Sumida Robotics", "INV-2026-04-1226", 98_000, _at(4, 14, 2, 15), "recovered", 3, "jpy", "JP", None,
    "Aiko Sample", months=14, on_time=8, entered=Entered.NEXT_NIGHT,
    about="in Tokyo and in yen, which has no decimals; pays half, then the rest",
)  # fmt: skip
BY_WIRE = Sample(
    "Fennimore Press", "INV-2026-04-1229", 56_000, _at(4, 16, 14, 20), "recovered", 1, state="PA",
    contact="Cleo Sample", months=5, entered=Entered.BY_HAND,
    about="pays by wire: NetSuite knows, Stripe does not, so nothing more is sent",
)  # fmt: skip
PAUSED = Sample(
    "Larkfield Media", "INV-2026-04-1231", 88_000, _at(4, 13, 13, 0), "recovered", 2, state="MA",
    contact="Tess Sample", months=10, about="an analyst pauses the case for ten days; the rest moves with it",
)  # fmt: skip
WRITTEN_OFF = Sample(
    "Orchard Analytics", "INV-2026-04-1234", 72_000, _at(4, 15, 17, 30), "written_off", 1, state="CO",
    contact="Paul Sample", code="generic_decline", months=11,
    about="finance writes the invoice off at Stripe; every mail stops",
)  # fmt: skip
KEEPS_WORD = Sample(
    "Harrow Instruments", "INV-2026-04-1240", 68_000, _at(4, 9, 14, 5), "recovered", 2, state="NJ",
    contact="Petra Sample", months=9, answers=1, replies=1,
    about="answers the second mail with a date; a colleague confirms it and writes back; they pay that day",
)  # fmt: skip
BREAKS_WORD = Sample(
    "Caldera Foods", "INV-2026-04-1271", 94_000, _at(4, 27, 15, 0), "open", 3, state="OR",
    contact="Milo Sample", months=8, replies=1,
    about="promises a date and lets it pass: the next mail leaves the morning after",
)  # fmt: skip
DISPUTES = Sample(
    "Wrenfield Dental Group", "INV-2026-04-1243", 126_000, _at(4, 10, 15, 20), "recovered", 3, state="OH",
    contact="Lena Sample", months=10, replies=1,
    about="contests the invoice: its clock stands for eleven days, until two seats are credited",
)  # fmt: skip
AWAY = Sample(
    "Pinecrest Learning", "INV-2026-04-1246", 45_000, _at(4, 14, 13, 30), "recovered", 2, state="VA",
    contact="Noel Sample", months=7,
    about="out of the office: a machine answers, nothing waits for it, and the date of return is noted",
)  # fmt: skip
BOUNCES = Sample(
    "Penhallow Optics", "INV-2026-04-1249", 59_000, _at(4, 16, 17, 10), "recovered", 1, state="MN",
    contact="Ada Sample", months=6, gone="Gus Sample",
    about="the contact in NetSuite has left: the mail comes back, and goes to the one Stripe knows at once",
)  # fmt: skip
THREE = Sample(
    "Galloway Textiles", "INV-2026-04-1260", 120_000, _at(4, 20, 14, 0), "recovered", 2, state="NC",
    contact="Rosa Sample", months=8,
    about="three invoices fail at once: the notice is about all, so is the reminder, and its one link pays all",
)  # fmt: skip
SECOND_OF_THREE = replace(THREE, number="INV-2026-04-1261", amount=34_000)
THIRD_OF_THREE = replace(THREE, number="INV-2026-04-1262", amount=9_500)
OVERDUE = Sample(
    "Selkirk Paper", "INV-2026-04-1265", 83_000, _at(4, 6, 9, 0), "recovered", 1, state="ME",
    contact="Ewan Sample", months=12, due=_at(4, 20, 16, 0),
    about="pays by wire, so no charge fails: the case opens when the due date has passed",
)  # fmt: skip

SAMPLES = (
    AURELIUS, NORTHGATE, HALBERD, WAITING, STRATEGIC, SAVES_A_CARD, PAYS_AT_ONCE, PAYS_LATE, NEVER_PAYS, MUNICH,
    TOKYO, BY_WIRE, PAUSED, WRITTEN_OFF, KEEPS_WORD, BREAKS_WORD, DISPUTES, AWAY, BOUNCES, THREE, SECOND_OF_THREE,
    THIRD_OF_THREE, OVERDUE,
)  # fmt: skip
CUSTOMERS = tuple({sample.name: sample for sample in reversed(SAMPLES)}.values())[::-1]


@dataclass(frozen=True, slots=True)
class Ids:
    """What a sample customer is called in each place; `in_netsuite` is empty where NetSuite does not know it."""

    at_stripe: str
    in_netsuite: str


def bring_in(account: Account, company: Company) -> dict[str, Ids]:
    """Bring everybody into both places, customers each with a past; returns their ids by invoice number."""
    staff = {
        person: company.new_employee(*_first_and_last(person.name), person.email)
        for person in (ANALYST, MANAGER, FELIX, VERA, SALES)
    }
    ids: dict[str, Ids] = {}
    for sample in CUSTOMERS:
        in_netsuite = "" if sample.entered is Entered.NEVER else _into_netsuite(company, sample, staff)
        ids[sample.name] = Ids(_into_stripe(account, sample, in_netsuite), in_netsuite)
    return {sample.number: ids[sample.name] for sample in SAMPLES}


def _first_and_last(name: str) -> tuple[str, str]:
    first, _, last = name.partition(" ")
    return first, last


def _into_stripe(account: Account, sample: Sample, in_netsuite: str) -> str:
    metadata = {"dunwell_contact_name": sample.contact}
    if sample.linked:
        metadata["netsuite_id"] = in_netsuite
    customer = account.new_customer(
        sample.name, sample.stripe_email, country=sample.country, state=sample.state, metadata=metadata
    )
    account.history(
        customer, sample.months, amount=sample.amount, currency=sample.currency, on_time=sample.on_time
    )
    method = account.customer_saves_method(customer, DECLINING_CARD)
    account.script(method, sample.outcomes)
    return customer


def _into_netsuite(company: Company, sample: Sample, staff: dict[Person, str]) -> str:
    currency = sample.currency.upper()
    owner = sample.owner or (None if sample.personal else SALES)
    customer = company.new_customer(
        sample.name,
        sales_rep=staff[owner] if owner else None,
        currency=currency,
        fields={"custentity_strategic": "T" if sample.strategic else "F"},
    )
    first, last = _first_and_last(sample.gone or sample.contact)
    if sample.personal:
        company.new_contact(
            customer, "Oscar", "Sample", f"oscar@{sample.domain}", title="Chief Financial Officer"
        )
    email = sample.gone_email or sample.email
    company.new_contact(customer, first, last, email, role="Accounts Payable")
    amount = str(Money(sample.amount, currency).decimal)
    for month in months_before(sample.fails_at.date()):
        number = f"INV-{month:%Y-%m}-{sample.number[-4:]}"
        company.pay(company.new_invoice(customer, number, amount, due=month, currency=currency))
    return customer


def months_before(day: date) -> Iterator[date]:
    """The first days of the three months before a day's."""
    for back in (3, 2, 1):
        count = day.year * 12 + day.month - 1 - back
        yield date(count // 12, count % 12 + 1, 1)
