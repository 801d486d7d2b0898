"""Links of ours: signed, bound to one case or letter, expiring. The vendor's session is made on the button.

Stripe's portal sessions die within minutes, so no session address is ever put in a mail (spec 4). A payment
link opens nothing of the relationship owner's, and theirs pays nothing: each kind is signed for itself.
"""

import hmac
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from django.core import signing
from django.utils.crypto import salted_hmac

from dunwell.engine.ports import Ports
from dunwell.engine.trouble import DATABASE_AWAY
from dunwell.policy import words
from dunwell.policy.facts import Person, Unreadable
from dunwell.policy.money import Money
from dunwell.store import cases, keep, models, timeline
from dunwell.store.claims import one_transaction
from dunwell.store.journal import Journal
from dunwell.store.letterfile import LetterFile, letter_file

log = logging.getLogger(__name__)

LIFETIME = timedelta(days=60)
OWNER_LIFETIME = timedelta(days=30)
OPENED = "link_opened"
# Scanners and browsers that look again and again leave one entry in this time.
OPENED_AGAIN = timedelta(minutes=10)
_SALT = "dunwell.payment-link"
_OWNER_SALT = "dunwell.owner-link"


@dataclass(frozen=True, slots=True)
class LinkView:
    """What the payment page shows. `payable` False: it says `state_sentence` and offers nothing."""

    case_id: int
    invoice_number: str
    amount: str
    customer_name: str
    company_name: str
    bank_transfer: str
    payable: bool
    state_sentence: str
    rail: str


@dataclass(frozen=True, slots=True)
class OwnerView:
    """What the relationship owner's page shows: the letter as it stands, and what it is about."""

    letter: LetterFile
    owner: Person
    customer_name: str
    invoice_number: str
    company_name: str
    case_open: bool


def make_link(case: int, ports: Ports, now: datetime) -> str:
    """Make the address a mail carries for a case; good for 60 days.

    The days count from the house's clock if that is later than `now`: a worker may be acting at an earlier
    instant (`worker --at`), but the page will be asked for by people.
    """
    return f"{ports.base_url}/pay/{_token(case, LIFETIME, _SALT, ports, now)}"


def make_owner_link(letter: int, ports: Ports, now: datetime) -> str:
    """Make the address under which a relationship owner sees one letter; good for 30 days."""
    return f"{ports.base_url}/owner/{_token(letter, OWNER_LIFETIME, _OWNER_SALT, ports, now)}"


def owner_letter(token: str, ports: Ports, now: datetime) -> OwnerView | None:
    """Show the letter an owner's link stands for; None for a forged, expired or foreign token. Changes nothing."""
    letter = _signed_id(token, _OWNER_SALT, ports, now)
    row = None if letter is None else letter_file(letter)
    case = None if row is None else cases.case_with_id(row.case)
    if row is None or case is None:
        return None
    return OwnerView(
        letter=row,
        owner=Person(row.cc_name, row.cc_address),
        customer_name=case.customer.name,
        invoice_number=case.invoice.number,
        company_name=keep.book_of(case.policy_id).policy.company.name,
        case_open=case.closed_at is None,
    )


def link_in(text: str, case: int, ports: Ports, now: datetime) -> str | None:
    """Find a link of ours in a text that is good for this case now; None when there is none."""
    prefix = f"{ports.base_url}/pay/"
    for word in text.split():
        token = word.removeprefix(prefix).rstrip(".,)")
        if word.startswith(prefix) and _signed_id(token, _SALT, ports, now) == case:
            return prefix + token
    return None


def around_link(text: str, case: int, ports: Ports, now: datetime) -> tuple[str, str, str]:
    """Split a text into what stands before a case's link, the link, and the rest; without one all stands before."""
    link = link_in(text, case, ports, now)
    return text.partition(link) if link else (text, "", "")


def open_link(token: str, ports: Ports) -> LinkView | None:
    """Show what a link stands for and note that it was opened; None for a forged or expired token.

    Opening creates nothing at Stripe, so mail scanners are harmless.
    """
    now = ports.clock.now()
    case = _case_of(token, ports, now)
    if case is None:
        return None
    _note(case, OPENED, "The payment link was opened.", now)
    return _view(case)


