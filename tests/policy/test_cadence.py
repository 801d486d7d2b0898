from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.cadence import (
    band_of,
    earliest,
    end_of,
    held_time,
    is_active,
    last_sent,
    next_stage,
    offsets,
)
from dunwell.policy.facts import Case, Customer, Hold, PaymentRecord
from dunwell.policy.policy import default_policy, parse_policy
from dunwell.policy.words import Band, HoldKind, MessageState, Stage
from tests.policy.cases import (
    FAILED,
    MUNICH,
    PATIENT,
    TIGHT,
    case,
    customer,
    days,
    hold,
    sent,
    utc,
)

POLICY = default_policy()
NOTICE = sent(Stage.NOTICE, utc("2026-04-07 14:05"))
REMINDER = sent(Stage.REMINDER, utc("2026-04-10 13:00"))
DIRECT = sent(Stage.DIRECT, utc("2026-04-14 13:00"))
FINAL = sent(Stage.FINAL, utc("2026-04-21 13:00"))
SO_FAR = {
    Stage.NOTICE: (),
    Stage.REMINDER: (NOTICE,),
    Stage.DIRECT: (NOTICE, REMINDER),
    Stage.FINAL: (NOTICE, REMINDER, DIRECT),
    Stage.ESCALATION: (NOTICE, REMINDER, DIRECT, FINAL),
}


def due(of: Case, stage: Stage, now: str) -> str:
    return f"{earliest(of, stage, POLICY, utc(now)).at:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("record", "band", "because"),
    [
        (None, Band.TIGHT, "nothing is known about how they pay"),
        (PaymentRecord(12, 12, 12, 0), Band.PATIENT, "12 months of tenure, 12 of 12 invoices on time"),
        (PaymentRecord(11, 12, 12, 0), Band.NORMAL, "11 months of tenure, 12 of 12 invoices on time"),
        (PaymentRecord(12, 11, 11, 0), Band.NORMAL, "12 months of tenure, 11 of 11 invoices on time"),
        (PaymentRecord(12, 16, 15, 0), Band.PATIENT, "12 months of tenure, 15 of 16 invoices on time"),
        (PaymentRecord(12, 16, 14, 0), Band.NORMAL, "12 months of tenure, 14 of 16 invoices on time"),
        (PaymentRecord(12, 12, 12, 2), Band.PATIENT, "12 months of tenure, 12 of 12 invoices on time"),
        (PaymentRecord(2, 2, 2, 0), Band.TIGHT, "less than 3 months of tenure"),
        (PaymentRecord(3, 3, 3, 0), Band.NORMAL, "3 months of tenure, 3 of 3 invoices on time"),
        (PaymentRecord(6, 6, 6, 2), Band.TIGHT, "2 failures in 90 days"),
        (PaymentRecord(6, 6, 6, 1), Band.NORMAL, "6 months of tenure, 6 of 6 invoices on time"),
        (PaymentRecord(6, 6, 4, 0), Band.NORMAL, "6 months of tenure, 4 of 6 invoices on time"),
        (PaymentRecord(6, 6, 3, 0), Band.TIGHT, "only 3 of 6 invoices on time"),
        (PaymentRecord(6, 0, 0, 0), Band.TIGHT, "only 0 of 0 invoices on time"),
    ],
)
def test_the_band_follows_the_customer_s_own_record(
    record: PaymentRecord | None, band: Band, because: str
) -> None:
    choice = band_of(record, POLICY)

    assert (choice.band, choice.because) == (band, because)


def test_a_ratio_of_exactly_the_limit_counts_for_the_customer() -> None:
    exactly_85_percent = PaymentRecord(24, 16, 15, 0)  # (15 + 2) / (16 + 4)
    exactly_60_percent = PaymentRecord(6, 6, 4, 0)  # (4 + 2) / (6 + 4)

    assert band_of(exactly_85_percent, POLICY).band is Band.PATIENT
    assert band_of(exactly_60_percent, POLICY).band is Band.NORMAL


def test_offsets_round_half_up_and_the_escalation_stays_inside_its_limits() -> None:
    policy = parse_policy("[cadence]\nreminder = 2\nescalation_min = 18\n[bands.tight]\nfactor = 1.25\n")

    assert list(offsets(policy, Band.TIGHT).values()) == [0, 3, 9, 18, 26]
    assert list(offsets(policy, Band.PATIENT).values()) == [0, 3, 11, 21, 30]
    assert offsets(parse_policy("[cadence]\nescalation_min = 18"), Band.TIGHT)[Stage.ESCALATION] == 18


