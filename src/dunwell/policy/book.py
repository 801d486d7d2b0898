"""A policy together with the words it sends: what a case is pinned to when it opens."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from dunwell.policy.policy import Policy, parse_policy, policy_text
from dunwell.policy.wording import Wording, built_in_wording, load_wording


@dataclass(frozen=True)
class Book:
    """A policy and its wording under one version. Two books with the same content have the same version."""

    policy: Policy
    wording: Wording
    version: str

    @property
    def text(self) -> str:
        """The policy as canonical TOML."""
        return policy_text(self.policy)

    @property
    def files(self) -> Mapping[str, str]:
        """The message templates by file name."""
        return self.wording.files


def bind(policy: Policy, wording: Wording) -> Book:
    """Put a policy and a wording together and name the version by what is in them."""
    content = json.dumps([policy_text(policy), sorted(wording.files.items())], ensure_ascii=False)
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    return Book(policy, wording, f"{policy.name}-{digest}")


def rebind(text: str, files: Mapping[str, str]) -> Book:
    """Rebuild a book from what was pinned; raises `PolicyError` or `WordingError` if it no longer parses."""
    return bind(parse_policy(text, "pinned policy"), load_wording(files) if files else built_in_wording())
