"""Doctor: what must never be true, each seen broken and whole."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dunwell.engine.doctor import NOTE, OK, WRONG, Finding, examine
from dunwell.policy import facts, readings, words
from dunwell.store import invariants, models
from tests.engine.world import START, World

pytestmark = pytest.mark.django_db

BROKEN = readings.Uncertain("connection reset")
broken = pytest.mark.breaks_promises


def started() -> World:
    world = World()
    world.fails()
    world.run()
    return world


def found(world: World, check: str) -> Finding:
    [finding] = [finding for finding in examine(world.ports, world.book, []) if finding.check == check]
    return finding


def test_a_healthy_installation_has_nothing_wrong() -> None:
    world = started()
    world.run_for(days=2)
    states = {finding.check: finding.state for finding in examine(world.ports, world.book, [])}
    assert [check for check, state in states.items() if state == WRONG] == []
    assert states["no case is forgotten"] == states["alarms are answered"] == states["mail leaves"] == OK


@broken
def test_a_case_nothing_would_wake_is_found() -> None:
    world = started()
    models.Case.objects.update(due_at=None)
    assert invariants.forgotten_cases() == 1
    assert found(world, "no case is forgotten") == Finding(
        "no case is forgotten", WRONG, "1 open cases that nothing will wake"
    )


@pytest.mark.parametrize("what", ["alarm", "desk", "hold", "customer's hold", "mail", "closed"])
def test_a_case_that_waits_for_something_is_not_forgotten(what: str) -> None:
    world = World()
    world.fails()
    world.decide() if what == "mail" else world.run()
    if what == "desk":
        world.run_for(days=40)
    if what in ("hold", "customer's hold"):
        scope = words.HoldScope.CASE if what == "hold" else words.HoldScope.CUSTOMER
        world.hold(scope=scope)
    if what == "closed":
        world.close()
    if what == "mail":
        models.Case.objects.update(due_at=None)
    assert world.case().due_at is None or what == "alarm"
    assert invariants.forgotten_cases() == 0


def test_an_alarm_nobody_answers_is_found() -> None:
    world = started()
    rings = world.case().due_at
    assert rings is not None
    assert invariants.late_alarms(rings + timedelta(hours=1)) == 0
    assert invariants.late_alarms(rings + timedelta(hours=1, seconds=1)) == 1
    world.clock.move_to(rings + timedelta(hours=2))
    assert found(world, "alarms are answered").said == "1 cases due for over an hour: is a worker running?"
    world.run()
    assert found(world, "alarms are answered").state == OK


def test_mail_that_does_not_leave_is_found() -> None:
    world = World()
    world.fails()
    world.decide()
    assert invariants.late_effects(START + timedelta(hours=1)) == 0
    world.clock.advance(timedelta(hours=1, seconds=1))
    assert found(world, "mail leaves").said == "1 mails or charges due for over an hour"
    world.run()
    assert found(world, "mail leaves").state == OK


def test_events_that_are_not_applied_are_found() -> None:
    world = World()
    world.fails()
    assert invariants.stuck_events(START + timedelta(hours=1)) == 0
    world.ledger.unreadable = facts.Unreadable("Stripe answered 503")
    world.run_for(hours=2)
    assert found(world, "events are applied").said == "1 events waiting for over an hour"
    world.ledger.unreadable = None
    world.run_for(hours=2)
    assert found(world, "events are applied").state == OK


@broken
def test_a_mail_of_unknown_fate_on_nobodys_desk_is_found() -> None:
    world = World()
    world.postbox.answers = [BROKEN]
    world.fails()
    world.run()
    assert invariants.unknown_without_a_person() == 0
    models.ReviewItem.objects.update(closed_at=START, closed_by="nobody")
    assert invariants.unknown_without_a_person() == 1
    assert found(world, "unknown sends are asked about").state == WRONG


def test_events_that_failed_for_good_are_notes() -> None:
    world = started()
    for number in range(5):
        world.event(f"odd.{number}", "invoice", invoice="in_1")
    del world.ledger.invoices["in_1"]
    world.run()
    notes = [f.said for f in examine(world.ports, world.book, []) if f.check == "event not applied"]
    assert notes == [f"odd.{n}: Stripe does not know invoice in_1" for n in (4, 3, 2)]


def test_settings_that_would_hurt_are_found() -> None:
    world = World(accepts_webhooks=False)
    assert found(world, "webhook").state == WRONG
    assert found(started(), "webhook").state == OK
    shared = replace(world.ports, sender=facts.Person("Billing", "billing@dunwell.example"))
    [sender] = [f for f in examine(shared, world.book, []) if f.check == "sender"]
    assert (sender.state, "billing@dunwell.example" in sender.said) == (WRONG, True)
    assert found(world, "sender").state == OK
    assert found(world, "bank transfer").state == NOTE
    assert found(world, "Stripe's own mails").state == NOTE


def test_whoever_signs_must_be_a_person() -> None:
    world = World()
    assert found(world, "manager").state == NOTE
    for person, state in (
        (facts.Person("Maria Okafor", "maria.okafor@us.example"), OK),
        (facts.Person("Finance", "finance@us.example"), WRONG),
    ):
        ports = replace(world.ports, manager=person)
        [finding] = [f for f in examine(ports, world.book, []) if f.check == "manager"]
        assert (finding.state, person.email in finding.said) == (state, True)


def test_what_becomes_of_stripes_own_retries_depends_on_who_collects() -> None:
    world = World()
    assert found(world, "Smart Retries").said.startswith(
        "Leave them on: Stripe retries on the standard track."
    )
    policy = world.book.policy
    ours = policy.model_copy(update={"track": policy.track.model_copy(update={"collection": "dunwell"})})
    book = replace(world.book, policy=ours)
    [finding] = [f for f in examine(world.ports, book, []) if f.check == "Smart Retries"]
    assert finding.state == NOTE
    assert finding.said.startswith(
        "Dunwell switches them off on each invoice it takes over (auto_advance = false)"
    )


def test_what_vendors_say_is_part_of_it() -> None:
    world = World()
    said = [Finding("Stripe", WRONG, "the key is refused")]
    assert said[0] in examine(world.ports, world.book, [lambda: said])


@pytest.mark.trouble
def test_a_check_that_breaks_is_a_finding_too() -> None:
    world = World()

    def breaks() -> list[Finding]:
        raise ZeroDivisionError("no luck")

    findings = examine(world.ports, world.book, [breaks])
    said = "ZeroDivisionError in Dunwell itself; the log says where"
    assert Finding("a check", WRONG, said) in findings
    assert any(finding.check == "no case is forgotten" for finding in findings)
