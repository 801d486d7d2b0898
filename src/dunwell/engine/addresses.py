"""Reply addresses: the case a mail is about, signed into the local part of the address that answers go to (spec 7).

`sam@inbound.example` becomes `sam+1z.k3vtq5xm2wz7a4cd@inbound.example`: the case in base 36, and a keyed sum of it
that only this installation can make. All lower case, since some mail programs make it so; at most 61 characters
before the "@", where 64 are allowed.
"""

import base64
import hashlib
import hmac
import re
from functools import lru_cache

from dunwell.engine.ports import Ports

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG = re.compile(r"(?P<case>[0-9a-z]{1,13})\.(?P<token>[a-z2-7]{16})")
_LONGEST = 320
_PURPOSE = b"dunwell.reply-address"


def reply_address(case: int, ports: Ports) -> str:
    """The address an answer about a case goes to; "" where answers go to whoever wrote."""
    if not ports.reply_to:
        return ""
    local, _, domain = ports.reply_to.lower().rpartition("@")
    return f"{local}+{_in_base_36(case)}.{_token(case, ports.secret)}@{domain}"


def case_of_address(address: str, ports: Ports) -> int | None:
    """The case in an address that was made here; None for every other, forged or made by somebody else.

    Case, blanks, angle brackets and the quotes that some programs put around a local part with a "+" play no role.
    """
    if not ports.reply_to or len(address) > _LONGEST:
        return None
    local, _, domain = address.strip().strip("<>").lower().rpartition("@")
    if local.startswith('"') and local.endswith('"'):
        local = local[1:-1].replace("\\", "")
    own, _, own_domain = ports.reply_to.lower().rpartition("@")
    base, _, tag = local.rpartition("+")
    found = _TAG.fullmatch(tag)
    if found is None or (base, domain) != (own, own_domain):
        return None
    case = int(found["case"], 36)
    same = hmac.compare_digest(_token(case, ports.secret), found["token"])
    return case if same and _in_base_36(case) == found["case"] else None


def _in_base_36(number: int) -> str:
    said = ""
    while number:
        number, digit = divmod(number, 36)
        said = _DIGITS[digit] + said
    return said or "0"


def _token(case: int, secret: str) -> str:
    digest = hmac.new(_key(secret), str(case).encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode().lower()


@lru_cache(maxsize=8)
def _key(secret: str) -> bytes:
    """A key for this purpose alone: no other signature of the house can pass for an address's."""
    return hmac.new(secret.encode(), _PURPOSE, hashlib.sha256).digest()
