import tomllib
from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from dunwell.policy.locate import key_lines, line_of
from dunwell.policy.money import Money
from dunwell.policy.policy import (
    Policy,
    PolicyError,
    Problem,
    default_policy,
    parse_policy,
    policy_text,
)
from dunwell.policy.sections import Cadence, Company, built_in_text
from dunwell.policy.words import Band, Stage


def problems_of(text: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, "my.toml")
    return [(problem.line, problem.key, problem.message) for problem in caught.value.problems]


def leaves(table: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for key, value in table.items():
        found |= leaves(value, (*path, key)) if isinstance(value, dict) else {(*path, key)}
    return found


def test_the_packaged_file_holds_exactly_the_values_of_the_code() -> None:
    assert default_policy() == Policy()
    assert default_policy().version == Policy().version


def test_the_packaged_file_lists_every_key_there_is() -> None:
    assert leaves(tomllib.loads(built_in_text())) == leaves(Policy().model_dump())


def test_an_empty_file_is_the_built_in_policy() -> None:
    assert parse_policy("") == default_policy()


def test_a_partial_file_keeps_every_other_value() -> None:
    policy = parse_policy('name = "slow"\n[cadence]\nreminder = 4\n[window]\ncloses = "16:30"\n')

    assert policy == Policy(
        name="slow",
        cadence=Cadence(reminder=4),
        window=default_policy().window.model_copy(update={"closes": time(16, 30)}),
    )


def test_the_values_of_the_spec_are_the_defaults() -> None:
    policy = default_policy()

    assert [policy.cadence.offset(stage) for stage in Stage] == [0, 3, 7, 14, 21]
    assert (policy.window.opens, policy.window.closes) == (time(9), time(17))
    assert policy.payer.cap_days == 2
    assert [policy.pay_by.days(stage) for stage in Stage] == [None, None, 3, 2, 2]
    assert policy.gate.reading_max_age_seconds == 60
    assert policy.gate.tell_person_after_hours == 24
    assert policy.messages.max_words == 120
    assert (policy.personal.retry_at, policy.personal.retry_after_working_days) == (time(10), 3)
    assert (policy.personal.veto_working_hours, policy.personal.max_letters) == (2, 3)
    assert (policy.personal.confirm_within_minutes, policy.personal.send_by) == (15, "netsuite")
    assert policy.retries.days == (1, 3, 5, 7)
    assert (policy.retries.max_per_invoice, policy.retries.max_per_card) == (8, 15)
    assert (policy.retries.card_window_days, policy.retries.represent_window_days) == (30, 180)
    assert (policy.retries.max_represented, policy.retries.represent_codes) == (2, ("R01", "R09"))
    assert policy.thresholds["USD"] == Money(500_000, "USD")
    assert policy.thresholds["JPY"] == Money(750_000, "JPY")
    assert policy.thresholds["KWD"] == Money(1_500_000, "KWD")
    assert policy.bands.patient.min_on_time_ratio == Decimal("0.85")


def test_each_band_has_the_days_of_the_spec() -> None:
    days = {band: list(offsets.values()) for band, offsets in default_policy().offsets.items()}

    assert days == {
        Band.PATIENT: [0, 5, 11, 21, 30],
        Band.NORMAL: [0, 3, 7, 14, 21],
        Band.TIGHT: [0, 2, 5, 11, 16],
    }


def test_a_gap_is_half_the_planned_one_but_at_least_two_days() -> None:
    gaps = {
        band: [gap.total_seconds() / 86400 for gap in row.values()]
        for band, row in default_policy().gaps.items()
    }

    assert gaps == {
        Band.PATIENT: [2.5, 3, 5, 4.5],
        Band.NORMAL: [2, 2, 3.5, 3.5],
        Band.TIGHT: [2, 2, 3, 2.5],
    }


def test_a_policy_read_back_from_its_own_text_is_equal() -> None:
    policy = parse_policy(
        '[company]\nbank_transfer = "IBAN: DE00\\n\\"Ref\\": INV"\n[bands.tight]\nfactor = 0.8\n'
    )

    again = parse_policy(policy_text(policy))

    assert again == policy
    assert again.version == policy.version
    assert policy_text(again) == policy_text(policy)


def test_the_version_follows_the_content_and_not_how_it_was_written() -> None:
    assert parse_policy("[bands.patient]\nfactor = 1.50").version == default_policy().version
    assert parse_policy("[cadence]\nreminder = 4").version != default_policy().version
    assert parse_policy('name = "slow"').version.startswith("slow-")
    assert len(default_policy().version) == len("default-1a2b3c4d")


def test_a_table_of_thresholds_replaces_the_built_in_one() -> None:
    policy = parse_policy('[track.personal_above]\nUSD = "6000.00"')

    assert dict(policy.thresholds) == {"USD": Money(600_000, "USD")}


def test_a_policy_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        default_policy().name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        default_policy().offsets[Band.NORMAL][Stage.FINAL] = 1  # type: ignore[index]


def test_whoever_collects_on_the_standard_track_is_a_choice() -> None:
    assert parse_policy('[track]\ncollection = "dunwell"').track.collection == "dunwell"


@pytest.mark.parametrize(
    ("retry_at", "ends"), [("10:00", time(12)), ("21:59", time(23, 59)), ("22:30", time.max)]
)
def test_the_mornings_of_retries_last_two_hours_but_end_with_the_day(retry_at: str, ends: time) -> None:
    policy = parse_policy(f'[personal]\nretry_at = "{retry_at}"')

    assert policy.mornings.closes == ends


def test_policies_can_be_used_as_keys() -> None:
    assert {default_policy(): 1}[Policy()] == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[cadence]\ndirct = 5", [(2, "cadence.dirct", "unknown key; did you mean direct?")]),
        ("[nonsense]\na = 1", [(1, "nonsense", "unknown key")]),
        ("\n[bands.patient]\nfator = 2", [(3, "bands.patient.fator", "unknown key; did you mean factor?")]),
        ('[cadence]\nreminder = "3"', [(2, "cadence.reminder", "must be a whole number")]),
        ("[cadence]\nreminder = true", [(2, "cadence.reminder", "must be a whole number")]),
        ("[cadence]\nnotice = 1", [(2, "cadence.notice", "must be at most 0")]),
        ("cadence = 3", [(1, "cadence", "must be a table")]),
        ("name = 7", [(1, "name", "must be text in quotes")]),
        ('name = "No Spaces"', [(1, "name", "must be lower-case letters, digits and hyphens, at most 40")]),
        ('[company]\nname = ""', [(2, "company.name", "must not be empty")]),
        (
            '[company]\ncountry = "Germany"',
            [(2, "company.country", "must be a country's two letters (ISO 3166), such as US or DE")],
        ),
        (
            '[company]\ntimezone = "Mars/Olympus"',
            [(2, "company.timezone", "must be a time zone such as America/New_York")],
        ),
        ('[track]\ncollection = "none"', [(2, "track.collection", "must be 'stripe' or 'dunwell'")]),
        ('[personal]\nsend_by = "post"', [(2, "personal.send_by", "must be 'netsuite' or 'smtp'")]),
        ("[retries]\ndays = [1, 3, 3]", [(2, "retries.days", "must be ascending, no day twice")]),
        ("[retries]\ndays = []", [(2, "retries.days", "must name at least one day")]),
        ("[retries]\ndays = [0, 3]", [(2, "retries.days.0", "must be at least 1")]),
        ("[retries]\nmax_represented = 3", [(2, "retries.max_represented", "must be at most 2")]),
        (
            '[track.personal_above]\nUSD = "1"\nEUR = "much"',
            [(3, "track.personal_above.EUR", 'must be a number such as 1.5 or "5000.00"')],
        ),
        ('[track.personal_above]\nZZZ = "5"', [(2, "track.personal_above.ZZZ", "unknown currency 'ZZZ'")]),
        (
            '[track.personal_above]\nJPY = "5.5"',
            [(2, "track.personal_above.JPY", "'5.5' has more decimals than JPY allows (0)")],
        ),
        (
            '[track.personal_above]\nUSD = "0"',
            [(2, "track.personal_above.USD", "must be an amount above zero for an ISO 4217 code")],
        ),
        ("[cadence]\ndirect = 3", [(2, "cadence.direct", "must be at least 2 days after reminder (3)")]),
        (
            "[cadence]\nfinal = 6\nescalation = 5",
            [
                (2, "cadence.final", "must be at least 2 days after direct (7)"),
                (3, "cadence.escalation", "must be at least 2 days after final (6)"),
                (3, "cadence.escalation", "must lie between 15 and 30 (escalation_min, _max)"),
            ],
        ),
        (
            "[cadence]\nescalation_min = 22\nescalation_max = 20",
            [(3, "cadence.escalation_max", "must not be below escalation_min (22)")],
        ),
        (
            "[bands.patient]\nfactor = 2.5",
            [(2, "bands.patient.factor", "pushes the escalation to day 37, past escalation_max (30)")],
        ),
        ("[bands]\ntight = {factor = 0}", [(2, "bands.tight.factor", "must be more than 0")]),
        ('[window]\nopens = "9"', [(2, "window.opens", 'must be a time of day such as "09:00"')]),
        ('[window]\nopens = "17:00"', [(None, "window.closes", "must be later than opens (17:00)")]),
        ("[payer]\ncap_days = 0", [(2, "payer.cap_days", "must be at least 1")]),
    ],
)
def test_every_mistake_is_named_with_its_line_and_key(
    text: str, expected: list[tuple[int | None, str, str]]
) -> None:
    found = problems_of(text)
    if expected[0][0] is None:  # the key is not in the text: its table is the nearest line
        expected = [(1, key, message) for _, key, message in expected]

    assert found == expected


