"""The relationship owner's link: signed for one letter and one purpose, and over after a time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dunwell.engine.links import (
    OWNER_LIFETIME,
    make_link,
    make_owner_link,
    open_link,
    owner_letter,
    start_update,
)
from tests.engine.signed import FELIX, Signed

pytestmark = pytest.mark.django_db


def drafted() -> tuple[Signed, str]:
    """A world with a draft, and the token its owner got by mail."""
    world = Signed()
    world.drafts()
    (note,) = [mail for mail in world.postbox.mails if mail.to == FELIX]
    link = next(word for word in note.text.split() if "/owner/" in word)
    return world, link.rsplit("/", 1)[-1]


def test_the_link_shows_the_letter_as_it_stands() -> None:
    world, token = drafted()
    world.edits(subject="Edited since")
    view = owner_letter(token, world.ports, world.now)
    assert view is not None
    assert (view.letter.id, view.letter.subject) == (world.letter().pk, "Edited since")
    assert (view.owner, view.customer_name, view.invoice_number) == (FELIX, "Aurelius Partners", "INV-1")
    assert view.case_open
    assert world.letter().owner_agreed_at is None, "looking is not agreeing"


def test_the_link_is_over_after_its_time() -> None:
    world, token = drafted()
    assert owner_letter(token, world.ports, world.now + OWNER_LIFETIME) is not None
    assert owner_letter(token, world.ports, world.now + OWNER_LIFETIME + timedelta(seconds=1)) is None


@pytest.mark.parametrize("token", ["", "x", "[1,2]:abc", "a" * 5000, "\x00", "é:é"])
def test_a_forged_link_shows_nothing(token: str) -> None:
    world, _ = drafted()
    assert owner_letter(token, world.ports, world.now) is None


def test_an_owners_link_with_a_changed_letter_shows_nothing() -> None:
    world, token = drafted()
    other = make_owner_link(world.letter().pk + 1, world.ports, world.now).rsplit("/", 1)[-1]
    mixed = other.rpartition(":")[0] + ":" + token.rpartition(":")[2]
    assert owner_letter(mixed, world.ports, world.now) is None
    assert owner_letter(other, world.ports, world.now) is None, "there is no such letter"


def test_an_owners_link_never_pays_and_a_payment_link_never_shows_a_letter() -> None:
    world, token = drafted()
    assert open_link(token, world.ports) is None
    assert start_update(token, world.ports) is None
    assert world.ledger.sessions == []
    pays = make_link(world.letter().pk, world.ports, world.now).rsplit("/", 1)[-1]
    assert owner_letter(pays, world.ports, world.now) is None
    assert world.entries(kind="link_opened") == []


def test_a_link_of_another_installation_shows_nothing() -> None:
    world, token = drafted()

    assert owner_letter(token, replace(world.ports, secret="another"), world.now) is None
