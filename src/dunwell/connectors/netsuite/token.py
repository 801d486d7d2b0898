"""Logging in: a signed assertion for an access token, kept for most of its hour.

OAuth 2.0 client credentials with a certificate, the only login NetSuite takes for new integrations from 2027.1.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from cryptography import x509
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from dunwell.connectors.netsuite.names import Access, BadNameError
from dunwell.connectors.netsuite.trouble import Kind, Trouble, read_trouble

PATH = "/services/rest/auth/oauth2/v1/token"
SCOPES = ("restlets", "rest_webservices")
_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_SHORTEST_RSA_BITS = 3072
# An assertion may live an hour; it is used at once, and clocks differ by a little.
_ASSERTION_SECONDS = 300
# A token lives an hour and cannot be renewed, only replaced.
_EARLY_SECONDS = 600
_LONGEST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    until: float


class Tokens:
    """Mints access tokens and keeps the newest. `wall` is the machine's clock in Unix seconds. Safe to share."""

    def __init__(self, access: Access, http: httpx.Client, wall: Callable[[], float]) -> None:
        self._access = access
        self._http = http
        self._wall = wall
        self._key, self._algorithm = signing_key(access.private_key)
        self._url = access.host("suitetalk") + PATH
        self._lock = threading.Lock()
        self._kept: _Token | None = None

    def current(self) -> str | Trouble:
        """Return a token with ten minutes left at least, minted now if need be; one thread mints for all."""
        with self._lock:
            now = self._wall()
            if self._kept is None or self._kept.until - _EARLY_SECONDS <= now:
                minted = self._mint(now)
                if isinstance(minted, Trouble):
                    return minted
                self._kept = minted
            return self._kept.text

    def drop(self, text: str) -> None:
        """Forget a token that NetSuite no longer takes, unless another thread has replaced it."""
        with self._lock:
            if self._kept is not None and self._kept.text == text:
                self._kept = None

    def _mint(self, now: float) -> _Token | Trouble:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _BEARER,
            "client_assertion": self._assertion(int(now)),
        }
        try:
            answer = self._http.post(self._url, data=form)
        except httpx.ConnectError:
            return Trouble(Kind.NOT_REACHED)
        except httpx.HTTPError:
            return Trouble(Kind.NO_ANSWER)
        return _read(answer, now)

    def _assertion(self, now: int) -> str:
        header = {"alg": self._algorithm, "typ": "JWT", "kid": self._access.certificate_id}
        claims: dict[str, Any] = {
            "iss": self._access.client_id,
            "scope": list(SCOPES),
            "aud": self._url,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        return jwt.encode(header, claims, self._key, algorithms=[self._algorithm])


def signing_key(pem: str) -> tuple[ECKey | RSAKey, str]:
    """Read a private key and say which algorithm it signs with; `BadNameError` when it cannot be used.

    NetSuite takes ES256/384/512 and PS256, and refuses RS256 and short RSA keys.
    """
    for kind in (ECKey, RSAKey):
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private and (algorithm := _algorithm(key)):
            return key, algorithm
    raise BadNameError(
        "the NetSuite private key is not a PEM text of an EC key (P-256, P-384, P-521) "
        f"or an RSA key of {_SHORTEST_RSA_BITS} bits or more, without a passphrase"
    )


def certificate_until(pem: str) -> datetime | None:
    """Say when the certificate expires that stands beside a private key in its PEM text, if one does."""
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return None
    return min(each.not_valid_after_utc for each in found)


def _algorithm(key: ECKey | RSAKey) -> str | None:
    if isinstance(key, ECKey):
        return _CURVES.get(key.curve_name)
    return "PS256" if key.raw_value.key_size >= _SHORTEST_RSA_BITS else None


def _read(answer: httpx.Response, now: float) -> _Token | Trouble:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.status_code != 200:
        trouble = read_trouble(
            answer.status_code, body, restlet=False, retry_after=answer.headers.get("retry-after", "")
        )
        # The endpoint answers 400 `invalid_client` or `invalid_grant`; it is still the login that failed.
        refused = trouble.kind in (Kind.REFUSED, Kind.MISSING, Kind.DENIED)
        return Trouble(Kind.LOGGED_OUT, trouble.code, trouble.status) if refused else trouble
    text = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text:
        return Trouble(Kind.STRANGE)
    # The lifetime comes as a number or as a text; without one we can read, an hour is what NetSuite documents.
    lives = str(body.get("expires_in", ""))
    seconds = int(lives) if lives.isascii() and lives.isdecimal() else _LONGEST_SECONDS
    return _Token(text, now + min(seconds, _LONGEST_SECONDS))