def start_update(token: str, ports: Ports) -> str | Unreadable | None:
    """Make the vendor's page for this case and return its address; None when there is nothing to pay.

    Cards go to a payment-method session of the portal, bank debits to the hosted invoice page (spec 4).
    """
    now = ports.clock.now()
    case = _case_of(token, ports, now)
    if case is None or not _view(case).payable:
        return None
    if case.invoice.rail == words.Rail.CARD.value:
        back = f"{ports.base_url}/pay/{token}"
        address = ports.payments.open_portal(case.customer.external_id, back)
    else:
        address = ports.payments.hosted_page(case.invoice.external_id)
    if isinstance(address, Unreadable):
        _note(case, "link_failed", f"The payment page could not be made: {address.reason}", now)
    else:
        _note(case, "link_used", "The customer went on to the payment page.", now)
    return address


def _case_of(token: str, ports: Ports, now: datetime) -> models.Case | None:
    case = _signed_id(token, _SALT, ports, now)
    return None if case is None else cases.case_with_id(case)


def _token(id_: int, lifetime: timedelta, salt: str, ports: Ports, now: datetime) -> str:
    until = int((max(now, ports.clock.now()) + lifetime).timestamp())
    return _signer(ports.secret, salt).sign_object([id_, until], compress=False)


def _signed_id(token: str, salt: str, ports: Ports, now: datetime) -> int | None:
    """What a token stands for; None when it was not made here for this purpose, or its time is over."""
    try:
        id_, until = _signer(ports.secret, salt).unsign_object(token)
    except signing.BadSignature:
        return None
    return None if now > datetime.fromtimestamp(until, UTC) else int(id_)


def _note(case: models.Case, kind: str, text: str, now: datetime) -> None:
    """Leave a timeline entry; a customer who wants to pay is not kept from it by a database that is away."""
    try:
        with one_transaction():
            locked = cases.locked_case(case.pk)
            if kind == OPENED and timeline.told_since(locked, OPENED, now - OPENED_AGAIN):
                return
            journal = Journal(now)
            journal.entry(locked, kind, text, by="customer")
            journal.write()
    except DATABASE_AWAY as error:
        log.warning("%s of case %d could not be noted: %s", kind, case.pk, error)


def _view(case: models.Case) -> LinkView:
    policy = keep.book_of(case.policy_id).policy
    status = case.invoice.status
    payable = (
        case.closed_at is None and status == words.InvoiceStatus.OPEN.value and case.invoice.open_minor > 0
    )
    return LinkView(
        case_id=case.pk,
        invoice_number=case.invoice.number,
        amount=str(Money(case.invoice.open_minor, case.invoice.currency)),
        customer_name=case.customer.name,
        company_name=policy.company.name,
        bank_transfer=policy.company.bank_transfer,
        payable=payable,
        state_sentence="" if payable else _state(case),
        rail=case.invoice.rail,
    )


def _state(case: models.Case) -> str:
    ended = {
        words.InvoiceStatus.PAID.value: "This invoice is paid. Thank you: there is nothing left to do.",
        words.InvoiceStatus.VOID.value: "This invoice was cancelled. There is nothing to pay.",
    }
    return ended.get(case.invoice.status, "Nothing can be paid here any more.")


class _Signer(signing.Signer):
    """Django's signer with its key derived once, not again for every mail."""

    def signature(self, value: str | bytes, key: str | bytes | None = None) -> str:
        """Sign as Django does."""
        mac = _keyed(self.salt, key or self.key).copy()
        mac.update(value.encode() if isinstance(value, str) else value)
        return signing.b64_encode(mac.digest()).decode()


@lru_cache(maxsize=8)
def _keyed(salt: str, key: str | bytes) -> hmac.HMAC:
    mac: hmac.HMAC = salted_hmac(f"{salt}signer", "", key, algorithm="sha256")
    return mac


@lru_cache(maxsize=8)
def _signer(secret: str, salt: str) -> _Signer:
    return _Signer(key=secret, salt=salt)
