"""What people do about a draft: edit, sign, discard, stop, put off, agree; and who comes too late (spec 1.2)."""

from collections.abc import Callable
from datetime import date
from functools import partial

import pytest

from dunwell.engine import signing
from dunwell.engine.review import NotPossibleError
from dunwell.engine.signing import BreaksRulesError
from dunwell.policy import facts, readings, words
from dunwell.policy.content import Rule
from dunwell.store import models
from tests.engine.signed import FELIX, MORGAN, SINCE_LEASE, KilledError, Signed, killed, utc
from tests.engine.test_concurrency import together

pytestmark = pytest.mark.django_db(transaction=True)

CHANGED = "Somebody changed it meanwhile"


def drafted() -> Signed:
    world = Signed()
    world.drafts()
    return world


def notes(world: Signed) -> list[readings.OutgoingMail]:
    """The internal mails to the relationship owner."""
    return [mail for mail in world.postbox.mails if mail.to == FELIX]


def postpone(world: Signed, until: date) -> None:
    signing.postpone_letter(
        letter_id=world.letter().pk, until=until, by=FELIX.name, now=world.now, ports=world.ports
    )


def discard(world: Signed) -> None:
    letter = world.letter()
    signing.discard_letter(
        letter_id=letter.pk, version=letter.version, by="morgan", now=world.now, ports=world.ports
    )


def test_an_edit_is_what_leaves() -> None:
    world = drafted()
    text = world.letter().text.replace("Best regards,", "Kind regards from New York,")
    said = world.edits(text, subject="About invoice INV-1")
    assert said == signing.Edited(2, ())
    world.agrees()
    world.approves()
    world.perform()
    ((mail, _),) = world.books.mails.values()
    assert mail.subject == "About invoice INV-1"
    assert "Kind regards from New York," in mail.html
    assert world.letter().edited_by == "morgan"


def test_an_edit_of_another_version_is_refused() -> None:
    world = drafted()
    letter = world.letter()
    world.edits(letter.text + "\nP.S. Warm wishes")
    with pytest.raises(NotPossibleError, match=CHANGED):
        signing.edit_letter(
            letter_id=letter.pk,
            version=1,
            subject="Mine",
            text=letter.text,
            by="ana",
            now=world.now,
            ports=world.ports,
        )
    assert world.letter().subject == letter.subject


def test_an_edit_that_changes_nothing_leaves_no_trace() -> None:
    world = drafted()
    entries = len(world.entries())
    assert world.edits() == signing.Edited(1, ())
    assert len(world.entries()) == entries


BAD = [
    ("This is urgent. ", Rule.PRESSURE),
    ("Your account is overdue. ", Rule.OVERDUE_WORD),
    ("We may see a suspension of your service. ", Rule.THREAT),
    ("The bank said card_declined. ", Rule.RAW_CODE),
    ("See https://evil.example/pay too. ", Rule.ONE_LINK),
    ("Pay at https://billing.stripe.com/p/session/abc instead. ", Rule.PORTAL_LINK),
    ("Pay now! ", Rule.EXCLAMATION),
]


@pytest.mark.parametrize(("words_added", "rule"), BAD)
def test_a_text_that_breaks_a_rule_is_kept_but_cannot_be_signed(words_added: str, rule: Rule) -> None:
    world = drafted()
    world.agrees()
    said = world.edits(world.letter().text.replace("Best regards", f"{words_added}\n\nBest regards"))
    assert rule in {breach.rule for breach in said.breaches}
    assert words_added.strip() in world.letter().text, "what somebody typed is not lost"
    with pytest.raises(BreaksRulesError) as refused:
        world.approves()
    assert refused.value.breaches == said.breaches
    assert "text line" in str(refused.value)
    world.run_for(days=1)
    assert world.states() == ["draft"]
    assert world.to_customer() == []


def test_a_text_without_our_link_cannot_be_signed() -> None:
    world = drafted()
    text = world.letter().text
    link = next(word for word in text.split() if word.startswith("http"))
    said = world.edits(text.replace(link, "on our website"))
    assert {breach.rule for breach in said.breaches} == {Rule.ONE_LINK}
    with pytest.raises(BreaksRulesError):
        world.approves()


def test_a_shared_mailbox_cannot_sign() -> None:
    world = Signed(manager=facts.Person("Morgan Sample", "billing@dunwell.example"))
    world.drafts()
    with pytest.raises(BreaksRulesError, match="shared mailbox"):
        world.approves()
    world.run_for(days=1)
    assert world.to_customer() == []


def test_a_text_is_checked_while_somebody_types_and_nothing_is_kept() -> None:
    world = drafted()
    letter = world.letter()
    check = partial(
        signing.check_text, letter_id=letter.pk, subject=letter.subject, now=world.now, ports=world.ports
    )
    assert check(text=letter.text) == ()
    assert {breach.rule for breach in check(text=f"{letter.text}\nhttps://evil.example")} == {Rule.ONE_LINK}
    assert world.letter().version == 1


