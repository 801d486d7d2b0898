"""The words of the field as a column's choices."""

from enum import StrEnum


def choices(words_of: type[StrEnum]) -> list[tuple[str, str]]:
    """List what a column may hold, for Django."""
    return [(word.value, word.value.replace("_", " ")) for word in words_of]
