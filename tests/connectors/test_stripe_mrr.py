"""MRR rebuilt from invoices, checked against sums done by hand."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.connectors.stripe.mrr import SOURCE, MrrReading, rebuild_mrr
from dunwell.connectors.stripe.shapes import BilledInvoice
from dunwell.policy.facts import Mrr
from dunwell.policy.money import Money

NOW = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)  # so January, February and March 2026 count


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def line(amount: int, start: str, end: str, **changes: Any) -> dict[str, Any]:
    item = {"proration": False, "subscription_item": "si_1"}
    return {
        "amount": amount,
        "currency": "usd",
        "period": {"start": int(at(start).timestamp()), "end": int(at(end).timestamp())},
        "parent": {"type": "subscription_item_details", "subscription_item_details": item},
        **changes,
    }


def invoice(*lines: dict[str, Any], created: str = "2026-03-01", **changes: Any) -> BilledInvoice:
    answer = {
        "id": "in_1",
        "status": "paid",
        "currency": "usd",
        "amount_remaining": 0,
        "created": int(at(created).timestamp()),
        "customer": "cus_1",
        "lines": {"data": list(lines), "has_more": False},
        **changes,
    }
    return BilledInvoice.model_validate(answer)


def months(*invoices: BilledInvoice, now: datetime = NOW) -> list[int]:
    reading = rebuild_mrr(invoices, now, complete=True)
    assert reading.mrr is not None, reading.warning
    assert reading.warning == ""
    return [month.minor for month in reading.mrr.months]


def test_three_monthly_invoices_give_three_months() -> None:
    billed = [
        invoice(line(100_000 + month, f"2026-0{month}-01", f"2026-0{month + 1}-01")) for month in (4, 3, 2, 1)
    ]
    expected = (Money(100_001, "USD"), Money(100_002, "USD"), Money(100_003, "USD"))
    assert rebuild_mrr(billed, NOW, complete=True) == MrrReading(Mrr(expected, SOURCE, date(2026, 4, 7)))


def test_a_yearly_invoice_counts_a_twelfth_a_month() -> None:
    yearly = invoice(line(120_000, "2025-07-19", "2026-07-19"), created="2025-07-19")
    assert months(yearly) == [10_000, 10_000, 10_000]


def test_a_month_that_is_covered_in_part_counts_in_part() -> None:
    split = invoice(line(31_000, "2026-01-15", "2026-02-15"))
    assert months(split) == [17_000, 15_500, 0]  # 17 of 31 days, 14 of 28


def test_a_period_of_odd_length_counts_by_its_days() -> None:
    weeks = invoice(line(7_000, "2026-01-29", "2026-02-05"), line(10_000, "2026-02-26", "2026-03-08T06:00"))
    assert months(weeks) == [3_000, 4_000 + 2_927, 7_073]


def test_a_month_without_any_invoice_counts_nothing() -> None:
    assert months(invoice(line(50_000, "2026-02-01", "2026-03-01"))) == [0, 50_000, 0]


def test_the_current_and_older_months_do_not_count() -> None:
    current = line(90_000, "2026-04-01", "2026-05-01")
    older = line(90_000, "2025-12-01", "2026-01-01")
    assert months(invoice(current, older)) == [0, 0, 0]


def test_open_invoices_count_and_others_do_not() -> None:
    march = line(10_000, "2026-03-01", "2026-04-01")
    counted = [invoice(march, status=status) for status in ("paid", "open", "draft", "void", "uncollectible")]
    assert months(*counted) == [0, 0, 20_000]


def test_one_offs_and_prorations_do_not_count() -> None:
    march = ("2026-03-01", "2026-04-01")
    one_off = line(70_000, *march, parent={"type": "invoice_item_details"})
    orphan = line(70_000, *march, parent=None)
    moved = {"proration": True, "subscription_item": "si_1"}
    prorated = line(
        70_000, *march, parent={"type": "subscription_item_details", "subscription_item_details": moved}
    )
    assert months(invoice(one_off, orphan, prorated, line(10_000, *march))) == [0, 0, 10_000]


def test_discounts_and_taxes_inside_a_price_are_no_revenue() -> None:
    march = line(
        12_000,
        "2026-03-01",
        "2026-04-01",
        discount_amounts=[{"amount": 1_000, "discount": "di_1"}],
        taxes=[{"amount": 1_500, "tax_behavior": "inclusive"}, {"amount": 900, "tax_behavior": "exclusive"}],
    )
    assert months(invoice(march)) == [0, 0, 9_500]


def test_an_empty_period_counts_nothing() -> None:
    assert months(
        invoice(line(9_000, "2026-03-05", "2026-03-05"), line(9_000, "2026-03-09", "2026-03-05"))
    ) == [0, 0, 0]


def test_halves_are_rounded_up_at_the_end_only() -> None:
    halves = [line(1, "2026-02-15T12:00", "2026-03-14T12:00") for _ in range(3)]  # 13.5 of 27 days in each
    assert months(invoice(*halves)) == [0, 2, 2]


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [(90_000, "jpy", 90_000), (90_000, "isk", 900), (90_000, "kwd", 90_000)],
)
def test_months_are_in_iso_minor_units(amount: int, currency: str, expected: int) -> None:
    billed = invoice(line(amount, "2026-03-01", "2026-04-01", currency=currency), currency=currency)
    reading = rebuild_mrr([billed], NOW, complete=True)
    assert reading.mrr is not None
    assert reading.mrr.months[2] == Money(expected, currency.upper())


def test_spreading_isk_over_two_months_loses_no_fraction() -> None:
    billed = invoice(line(100_100, "2026-02-15T12:00", "2026-03-14T12:00", currency="isk"), currency="isk")
    assert months(billed) == [0, 501, 501]


def test_two_currencies_make_mrr_unknown_and_are_never_added() -> None:
    march = ("2026-03-01", "2026-04-01")
    both = [invoice(line(1000, *march)), invoice(line(1000, *march, currency="eur"))]
    warning = "MRR is unknown: recurring invoices are in EUR and USD."
    assert rebuild_mrr(both, NOW, complete=True) == MrrReading(None, warning)


def test_another_currency_in_other_months_does_no_harm() -> None:
    long_ago = invoice(
        line(1000, "2025-03-01", "2025-04-01", currency="eur"), currency="eur", created="2025-03-01"
    )
    assert months(invoice(line(1000, "2026-03-01", "2026-04-01")), long_ago) == [0, 0, 1000]


def test_without_any_invoice_mrr_is_unknown() -> None:
    warning = "MRR is unknown: the customer has no invoice that was paid or is open."
    assert rebuild_mrr([], NOW, complete=True) == MrrReading(None, warning)
    draft = invoice(line(1000, "2026-03-01", "2026-04-01"), status="draft")
    assert rebuild_mrr([draft], NOW, complete=True) == MrrReading(None, warning)


def test_hidden_lines_make_mrr_unknown_unless_they_are_too_old_to_count() -> None:
    march = line(1000, "2026-03-01", "2026-04-01")
    hidden = invoice(lines={"data": [march], "has_more": True})
    warning = "MRR is unknown: invoice in_1 has more lines than were read."
    assert rebuild_mrr([hidden], NOW, complete=True) == MrrReading(None, warning)
    old = invoice(lines={"data": [march], "has_more": True}, created="2024-11-01")
    assert months(invoice(march), old) == [0, 0, 2000]


def test_a_list_that_ends_within_the_three_months_makes_mrr_unknown() -> None:
    march = line(1000, "2026-03-01", "2026-04-01")
    warning = "MRR is unknown: there are more invoices in three months than were read."
    assert rebuild_mrr([invoice(march)], NOW, complete=False) == MrrReading(None, warning)


def test_a_list_that_ends_before_them_gives_mrr_with_a_warning() -> None:
    march, old = line(1000, "2026-03-01", "2026-04-01"), line(1000, "2025-12-01", "2026-01-01")
    reading = rebuild_mrr([invoice(march), invoice(old, created="2025-12-01")], NOW, complete=False)
    assert reading.mrr is not None
    assert [month.minor for month in reading.mrr.months] == [0, 0, 1000]
    assert reading.warning == "MRR rests on the newest invoices only; older yearly ones may be missing."


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 4, 1, tzinfo=UTC), [1, 2, 3]),
        (datetime(2026, 3, 31, 23, 59, tzinfo=UTC), [0, 1, 2]),
        (datetime(2026, 4, 1, 1, 0, tzinfo=timezone(timedelta(hours=2))), [0, 1, 2]),
        (datetime(2026, 1, 15, tzinfo=UTC), [0, 0, 0]),
    ],
)
def test_months_are_calendar_months_in_utc_also_over_new_year(now: datetime, expected: list[int]) -> None:
    billed = [invoice(line(month, f"2026-0{month}-01", f"2026-0{month + 1}-01")) for month in (1, 2, 3)]
    assert months(*billed, now=now) == expected


def renewals(anchor: datetime, every: int) -> list[datetime]:
    """List the moments a subscription renews, as Stripe sets them: short months end early."""
    moments = []
    for step in range(0, 72, every):
        month = anchor.year * 12 + anchor.month - 1 + step
        last = monthrange(month // 12, month % 12 + 1)[1]
        moments.append(anchor.replace(year=month // 12, month=month % 12 + 1, day=min(anchor.day, last)))
    return moments


@given(
    st.datetimes(datetime(2022, 1, 1), datetime(2022, 12, 31)),  # noqa: DTZ001 - as Hypothesis wants it
    st.sampled_from([1, 2, 3, 6, 12]),
    st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_steady_subscription_has_the_same_mrr_in_every_month(
    anchor: datetime, every: int, now: datetime
) -> None:
    moments = renewals(anchor.replace(microsecond=0), every)
    lines = [line(500_000 * every, start.isoformat(), end.isoformat()) for start, end in pairwise(moments)]
    assert months(invoice(*lines), now=now) == [500_000, 500_000, 500_000]
