"""The hash chain of a timeline: each entry carries the hash of the one before it (spec 9)."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

_ENCODED = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def entry_hash(
    *,
    case: int,
    seq: int,
    at: datetime,
    kind: str,
    actor: str,
    summary: str,
    detail: dict[str, Any],
    policy: str,
    previous: str,
) -> str:
    """Hash one entry over everything it says and the hash before it; lower-case hex SHA-256."""
    said = [case, seq, at.astimezone(UTC).isoformat(), kind, actor, summary, detail, policy, previous]
    return hashlib.sha256(_ENCODED.encode(said).encode()).hexdigest()
