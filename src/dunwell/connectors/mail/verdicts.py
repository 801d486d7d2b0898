"""Whether a mail that came back came back for good: what each provider says of it, in its own words. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class _Word(NamedTuple):
    """Where in its call a provider says it, what its words mean, and what every other word means (None: nothing)."""

    where: tuple[str, ...]
    means: dict[object, bool]
    otherwise: bool | None = None


_WORDS = {
    "postmark": _Word(("Type",), {"SoftBounce": False, "Blocked": False, "DMARCPolicy": False}),
    "brevo": _Word(("event",), {"soft_bounce": False}),
    "mandrill": _Word(("event",), {"soft_bounce": False}, otherwise=True),
    "mailersend": _Word(("data", "type"), {"soft_bounced": False}, otherwise=True),
    "mailgun": _Word(("event-data", "event"), {}, otherwise=True),  # what passes is called deferred
    "mailjet": _Word(("hard_bounce",), {True: True, False: False}),
    "resend": _Word(
        ("data", "bounce", "type"), {"Permanent": True, "Transient": False, "Undetermined": False}
    ),
    "sendgrid": _Word(("type",), {"blocked": False}),
    # Soft, DNS, full, too large, timeout, administrative, transient.
    "sparkpost": _Word(
        ("msys", "message_event", "bounce_class"),
        dict.fromkeys(("20", "21", "22", "23", "24", "25", "70"), False),
    ),
}
# By django-anymail's normalised reason; None: the provider gives none.
_FOR_GOOD: dict[str, frozenset[str | None]] = {
    "bounced": frozenset({None, "invalid", "bounced"}),
    "rejected": frozenset({None, "invalid", "bounced", "blocked", "spam", "unsubscribed"}),
    "failed": frozenset(),  # the provider's own trouble, not the address's
    "complained": frozenset({None, "spam", "other", "unsubscribed"}),
}


def says_permanent(scheme: str, event: Any) -> bool:
    """Say whether trying the address again cannot help, for one of django-anymail's tracking events."""
    own = _own_word(scheme, event.esp_event) if event.event_type in ("bounced", "rejected") else None
    if own is not None:
        return own
    return event.reject_reason in _FOR_GOOD.get(event.event_type, frozenset())


def _own_word(scheme: str, said: object) -> bool | None:
    word = _WORDS[scheme]
    for key in word.where:
        said = said.get(key) if isinstance(said, Mapping) else None
    return word.means.get(said, word.otherwise) if isinstance(said, str | bool) else word.otherwise
