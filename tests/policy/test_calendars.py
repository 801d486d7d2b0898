from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.calendars import PayerCalendar, at_local, calendar_for, into_window, next_opening
from dunwell.policy.facts import Customer
from dunwell.policy.policy import Policy, default_policy
from dunwell.policy.sections import Company, Window
from tests.policy.cases import utc

NINE_TO_FIVE = Window()
NEW_YORK = ZoneInfo("America/New_York")


def calendar_of(
    country: str | None, state: str | None = None, policy: Policy | None = None
) -> tuple[PayerCalendar, str]:
    return calendar_for(
        Customer("cus_1", "Acme", country=country, subdivision=state), policy or default_policy()
    )


def moved(text: str, country: str, zone: str, state: str | None = None, window: Window = NINE_TO_FIVE) -> str:
    calendar = PayerCalendar(country, state)
    at = into_window(utc(text), calendar, ZoneInfo(zone), window)
    assert at.tzinfo is UTC
    return f"{at:%Y-%m-%d %H:%M}"


def test_three_working_days_from_the_worked_example_end_on_friday_in_new_york_and_monday_in_munich() -> None:
    tuesday = date(2026, 4, 28)

    assert calendar_of("US", "NY")[0].add_working_days(tuesday, 3) == date(2026, 5, 1)
    assert calendar_of("DE", "BY")[0].add_working_days(tuesday, 3) == date(2026, 5, 4)
    assert calendar_of("DE", "BY")[0].add_working_days(tuesday, 0) == tuesday


def test_the_choice_of_calendar_says_why() -> None:
    assert calendar_of("DE", "Bavaria") == (PayerCalendar("DE", "BY"), "working days of DE-BY")
    assert calendar_of("DE") == (PayerCalendar("DE"), "working days of DE")
    assert calendar_of("DE", "Narnia") == (
        PayerCalendar("DE"),
        "working days of DE: state 'Narnia' has no calendar of its own",
    )


def test_an_unknown_country_works_on_the_company_s_own_calendar() -> None:
    policy = Policy(company=Company(country="DE", timezone="Europe/Berlin"))

    assert calendar_of(None, policy=policy) == (
        PayerCalendar("DE"),
        "working days of the company's own country DE: no country is known",
    )
    assert calendar_of("Utopia", "BY", policy) == (
        PayerCalendar("DE"),
        "working days of the company's own country DE: 'Utopia' is not a country",
    )


def test_a_country_without_known_holidays_works_monday_to_friday() -> None:
    nowhere = PayerCalendar("XX")

    assert [nowhere.is_working_day(date(2026, 12, day)) for day in range(21, 28)] == [True] * 5 + [False] * 2


def test_a_holiday_of_one_state_is_a_working_day_in_another() -> None:
    corpus_christi = date(2026, 6, 4)

    assert not PayerCalendar("DE", "BY").is_working_day(corpus_christi)
    assert PayerCalendar("DE", "BE").is_working_day(corpus_christi)


@pytest.mark.parametrize(
    ("country", "working"),
    [("SA", ["Sun"]), ("AE", ["Fri"]), ("US", ["Fri"]), ("IL", ["Sun"]), ("BN", ["Sat"])],
)
def test_the_weekend_is_the_country_s_own(country: str, working: list[str]) -> None:
    days = {"Fri": date(2026, 2, 6), "Sat": date(2026, 2, 7), "Sun": date(2026, 2, 8)}

    assert [name for name, day in days.items() if PayerCalendar(country).is_working_day(day)] == working


def test_the_weekend_of_the_emirates_moved_in_2022() -> None:
    calendar = PayerCalendar("AE")

    assert [calendar.is_working_day(date(2021, 11, day)) for day in (5, 6, 7)] == [False, False, True]


def test_a_moved_holiday_at_the_turn_of_the_year_is_free_in_the_year_it_falls_into() -> None:
    # 1 January 2028 is a Saturday, so the United States rest on Friday 31 December 2027.
    assert not PayerCalendar("US").is_working_day(date(2027, 12, 31))


