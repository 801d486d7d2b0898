"""Collection changes hands: taken over with proof, watched, and handed back (spec 1.2, step 2)."""

import dataclasses
from datetime import timedelta

import pytest

from dunwell.engine import review
from dunwell.policy import facts, words
from dunwell.policy.book import bind
from dunwell.policy.money import Money
from dunwell.policy.policy import parse_policy
from dunwell.policy.wording import built_in_wording
from dunwell.policy.words import AttemptOutcome
from dunwell.store import invariants, models
from tests.engine.signed import SINCE_LEASE, KilledError, Signed, killed
from tests.engine.world import LARGE, START, World

pytestmark = pytest.mark.django_db

OURS = bind(parse_policy('[track]\ncollection = "dunwell"\n'), built_in_wording())
AWAY = facts.Unreadable("Stripe answered 503")


def large() -> World:
    """A world without books, and a large customer whose payment has just failed."""
    world = World()
    world.customer(mrr=LARGE)
    world.fails()
    return world


def owner(world: World) -> tuple[str, object, object]:
    case = world.case()
    return case.collection, case.taken_over_at, case.proved_at


def hand_back(world: World) -> None:
    review.hand_back(case_id=world.case().pk, by="ana", now=world.now)


def transfer(world: World, ending: words.Ending = words.Ending.TRANSFERRED) -> None:
    review.close_by_hand(
        case_id=world.case().pk, ending=ending, reason="Legal has it.", by="ana", now=world.now
    )


def test_collection_is_taken_over_at_once_and_proved_by_reading_back() -> None:
    world = large()
    world.run()
    assert [(invoice, automatic) for invoice, automatic, _ in world.ledger.switched] == [("in_1", False)]
    assert owner(world) == ("dunwell", START, START)
    [said] = world.said("taken_over")
    assert said == (
        "Collection of INV-1 is ours. Read back from Stripe: the invoice is open, auto_advance is false, and no next "
        "attempt is planned."
    )
    assert world.entries(kind="taken_over")[0].detail == {
        "status": "open",
        "auto_advance": False,
        "next_attempt": None,
        "read_at": START.isoformat(),
    }
    assert world.reviews() == []


def test_stripe_that_goes_on_collecting_is_a_persons_and_nothing_leaves_meanwhile() -> None:
    world = large()
    world.ledger.stubborn = True
    world.run()
    assert owner(world) == ("stripe", None, None)
    assert (world.case().status, world.reviews()) == ("review", ["suppression"])
    assert world.item(words.ReviewKind.SUPPRESSION).reason == (
        "Stripe was asked to stop collecting INV-1 by itself, and is not proved quiet: the invoice is open, "
        "auto_advance is true, the next attempt is planned for 2026-04-10 14:03 UTC. Nothing is sent or charged "
        "meanwhile."
    )
    world.run_for(days=10)
    assert len(world.ledger.switched) == 1
    assert (world.ledger.charges, world.postbox.mails) == ([], [])


@pytest.mark.parametrize(
    ("auto_advance", "next_attempt"), [(None, None), (False, START + timedelta(days=3)), (True, None)]
)
def test_only_a_plain_no_proves_stripe_quiet(auto_advance: bool | None, next_attempt: object) -> None:  # noqa: FBT001
    world = large()
    world.ledger.stubborn = True
    world.ledger.change("in_1", auto_advance=auto_advance, next_attempt=next_attempt)
    world.run()
    assert (world.case().collection, world.reviews()) == ("stripe", ["suppression"])


def test_settling_a_failed_take_over_tries_again_under_another_key() -> None:
    world = large()
    world.ledger.stubborn = True
    world.run()
    world.settle(words.ReviewKind.SUPPRESSION)
    world.run()
    assert world.reviews() == ["suppression"], "it still goes on"
    world.ledger.stubborn = False
    world.settle(words.ReviewKind.SUPPRESSION)
    world.run()
    assert (world.case().collection, world.case().status, world.reviews()) == ("dunwell", "open", [])
    assert len({key for _, _, key in world.ledger.switched}) == 3