def test_offsets_stay_two_days_apart_however_tight() -> None:
    policy = parse_policy("[bands.tight]\nfactor = 0.1\n")

    assert list(offsets(policy, Band.TIGHT).values()) == [0, 2, 4, 6, 15]


@pytest.mark.parametrize(
    ("stage", "at"),
    [
        (Stage.NOTICE, "2026-04-07 14:03"),
        (Stage.REMINDER, "2026-04-10 13:00"),
        (Stage.DIRECT, "2026-04-14 13:00"),
        (Stage.FINAL, "2026-04-21 13:00"),
        (Stage.ESCALATION, "2026-04-28 13:00"),
    ],
)
def test_a_failure_on_tuesday_in_new_york_walks_through_the_calendar(stage: Stage, at: str) -> None:
    assert due(case(messages=SO_FAR[stage]), stage, "2026-04-07 14:05") == at


@pytest.mark.parametrize(
    ("of", "dates"),
    [
        # 7 April + 5 is Sunday 12 April; + 11 is Saturday 18 April.
        (
            customer(record=PATIENT),
            ["2026-04-13 13:00", "2026-04-20 13:00", "2026-04-28 13:00", "2026-05-07 13:00"],
        ),
        (
            customer(record=TIGHT),
            ["2026-04-09 13:00", "2026-04-13 13:00", "2026-04-20 13:00", "2026-04-23 13:00"],
        ),
        # 1 May is a holiday in Munich: + 21 is Tuesday 28 April, + 7 Tuesday, + 14 Tuesday.
        (
            customer(**MUNICH),
            ["2026-04-10 07:00", "2026-04-14 07:00", "2026-04-21 07:00", "2026-04-28 07:00"],
        ),
    ],
)
def test_the_band_and_the_calendar_set_the_dates_of_the_first_plan(of: Customer, dates: list[str]) -> None:
    planned = [due(case(of=of), stage, "2026-04-07 14:05") for stage in list(Stage)[1:]]

    assert planned == dates


def test_a_failure_late_in_the_evening_counts_from_the_local_date() -> None:
    late = case(
        anchor=utc("2026-04-08 03:30"), failed_at=utc("2026-04-08 03:30")
    )  # 7 April 23:30 in New York

    assert due(late, Stage.REMINDER, "2026-04-08 03:31") == "2026-04-10 13:00"


def test_a_friday_failure_over_a_holiday_weekend_moves_to_the_next_working_day() -> None:
    friday = utc("2026-05-22 15:00")  # Memorial Day is Monday 25 May
    failed = case(anchor=friday, failed_at=friday)

    assert due(failed, Stage.REMINDER, "2026-05-22 15:01") == "2026-05-26 13:00"


def test_a_stage_on_a_munich_holiday_moves_past_the_weekend() -> None:
    failed = utc("2026-04-28 10:00")
    of = case(of=customer(**MUNICH), anchor=failed, failed_at=failed)

    assert due(of, Stage.REMINDER, "2026-04-28 10:01") == "2026-05-04 07:00"


def test_nine_in_the_morning_stays_nine_across_the_change_of_clocks() -> None:
    before = utc("2026-03-05 15:00")  # clocks change on 8 March 2026
    of = case(anchor=before, failed_at=before)

    assert due(of, Stage.REMINDER, "2026-03-05 15:01") == "2026-03-09 13:00"
    assert due(case(anchor=utc("2026-03-02 15:00")), Stage.REMINDER, "2026-03-02 15:01") == "2026-03-05 14:00"


def test_a_failure_on_the_leap_day_counts_through_it() -> None:
    leap = utc("2028-02-29 15:00")
    of = case(anchor=leap, failed_at=leap)

    assert due(of, Stage.REMINDER, "2028-02-29 15:01") == "2028-03-03 14:00"
    assert due(case(anchor=utc("2028-02-26 15:00")), Stage.REMINDER, "2028-02-26 15:01") == "2028-02-29 14:00"


def test_a_thursday_in_riyadh_is_the_last_working_day_of_the_week() -> None:
    tuesday = utc("2026-02-03 10:00")
    of = case(of=customer(country="SA", subdivision=None), anchor=tuesday, failed_at=tuesday)

    assert due(of, Stage.REMINDER, "2026-02-03 10:01") == "2026-02-08 06:00"  # + 3 is Friday


