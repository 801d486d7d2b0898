"""The sandbox's story: ten sample customers whose payments fail in April 2026, and how each case ends."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial

from dunwell.engine import review
from dunwell.policy.words import HoldKind, HoldScope
from dunwell.sandbox.people import link_in, look, save_a_card
from dunwell.sandbox.stripe import declined, paid
from dunwell.sandbox.world import World
from dunwell.store.cases import case_of_invoice

START = datetime(2026, 4, 1, 6, 0, tzinfo=UTC)
END = datetime(2026, 5, 14, 12, 0, tzinfo=UTC)
DECLINING_CARD = "4000000000000341"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample customer and the invoice that fails. `amount` is in Stripe's minor units."""

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
    metadata: dict[str, str] = field(default_factory=dict)
    about: str = ""

    @property
    def email(self) -> str:
        """The contact's address: first name at the company."""
        return f"{self.contact.split()[0].lower()}@{self.name.lower().replace(' ', '-')}.example"


def _april(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 4, day, hour, minute, tzinfo=UTC)


AURELIUS = Sample(
    "Aurelius Partners", "INV-2026-04-1198", 1_420_000, _april(7, 14, 3), "review", 0,
    contact="Marta Sample", about="above 5,000 USD a month: a person writes, nothing goes out by itself",
)  # fmt: skip
NORTHGATE = Sample(
    "Northgate Capital", "INV-2026-04-1201", 240_000, _april(8, 9, 30), "escalated", 4, state="IL",
    contact="Ruth Sample", code="expired_card", months=8,
    metadata={
        "dunwell_strategic": "true",
        "dunwell_owner_name": "Felix Nordstrom",
        "dunwell_owner_email": "felix.nordstrom@dunwell.example",
    },
    about="a strategic account: four mails, then Felix Nordstrom is asked to call",
)  # fmt: skip
HALBERD = Sample(
    "Halberd Cybersecurity", "INV-2026-04-1207", 185_000, _april(9, 15, 12), "recovered", 2, state="TX",
    contact="Owen Sample", about="saves a new card from the second mail; it is charged at once",
)  # fmt: skip
PAYS_AT_ONCE = Sample(
    "Tidewater Design", "INV-2026-04-1210", 49_000, _april(7, 16, 40), "recovered", 1, state="WA",
    contact="Ines Sample", code="do_not_honor", about="opens the first mail and pays within the hour",
)  # fmt: skip
PAYS_LATE = Sample(
    "Brightwell Labs", "INV-2026-04-1214", 79_000, _april(10, 21, 5), "recovered", 3, state="CA",
    contact="Joel Sample", months=6, about="fails on a Friday night; Stripe's own retry succeeds on day nine",
)  # fmt: skip
NEVER_PAYS = Sample(
    "Quillon Freight", "INV-2026-04-1220", 64_000, _april(8, 11, 20), "escalated", 5, state="GA",
    contact="Nina Sample", months=7, about="never answers: five stages, then a person",
)  # fmt: skip
MUNICH = Sample(
    "Isarblick Software", "INV-2026-04-1223", 120_000, _april(17, 8, 0), "recovered", 4, "eur", "DE", "BY",
    "Karl Sample", months=9, about="in Munich: working days and holidays are Bavaria's",
)  # fmt: skip
TOKYO = Sample(
    "Sumida Robotics", "INV-2026-04-1226", 98_000, _april(14, 2, 15), "recovered", 3, "jpy", "JP", None,
    "Aiko Sample", months=14, on_time=8, about="in Tokyo and in yen, which has no decimals; pays half, then the rest",
)  # fmt: skip
PAUSED = Sample(
    "Larkfield Media", "INV-2026-04-1231", 88_000, _april(13, 13, 0), "recovered", 2, state="MA",
    contact="Tess Sample", months=10, about="an analyst pauses the case for ten days; the rest moves with it",
)  # fmt: skip
WRITTEN_OFF = Sample(
    "Orchard Analytics", "INV-2026-04-1234", 72_000, _april(15, 17, 30), "written_off", 1, state="CO",
    contact="Paul Sample", code="generic_decline", months=11,
    about="finance writes the invoice off at Stripe; every mail stops",
)  # fmt: skip