def test_an_edit_after_signing_takes_the_signature_away() -> None:
    world = drafted()
    world.approves()
    world.edits(world.letter().text.replace("Best regards", "Kind regards"))
    assert world.states() == ["draft"]
    assert world.reviews() == ["draft"]
    world.run_for(hours=5)
    assert world.to_customer() == []
    world.approves()
    world.run()
    assert len(world.to_customer()) == 1


def test_an_edit_of_a_signed_letter_that_is_out_of_date_leaves_one_draft_to_sign() -> None:
    world = drafted()
    world.approves()
    world.clicks()
    models.Customer.objects.update(owner_name="Nora Sample", owner_email="nora.sample@dunwell.example")
    world.edits(subject="Edited in vain")
    assert world.states() == ["withdrawn", "draft"]
    assert world.reviews() == ["draft"]


def test_a_draft_on_the_desk_does_not_keep_a_case_that_is_settled_otherwise() -> None:
    world = drafted()
    world.ledger.collects("in_1", automatic=True)
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    assert world.reviews() == ["draft", "drift"]
    world.settle(words.ReviewKind.DRIFT)
    world.run()
    assert world.reviews() == ["draft"]
    assert (world.case().status, world.case().collection) == ("open", "dunwell")
    assert world.ledger.invoices["in_1"].reading.auto_advance is False, "it was switched off again"


def test_signing_takes_the_draft_off_the_desk_and_names_who_signed() -> None:
    world = drafted()
    world.approves(by="morgan")
    letter = world.letter()
    assert (letter.approved_by, letter.approved_at) == ("morgan", world.now)
    assert world.reviews() == []
    entry = world.entries(kind="approved")[0]
    assert (entry.actor, entry.detail["version"]) == ("morgan", 1)


def test_nobody_signs_twice() -> None:
    world = drafted()
    world.approves(by="morgan")
    with pytest.raises(NotPossibleError, match="morgan has approved it already"):
        world.approves(by="ana")
    assert len(world.entries(kind="approved")) == 1


def test_a_text_somebody_else_has_changed_cannot_be_signed() -> None:
    world = drafted()
    world.edits(subject="Another subject")
    with pytest.raises(NotPossibleError, match=CHANGED):
        world.approves(version=1)
    assert world.states() == ["draft"]


def test_two_managers_clicking_at_once_send_one_mail() -> None:
    world = drafted()
    world.agrees()
    raised = together(*(partial(world.approves, by=who, version=1) for who in ("morgan", "ana")))
    assert [type(error) for error in raised] == [NotPossibleError]
    world.run()
    assert len(world.to_customer()) == 1
    assert len(world.entries(kind="approved")) == 1


def test_four_workers_send_a_signed_letter_once() -> None:
    world = Signed()
    world.signed()
    assert together(*(world.perform for _ in range(4))) == []
    assert len(world.to_customer()) == 1
    assert world.effects() == ["sent"]


def test_an_owner_and_a_manager_clicking_at_once_leave_one_clear_outcome() -> None:
    world = drafted()
    raised = together(partial(world.approves, version=1), world.vetoes)
    assert len(raised) <= 1
    world.run_for(days=1)
    assert world.states() == ["withdrawn"]
    assert world.to_customer() == []


@pytest.mark.parametrize(
    "act",
    [Signed.approves, Signed.edits, Signed.vetoes, Signed.agrees, discard],
    ids=lambda act: act.__name__,
)
def test_nothing_can_be_done_about_a_letter_that_has_left(act: Callable[[Signed], object]) -> None:
    world = Signed()
    world.sent()
    with pytest.raises(NotPossibleError, match="It has left already"):
        act(world)
    assert world.states() == ["sent"]


@pytest.mark.parametrize("act", [Signed.approves, Signed.edits, Signed.vetoes, Signed.agrees, discard])
def test_nothing_can_be_done_about_a_letter_of_a_closed_case(act: Callable[[Signed], object]) -> None:
    world = drafted()
    world.close()
    with pytest.raises(NotPossibleError, match="This case is closed"):
        act(world)
    assert world.states() == ["withdrawn"]


def test_a_letter_there_never_was_cannot_be_signed() -> None:
    world = Signed()
    with pytest.raises(NotPossibleError, match="There is no such mail"):
        signing.approve_letter(letter_id=99, version=1, by="morgan", now=world.now, ports=world.ports)


