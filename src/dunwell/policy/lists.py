"""Lists of words as people write them down: blanks or commas between, over as many lines as needed."""


def word_set(listed: str) -> frozenset[str]:
    """Read words with blanks between them."""
    return frozenset(listed.split())


def phrase_list(listed: str) -> tuple[str, ...]:
    """Read phrases with commas between them, in order."""
    return tuple(" ".join(phrase.split()) for phrase in listed.split(",") if phrase.strip())
