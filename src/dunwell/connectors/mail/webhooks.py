"""What mail providers call us about: mail that came in, and what became of ours. Read by django-anymail.

Importing this costs nothing: django-anymail is loaded with the first call.
"""

import hashlib
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from dunwell.connectors.mail.addresses import ProviderAddress
from dunwell.connectors.mail.known_providers import Provider
from dunwell.connectors.mail.parse import take_apart
from dunwell.connectors.mail.providers import METADATA, hush_sendgrid
from dunwell.connectors.mail.raw_mails import RAW_MAILS, RawMail
from dunwell.connectors.mail.verdicts import says_permanent
from dunwell.policy.incoming import IncomingMail, TransportEvent
from dunwell.policy.readings import Malformed
from dunwell.policy.untrusted import one_line
from dunwell.policy.words import TransportKind

Part = tuple[str, IncomingMail | TransportEvent]

_KINDS = {
    "delivered": TransportKind.DELIVERED,
    "deferred": TransportKind.DEFERRED,
    "bounced": TransportKind.BOUNCED,
    "rejected": TransportKind.BOUNCED,
    "failed": TransportKind.BOUNCED,
    "complained": TransportKind.COMPLAINED,
}
# What django-anymail and Django raise for a call that is not as the provider's documentation has it.
_UNREADABLE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    AssertionError,
    SuspiciousOperation,
    BadRequest,
)
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,253}>")


class AnymailWebhooks:
    """A `MailWebhooks` (engine/ports.py).

    `outgoing` is the provider our mail leaves through, `inbound` the one that takes mail in for us; None: neither.
    `secret` is the `user:password` both call with (HTTP basic authentication); a provider that signs its calls has
    its key among its options. Without either, or without a key where calls are always signed, a door is closed.
    """

    def __init__(
        self, outgoing: ProviderAddress | None, inbound: ProviderAddress | None, secret: str = ""
    ) -> None:
        self._callers = {"tracking": outgoing, "inbound": inbound}
        self._secret = secret

    def why_closed(self, what: str) -> str:
        """Say why nobody can call about `what` ("inbound" or "tracking"); empty: the door is open."""
        address = self._callers[what]
        if address is None:
            return "no mail provider is set for it"
        option, provider = address.provider.signing_option(what), address.provider
        if provider.must_sign and not address.option(option):
            return f"{provider.name} signs its calls, and {option} is not among its options"
        if not self._secret and not (option and address.option(option)):
            return "DUNWELL_MAIL_WEBHOOK_SECRET is not set"
        return ""

    def open(self, request: HttpRequest, what: str) -> tuple[Part, ...] | Malformed:
        """Check who calls and take the call apart, each part with an id that is the same however often it comes.

        What does not concern us (opens, clicks, queued) is left out. `Malformed.reason` holds nothing of the call.
        """
        address = self._callers[what]
        if address is None or self.why_closed(what):
            return Malformed("nobody may call here")
        provider = address.provider
        anymail = import_module("anymail.exceptions")
        try:
            view = self._view(address, what)
            import_module("anymail.webhooks.base").AnymailBasicAuthMixin.validate_request(view, request)
            request.body  # noqa: B018 - read now, so that a form can be read a second time
            view.run_validators(request)
            return tuple(_parts(address.scheme, view, request, what))
        except anymail.AnymailWebhookValidationFailure:
            return Malformed(f"{provider.name} did not prove itself")
        except anymail.AnymailConfigurationError:
            return Malformed(
                f"{provider.name} was given the address of the other door, or calls in another form"
            )
        except UnreadablePostError:
            return Malformed(f"{provider.name} broke off its call")
        except _UNREADABLE as error:
            return Malformed(f"{provider.name} called in a way that cannot be read ({type(error).__name__})")

    def _view(self, address: ProviderAddress, what: str) -> Any:
        """Make django-anymail's view for one call: some keep what they saw of it."""
        hush_sendgrid()
        provider = address.provider
        view = getattr(import_module(f"anymail.webhooks.{address.scheme}"), _view_name(provider, what))
        keys = (provider.signing_option(what), *provider.webhook_takes)
        options = {key: address.option(key) for key in keys if key and address.option(key)}
        return view(webhook_secret=[self._secret] if self._secret else [], **options)


def _view_name(provider: Provider, what: str) -> str:
    middle = "Combined" if provider.name == "Mandrill" else what.capitalize()
    return f"{provider.name}{middle}WebhookView"


def _parts(scheme: str, view: Any, request: HttpRequest, what: str) -> Iterator[Part]:
    raw = list(RAW_MAILS[scheme](request)) if what == "inbound" and scheme in RAW_MAILS else []
    if raw:
        yield from (_mail(scheme, each) for each in raw)
        return
    for event in view.parse_events(request):
        if event.event_type == "inbound":
            source, recipient = event.message.as_bytes(), event.message.envelope_recipient
            yield _mail(scheme, RawMail(source, (recipient,) if recipient else (), _event_id(scheme, event)))
        elif event.event_type in _KINDS:
            yield _transport(scheme, event)


def _mail(scheme: str, raw: RawMail) -> Part:
    known_by = raw.id or hashlib.sha256(raw.source).hexdigest()
    return _id(scheme, "mail", *raw.envelope, known_by), take_apart(raw.source, envelope=raw.envelope)


def _transport(scheme: str, event: Any) -> Part:
    message_id = (event.metadata or {}).get(METADATA)
    told = TransportEvent(
        kind=_KINDS[event.event_type],
        recipient=one_line(str(event.recipient or ""), 320).lower(),
        message_id=message_id if isinstance(message_id, str) and _MESSAGE_ID.fullmatch(message_id) else "",
        provider_id=one_line(str(event.message_id or ""), 255),
        at=event.timestamp if event.timestamp and event.timestamp.tzinfo else None,
        permanent=says_permanent(scheme, event),
        reason=one_line(str(event.description or event.mta_response or event.reject_reason or ""), 300),
    )
    happened = told.at.isoformat() if told.at else ""
    known_by = _event_id(scheme, event) or f"{told.message_id} {told.provider_id} {happened} {told.reason}"
    return _id(scheme, told.kind, told.recipient, known_by), told


def _event_id(scheme: str, event: Any) -> str:
    """The provider's name for what happened. Mailgun's token names the call, and the next try has another."""
    return "" if scheme == "mailgun" else str(event.event_id or "")


def _id(scheme: str, *parts: str) -> str:
    together = "\n".join(parts).encode("utf-8", "replace")
    return f"{scheme}:{hashlib.sha256(together).hexdigest()[:40]}"
