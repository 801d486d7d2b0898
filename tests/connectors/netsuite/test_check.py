"""What doctor sees of a NetSuite account, and what it says to do, over real HTTP."""

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dunwell.connectors.netsuite.check import Seen
from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.connectors.netsuite.names import Names
from dunwell.connectors.netsuite.token import certificate_until
from dunwell.sandbox.netsuite import Company, FakeNetSuite
from tests.connectors.netsuite.conftest import Connect, Wall

MARIA = "maria.okafor@us.example"
ROOMS = [
    "login",
    "certificate",
    "query for currencies",
    "query for employees",
    "query for customers",
    "query for invoices",
    "query for payments",
    "RESTlet",
    "contacts",
    "phone calls",
    "manager",
    "MRR",
]


@pytest.fixture
def running(company: Company, acme: str, felix: str) -> Company:
    """A company where everything is as it should be."""
    company.new_employee("Maria", "Okafor", MARIA)
    company.new_contact(acme, "Dana", "Reyes", "dana@acme.example", role="Accounts Payable")
    company.new_invoice(acme, "INV-1", "1200.00")
    return company


def seen(ledger: NetSuiteLedger, now: datetime) -> dict[str, Seen]:
    return {each.name: each for each in ledger.check(MARIA, now)}


def wrong(ledger: NetSuiteLedger, now: datetime) -> dict[str, str]:
    return {name: each.said for name, each in seen(ledger, now).items() if each.state == "wrong"}


def test_a_good_account_has_nothing_wrong_and_says_what_was_seen(
    ledger: NetSuiteLedger, running: Company, acme: str, now: datetime
) -> None:
    found = seen(ledger, now)

    assert list(found) == ROOMS
    assert [name for name, each in found.items() if each.state == "wrong"] == []
    assert found["login"].said == "account 1234567_SB1 gives us a token"
    assert found["query for customers"] == Seen(
        "query for customers", "ok", "answers with every column we read"
    )
    assert found["contacts"].said.startswith(f"of customer {acme}, tried as an example: Dana Reyes")
    assert found["MRR"] == Seen(
        "MRR", "note", "no field or query is set for it in the names file: Stripe's figure counts"
    )


def test_looking_changes_nothing(ledger: NetSuiteLedger, running: Company, now: datetime) -> None:
    ledger.check(MARIA, now)

    assert (running.mail.sent, running.phone_calls, running.mail.began) == ([], {}, {})
    assert {call.method for call in running.calls} == {"GET", "POST"}


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_a_certificate_that_is_no_longer_taken_ends_the_look(
    ledger: NetSuiteLedger, running: Company, now: datetime, wall: Wall, how: str
) -> None:
    running.login.integration.until = wall.seconds if how == "expired" else None
    running.login.integration.revoked = how == "revoked"

    found = seen(ledger, now)

    assert list(found) == ["login", "certificate"]
    assert found["login"].state == "wrong"
    assert found["login"].said.startswith(
        "NetSuite refused our login (invalid_client). The certificate is unknown, revoked or expired. Look at it "
        "under Setup > Integration > OAuth 2.0 Client Credentials (M2M) Setup;"
    )


def test_a_token_that_is_revoked_is_replaced_and_nobody_need_know(
    ledger: NetSuiteLedger, running: Company, now: datetime
) -> None:
    ledger.check(MARIA, now)
    running.login.revoke()

    assert wrong(ledger, now) == {}
    assert running.login.minted == 2


def test_a_token_that_is_given_and_not_taken_points_at_the_role(
    ledger: NetSuiteLedger, running: Company, now: datetime
) -> None:
    running.fail("*/suiteql", 401, code="INVALID_LOGIN", times=99)

    assert seen(ledger, now)["query for customers"].said == (
        "NetSuite refused our login (INVALID_LOGIN). A token was given and is not taken: it was revoked, or our role "
        "lacks Setup > Log in using OAuth 2.0 Access Tokens or REST Web Services."
    )


def test_a_client_id_that_is_wrong_is_said(connect: Connect, running: Company, now: datetime) -> None:
    found = wrong(connect(access={"client_id": "other"}), now)

    assert found["login"].startswith(
        "NetSuite refused our login (invalid_grant). Check DUNWELL_NETSUITE_CLIENT_ID and DUNWELL_NETSUITE_ACCOUNT"
    )


@pytest.mark.parametrize("status", [302, 404])
def test_an_account_that_does_not_exist_is_said_with_the_host(
    ledger: NetSuiteLedger, running: Company, now: datetime, status: int
) -> None:
    running.fail("*/token", status, times=9)

    found = wrong(ledger, now)

    assert list(found) == ["login"]
    assert found["login"].endswith(
        f"Calls go to {running.url}: check the account id in DUNWELL_NETSUITE_ACCOUNT, then the network."
    )


def test_a_host_that_does_not_answer_is_said_with_its_name(
    connect: Connect, running: Company, server: FakeNetSuite, now: datetime
) -> None:
    ledger = connect(tries=1)
    server.stop()

    assert wrong(ledger, now) == {
        "login": f"NetSuite could not be reached. Calls go to {server.url}: check the account id in "
        "DUNWELL_NETSUITE_ACCOUNT, then the network."
    }


def test_a_field_that_does_not_exist_is_found(connect: Connect, running: Company, now: datetime) -> None:
    found = wrong(connect(Names(timezone_field="custentity_zone")), now)

    assert found["query for customers"] == (
        "NetSuite refused the request (INVALID_PARAMETER). A column is unknown to our role: check the field ids in "
        "the names file."
    )
    assert found["contacts"] == "not tried: there is no customer to ask about"
    assert "query for invoices" not in found


