"""Which invoices a text names, by their exact numbers. Pure."""

import re
from collections.abc import Iterable

# A plain number of fewer digits may as well be a day, a year or an amount.
_FEWEST_DIGITS = 5


def named_in(text: str, numbers: Iterable[str]) -> frozenset[str]:
    """Return those of some invoice numbers that stand in a text as whole words, in whatever case.

    Of numbers that contain each other the longest counts; short plain numbers name nothing.
    """
    known = {number.casefold(): number for number in numbers if _is_a_name(number)}
    if not known:
        return frozenset()
    longest_first = sorted(known, key=len, reverse=True)
    either = "|".join(re.escape(number) for number in longest_first)
    words = re.compile(rf"(?<!\w)(?<!\w-)(?:{either})(?!\w)(?!-\w)(?!\.\d)")
    return frozenset(known[found] for found in words.findall(text.casefold()))


def _is_a_name(number: str) -> bool:
    return bool(number) and (not number.isdigit() or len(number) >= _FEWEST_DIGITS)
