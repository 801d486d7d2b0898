"""Doctor: looks at an installation and says what is wrong and what to do about it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from dunwell.engine.ports import Ports
from dunwell.engine.trouble import attempt
from dunwell.policy.book import Book
from dunwell.policy.content.values import is_shared_mailbox
from dunwell.store import invariants

OK, WRONG, NOTE = "ok", "wrong", "note"

SWITCH_OFF = (
    "Switch these off by hand in Stripe's dashboard, or customers hear everything twice: e-mails about "
    "failed card payments, reminders of unpaid invoices, 3D Secure reminders, and Automations that write to customers. "
    "Leave Smart Retries on while collection is 'stripe'."
)


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
    found.extend(_promises(now))
    found.append(Finding("Stripe's own mails", NOTE, SWITCH_OFF))
    return found


def _run(check: Check, found: list[Finding]) -> None:
    found.extend(check())


def _settings(ports: Ports, book: Book) -> Iterator[Finding]:
    if ports.accepts_webhooks:
        yield Finding("webhook", OK, "the endpoint is open")
    else:
        yield Finding("webhook", WRONG, "DUNWELL_STRIPE_WEBHOOK_SECRET is not set, so the endpoint is closed")
    if is_shared_mailbox(ports.sender.email):
        yield Finding(
            "sender", WRONG, f"{ports.sender.email} is a shared mailbox; mail must come from a person"
        )
    else:
        yield Finding("sender", OK, f"{ports.sender.name} <{ports.sender.email}>")
    if not book.policy.company.phone:
        yield Finding("phone", NOTE, "company.phone is empty: the last mail offers no number to call")
    if not book.policy.company.bank_transfer:
        said = "company.bank_transfer is empty: pay pages offer no bank transfer"
        yield Finding("bank transfer", NOTE, said)


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
    ):
        yield Finding(check, WRONG, f"{count} {said}") if count else Finding(check, OK, "yes")
    for note in invariants.failed_events():
        yield Finding("event not applied", NOTE, note)
