"""Reply addresses: they name their case, however they come back, and nobody else can make one."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dunwell.connectors.mail.mime import wire_address
from dunwell.engine.addresses import case_of_address, reply_address
from dunwell.engine.ports import Ports
from dunwell.policy.addresses import is_address
from tests.engine.arrivals import INBOUND, MailWorld

SECRET = "test-secret"
CASES = st.integers(min_value=1, max_value=2**63 - 1)
LOCALS = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,28}[a-z0-9])?", fullmatch=True).filter(
    lambda s: ".." not in s
)


def ports(*, reply_to: str = INBOUND, secret: str = SECRET) -> Ports:
    return replace(MailWorld().ports, reply_to=reply_to, secret=secret)


@given(case=CASES, local=LOCALS, upper=st.booleans())
def test_an_address_names_its_case_in_any_case_and_quoting(case: int, local: str, upper: bool) -> None:  # noqa: FBT001
    own = ports(reply_to=f"{local}@inbound.dunwell.example")
    address = reply_address(case, own)

    assert len(address.partition("@")[0]) <= 64
    assert address == address.lower()
    assert is_address(address)
    assert wire_address(address) == address
    name, _, domain = address.partition("@")
    for seen in (
        address,
        f" <{address}>\n",
        f'"{name}"@{domain}',
        f'"{name.replace("+", chr(92) + "+")}"@{domain}',
    ):
        assert case_of_address(seen.upper() if upper else seen, own) == case


@given(case=CASES, place=st.integers(0, 15), digit=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_digit_of_its_sum_changed_makes_it_nobodys(case: int, place: int, digit: str) -> None:
    own = ports()
    address = reply_address(case, own)
    start = address.index("@") - 16 + place
    forged = address[:start] + digit + address[start + 1 :]

    assert case_of_address(forged, own) == (case if forged == address else None)


@given(case=CASES, other=CASES)
def test_the_sum_of_one_case_does_not_open_another(case: int, other: int) -> None:
    own = ports()
    token = reply_address(case, own).partition("@")[0][-16:]
    swapped = f"{reply_address(other, own).partition('@')[0][:-16]}{token}@inbound.dunwell.example"

    assert case_of_address(swapped, own) == (other if other == case else None)


def test_what_another_installation_made_is_nobodys() -> None:
    own = ports()

    assert case_of_address(reply_address(7, ports(secret="another")), own) is None
    assert case_of_address(reply_address(7, ports(reply_to="sam@other.example")), own) is None
    assert case_of_address(reply_address(7, ports(reply_to="tom@inbound.dunwell.example")), own) is None


def test_a_leading_zero_does_not_make_a_second_address_of_a_case() -> None:
    own = ports()
    address = reply_address(7, own)

    assert case_of_address(address, own) == 7
    assert case_of_address(address.replace("+7.", "+07."), own) is None


@given(st.text(max_size=400))
def test_no_text_breaks_the_reading_of_addresses(text: str) -> None:
    assert case_of_address(text, ports()) is None
    assert case_of_address(f"sam+{text}@inbound.dunwell.example", ports()) is None


def test_without_an_address_for_replies_none_is_made_or_known() -> None:
    without = ports(reply_to="")

    assert reply_address(7, without) == ""
    assert case_of_address(reply_address(7, ports()), without) is None
    assert case_of_address("", without) is None


def test_the_plain_address_names_no_case() -> None:
    assert case_of_address(INBOUND, ports()) is None
