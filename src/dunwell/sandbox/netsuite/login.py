"""The fake's token endpoint: it believes an assertion only when everything about it is right."""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from dunwell.sandbox.netsuite.errors import Json, RefusedError

PATH = "/services/rest/auth/oauth2/v1/token"
_ALGORITHMS = ["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_SCOPES = {"restlets", "rest_webservices"}
_LIFE = 3600
_LONGEST_ASSERTION = 3600
_CLOCKS_DIFFER = 60


@dataclass(slots=True)
class Integration:
    """An integration with its certificate, and the private key that only our side holds.

    `until` is when the certificate expires, in Unix seconds; None is never. Certificates can be taken away.
    """

    client_id: str
    certificate_id: str
    key: ECKey | RSAKey
    until: float | None = None
    revoked: bool = False

    @property
    def private_pem(self) -> str:
        """The private key as our side is given it."""
        return self.key.as_pem(private=True).decode()


class Login:
    """Gives out tokens and knows which of them still count; `wall` is the clock in Unix seconds."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self.integration = Integration("client-sandbox", "cert-sandbox", ECKey.generate_key("P-256"))
        self.minted = 0
        self._wall = wall
        self._tokens: dict[str, float] = {}
        self._lock = threading.Lock()

    def give(self) -> str:
        """Make a token that counts for an hour."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self.minted += 1
            self._tokens[token] = self._wall() + _LIFE
        return token

    def revoke(self) -> None:
        """Make every token given out so far worthless."""
        with self._lock:
            self._tokens.clear()

    def check(self, authorization: str) -> None:
        """Refuse a call without a token that counts."""
        with self._lock:
            until = self._tokens.get(authorization.removeprefix("Bearer "), 0.0)
        if not authorization.startswith("Bearer ") or until <= self._wall():
            raise RefusedError(401, "INVALID_LOGIN", "Invalid login attempt.")

    def mint(self, form: str, url: str) -> Json:
        """Answer a token request that came to `url`."""
        given = {name: values[0] for name, values in parse_qs(form).items()}
        if given.get("grant_type") != "client_credentials":
            raise RefusedError(400, "unsupported_grant_type", "The grant type is not supported.")
        if given.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            raise RefusedError(400, "invalid_request", "The assertion type is not supported.")
        self._believe(given.get("client_assertion", ""), url)
        return {"access_token": self.give(), "expires_in": str(_LIFE), "token_type": "bearer"}

    def _believe(self, assertion: str, url: str) -> None:
        ours = self.integration
        if ours.revoked or (ours.until is not None and ours.until <= self._wall()):
            raise RefusedError(401, "invalid_client", "The certificate is revoked or has expired.")
        try:
            token = jwt.decode(assertion, ours.key, algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            raise RefusedError(401, "invalid_client", "The assertion's signature is not valid.") from None
        if token.header.get("kid") != ours.certificate_id or token.header.get("typ") != "JWT":
            raise RefusedError(401, "invalid_client", "The certificate is not known.")
        if fault := self._fault(token.claims, url):
            raise RefusedError(400, "invalid_grant", fault)

    def _fault(self, claims: dict[str, Any], url: str) -> str:
        issued, expires, now = claims.get("iat"), claims.get("exp"), self._wall()
        if not isinstance(issued, int) or not isinstance(expires, int):
            return "The assertion does not say when it was issued and expires."
        faults = {
            "The issuer is not the client.": claims.get("iss") != self.integration.client_id,
            "The audience is not this endpoint.": claims.get("aud") != url,
            "The scope is not allowed.": not _scopes(claims.get("scope")) <= _SCOPES,
            "The assertion lives too long.": expires - issued > _LONGEST_ASSERTION,
            "The assertion has expired.": expires <= now,
            "The assertion is from the future.": issued > now + _CLOCKS_DIFFER,
        }
        return next((said for said, wrong in faults.items() if wrong), "")


def _scopes(given: object) -> set[str]:
    """Take a list, or a text with commas; nothing at all is not a scope."""
    listed = given.split(",") if isinstance(given, str) else given
    return {str(each).strip() for each in listed} if isinstance(listed, list) and listed else {""}
