import pytest

from dunwell.policy.facts import Customer
from dunwell.policy.places import state_code
from dunwell.policy.policy import Policy, default_policy
from dunwell.policy.sections import Company
from dunwell.policy.zone_table import (
    countries,
    main_zone,
    states_with_zones,
    zone_names,
    zone_of_state,
)
from dunwell.policy.zones import zone_for

BERLIN = Policy(company=Company(country="DE", timezone="Europe/Berlin"))


def zone_of(
    country: str | None, state: str | None = None, timezone: str | None = None, policy: Policy | None = None
) -> tuple[str, str]:
    customer = Customer("cus_1", "Acme", country=country, subdivision=state, timezone=timezone)
    choice = zone_for(customer, policy or default_policy())
    assert choice.zone.key == choice.name
    return choice.name, choice.because


def test_a_set_zone_wins_over_the_address() -> None:
    assert zone_of("US", "NY", "Europe/Berlin") == ("Europe/Berlin", "set for this customer")


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "new york", "\0"])
def test_a_set_zone_that_does_not_exist_falls_through_and_says_so(name: str) -> None:
    assert zone_of("DE", None, name) == (
        "Europe/Berlin",
        f"{name!r} is not a time zone, so from the billing country DE",
    )


@pytest.mark.parametrize(
    ("country", "state", "zone", "code"),
    [
        ("US", "NY", "America/New_York", "NY"),
        ("US", "California", "America/Los_Angeles", "CA"),
        ("us", "us-tx", "America/Chicago", "TX"),
        ("US", "AZ", "America/Phoenix", "AZ"),
        ("US", "HI", "Pacific/Honolulu", "HI"),
        ("CA", "Québec", "America/Toronto", "QC"),
        ("CA", "BC", "America/Vancouver", "BC"),
        ("AU", "WA", "Australia/Perth", "WA"),
        ("BR", "sao paulo", "America/Sao_Paulo", "SP"),
        ("BR", "AM", "America/Manaus", "AM"),
        ("MX", "Baja California", "America/Tijuana", "BCN"),
        ("MX", "SON", "America/Hermosillo", "SON"),
        ("ES", "Las Palmas", "Atlantic/Canary", "GC"),
        ("PT", "30", "Atlantic/Madeira", "30"),
    ],
)
def test_a_state_with_its_own_clock_decides(country: str, state: str, zone: str, code: str) -> None:
    assert zone_of(country, state) == (zone, f"from the billing address, {country.upper()}-{code}")


def test_a_country_with_one_clock_needs_no_state() -> None:
    assert zone_of("DE", "BY") == ("Europe/Berlin", "from the billing country DE")
    assert zone_of("JP") == ("Asia/Tokyo", "from the billing country JP")
    assert zone_of("IN", "KA") == ("Asia/Kolkata", "from the billing country IN")


def test_a_missing_or_unknown_state_means_where_most_people_live() -> None:
    assert zone_of("US") == (
        "America/New_York",
        "from the billing country US: no state given, so where most people live",
    )
    assert zone_of("AU", "Nowhere") == (
        "Australia/Sydney",
        "from the billing country AU: state 'Nowhere' not in the table, so where most people live",
    )


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        ("AU", "Australia/Sydney"),
        ("BR", "America/Sao_Paulo"),
        ("CA", "America/Toronto"),
        ("RU", "Europe/Moscow"),
        ("UA", "Europe/Kyiv"),
        ("MX", "America/Mexico_City"),
        ("ES", "Europe/Madrid"),
        ("ID", "Asia/Jakarta"),
    ],
)
def test_the_main_zone_is_where_most_people_live(country: str, zone: str) -> None:
    assert main_zone(country) == zone


def test_an_unknown_country_means_the_company_s_own_zone() -> None:
    assert zone_of(None, policy=BERLIN) == ("Europe/Berlin", "no country is known, so the company's own")
    assert zone_of("ZZ", "NY", policy=BERLIN) == (
        "Europe/Berlin",
        "'ZZ' is not a country, so the company's own",
    )


def test_every_zone_of_the_tables_exists() -> None:
    named = {main_zone(country) for country in countries()}
    named |= {zone_of_state(c, state) or "" for c in countries() for state in states_with_zones(c)}

    assert named <= zone_names()


def test_every_american_canadian_australian_and_brazilian_state_has_a_zone() -> None:
    assert {country: len(states_with_zones(country)) for country in ("US", "CA", "AU", "BR", "MX")} == {
        "US": 56,
        "CA": 13,
        "AU": 8,
        "BR": 27,
        "MX": 32,
    }


def test_a_state_is_read_by_code_or_name_whatever_the_case_and_accents() -> None:
    assert [state_code("DE", text) for text in ("BY", "de-by", "Bayern", "BAVARIA", " by ")] == ["BY"] * 5
    assert state_code("CH", "zurich") == "ZH"
    assert state_code("DE", "Narnia") is None
