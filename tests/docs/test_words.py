"""The glossary explains every word the rules use, and no word they do not."""

import inspect
from enum import StrEnum

import pytest

from dunwell.policy import words
from tests.docs.pages import page

GLOSSARY = page("docs/glossary.md")
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
