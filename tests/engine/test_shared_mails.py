"""One mail about several invoices of a payer, from the decision to what became of it."""

from datetime import timedelta
from itertools import pairwise

import pytest

from dunwell.engine import review
from dunwell.engine.perform import Worker, perform_due
from dunwell.policy.money import Money
from dunwell.policy.readings import Refused, Uncertain
from dunwell.policy.words import (
    CaseStatus,
    Ending,
    HoldKind,
    HoldScope,
    InvoiceStatus,
    MessageState,
    ReviewKind,
    Stage,
)
from dunwell.store import claims, invariants, models
from tests.engine.world import World

pytestmark = pytest.mark.django_db

ALL = ("in_1", "in_2", "in_3")


def three() -> World:
    """Three invoices of one customer fail within a minute; their notice is decided, not sent."""
    world = World()
    for invoice in ALL:
        world.fails(invoice)
    world.decide()
    return world


def rows(world: World, invoice: str) -> list[tuple[str, str]]:
    found = models.OutboxItem.objects.filter(case=world.case(invoice), kind="mail").order_by("pk")
    return [(row.stage, row.state) for row in found]


def nothing_stranded() -> None:
    assert invariants.stranded_mails() == 0
    assert invariants.forgotten_cases() == 0


def test_invoices_that_fail_together_share_their_notice() -> None:
    world = three()

    assert world.perform() == {"sent": 1}

    [mail] = world.postbox.mails
    assert mail.subject == "Payments of USD 3,600.00 for 3 invoices did not go through"
    assert [line for line in mail.text.splitlines() if line.startswith("INV-")] == [
        f"INV-{n}: USD 1,200.00, failed on 7 April 2026" for n in (1, 2, 3)
    ]
    for invoice in ALL:
        assert rows(world, invoice) == [("notice", "sent")]
        [said] = world.said("send", invoice)
        assert said.endswith("One mail about INV-1, INV-2 and INV-3, in the tone of a notice.")
        assert world.said("sent", invoice) == [
            "The mail about INV-1, INV-2 and INV-3 went to dana@cus-1.example."
        ]
    sent = models.OutboxItem.objects.filter(kind="mail")
    assert {row.message_id for row in sent} == {mail.message_id}
    assert {row.text for row in sent} == {mail.text}
    assert sorted(bool(row.carried_by) for row in sent) == [False, True, True]
    nothing_stranded()


def test_with_netsuite_too_invoices_that_fail_together_share_their_notice() -> None:
    world = World(keeps_books=True)
    for invoice in ALL:
        world.fails(invoice)

    world.run()

    [mail] = world.postbox.mails
    assert mail.subject == "Payments of USD 3,600.00 for 3 invoices did not go through"
    assert [rows(world, invoice) for invoice in ALL] == [[("notice", "sent")]] * 3
    assert world.books.asked.count("gather") == 3
    nothing_stranded()


def test_a_whole_story_advances_each_invoice_and_ends_each_alone() -> None:
    world = three()
    world.run_for(days=40)

    stages = [[stage for stage, state in rows(world, each) if state == "sent"] for each in ALL]
    assert sorted(stages, key=len) == [list(Stage)[:-1], list(Stage)[:-1], list(Stage)]
    for invoice in ALL:
        assert world.case(invoice).status == CaseStatus.ESCALATED
        assert len(world.said("escalate", invoice)) == len(world.said("review", invoice)) == 1
    times = [mail.date for mail in world.postbox.mails]
    assert all(later - before >= timedelta(days=2) for before, later in pairwise(times))
    # Three shared mails, a final message for each invoice by itself, and one escalation: the others came due a day
    # after the last final message, so they are handed over without a mail.
    assert len(times) == 3 + 3 + 1
    handed = [
        entry.at.date() for entry in models.TimelineEntry.objects.filter(kind="escalate").order_by("at")
    ]
    assert [str(day) for day in handed] == ["2026-04-28", "2026-04-28", "2026-05-01"]
    nothing_stranded()