def test_stripe_that_cannot_be_asked_is_asked_again_and_a_person_told_after_a_day() -> None:
    world = large()
    world.decide()
    world.ledger.unreadable = AWAY
    world.run_for(hours=23)
    assert world.reviews() == []
    world.run_for(hours=3)
    assert world.reviews() == ["ledger_unreadable"]
    assert len(world.ledger.switched) > 5
    assert len({key for _, _, key in world.ledger.switched}) == len(world.ledger.switched)
    world.ledger.unreadable = None
    world.run_for(hours=1)
    assert (world.case().collection, world.reviews()) == ("dunwell", [])


def test_a_take_over_that_left_no_answer_is_harmless_to_repeat() -> None:
    world = large()
    world.decide()
    switch = world.ledger.set_collection

    def unheard(
        invoice: str, *, automatic: bool, key: str, now: object
    ) -> facts.InvoiceReading | facts.Unreadable:
        switch(invoice, automatic=automatic, key=key, now=world.now)
        world.ledger.set_collection = switch  # type: ignore[method-assign]
        return facts.Unreadable("Stripe did not answer")

    world.ledger.set_collection = unheard  # type: ignore[method-assign]
    world.run()
    assert world.case().collection == "stripe", "nothing is believed that was not read back"
    world.run_for(minutes=10)
    assert world.case().collection == "dunwell"


def test_a_worker_killed_around_the_switch_takes_over_once_in_the_end() -> None:
    world = large()
    world.decide()
    world.ledger.before_read = killed
    with pytest.raises(KilledError):
        world.perform()
    world.ledger.before_read = lambda _invoice: None
    assert world.ledger.invoices["in_1"].reading.auto_advance is False, "it died after Stripe had switched"
    assert world.case().collection == "stripe"
    world.clock.advance(SINCE_LEASE)
    world.run()
    assert owner(world)[0] == "dunwell"
    assert len(world.said("taken_over")) == 1
    assert world.outbox() == [("take_over", "sent")]