@pytest.mark.parametrize(
    ("table", "room", "permission"),
    [
        ("currency", "query for currencies", "Lists > Currency"),
        ("employee", "query for employees", "Lists > Employees"),
        ("customer", "query for customers", "Lists > Customers"),
        ("transaction", "query for invoices", "Transactions > Find Transaction and Invoice"),
    ],
)
def test_rows_our_role_may_not_see_point_at_the_permission(
    ledger: NetSuiteLedger, running: Company, now: datetime, table: str, room: str, permission: str
) -> None:
    running.hidden.add(table)

    assert wrong(ledger, now)[room] == (
        f"NetSuite shows us none. There are none, or our role lacks {permission}."
    )


def test_a_permission_that_netsuite_names_is_said(
    ledger: NetSuiteLedger, running: Company, now: datetime
) -> None:
    running.fail("*/suiteql", 403, code="INSUFFICIENT_PERMISSION", times=1)

    assert wrong(ledger, now) == {
        "query for currencies": "Our NetSuite role lacks a permission this needs (INSUFFICIENT_PERMISSION). Give our "
        "role Lists > Currency, and Reports > SuiteAnalytics Workbook."
    }


def test_a_busy_account_is_waited_for(
    ledger: NetSuiteLedger, running: Company, now: datetime, pauses: list[float]
) -> None:
    running.fail("*/suiteql", 429, code="CONCURRENCY_LIMIT_EXCEEDED", times=2)

    assert wrong(ledger, now) == {}
    assert pauses == [1.0, 2.0]


def test_a_script_that_is_not_deployed_says_how_to_deploy_it(
    connect: Connect, running: Company, now: datetime
) -> None:
    found = wrong(connect(Names(restlet_script="customscript_elsewhere")), now)

    assert list(found) == ["RESTlet", "contacts"]
    assert (
        "(SSS_INVALID_SCRIPTLET_ID). Deploy the project in netsuite/ (docs/netsuite.md)" in found["RESTlet"]
    )


def test_contacts_by_query_are_tried_by_query(connect: Connect, running: Company, now: datetime) -> None:
    found = seen(connect(Names(contacts_by="suiteql")), now)

    assert found["query for contacts"].state == "ok"
    assert "No accounts-payable contact" in found["contacts"].said


@pytest.mark.parametrize("active", ["left", "never there"])
def test_a_manager_without_an_employee_record_is_found(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime, active: str
) -> None:
    company.new_invoice(acme, "INV-1", "5")
    if active == "left":
        company.new_employee("Maria", "Okafor", MARIA, active=False)

    found = wrong(ledger, now)

    assert found["manager"].startswith(f"NetSuite shows us no active employee with the address {MARIA}: ")
    assert found["manager"].endswith("mend the record, or correct DUNWELL_MANAGER.")


def test_phone_calls_our_role_may_not_touch_are_found(
    ledger: NetSuiteLedger, running: Company, now: datetime
) -> None:
    running.fail("*/phonecall/*", 403, code="INSUFFICIENT_PERMISSION")

    assert wrong(ledger, now)["phone calls"].endswith(
        "Give our role Lists > Phone Calls (create) and Setup > REST Web Services."
    )


@pytest.mark.parametrize(
    ("query", "state", "said"),
    [
        (
            "SELECT '2026-01' AS month, '1' AS mrr FROM customer c WHERE c.id = {customer_id} ORDER BY c.id",
            "note",
            "tried as an example: MRR is unknown: NetSuite query gave nothing for 2026-02, 2026-03.",
        ),
        (
            "SELECT nothing FROM nowhere WHERE id = {customer_id} ORDER BY 1",
            "wrong",
            "NetSuite refused the request (INVALID_PARAMETER). Check mrr_query in the names file.",
        ),
    ],
)
def test_the_source_of_the_mrr_is_tried(
    connect: Connect, running: Company, now: datetime, query: str, state: str, said: str
) -> None:
    found = seen(connect(Names(mrr_query=query)), now)["MRR"]

    assert (found.state, found.said.endswith(said)) == (state, True)


def with_certificate(private_pem: str, until: datetime) -> str:
    """A key and a certificate that goes with it, in one text, as people put them into one file."""
    key = serialization.load_pem_private_key(private_pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Dunwell")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(until - timedelta(days=365))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    return private_pem + certificate.public_bytes(serialization.Encoding.PEM).decode()


class TestCertificate:
    @pytest.mark.parametrize(
        ("before", "state", "said"),
        [
            (timedelta(days=61), "ok", "valid until "),
            (timedelta(days=60), "note", "expires on "),
            (timedelta(days=14), "wrong", "expires on "),
            (timedelta(), "wrong", "expired on "),
        ],
    )
    def test_its_end_is_announced(
        self, connect: Connect, running: Company, now: datetime, before: timedelta, state: str, said: str
    ) -> None:
        until = (now + before).replace(second=0)
        pem = with_certificate(running.login.integration.private_pem, until)

        found = seen(connect(access={"private_key": pem}), now)

        assert certificate_until(pem) == until
        assert found["login"].state == "ok"
        assert (found["certificate"].state, found["certificate"].said.partition(".")[0]) == (
            state,
            f"{said}{until:%d %b %Y}",
        )

    def test_without_a_certificate_beside_the_key_its_end_is_not_known(
        self, ledger: NetSuiteLedger, running: Company, now: datetime
    ) -> None:
        found = seen(ledger, now)["certificate"]

        assert found.state == "note"
        assert "Append the certificate to the private key's file" in found.said