def test_a_new_relationship_owner_is_asked_anew() -> None:
    world = drafted()
    world.agrees()
    world.clicks()
    models.Customer.objects.update(owner_name="Nora Sample", owner_email="nora.sample@dunwell.example")
    world.approves()
    assert world.states() == ["withdrawn", "draft"]
    assert world.letter().cc_address == "nora.sample@dunwell.example"
    world.run()
    assert [mail.to.name for mail in world.postbox.mails] == ["Felix Nordstrom", "Nora Sample"]
    assert world.to_customer() == []


def test_a_text_of_a_books_length_is_refused_whole() -> None:
    world = drafted()
    with pytest.raises(NotPossibleError, match="longer than 10,000 characters"):
        world.edits("word " * 2001)
    assert world.letter().version == 1


def test_a_case_on_hold_takes_no_signature() -> None:
    world = drafted()
    world.hold(kind=words.HoldKind.DISPUTE)
    with pytest.raises(NotPossibleError, match="on hold"):
        world.approves()
    assert world.states() == ["draft"]


def test_a_discarded_draft_is_written_anew_and_told_anew() -> None:
    world = drafted()
    world.edits(subject="Something else")
    world.clicks()
    discard(world)
    world.run()
    assert world.states() == ["withdrawn", "draft"]
    assert world.letter().subject == "The payment for invoice INV-1 did not go through"
    assert world.reviews() == ["draft"]
    assert len(notes(world)) == 2


def test_the_owner_is_told_before_anything_can_leave() -> None:
    world = drafted()
    (note,) = notes(world)
    assert note.subject == "Before it leaves: a mail to Aurelius Partners, invoice INV-1"
    assert note.text.count("http") == 1
    assert "http://127.0.0.1:8000/owner/" in note.text
    assert "12:03 on 7 April 2026 (America/New_York)" in note.text
    assert (note.sender.email, note.reply_to) == ("sam.sample@dunwell.example", MORGAN.email)
    assert world.letter().owner_until == utc(7, 16, 3)
    assert world.said("owner_told") == [
        "Felix Nordstrom, the relationship owner, was sent the draft of letter 1."
    ]


def test_the_owners_time_runs_from_when_the_mail_server_took_the_note() -> None:
    world = Signed()
    world.postbox.answers = [readings.Refused("Later.", permanent=False)] * 4
    world.drafts()
    world.approves()
    world.run_for(minutes=40)
    assert notes(world) == []
    world.run_to(utc(7, 14, 54))
    assert len(notes(world)) == 1
    assert world.letter().owner_until == utc(7, 16, 54)
    world.run_to(utc(7, 16, 53))
    assert world.to_customer() == []
    world.run_to(utc(7, 16, 54))
    assert len(world.to_customer()) == 1


def test_an_owner_who_cannot_be_told_is_the_managers_to_ask_and_stops_nothing_for_ever() -> None:
    world = Signed()
    world.postbox.answers = [readings.Refused("No such mailbox.", permanent=True)]
    world.drafts()
    assert notes(world) == []
    item = world.item(words.ReviewKind.DRAFT)
    assert "could not be sent to Felix Nordstrom" in item.reason
    assert "Ask them yourself before you approve it: that says that you have." in item.reason
    world.approves()
    world.run_to(utc(7, 16, 3))
    assert len(world.to_customer()) == 1


def test_a_signature_given_before_the_owner_turned_out_not_to_be_told_is_void() -> None:
    world = Signed()
    not_yet = readings.Refused("Come back later.", permanent=False)
    world.postbox.answers = [not_yet, readings.Refused("No such mailbox.", permanent=True)]
    world.drafts()
    world.approves()
    assert world.states() == ["approved"]
    world.run_for(minutes=2)
    assert (world.states(), world.reviews()) == (["draft"], ["draft"])
    assert "could not be sent to Felix Nordstrom" in world.item(words.ReviewKind.DRAFT).reason
    world.run_for(days=1)
    assert world.to_customer() == [], "two hours are no answer of somebody who was not asked"
    world.approves()
    world.run()
    assert len(world.to_customer()) == 1


def test_a_worker_killed_while_telling_the_owner_tells_them_again() -> None:
    world = Signed()
    world.postbox.before_send = killed
    with pytest.raises(KilledError):
        world.drafts()
    world.postbox.before_send = lambda _mail: None
    world.clock.advance(SINCE_LEASE)
    world.run()
    assert len(notes(world)) == 1
    assert world.letter().owner_until == utc(7, 16, 8).replace(second=1)


def test_an_owner_is_not_told_of_a_draft_that_is_none_any_more() -> None:
    world = Signed()
    world.postbox.answers = [readings.Refused("Later.", permanent=False)]
    world.drafts()
    world.pays()
    world.run_for(days=1)
    assert notes(world) == []
    assert world.effects("owner_note") == ["stopped"]


