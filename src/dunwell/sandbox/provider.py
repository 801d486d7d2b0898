"""A mail provider that takes mail in for us, and posts each to our door in the shape Postmark publishes.

Its inbound stream has "Include raw email content in JSON payload" on. What is not answered with 200 is posted again
at the next flush, ten times more; 403 ends that, as Postmark documents.
"""

import json
import random
from base64 import b64encode
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr
from typing import Any
from uuid import uuid4

from dunwell.sandbox.stripe.webhooks import Post, post_over_http

INBOUND = "/webhooks/mail/inbound"
_TRIES = 11
# What stands in fields of its own.
_FIELDS = frozenset({"from", "to", "cc", "bcc", "subject", "date", "reply-to"})


@dataclass(slots=True)
class _Call:
    """One mail on its way to us: the call's body, and how often it was tried."""

    body: bytes
    tries: int = 0


class MailProvider:
    """Takes mails in and brings them to our door; `twice` is the chance that one is posted a second time.

    `secret` is the `user:password` it calls with.
    """

    def __init__(
        self, base_url: str, secret: str, *, twice: float = 0.0, seed: int = 0, post: Post = post_over_http
    ) -> None:
        self._url = f"{base_url}{INBOUND}"
        self._authorization = f"Basic {b64encode(secret.encode()).decode()}"
        self._twice = twice
        self._random = random.Random(seed)  # noqa: S311 - mishaps, not secrets
        self._post = post
        self._waiting: list[_Call] = []

    @property
    def waiting(self) -> int:
        """How many mails we have not kept yet."""
        return len(self._waiting)

    def take(self, raw: bytes, recipient: str) -> None:
        """Accept a mail for an address of ours, as the mail server of its domain."""
        self._waiting.append(_Call(json.dumps(_inbound(raw, recipient)).encode()))

    def flush(self) -> int:
        """Try to bring every waiting mail once; return how many were kept."""
        calls, self._waiting = self._waiting, []
        kept = 0
        for call in calls:
            call.tries += 1
            status = self._bring(call)
            if status == 200:
                kept += 1
                if self._twice and self._random.random() < self._twice:
                    self._bring(call)
            elif status != 403 and call.tries < _TRIES:
                self._waiting.append(call)
        return kept

    def _bring(self, call: _Call) -> int:
        headers = {"Content-Type": "application/json", "Authorization": self._authorization}
        return self._post(self._url, call.body, headers)


def _inbound(raw: bytes, recipient: str) -> dict[str, Any]:
    """The call about a mail; what Postmark takes apart stands beside the mail as it was written."""
    mail: EmailMessage = message_from_bytes(raw, policy=policy.default)
    name, address = parseaddr(str(mail["From"]))
    text = mail.get_body(("plain",))
    returns = str(mail["Return-Path"] or f"<{address}>")
    headers = [(field, str(value)) for field, value in mail.items() if field.lower() not in _FIELDS]
    return {
        "FromName": name,
        "MessageStream": "inbound",
        "From": address,
        "FromFull": _person(name, address),
        "To": str(mail["To"]),
        "ToFull": _people(mail, "To"),
        "Cc": str(mail["Cc"] or ""),
        "CcFull": _people(mail, "Cc"),
        "Bcc": "",
        "BccFull": [],
        "OriginalRecipient": recipient,
        "Subject": str(mail["Subject"]),
        "MessageID": str(uuid4()),
        "ReplyTo": str(mail["Reply-To"] or ""),
        "MailboxHash": _hash(recipient),
        "Date": str(mail["Date"]),
        "TextBody": str(text.get_content()) if text is not None else "",
        "HtmlBody": "",
        "StrippedTextReply": "",
        "RawEmail": raw.decode("utf-8", "replace"),
        "Tag": "",
        "Headers": [{"Name": field, "Value": value} for field, value in (("Return-Path", returns), *headers)],
        "Attachments": [],
    }


def _people(mail: EmailMessage, header: str) -> list[dict[str, str]]:
    return [_person(*each) for each in getaddresses([str(mail[header] or "")]) if each[1]]


def _person(name: str, address: str) -> dict[str, str]:
    return {"Email": address, "Name": name, "MailboxHash": _hash(address)}


def _hash(address: str) -> str:
    """What stands behind the plus sign of an address."""
    return address.rpartition("@")[0].partition("+")[2]
