"""Calls to Stripe's API: JSON out of the SDK, refusals as values.

The SDK signs, retries and reads errors. Its answers are taken as plain JSON: building its objects takes
some thirty times longer than parsing them (a hundred invoices: 0.3 s), and we check what we read ourselves.
"""

from collections.abc import Callable, Mapping
from typing import Any

import stripe

from dunwell.policy.facts import Unreadable

Json = Mapping[str, Any]
Sleep = Callable[[float], None]

# The SDK does not retry a 429; these are the pauses before our own second and third try, in seconds.
_PAUSES = (1.0, 3.0)
_LONGEST_PAUSE = 10.0


class Wire:
    """One API key's way to Stripe. Safe to share between threads: each gets its own connections."""

    def __init__(
        self, api_key: str, *, api_base: str, max_network_retries: int, timeout: float, sleep: Sleep
    ) -> None:
        # For the whole process; nothing about this machine or its latencies is Stripe's business.
        stripe.enable_telemetry = False
        self._http = stripe.RequestsClient(timeout=timeout)
        self._client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else {},
            stripe_version=stripe.api_version,
            max_network_retries=max_network_retries,
            http_client=self._http,
        )
        self._sleep = sleep

    def get(self, path: str, **params: Any) -> Json:
        """Read; raises `stripe.StripeError`."""
        return self._call("get", path, params)

    def post(self, path: str, key: str | None = None, **params: Any) -> Json:
        """Do something, under an idempotency key of ours or of the SDK's; raises `stripe.StripeError`."""
        return self._call("post", path, {**params, "idempotency_key": key} if key else params)

    def ask(self, about: str, path: str, **params: Any) -> Json | Unreadable:
        """Read, with every refusal as a value; `about` names what was asked for, as in `invoice in_1`."""
        try:
            return self.get(path, **params)
        except stripe.StripeError as error:
            return unreadable(error, about)

    def close(self) -> None:
        """Let go of this thread's connections."""
        self._http.close()  # type: ignore[no-untyped-call] # the SDK's

    def _call(self, method: str, path: str, params: Json) -> Json:
        for pause in _PAUSES:
            try:
                return self._once(method, path, params)
            except stripe.RateLimitError as error:
                self._sleep(_pause(error, pause))
        return self._once(method, path, params)

    def _once(self, method: str, path: str, params: Json) -> Json:
        answer = self._client.raw_request(method, path, **params)
        if not isinstance(answer.data, Mapping):
            raise stripe.APIError("the answer is not a JSON object", http_status=answer.code)
        return answer.data


def _pause(error: stripe.RateLimitError, usual: float) -> float:
    asked = (error.headers or {}).get("retry-after", "")
    return min(float(asked), _LONGEST_PAUSE) if asked.isdecimal() else usual


def unreadable(error: stripe.StripeError, about: str) -> Unreadable:
    """Say why something could not be read; permanent only when Stripe does not know it.

    Nothing of the answer's body is repeated. A wrong key is never permanent: it must not close cases.
    """
    if _is_missing(error):
        if _is_other_mode(error):
            return Unreadable(f"Our Stripe key is for the other mode (test or live) than {about}.")
        return Unreadable(f"Stripe does not know {about}.", permanent=True)
    return Unreadable(f"{about[:1].upper()}{about[1:]} could not be read. {sentence(error)}")


def sentence(error: stripe.StripeError) -> str:
    """Say in a sentence what went wrong, with Stripe's request id for their support."""
    request = f" (request {error.request_id})" if error.request_id else ""
    what = _what(error)
    return f"{what[0].upper()}{what[1:]}{request}."


_KINDS: tuple[tuple[type[stripe.StripeError], str], ...] = (
    (stripe.APIConnectionError, "Stripe did not answer"),
    (stripe.AuthenticationError, "Stripe refused our API key"),
    (stripe.PermissionError, "our Stripe key lacks a permission this needs"),
    (stripe.RateLimitError, "Stripe asks us to slow down"),
    (stripe.IdempotencyError, "the same key was used for another request"),
)


def _what(error: stripe.StripeError) -> str:
    for kind, said in _KINDS:
        if isinstance(error, kind):
            return said
    if isinstance(error, stripe.InvalidRequestError):
        return f"Stripe refused the request ({error.code or error.http_status})"
    return f"Stripe failed with status {error.http_status}" if error.http_status else "Stripe failed"


def _is_missing(error: stripe.StripeError) -> bool:
    if not isinstance(error, stripe.InvalidRequestError):
        return False
    return error.http_status == 404 or error.code == "resource_missing"


def _is_other_mode(error: stripe.StripeError) -> bool:
    # Stripe says this in words only: an object of the same id exists in the other mode.
    return "mode key was used" in (error.user_message or "")
