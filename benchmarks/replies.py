"""How well replies are read, and at what cost: the section of `results.md` that `--replies` measures alone."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

from dateparser.search import search_dates

from benchmarks.labelled import SPLITS, Labelled, Read, Score, labelled, read_all, scores
from dunwell.policy.replies import ReplyKind, RulesReader, read_reply
from dunwell.policy.replies.mail import open_letter

HEADING = "## Reading replies"
ROUNDS = 5
_NAMES = {"tuning": "tuned on", "held_out": "held out"}
_WORSE = (ReplyKind.PROMISE, ReplyKind.ALREADY_PAID)
_ABOUT = (
    "Labelled replies, {held_out} of them held out: no rule was tuned on them, but whoever wrote the rules wrote them "
    "too, and two rules grew by wordings that also stand there. Precision: of the replies read as a kind, how many "
    "are of it. Recall: of the replies of a kind, how many were read as it. What is not understood is `other`, on "
    "purpose: a wrong promise or payment is worse."
)


def section(rounds: int = ROUNDS) -> str:
    """Read both parts, time the reading, and write the section as Markdown."""
    found = {split: read_all(labelled(split), RulesReader()) for split in SPLITS}
    lines = [HEADING, "", _ABOUT.format(held_out=f"{len(found['held_out']):,}"), ""]
    lines += _per_kind(found["held_out"], found["tuning"])
    lines += [
        "",
        f"| what | {' | '.join(_NAMES[split] for split in found)} |",
        "| --- |" + " --- |" * len(found),
    ]
    for what, of in _FIGURES:
        lines.append(f"| {what} | {' | '.join(of(each) for each in found.values())} |")
    lines += ["", *_speed(labelled("held_out"), rounds), ""]
    return "\n".join(lines)


def replaced(page: str, new: str) -> str:
    """Put the section into a page, in place of the one it has or at its end."""
    old = re.compile(rf"^{re.escape(HEADING)}$.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    if old.search(page):
        return old.sub(lambda _: new, page, count=1)
    return f"{page.rstrip()}\n\n{new}"


def _per_kind(held_out: list[Read], tuning: list[Read]) -> list[str]:
    lines = [
        "| kind | held out | read as it | **precision** | **recall** | tuned on | precision | recall |",
        "| --- |" + " --- |" * 7,
    ]
    for ours, theirs in zip(scores(held_out), scores(tuning), strict=True):
        cells = [f"`{ours.kind}`", f"{ours.meant}", f"{ours.said}", *_shares(ours), f"{theirs.meant}"]
        lines.append(f"| {' | '.join([*cells, *_shares(theirs)])} |")
    return lines


def _shares(score: Score) -> tuple[str, str]:
    return f"{score.precision:.2f}", f"{score.recall:.2f}"


def _right_kinds(found: list[Read]) -> str:
    return f"{sum(one.right_kind for one in found) / len(found):.3f} of {len(found)}"


def _right_dates(found: list[Read]) -> str:
    dated = [one for one in found if one.right_kind and (one.label.date or one.reading.date)]
    wrong = sum(one.reading.date is not None and not one.right_date for one in dated)
    missed = sum(one.reading.date is None for one in dated)
    return f"{len(dated) - wrong - missed} right, {missed} missed, {wrong} wrong"


def _wrong(kind: ReplyKind) -> Callable[[list[Read]], str]:
    def count(found: list[Read]) -> str:
        wrong = [one.label.id for one in found if one.reading.kind is kind and not one.right_kind]
        return f"{len(wrong)} ({', '.join(wrong)})" if wrong else "0"

    return count


_FIGURES: list[tuple[str, Callable[[list[Read]], str]]] = [
    ("kinds read right", _right_kinds),
    ("dates, where the kind is right", _right_dates),
    *((f"**wrong `{kind}`**", _wrong(kind)) for kind in _WORSE),
]


def _speed(replies: list[Labelled], rounds: int) -> list[str]:
    arms: dict[str, Callable[[Labelled], object]] = {"ours": _ours, "opened": _opened, "dates": _dates}
    for act in arms.values():  # what is compiled or loaded once is not counted
        act(replies[0])
    taken = [{name: _seconds(act, replies) for name, act in arms.items()} for _ in range(rounds)]
    rate = median(len(replies) / one["ours"] for one in taken)
    opened = median(one["ours"] / one["opened"] for one in taken)
    dates = median(one["ours"] / one["dates"] for one in taken)
    return [
        f"* {rate:,.0f} replies read a second on one core.",
        f"* Reading takes {opened:.2f} times as long as only opening them (MIME, quotes, signatures).",
        f"* Reading takes {dates:.2f} times as long as dateparser's `search_dates` takes to look for dates alone.",
    ]


def _seconds(act: Callable[[Labelled], object], replies: list[Labelled]) -> float:
    begun = time.perf_counter()
    for one in replies:
        act(one)
    return time.perf_counter() - begun


def _ours(one: Labelled) -> object:
    return read_reply(one.text.encode(), datetime.fromisoformat(one.at), ZoneInfo(one.zone))


def _opened(one: Labelled) -> object:
    return open_letter(one.text.encode())


def _dates(one: Labelled) -> object:
    base = datetime.fromisoformat(one.at).astimezone(ZoneInfo(one.zone)).replace(tzinfo=None)
    return search_dates(one.text, languages=[one.lang], settings={"RELATIVE_BASE": base})
