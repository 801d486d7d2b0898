"""Idempotency keys: the same key gives the same answer for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dunwell.sandbox.stripe.errors import Json, RefusedError

_KEPT_FOR = timedelta(hours=24)


@dataclass(slots=True)
class _Use:
    fingerprint: str
    at: datetime
    answer: tuple[int, Json, str] | None = None


class Keys:
    """The keys of one account. Not safe by itself: use it under the account's lock."""

    def __init__(self) -> None:
        self._uses: dict[str, _Use] = {}

    def begin(self, key: str, fingerprint: str, now: datetime) -> tuple[int, Json, str] | None:
        """Start a request, or return the stored (status, body, request id) of an earlier one.

        Refuses a key that is in use (409) or was used with other parameters (400).
        """
        self._uses = {
            name: use for name, use in self._uses.items() if use.answer is None or now - use.at < _KEPT_FOR
        }
        use = self._uses.get(key)
        if use is None:
            self._uses[key] = _Use(fingerprint, now)
            return None
        if use.fingerprint != fingerprint:
            raise RefusedError(400, _error("This key was used before with other parameters."))
        if use.answer is None:
            in_use = _error("Another request with this key is still running.")
            raise RefusedError(409, in_use | {"code": "idempotency_key_in_use"})
        return use.answer

    def finish(self, key: str, status: int, body: Json, request_id: str) -> None:
        """Keep the answer of a request that was executed, good or bad."""
        self._uses[key].answer = (status, body, request_id)

    def forget(self, key: str) -> None:
        """Free a key whose request did nothing."""
        self._uses.pop(key, None)


def _error(message: str) -> Json:
    return {"type": "idempotency_error", "message": message}
