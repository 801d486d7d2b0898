"""Links of ours: signed, bound to some cases or a letter, expiring. The vendor's session is made on the button.

Stripe's portal sessions die within minutes, so no session address is ever put in a mail (spec 4). A payment
link opens nothing of the relationship owner's, and theirs pays nothing: each kind is signed for itself.
"""

import hmac
import logging
from collections.abc import Sequence
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
class LinkedInvoice:
    """One invoice of a payment page; `standing` says in a word or two why it cannot be paid.

    `way` is how it is paid: "card", "hosted", or "transfer" and nothing else.
    """

    case_id: int
    number: str
    amount: str
    payable: bool
    standing: str
    way: str


@dataclass(frozen=True, slots=True)
class LinkView:
    """What the payment page shows. `payable` False: it says `state_sentence` and offers nothing.

    `amount` is what is open on all `invoices` together; `way` is "card" when one button serves them all.
    """

    customer_name: str
    company_name: str
    bank_transfer: str
    amount: str
    invoices: tuple[LinkedInvoice, ...]
    payable: bool
    state_sentence: str
    way: str

    @property
    def cards(self) -> bool:
        """Whether any of the invoices is paid by card."""
        return any(each.payable and each.way == _CARD for each in self.invoices)

    @property
    def invoice_number(self) -> str:
        """The number of the invoice, or of all, to be quoted with a transfer."""
        open_ones = [each for each in self.invoices if each.payable] or list(self.invoices)
        return ", ".join(each.number for each in open_ones)


@dataclass(frozen=True, slots=True)
class OwnerView:
    """What the relationship owner's page shows: the letter as it stands, and what it is about."""

    letter: LetterFile
    owner: Person
    customer_name: str
    invoice_number: str
    company_name: str
    case_open: bool


def make_link(case: int | Sequence[int], ports: Ports, now: datetime) -> str:
    """Make the address a mail carries for a case, or for several it is about; good for 60 days.

    The days count from the house's clock if that is later than `now`: a worker may be acting at an earlier
    instant (`worker --at`), but the page will be asked for by people.
    """
    return f"{ports.base_url}/pay/{_token(case, LIFETIME, _SALT, ports, now)}"


def make_owner_link(letter: int, ports: Ports, now: datetime) -> str:
    """Make the address under which a relationship owner sees one letter; good for 30 days."""
    return f"{ports.base_url}/owner/{_token(letter, OWNER_LIFETIME, _OWNER_SALT, ports, now)}"


def owner_letter(token: str, ports: Ports, now: datetime) -> OwnerView | None:
    """Show the letter an owner's link stands for; None for a forged, expired or foreign token. Changes nothing."""
    signed = _signed(token, _OWNER_SALT, ports, now)
    row = letter_file(signed[0]) if len(signed) == 1 else None
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


def link_in(text: str, case: int | Sequence[int], ports: Ports, now: datetime) -> str | None:
    """Find a link of ours in a text that is good for this case, or these cases, now; None when there is none."""
    wanted = {case} if isinstance(case, int) else set(case)
    prefix = f"{ports.base_url}/pay/"
    for word in text.split():
        token = word.removeprefix(prefix).rstrip(".,)")
        if word.startswith(prefix) and set(_signed(token, _SALT, ports, now)) == wanted:
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
    found = _cases_of(token, ports, now)
    if not found:
        return None
    for case in found:
        _note(case, OPENED, "The payment link was opened.", now)
    return _view(found)


def start_update(token: str, ports: Ports, case_id: int | None = None) -> str | Unreadable | None:
    """Make the vendor's page behind a link and return its address; None when there is nothing to pay.

    Cards go to a payment-method session of the portal, which serves all invoices of the link; bank debits go to
    the hosted page of one invoice, `case_id` or else the first (spec 4).
    """
    now = ports.clock.now()
    open_ones = {
        case: bill.way
        for case in _cases_of(token, ports, now)
        if (bill := _bill(case)).payable and bill.way != _WIRE
    }
    cards = [case for case, way in open_ones.items() if way == _CARD]
    one = next((case for case in open_ones if case_id in (None, case.pk)), None)
    if cards and (case_id is None or one in cards):
        meant = cards
        address = ports.payments.open_portal(cards[0].customer.external_id, f"{ports.base_url}/pay/{token}")
    elif one is not None:
        meant, address = [one], ports.payments.hosted_page(one.invoice.external_id)
    else:
        return None
    for case in meant:
        if isinstance(address, Unreadable):
            _note(case, "link_failed", f"The payment page could not be made: {address.reason}", now)
        else:
            _note(case, "link_used", "The customer went on to the payment page.", now)
    return address


