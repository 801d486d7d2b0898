"""What mail providers call us about: mail that came in, and what became of ours. Read by django-anymail.

Importing this costs nothing: django-anymail is loaded with the first call.
"""

import hashlib
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from typing import Any

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.http.request import UnreadablePostError

from dunwell.connectors.mail.addresses import ProviderAddress
from dunwell.connectors.mail.known_providers import Provider
from dunwell.connectors.mail.parse import take_apart
from dunwell.connectors.mail.providers import METADATA, hush_sendgrid
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
    if (scheme, what) == ("sparkpost", "inbound"):
        yield from _from_sparkpost(request)
        return
    for event in view.parse_events(request):
        if event.event_type == "inbound":
            yield _mail(scheme, event, request)
        elif event.event_type in _KINDS:
            yield _transport(scheme, event)


def _mail(scheme: str, event: Any, request: HttpRequest) -> Part:
    source = _source(scheme, event, request) or event.message.as_bytes()
    return _mail_part(scheme, source, event.message.envelope_recipient, _event_id(scheme, event))


def _mail_part(scheme: str, source: bytes, envelope: object, event_id: str) -> Part:
    recipient = str(envelope or "")
    known_by = event_id or hashlib.sha256(source).hexdigest()
    mail = take_apart(source, envelope=(recipient,) if recipient else ())
    return _id(scheme, "mail", recipient, known_by), mail


def _source(scheme: str, event: Any, request: HttpRequest) -> bytes:
    """The mail as it was written, where the provider hands that on; empty where it took it apart itself."""
    said = event.esp_event
    match scheme:
        case "mailgun":
            return _field(request, "body-mime")
        case "sendgrid":
            return _field(request, "email")
        case "postmark":
            return _encoded(said.get("RawEmail"))
        case "mailersend":
            return _encoded(said["data"].get("raw"))
        case "mandrill":
            return _encoded(said["msg"]["raw_msg"])
    return b""


def _field(request: HttpRequest, name: str) -> bytes:
    """One field of a form, byte for byte: a mail need not be UTF-8, and Django takes it for that."""
    text = request.POST.get(name) or ""
    if "\ufffd" not in text:
        return text.encode()
    if request.content_type == "application/x-www-form-urlencoded":
        form: QueryDict = QueryDict(request.body, encoding="latin-1")
    else:
        again = HttpRequest()
        again.encoding = "latin-1"
        form = again.parse_file_upload(request.META, BytesIO(request.body))[0]
    return (form.get(name) or "").encode("latin-1")


def _encoded(text: object) -> bytes:
    return text.encode("utf-8", "replace") if isinstance(text, str) else b""


def _from_sparkpost(request: HttpRequest) -> Iterator[Part]:
    """Read SparkPost's relay by hand: what is not UTF-8 comes in base64, which django-anymail 15.2 takes for UTF-8."""
    for item in json.loads(request.body):
        relay = item["msys"].get("relay_message")
        if relay is None and item["msys"]:
            raise ValueError("not a relayed mail")
        if relay is not None:
            content = relay["content"]
            written = content["email_rfc822"]
            source = b64decode(written) if content.get("email_rfc822_is_base64") else _encoded(written)
            yield _mail_part("sparkpost", source, relay.get("rcpt_to"), "")


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
