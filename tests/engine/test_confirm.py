"""A letter that left through NetSuite is read back and compared, and never leaves twice (spec 1.2, step 6)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dunwell.engine import review
from dunwell.policy import facts, readings, words
from tests.engine.signed import Signed

pytestmark = pytest.mark.django_db


def test_a_letter_found_as_it_was_sent_is_confirmed() -> None:
    world = Signed()
    world.books.seen_after = timedelta()
    world.sent()
    world.perform()
    letter = world.letter()
    assert (letter.state, letter.record_id, letter.confirmed_at) == ("confirmed", "1", world.now)
    entry = world.entries(kind="confirmed")[0]
    assert {name: entry.detail[name] for name in ("record", "author", "recipient", "subject", "sent_at")} == {
        "record": "1",
        "author": "7",
        "recipient": "dana@cus-1.example",
        "subject": letter.subject,
        "sent_at": world.now.isoformat(),
    }
    assert world.effects("confirm") == ["sent"]


def test_a_row_that_comes_late_is_looked_for_every_minute() -> None:
    world = Signed()
    world.books.seen_after = timedelta(minutes=12)
    world.sent()
    world.run_for(minutes=11)
    assert world.states() == ["sent"]
    asked = world.books.asked.count("mail")
    assert asked == 12, "at once and then every minute"
    world.run_for(minutes=1)
    assert world.states() == ["confirmed"]
    assert world.reviews() == []


def test_a_row_that_is_not_there_in_time_goes_to_a_person_and_nothing_is_sent_again() -> None:
    world = Signed()
    world.books.seen_after = timedelta(days=365)
    world.sent()
    world.run_for(minutes=14, seconds=59)
    assert world.reviews() == []
    world.run_for(seconds=1)
    assert world.reviews() == ["not_confirmed"]
    said = world.item(words.ReviewKind.NOT_CONFIRMED).reason
    assert "15 minutes later its row is not on the customer's record" in said
    assert "author 7, recipient dana@cus-1.example" in said
    world.run_for(days=5)
    assert len(world.to_customer()) == 1
    assert world.states() == ["in_doubt"]


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"recipient": "555"}, "the recipient is 555, not dana@cus-1.example"),
        ({"author": ""}, "the author is empty, not 7"),
        ({"subject": "Something else"}, "the subject is Something else, not The payment for invoice INV-1"),
    ],
)
def test_a_row_that_shows_another_mail_goes_to_a_person(shown: dict[str, Any], said: str) -> None:
    world = Signed()
    world.books.logged = lambda row: replace(row, **shown)
    world.sent()
    world.run_for(minutes=3)
    assert world.reviews() == ["not_confirmed"]
    assert said in world.item(words.ReviewKind.NOT_CONFIRMED).reason
    world.run_for(days=5)
    assert len(world.to_customer()) == 1


@pytest.mark.parametrize(
    ("off", "reviews"), [(15, []), (-15, []), (16, ["not_confirmed"]), (-16, ["not_confirmed"])]
)
def test_a_row_of_another_time_goes_to_a_person(off: int, reviews: list[str]) -> None:
    world = Signed()
    world.books.clock_off = timedelta(minutes=off)
    world.sent()
    world.run_for(minutes=3)
    assert world.reviews() == reviews
    if reviews:
        said = world.item(words.ReviewKind.NOT_CONFIRMED).reason
        assert (
            f"the time is 2026-04-07 {'14:19' if off > 0 else '13:47'} UTC, not 2026-04-07 14:03 UTC" in said
        )


def test_netsuite_being_away_says_nothing_about_the_letter() -> None:
    world = Signed()
    world.sent()
    world.books.unreadable = facts.Unreadable("NetSuite answered 503")
    world.run_for(hours=3)
    assert world.states() == ["sent"]
    assert world.reviews() == []
    world.books.unreadable = None
    world.run_for(hours=1)
    assert world.states() == ["confirmed"]


def test_netsuite_being_away_for_a_day_goes_to_a_person() -> None:
    world = Signed()
    world.sent()
    world.books.unreadable = facts.Unreadable("NetSuite answered 503")
    world.run_for(hours=26)
    assert world.reviews() == ["not_confirmed"]
    assert len(world.to_customer()) == 1


def settle(world: Signed, *, arrived: bool) -> None:
    review.resolve_send(
        review_id=world.item(words.ReviewKind.NOT_CONFIRMED).pk,
        arrived=arrived,
        resolution="Dana has it." if arrived else "Dana never got it.",
        by="ana",
        now=world.now,
        ports=world.ports,
    )


def not_confirmed() -> Signed:
    world = Signed()
    world.books.seen_after = timedelta(days=365)
    world.sent()
    world.run_for(minutes=16)
    return world


def test_a_person_finds_that_a_letter_arrived_and_the_track_goes_on() -> None:
    world = not_confirmed()
    sent_at = world.letter().sent_at
    with pytest.raises(review.NotPossibleError, match="Say whether the mail arrived"):
        world.settle(words.ReviewKind.NOT_CONFIRMED)
    settle(world, arrived=True)
    assert (world.letter().state, world.letter().sent_at) == ("confirmed", sent_at)
    assert world.reviews() == []
    assert world.case().due_at is not None
    assert len(world.to_customer()) == 1


def test_a_person_finds_that_a_letter_was_lost_and_it_is_signed_once_more() -> None:
    world = not_confirmed()
    settle(world, arrived=False)
    assert world.states() == ["draft"]
    world.run_for(days=1)
    assert len(world.to_customer()) == 1
    world.approves()
    world.books.seen_after = timedelta()
    world.run()
    assert len(world.to_customer()) == 2, "under a key of its own"
    assert world.states() == ["confirmed"]
    assert world.effects() == ["stopped", "sent"]


def test_a_letter_is_read_back_although_its_case_has_closed() -> None:
    world = Signed()
    world.sent()
    world.pays()
    world.run_for(minutes=5)
    assert world.case().ending == "recovered"
    assert world.states() == ["confirmed"]


def test_a_letter_known_to_have_left_only_by_asking_is_read_back_too() -> None:
    world = Signed()
    world.books.postings = [readings.Uncertain("The connection broke.")]
    world.signed()
    world.perform()
    world.run_for(minutes=5)
    assert world.states() == ["confirmed"]
