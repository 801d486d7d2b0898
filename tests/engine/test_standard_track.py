"""The standard track, verb by verb, against a ledger and a postbox in memory."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.world import START, World

pytestmark = pytest.mark.django_db


def test_a_failed_payment_sends_the_notice_at_once() -> None:
    world = World()
    world.fails()
    world.run()
    assert [mail.to.email for mail in world.postbox.mails] == ["dana@cus-1.example"]
    assert world.story() == ["opened", "send", "sent"]
    assert world.case().due_at == datetime(2026, 4, 10, 13, 0, tzinfo=UTC)


def test_five_stages_go_out_on_their_days_and_then_a_person_has_the_case() -> None:
    world = World()
    world.fails()
    world.run()
    world.run_to(START + timedelta(days=40))
    sent = [mail.date.astimezone(UTC).date().isoformat() for mail in world.postbox.mails]
    assert sent == ["2026-04-07", "2026-04-10", "2026-04-14", "2026-04-21", "2026-04-28"]
    assert world.case().status == "escalated"
    assert world.case().due_at is None


def test_payment_stops_everything() -> None:
    world = World()
    world.fails()
    world.run()
    world.clock.advance(timedelta(days=2))
    world.pays()
    world.run()
    world.run_to(START + timedelta(days=40))
    assert len(world.postbox.mails) == 1
    assert world.case().ending == "recovered"
