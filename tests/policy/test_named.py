"""Which invoices a text names."""

import pytest

from dunwell.policy.named import named_in

KNOWN = ["INV-1", "INV-12", "INV-1-A", "2026-0007", "100234", "7", "2026", ""]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("INV-1 is wrong.", {"INV-1"}),
        ("We contest inv-1, and INV-12.", {"INV-1", "INV-12"}),
        ("(INV-1/INV-12)", {"INV-1", "INV-12"}),
        ("INV-1-A is wrong", {"INV-1-A"}),
        ("INV-1-B is wrong", set()),
        ("INV-123, XINV-1, X-INV-1, INV-1.5", set()),
        ("Invoice #2026-0007: paid", {"2026-0007"}),
        ("Re: invoice no. 100234.", {"100234"}),
        ("We pay on 7 May 2026.", set()),
        ("", set()),
    ],
)
def test_only_whole_exact_numbers_name_an_invoice(text: str, named: set[str]) -> None:
    assert named_in(text, KNOWN) == named


def test_without_invoices_nothing_is_named() -> None:
    assert named_in("INV-1", []) == frozenset()