def test_an_invoice_paid_between_the_decision_and_the_mail_leaves_it() -> None:
    world = three()
    world.ledger.change("in_1", status=InvoiceStatus.PAID, open=Money(0, "USD"))

    assert world.perform() == {"stopped": 1}

    assert world.postbox.mails == []
    assert world.case("in_1").ending == Ending.RECOVERED
    assert world.said("why_not", "in_1") == ["The invoice is paid."]
    assert world.said("why_not", "in_2") == [
        "The mail about INV-1, INV-2 and INV-3 did not leave. INV-1: The invoice is paid."
    ]
    assert world.perform() == {"sent": 1}
    assert world.postbox.mails[0].subject == "Payments of USD 2,400.00 for 2 invoices did not go through"
    assert "INV-1" not in world.postbox.mails[0].text
    nothing_stranded()


def test_an_amount_that_changed_is_written_anew_and_kept_with_its_own_invoice() -> None:
    world = three()
    world.ledger.change("in_2", open=Money(45_000, "USD"))

    assert world.perform() == {"sent": 1}

    [mail] = world.postbox.mails
    assert "INV-2: USD 450.00," in mail.text
    assert "Together they come to USD 2,850.00." in mail.text
    amounts = {row.case.invoice.number: row.amount_minor for row in models.OutboxItem.objects.all()}
    assert amounts == {"INV-1": 120_000, "INV-2": 45_000, "INV-3": 120_000}
    assert world.said("gate", "in_2") == ["USD 450.00 is open now, not USD 1,200.00."]


@pytest.mark.parametrize("held", ALL)
def test_an_invoice_put_on_hold_leaves_the_mail_and_the_others_go_without_it(held: str) -> None:
    world = three()

    world.hold(invoice=held, kind=HoldKind.DISPUTE)

    assert rows(world, held) == [("notice", "stopped")]
    nothing_stranded()
    world.run()
    [mail] = world.postbox.mails
    assert f"INV-{held[-1]}:" not in mail.text
    assert mail.subject == "Payments of USD 2,400.00 for 2 invoices did not go through"
    for invoice in set(ALL) - {held}:
        assert rows(world, invoice) == [("notice", "stopped"), ("notice", "sent")]
    nothing_stranded()


@pytest.mark.parametrize("closed", ALL)
def test_a_case_that_is_closed_leaves_the_mail(closed: str) -> None:
    world = three()

    world.close(closed)

    nothing_stranded()
    world.run()
    [mail] = world.postbox.mails
    assert f"INV-{closed[-1]}:" not in mail.text
    assert rows(world, closed) == [("notice", "stopped")]


def test_a_hold_on_the_customer_stops_the_whole_mail() -> None:
    world = three()

    world.hold(scope=HoldScope.CUSTOMER)
    world.run()

    assert world.postbox.mails == []
    assert [rows(world, invoice) for invoice in ALL] == [[("notice", "stopped")]] * 3
    nothing_stranded()


def test_two_of_three_held_leave_a_mail_about_one() -> None:
    world = three()

    world.hold(invoice="in_1")
    world.hold(invoice="in_2")
    world.run()

    [mail] = world.postbox.mails
    assert mail.subject == "Payment of USD 1,200.00 for invoice INV-3 did not go through"
    nothing_stranded()


def test_a_mail_whose_outcome_is_unknown_is_asked_about_on_every_case_and_answered_once() -> None:
    world = three()
    world.postbox.answers = [Uncertain("the line broke")]

    assert world.perform() == {"unknown": 1}

    for invoice in ALL:
        assert [item.kind for item in models.ReviewItem.objects.filter(case=world.case(invoice))] == [
            "send_unknown"
        ]
    review.resolve_send(
        review_id=world.item(ReviewKind.SEND_UNKNOWN, "in_2").pk,
        arrived=True,
        resolution="It is in their inbox.",
        by="ana",
        now=world.now,
        ports=world.ports,
    )
    for invoice in ALL:
        assert rows(world, invoice) == [("notice", "sent")]
        assert world.said("settled", invoice) == ["Settled (send unknown): It arrived. It is in their inbox."]
    assert models.ReviewItem.objects.filter(closed_at=None).count() == 0
    world.run_for(days=4)
    assert len(world.postbox.mails) == 2


def test_a_mail_that_did_not_arrive_is_put_together_anew() -> None:
    world = three()
    world.postbox.answers = [Refused("no such mailbox", permanent=True)]
    assert world.perform() == {"refused": 1}

    world.settle(ReviewKind.SEND_REFUSED, "in_3")
    world.run()

    assert len(world.postbox.mails) == 1
    for invoice in ALL:
        assert rows(world, invoice) == [("notice", "stopped"), ("notice", "sent")]