def test_a_stage_that_went_out_late_pushes_the_next_by_half_the_planned_gap() -> None:
    late = sent(Stage.DIRECT, utc("2026-04-20 15:00"))
    of = case(messages=(NOTICE, REMINDER, late))

    # Planned for 21 April; half of seven days after Monday 20 April 11:00 is Thursday 23 April 23:00.
    assert due(of, Stage.FINAL, "2026-04-20 15:01") == "2026-04-24 13:00"
    assert earliest(of, Stage.FINAL, POLICY, utc("2026-04-20 15:01")).because.startswith(
        "3.5 days after the last message, normal band"
    )


def test_two_messages_are_never_closer_than_two_days() -> None:
    late = sent(Stage.NOTICE, utc("2026-04-10 12:00"))

    assert due(case(messages=(late,)), Stage.REMINDER, "2026-04-10 12:01") == "2026-04-13 13:00"


def test_a_message_that_was_stopped_or_refused_does_not_count_as_sent() -> None:
    for state in MessageState:
        of = case(messages=(NOTICE, sent(Stage.REMINDER, REMINDER.at, state)))
        counts = state is MessageState.SENT
        assert next_stage(of) is (Stage.DIRECT if counts else Stage.REMINDER)
        assert last_sent(of) == (REMINDER.at if counts else NOTICE.at)


def test_held_time_moves_the_anchor() -> None:
    pause = hold(utc("2026-04-08 15:00"), utc("2026-04-18 15:00"), ended_at=utc("2026-04-18 15:00"))
    of = case(messages=(NOTICE,), holds=(pause,))

    timing = earliest(of, Stage.REMINDER, POLICY, utc("2026-04-18 15:01"))

    assert f"{timing.at:%Y-%m-%d %H:%M}" == "2026-04-20 13:00"  # 7 + 10 + 3 days
    assert timing.because.startswith("3 days after the failed payment and 10.0 days on hold, normal band")


def test_nothing_goes_before_the_morning_after_a_hold_ended() -> None:
    pause = hold(utc("2026-04-10 12:00"), None, ended_at=utc("2026-04-14 14:00"))
    overdue = case(messages=(NOTICE,), holds=(pause,), anchor=utc("2026-04-01 14:00"))

    # The anchor alone would allow 8 April; the hold was released on Tuesday 14 April.
    assert due(overdue, Stage.REMINDER, "2026-04-14 14:01") == "2026-04-15 13:00"


def test_the_first_notice_also_waits_for_the_morning_after_a_hold() -> None:
    pause = hold(utc("2026-04-07 14:04"), None, ended_at=utc("2026-04-10 20:00"))

    assert (
        due(case(holds=(pause,)), Stage.NOTICE, "2026-04-10 20:01") == "2026-04-13 13:00"
    )  # Friday to Monday


def test_a_hold_that_was_over_before_the_failure_changes_nothing() -> None:
    earlier = hold(utc("2026-04-01 10:00"), utc("2026-04-07 13:00"), ended_at=utc("2026-04-07 13:00"))

    assert due(case(holds=(earlier,)), Stage.NOTICE, "2026-04-07 14:04") == "2026-04-07 14:03"


def test_a_hold_found_over_after_downtime_waits_for_the_next_opening() -> None:
    noticed = utc("2026-04-14 14:00")
    pause = hold(utc("2026-04-08 14:00"), utc("2026-04-08 18:00"), ended_at=noticed)

    assert (
        due(case(messages=(NOTICE,), holds=(pause,)), Stage.REMINDER, "2026-04-14 14:01")
        == "2026-04-15 13:00"
    )


def test_a_hold_noticed_shortly_after_midnight_loses_no_day() -> None:
    # Until the last minute of Wednesday 15 April in New York; the worker looks 20 seconds later, on Thursday.
    pause = hold(utc("2026-04-08 14:00"), utc("2026-04-16 03:59"), ended_at=utc("2026-04-16 04:00"))
    of = case(messages=(NOTICE,), holds=(pause,), anchor=utc("2026-04-01 14:00"))

    assert due(of, Stage.REMINDER, "2026-04-16 04:01") == "2026-04-16 13:00"


