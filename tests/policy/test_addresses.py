import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.addresses import is_address

GOOD = [
    "dana@acme.example",
    "dana.reyes+ap@mail.acme.co.uk",
    "D_R-1@ACME.TEST",
    "jörg@müller.de",
    "o'neil@acme.ie",
    "a@xn--mller-kva.de",
]
BAD = [
    "",
    "dana",
    "dana@",
    "@acme.example",
    "dana@localhost",
    "dana@acme.local",
    "dana@acme.invalid",
    "dana@10.0.0.1",
    "dana reyes@acme.example",
    "dana@acme..example",
    ".dana@acme.example",
    "dana.@acme.example",
    "dana@-acme.example",
    "dana@acme-.example",
    "a@b@acme.example",
    "dana@acme.example\n",
    "Dana <dana@acme.example>",
    "dana@acme.example, felix@acme.example",
    "x" * 65 + "@acme.example",
    "dana@" + "x" * 64 + ".example",
    "dana@" + "abc." * 70 + "example",
]


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_taken(text: str) -> None:
    assert is_address(text) is True


@pytest.mark.parametrize("text", BAD)
def test_what_is_not_one_address_is_refused(text: str) -> None:
    assert is_address(text) is False


@given(st.from_regex(r"\A[a-z0-9._+\-]{1,12}@[a-z0-9.\-]{1,20}\.[a-z]{1,4}\Z"))
def test_the_short_way_agrees_with_the_library(text: str) -> None:
    try:
        validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        assert is_address(text) is False
    else:
        assert is_address(text) is True
