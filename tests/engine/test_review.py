"""What people do: every operation, who did it, and what cannot be done (spec 8)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from dunwell.engine import review
from dunwell.engine.review import NotPossibleError
from dunwell.policy import facts, readings, words
from dunwell.policy.words import ReviewKind
from dunwell.store import models
from tests.engine.world import START, World

pytestmark = pytest.mark.django_db


def started() -> World:
    world = World()
    world.fails()
    world.run()
    return world


def without_contact() -> World:
    world = World()
    world.customer(contact=None)
    world.fails()
    world.run()
    return world


def of_unknown_mrr() -> World:
    world = World()
    world.customer(mrr=None)
    world.fails()
    world.run()
    return world


def answered(answer: readings.Delivery) -> World:
    """A world whose notice got this answer from the mail server."""
    world = World()
    world.postbox.answers = [answer]
    world.fails()
    world.run()
    return world


REFUSED = readings.Refused("550 no such user", permanent=True)
BROKEN = readings.Uncertain("connection reset")


def resolve(world: World, kind: ReviewKind, *, arrived: bool) -> None:
    review.resolve_send(
        review_id=world.item(kind).pk,
        arrived=arrived,
        resolution="Asked them.",
        by="ana",
        now=world.now,
        ports=world.ports,
    )


def change_contact(world: World, email: str = "ada@acme.example", name: str = "Ada Finch") -> None:
    review.change_contact(
        case_id=world.case().pk, name=name, email=email, by="ana", now=world.now, ports=world.ports
    )


def choose(world: World, track: words.Track) -> None:
    review.choose_track(
        case_id=world.case().pk,
        track=track,
        reason="Asked sales.",
        by="ana",
        now=world.now,
        ports=world.ports,
    )


def test_choosing_the_standard_track_lets_the_case_run() -> None:
    world = of_unknown_mrr()
    world.clock.advance(timedelta(hours=2))
    choose(world, words.Track.STANDARD)
    world.run()
    assert (world.case().track, world.case().status, world.reviews()) == ("standard", "open", [])
    assert len(world.postbox.mails) == 1
    assert world.said("track") == ["Put on the standard track. Asked sales."]
    item = models.ReviewItem.objects.get()
    assert (item.closed_by, item.closed_at, item.resolution) == ("ana", world.now, "Track: standard")


def test_choosing_the_personal_track_leaves_every_word_to_a_person() -> None:
    world = of_unknown_mrr()
    world.ledger.charge_outcomes = [words.AttemptOutcome.DECLINED]
    choose(world, words.Track.PERSONAL)
    world.run_for(days=7)
    assert world.reviews() == ["draft"]
    world.run_for(days=33)
    assert world.reviews() == ["escalation", "call_task"]
    assert world.postbox.mails == []


def test_a_track_is_chosen_once_and_on_open_cases_only() -> None:
    world = started()
    with pytest.raises(NotPossibleError, match="already runs on the standard track"):
        choose(world, words.Track.PERSONAL)
    world.close()
    with pytest.raises(NotPossibleError, match="closed"):
        choose(world, words.Track.PERSONAL)


def test_a_new_contact_settles_the_question_and_the_case_continues() -> None:
    world = without_contact()
    change_contact(world)
    world.run()
    assert world.reviews() == []
    assert [(mail.to.name, mail.to.email) for mail in world.postbox.mails] == [
        ("Ada Finch", "ada@acme.example")
    ]
    assert world.said("contact") == ["The contact is now Ada Finch <ada@acme.example>."]
    world.run_for(days=40)
    assert {mail.to.email for mail in world.postbox.mails} == {"ada@acme.example"}
    assert len(world.postbox.mails) == 5


def test_a_new_contact_counts_for_all_open_cases_of_the_customer() -> None:
    world = World()
    world.customer(contact=None)
    world.fails("in_1")
    world.fails("in_2")
    world.run()
    change_contact(world)
    assert (world.reviews("in_1"), world.reviews("in_2")) == ([], [])
    world.run_for(days=3)
    assert {mail.to.email for mail in world.postbox.mails} == {"ada@acme.example"}
    assert [world.outbox(f"in_{n}")[0] for n in (1, 2)] == [("notice", "sent")] * 2


def test_what_a_person_says_about_the_contact_outlives_what_stripe_says() -> None:
    world = World()
    world.customer(contact=facts.Contact("Dana", "dana@", "stripe"))
    world.fails()
    world.run()
    change_contact(world)
    world.event("customer.updated", "customer", customer="cus_1")
    world.run_for(days=4)
    assert world.reviews() == []
    assert [mail.to.email for mail in world.postbox.mails] == ["ada@acme.example"] * 2
    change_contact(world, "eve@acme.example", "Eve")
    world.run_for(days=4)
    assert world.postbox.mails[-1].to.email == "eve@acme.example"


def test_a_contact_that_came_back_is_deliverable_again_once_a_person_says_so() -> None:
    world = started()
    models.Contact.objects.update(deliverable=False)
    world.run_for(days=4)
    assert world.reviews() == ["no_contact"]
    change_contact(world, "dana@cus-1.example", "Dana Reyes")
    world.run_for(days=3)
    assert len(world.postbox.mails) == 2


@pytest.mark.parametrize("email", ["", " ", "ada", "ada@", "a@b.example, c@d.example"])
def test_what_is_no_address_is_no_contact(email: str) -> None:
    world = without_contact()
    with pytest.raises(NotPossibleError, match="is not an e-mail address"):
        change_contact(world, email)
    assert world.reviews() == ["no_contact"]
    assert models.Contact.objects.count() == 0


def test_closing_by_hand_stops_what_is_queued_and_clears_the_desk() -> None:
    world = World()
    world.fails()
    world.decide()
    world.close()
    world.run_for(days=40)
    case = world.case()
    assert (case.status, case.ending, case.closed_at, case.due_at) == (
        "closed",
        "paid_elsewhere",
        START,
        None,
    )
    assert world.outbox() == [("notice", "stopped")]
    assert world.postbox.mails == []
    assert world.said("close") == ["Closed by hand as paid elsewhere: They paid by wire."]
    assert world.entries(kind="close")[0].actor == "ana"


def test_closing_needs_a_reason_and_an_open_case() -> None:
    world = started()
    case = world.case().pk

    def close(reason: str) -> None:
        review.close_by_hand(
            case_id=case, ending=words.Ending.WRITTEN_OFF, reason=reason, by="ana", now=world.now
        )

    with pytest.raises(NotPossibleError, match="Say why"):
        close("  ")
    close("Bankrupt.")
    with pytest.raises(NotPossibleError, match="closed"):
        close("Again.")
    assert world.said("close") == ["Closed by hand as written off: Bankrupt."]


def test_a_desk_item_is_assigned_and_put_back() -> None:
    world = of_unknown_mrr()
    item = world.item(ReviewKind.MRR_UNKNOWN)
    review.assign(review_id=item.pk, to="bo", by="ana", now=world.now)
    item.refresh_from_db()
    assert item.assigned_to == "bo"
    review.assign(review_id=item.pk, to="", by="bo", now=world.now)
    item.refresh_from_db()
    assert item.assigned_to == ""
    assert world.said("assigned") == ["Assigned to bo.", "Nobody is assigned any more."]


def test_settling_needs_a_word_and_happens_once() -> None:
    world = started()
    world.run_for(days=40)
    item = world.item(ReviewKind.ESCALATION)

    def settle(resolution: str) -> None:
        review.settle(review_id=item.pk, resolution=resolution, by="ana", now=world.now, ports=world.ports)

    with pytest.raises(NotPossibleError, match="few words"):
        settle(" ")
    settle(" Rang them. ")
    item.refresh_from_db()
    assert (item.closed_by, item.resolution) == ("ana", "Rang them.")
    with pytest.raises(NotPossibleError, match="settled this already"):
        settle("Rang them again.")
    with pytest.raises(NotPossibleError, match="settled this already"):
        review.assign(review_id=item.pk, to="bo", by="ana", now=world.now)
    with pytest.raises(NotPossibleError, match="settled this already"):
        review.settle(review_id=999, resolution="x", by="ana", now=world.now, ports=world.ports)
    assert world.said("settled") == ["Settled (escalation): Rang them."]


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (of_unknown_mrr, ReviewKind.MRR_UNKNOWN),
        (without_contact, ReviewKind.NO_CONTACT),
    ],
)
def test_a_question_settled_without_an_answer_is_back_at_once(
    make: Callable[[], World], kind: ReviewKind
) -> None:
    world = make()
    world.settle(kind)
    world.run_for(days=40)
    assert world.reviews() == [kind.value]
    assert models.ReviewItem.objects.count() == 2
    assert world.postbox.mails == []


def test_an_open_escalated_case_never_drops_out_of_sight() -> None:
    world = started()
    world.run_for(days=40)
    world.settle(ReviewKind.ESCALATION)
    assert world.reviews() == ["escalation"]
    assert world.case().status == "escalated"
    world.close()
    assert world.reviews() == []


def test_a_question_about_a_template_is_settled_once_the_template_is_right() -> None:
    world = World()
    world.fails()
    world.decide()
    models.OutboxItem.objects.update(text="This is overdue.")
    world.perform()
    assert world.reviews() == ["content"]
    world.settle(ReviewKind.CONTENT)
    world.run()
    assert world.outbox() == [("notice", "stopped"), ("notice", "sent")]


def test_a_refused_mail_is_sent_again_once_a_person_has_settled_it() -> None:
    world = answered(REFUSED)
    world.clock.advance(timedelta(hours=1))
    world.settle(ReviewKind.SEND_REFUSED)
    world.run()
    assert world.outbox() == [("notice", "stopped"), ("notice", "sent")]
    assert len(world.postbox.mails) == 1
    world.run_for(days=4)
    assert world.outbox()[-1] == ("reminder", "sent")


def test_a_mail_refused_twice_is_asked_about_twice() -> None:
    world = answered(REFUSED)
    world.postbox.answers = [REFUSED]
    world.settle(ReviewKind.SEND_REFUSED)
    world.run()
    assert world.outbox() == [("notice", "stopped"), ("notice", "refused")]
    assert world.reviews() == ["send_refused"]


def test_a_mail_that_may_have_left_is_not_settled_without_saying_whether_it_arrived() -> None:
    world = answered(BROKEN)
    with pytest.raises(NotPossibleError, match="Say whether the mail arrived"):
        world.settle(ReviewKind.SEND_UNKNOWN)
    world.run_for(days=40)
    assert world.reviews() == ["send_unknown"]
    assert len(world.postbox.mails) == 1


def test_a_mail_that_did_arrive_counts_as_sent_and_the_track_goes_on() -> None:
    world = answered(BROKEN)
    world.run_for(days=1)
    resolve(world, ReviewKind.SEND_UNKNOWN, arrived=True)
    world.run()
    assert world.outbox() == [("notice", "sent")]
    assert world.said("settled") == ["Settled (send unknown): It arrived. Asked them."]
    world.run_for(days=4)
    assert world.outbox() == [("notice", "sent"), ("reminder", "sent")]
    assert world.days() == ["04-07", "04-10"]


def test_a_mail_that_did_not_arrive_is_sent_again() -> None:
    world = answered(BROKEN)
    world.run_for(hours=1)
    resolve(world, ReviewKind.SEND_UNKNOWN, arrived=False)
    world.run()
    assert world.outbox() == [("notice", "stopped"), ("notice", "sent")]
    assert len({mail.message_id for mail in world.postbox.mails}) == 2


def test_a_refused_mail_that_arrived_all_the_same_is_not_sent_again() -> None:
    world = answered(REFUSED)
    resolve(world, ReviewKind.SEND_REFUSED, arrived=True)
    world.run_for(days=2)
    assert world.outbox() == [("notice", "sent")]
    assert world.postbox.mails == []


@pytest.mark.parametrize("arrived", [True, False])
def test_an_escalation_of_unknown_fate_is_answered_for_like_any_mail(arrived: bool) -> None:  # noqa: FBT001
    world = started()
    world.run_to(START + timedelta(days=20))
    world.postbox.answers = [BROKEN]
    world.run_for(days=3)
    assert world.reviews() == ["escalation", "send_unknown"]
    resolve(world, ReviewKind.SEND_UNKNOWN, arrived=arrived)
    world.run_for(days=5)
    states = [state for stage, state in world.outbox() if stage == "escalation"]
    assert states == (["sent"] if arrived else ["stopped", "sent"])
    assert world.case().status == "escalated"
    assert world.reviews() == ["escalation"]


def test_only_mail_can_be_said_to_have_arrived() -> None:
    world = of_unknown_mrr()
    with pytest.raises(NotPossibleError, match="not about a mail"):
        resolve(world, ReviewKind.MRR_UNKNOWN, arrived=True)


def test_a_mail_of_unknown_fate_on_a_case_that_is_over_bothers_nobody() -> None:
    world = World()
    world.fails()
    world.decide()

    def close(_mail: readings.OutgoingMail) -> None:
        world.close()

    world.postbox.before_send = close
    world.postbox.answers = [BROKEN]
    world.run()
    assert world.outbox() == [("notice", "unknown")]
    assert world.reviews() == []
    assert world.case().status == "closed"


def test_a_note_is_kept_on_open_and_closed_cases_and_an_empty_one_refused() -> None:
    world = started()
    review.add_note(case_id=world.case().pk, text=" Rang. ", by="ana", now=world.now)
    world.close()
    review.add_note(case_id=world.case().pk, text="x" * 9000, by="ana", now=world.now)
    with pytest.raises(NotPossibleError, match="empty"):
        review.add_note(case_id=world.case().pk, text=" ", by="ana", now=world.now)
    assert world.said("note") == ["Rang.", "x" * 5000]
