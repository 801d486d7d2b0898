"""Holds the labelled replies to their form, and the reading to them.

`tuning.jsonl` is what rules are written for. `held_out.jsonl` was written before them and is never tuned on: of it
only what would harm is asserted, the rest is reported by `make bench`.
"""

from collections import Counter
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest

from benchmarks.labelled import SPLITS, Read, labelled, read_all, scores
from dunwell.policy.replies import ReplyKind, RulesReader

TUNED_RATE = 0.98  # kind and date, of the part that rules are written for
HARMLESS_RATE = 0.95  # precision of promises and payments, of the part that is held out


@lru_cache(maxsize=2)
def found(split: str) -> tuple[Read, ...]:
    return tuple(read_all(labelled(split), RulesReader()))


def test_the_set_is_large_and_no_reply_is_there_twice() -> None:
    every = [one for split in SPLITS for one in labelled(split)]
    assert len(every) >= 300
    assert len(labelled("held_out")) >= 300
    assert len({one.id for one in every}) == len(every)
    assert len({(one.text.casefold(), one.at, one.zone) for one in every}) == len(every)


@pytest.mark.parametrize("split", SPLITS)
def test_every_label_is_well_formed(split: str) -> None:
    for one in labelled(split):
        assert one.split == split
        assert ReplyKind(one.kind)
        assert one.lang in ("en", "de", "fr", "es")
        assert datetime.fromisoformat(one.at).tzinfo is not None
        assert ZoneInfo(one.zone)
        assert one.text.strip() or one.kind == "other"
        if one.date is not None:
            assert date.fromisoformat(one.date)
            assert one.kind in ("promise", "asks_time", "already_paid", "auto_reply")


@pytest.mark.parametrize("split", SPLITS)
def test_both_parts_have_enough_of_every_kind_and_language(split: str) -> None:
    kinds = Counter(one.kind for one in labelled(split))
    languages = Counter(one.lang for one in labelled(split))
    assert set(kinds) == {str(kind) for kind in ReplyKind}
    assert min(kinds.values()) >= 15
    assert min(languages.values()) >= 30


def test_what_rules_are_written_for_is_read_right() -> None:
    right = [one for one in found("tuning") if one.right_kind and one.right_date]
    assert len(right) / len(found("tuning")) >= TUNED_RATE


@pytest.mark.parametrize("kind", [ReplyKind.PROMISE, ReplyKind.ALREADY_PAID])
def test_what_is_held_out_is_hardly_ever_a_wrong_promise_or_payment(kind: ReplyKind) -> None:
    score = next(score for score in scores(found("held_out")) if score.kind is kind)
    assert score.said >= 20
    assert score.precision >= HARMLESS_RATE


@pytest.mark.parametrize("split", SPLITS)
def test_the_words_stand_in_the_text_where_the_span_says(split: str) -> None:
    for one in found(split):
        reading = one.reading
        if reading.span is None:
            assert reading.kind in (ReplyKind.OTHER, ReplyKind.AUTO_REPLY)
        else:
            assert reading.words
            assert reading.text[slice(*reading.span)] == reading.words
        assert bool(reading.words) is (reading.kind is not ReplyKind.OTHER)
        for line in reading.text.splitlines():
            assert line.strip() in one.label.text
