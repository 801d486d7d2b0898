"""Payment links: ours, signed, bound to a case, and harmless to look at (spec 4)."""

from datetime import timedelta
from urllib.parse import quote, unquote

import pytest
from django.core import signing

from dunwell.engine.links import LIFETIME, make_link, open_link, start_update
from dunwell.policy import facts, words
from dunwell.policy.money import Money
from tests.engine.world import World

pytestmark = pytest.mark.django_db


def started(rail: words.Rail = words.Rail.CARD) -> World:
    world = World()
    world.fails(rail=rail)
    world.run()
    return world


def token_of(world: World, invoice: str = "in_1") -> str:
    return make_link(world.case(invoice).pk, world.ports, world.now).rpartition("/")[2]


def test_the_link_in_the_mail_opens_the_case() -> None:
    world = started()
    [address] = [word for word in world.postbox.mails[0].text.split() if "/pay/" in word]
    link = open_link(address.rpartition("/pay/")[2], world.ports)
    assert link is not None
    assert [each.case_id for each in link.invoices] == [world.case().pk]
    assert (link.invoice_number, link.amount) == ("INV-1", "USD 1,200.00")
    assert (link.customer_name, link.payable, link.state_sentence, link.way) == (
        "Acme Inc",
        True,
        "",
        "card",
    )
    assert world.said("link_opened") == ["The payment link was opened."]


def test_a_token_survives_being_quoted_in_an_address() -> None:
    world = started()
    token = token_of(world)
    assert unquote(quote(token, safe="")) == token
    assert open_link(unquote(quote(token)), world.ports) is not None


def test_looking_creates_nothing_at_the_vendor() -> None:
    world = started()
    reads = len(world.ledger.reads)
    for _ in range(5):
        assert open_link(token_of(world), world.ports) is not None
    assert (world.ledger.sessions, len(world.ledger.reads)) == ([], reads)


def forgeries(world: World) -> list[str]:
    case, until = world.case().pk, int((world.now + LIFETIME).timestamp())
    good = token_of(world)
    payload, _, signature = good.partition(":")
    ours = signing.Signer(key="test-secret", salt="dunwell.payment-link")
    return [
        "",
        "x",
        "a:b",
        "\u2603:\u2603",
        good[:-1],
        good + "x",
        payload,
        f"{payload}:{signature[::-1]}",
        signing.Signer(key="other-secret", salt=ours.salt).sign_object([case, until]),
        signing.Signer(key="test-secret", salt="other-salt").sign_object([case, until]),
        ours.sign_object([case + 1, until]),
        ours.sign_object([case, int(world.now.timestamp()) - 1]),
    ]


def test_a_forged_expired_or_other_token_opens_nothing_and_leaves_no_trace() -> None:
    world = started()
    before = world.story()
    for token in forgeries(world):
        assert open_link(token, world.ports) is None, token
        assert start_update(token, world.ports) is None, token
    assert world.story() == before
    assert world.ledger.sessions == []


def test_a_token_of_one_case_never_opens_another() -> None:
    world = World()
    world.fails("in_1", "cus_1")
    world.fails("in_2", "cus_2")
    world.run()
    first, second = (token_of(world, f"in_{n}") for n in (1, 2))
    forged = f"{second.partition(':')[0]}:{first.partition(':')[2]}"
    assert open_link(forged, world.ports) is None


def test_a_link_is_good_for_sixty_days() -> None:
    world = started()
    token = token_of(world)
    world.clock.advance(timedelta(days=60))
    assert open_link(token, world.ports) is not None
    world.clock.advance(timedelta(seconds=1))
    assert open_link(token, world.ports) is None


@pytest.mark.parametrize(
    ("rail", "address"),
    [
        (words.Rail.CARD, "https://portal.example/cus_1"),
        (words.Rail.BANK_DEBIT, "https://hosted.example/in_1"),
        (words.Rail.TRANSFER, "https://hosted.example/in_1"),
    ],
)
def test_the_button_leads_to_the_page_of_the_rail(rail: words.Rail, address: str) -> None:
    world = started(rail=rail)
    assert start_update(token_of(world), world.ports) == address
    assert world.said("link_used") == ["The customer went on to the payment page."]
    assert all(address not in entry.summary + str(entry.detail) for entry in world.entries())


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (words.InvoiceStatus.PAID, "This invoice is paid. Thank you: there is nothing left to do."),
        (words.InvoiceStatus.VOID, "This invoice was cancelled. There is nothing to pay."),
        (words.InvoiceStatus.UNCOLLECTIBLE, "Nothing can be paid here any more."),
    ],
)
def test_a_case_that_is_over_says_so_and_offers_nothing(status: words.InvoiceStatus, sentence: str) -> None:
    world = started()
    token = token_of(world)
    world.ledger.change("in_1", status=status, open=Money(0, "USD"))
    world.event("invoice.updated", "invoice", invoice="in_1")
    world.run()
    link = open_link(token, world.ports)
    assert link is not None
    assert (link.payable, link.state_sentence) == (False, sentence)
    assert start_update(token, world.ports) is None
    assert world.ledger.sessions == []


