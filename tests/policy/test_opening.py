from datetime import date

import pytest

from dunwell.policy.facts import Mrr
from dunwell.policy.money import Money
from dunwell.policy.opening import Opening, open_on, past_due_from
from dunwell.policy.policy import default_policy, parse_policy
from dunwell.policy.words import ReviewKind, Track
from tests.policy.cases import customer, invoice, utc


def opened(*months: str, currency: str = "USD") -> Opening:
    first, second, third = (Money.parse(month, currency) for month in months)
    return open_on(customer(mrr=Mrr((first, second, third), "NetSuite")), default_policy())


@pytest.mark.parametrize(
    ("months", "track"),
    [
        (("5000.00", "5000.00", "5000.00"), Track.STANDARD),
        (("5000.00", "5000.00", "5000.01"), Track.PERSONAL),
        (("4999.99", "5000.00", "5000.01"), Track.STANDARD),
        (("0.00", "0.00", "15000.00"), Track.STANDARD),
        (("0.00", "0.00", "15000.01"), Track.PERSONAL),
        (("0.00", "0.00", "0.00"), Track.STANDARD),
        (("-100.00", "20000.00", "0.00"), Track.PERSONAL),
    ],
)
def test_the_track_is_personal_strictly_above_a_mean_of_5_000(months: tuple[str, ...], track: Track) -> None:
    opening = opened(*months)

    assert (opening.track, opening.review) == (track, None)


def test_the_reason_names_the_three_months_and_their_source() -> None:
    assert opened("9000.00", "9000.00", "9100.00").because == (
        "Three-month MRR of USD 9,000.00, USD 9,000.00 and USD 9,100.00 (NetSuite) averages above USD 5,000.00."
    )


@pytest.mark.parametrize(
    ("currency", "month", "track"),
    [
        ("JPY", "750000", Track.STANDARD),
        ("JPY", "750001", Track.PERSONAL),
        ("KWD", "1500.000", Track.STANDARD),
        ("KWD", "1500.001", Track.PERSONAL),
        ("EUR", "4500.01", Track.PERSONAL),
    ],
)
def test_the_threshold_is_the_one_of_the_currency(currency: str, month: str, track: Track) -> None:
    assert opened(month, month, month, currency=currency).track is track


def test_unknown_mrr_is_not_zero() -> None:
    assert open_on(customer(mrr=None), default_policy()) == Opening(
        None,
        ReviewKind.MRR_UNKNOWN,
        "The MRR of the last three months is unknown, which is not the same as zero.",
    )


def test_a_currency_without_a_threshold_goes_to_a_person() -> None:
    opening = opened("1.00", "1.00", "1.00", currency="BGN")

    assert opening == Opening(
        None, ReviewKind.MRR_UNKNOWN, "The MRR is in BGN, for which the policy has no threshold."
    )


def test_months_in_different_currencies_are_never_averaged() -> None:
    months = (Money(100, "USD"), Money(100, "EUR"), Money(100, "USD"))

    assert open_on(customer(mrr=Mrr(months, "CSV")), default_policy()) == Opening(
        None,
        ReviewKind.MRR_UNKNOWN,
        "The three months of MRR are in different currencies and cannot be averaged.",
    )


def test_the_threshold_of_a_policy_file_is_used() -> None:
    policy = parse_policy('[track.personal_above]\nUSD = "100.00"')
    months = (Money(10_001, "USD"),) * 3

    assert open_on(customer(mrr=Mrr(months, "CSV")), policy).track is Track.PERSONAL


@pytest.mark.parametrize(
    ("zone", "due", "passed"),
    [
        ("America/New_York", date(2026, 4, 6), "2026-04-07 04:00"),
        ("America/New_York", date(2026, 11, 1), "2026-11-02 05:00"),  # clocks went back that day
        ("Pacific/Honolulu", date(2026, 4, 6), "2026-04-07 10:00"),
        ("Asia/Tokyo", date(2026, 4, 6), "2026-04-06 15:00"),
        ("Asia/Beirut", date(2026, 3, 28), "2026-03-28 22:00"),  # midnight is skipped there
    ],
)
def test_an_invoice_is_past_due_once_its_whole_day_is_over_at_the_customer_s(
    zone: str, due: date, passed: str
) -> None:
    of = customer(timezone=zone)

    assert past_due_from(invoice(due=due), of, default_policy()) == utc(passed)


def test_an_invoice_without_a_due_date_is_never_past_due() -> None:
    assert past_due_from(invoice(due=None), customer(), default_policy()) is None
