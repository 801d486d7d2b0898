"""Reads for the desk: the list of cases and the money at risk.

Everything returns frozen values, never rows, so that a page cannot query by accident. A page costs a
fixed number of queries, however many cases there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q, QuerySet, Sum

from dunwell.policy import facts, words
from dunwell.policy.money import Money
from dunwell.store import models
from dunwell.store.snapshots import customer_facts

PAGE = 50
LAST_PAGE = 200
FOUND_AT_MOST = 500
# Counting and adding up more than this would make people wait; they can ask for it all the same.
COUNT_AT_MOST = 50_000

ACTIVE, HELD, EVERYTHING = "", "held", "everything"
SORTS: dict[str, tuple[str, ...]] = {
    # Amounts of different currencies cannot be compared, so each currency stands together.
    "amount": ("invoice__currency", "-invoice__open_minor", "pk"),
    "age": ("anchor_at", "pk"),
    "next": ("due_at", "pk"),
    "customer": ("customer__name", "pk"),
    "newest": ("-pk",),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases to list, in which of the `SORTS`.

    `status` is a `CaseStatus` value, `held`, `everything`, or "" for all not closed. `count_at_most` is
    where counting and adding up give way to speed; None never stops.
    """

    status: str = ACTIVE
    track: str = ""
    currency: str = ""
    search: str = ""
    sort: str = "amount"
    page: int = 1
    count_at_most: int | None = COUNT_AT_MOST


