"""What becomes of a letter at the door: killed workers, lost answers, refusals, and what a person says (spec 1.2)."""

from collections.abc import Callable

import pytest

from dunwell.engine import review
from dunwell.policy import readings, words
from dunwell.store import models
from tests.engine.signed import SINCE_LEASE, KilledError, Signed, by_smtp, killed, without_netsuite

pytestmark = pytest.mark.django_db

WAYS = pytest.mark.parametrize("make", [Signed, by_smtp, without_netsuite])


def test_a_worker_killed_before_netsuite_heard_of_the_letter_leaves_one_mail() -> None:
    world = Signed()
    world.signed()
    world.books.before_read = lambda what: killed() if what == "send" else None
    with pytest.raises(KilledError):
        world.perform()
    assert world.effects() == ["handing_over"]
    world.books.before_read = lambda _what: None
    world.run_for(minutes=1)
    assert world.to_customer() == [], "its lease still runs"
    world.clock.advance(SINCE_LEASE)
    world.run()
    assert len(world.to_customer()) == 1
    assert world.states() == ["sent"]
    assert world.said("absent") == [
        "Letter 1 to dana@cus-1.example never came to NetSuite, so it may leave under the same key."
    ]


def test_a_worker_killed_after_netsuite_sent_the_letter_leaves_one_mail() -> None:
    world = Signed()
    world.signed()
    world.books.after_send = killed
    with pytest.raises(KilledError):
        world.perform()
    assert len(world.to_customer()) == 1
    sent_at = world.now
    world.books.after_send = lambda _mail: None
    world.clock.advance(SINCE_LEASE)
    world.run()
    assert len(world.to_customer()) == 1
    assert world.states() == ["confirmed"]
    assert world.letter().sent_at == sent_at


@WAYS
def test_a_worker_killed_at_the_gate_loses_nothing(make: Callable[[], Signed]) -> None:
    world = make()
    world.signed()
    world.ledger.before_read = killed
    with pytest.raises(KilledError):
        world.perform()
    assert world.effects() == ["claimed"]
    world.ledger.before_read = lambda _invoice: None
    world.clock.advance(SINCE_LEASE)
    world.run()
    assert len(world.to_customer()) == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_worker_killed_at_the_mail_server_asks_a_person_and_sends_no_second_mail(*, after: bool) -> None:
    world = without_netsuite()
    world.signed()
    if after:
        world.postbox.after_send = killed
    else:
        world.postbox.before_send = killed
    with pytest.raises(KilledError):
        world.perform()
    world.postbox.before_send = world.postbox.after_send = lambda _mail: None
    world.clock.advance(SINCE_LEASE)
    world.run_for(days=3)
    assert len(world.to_customer()) == int(after)
    assert world.states() == ["in_doubt"]
    assert world.effects() == ["unknown"]
    assert world.reviews() == ["send_unknown"]


def test_a_letter_whose_answer_got_lost_is_asked_for_and_not_sent_twice() -> None:
    world = Signed()
    world.books.postings = [readings.Uncertain("The connection broke.")]
    world.signed()
    assert world.perform() == {"handing_over": 1}
    world.run_for(minutes=2)
    assert len(world.to_customer()) == 1
    assert world.states() == ["confirmed"]


def test_a_letter_that_never_arrived_at_netsuite_leaves_under_the_same_key() -> None:
    world = Signed()
    world.books.postings = [readings.Uncertain("The connection broke.")]
    world.books.leaves_unheard = False
    letter = world.signed()
    world.perform()
    assert world.to_customer() == []
    world.run_for(minutes=2)
    assert len(world.to_customer()) == 1
    keys = models.OutboxItem.objects.filter(letter=letter, kind="letter").values_list("key", flat=True)
    assert list(keys) == list(world.books.mails)


def test_a_letter_netsuite_never_finishes_goes_to_a_person_after_a_quarter_of_an_hour() -> None:
    world = Signed()
    world.books.postings = [readings.Uncertain("The connection broke.")]
    letter = world.signed()
    key = models.OutboxItem.objects.get(letter=letter, kind="letter").key
    world.books.stuck.add(key)
    world.perform()
    world.run_for(minutes=14)
    assert world.reviews() == []
    world.run_for(minutes=3)
    assert world.reviews() == ["send_unknown"]
    assert world.states() == ["in_doubt"]
    world.run_for(days=3)
    assert len(world.to_customer()) == 1


def test_a_case_cannot_lose_a_letter_that_is_being_handed_over() -> None:
    world = Signed()
    world.books.postings = [readings.Uncertain("The connection broke.")]
    world.signed()
    world.perform()
    world.close()
    assert world.states() == ["leaving"]
    world.run_for(minutes=10)
    assert world.states() == ["confirmed"], "what left is known to have left, although the case is closed"
    assert len(world.to_customer()) == 1


@WAYS
def test_a_letter_put_off_by_the_server_is_tried_again(make: Callable[[], Signed]) -> None:
    world = make()
    put_off = readings.Refused("Come back later.", permanent=False)
    world.signed()
    world.books.postings, world.postbox.answers = [put_off], [put_off]
    assert world.perform() == {"queued": 1}
    assert world.to_customer() == []
    world.run_for(minutes=2)
    assert len(world.to_customer()) == 1


@WAYS
def test_a_refused_letter_goes_again_once_a_person_has_settled_it(make: Callable[[], Signed]) -> None:
    world = make()
    refused = readings.Refused("No such mailbox.", permanent=True)
    world.signed()
    world.books.postings, world.postbox.answers = [refused], [refused]
    assert world.perform() == {"refused": 1}
    world.run_for(days=1)
    assert world.to_customer() == []
    assert world.states() == ["in_doubt"]
    assert world.reviews() == ["send_refused"]
    world.settle(words.ReviewKind.SEND_REFUSED)
    world.run()
    assert len(world.to_customer()) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_a_person_says_whether_a_lost_letter_arrived(*, arrived: bool) -> None:
    world = without_netsuite()
    world.signed()
    world.postbox.answers = [readings.Uncertain("The connection broke.")]
    handed = world.now
    world.perform()
    world.run_for(hours=1)
    item = world.item(words.ReviewKind.SEND_UNKNOWN)
    with pytest.raises(review.NotPossibleError, match="Say whether the mail arrived"):
        world.settle(words.ReviewKind.SEND_UNKNOWN)
    review.resolve_send(
        review_id=item.pk,
        arrived=arrived,
        resolution="Asked Dana.",
        by="ana",
        now=world.now,
        ports=world.ports,
    )
    world.run()
    if arrived:
        assert world.states() == ["confirmed"]
        assert world.letter().sent_at == handed
        assert world.reviews() == []
        return
    assert world.states() == ["draft"], "it is to be signed once more"
    assert world.reviews() == ["draft"]
    world.approves()
    world.run()
    assert world.states() == ["confirmed"]
