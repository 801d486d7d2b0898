"""Mails as they were written, out of the calls of providers that hand them on whole.

By hand, because our own reading of a mail never fails, and django-anymail would read it first: a mail that is broken,
or not in UTF-8, has to arrive all the same. Every function yields nothing for a call that holds no such mail, and may
raise `LookupError`, `TypeError`, `ValueError` or `AttributeError` for one that is no call of that provider.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import NamedTuple

from django.http import HttpRequest, QueryDict


class RawMail(NamedTuple):
    """A mail's bytes, whom it was delivered to, and what the provider calls it (empty: it does not say)."""

    source: bytes
    envelope: tuple[str, ...]
    id: str = ""


def _mailersend(request: HttpRequest) -> Iterator[RawMail]:
    said = json.loads(request.body)
    if said.get("type") == "inbound.message":
        about = said["data"]
        told = (about.get("recipients") or {}).get("rcptTo") or []
        yield RawMail(
            _encoded(about["raw"]), _addresses(each.get("email") for each in told), str(about.get("id"))
        )


def _mailgun(request: HttpRequest) -> Iterator[RawMail]:
    if "body-mime" in request.POST:
        yield RawMail(_field(request, "body-mime"), _addresses([request.POST.get("recipient")]))


def _mandrill(request: HttpRequest) -> Iterator[RawMail]:
    for event in json.loads(request.POST["mandrill_events"]):
        if event.get("event") == "inbound":
            yield RawMail(_encoded(event["msg"]["raw_msg"]), _addresses([event["msg"].get("email")]))


def _postmark(request: HttpRequest) -> Iterator[RawMail]:
    said = json.loads(request.body)
    if "RawEmail" in said and said.get("RecordType", "Inbound") == "Inbound":
        named = str(said.get("MessageID") or "")
        yield RawMail(_encoded(said["RawEmail"]), _addresses([said.get("OriginalRecipient")]), named)


def _sendgrid(request: HttpRequest) -> Iterator[RawMail]:
    if "email" in request.POST:
        envelope = json.loads(request.POST.get("envelope") or "{}")
        yield RawMail(_field(request, "email"), _addresses(envelope.get("to") or []))


def _sparkpost(request: HttpRequest) -> Iterator[RawMail]:
    """What is not UTF-8 comes in base64; django-anymail 15.2 takes that for UTF-8 too."""
    for item in json.loads(request.body):
        relay = item["msys"].get("relay_message")
        if relay is not None:
            content = relay["content"]
            written = content["email_rfc822"]
            source = b64decode(written) if content.get("email_rfc822_is_base64") else _encoded(written)
            yield RawMail(source, _addresses([relay.get("rcpt_to")]))


# Mailjet takes every mail apart itself.
RAW_MAILS: dict[str, Callable[[HttpRequest], Iterator[RawMail]]] = {
    "mailersend": _mailersend,
    "mailgun": _mailgun,
    "mandrill": _mandrill,
    "postmark": _postmark,
    "sendgrid": _sendgrid,
    "sparkpost": _sparkpost,
}


def _addresses(told: object) -> tuple[str, ...]:
    return (
        tuple(each for each in told if isinstance(each, str) and each)
        if isinstance(told, Iterator | list)
        else ()
    )


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _field(request: HttpRequest, name: str) -> bytes:
    """One field of a form, byte for byte: Django takes all of it for UTF-8."""
    text = request.POST[name]
    if "\ufffd" not in text:
        return text.encode()
    if request.content_type == "application/x-www-form-urlencoded":
        form: QueryDict = QueryDict(request.body, encoding="latin-1")
    else:
        again = HttpRequest()
        again.encoding = "latin-1"
        form = again.parse_file_upload(request.META, BytesIO(request.body))[0]
    return str(form[name]).encode("latin-1")
