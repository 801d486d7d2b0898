"""The policy: every value of spec sections 1 to 7 that a company may want different, checked and frozen."""

import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property, lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Any

import tomli_w
from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from dunwell.policy.locate import key_lines, line_of
from dunwell.policy.money import BadAmountError, Money
from dunwell.policy.sections import (
    Bands,
    Cadence,
    Company,
    GateRule,
    Messages,
    OverdueRule,
    PayBy,
    Payer,
    Personal,
    Replies,
    Retries,
    Section,
    TrackRule,
    Window,
    built_in_text,
)
from dunwell.policy.words import Band, Stage


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a policy file. `line` counts from 1; None when the text does not mention the key."""

    line: int | None
    key: str
    message: str


class PolicyError(ValueError):
    """A policy file that cannot be used. `problems` has one entry per mistake; the text one line each."""

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__("\n".join(self._line(problem) for problem in self.problems))

    def _line(self, problem: Problem) -> str:
        place = self.source if problem.line is None else f"{self.source}:{problem.line}"
        return f"{place}: {problem.key}: {problem.message}" if problem.key else f"{place}: {problem.message}"


class Policy(Section):
    """A whole policy. A key that is left out has the value of spec sections 1 to 7."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = "default"
    company: Company = Company()
    track: TrackRule = Field(default_factory=TrackRule)
    cadence: Cadence = Cadence()
    bands: Bands = Bands()
    window: Window = Window()
    payer: Payer = Payer()
    personal: Personal = Personal()
    retries: Retries = Retries()
    pay_by: PayBy = PayBy()
    gate: GateRule = GateRule()
    replies: Replies = Replies()
    overdue: OverdueRule = OverdueRule()
    messages: Messages = Messages()

    @model_validator(mode="after")
    def _fits_together(self) -> "Policy":
        found = tuple(_contradictions(self))
        if found:
            raise PydanticCustomError(CONTRADICTION, "the values do not fit together", {"found": found})
        return self

    def __hash__(self) -> int:
        return hash(self.version)

    @cached_property
    def version(self) -> str:
        """A short stable id: the name and a fingerprint of the content, such as `default-1a2b3c4d`."""
        return f"{self.name}-{hashlib.sha256(policy_text(self).encode()).hexdigest()[:8]}"

    @cached_property
    def thresholds(self) -> Mapping[str, Money]:
        """The amounts per currency above which a customer is on the personal track (spec 1)."""
        amounts = self.track.personal_above
        return MappingProxyType({code: Money.parse(f"{amounts[code]:f}", code) for code in amounts})

    @cached_property
    def mornings(self) -> Window:
        """The hours of the customer's clock in which retries of ours are made: two from `personal.retry_at` on."""
        opens = self.personal.retry_at
        ends = (datetime.combine(date.min, opens) + MORNING).time()
        return Window.model_construct(opens=opens, closes=ends if ends > opens else time.max)

    @cached_property
    def offsets(self) -> Mapping[Band, Mapping[Stage, int]]:
        """Days after the anchor for each band and stage (spec 2)."""
        return MappingProxyType({band: MappingProxyType(_stretched(self, band)) for band in Band})

    @cached_property
    def gaps(self) -> Mapping[Band, Mapping[Stage, timedelta]]:
        """The shortest time between a stage and the message before it: half the planned gap, or the minimum."""
        least = timedelta(days=self.cadence.minimum_gap_days)
        return MappingProxyType(
            {
                band: MappingProxyType(
                    {
                        after: max(timedelta(days=days[after] - days[before]) / 2, least)
                        for before, after in pairwise(days)
                    }
                )
                for band, days in self.offsets.items()
            }
        )


CONTRADICTION = "contradiction"
MORNING = timedelta(hours=2)


def _factor(policy: Policy, band: Band) -> Decimal:
    match band:
        case Band.PATIENT:
            return policy.bands.patient.factor
        case Band.TIGHT:
            return policy.bands.tight.factor
        case Band.NORMAL:
            return Decimal(1)


def _stretched(policy: Policy, band: Band) -> dict[Stage, int]:
    cadence, factor = policy.cadence, _factor(policy, band)
    days: dict[Stage, int] = {}
    earliest = 0
    for stage in Stage:
        rounded = int((cadence.offset(stage) * factor).quantize(Decimal(1), ROUND_HALF_UP))
        if stage is Stage.ESCALATION:
            rounded = min(max(rounded, cadence.escalation_min), cadence.escalation_max)
        days[stage] = max(rounded, earliest)
        earliest = days[stage] + cadence.minimum_gap_days
    return days


