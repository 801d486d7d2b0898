"""Doctor: looks at an installation and says what is wrong and what to do about it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from dunwell.engine.incoming.look import MAILBOX, TROUBLE
from dunwell.engine.ports import Ports
from dunwell.engine.trouble import attempt
from dunwell.policy.book import Book
from dunwell.policy.content.values import is_shared_mailbox
from dunwell.policy.facts import Person
from dunwell.store import invariants
from dunwell.store.marks import mark_of, place_of

OK, WRONG, NOTE = "ok", "wrong", "note"

SWITCH_OFF = (
    "Switch these off by hand in Stripe's dashboard (its API has no switch), or customers hear everything twice: "
    "e-mails about failed card payments, reminders of unpaid invoices, 3D Secure reminders, and Automations that write "
    "to customers."
)
# Which of Stripe's attempts go on, by who collects on the standard track; large customers are ours in any case.
RETRIES = {
    "stripe": (
        "Leave them on: Stripe retries on the standard track. Invoices of the personal track are taken over one by one "
        "(auto_advance = false), which is read back before every message and every retry."
    ),
    "dunwell": (
        "Dunwell switches them off on each invoice it takes over (auto_advance = false) and reads that back before "
        "every message and every retry; nothing has to be switched off for the whole account. Until an invoice is "
        "taken over, Stripe may make an attempt of its own."
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `state` is ok, wrong or note."""

    check: str
    state: str
    said: str


Check = Callable[[], Sequence[Finding]]


def examine(ports: Ports, book: Book, vendors: Sequence[Check]) -> list[Finding]:
    """Run all checks; a check that itself breaks is a finding too."""
    now = ports.clock.now()
    found = [Finding("policy", OK, f"version {book.version}")]
    found.extend(_settings(ports, book))
    for vendor in vendors:
        trouble = attempt("a check of the doctor's", partial(_run, vendor, found))
        if trouble:
            found.append(Finding("a check", WRONG, trouble))
    found.extend(_mailbox(ports, now))
    found.extend(_promises(now))
    found.append(Finding("Stripe's own mails", NOTE, SWITCH_OFF))
    found.append(Finding("Smart Retries", NOTE, RETRIES[book.policy.track.collection]))
    return found


def _run(check: Check, found: list[Finding]) -> None:
    found.extend(check())


def _settings(ports: Ports, book: Book) -> Iterator[Finding]:
    if ports.accepts_webhooks:
        yield Finding("webhook", OK, "the endpoint is open")
    else:
        yield Finding("webhook", WRONG, "DUNWELL_STRIPE_WEBHOOK_SECRET is not set, so the endpoint is closed")
    yield _person("sender", ports.sender)
    if ports.manager is not None:
        yield _person("manager", ports.manager)
    else:
        yield Finding("manager", NOTE, "DUNWELL_MANAGER is not set: the sender signs personal mail too")
    if ports.ledger is None and book.policy.personal.send_by == "netsuite":
        yield Finding("personal mail", NOTE, "leaves by SMTP, because NetSuite is not set up")
    if not book.policy.company.phone:
        yield Finding("phone", NOTE, "company.phone is empty: the last mail offers no number to call")
    if not book.policy.company.bank_transfer:
        said = "company.bank_transfer is empty: pay pages offer no bank transfer"
        yield Finding("bank transfer", NOTE, said)


# How long a mailbox that is asked every minute may not have answered.
_LONG_UNREAD = timedelta(hours=1)


def _mailbox(ports: Ports, now: datetime) -> Iterator[Finding]:
    """When the mailbox was last read to its end; whether it can be opened now is the vendor's check."""
    if ports.mailbox is None:
        return
    read, trouble = mark_of(MAILBOX), mark_of(TROUBLE)
    if trouble is not None:
        said = f"cannot be read since {trouble:%Y-%m-%d %H:%M} UTC: {place_of(TROUBLE)}"
        yield Finding("mailbox was read", WRONG, said)
    elif read is None:
        yield Finding("mailbox was read", NOTE, "not yet: is a worker running?")
    elif now - read > _LONG_UNREAD:
        said = f"last at {read:%Y-%m-%d %H:%M} UTC: is a worker running?"
        yield Finding("mailbox was read", WRONG, said)
    else:
        yield Finding("mailbox was read", OK, f"{read:%Y-%m-%d %H:%M} UTC")


def _person(who: str, person: Person) -> Finding:
    if is_shared_mailbox(person.email):
        return Finding(who, WRONG, f"{person.email} is a shared mailbox; mail must come from a person")
    return Finding(who, OK, f"{person.name} <{person.email}>")


def _promises(now: datetime) -> Iterator[Finding]:
    for check, count, said in (
        ("no case is forgotten", invariants.forgotten_cases(), "open cases that nothing will wake"),
        (
            "alarms are answered",
            invariants.late_alarms(now),
            "cases due for over an hour: is a worker running?",
        ),
        ("mail leaves", invariants.late_effects(now), "mails or charges due for over an hour"),
        ("events are applied", invariants.stuck_events(now), "events waiting for over an hour"),
        (
            "unknown sends are asked about",
            invariants.unknown_without_a_person(),
            "sends nobody was asked about",
        ),
        (
            "Stripe collects what left our hands",
            invariants.kept_from_stripe(),
            "unpaid invoices nobody collects: switch automatic collection on in Stripe",
        ),
        ("shared mails are whole", invariants.stranded_mails(), "invoices whose shared mail will not leave"),
        ("letters are accounted for", invariants.stranded_letters(), "letters nobody will sign or look for"),
        (
            "mail that came in is looked at",
            invariants.unheard_mails(now),
            "mails nobody has looked at for over an hour",
        ),
        ("replies lie on a desk", invariants.unread_replies(), "replies nobody was asked to read"),
    ):
        yield Finding(check, WRONG, f"{count} {said}") if count else Finding(check, OK, "yes")
    if alone := invariants.left_alone():
        yield Finding("do not contact", NOTE, f"{alone} open cases wait until a person ends the hold")
    for note in invariants.failed_events():
        yield Finding("event not applied", NOTE, note)
