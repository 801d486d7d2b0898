"""Rows to the frozen facts that rules read: a fixed number of queries a batch, whatever its size."""

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any, cast

from django.db.models import Q

from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.store import models
from dunwell.store.claims import RUNNING
from dunwell.store.instruments import instruments

# The columns the rules look at. A row of a few columns costs a third of a model's instance.
_INVOICE = (
    *("id", "external_id", "number", "open_minor", "currency"),
    *("status", "due_on", "rail", "in_flight", "charged_back"),
    *("auto_advance", "next_attempt_at", "ledger_id", "source", "in_flight_since"),
)
_CUSTOMER = (
    *("id", "external_id", "name", "country", "subdivision", "timezone", "strategic"),
    *("mrr_currency", "mrr_minor", "mrr_source", "mrr_as_of", "owner_name", "owner_email"),
    *("tenure_months", "invoices_paid", "invoices_on_time", "failures_90d", "ledger_id", "crm_status"),
)
_CONTACT = ("customer_id", "ledger_id", "name", "email", "source", "deliverable")
_HOLD = (
    *("kind", "case_id", "customer_id", "start_at", "until_at"),
    *("reason", "by", "ended_at", "instalments"),
)
_STEADY = attrgetter(*models.Case.STEADY)
# What reached nobody.
_GONE = {words.MessageState.STOPPED.value, words.MessageState.REFUSED.value, words.MessageState.BOUNCED.value}
# What an effect is in the rules' own words. Messages and letters tell of theirs themselves.
_UNDER_WAY = {
    models.OutboxItem.CHARGE: words.ActionKind.RETRY,
    models.OutboxItem.GATHER: words.ActionKind.GATHER,
    models.OutboxItem.TAKE_OVER: words.ActionKind.TAKE_OVER,
    models.OutboxItem.HAND_BACK: words.ActionKind.HAND_BACK,
    models.OutboxItem.CALL: words.ActionKind.CALL_TASK,
}
_TO_A_CONTACT = (models.OutboxItem.MAIL, models.OutboxItem.LETTER)


def read_locked(ids: Sequence[int]) -> list[models.Case]:
    """Read cases that this transaction has locked (`claims.due_cases`), oldest id first.

    On SQLite the transaction itself (IMMEDIATE) keeps every other writer out.
    """
    rows = list(models.Case.objects.filter(pk__among=set(ids)).order_by("pk"))
    for row in rows:
        row.as_read = _STEADY(row)
    return rows


def snapshots(rows: Sequence[models.Case], now: datetime) -> dict[int, facts.Case]:
    """Build the facts of each case; eight queries for the whole batch.

    One more when a case is on the personal track, two more when we collect an invoice. An invoice or customer
    that hangs on its case is taken from there.
    """
    ids = {row.id for row in rows}
    customers = {row.customer_id for row in rows}
    invoices = _related(rows, "invoice", _INVOICE)
    who = _related(rows, "customer", _CUSTOMER)
    contacts = _contacts(customers)
    holds = _holds(rows, customers, {pk: invoice.currency for pk, invoice in invoices.items()})
    messages, under_way = _outbox(ids)
    written = _written({contact.email for contact, _ in contacts.values()}, now)
    attempts = _attempts({row.invoice_id for row in rows})
    reviews, gate_told = _reviews(ids)
    letters = _letters(rows)
    methods = instruments(rows, {pk: invoice.rail for pk, invoice in invoices.items()}, attempts, now)
    built: dict[int, facts.Case] = {}
    for row in rows:
        contact, contact_id = contacts.get(row.customer_id, (None, ""))
        invoice, customer = invoices[row.invoice_id], who[row.customer_id]
        built[row.id] = facts.Case(
            track=words.Track(row.track) if row.track else None,
            status=words.CaseStatus(row.status),
            opened_at=row.opened_at,
            anchor=row.anchor_at,
            invoice=invoice_facts(invoice),
            customer=customer_facts(customer, contact),
            failed_at=row.failed_at,
            reason=_reason(row),
            messages=tuple(messages[row.id]),
            attempts=tuple(attempts[row.invoice_id]),
            holds=tuple(holds[row.id]),
            reviews=tuple(reviews[row.id]),
            payer_written_at=_written_elsewhere(written, contact, row.id),
            track_chosen=row.track_chosen,
            ledger=_ledger(row, invoice, customer, contact_id) if row.uses_ledger else None,
            collection=_collection(row),
            letters=tuple(letters[row.id]),
            instrument=methods.get(row.id),
            under_way=frozenset(under_way[row.id]),
            reopened_at=row.reopened_at,
            gate_told_at=gate_told.get(row.id),
        )
    return built


