"""The sandbox's whole story, with the real web app, SMTP, Stripe's SDK and NetSuite's HTTP, in a test."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from dunwell.engine.verify import verify
from dunwell.policy.words import LetterState
from dunwell.sandbox import cast, story
from dunwell.sandbox.checks import problems
from dunwell.sandbox.stripe import Chaos
from dunwell.sandbox.world import World, sandbox_book
from dunwell.store import invariants, models
from dunwell.store.cases import case_of_invoice
from tests.sandbox import breaking

# A month of a story takes its time on a busy machine.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def test_every_sample_customer_ends_as_the_story_says_despite_chaos() -> None:
    """Webhooks come twice, in any order, some never; the outcome is the same."""
    chaos = Chaos(seed=7, duplicate=0.3, twin=0.1, drop=0.1, reorder=True)
    with World(story.START, sandbox_book(), chaos=chaos) as world:
        story.play(world, lambda _at, _about: None)
        world.sweep()
        assert problems(world) == []
        _each_ended_as_told()
        _whoever_cannot_be_reached_is_not_written_to_again()
        _personal_mail_left_once_and_through_netsuite(world)
        _stripe_kept_quiet_where_it_was_taken_over(world)
        _both_books_agree_in_the_end(world)
        _every_check_can_fail(world)
        _something_is_left_to_do(world)
    assert models.Case.objects.count() == len(cast.SAMPLES)
    assert verify().misfits == ()
    assert invariants.forgotten_cases() == 0
    assert models.InboxEvent.objects.filter(state=models.InboxEvent.FAILED).count() == 0


def _each_ended_as_told() -> None:
    for sample in cast.SAMPLES:
        case = case_of_invoice(sample.number)
        assert case is not None, sample.name
        assert (case.ending or case.status) == sample.ending, sample.name


def _whoever_cannot_be_reached_is_not_written_to_again() -> None:
    contacts = models.Contact.objects.filter(customer__name=cast.BOUNCES.name)
    assert set(contacts.values_list("email", "deliverable")) == {
        (cast.BOUNCES.gone_email, False),
        (cast.BOUNCES.email, True),
    }


def _every_check_can_fail(world: World) -> None:
    for sentence in (*breaking.WHOLE, *breaking.MAIL):
        assert sentence in breaking.said_when_broken(world, sentence), sentence


def _something_is_left_to_do(world: World) -> None:
    """For whoever looks at the desk afterwards: a reply to read, and a mail nobody could place."""
    before = len(world.mail.caught())
    story.leave_something_to_do(world)
    left = models.IncomingMail.objects.filter(state__in=["waiting", "unmatched"]).order_by("pk")
    assert list(left.values_list("sender_name", "state", "reading_kind", "reading_date")) == [
        (cast.BREAKS_WORD.contact, "waiting", "asks_time", date(2026, 5, 22)),
        ("Jules Sample", "unmatched", "other", None),
    ]
    assert len(world.mail.caught()) == before


def _personal_mail_left_once_and_through_netsuite(world: World) -> None:
    sent = world.company.mail.sent
    assert Counter(mail.to for mail in sent) == {
        "marta@aurelius-partners.example": 1,
        "ruth@northgate-capital.example": 1,
        "owen@halberd-cybersecurity.example": 3,
    }
    assert len({mail.key for mail in sent}) == 5
    staff = world.company.rows.execute("SELECT id, email FROM employee").fetchall()
    names = {str(id_): email for id_, email in staff}
    assert {names[mail.author] for mail in sent} == {cast.MANAGER.email}
    assert {(mail.to.split("@")[0], *map(names.get, mail.cc)) for mail in sent} == {
        ("marta", cast.VERA.email),
        ("ruth", cast.FELIX.email),
        ("owen",),
    }
    letters = models.Letter.objects.values_list("case__invoice__number", "state")
    assert Counter(letters) == {
        (cast.AURELIUS.number, LetterState.CONFIRMED): 1,
        (cast.NORTHGATE.number, LetterState.CONFIRMED): 1,
        (cast.HALBERD.number, LetterState.CONFIRMED): 3,
        (cast.WAITING.number, LetterState.DRAFT): 1,
    }
    assert "I hope you are all well in the new office." in sent[0].body
    [call] = [call for call in world.company.phone_calls.values() if cast.HALBERD.number in call.title]
    assert call.title == "Call Owen Sample about USD 7,150.00 for invoice INV-2026-04-1207"


def _stripe_kept_quiet_where_it_was_taken_over(world: World) -> None:
    """Every charge after the first one was ours."""
    charges = {}
    for sample in (cast.AURELIUS, cast.NORTHGATE, cast.HALBERD, cast.WAITING):
        case = models.Case.objects.select_related("invoice").get(invoice__number=sample.number)
        taken = models.TimelineEntry.objects.get(case=case, kind="taken_over")
        assert (taken.detail["auto_advance"], taken.detail["next_attempt"]) == (False, None)
        assert case.proved_at is not None
        made = world.account.attempts(case.invoice.external_id)
        charges[sample.name] = [f"{datetime.fromtimestamp(one['created'], UTC):%d %b %H:%M}" for one in made]
    assert charges == {
        "Aurelius Partners": ["07 Apr 14:03", "08 Apr 14:00", "13 Apr 14:00"],
        "Northgate Capital": ["08 Apr 13:30", "09 Apr 15:00", "15 Apr 14:20"],
        "Halberd Cybersecurity": ["09 Apr 15:12"],
        "Kestrel Aerospace": ["11 May 15:20", "12 May 16:00"],
    }


def _both_books_agree_in_the_end(world: World) -> None:
    for number, bill in world.bills.items():
        case = models.Case.objects.select_related("invoice").get(invoice__number=number)
        row = world.company.find("transaction", bill)
        assert row is not None
        paid_at_stripe = world.account.get(case.invoice.external_id)["status"] == "paid"
        assert (row["foreignamountunpaid"] == 0) == paid_at_stripe, number