@dataclass(frozen=True, slots=True)
class HeldBy:
    """The hold a case waits under: its own before its customer's, then the one that lasts longest."""

    kind: words.HoldKind
    until: datetime | None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One line of the list of cases. `unsigned`: it waits for nothing but the signature under a draft."""

    id: int
    policy: str
    customer: facts.Customer
    invoice: str
    open: Money
    track: words.Track | None
    status: words.CaseStatus
    ending: words.Ending | None
    hold: HeldBy | None
    anchor: datetime
    next_look: datetime | None
    closed_at: datetime | None
    stage: words.Stage | None
    last: str
    last_at: datetime | None
    unsigned: bool


@dataclass(frozen=True, slots=True)
class AtRisk:
    """Open money of the listed cases in one currency."""

    open: Money
    cases: int


@dataclass(frozen=True, slots=True)
class CaseList:
    """One page of cases, how many match, and the money at risk in each currency: what is open on open cases.

    `count` and `totals` are None when there are more cases than were to be counted.
    """

    rows: tuple[CaseRow, ...]
    more: bool
    count: int | None
    totals: tuple[AtRisk, ...] | None


def list_cases(wanted: Wanted, now: datetime) -> CaseList:
    """Read one page of the list with its totals."""
    matching = _matching(wanted, now)
    page = _page(matching, wanted)
    rows = tuple(_rows(page[:PAGE], now))
    at_risk = matching.filter(closed_at=None)
    return CaseList(
        rows=rows,
        more=len(page) > PAGE,
        count=_count(matching, wanted.count_at_most),
        totals=None if _count(at_risk, wanted.count_at_most) is None else _totals(at_risk),
    )


def _count(found: QuerySet[models.Case], at_most: int | None) -> int | None:
    """Count cases; None when there are more than `at_most`."""
    if at_most is None:
        return found.count()
    count = found.order_by()[: at_most + 1].count()
    return count if count <= at_most else None


def _page(matching: QuerySet[models.Case], wanted: Wanted) -> list[models.Case]:
    """Read a page and one row more, which says whether there is another page."""
    start = (min(wanted.page, LAST_PAGE) - 1) * PAGE
    found = matching.select_related("invoice", "customer").order_by(*SORTS[wanted.sort])
    if wanted.sort != "next":
        return list(found[start : start + PAGE + 1])
    # Cases without an alarm come last. Asked for apart, both halves are found by index.
    timed, untimed = found.filter(due_at__isnull=False), found.filter(due_at=None).order_by("pk")
    page = list(timed[start : start + PAGE + 1])
    missing = PAGE + 1 - len(page)
    if missing:
        before = start + len(page) if page else timed.count()
        skip = max(0, start - before)
        page += untimed[skip : skip + missing]
    return page


def any_case() -> bool:
    """Say whether there has ever been a case."""
    return models.Case.objects.exists()


def currencies() -> tuple[str, ...]:
    """The currencies in which money is open, in order."""
    found = models.Case.objects.filter(closed_at=None).values_list("invoice__currency", flat=True).distinct()
    return tuple(sorted(set(found)))


def active_holds(now: datetime) -> Q:
    """Holds that keep something waiting at `now`; half-open like `facts.Hold`."""
    running = Q(until_at=None) | Q(until_at__gt=now)
    return Q(start_at__lte=now) & running & (Q(ended_at=None) | Q(ended_at__gt=now))


def _matching(wanted: Wanted, now: datetime) -> QuerySet[models.Case]:
    found = models.Case.objects.all()
    if wanted.status in (ACTIVE, HELD):
        found = found.filter(closed_at=None)
    elif wanted.status == words.CaseStatus.CLOSED.value:
        # Not by status: an index on it would bring a million closed cases to sort before the newest fifty.
        found = found.filter(closed_at__isnull=False)
    elif wanted.status != EVERYTHING:
        found = found.filter(status=wanted.status)
    if wanted.status == HELD:
        found = found.filter(_held(now))
    if wanted.status == words.CaseStatus.OPEN.value:
        found = found.exclude(_held(now))
    if wanted.track:
        found = found.filter(track=wanted.track)
    if wanted.currency:
        found = found.filter(invoice__currency=wanted.currency)
    if wanted.search:
        found = found.filter(_found(wanted.search))
    return found


def _held(now: datetime) -> Q:
    """Cases under a hold of their own or of their customer."""
    active = models.Hold.objects.filter(active_holds(now))
    own = active.filter(case__isnull=False).values("case_id")
    whole = active.filter(case=None).values("customer_id")
    return Q(pk__in=own) | Q(customer__in=whole)


def _found(search: str) -> Q:
    """Look the words up first: the database then finds the cases by their keys, not by reading them all."""
    names = models.Customer.objects.filter(name__icontains=search).values_list("pk", flat=True)
    mails = models.Contact.objects.filter(email__icontains=search).values_list("customer_id", flat=True)
    numbers = models.Invoice.objects.filter(number__icontains=search).values_list("pk", flat=True)
    customers = {*names[:FOUND_AT_MOST], *mails[:FOUND_AT_MOST]}
    return Q(customer__in=customers) | Q(invoice__in=list(numbers[:FOUND_AT_MOST]))


def _totals(at_risk: QuerySet[models.Case]) -> tuple[AtRisk, ...]:
    sums = (
        at_risk.order_by()
        .values_list("invoice__currency")
        .annotate(open=Sum("invoice__open_minor"), cases=Count("pk"))
    )
    return tuple(AtRisk(Money(minor, currency), cases) for currency, minor, cases in sorted(sums))


def _rows(rows: Sequence[models.Case], now: datetime) -> list[CaseRow]:
    ids = [row.pk for row in rows]
    last = {
        entry.case_id: entry
        for entry in models.TimelineEntry.objects.filter(case__in=ids, seq=F("case__chain_length"))
    }
    stages = _stages(ids)
    holds, drafts = _holds(rows, now), _drafts(ids)
    return [
        _row(row, last.get(row.pk), stages.get(row.pk), holds.get(row.pk), draft=row.pk in drafts)
        for row in rows
    ]


def _row(
    row: models.Case,
    last: models.TimelineEntry | None,
    stage: words.Stage | None,
    hold: HeldBy | None,
    *,
    draft: bool,
) -> CaseRow:
    runs = row.status == words.CaseStatus.OPEN.value and hold is None and not row.invoice.in_flight
    return CaseRow(
        id=row.pk,
        policy=row.policy_id,
        customer=customer_facts(row.customer, None),
        invoice=row.invoice.number,
        open=Money(row.invoice.open_minor, row.invoice.currency),
        track=words.Track(row.track) if row.track else None,
        status=words.CaseStatus(row.status),
        ending=words.Ending(row.ending) if row.ending else None,
        hold=hold,
        anchor=row.anchor_at,
        next_look=row.due_at,
        closed_at=row.closed_at,
        stage=stage,
        last=last.summary if last else "",
        last_at=last.at if last else None,
        unsigned=draft and runs,
    )


def _drafts(ids: Sequence[int]) -> set[int]:
    """The cases with a letter that nobody has signed yet."""
    found = models.Letter.objects.filter(case__in=ids, state=words.LetterState.DRAFT.value)
    return set(found.values_list("case_id", flat=True))


def _stages(ids: Sequence[int]) -> dict[int, words.Stage]:
    """The last stage each customer was written to about."""
    sent = models.OutboxItem.objects.filter(
        case__in=ids, kind=models.OutboxItem.MAIL, state=words.MessageState.SENT.value
    ).order_by("settled_at", "pk")
    return {case: words.Stage(stage) for case, stage in sent.values_list("case_id", "stage") if stage}


def _holds(rows: Sequence[models.Case], now: datetime) -> dict[int, HeldBy]:
    """Each case's active hold (`HeldBy`)."""
    customers = {row.customer_id for row in rows}
    wanted = Q(case__in=[row.pk for row in rows]) | Q(case=None, customer__in=customers)
    own: dict[int, HeldBy] = {}
    whole: dict[int, HeldBy] = {}
    order = F("until_at").asc(nulls_last=True)
    for hold in models.Hold.objects.filter(wanted, active_holds(now)).order_by(order, "pk"):
        said = HeldBy(words.HoldKind(hold.kind), hold.until_at)
        if hold.case_id is not None:
            own[hold.case_id] = said
        else:
            whole[hold.customer_id] = said
    found = {row.pk: own.get(row.pk) or whole.get(row.customer_id) for row in rows}
    return {case: hold for case, hold in found.items() if hold is not None}
