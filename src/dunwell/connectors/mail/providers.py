"""Hands mail to a mail provider's API by django-anymail and says, of each mail, whether it left.

Importing this costs nothing: django-anymail and requests are loaded with the first mail.
"""

import warnings
from collections.abc import Mapping
from contextlib import closing
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dunwell.connectors.mail.addresses import ProviderAddress
from dunwell.connectors.mail.mime import UnmailableError, build_message, needs_smtputf8, wire_address
from dunwell.policy.readings import Delivery, Handed, OutgoingMail, Refused, Uncertain

if TYPE_CHECKING:
    from email.message import EmailMessage

    from django.core.mail import EmailMultiAlternatives

METADATA = "mail"  # the key under which a provider keeps our Message-ID
_METADATA_LIMIT = 80  # Postmark's, the tightest
_EXTRA_HEADERS = ("Auto-Submitted", "In-Reply-To", "References")
# Refusals that speak of our account, not of the mail: key, payment, domain, quota, too early.
_OF_THE_ACCOUNT = frozenset({401, 402, 403, 404, 407, 408, 420, 421, 423, 425, 429})
# A gateway before the provider's API gave up; what happened behind it nobody says.
_OF_A_GATEWAY = frozenset({502, 504, 520, 522, 523, 524})
# Postmark says 422 of these too: sender not confirmed, out of credits, account not approved.
_POSTMARK_ACCOUNT_CODES = frozenset({400, 401, 405, 412, 413, 429})
_TAKEN, _LOST = frozenset({"sent", "queued"}), frozenset({"invalid", "rejected", "failed"})