@pytest.mark.parametrize("ended_at", [None, utc("2026-04-18 03:59"), utc("2026-04-18 04:00")])
def test_a_broken_promise_resumes_on_the_working_morning_after_the_promised_date(
    ended_at: datetime | None,
) -> None:
    promise = hold(utc("2026-04-12 10:00"), utc("2026-04-18 03:59"), HoldKind.PROMISE, ended_at)
    of = case(messages=(NOTICE, REMINDER), holds=(promise,))  # promised for Friday 17 April

    timing = earliest(of, Stage.DIRECT, POLICY, utc("2026-04-18 04:00"))

    assert f"{timing.at:%Y-%m-%d %H:%M}" == "2026-04-20 13:00"
    assert timing.because.startswith("the morning after a broken promise, normal band")


def test_after_a_broken_promise_only_the_shortest_gap_counts() -> None:
    promise = hold(utc("2026-04-15 10:00"), utc("2026-04-15 22:00"), HoldKind.PROMISE)
    of = case(messages=(NOTICE, REMINDER, DIRECT), holds=(promise,))

    # Half the planned gap would be Friday evening; two days after Tuesday 09:00 is Thursday 09:00.
    assert due(of, Stage.FINAL, "2026-04-15 22:01") == "2026-04-16 13:00"


def test_the_stages_after_the_one_a_broken_promise_resumed_follow_the_moved_anchor() -> None:
    promise = hold(utc("2026-04-12 14:03"), utc("2026-04-18 03:59"), HoldKind.PROMISE)
    resumed = sent(Stage.DIRECT, utc("2026-04-20 13:00"))
    of = case(messages=(NOTICE, REMINDER, resumed), holds=(promise,))

    # 7 April + 14 days + 5.6 days on hold, and no sooner than 3.5 days after Monday 20 April.
    assert due(of, Stage.FINAL, "2026-04-20 13:01") == "2026-04-27 13:00"


def test_a_promise_that_a_person_ended_early_is_not_broken() -> None:
    promise = hold(
        utc("2026-04-12 14:03"), utc("2026-04-25 03:59"), HoldKind.PROMISE, utc("2026-04-13 14:03")
    )
    of = case(messages=(NOTICE, REMINDER), holds=(promise,))

    assert due(of, Stage.DIRECT, "2026-04-26 12:00") == "2026-04-15 13:00"  # 7 + 7 + 1 days


def test_a_hold_is_half_open_and_ends_at_the_earlier_of_its_date_and_its_release() -> None:
    until = FAILED + days(4)
    pause = hold(FAILED, until)

    assert [is_active(pause, at) for at in (FAILED - days(1), FAILED, until - days(1), until)] == [
        False,
        True,
        True,
        False,
    ]
    assert end_of(hold(FAILED, until, ended_at=FAILED + days(1))) == FAILED + days(1)
    assert end_of(hold(FAILED, until, ended_at=FAILED + days(9))) == until
    assert end_of(hold(FAILED, None, ended_at=FAILED + days(9))) == FAILED + days(9)
    assert end_of(hold(FAILED)) is None


def test_overlapping_holds_are_counted_once_and_only_between_the_two_moments() -> None:
    holds = (
        hold(FAILED + days(1), FAILED + days(3)),
        hold(FAILED + days(2), FAILED + days(5)),
        hold(FAILED + days(2.5), FAILED + days(2.6)),
        hold(FAILED - days(9), FAILED + days(0.5)),
        hold(FAILED + days(8), None),
        hold(FAILED + days(90), None),
    )

    assert held_time(holds, FAILED, FAILED + days(10)) == days(0.5 + 4 + 2)
    assert held_time((), FAILED, FAILED + days(10)) == timedelta()


moments = st.integers(0, 60 * 24).map(lambda hours: FAILED + timedelta(hours=hours))
some_holds = st.lists(
    st.builds(hold, moments, st.none() | moments, ended_at=st.none() | moments), max_size=5
).map(tuple)


@given(some_holds, moments, moments)
def test_held_time_agrees_with_counting_the_hours(
    holds: tuple[Hold, ...], one: datetime, other: datetime
) -> None:
    since, now = min(one, other), max(one, other)
    hours = int((now - since) / timedelta(hours=1))

    counted = sum(
        any(is_active(each, since + timedelta(hours=hour)) for each in holds) for hour in range(hours)
    )

    assert held_time(holds, since, now) == timedelta(hours=counted)
