"""Whether something is an e-mail address."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

# The plain addresses nearly everybody has, which email-validator accepts too; it takes 40 microseconds, which is
# more than the rest of a decision.
_PLAIN = re.compile(
    r"(?=[^@]{1,64}@)(?=.{1,254}$)"
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9]|-(?!-)){0,61}(?<!-)\.)+[a-z]{2,24}",
    re.IGNORECASE | re.ASCII,
)
_RESERVED = re.compile(r"\.(?:arpa|invalid|local|localhost|onion)$", re.IGNORECASE)


def is_address(text: str) -> bool:
    """Say whether a text has the form of one address; whether it can be reached is not asked."""
    if _PLAIN.fullmatch(text) and not _RESERVED.search(text):
        return True
    return _is_valid(text)


@lru_cache(maxsize=4096)
def _is_valid(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        return False
    return True
