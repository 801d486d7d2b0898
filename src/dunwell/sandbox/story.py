"""The sandbox's story: what twenty sample customers, their banks and our colleagues do, and when."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from secrets import token_urlsafe

from dunwell.engine import review
from dunwell.policy.facts import Person
from dunwell.policy.money import Money
from dunwell.policy.words import HoldKind, HoldScope
from dunwell.sandbox import people
from dunwell.sandbox.cast import (
    ANALYST,
    AURELIUS,
    BY_WIRE,
    CUSTOMERS,
    FELIX,
    HALBERD,
    MANAGER,
    MUNICH,
    NORTHGATE,
    OVERDUE,
    PAUSED,
    PAYS_AT_ONCE,
    PAYS_LATE,
    SAMPLES,
    SAVES_A_CARD,
    TOKYO,
    VERA,
    WRITTEN_OFF,
    Entered,
    Ids,
    Sample,
    bring_in,
)
from dunwell.sandbox.conversations import conversations, left_to_do, set_machines
from dunwell.sandbox.netsuite import SentMail
from dunwell.sandbox.scene import Scene, april, case_of, invoice_of, may, newest_link, newest_mail
from dunwell.sandbox.stripe import paid
from dunwell.sandbox.world import World
from dunwell.store import accounts

START = datetime(2026, 4, 1, 6, 0, tzinfo=UTC)
END = datetime(2026, 5, 14, 16, 0, tzinfo=UTC)


def play(world: World, tell: Callable[[datetime, str], None]) -> None:
    """Play the whole story; `tell` hears what happens and how time passes."""
    ids = bring_in(world.account, world.company)
    set_machines(world)
    with _colleague(world, MANAGER, signs=True) as manager, _colleague(world, ANALYST) as analyst:
        scenes = [*_failures(ids), *_signed(manager), *_automatic(), *conversations(analyst)]
        _play(scenes, world, tell)
    world.run_to(END, lambda at: tell(at, ""))


def leave_something_to_do(world: World) -> None:
    """Let a reply and a mail nobody can place come in, for whoever looks at the desk."""
    _play(left_to_do(), world, lambda _at, _about: None)


def _play(scenes: Iterable[Scene], world: World, tell: Callable[[datetime, str], None]) -> None:
    for scene in sorted(scenes, key=lambda scene: scene.at):
        world.run_to(scene.at, lambda at: tell(at, ""))
        tell(scene.at, scene.about)
        scene.happens(world)
        world.settle()


def _colleague(world: World, who: Person, *, signs: bool = False) -> people.Colleague:
    """Somebody of ours gets an account and logs in to the desk with it."""
    password = token_urlsafe()
    username = who.name.split()[0].lower()
    person = accounts.make_person(username=username, name=who.name, email=who.email, password=password)
    accounts.set_signer(person, signs=signs)
    return people.Colleague(world.base_url, person.username, password)


def _failures(ids: dict[str, Ids]) -> Iterator[Scene]:
    """What a customer is billed at one moment fails at one moment."""

    def fail(sample: Sample, world: World) -> None:
        for invoice in SAMPLES:
            if invoice.name == sample.name:
                _fail(invoice, ids[invoice.number], world)

    for sample in CUSTOMERS:
        what = "an invoice is sent" if sample.due else "payment fails"
        yield Scene(sample.fails_at, f"{sample.name}: {what}", partial(fail, sample))


def _signed(manager: people.Colleague) -> Iterator[Scene]:
    """What people do about personal mail."""

    def signs(at: datetime, sample: Sample, edit: people.Edit | None = None) -> Scene:
        about = f"{MANAGER.name} signs the mail to {sample.name}"
        return Scene(at, about, lambda _world: manager.sign_draft(case_of(sample).pk, edit))

    yield Scene(april(8, 14, 40), f"{VERA.name} agrees to the mail to {AURELIUS.name}", partial(_agree, VERA))
    yield signs(april(8, 15, 30), AURELIUS, _with_a_personal_line)
    yield signs(april(9, 16, 20), HALBERD)
    yield Scene(april(9, 15, 40), f"{FELIX.name} puts the mail to {NORTHGATE.name} off", _put_off)
    yield signs(april(9, 16, 10), NORTHGATE)
    yield signs(april(14, 16, 10), HALBERD)
    yield Scene(april(15, 14, 20), f"{NORTHGATE.name} saves a card", _save_card_from_letter)
    yield signs(april(17, 15, 40), HALBERD)


def _automatic() -> Iterator[Scene]:
    """What happens around the automatic mails."""
    yield Scene(april(7, 16, 42), "a mail scanner opens every link", partial(_scanner, PAYS_AT_ONCE))
    yield Scene(april(7, 17, 25), f"{PAYS_AT_ONCE.name} saves a card", partial(_save_card, PAYS_AT_ONCE))
    yield Scene(april(14, 14, 0), f"{SAVES_A_CARD.name} saves a card", partial(_save_card, SAVES_A_CARD))
    yield Scene(april(14, 15, 0), f"{PAUSED.name} is paused for ten days", _pause)
    yield Scene(april(17, 9, 0), f"{WRITTEN_OFF.name} is written off", partial(_write_off, WRITTEN_OFF))
    yield Scene(april(17, 13, 0), f"{BY_WIRE.name} pays by wire", partial(_enter_in_netsuite, BY_WIRE))
    yield Scene(april(18, 3, 0), f"{TOKYO.name} pays half", partial(_pay_half, TOKYO))
    yield Scene(april(19, 21, 5), f"Stripe retries {PAYS_LATE.name}", partial(_retry, PAYS_LATE))
    yield Scene(april(21, 5, 0), "the hourly search for overdue invoices", World.sweep)
    yield Scene(april(23, 15, 0), f"{OVERDUE.name} pays by wire", partial(_pay, OVERDUE))
    yield Scene(april(21, 14, 30), f"{BY_WIRE.name} is marked paid at Stripe", partial(_pay, BY_WIRE))
    yield Scene(april(23, 6, 0), f"{TOKYO.name} pays the rest", partial(_pay, TOKYO))
    yield Scene(april(29, 10, 0), f"{PAUSED.name} saves a card", partial(_save_card, PAUSED))
    yield Scene(may(5, 9), f"{MUNICH.name} saves a card", partial(_save_card, MUNICH))


def _fail(sample: Sample, ids: Ids, world: World) -> None:
    invoice = world.account.new_subscription_invoice(
        ids.at_stripe, sample.amount, sample.currency, sample.number, due=sample.due
    )
    if ids.in_netsuite:
        _bill_in_netsuite(sample, ids, invoice, world)
    if sample.due:
        return
    world.account.charge_now(invoice)
    if not sample.personal:
        # Stripe's own retries are told one by one in this story, except where they are taken over.
        world.account.plan_retries(invoice, [])


def _bill_in_netsuite(sample: Sample, ids: Ids, at_stripe: str, world: World) -> None:
    currency = sample.currency.upper()
    amount = str(Money(sample.amount, currency).decimal)
    day = (sample.due or world.clock.now()).date()
    invoice = world.company.new_invoice(ids.in_netsuite, sample.number, amount, due=day, currency=currency)
    world.bills[sample.number] = invoice
    if sample.entered is not Entered.BY_HAND:
        world.bookkeeper.watch(at_stripe, invoice, nightly=sample.entered is Entered.NEXT_NIGHT)


def letters_to(sample: Sample, world: World) -> list[SentMail]:
    """The mails NetSuite sent to a sample customer's contact, oldest first."""
    return [mail for mail in world.company.mail.sent if mail.to == sample.email]


