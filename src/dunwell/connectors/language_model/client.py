"""Asks a language model to read a reply; whenever that fails, the rules' reading stands."""

import logging
import ssl
import time
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import httpx

from dunwell.connectors.language_model import translate
from dunwell.policy.replies import ReplyKind, ReplyReading, read_reply

_MOST_ANSWER = 64 * 1024
_log = logging.getLogger(__name__)


class LanguageModelReader:
    """Reads replies with a chat-completions endpoint (`url`, in full), and with the rules when that fails.

    `timeout` in seconds is for the whole call. One try a reply, no redirects: the key goes to `url` alone.
    """

    def __init__(self, url: str, model: str, api_key: str = "", *, timeout: float = 15.0) -> None:
        self._url, self._model, self._timeout = url, model, timeout
        self._headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def read(self, source: bytes, at: datetime, zone: ZoneInfo) -> ReplyReading:
        """Read an `.eml` or plain text received at `at` (aware); dates count in `zone`, the sender's. Never raises.

        What a machine wrote, and what holds no text, is not sent anywhere.
        """
        rules = read_reply(source, at, zone)
        if rules.kind is ReplyKind.AUTO_REPLY or not rules.text.strip():
            return rules
        answer = self._answer(translate.question(self._model, rules.text, at, zone))
        found = (
            translate.reading(answer, rules, at.astimezone(zone).date())
            if isinstance(answer, bytes)
            else answer
        )
        if isinstance(found, translate.Rejected):
            _log.warning("the language model's reading is not used: %s", found.why)
            return translate.kept(rules, found.why)
        return found

    def _answer(self, body: dict[str, object]) -> bytes | translate.Rejected:
        ends = time.monotonic() + self._timeout
        try:
            with (
                httpx.Client(timeout=self._timeout, follow_redirects=False, verify=_trusted()) as http,
                http.stream("POST", self._url, json=body, headers=self._headers) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    return translate.Rejected(f"it answered {answer.status_code}")
                return _bounded(answer, ends)
        except httpx.TimeoutException:
            return translate.Rejected("it took too long")
        except (httpx.HTTPError, httpx.InvalidURL):
            return translate.Rejected("it could not be reached")


@cache
def _trusted() -> ssl.SSLContext:
    """Whose certificates are good, read once: that takes longer than a call."""
    return httpx.create_ssl_context()


def _bounded(answer: httpx.Response, ends: float) -> bytes | translate.Rejected:
    read = bytearray()
    for chunk in answer.iter_raw():
        read += chunk
        if len(read) > _MOST_ANSWER:
            return translate.Rejected("its answer is too long")
        if time.monotonic() > ends:
            return translate.Rejected("it took too long")
    return bytes(read)
