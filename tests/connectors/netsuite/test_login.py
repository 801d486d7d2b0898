"""Logging in: what the assertion says, how long a token is kept, what happens when it is no longer taken."""

from datetime import datetime

import pytest
from joserfc.jwk import ECKey, RSAKey

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.connectors.netsuite.names import Access, BadNameError, Names
from dunwell.connectors.netsuite.token import signing_key
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import AccountReading
from dunwell.sandbox.netsuite import Company
from tests.connectors.netsuite.conftest import Connect, Wall

RSA_3072 = RSAKey.generate_key(3072)


def test_one_token_serves_many_calls(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    for _ in range(3):
        assert isinstance(ledger.read_account(acme, now), AccountReading)

    assert company.login.minted == 1


@pytest.mark.parametrize(("minutes", "minted"), [(49, 1), (50, 2)])
def test_a_token_is_replaced_ten_minutes_early(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime, wall: Wall, minutes: int, minted: int
) -> None:
    ledger.read_account(acme, now)
    wall.seconds += minutes * 60

    assert isinstance(ledger.read_account(acme, now), AccountReading)
    assert company.login.minted == minted


def test_a_revoked_token_is_replaced_at_once(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime, pauses: list[float]
) -> None:
    ledger.read_account(acme, now)
    company.login.revoke()

    assert isinstance(ledger.read_account(acme, now), AccountReading)
    assert company.login.minted == 2
    assert pauses == []


def test_a_token_that_is_never_taken_is_not_asked_for_over_and_over(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    company.fail("*/suiteql", 401, code="INVALID_LOGIN", times=9)

    assert ledger.read_account(acme, now) == Unreadable(
        f"Customer {acme} could not be read. NetSuite refused our login (INVALID_LOGIN)."
    )
    assert company.login.minted == 2


def test_a_certificate_that_is_taken_away_or_has_expired_closes_no_case(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime, wall: Wall, pauses: list[float]
) -> None:
    said = Unreadable(f"Customer {acme} could not be read. NetSuite refused our login (invalid_client).")
    company.login.integration.until = wall.seconds

    assert ledger.read_account(acme, now) == said

    company.login.integration.until = None
    company.login.integration.revoked = True

    assert ledger.read_account(acme, now) == said
    assert pauses == []


@pytest.mark.parametrize(
    ("access", "code"),
    [
        ({"client_id": "other"}, "invalid_grant"),
        ({"certificate_id": "other"}, "invalid_client"),
        ({"private_key": ECKey.generate_key("P-256").as_pem(private=True).decode()}, "invalid_client"),
    ],
)
def test_a_login_that_is_not_ours_is_refused(
    connect: Connect, acme: str, now: datetime, access: dict[str, str], code: str
) -> None:
    assert connect(access=access).read_account(acme, now) == Unreadable(
        f"Customer {acme} could not be read. NetSuite refused our login ({code})."
    )


def test_a_clock_that_is_an_hour_slow_is_refused(
    connect: Connect, acme: str, now: datetime, wall: Wall
) -> None:
    read = connect(wall=lambda: wall.seconds - 3600).read_account(acme, now)

    assert read == Unreadable(
        f"Customer {acme} could not be read. NetSuite refused our login (invalid_grant)."
    )


@pytest.mark.parametrize(
    "key",
    [ECKey.generate_key("P-256"), ECKey.generate_key("P-384"), ECKey.generate_key("P-521"), RSA_3072],
    ids=["ES256", "ES384", "ES512", "PS256"],
)
def test_every_kind_of_key_netsuite_takes_logs_in(
    connect: Connect, company: Company, acme: str, now: datetime, key: ECKey | RSAKey
) -> None:
    company.login.integration.key = key

    assert isinstance(connect().read_account(acme, now), AccountReading)


def test_the_algorithm_follows_the_key() -> None:
    keys: list[ECKey | RSAKey] = [
        ECKey.generate_key("P-256"),
        ECKey.generate_key("P-384"),
        ECKey.generate_key("P-521"),
        RSA_3072,
    ]

    found = [signing_key(key.as_pem(private=True).decode())[1] for key in keys]

    assert found == ["ES256", "ES384", "ES512", "PS256"]


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "not a key",
        RSAKey.generate_key(2048).as_pem(private=True).decode(),
        ECKey.generate_key("P-256").as_pem(private=False).decode(),
        ECKey.generate_key("secp256k1").as_pem(private=True).decode(),
    ],
    ids=["empty", "text", "short RSA", "public", "other curve"],
)
def test_a_key_that_cannot_log_in_is_refused_before_any_call_and_not_repeated(pem: str) -> None:
    access = Access(account="1234567", client_id="c", certificate_id="k", private_key=pem)

    with pytest.raises(BadNameError, match="the NetSuite private key is not a PEM text") as raised:
        NetSuiteLedger(access)

    assert not pem or pem not in str(raised.value)
    assert "private_key" not in repr(access)


def test_the_hosts_follow_from_the_account() -> None:
    access = Access(account="1234567_SB1", client_id="c", certificate_id="k", private_key="")

    assert access.host("suitetalk") == "https://1234567-sb1.suitetalk.api.netsuite.com"
    assert access.host("restlets") == "https://1234567-sb1.restlets.api.netsuite.com"


@pytest.mark.parametrize("account", ["", "evil.example/", "123@evil", "1_2_3", "123\n"])
def test_an_account_that_would_lead_elsewhere_is_refused(account: str) -> None:
    with pytest.raises(BadNameError, match="is not a NetSuite account id"):
        Access(account=account, client_id="c", certificate_id="k", private_key="")


@pytest.mark.parametrize(
    "names",
    [
        {"contact_field": "custentity_x FROM employee--"},
        {"mrr_field": "balance"},
        {"restlet_script": "customscript_x&deploy=y"},
        {"mrr_query": "SELECT 1 FROM customer"},
        {"mrr_query": "SELECT {customer_id}", "mrr_field": "custentity_mrr"},
        {"mrr_field_months": 2},
        {"contact_titles": "("},
    ],
)
def test_a_name_that_cannot_be_right_is_refused(names: dict[str, str]) -> None:
    with pytest.raises(BadNameError):
        Names(**names)  # type: ignore[arg-type]