SAMPLES = (
    AURELIUS, NORTHGATE, HALBERD, PAYS_AT_ONCE, PAYS_LATE, NEVER_PAYS, MUNICH, TOKYO, PAUSED, WRITTEN_OFF,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """Something a person or a bank does at a moment."""

    at: datetime
    about: str
    happens: Callable[[World], object]


def people(world: World) -> dict[str, str]:
    """Bring the sample customers into the world, each with a past; returns their invoices by number."""
    invoices: dict[str, str] = {}
    for sample in SAMPLES:
        metadata = {"dunwell_contact_name": sample.contact, **sample.metadata}
        customer = world.account.new_customer(
            sample.name, sample.email, country=sample.country, state=sample.state, metadata=metadata
        )
        world.account.history(
            customer,
            sample.months,
            amount=sample.amount,
            currency=sample.currency,
            on_time=sample.on_time,
        )
        method = world.account.customer_saves_method(customer, DECLINING_CARD)
        world.account.script(method, [declined(sample.code)])
        invoices[sample.number] = customer
    return invoices


def scenes(customers: dict[str, str]) -> Iterator[Scene]:
    """All that happens, in order of time."""
    told = [
        Scene(
            sample.fails_at, f"{sample.name}: payment fails", partial(_fail, sample, customers[sample.number])
        )
        for sample in SAMPLES
    ]
    told += [
        Scene(_april(7, 16, 42), "a mail scanner opens every link", partial(_scanner, PAYS_AT_ONCE)),
        Scene(_april(7, 17, 25), f"{PAYS_AT_ONCE.name} saves a card", partial(_save_card, PAYS_AT_ONCE)),
        Scene(_april(14, 14, 0), f"{HALBERD.name} saves a card", partial(_save_card, HALBERD)),
        Scene(_april(14, 15, 0), f"{PAUSED.name} is paused for ten days", _pause),
        Scene(_april(18, 3, 0), f"{TOKYO.name} pays half", partial(_pay_half, TOKYO)),
        Scene(_april(23, 6, 0), f"{TOKYO.name} pays the rest", partial(_pay, TOKYO)),
        Scene(_april(17, 9, 0), f"{WRITTEN_OFF.name} is written off", partial(_write_off, WRITTEN_OFF)),
        Scene(_april(19, 21, 5), f"Stripe retries {PAYS_LATE.name}", partial(_retry, PAYS_LATE)),
        Scene(_april(29, 10, 0), f"{PAUSED.name} saves a card", partial(_save_card, PAUSED)),
        Scene(
            datetime(2026, 5, 5, 9, 0, tzinfo=UTC), f"{MUNICH.name} saves a card", partial(_save_card, MUNICH)
        ),
    ]
    yield from sorted(told, key=lambda scene: scene.at)


def play(world: World, tell: Callable[[datetime, str], None]) -> None:
    """Play the whole story; `tell` hears what happens and how time passes."""
    customers = people(world)
    for scene in scenes(customers):
        world.run_to(scene.at, lambda at: tell(at, ""))
        tell(scene.at, scene.about)
        scene.happens(world)
        world.settle()
    world.run_to(END, lambda at: tell(at, ""))


def _fail(sample: Sample, customer: str, world: World) -> None:
    invoice = world.account.new_subscription_invoice(customer, sample.amount, sample.currency, sample.number)
    world.account.charge_now(invoice)
    # Stripe's own retries are told one by one in this story.
    world.account.plan_retries(invoice, [])


def _mail_to(sample: Sample, world: World) -> EmailMessage:
    found: EmailMessage = [mail for mail in world.mail.messages() if sample.email in str(mail["To"])][-1]
    return found


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body is not None else ""


def _scanner(sample: Sample, world: World) -> None:
    look(link_in(_text(_mail_to(sample, world))))


def _save_card(sample: Sample, world: World) -> None:
    save_a_card(link_in(_text(_mail_to(sample, world))))


def _invoice_id(sample: Sample) -> str:
    case = case_of_invoice(sample.number)
    if case is None:
        raise LookupError(f"no case on {sample.number}")
    return case.invoice.external_id


def _pay_half(sample: Sample, world: World) -> None:
    world.account.pay_part(_invoice_id(sample), sample.amount // 2)


def _pay(sample: Sample, world: World) -> None:
    world.account.pay_outside(_invoice_id(sample))


def _write_off(sample: Sample, world: World) -> None:
    world.account.mark_uncollectible(_invoice_id(sample))


def _retry(sample: Sample, world: World) -> None:
    world.account.charge_now(_invoice_id(sample), paid())


def _pause(world: World) -> None:
    case = case_of_invoice(PAUSED.number)
    if case is None:
        raise LookupError(f"no case on {PAUSED.number}")
    review.place_hold(
        case_id=case.pk,
        kind=HoldKind.PAUSE,
        scope=HoldScope.CASE,
        until=world.clock.now() + timedelta(days=10),
        reason="Their accounts team is moving offices.",
        by="analyst",
        now=world.clock.now(),
        ports=world.ports,
    )
