"""Holds: the one way anything waits (spec 2, 7)."""

from datetime import UTC, datetime, timedelta

import pytest

from dunwell.engine import review
from dunwell.engine.review import NotPossibleError
from dunwell.policy import facts, words
from dunwell.store import invariants, models
from tests.engine.world import START, World

pytestmark = pytest.mark.django_db

LATER = START + timedelta(days=80)


def started() -> World:
    """A world whose notice has gone out."""
    world = World()
    world.fails()
    world.run()
    return world


def test_a_pause_of_ten_days_moves_the_rest_by_ten_days() -> None:
    world = started()
    world.run_to(START + timedelta(days=1))
    world.hold(until=world.now + timedelta(days=10))
    world.run_to(LATER)
    # Without the pause: 10, 14, 21 and 28 April.
    assert world.days() == ["04-07", "04-20", "04-24", "05-01", "05-08"]
    assert world.case().status == "escalated"


def test_nothing_leaves_while_a_hold_lasts() -> None:
    world = started()
    world.hold()
    world.run_for(days=200)
    assert len(world.postbox.mails) == 1
    assert world.case().due_at is None


def test_a_hold_on_a_case_stops_the_mail_in_its_queue() -> None:
    world = World()
    world.fails()
    world.decide()
    hold = world.hold()
    world.run()
    assert world.postbox.mails == []
    assert world.outbox() == [("notice", "stopped")]
    world.clock.advance(timedelta(minutes=1))
    world.release(hold)
    world.run()
    assert world.postbox.mails == [], "never in the same breath"
    world.run_for(days=2)
    assert world.outbox() == [("notice", "stopped"), ("notice", "sent")]


def test_a_mail_queued_before_a_hold_does_not_leave_when_the_hold_was_short() -> None:
    world = World()
    world.fails()
    world.decide()
    world.ledger.unreadable = facts.Unreadable("Stripe answered 503")
    world.run()
    hold = world.hold()
    assert world.outbox() == [("notice", "stopped")]
    world.clock.advance(timedelta(minutes=2))
    world.release(hold)
    world.ledger.unreadable = None
    world.run_for(hours=3)
    assert world.postbox.mails == []
    world.run_for(days=1)
    assert world.days() == ["04-08"]


def test_an_escalation_queued_before_a_hold_is_said_after_it() -> None:
    world = started()
    world.run_to(datetime(2026, 4, 28, 12, 59, tzinfo=UTC))
    world.clock.advance(timedelta(minutes=1))
    world.decide()
    assert world.outbox()[-1] == ("escalation", "queued")
    world.hold(until=world.now + timedelta(days=3))
    assert world.case().status == "open"
    world.run_for(days=10)
    assert world.outbox()[-2:] == [("escalation", "stopped"), ("escalation", "sent")]
    assert world.case().status == "escalated"
    assert world.reviews() == ["escalation"]


def test_a_hold_on_the_customer_stops_all_their_cases_and_wakes_them_all() -> None:
    world = World()
    world.fails("in_1")
    world.fails("in_2")
    world.fails("in_3", "cus_2")
    world.run()
    world.run_for(hours=3)
    before = len(world.postbox.mails)
    world.hold(until=START + timedelta(days=20), scope=words.HoldScope.CUSTOMER, invoice="in_2")
    world.run_to(START + timedelta(days=19))
    assert {mail.to.email for mail in world.postbox.mails[before:]} == {"dana@cus-2.example"}
    assert [world.case(f"in_{n}").due_at for n in (1, 2)] == [START + timedelta(days=20)] * 2
    assert models.Hold.objects.get().case_id is None
    world.run_to(LATER)
    for invoice in ("in_1", "in_2", "in_3"):
        assert world.case(invoice).status == "escalated"
    # Both escalations of the first customer fall on one day: the second goes to a person without its mail.
    sent = {invoice: [state for _, state in world.outbox(invoice)] for invoice in ("in_1", "in_2", "in_3")}
    assert sorted(map(len, (sent["in_1"], sent["in_2"]))) == [4, 5]
    assert len(sent["in_3"]) == 5
    assert {state for states in sent.values() for state in states} == {"sent"}


def test_releasing_says_before_what_will_happen_and_never_sends_in_the_same_breath() -> None:
    world = started()
    hold = world.hold()
    world.clock.move_to(START + timedelta(days=10))
    said = review.preview_release(hold_id=hold.pk, now=world.now)
    assert said.startswith("If released now: The reminder waits until 2026-04-20 09:00 America/New_York")
    before = world.story()
    assert review.preview_release(hold_id=hold.pk, now=world.now) == said
    assert world.story() == before, "looking changes nothing"
    world.release(hold)
    world.run()
    assert len(world.postbox.mails) == 1
    assert world.case().due_at == datetime(2026, 4, 20, 13, 0, tzinfo=UTC)
    world.run_for(days=4)
    assert len(world.postbox.mails) == 2


def test_a_fact_that_comes_in_right_after_a_late_release_sends_nothing_either() -> None:
    world = started()
    world.hold(until=START + timedelta(days=5))
    world.clock.move_to(datetime(2026, 4, 15, 15, 0, tzinfo=UTC))  # the worker was down for three days
    world.run()
    assert world.story()[-1] == "resume"
    world.clock.advance(timedelta(minutes=1))
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    assert len(world.postbox.mails) == 1
    world.run_for(days=1)
    assert world.days() == ["04-07", "04-16"]