class ProviderMailer:
    """A `Mailer` (engine/ports.py) over a provider's HTTP API.

    `timeout` in seconds for connecting and for every wait for an answer. Each mail has a connection of its own: one
    that died while it was idle would leave it open whether a mail left. Nothing is sent twice, no redirect followed.

    The provider is told to track neither opens nor clicks, where a mail can say so; it gets no template.
    """

    def __init__(self, address: ProviderAddress, *, timeout: float = 30) -> None:
        self._address, self._timeout = address, timeout

    def send(self, mail: OutgoingMail) -> Delivery:
        """Hand over one mail; never raises for what the provider or the network do.

        `Refused.permanent` is the provider's word about this mail, or a mail that cannot be built. A refusal for
        our key, our account or its quota, or an error of theirs that they report themselves, can pass. Without an
        answer, with one of a gateway's or one nobody can read, it is `Uncertain`.
        """
        try:
            message = self._message(mail)
        except UnmailableError as error:
            return Refused(str(error), permanent=True)
        anymail, requests = import_module("anymail.exceptions"), import_module("requests")
        with closing(self._opened()) as backend:
            try:
                payload = backend.build_message_payload(message, {})
                response = backend.post_to_esp(payload, message)
            except anymail.AnymailAPIError as error:
                return self._failed(error, requests)
            except anymail.AnymailError as error:
                return Refused(f"{self._name} cannot take this mail: {_line(str(error))}", permanent=True)
            try:
                statuses = backend.parse_recipient_status(response, payload, message)
            except anymail.AnymailAPIError as error:
                return self._failed(error, requests)
            except (anymail.AnymailError, LookupError, TypeError, ValueError, AttributeError) as error:
                return Uncertain(f"{self._name} answered what nobody can read ({type(error).__name__})")
        return self._outcome(mail, statuses, response)

    def close(self) -> None:
        """Nothing to let go of: no connection is kept."""

    def check(self, sender: str) -> Refused | None:
        """Ask the provider to send nothing at all, with our key; None when only that is wrong with it (for doctor).

        `sender` is the address mail comes from: some are asked under its domain.
        """
        anymail, requests = import_module("anymail.exceptions"), import_module("requests")
        from django.core.mail import EmailMultiAlternatives  # noqa: PLC0415 - as late as the rest

        message = EmailMultiAlternatives("check", "check", sender, [sender])
        try:
            with closing(self._opened()) as backend:
                payload = backend.build_message_payload(message, {})
                asked = payload.get_request_params(backend.api_url)
                key = {"key": backend.api_key} if self._address.scheme == "mandrill" else {}
                asked["data"] = payload.serialize_json(key) if isinstance(asked["data"], str) else {}
                response = backend.session.request(**asked, timeout=self._timeout)
        except (anymail.AnymailError, requests.RequestException) as error:
            return Refused(f"cannot be reached ({type(error).__name__})", permanent=False)
        if response.status_code in _OF_THE_ACCOUNT or "Invalid_Key" in response.text:
            return Refused(f"refuses us: {response.status_code} {self._said(response)}", permanent=False)
        if response.status_code >= 500 and self._address.scheme != "mandrill":
            return Refused(f"is out of order: {response.status_code}", permanent=False)
        return None

    @property
    def _name(self) -> str:
        return self._address.provider.name

    def _opened(self) -> Any:
        """Make django-anymail's backend with an open session that follows no redirect."""
        hush_sendgrid()
        module = import_module(f"anymail.backends.{self._address.scheme}")
        backend = module.EmailBackend(**dict(self._sending_options()), timeout=self._timeout)
        backend.open()
        backend.session.max_redirects = 0
        return backend

    def _sending_options(self) -> list[tuple[str, str]]:
        provider = self._address.provider
        return [pair for pair in self._address.options if pair[0] in (*provider.needs, *provider.takes)]

    def _message(self, mail: OutgoingMail) -> "EmailMultiAlternatives":
        """Build what django-anymail sends from the very mail an SMTP server would get; raises `UnmailableError`."""
        from django.core.mail import EmailMultiAlternatives  # noqa: PLC0415 - as late as the rest

        built, provider = build_message(mail), self._address.provider
        if needs_smtputf8(built):
            raise UnmailableError(f"{provider.name} takes no addresses with characters beyond ASCII")
        for mark in provider.replaces:
            if mark in mail.subject or mark in mail.text or mark in mail.html:
                raise UnmailableError(f"the mail holds {mark!r}, which {provider.name} would replace")
        message = EmailMultiAlternatives(
            mail.subject,
            mail.text,
            str(built["From"]),
            [str(built["To"])],
            cc=[str(built["Cc"])] if "Cc" in built else [],
            reply_to=[str(built["Reply-To"])] if "Reply-To" in built else [],
            headers=self._headers(built),
        )
        message.attach_alternative(mail.html, "text/html")
        for name, value in self._extras(mail).items():
            setattr(message, name, value)
        return message

    def _headers(self, built: "EmailMessage") -> dict[str, str]:
        provider = self._address.provider
        headers = {name: str(built[name]) for name in _EXTRA_HEADERS if name in built}
        if provider.keeps_message_id:
            headers["Message-ID"] = str(built["Message-ID"])
        if self._address.scheme == "postmark":
            headers["X-PM-KeepID"] = "true"
        if self._address.scheme == "mailersend" and "In-Reply-To" in headers:
            headers["In-Reply-To"] = headers["In-Reply-To"].strip("<>")
        return headers

    def _extras(self, mail: OutgoingMail) -> dict[str, Any]:
        """What django-anymail takes beside the mail itself, of what this provider knows."""
        provider, extras = self._address.provider, dict[str, Any]()
        if provider.returns_metadata and len(mail.message_id) <= _METADATA_LIMIT:
            extras["metadata"] = {METADATA: mail.message_id}
        if provider.tracks_by_mail:
            extras |= {"track_opens": False, "track_clicks": False}
        if self._address.scheme == "mandrill":
            extras["esp_extra"] = {"message": {"preserve_recipients": True}}
        return extras

    def _outcome(self, mail: OutgoingMail, statuses: Mapping[str, Any], response: Any) -> Delivery:
        """Judge by what became of the mail to its recipient; of a copy that was refused, only tell."""
        # Some answer for another spelling of the address too, and of one of the two they know nothing.
        known_last = sorted(statuses.items(), key=lambda pair: bool(pair[1].message_id))
        found = {address.lower(): each for address, each in known_last}
        to = found.get(mail.to.email.lower()) or found.get(wire_address(mail.to.email).lower())
        if to is None:
            return Uncertain(f"{self._name} answered, and said nothing of the recipient")
        if to.status in _LOST or (to.status not in _TAKEN and not to.message_id):
            reason = f"{self._name} refused {mail.to.email}: {to.status}, {self._said(response)}"
            return Refused(reason, permanent=not self._of_the_account(response))
        lost = sorted(address for address, each in found.items() if each.status in _LOST)
        detail = f"{to.status}, but not to {', '.join(lost)}" if lost else str(to.status)
        return Handed(f"{self._name}: {detail}", id=str(to.message_id or ""))

    def _failed(self, error: Any, requests: ModuleType) -> Delivery:
        response = error.response
        if response is None:
            return self._unanswered(error, requests)
        status, said = response.status_code, self._said(response)
        reason = f"{self._name} answered {status}: {said}"
        if 200 <= status < 300 or status in _OF_A_GATEWAY:
            return Uncertain(reason)
        if status >= 500 and not self._is_of_the_mail(response):
            # In the provider's own words it is the provider's own word; a page of HTML is nobody's.
            theirs = status == 503 or isinstance(_json(response), dict | list)
            return Refused(reason, permanent=False) if theirs else Uncertain(reason)
        return Refused(reason, permanent=not self._of_the_account(response))

    def _is_of_the_mail(self, response: Any) -> bool:
        """Mandrill says 500 to everything, also to a mail that is wrong."""
        answer = _json(response)
        return isinstance(answer, Mapping) and answer.get("name") == "ValidationError"

    def _of_the_account(self, response: Any) -> bool:
        if response.status_code in _OF_THE_ACCOUNT:
            return True
        answer = _json(response)
        code = answer.get("ErrorCode") if isinstance(answer, Mapping) else None
        return self._address.scheme == "postmark" and code in _POSTMARK_ACCOUNT_CODES

    def _unanswered(self, error: Any, requests: ModuleType) -> Delivery:
        cause = error.__cause__ or error
        inner = cause.args[0] if cause.args else None
        if isinstance(cause, requests.exceptions.TooManyRedirects):
            return Refused(f"{self._name} sent us elsewhere: check api_url", permanent=False)
        if isinstance(cause, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(inner):
            return Refused(f"{self._name}: its certificate is not to be trusted", permanent=False)
        if isinstance(cause, ValueError):
            return Refused(f"{self._name} cannot be asked ({type(cause).__name__})", permanent=False)
        # Only what breaks before a connection stands arrives as a MaxRetryError: nothing was said yet.
        before = isinstance(cause, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError) or (
            not isinstance(cause, requests.exceptions.SSLError) and type(inner).__name__ == "MaxRetryError"
        )
        if before:
            return Refused(f"{self._name} cannot be reached ({type(cause).__name__})", permanent=False)
        return Uncertain(f"{self._name} went away while it held the mail ({type(cause).__name__})")

    def _said(self, response: Any) -> str:
        """One line of the provider's own words, without any of our keys."""
        said = _line(_words(_json(response)) or str(response.reason or ""))
        for option in self._address.provider.needs:
            key = self._address.option(option)
            said = said.replace(key, "***") if len(key) > 5 else said
        return said


def hush_sendgrid() -> None:
    """Keep django-anymail quiet about SendGrid, which works and which they no longer test (docs/mail.md says so)."""
    warnings.filterwarnings("ignore", message="django-anymail has dropped official support for SendGrid")


def _json(response: Any) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _words(answer: Any) -> str:
    """Find the sentence in a provider's error, wherever it keeps it."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list):
        return next(filter(None, map(_words, answer)), "")
    if not isinstance(answer, Mapping):
        return ""
    keys = ("Message", "message", "ErrorMessage", "description", "error", "errors", "Errors", "Messages")
    return next(filter(None, (_words(answer.get(key)) for key in keys)), "")


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
