"""Which cases a mail that nobody could place may be about: a few guesses, each with what it rests on.

A guess is only ever a button for a person. What is searched was written by a stranger, so only the beginning of it
is looked at, and only so many words of it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import CharField, F, Q, QuerySet, Value

from dunwell.store import models
from dunwell.store.replies import ReplyCase, reply_case

MOST = 5
_READ = 4000
_MOST_WORDS = 400
# What may be the number of an invoice: no spaces, and a digit in it.
_NUMBER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9/._#-]{1,60}[A-Za-z0-9])")
# Shorter names and domains stand in too many words.
_SHORTEST = 4
_SECOND_LEVEL = frozenset({"ac", "co", "com", "gov", "net", "org"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A case that an unplaced mail may be about, and why it may."""

    case: ReplyCase
    because: str


def candidates(mail: int) -> tuple[Candidate, ...]:
    """The cases a mail may be about, the likeliest first: by invoice number, by domain, by name. At most five."""
    row = models.IncomingMail.objects.filter(pk=mail).first()
    if row is None:
        return ()
    said = f"{row.subject}\n{row.sender_name}\n{row.own or row.text}"[:_READ]
    domain = row.sender_address.rpartition("@")[2].lower()
    found: dict[int, Candidate] = {}
    for because, cases in (
        ("its number stands in the mail", _numbered(said)),
        (f"somebody else at {domain} is their contact", _at_domain(domain)),
        ("their name stands in the mail", _named(said, domain)),
    ):
        for case in cases:
            found.setdefault(case.pk, Candidate(reply_case(case), because))
    return tuple(found.values())[:MOST]


def _numbered(said: str) -> Iterable[models.Case]:
    """The newest case on each invoice whose number stands there."""
    words = {word for word in _NUMBER.findall(said)[:_MOST_WORDS] if any(sign.isdigit() for sign in word)}
    numbers = words | {word.upper() for word in words}
    known = models.Case.objects.filter(invoice__number__in=numbers).select_related("invoice", "customer")
    newest = {case.invoice_id: case for case in known.order_by("pk")[: 4 * MOST]}
    return sorted(newest.values(), key=lambda case: (case.closed_at is not None, case.pk))


def _open() -> QuerySet[models.Case]:
    return models.Case.objects.filter(closed_at=None).select_related("invoice", "customer").order_by("pk")


def _at_domain(domain: str) -> Iterable[models.Case]:
    """The open cases of those who have a contact there; none where many customers do, as at a mail provider."""
    if "." not in domain:
        return ()
    theirs = models.Contact.objects.filter(email__iendswith=f"@{domain}", customer__cases__closed_at=None)
    customers = set(theirs.values_list("customer", flat=True).distinct()[: MOST + 1])
    return _open().filter(customer__in=customers)[:MOST] if len(customers) <= MOST else ()


def _named(said: str, domain: str) -> Iterable[models.Case]:
    """The open cases of customers whose name stands there, or is that of the sender's domain."""
    text = Value(said, output_field=CharField())
    named = Q(said__icontains=F("customer__name"))
    label = _label(domain)
    if len(label) >= _SHORTEST:
        named |= Q(customer__name__istartswith=label)
    hits = _open().alias(said=text).filter(named)[: 4 * MOST]
    return [case for case in hits if len(case.customer.name) >= _SHORTEST][:MOST]


def _label(domain: str) -> str:
    """The part of a domain that somebody chose: `aurelius-partners.co.uk` is aurelius partners."""
    parts = domain.split(".")[:-1]
    if len(parts) > 1 and parts[-1] in _SECOND_LEVEL:
        parts.pop()
    return parts[-1].replace("-", " ") if parts else ""