def test_the_leap_day_is_a_day_like_any_other() -> None:
    calendar = PayerCalendar("US", "NY")

    assert calendar.is_working_day(date(2028, 2, 29))
    assert calendar.next_working_day(date(2028, 2, 28)) == date(2028, 2, 29)
    assert calendar.next_working_day(date(2028, 2, 29)) == date(2028, 3, 1)


def test_the_window_is_half_open() -> None:
    assert moved("2026-04-07 13:00", "US", "America/New_York") == "2026-04-07 13:00"
    assert moved("2026-04-07 20:59", "US", "America/New_York") == "2026-04-07 20:59"
    assert moved("2026-04-07 21:00", "US", "America/New_York") == "2026-04-08 13:00"
    assert moved("2026-04-07 12:59", "US", "America/New_York") == "2026-04-07 13:00"


def test_a_friday_evening_before_a_holiday_weekend_moves_to_tuesday() -> None:
    # Memorial Day, Monday 25 May 2026.
    assert moved("2026-05-22 22:00", "US", "America/New_York", "NY") == "2026-05-26 13:00"


def test_a_thursday_evening_in_riyadh_moves_to_sunday() -> None:
    assert moved("2026-02-05 15:00", "SA", "Asia/Riyadh") == "2026-02-08 06:00"


def test_a_friday_in_dubai_is_inside_the_window() -> None:
    assert moved("2026-02-06 06:00", "AE", "Asia/Dubai") == "2026-02-06 06:00"


def test_the_window_follows_the_change_to_summer_time() -> None:
    # Clocks in the United States change on Sunday 8 March 2026.
    assert moved("2026-03-06 23:00", "US", "America/New_York") == "2026-03-09 13:00"
    assert moved("2026-02-27 23:00", "US", "America/New_York") == "2026-03-02 14:00"


def test_a_window_that_opens_in_the_hour_summer_time_skips_still_opens() -> None:
    night = Window(opens=time(2, 30), closes=time(5))

    assert at_local(date(2026, 3, 8), time(2, 30), NEW_YORK) == utc("2026-03-08 07:30")
    # Berlin changes on Sunday 29 March 2026; a calendar without weekends is not needed: Monday opens at 02:30.
    assert moved("2026-03-28 23:00", "DE", "Europe/Berlin", window=night) == "2026-03-30 00:30"


def test_the_repeated_hour_of_winter_time_never_moves_a_message_backwards() -> None:
    # Friday 30 October 2026 in Egypt: midnight repeats 23:00 to 24:00 of Thursday.
    late = Window(opens=time(23, 30), closes=time(23, 59))
    zone, calendar = ZoneInfo("Africa/Cairo"), PayerCalendar("EG")
    at = datetime(2026, 10, 29, 23, 10, tzinfo=zone, fold=1)

    assert into_window(at, calendar, zone, late) >= at


@given(
    st.integers(0, 7 * 365 * 24 * 60),
    st.sampled_from(
        [
            ("US", "America/New_York"),
            ("SA", "Asia/Riyadh"),
            ("NP", "Asia/Kathmandu"),
            ("AU", "Australia/Lord_Howe"),
        ]
    ),
)
def test_moving_into_the_window_is_forward_inside_and_stable(minutes: int, place: tuple[str, str]) -> None:
    at = utc("2024-01-01 00:00") + timedelta(minutes=minutes)
    calendar, zone = PayerCalendar(place[0]), ZoneInfo(place[1])

    inside = into_window(at, calendar, zone, NINE_TO_FIVE)
    local = inside.astimezone(zone)

    assert inside >= at
    assert calendar.is_working_day(local.date())
    assert time(9) <= local.time() < time(17)
    assert into_window(inside, calendar, zone, NINE_TO_FIVE) == inside
    assert next_opening(at, calendar, zone, NINE_TO_FIVE) > at
    assert next_opening(at, calendar, zone, NINE_TO_FIVE).astimezone(zone).time() == time(9)