def test_a_syntax_error_is_named_with_its_line() -> None:
    assert problems_of("name = 'a'\n[cadence\nreminder = 3") == [
        (2, "", "not TOML: Expected ']' at the end of a table declaration")
    ]
    assert problems_of("name = '''a\nb") == [(2, "", "not TOML: Expected \"'''\"")]


def test_all_mistakes_are_reported_together_one_line_each() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy("[cadence]\nreminder = 0\n\n[payer]\ncapdays = 1\n", "my.toml")

    assert str(caught.value) == (
        "my.toml:2: cadence.reminder: must be at least 1\nmy.toml:5: payer.capdays: unknown key; did you mean cap_days?"
    )


def test_a_problem_without_a_line_names_the_file_alone() -> None:
    assert str(PolicyError("my.toml", [Problem(None, "", "cannot be read")])) == "my.toml: cannot be read"


def test_a_company_set_in_code_is_checked_too() -> None:
    with pytest.raises(ValidationError, match="two letters"):
        Company(country="XX")


def test_keys_are_found_on_their_lines() -> None:
    text = "\n".join(
        [
            'name = "x"  # comment',
            "[company]",
            'bank_transfer = """',
            "name = not a key",
            '"""',
            'phone = "1"',
            '[ track . "personal_above" ]',
            '"USD" = "1"',
            "bands.patient.factor = 2",
        ]
    )

    lines = key_lines(text)

    assert lines == {
        ("name",): 1,
        ("company",): 2,
        ("company", "bank_transfer"): 3,
        ("company", "phone"): 6,
        ("track", "personal_above"): 7,
        ("track", "personal_above", "USD"): 8,
        ("track", "personal_above", "bands"): 9,
        ("track", "personal_above", "bands", "patient"): 9,
        ("track", "personal_above", "bands", "patient", "factor"): 9,
    }
    assert line_of(("company", "country"), lines) == 2
    assert line_of(("window", "opens"), lines) is None