def _related(rows: Sequence[models.Case], name: str, columns: Sequence[str]) -> dict[int, Any]:
    field = cast("Any", models.Case._meta.get_field(name))  # noqa: SLF001
    found = {getattr(row, name).id: getattr(row, name) for row in rows if field.is_cached(row)}
    wanted = {getattr(row, field.attname) for row in rows} - found.keys()
    if wanted:
        read = field.related_model.objects.filter(pk__among=wanted)
        found.update((row.id, row) for row in read.values_list(*columns, named=True))
    return found


def invoice_facts(row: models.Invoice) -> facts.Invoice:
    """Turn an invoice row into facts."""
    return facts.Invoice(
        id=row.external_id,
        number=row.number,
        open=Money(row.open_minor, row.currency),
        status=words.InvoiceStatus(row.status),
        due=row.due_on,
        rail=words.Rail(row.rail),
        in_flight=row.in_flight,
        charged_back=row.charged_back,
        auto_advance=row.auto_advance,
        next_attempt=row.next_attempt_at,
        source=words.InvoiceSource(row.source),
        in_flight_since=row.in_flight_since,
    )


def customer_facts(row: models.Customer, contact: facts.Contact | None) -> facts.Customer:
    """Turn a customer row and its contact into facts."""
    record = None
    if row.tenure_months is not None:
        record = facts.PaymentRecord(
            row.tenure_months, row.invoices_paid or 0, row.invoices_on_time or 0, row.failures_90d or 0
        )
    return facts.Customer(
        id=row.external_id,
        name=row.name,
        country=row.country,
        subdivision=row.subdivision,
        timezone=row.timezone,
        mrr=_mrr(row),
        record=record,
        strategic=row.strategic,
        contact=contact,
        owner=facts.Person(row.owner_name, row.owner_email) if row.owner_email else None,
    )


def _mrr(row: models.Customer) -> facts.Mrr | None:
    if row.mrr_minor is None or row.mrr_currency is None:
        return None
    first, second, third = (Money(minor, row.mrr_currency) for minor in row.mrr_minor)
    return facts.Mrr((first, second, third), row.mrr_source, row.mrr_as_of)


def _reason(row: models.Case) -> facts.Reason | None:
    if not row.reason_class:
        return None
    return facts.Reason(
        row.reason_code, words.RetryClass(row.reason_class), row.reason_sentence, row.reason_known
    )


_STRIPES = facts.Collection()


def _collection(row: models.Case) -> facts.Collection:
    if row.collection == words.CollectionOwner.STRIPE.value:
        return _STRIPES
    return facts.Collection(words.CollectionOwner(row.collection), row.taken_over_at, row.proved_at)


def _ledger(row: models.Case, invoice: Any, customer: Any, contact: str) -> facts.LedgerFacts:
    return facts.LedgerFacts(
        read_at=row.gathered_at,
        missing=tuple(str(sentence) for sentence in row.missing),
        customer=customer.ledger_id,
        invoice=invoice.ledger_id,
        contact=contact,
        crm_status=customer.crm_status,
    )


def _contacts(customers: Set[int]) -> dict[int, tuple[facts.Contact, str]]:
    """Pick each customer's contact, with the ledger's id: the first deliverable one by rank, else the first."""
    chosen: dict[int, tuple[facts.Contact, str]] = {}
    rows = models.Contact.objects.filter(customer_id__among=customers).order_by("customer_id", "rank", "pk")
    for customer, ledger_id, *said in rows.values_list(*_CONTACT):
        contact = facts.Contact(*said)
        best = chosen.get(customer)
        if best is None or (contact.deliverable and not best[0].deliverable):
            chosen[customer] = contact, ledger_id
    return chosen


def _holds(
    rows: Sequence[models.Case], customers: Set[int], currencies: dict[int, str]
) -> dict[int, list[facts.Hold]]:
    by_case: dict[int, list[facts.Hold]] = defaultdict(list)
    by_customer: dict[int, list[int]] = defaultdict(list)
    currency = {row.id: currencies[row.invoice_id] for row in rows}
    for row in rows:
        by_customer[row.customer_id].append(row.id)
    wanted = Q(case_id__among={row.id for row in rows}) | Q(case=None, customer_id__among=customers)
    holds = models.Hold.objects.filter(wanted).order_by("start_at", "pk")
    for hold in holds.values_list(*_HOLD, named=True):
        built = facts.Hold(
            kind=words.HoldKind(hold.kind),
            scope=words.HoldScope.CASE if hold.case_id else words.HoldScope.CUSTOMER,
            start=hold.start_at,
            until=hold.until_at,
            reason=hold.reason,
            by=hold.by,
            ended_at=hold.ended_at,
            instalments=instalments(hold.instalments, currency.get(hold.case_id, "")),
        )
        for case in [hold.case_id] if hold.case_id else by_customer[hold.customer_id]:
            by_case[case].append(built)
    return by_case