def test_a_case_closed_by_hand_offers_nothing() -> None:
    world = started()
    world.close()
    link = open_link(token_of(world), world.ports)
    assert link is not None
    assert link.payable is False
    assert start_update(token_of(world), world.ports) is None


def test_a_vendor_that_is_away_is_a_value_and_an_entry() -> None:
    world = started()
    world.ledger.unreadable = facts.Unreadable("Stripe answered 503")
    assert start_update(token_of(world), world.ports) == facts.Unreadable("Stripe answered 503")
    assert world.said("link_failed") == ["The payment page could not be made: Stripe answered 503"]
    assert open_link(token_of(world), world.ports) is not None


def test_a_scanner_that_looks_again_and_again_leaves_one_entry_in_ten_minutes() -> None:
    world = started()
    token = token_of(world)
    for _ in range(60):
        assert open_link(token, world.ports) is not None
        world.clock.advance(timedelta(seconds=20))
    assert len(world.said("link_opened")) == 2


def test_a_link_is_signed_as_django_signs() -> None:
    world = started()
    signer = signing.Signer(key="test-secret", salt="dunwell.payment-link")
    case, until = signer.unsign_object(token_of(world))
    assert (case, until) == (world.case().pk, int((world.now + LIFETIME).timestamp()))


def test_a_case_on_hold_can_still_be_paid() -> None:
    world = started()
    world.hold()
    assert start_update(token_of(world), world.ports) == "https://portal.example/cus_1"


def three(world: World) -> str:
    """The token of a link to three invoices: two paid by card, one by bank debit."""
    for number, rail in ((1, words.Rail.CARD), (2, words.Rail.BANK_DEBIT), (3, words.Rail.CARD)):
        world.fails(f"in_{number}", rail=rail)
    world.decide()
    ids = [world.case(f"in_{number}").pk for number in (1, 2, 3)]
    return make_link(ids, world.ports, world.now).rpartition("/")[2]


def test_a_link_to_several_invoices_lists_each_with_its_amount_and_tells_each_case() -> None:
    world = World()
    token = three(world)

    link = open_link(token, world.ports)

    assert link is not None
    assert [(each.number, each.amount, each.payable) for each in link.invoices] == [
        ("INV-1", "USD 1,200.00", True),
        ("INV-2", "USD 1,200.00", True),
        ("INV-3", "USD 1,200.00", True),
    ]
    assert (link.amount, link.invoice_number) == ("USD 3,600.00", "INV-1, INV-2, INV-3")
    for number in (1, 2, 3):
        assert world.entries(f"in_{number}")[-1].kind == "link_opened"


def test_one_button_serves_all_cards_and_a_bank_debit_has_its_own() -> None:
    world = World()
    token = three(world)

    assert start_update(token, world.ports) == "https://portal.example/cus_1"
    assert [world.entries(f"in_{n}")[-1].kind == "link_used" for n in (1, 2, 3)] == [True, False, True]
    debit = world.case("in_2").pk
    assert start_update(token, world.ports, debit) == "https://hosted.example/in_2"
    assert start_update(token, world.ports, 999) is None


def test_what_is_paid_is_said_so_and_no_longer_counted() -> None:
    world = World()
    token = three(world)
    world.pays("in_1")
    world.decide()

    link = open_link(token, world.ports)

    assert link is not None
    assert (link.amount, link.invoice_number, link.payable) == ("USD 2,400.00", "INV-2, INV-3", True)
    assert [each.standing for each in link.invoices] == ["Paid", "", ""]
    for number in (2, 3):
        world.pays(f"in_{number}")
    world.decide()
    link = open_link(token, world.ports)
    assert link is not None
    assert link.state_sentence == "These invoices are paid. Thank you: there is nothing left to do."
    assert start_update(token, world.ports) is None