def test_a_worker_that_vanished_while_handing_over_leaves_a_question_on_every_case() -> None:
    world = three()
    [item] = claims.claim_effects(world.now, 10, "gone", timedelta(minutes=5))
    assert claims.move_effect(item, frm=[MessageState.CLAIMED], to=MessageState.HANDING_OVER)

    world.clock.move_to(world.now + timedelta(minutes=6))
    assert perform_due(world.ports, world.now, Worker("next")) == {"unknown": 1}

    assert world.postbox.mails == []
    for invoice in ALL:
        assert rows(world, invoice) == [("notice", "unknown")]
        assert world.item(ReviewKind.SEND_UNKNOWN, invoice).closed_at is None


def test_a_mail_server_that_is_away_keeps_the_mail_together() -> None:
    world = three()
    world.postbox.answers = [Refused("not now", permanent=False)] * 2

    world.run_for(hours=1)

    assert [mail.subject for mail in world.postbox.mails[-1:]] == [
        "Payments of USD 3,600.00 for 3 invoices did not go through"
    ]
    for invoice in ALL:
        assert len(world.said("deferred", invoice)) == 2
        assert rows(world, invoice) == [("notice", "sent")]


def test_an_invoice_in_another_currency_waits_for_the_cap() -> None:
    world = World()
    world.fails("in_1")
    world.fails("in_2", open=Money(90_000, "EUR"))
    world.decide()

    assert world.perform() == {"sent": 1}

    assert "INV-2" not in world.postbox.mails[0].text
    assert rows(world, "in_2") == []
    world.run_for(days=2, minutes=1)
    assert "EUR 900.00" in world.postbox.mails[1].text


def test_what_cannot_be_said_together_is_said_alone() -> None:
    world = World()
    world.fails("in_1", number="INV-1")
    world.fails("in_2", number="OVERDUE 17")  # a word that has no place in a notice, but is the number itself
    world.fails("in_3", number="https://evil.example/3")
    world.decide()

    world.perform()

    assert [mail.subject for mail in world.postbox.mails] == [
        "Payment of USD 1,200.00 for invoice INV-1 did not go through"
    ]
    nothing_stranded()


@pytest.mark.trouble
def test_a_case_that_breaks_the_rules_keeps_no_other_of_its_payer_back() -> None:
    world = World()
    for invoice in ALL:
        world.fails(invoice)
    world.run()
    models.Case.objects.filter(invoice__external_id="in_2").update(track="no such track")

    world.run_for(days=4)

    [reminder] = world.postbox.mails[1:]
    assert reminder.subject == "2 invoices for USD 2,400.00 in all are still open"
    assert world.reviews("in_2") == ["bad_data"]
    assert rows(world, "in_1") == [("notice", "sent"), ("reminder", "sent")]


@pytest.mark.parametrize("state", [MessageState.SENT, MessageState.UNKNOWN])
def test_a_shared_mail_that_came_back_came_back_for_every_invoice(state: MessageState) -> None:
    world = three()
    world.postbox.answers = [Uncertain("the line broke")] if state is MessageState.UNKNOWN else []
    world.perform()
    leader = models.OutboxItem.objects.get(kind="mail", carried_by="")

    assert claims.move_effect(leader, frm=[state], to=MessageState.BOUNCED, note="No such mailbox.")

    assert [rows(world, invoice) for invoice in ALL] == [[("notice", "bounced")]] * 3


def test_a_mail_lists_its_invoices_by_date_whichever_leads() -> None:
    world = World()
    world.fails("in_2")
    world.run()
    world.clock.advance(timedelta(days=2, minutes=1))
    world.fails("in_1")
    world.run()

    lines = world.postbox.mails[-1].text.splitlines()

    assert [line for line in lines if line.startswith("INV-")] == [
        "INV-2: USD 1,200.00, failed on 7 April 2026",
        "INV-1: USD 1,200.00, failed on 9 April 2026",
    ]
    assert rows(world, "in_2")[-1] == ("reminder", "sent")
    assert rows(world, "in_1")[-1] == ("notice", "sent")