def instalments(parts: list[dict[str, Any]], currency: str) -> tuple[facts.Instalment, ...]:
    """The parts of a payment plan, as a hold's row keeps them, in the invoice's currency."""
    return tuple(
        facts.Instalment(
            date.fromisoformat(part["due"]), Money(part["minor"], currency), Money(part["left"], currency)
        )
        for part in parts
    )


def _outbox(ids: Set[int]) -> tuple[dict[int, list[facts.Message]], dict[int, set[words.ActionKind]]]:
    """Read what leaves for each case: its messages, and the other effects that are not done yet."""
    messages: dict[int, list[facts.Message]] = defaultdict(list)
    under_way: dict[int, set[words.ActionKind]] = defaultdict(set)
    rows = models.OutboxItem.objects.filter(case_id__among=ids).order_by("pk")
    for case, kind, stage, state, queued, settled, to in rows.values_list(
        "case_id", "kind", "stage", "state", "queued_at", "settled_at", "to_address"
    ):
        if kind == models.OutboxItem.MAIL:
            messages[case].append(
                facts.Message(words.Stage(stage), settled or queued, words.MessageState(state), to)
            )
        elif state in RUNNING and kind in _UNDER_WAY:
            under_way[case].add(_UNDER_WAY[kind])
    return messages, under_way


def _letters(rows: Sequence[models.Case]) -> dict[int, list[facts.Letter]]:
    found: dict[int, list[facts.Letter]] = defaultdict(list)
    personal = {row.id for row in rows if row.track == words.Track.PERSONAL.value}
    if not personal:
        return found
    for letter in models.Letter.objects.filter(case_id__among=personal).order_by("pk").defer("text", "note"):
        found[letter.case_id].append(
            facts.Letter(
                number=letter.number,
                state=words.LetterState(letter.state),
                drafted_at=letter.drafted_at,
                owner_until=letter.owner_until,
                owner_agreed_at=letter.owner_agreed_at,
                approved_at=letter.approved_at,
                approved_by=letter.approved_by,
                sent_at=letter.sent_at,
                confirmed_at=letter.confirmed_at,
                to=letter.to_address,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Written:
    """A contact was written to about a case, or will be: `mail` is the mail that several cases may share."""

    case: int
    mail: str
    at: datetime
    moving: bool


def _written(addresses: Set[str], now: datetime) -> dict[str, list[_Written]]:
    """Who was written to lately, about which case. Thirty days is more than any per-payer cap."""
    found: dict[str, list[_Written]] = defaultdict(list)
    rows = models.OutboxItem.objects.filter(
        to_address__among=addresses, queued_at__gt=now - timedelta(days=30), kind__in=_TO_A_CONTACT
    ).exclude(state__in=_GONE)
    for address, case, queued, settled, key, carried_by, state in rows.values_list(
        "to_address", "case_id", "queued_at", "settled_at", "key", "carried_by", "state"
    ):
        found[address].append(_Written(case, carried_by or key, settled or queued, state in RUNNING))
    return found


def _written_elsewhere(
    written: dict[str, list[_Written]], contact: facts.Contact | None, case: int
) -> datetime | None:
    """When a contact was last written to about another case; a mail on its way about both is no other mail."""
    said = written.get(contact.email, []) if contact else []
    mine = {each.mail for each in said if each.case == case and each.moving}
    return max((each.at for each in said if each.case != case and each.mail not in mine), default=None)


def _attempts(invoices: Set[int]) -> dict[int, list[facts.Attempt]]:
    found: dict[int, list[facts.Attempt]] = defaultdict(list)
    rows = models.PaymentAttempt.objects.filter(invoice_id__among=invoices).order_by("at", "pk")
    for invoice, at, trigger, outcome, method, code in rows.values_list(
        "invoice_id", "at", "trigger", "outcome", "method", "code"
    ):
        found[invoice].append(
            facts.Attempt(at, words.AttemptTrigger(trigger), words.AttemptOutcome(outcome), method, code)
        )
    return found


def _reviews(ids: Set[int]) -> tuple[dict[int, list[words.ReviewKind]], dict[int, datetime]]:
    """What lies on a desk about each case, and when a person was last told that nothing may be sent."""
    found: dict[int, list[words.ReviewKind]] = defaultdict(list)
    told: dict[int, datetime] = {}
    gate = words.ReviewKind.GATE_CLOSED
    rows = models.ReviewItem.objects.filter(Q(closed_at=None) | Q(kind=gate.value), case_id__among=ids)
    for case, kind, opened, closed in rows.order_by("pk").values_list(
        "case_id", "kind", "opened_at", "closed_at"
    ):
        if closed is None:
            found[case].append(words.ReviewKind(kind))
        if kind == gate.value:
            told[case] = opened
    return found, told