def test_a_release_without_an_open_case_is_told_so() -> None:
    world = started()
    hold = world.hold(scope=words.HoldScope.CUSTOMER)
    world.close()
    said = review.preview_release(hold_id=hold.pk, now=world.now)
    assert said == "If released now, nothing happens: no case of this customer is open."
    world.release(hold)
    assert models.Hold.objects.get().ended_at == world.now


def test_a_case_with_a_person_says_that_nothing_happens_by_itself() -> None:
    world = started()
    world.run_for(days=40)
    hold = world.hold()
    said = review.preview_release(hold_id=hold.pk, now=world.now)
    assert said.startswith("If released now, nothing happens by itself.")


def test_a_broken_promise_goes_to_a_person_and_the_next_stage_follows_the_morning_after() -> None:
    world = started()
    promised = datetime(2026, 4, 16, 4, 0, tzinfo=UTC)  # the end of 15 April in New York
    world.hold(until=promised, kind=words.HoldKind.PROMISE)
    world.run_to(promised)
    assert world.reviews() == ["broken_promise"]
    assert len(world.postbox.mails) == 1
    world.run_for(days=2)
    assert world.days() == ["04-07", "04-16"]
    assert world.reviews() == ["broken_promise"]


def test_a_kept_promise_closes_the_case_and_asks_nobody() -> None:
    world = started()
    world.hold(until=START + timedelta(days=8), kind=words.HoldKind.PROMISE)
    world.run_for(days=5)
    world.pays()
    world.run()
    world.run_to(LATER)
    assert world.case().ending == "recovered"
    assert models.ReviewItem.objects.count() == 0
    assert models.Hold.objects.get().ended_at == START + timedelta(days=5)
    assert len(world.postbox.mails) == 1


def test_overlapping_holds_end_one_by_one() -> None:
    world = started()
    world.hold(until=START + timedelta(days=10))
    world.hold(until=START + timedelta(days=20), kind=words.HoldKind.REPLY)
    world.run_to(START + timedelta(days=15))
    assert len(world.postbox.mails) == 1
    assert world.case().due_at == START + timedelta(days=20)
    world.run_to(LATER)
    assert len(world.postbox.mails) == 5


def test_an_escalated_case_is_back_on_the_desk_when_its_hold_is_over() -> None:
    world = started()
    world.run_for(days=40)
    world.hold(until=world.now + timedelta(days=5))
    world.settle(words.ReviewKind.ESCALATION)
    assert world.reviews() == []
    world.run_for(days=6)
    assert world.reviews() == ["escalation"]
    assert len(world.postbox.mails) == 5


def test_a_chargeback_whose_hold_and_question_are_gone_is_asked_about_again() -> None:
    world = started()
    world.ledger.change("in_1", charged_back=True)
    world.event("charge.dispute.created", "chargeback", invoice="in_1")
    world.run()
    world.settle(words.ReviewKind.CHARGEBACK)
    assert world.reviews() == ["chargeback"]
    world.release(models.Hold.objects.get())
    assert world.reviews() == ["chargeback"]
    world.run_for(days=40)
    assert len(world.postbox.mails) == 1


def test_what_cannot_be_held_or_released_is_refused() -> None:
    world = started()
    with pytest.raises(NotPossibleError, match="must lie in the future"):
        world.hold(until=world.now)
    hold = world.hold(until=world.now + timedelta(days=1))
    world.clock.advance(timedelta(days=2))
    with pytest.raises(NotPossibleError, match="over already"):
        world.release(hold)
    with pytest.raises(NotPossibleError, match="over already"):
        review.preview_release(hold_id=hold.pk, now=world.now)
    world.run()
    open_ended = world.hold()
    world.close()
    with pytest.raises(NotPossibleError, match="over already"):
        world.release(open_ended)
    for scope in words.HoldScope:
        with pytest.raises(NotPossibleError, match="closed"):
            world.hold(scope=scope)
    with pytest.raises(NotPossibleError, match="no such case"):
        review.add_note(case_id=999, text="x", by="ana", now=world.now)
    assert models.Hold.objects.count() == 2


def test_a_hold_says_who_and_why_on_every_case_it_covers() -> None:
    world = World()
    world.fails("in_1")
    world.fails("in_2")
    world.run()
    world.hold(until=START + timedelta(days=3), scope=words.HoldScope.CUSTOMER)
    for invoice in ("in_1", "in_2"):
        [entry] = world.entries(invoice, "hold")
        assert entry.actor == "ana"
        assert (
            entry.summary == "On hold (pause) until 2026-04-10 10:03 America/New_York. They asked for time."
        )


def test_a_question_settled_under_a_hold_that_nobody_ended_is_asked_again() -> None:
    world = started()
    hold = world.hold()
    assert world.reviews() == ["gate_closed"]
    item = world.item(words.ReviewKind.GATE_CLOSED)
    assert item.reason == "The case is on hold (pause) until a person ends it."
    assert item.proposal.startswith("End the hold when it is over")
    world.settle(words.ReviewKind.GATE_CLOSED)
    assert world.reviews() == ["gate_closed"]
    world.release(hold)
    assert world.reviews() == []
    assert world.case().due_at is not None


def test_whoever_may_not_be_contacted_is_nobodys_question() -> None:
    world = started()
    world.hold(kind=words.HoldKind.DO_NOT_CONTACT)
    assert world.reviews() == []
    assert (invariants.forgotten_cases(), invariants.left_alone()) == (0, 1)
