"""The labelled replies (`tests/policy/replies/`) and how well a reader reads them."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from dunwell.policy.replies import ReplyKind, ReplyReader, ReplyReading

FOLDER = Path(__file__).parents[1] / "tests" / "policy" / "replies"
SPLITS = ("tuning", "held_out")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One reply and what a person reads in it. `date` is ISO, None where the words fix no day."""

    id: str
    split: str
    lang: str
    kind: str
    date: str | None
    at: str
    zone: str
    text: str


@dataclass(frozen=True, slots=True)
class Read:
    """A labelled reply with what a reader made of it."""

    label: Labelled
    reading: ReplyReading

    @property
    def right_kind(self) -> bool:
        """Whether the kind is the one a person reads."""
        return self.reading.kind == self.label.kind

    @property
    def right_date(self) -> bool:
        """Whether the date is the one a person reads, none included."""
        found = self.reading.date
        return (found.isoformat() if found else None) == self.label.date


@dataclass(frozen=True, slots=True)
class Score:
    """How one kind was read: replies of it, replies read as it, and both at once."""

    kind: ReplyKind
    meant: int
    said: int
    right: int

    @property
    def precision(self) -> float:
        """Of the replies read as this kind, the share that is of it; 1 when none was."""
        return self.right / self.said if self.said else 1.0

    @property
    def recall(self) -> float:
        """Of the replies of this kind, the share that was read as it; 1 when there is none."""
        return self.right / self.meant if self.meant else 1.0


def labelled(split: str) -> list[Labelled]:
    """Load one part of the set; a key too many or too few raises `TypeError`."""
    lines = (FOLDER / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Labelled(**json.loads(line)) for line in lines]


def read_all(replies: Iterable[Labelled], reader: ReplyReader) -> list[Read]:
    """Read every reply as if it came when it did, in its sender's zone."""
    return [
        Read(one, reader.read(one.text.encode(), datetime.fromisoformat(one.at), ZoneInfo(one.zone)))
        for one in replies
    ]


def scores(found: Iterable[Read]) -> list[Score]:
    """Count each kind, in the order of the contract."""
    meant: Counter[str] = Counter()
    said: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for one in found:
        meant[one.label.kind] += 1
        said[one.reading.kind] += 1
        right[one.reading.kind] += one.right_kind
    return [Score(kind, meant[kind], said[kind], right[kind]) for kind in ReplyKind]