def test_an_invoice_paid_before_the_switch_closes_the_case() -> None:
    world = large()
    world.decide()
    world.ledger.change("in_1", status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
    world.run()
    assert (world.case().ending, world.case().collection) == ("recovered", "stripe")
    assert world.outbox() == [("take_over", "stopped")]


def test_a_reading_from_before_the_switch_does_not_pass_for_drift() -> None:
    world = large()
    world.decide()
    before = world.ledger.read_arrears("in_1", world.now)
    world.clock.advance(timedelta(seconds=1))
    world.run()
    assert not isinstance(before, facts.Unreadable)
    later = dataclasses.replace(before.reading, at=world.now - timedelta(milliseconds=1))
    world.ledger.read_arrears = lambda _invoice, _now: dataclasses.replace(before, reading=later)  # type: ignore[assignment, method-assign]
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    assert world.reviews() == []
    assert world.case().invoice.auto_advance is False


def test_a_reading_that_overtakes_the_proof_makes_it_be_proved_again() -> None:
    world = large()
    world.decide()
    item = models.OutboxItem.objects.get(kind="take_over")
    models.Invoice.objects.update(read_at=world.now)
    switch = world.ledger.set_collection

    def slowly(
        invoice: str, *, automatic: bool, key: str, now: object
    ) -> facts.InvoiceReading | facts.Unreadable:
        reading = switch(invoice, automatic=automatic, key=key, now=world.now)
        world.clock.advance(timedelta(seconds=5))
        models.Invoice.objects.update(read_at=world.now, auto_advance=True)
        world.ledger.set_collection = switch  # type: ignore[method-assign]
        return reading

    world.ledger.set_collection = slowly  # type: ignore[method-assign]
    world.perform()
    item.refresh_from_db()
    assert (item.state, world.case().collection) == ("queued", "stripe")
    world.run_for(minutes=1)
    assert world.case().collection == "dunwell"


def test_somebody_who_switches_stripe_back_on_raises_an_alarm_and_nothing_leaves() -> None:
    world = large()
    world.run()
    world.ledger.collects("in_1", automatic=True)
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    assert (world.reviews(), world.case().status) == (["drift"], "review")
    assert world.said("invoice") == [
        "Somebody switched Stripe's own collection of the invoice on.",
        "Stripe plans to charge the invoice at 2026-04-10 14:03 UTC.",
    ]
    world.run_for(days=4)
    assert (world.ledger.charges, world.postbox.mails) == ([], [])


def test_settling_the_alarm_takes_over_again_with_proof() -> None:
    world = large()
    world.run()
    world.ledger.collects("in_1", automatic=True)
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    world.clock.advance(timedelta(hours=1))
    world.settle(words.ReviewKind.DRIFT)
    world.run()
    assert owner(world) == ("dunwell", world.now, world.now)
    assert (world.reviews(), len(world.said("taken_over"))) == ([], 2)


def test_drift_right_before_a_retry_stops_it() -> None:
    world = large()
    world.run()
    world.run_to(START + timedelta(hours=23))
    assert world.ledger.charges == []
    world.clock.move_to(START + timedelta(days=1))
    world.decide()
    assert world.outbox()[-1] == ("charge", "queued")
    world.ledger.collects("in_1", automatic=True)
    world.run()
    assert world.ledger.charges == []
    assert world.outbox()[-1] == ("charge", "stopped")
    assert world.reviews() == ["drift"]
    assert world.said("why_not")[-1].startswith(
        "Stripe's own collection was switched back on though it is ours"
    )


def test_drift_right_before_a_letter_stops_it() -> None:
    world = Signed()
    world.drafts()
    world.approves()
    world.clock.advance(timedelta(hours=3))
    world.ledger.collects("in_1", automatic=True)
    world.run()
    assert world.books.mails == {}
    assert world.reviews() == ["drift"]
    assert world.states() == ["approved"]


def test_drift_right_before_a_standard_mail_stops_it() -> None:
    world = World(book=OURS)
    world.fails()
    world.decide()
    world.perform()
    world.ledger.collects("in_1", automatic=True)
    world.run()
    assert world.postbox.mails == []
    assert world.reviews() == ["drift"]


def test_every_gate_proves_again_that_stripe_is_quiet() -> None:
    world = large()
    world.run()
    world.ledger.charge_outcomes = [AttemptOutcome.DECLINED]
    world.run_for(days=1)
    assert owner(world) == ("dunwell", START, START + timedelta(days=1) - timedelta(minutes=3))


def test_what_stripe_collects_itself_is_no_drift() -> None:
    world = World()
    world.fails()
    world.run()
    world.ledger.collects("in_1", automatic=True)
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    assert (world.reviews(), world.said("invoice"), world.ledger.switched) == ([], [], [])


@pytest.mark.parametrize("how", [hand_back, transfer])
def test_a_case_that_leaves_our_hands_unpaid_gives_collection_back(how: object) -> None:
    world = large()
    world.run()
    world.clock.advance(timedelta(hours=1))
    assert callable(how)
    how(world)
    world.run()
    assert (world.case().ending, owner(world)) == ("transferred", ("stripe", None, None))
    assert world.ledger.invoices["in_1"].reading.auto_advance is True
    assert world.outbox() == [("take_over", "sent"), ("hand_back", "sent")]
    [said] = world.said("handed_back")
    assert said == (
        "Stripe collects INV-1 again. Read back: the invoice is open, auto_advance is true, the next attempt is "
        "planned for 2026-04-10 15:03 UTC."
    )


@pytest.mark.parametrize("ending", [words.Ending.PAID_ELSEWHERE, words.Ending.WRITTEN_OFF])
def test_a_case_that_ends_otherwise_leaves_stripe_quiet(ending: words.Ending) -> None:
    world = large()
    world.run()
    transfer(world, ending)
    world.run()
    assert world.ledger.invoices["in_1"].reading.auto_advance is False
    assert world.outbox() == [("take_over", "sent")]


def test_what_is_stripes_already_cannot_be_handed_back() -> None:
    world = World()
    world.fails()
    world.run()
    with pytest.raises(review.NotPossibleError, match="Stripe collects this invoice already"):
        hand_back(world)
    assert world.case().closed_at is None


def test_a_hand_back_stripe_cannot_hear_is_repeated_until_it_is_proved() -> None:
    world = large()
    world.run()
    world.ledger.unreadable = AWAY
    transfer(world)
    world.run_for(hours=25)
    assert world.reviews() == ["ledger_unreadable"]
    world.ledger.unreadable = None
    world.run_for(hours=1)
    assert (world.case().collection, world.reviews()) == ("stripe", [])


def test_a_hand_back_that_does_not_take_is_a_persons() -> None:
    world = large()
    world.run()
    world.ledger.stubborn = True
    transfer(world)
    world.run()
    assert world.reviews() == ["suppression"]
    assert "Nobody collects this invoice now." in world.item(words.ReviewKind.SUPPRESSION).reason
    assert invariants.kept_from_stripe() == 0, "a person is asked"
    world.settle(words.ReviewKind.SUPPRESSION)
    assert (world.reviews(), world.case().collection) == ([], "stripe")


@pytest.mark.breaks_promises
def test_a_hand_back_that_vanished_is_found_by_the_doctor() -> None:
    world = large()
    world.run()
    transfer(world)
    assert invariants.kept_from_stripe() == 0
    models.OutboxItem.objects.filter(kind="hand_back").delete()
    assert invariants.kept_from_stripe() == 1


@pytest.mark.breaks_promises
@pytest.mark.parametrize("kind", ["gather", "take_over"])
def test_a_case_whose_effect_vanished_is_asked_for_it_again_by_its_alarm(kind: str) -> None:
    world = Signed(keeps_books=kind == "gather")
    world.customer(mrr=LARGE)
    world.fails()
    world.decide()
    assert world.outbox() == [(kind, "queued")]
    models.OutboxItem.objects.all().delete()
    world.run_for(days=1)
    assert world.outbox()[0] == (kind, "sent")


def test_an_invoice_that_is_paid_meanwhile_needs_no_hand_back() -> None:
    world = large()
    world.run()
    transfer(world)
    world.ledger.change("in_1", status=words.InvoiceStatus.PAID, open=Money(0, "USD"))
    world.run()
    assert world.outbox()[-1] == ("hand_back", "stopped")
    assert world.reviews() == []


def closed_meanwhile(ending: words.Ending) -> World:
    world = large()
    world.decide()
    world.ledger.before_read = lambda _: transfer(world, ending) if world.case().closed_at is None else None
    world.run()
    return world


def test_a_case_transferred_while_stripe_is_being_asked_is_put_back_as_it_was() -> None:
    world = closed_meanwhile(words.Ending.TRANSFERRED)
    assert world.outbox() == [("take_over", "sent"), ("hand_back", "sent")]
    assert (world.case().collection, world.case().ending) == ("stripe", "transferred")
    assert world.ledger.invoices["in_1"].reading.auto_advance is True


@pytest.mark.parametrize(
    "ending",
    [words.Ending.PAID_ELSEWHERE, words.Ending.WRITTEN_OFF, words.Ending.VOIDED, words.Ending.CREDITED],
)
def test_a_case_that_ends_otherwise_while_stripe_is_being_asked_leaves_it_quiet(ending: words.Ending) -> None:
    world = closed_meanwhile(ending)
    assert world.outbox() == [("take_over", "sent")]
    assert world.ledger.invoices["in_1"].reading.auto_advance is False


def test_a_worker_killed_around_the_hand_back_hands_back_once_in_the_end() -> None:
    world = large()
    world.run()
    transfer(world)
    world.ledger.before_read = killed
    with pytest.raises(KilledError):
        world.perform()
    world.ledger.before_read = lambda _invoice: None
    world.clock.advance(SINCE_LEASE)
    world.run()
    assert len(world.said("handed_back")) == 1
    assert world.case().collection == "stripe"


def test_the_standard_track_takes_over_only_when_the_policy_says_so() -> None:
    world = World(book=OURS)
    world.fails()
    world.run()
    assert world.outbox() == [("take_over", "sent"), ("notice", "sent")]
    assert owner(world)[0] == "dunwell"