def _cases_of(token: str, ports: Ports, now: datetime) -> list[models.Case]:
    found = [cases.case_with_id(case) for case in _signed(token, _SALT, ports, now)]
    return [case for case in found if case is not None]


def _token(id_: int | Sequence[int], lifetime: timedelta, salt: str, ports: Ports, now: datetime) -> str:
    until = int((max(now, ports.clock.now()) + lifetime).timestamp())
    signed = id_ if isinstance(id_, int) else sorted(id_)
    return _signer(ports.secret, salt).sign_object([signed, until], compress=False)


def _signed(token: str, salt: str, ports: Ports, now: datetime) -> tuple[int, ...]:
    """What a token stands for; nothing when it was not made here for this purpose, or its time is over."""
    try:
        id_, until = _signer(ports.secret, salt).unsign_object(token)
    except signing.BadSignature:
        return ()
    if now > datetime.fromtimestamp(until, UTC):
        return ()
    return tuple(int(each) for each in id_) if isinstance(id_, list) else (int(id_),)


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


_STANDING = {words.InvoiceStatus.PAID.value: "Paid", words.InvoiceStatus.VOID.value: "Cancelled"}
# How an invoice is paid behind a link.
_CARD, _HOSTED, _WIRE = "card", "hosted", "transfer"


def _view(found: Sequence[models.Case]) -> LinkView:
    policy = keep.book_of(found[0].policy_id).policy
    bills = tuple(_bill(case) for case in found)
    open_ones = [case for case, bill in zip(found, bills, strict=True) if bill.payable]
    total = sum(case.invoice.open_minor for case in open_ones or found)
    ways = {bill.way for bill in bills if bill.payable}
    return LinkView(
        customer_name=found[0].customer.name,
        company_name=policy.company.name,
        bank_transfer=policy.company.bank_transfer,
        amount=str(Money(total, found[0].invoice.currency)),
        invoices=bills,
        payable=bool(open_ones),
        state_sentence="" if open_ones else _state(found),
        way=ways.pop() if len(ways) == 1 else "",
    )


def _bill(case: models.Case) -> LinkedInvoice:
    open_ = case.closed_at is None and case.invoice.status == words.InvoiceStatus.OPEN.value
    payable = open_ and case.invoice.open_minor > 0
    way = _CARD if case.invoice.rail == words.Rail.CARD.value else _HOSTED
    return LinkedInvoice(
        case_id=case.pk,
        number=case.invoice.number,
        amount=str(Money(case.invoice.open_minor, case.invoice.currency)),
        payable=payable,
        standing="" if payable else _STANDING.get(case.invoice.status, "Nothing to pay"),
        # What is not kept at Stripe has no page there.
        way=way if case.invoice.source == words.InvoiceSource.STRIPE.value else _WIRE,
    )


def _state(found: Sequence[models.Case]) -> str:
    """Say in a sentence why nothing can be paid."""
    states = {case.invoice.status for case in found}
    what = "This invoice is" if len(found) == 1 else "These invoices are"
    if any(case.invoice.charged_back and case.closed_at is None for case in found):
        return "The payment was taken back. Please reply to our last e-mail: a person sees to it."
    if states == {words.InvoiceStatus.PAID.value}:
        return f"{what} paid. Thank you: there is nothing left to do."
    if states == {words.InvoiceStatus.VOID.value}:
        was = "This invoice was" if len(found) == 1 else "These invoices were"
        return f"{was} cancelled. There is nothing to pay."
    return "Nothing can be paid here any more."


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
