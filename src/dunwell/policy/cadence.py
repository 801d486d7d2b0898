"""When each stage may go out: the customer's band, held time, gaps and the customer's own clock (spec 2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from dunwell.policy.calendars import CalendarChoice, at_local, calendar_of, into_window, next_opening
from dunwell.policy.facts import Case, Customer, Hold, PaymentRecord
from dunwell.policy.policy import Policy
from dunwell.policy.words import Band, HoldKind, MessageState, Stage
from dunwell.policy.zones import ZoneChoice, zone_for

STAGES = tuple(Stage)
_AFTER = dict(pairwise(STAGES))
_RANK = {stage: rank for rank, stage in enumerate(STAGES)}
_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)
# A failure may come from a clock ahead of ours; the anchor never does.
_CLOCKS_DIFFER = timedelta(hours=1)
_AFTER_FAILURE = "{} days after the failed payment"
_AFTER_DUE = "{} days after the invoice was found past due"
_MORNING_AFTER_HOLD = "the morning after a hold ended"


@dataclass(frozen=True, slots=True)
class BandChoice:
    """A band with the reason it applies, as a phrase."""

    band: Band
    because: str


def band_of(record: PaymentRecord | None, policy: Policy) -> BandChoice:
    """Choose a customer's band from how they paid so far: patient first, then tight, else normal (spec 2)."""
    if record is None:
        return BandChoice(Band.TIGHT, "nothing is known about how they pay")
    patient, tight = policy.bands.patient, policy.bands.tight
    on_time, paid = record.invoices_on_time + 2, record.invoices_paid + 4
    counted = f"{record.invoices_on_time} of {record.invoices_paid} invoices on time"
    share, of = patient.ratio
    if (
        record.tenure_months >= patient.min_tenure_months
        and record.invoices_paid >= patient.min_invoices_paid
        and on_time * of >= share * paid
    ):
        return BandChoice(Band.PATIENT, f"{record.tenure_months} months of tenure, {counted}")
    if record.tenure_months < tight.below_tenure_months:
        return BandChoice(Band.TIGHT, f"less than {tight.below_tenure_months} months of tenure")
    if record.failures_90d >= tight.failures_90d:
        return BandChoice(Band.TIGHT, f"{record.failures_90d} failures in 90 days")
    share, of = tight.ratio
    if on_time * of < share * paid:
        return BandChoice(Band.TIGHT, f"only {counted}")
    return BandChoice(Band.NORMAL, f"{record.tenure_months} months of tenure, {counted}")


def offsets(policy: Policy, band: Band) -> Mapping[Stage, int]:
    """Return the days after the anchor at which each stage is due in a band."""
    return policy.offsets[band]


def end_of(hold: Hold) -> datetime | None:
    """Return when a hold is or will be over: its date, or earlier if it was ended; None if open-ended."""
    if hold.until is None or hold.ended_at is None:
        return hold.until or hold.ended_at
    return min(hold.until, hold.ended_at)


def is_active(hold: Hold, now: datetime) -> bool:
    """Say whether a hold is in force at a moment (half-open: at its end it is over)."""
    end = end_of(hold)
    return hold.start <= now and (end is None or now < end)


def held_time(holds: Iterable[Hold], since: datetime, now: datetime) -> timedelta:
    """Return how much of the time between two moments at least one hold was active."""
    spans = sorted((max(hold.start, since), min(end_of(hold) or now, now)) for hold in holds)
    total, covered = timedelta(), since
    for start, end in spans:
        if end > (begin := max(start, covered)):
            total += end - begin
            covered = end
    return total


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A customer's band, zone and calendar under a policy."""

    band: BandChoice
    zone: ZoneChoice
    calendar: CalendarChoice


def rhythm_of(customer: Customer, policy: Policy) -> Rhythm:
    """Choose a customer's band, zone and calendar."""
    return Rhythm(
        band_of(customer.record, policy),
        zone_for(customer, policy),
        calendar_of(customer.country, customer.subdivision, policy.company.country),
    )


@dataclass(frozen=True, slots=True)
class Timing:
    """The earliest moment of a stage, in UTC, with what set it.

    `cause` is a phrase in which `{}` stands for `days`; it is only put into words when somebody asks.
    """

    at: datetime
    stage: Stage
    rhythm: Rhythm
    cause: str
    days: float = 0

    @property
    def because(self) -> str:
        """Say why then: the cause, the band and why, the zone and why. A phrase without a full stop."""
        band, zone = self.rhythm.band, self.rhythm.zone
        return (
            f"{self.cause.format(self.days)}, {band.band.value} band ({band.because}); "
            f"clock of {zone.name} ({zone.because}), {self.rhythm.calendar.because}"
        )


def last_sent(case: Case) -> datetime | None:
    """Return when the latest message of the case was sent; None when none was."""
    return max((message.at for message in case.messages if message.state is MessageState.SENT), default=None)


def next_stage(case: Case) -> Stage | None:
    """Return the first stage after everything that was sent; None when the last one was."""
    rank = 0
    for message in case.messages:
        if message.state is MessageState.SENT:
            rank = max(rank, _RANK[message.stage] + 1)
    return STAGES[rank] if rank < len(STAGES) else None


def stage_after(stage: Stage) -> Stage | None:
    """Return the stage that follows; None after the last."""
    return _AFTER.get(stage)


