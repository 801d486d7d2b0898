"""docs/policy.md lists every key of a policy file with the value it has when it is left out."""

import tomllib
from typing import Any

from dunwell.policy.policy import default_policy, policy_text
from dunwell.policy.words import Band, Stage
from tests.docs.pages import page

ROWS = {row[0]: row[1] for row in page("docs/policy.md").rows if len(row) == 3}
OPEN_TABLES = ("track.personal_above",)  # keyed by currency: the page shows one row for all


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name not in OPEN_TABLES:
            flat |= _flat(value, f"{name}.")
        elif isinstance(value, dict):
            flat[name] = f"{value['USD']} USD, ..."
        else:
            flat[name] = f'"{value}"' if isinstance(value, str) and not value.strip() else str(value)
    return flat


def test_every_key_is_documented_with_its_default_and_every_documented_one_exists() -> None:
    assert _flat(tomllib.loads(policy_text(default_policy()))) == ROWS


def test_the_page_shows_the_days_of_every_stage_and_band() -> None:
    offsets = default_policy().offsets
    shown = [row[:4] for row in page("docs/policy.md").rows if len(row) == 5]

    assert shown == [
        [stage, *(f"day {offsets[band][stage]}" for band in (Band.NORMAL, Band.PATIENT, Band.TIGHT))]
        for stage in Stage
    ]
