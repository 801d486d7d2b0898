"""The tables of a policy file: one frozen model each, with the values of the spec as defaults."""

import importlib.resources
import re
import tomllib
from datetime import time
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, Strict
from pydantic_core import PydanticCustomError

from dunwell.policy.words import Stage
from dunwell.policy.zone_table import countries, zone_names


def _exact(value: object) -> Decimal:
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite():
            return number
    raise PydanticCustomError("exact", 'must be a number such as 1.5 or "5000.00"')


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def _clock(value: object) -> time:
    if isinstance(value, time) and value.tzinfo is None and not value.second and not value.microsecond:
        return value
    if isinstance(value, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        return time.fromisoformat(value)
    raise PydanticCustomError("clock", 'must be a time of day such as "09:00"')


def _country(value: str) -> str:
    if value not in countries():
        raise PydanticCustomError("country", "must be a country's two letters (ISO 3166), such as US or DE")
    return value


def _timezone(value: str) -> str:
    if value not in zone_names():
        raise PydanticCustomError("timezone", "must be a time zone such as America/New_York")
    return value


def _collection(value: str) -> str:
    if value not in ("stripe", "dunwell"):
        raise PydanticCustomError("collection", "must be 'stripe' or 'dunwell'")
    return value


Exact = Annotated[Decimal, BeforeValidator(_exact), PlainSerializer(_plain)]
ClockTime = Annotated[time, BeforeValidator(_clock), PlainSerializer(lambda value: value.strftime("%H:%M"))]
Days = Annotated[int, Field(ge=1, le=365)]
Ratio = Annotated[Exact, Field(ge=0, le=1)]
Factor = Annotated[Exact, Field(gt=0, le=10)]


class Section(BaseModel):
    """A table of the policy file. Frozen; unknown keys and wrong types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Company(Section):
    """Who the customer owes, and the calendar used where a customer's own is unknown."""

    name: Annotated[str, Field(min_length=1)] = "Our company"
    country: Annotated[str, AfterValidator(_country)] = "US"
    timezone: Annotated[str, AfterValidator(_timezone)] = "America/New_York"
    phone: str = ""
    bank_transfer: str = ""


@lru_cache(maxsize=1)
def built_in_text() -> str:
    """Return the built-in policy file as it is packaged."""
    return (importlib.resources.files("dunwell.policy") / "default.toml").read_text("utf-8")


def _built_in_thresholds() -> dict[str, Decimal]:
    table = tomllib.loads(built_in_text())["track"]["personal_above"]
    return {code: Decimal(amount) for code, amount in table.items()}


class TrackRule(Section):
    """Who is on the personal track, and who collects on the standard track (spec 1, 3)."""

    collection: Annotated[str, AfterValidator(_collection)] = "stripe"
    personal_above: dict[str, Exact] = Field(default_factory=_built_in_thresholds)


class Cadence(Section):
    """Days after the anchor at which each stage is due (spec 1.1, 2)."""

    notice: Annotated[int, Field(ge=0, le=0)] = 0
    reminder: Days = 3
    direct: Days = 7
    final: Days = 14
    escalation: Days = 21
    escalation_min: Days = 15
    escalation_max: Days = 30
    minimum_gap_days: Annotated[int, Field(ge=1, le=30)] = 2

    def offset(self, stage: Stage) -> int:
        """Return a stage's days after the anchor before any band applies."""
        days: int = getattr(self, stage.value)
        return days


class PatientBand(Section):
    """Who gets more time: all conditions must hold (spec 2)."""

    factor: Factor = Decimal("1.5")
    min_tenure_months: Annotated[int, Field(ge=0)] = 12
    min_invoices_paid: Annotated[int, Field(ge=0)] = 12
    min_on_time_ratio: Ratio = Decimal("0.85")

    @cached_property
    def ratio(self) -> tuple[int, int]:
        """The on-time ratio as an exact fraction of whole numbers."""
        return self.min_on_time_ratio.as_integer_ratio()


class TightBand(Section):
    """Who gets less time: any condition is enough (spec 2)."""

    factor: Factor = Decimal("0.75")
    below_tenure_months: Annotated[int, Field(ge=0)] = 3
    failures_90d: Annotated[int, Field(ge=1)] = 2
    below_on_time_ratio: Ratio = Decimal("0.6")

    @cached_property
    def ratio(self) -> tuple[int, int]:
        """The on-time ratio as an exact fraction of whole numbers."""
        return self.below_on_time_ratio.as_integer_ratio()


class Bands(Section):
    """How the customer's own record stretches or tightens the cadence."""

    patient: PatientBand = PatientBand()
    tight: TightBand = TightBand()


class Window(Section):
    """The hours of the customer's clock in which messages other than the notice go out: half-open."""

    opens: ClockTime = time(9)
    closes: ClockTime = time(17)


class Payer(Section):
    """The per-payer cap (spec 2)."""

    cap_days: Annotated[int, Field(ge=1, le=30)] = 2


class Personal(Section):
    """The personal track (spec 1.2): times on the customer's clock, days and hours of their calendar."""

    retry_at: ClockTime = time(10)
    retry_after_working_days: Annotated[int, Field(ge=1, le=20)] = 3
    veto_working_hours: Annotated[int, Field(ge=0, le=40)] = 2
    max_letters: Annotated[int, Field(ge=1, le=10)] = 3
    confirm_within_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    send_by: Literal["netsuite", "smtp"] = "netsuite"


class Retries(Section):
    """Retries of ours, once we own collection (spec 3). Days count from the anchor."""

    days: Annotated[tuple[Days, ...], Strict(strict=False)] = (1, 3, 5, 7)
    max_per_invoice: Annotated[int, Field(ge=1, le=50)] = 8
    max_per_card: Annotated[int, Field(ge=1, le=50)] = 15
    card_window_days: Days = 30
    max_represented: Annotated[int, Field(ge=0, le=2)] = 2
    represent_window_days: Days = 180
    represent_codes: Annotated[tuple[str, ...], Strict(strict=False)] = ("R01", "R09")


class PayBy(Section):
    """Days between sending and the date the message names (spec 1.1)."""

    direct: Annotated[int, Field(ge=1, le=30)] = 3
    final: Annotated[int, Field(ge=1, le=30)] = 2
    escalation: Annotated[int, Field(ge=1, le=30)] = 2

    def days(self, stage: Stage) -> int | None:
        """Return the days for a stage; None for the stages that name no date."""
        return {Stage.DIRECT: self.direct, Stage.FINAL: self.final, Stage.ESCALATION: self.escalation}.get(
            stage
        )


class GateRule(Section):
    """How fresh the ledger's answer must be, and what waits for how long until a person hears of it (spec 5)."""

    reading_max_age_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    tell_person_after_hours: Annotated[int, Field(ge=1, le=240)] = 24
    under_way_days: Annotated[int, Field(ge=1, le=90)] = 14


class Replies(Section):
    """How long a case waits after a reply that names no date (spec 7)."""

    already_paid_days: Annotated[int, Field(ge=1, le=30)] = 3
    document_days: Annotated[int, Field(ge=1, le=30)] = 5


class OverdueRule(Section):
    """Which books are searched for open invoices past their due date that no charge failed on (spec 1).

    The first search reaches `lookback_days` back; what is older was somebody else's to chase.
    """

    stripe: bool = True
    netsuite: bool = False
    lookback_days: Days = 30


class Messages(Section):
    """What holds for every text."""

    max_words: Annotated[int, Field(ge=40, le=500)] = 120
    folder: str = ""
