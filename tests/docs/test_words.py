"""The pages explain every word the rules use, and no word they do not."""

import inspect
import re
from enum import StrEnum

import pytest

from dunwell.connectors.stripe.events import USED
from dunwell.policy import words
from tests.docs.pages import page

GLOSSARY, OPERATIONS = page("docs/glossary.md"), page("docs/operations.md")
ENUMS = [
    enum
    for _, enum in inspect.getmembers(words, inspect.isclass)
    if issubclass(enum, StrEnum) and enum is not StrEnum
]


def test_there_are_words_to_look_at() -> None:
    assert len(ENUMS) > 10


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_the_glossary_explains_every_member_of(enum: type[StrEnum]) -> None:
    rows = [
        line.split("|") for line in GLOSSARY.section(enum.__name__).splitlines() if line.startswith("| `")
    ]

    assert [row[1].strip().strip("`") for row in rows] == [member.value for member in enum]
    assert all(row[2].strip() for row in rows)


def test_operations_says_what_to_do_about_every_review_item() -> None:
    rows = [
        line.split("|")[1]
        for line in OPERATIONS.section("Review items").splitlines()
        if line.startswith("| `")
    ]

    explained = [kind for row in rows for kind in re.findall(r"`(\w+)`", row)]
    assert sorted(explained) == sorted(kind.value for kind in words.ReviewKind)


def test_operations_lists_the_events_an_endpoint_needs() -> None:
    listed = re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", OPERATIONS.section("Stripe"))

    assert sorted(listed) == sorted(USED)