def _scanner(sample: Sample, world: World) -> None:
    people.look(newest_link(sample.email, world))


def _save_card(sample: Sample, world: World) -> None:
    people.save_a_card(newest_link(sample.email, world))


def _save_card_from_letter(world: World) -> None:
    people.save_a_card(people.link_in(letters_to(NORTHGATE, world)[-1].body))


def _agree(owner: Person, world: World) -> None:
    people.agree(people.owner_link_in(newest_mail(owner.email, world)))


def _put_off(world: World) -> None:
    link = people.owner_link_in(newest_mail(FELIX.email, world))
    people.postpone(link, date(2026, 4, 14), "Their finance team is away until Tuesday.")


def _with_a_personal_line(text: str) -> str:
    greeting, _, rest = text.partition("\n\n")
    return f"{greeting}\n\nI hope you are all well in the new office.\n\n{rest}"


def _pay_half(sample: Sample, world: World) -> None:
    world.account.pay_part(invoice_of(sample), sample.amount // 2)


def _pay(sample: Sample, world: World) -> None:
    world.account.pay_outside(invoice_of(sample))


def _enter_in_netsuite(sample: Sample, world: World) -> None:
    world.company.pay(world.bills[sample.number])


def _write_off(sample: Sample, world: World) -> None:
    world.account.mark_uncollectible(invoice_of(sample))


def _retry(sample: Sample, world: World) -> None:
    world.account.charge_now(invoice_of(sample), paid())


def _pause(world: World) -> None:
    review.place_hold(
        case_id=case_of(PAUSED).pk,
        kind=HoldKind.PAUSE,
        scope=HoldScope.CASE,
        until=world.clock.now() + timedelta(days=10),
        reason="Their accounts team is moving offices.",
        by="analyst",
        now=world.clock.now(),
        ports=world.ports,
    )
