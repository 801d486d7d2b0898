"""The sandbox's whole story, with the real web app, SMTP and Stripe's SDK, in a test."""

import pytest

from dunwell.engine.verify import verify
from dunwell.sandbox import story
from dunwell.sandbox.stripe import Chaos
from dunwell.sandbox.world import World, sandbox_book
from dunwell.store import invariants, models
from dunwell.store.cases import case_of_invoice

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_sample_customer_ends_as_the_story_says_despite_chaos() -> None:
    """Webhooks come twice, in any order, some never; the outcome is the same."""
    chaos = Chaos(seed=7, duplicate=0.3, twin=0.1, drop=0.1, reorder=True)
    with World(story.START, sandbox_book(), chaos=chaos) as world:
        story.play(world, lambda _at, about: world.sweep() if about else None)
        world.sweep()
        for sample in story.SAMPLES:
            case = case_of_invoice(sample.number)
            assert case is not None, sample.name
            assert (case.ending or case.status) == sample.ending, sample.name
            assert len(world.mail.messages(to=sample.email)) == sample.mails, sample.name
        ids = [str(mail["Message-ID"]) for mail in world.mail.messages()]
    assert len(ids) == len(set(ids))
    assert models.Case.objects.count() == len(story.SAMPLES)
    assert verify().misfits == ()
    assert invariants.forgotten_cases() == 0
    assert models.InboxEvent.objects.filter(state=models.InboxEvent.FAILED).count() == 0