def earliest(case: Case, stage: Stage, policy: Policy, now: datetime) -> Timing:
    """Return the earliest moment a stage may go out, as far as is known at `now`; it may lie in the past.

    The first notice is due at the anchor, at any hour. Every other stage: the opening of the window on the
    local date of the anchor, moved by held time, plus the band's offset; not before the gap to the last
    message; not before the local morning after a hold ended; inside the window. After a broken promise the
    stage is due the working morning after the promised local date, and only the shortest gap still counts.
    """
    for known in _latest:
        if known[0] is case and known[1] is stage and known[2] is policy and known[3] == now:
            return known[4]
    timing = earliest_after(case, stage, policy, now, last_sent(case))
    _latest[:] = [(case, stage, policy, now, timing)]
    return timing


# The answer given last: one decision asks up to three times.
_latest: list[tuple[Case, Stage, Policy, datetime, Timing]] = []


def earliest_after(case: Case, stage: Stage, policy: Policy, now: datetime, sent: datetime | None) -> Timing:
    """Return what `earliest` returns if the latest message had been sent at `sent`."""
    rhythm = rhythm_of(case.customer, policy)
    floor = morning_after_holds(case, rhythm, policy, now, sent) if case.holds else None
    if stage is Stage.NOTICE:
        if floor is None or floor <= case.anchor:
            return Timing(case.anchor.astimezone(UTC), stage, rhythm, "at once")
        return Timing(floor, stage, rhythm, _MORNING_AFTER_HOLD)
    at, gap, cause, count = _planned(case, stage, rhythm, policy, now, sent)
    if sent is not None and sent + gap > at:
        at, cause, count = sent + gap, "{:g} days after the last message", gap / _DAY
    moved = into_window(at, rhythm.calendar.calendar, rhythm.zone.zone, policy.window)
    if floor is not None and floor > moved:
        return Timing(floor, stage, rhythm, _MORNING_AFTER_HOLD)
    return Timing(moved, stage, rhythm, cause, count)


def _planned(
    case: Case, stage: Stage, rhythm: Rhythm, policy: Policy, now: datetime, sent: datetime | None
) -> tuple[datetime, timedelta, str, float]:
    zone, band = rhythm.zone.zone, rhythm.band.band
    anchor, stood = case.anchor, ""
    if case.holds:
        if promised := promised_date(case, now, sent):
            morning = at_local(_last_day(promised, zone) + _DAY, policy.window.opens, zone)
            word = "plan" if promised in _broken_plans(case) else "promise"
            return morning, policy.cadence.minimum_gap_days * _DAY, f"the morning after a broken {word}", 0
        if held := held_time(case.holds, anchor, now):
            anchor += held
            stood = f" and {held / _DAY:.1f} days on hold"
    days = policy.offsets[band][stage]
    at = at_local(anchor.astimezone(zone).date() + timedelta(days=days), policy.window.opens, zone)
    start = _AFTER_FAILURE if _began_with_a_failure(case) else _AFTER_DUE
    return at, policy.gaps[band][stage], start + stood, days


def _last_day(promised: datetime, zone: ZoneInfo) -> date:
    """The local day a promise lasted through: one that ends at midnight is of the day before."""
    return (promised - _MOMENT).astimezone(zone).date()


def _broken_plans(case: Case) -> list[datetime | None]:
    return [hold.until for hold in case.holds if hold.instalments]


def _began_with_a_failure(case: Case) -> bool:
    """Say whether the clock started at a failed payment, and not before one, when the invoice was past due."""
    return case.failed_at is not None and case.failed_at - case.anchor < _CLOCKS_DIFFER


def promised_date(case: Case, now: datetime, sent: datetime | None) -> datetime | None:
    """Return the latest promised date that passed unpaid and has not been followed by a message.

    `sent` is when the latest message left. A payment plan that broke counts: its end is that of the day on
    which a part was missing.
    """
    dates = [
        hold.until
        for hold in case.holds
        if (hold.kind is HoldKind.PROMISE or hold.instalments)
        and hold.until is not None
        and case.anchor < hold.until <= now
        and (hold.ended_at is None or hold.ended_at >= hold.until)
        and (sent is None or sent < hold.until)
    ]
    return max(dates, default=None)


def morning_after_holds(
    case: Case,
    rhythm: Rhythm,
    policy: Policy,
    now: datetime,
    sent: datetime | None,
    *,
    holds: tuple[Hold, ...] | None = None,
) -> datetime | None:
    """Return the first moment after every hold that ended since the last message; None without one.

    That is the opening on the day after the hold's last local day. A hold that was found over late, after
    downtime, also waits for the next opening after somebody noticed, so that nothing leaves in that breath.
    `holds`: only these, instead of all of the case.
    """
    calendar, zone, window = rhythm.calendar.calendar, rhythm.zone.zone, policy.window
    floor: datetime | None = None
    for hold in case.holds if holds is None else holds:
        end = end_of(hold)
        if end is None or not case.anchor < end <= now or hold.start > end:
            continue
        noticed = max(end, hold.ended_at or end)
        if sent is not None and noticed <= sent:
            continue
        kept = hold.kind is HoldKind.PROMISE and end == hold.until
        next_day = (_last_day(end, zone) if kept else end.astimezone(zone).date()) + _DAY
        first = into_window(at_local(next_day, window.opens, zone), calendar, zone, window)
        if noticed > end:
            first = max(first, next_opening(noticed, calendar, zone, window))
        floor = first if floor is None else max(floor, first)
    return floor