def _contradictions(policy: Policy) -> Iterator[tuple[tuple[str, ...], str]]:
    for code, amount in policy.track.personal_above.items():
        try:
            if Money.parse(f"{amount:f}", code).minor <= 0 or code != code.upper():
                yield ("track", "personal_above", code), "must be an amount above zero for an ISO 4217 code"
        except BadAmountError as error:
            yield ("track", "personal_above", code), str(error)
    if policy.window.opens >= policy.window.closes:
        yield ("window", "closes"), f"must be later than opens ({policy.window.opens:%H:%M})"
    yield from _retry_contradictions(policy)
    yield from _cadence_contradictions(policy)


def _retry_contradictions(policy: Policy) -> Iterator[tuple[tuple[str, ...], str]]:
    days = policy.retries.days
    if any(after <= before for before, after in pairwise(days)):
        yield ("retries", "days"), "must be ascending, no day twice"
    if not days:
        yield ("retries", "days"), "must name at least one day"


def _cadence_contradictions(policy: Policy) -> Iterator[tuple[tuple[str, ...], str]]:
    cadence = policy.cadence
    stages = list(Stage)
    wrong = False
    for before, stage in pairwise(stages):
        gap = cadence.offset(stage) - cadence.offset(before)
        if gap < cadence.minimum_gap_days:
            wrong = True
            yield (
                ("cadence", stage.value),
                f"must be at least {cadence.minimum_gap_days} days after {before} ({cadence.offset(before)})",
            )
    if cadence.escalation_min > cadence.escalation_max:
        yield ("cadence", "escalation_max"), f"must not be below escalation_min ({cadence.escalation_min})"
    elif not cadence.escalation_min <= cadence.escalation <= cadence.escalation_max:
        yield (
            ("cadence", "escalation"),
            f"must lie between {cadence.escalation_min} and {cadence.escalation_max} (escalation_min, _max)",
        )
    elif not wrong:
        for band in (Band.PATIENT, Band.TIGHT):
            if (last := _stretched(policy, band)[Stage.ESCALATION]) > cadence.escalation_max:
                yield (
                    ("bands", band.value, "factor"),
                    f"pushes the escalation to day {last}, past escalation_max ({cadence.escalation_max})",
                )


def policy_text(policy: Policy) -> str:
    """Write a policy as canonical TOML; `parse_policy` reads it back to an equal policy."""
    table = policy.model_dump(mode="json")
    thresholds = table["track"]["personal_above"]
    table["track"]["personal_above"] = {code: thresholds[code] for code in sorted(thresholds)}
    return tomli_w.dumps(table)


@lru_cache(maxsize=1)
def default_policy() -> Policy:
    """Return the built-in policy, read from the packaged `default.toml`."""
    return parse_policy(built_in_text(), "default.toml")


def parse_policy(text: str, source: str = "policy") -> Policy:
    """Read a policy file; keys that are left out keep the built-in values.

    `source` is the file's name for messages. Raises `PolicyError` with every mistake found: TOML syntax,
    unknown keys, wrong types, impossible values and values that do not fit together.
    """
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(source, [_syntax_problem(str(error), text)]) from None
    try:
        return Policy.model_validate(table)
    except ValidationError as error:
        lines = key_lines(text)
        found = [item for detail in error.errors() for item in _sentences(detail)]
        problems = [Problem(line_of(path, lines), ".".join(path), message) for path, message in found]
        problems.sort(key=lambda problem: (problem.line or 0, problem.key))
        raise PolicyError(source, problems) from None


def _syntax_problem(message: str, text: str) -> Problem:
    place = re.search(r" \(at line (\d+), column \d+\)$| \(at end of document\)$", message)
    if place is None:
        return Problem(None, "", f"not TOML: {message}")
    line = int(place[1]) if place[1] else max(1, len(text.splitlines()))
    return Problem(line, "", f"not TOML: {message[: place.start()]}")


_PLAIN_MESSAGES = {
    "int_type": "must be a whole number",
    "string_type": "must be text in quotes",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be lower-case letters, digits and hyphens, at most 40",
}
_LIMITS = {"greater_than_equal": "at least", "less_than_equal": "at most", "greater_than": "more than"}


def _sentences(detail: ErrorDetails) -> Iterator[tuple[tuple[str, ...], str]]:
    kind, context = detail["type"], detail.get("ctx", {})
    path = tuple(str(part) for part in detail["loc"])
    if kind == CONTRADICTION:
        yield from context["found"]
    elif kind == "extra_forbidden":
        yield path, _unknown_key(path)
    elif kind == "literal_error":
        yield path, f"must be {context['expected']}"
    elif kind in _LIMITS:
        yield path, f"must be {_LIMITS[kind]} {next(iter(context.values()))}"
    else:
        yield path, _PLAIN_MESSAGES.get(kind, detail["msg"])


def _unknown_key(path: tuple[str, ...]) -> str:
    known: Any = Policy().model_dump()
    for part in path[:-1]:
        known = known[part]
    near = difflib.get_close_matches(path[-1], list(known), n=1)
    return f"unknown key; did you mean {near[0]}?" if near else "unknown key"