def test_a_veto_withdraws_the_letter_and_holds_the_case() -> None:
    world = drafted()
    world.approves()
    world.vetoes("I am meeting them on Friday.")
    world.run_for(days=10)
    assert world.to_customer() == []
    assert world.states() == ["withdrawn"]
    assert world.reviews() == ["veto"]
    assert models.Hold.objects.get().kind == "veto"
    assert "I am meeting them on Friday." in world.item(words.ReviewKind.VETO).reason
    assert world.entries(kind="hold")[0].actor == FELIX.name


def test_a_veto_reaches_a_letter_that_waits_in_the_queue() -> None:
    world = Signed()
    world.signed()
    world.vetoes()
    assert world.effects() == ["stopped"]
    world.run_for(days=5)
    assert world.to_customer() == []


def test_a_veto_reaches_a_letter_a_worker_is_taking_to_the_gate() -> None:
    world = Signed()
    world.signed()
    world.ledger.before_read = lambda _invoice: world.vetoes() if world.states() == ["leaving"] else None
    assert world.perform() == {"stopped": 1}
    assert world.to_customer() == []
    assert world.states() == ["withdrawn"]


def test_a_veto_comes_too_late_for_a_letter_at_the_door() -> None:
    world = Signed()
    world.signed()
    refused: list[str] = []

    def veto(_mail: object) -> None:
        try:
            world.vetoes()
        except NotPossibleError as error:
            refused.append(str(error))

    world.books.after_send = veto
    world.perform()
    assert refused == ["It is on its way to the customer."]
    assert world.states() == ["sent"]


def test_releasing_a_veto_makes_a_new_draft_and_clears_the_desk() -> None:
    world = drafted()
    world.vetoes()
    world.clicks()
    world.release(models.Hold.objects.get())
    world.run_for(days=1)
    assert world.states() == ["withdrawn", "draft"]
    assert world.reviews() == ["draft"]


def test_a_postponed_letter_stays_signed_and_leaves_on_the_day() -> None:
    world = drafted()
    world.approves()
    postpone(world, date(2026, 4, 10))
    [hold] = world.said("hold")
    assert hold.startswith("Put off by the relationship owner until 2026-04-10 09:00 America/New_York.")
    assert world.states() == ["approved"]
    assert models.Hold.objects.get().until_at == utc(10, 13)
    world.run_to(utc(10, 13))
    assert world.to_customer() == []
    world.run_to(utc(10, 15))
    assert len(world.to_customer()) == 1


def test_a_postponed_draft_can_be_signed_meanwhile() -> None:
    world = drafted()
    postpone(world, date(2026, 4, 10))
    world.approves()
    world.run_for(days=2)
    assert world.to_customer() == []
    world.run_to(utc(10, 15))
    assert len(world.to_customer()) == 1


def test_a_second_postponement_replaces_the_first() -> None:
    world = drafted()
    world.approves()
    postpone(world, date(2026, 4, 20))
    world.clicks()
    postpone(world, date(2026, 4, 10))
    world.run_to(utc(10, 15))
    assert len(world.to_customer()) == 1


@pytest.mark.parametrize("until", [date(2026, 4, 7), date(2026, 4, 1), date(2027, 4, 7)])
def test_a_letter_is_put_off_to_a_day_that_makes_sense(until: date) -> None:
    world = drafted()
    with pytest.raises(NotPossibleError, match="Choose a day"):
        postpone(world, until)
    assert models.Hold.objects.count() == 0


def test_an_owner_who_agrees_lets_a_signed_letter_leave_at_once() -> None:
    world = drafted()
    world.approves()
    world.run()
    assert world.to_customer() == []
    world.agrees()
    world.run()
    assert len(world.to_customer()) == 1
    assert world.entries(kind="agreed")[0].actor == FELIX.name


def test_an_owner_agrees_once() -> None:
    world = drafted()
    world.agrees()
    with pytest.raises(NotPossibleError, match="agreed to already"):
        world.agrees()


def test_a_text_is_checked_once_more_at_the_gate() -> None:
    world = Signed()
    letter = world.signed()
    models.Letter.objects.filter(pk=letter.pk).update(text=letter.text + "\nThis is urgent.\n")
    assert world.perform() == {"stopped": 1}
    assert world.to_customer() == []
    assert world.states() == ["draft"]
    assert world.reviews() == ["draft"]
    assert "'urgent' has no place in a personal message" in world.item(words.ReviewKind.DRAFT).reason


def test_control_characters_and_windows_line_ends_are_tamed() -> None:
    world = drafted()
    text = world.letter().text.replace("\n", "\r\n")
    said = world.edits(text, subject="About\nBcc: everybody@evil.example invoice INV-1")
    assert "\n" not in world.letter().subject
    assert "\r" not in world.letter().text
    assert {breach.rule for breach in said.breaches} == {Rule.ONE_LINK}
