"""`dunwell doctor` with NetSuite: processes, a real HTTP server."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dunwell.engine.clock import SystemClock
from dunwell.sandbox.netsuite import Company, FakeNetSuite
from tests.cli.run import Ran, dunwell, migrated


@pytest.fixture
def company() -> Iterator[Company]:
    company = Company(SystemClock())
    with FakeNetSuite(company):
        yield company


Look = Callable[..., Ran]


@pytest.fixture
def look(tmp_path: Path, tables: Path, company: Company) -> Look:
    """Run `dunwell doctor` with everything that NetSuite needs."""
    ours = company.login.integration
    (tmp_path / "private.pem").write_text(ours.private_pem)
    env = migrated(
        tmp_path,
        tables,
        DUNWELL_NETSUITE_ACCOUNT="1234567",
        DUNWELL_NETSUITE_CLIENT_ID=ours.client_id,
        DUNWELL_NETSUITE_CERTIFICATE_ID=ours.certificate_id,
        DUNWELL_NETSUITE_PRIVATE_KEY_FILE=str(tmp_path / "private.pem"),
        DUNWELL_NETSUITE_BASE_URL=company.url,
        DUNWELL_MANAGER="Maria Okafor <maria.okafor@us.example>",
    )
    return lambda *options: dunwell("doctor", *options, env=env)


def test_doctor_says_what_it_saw_of_netsuite(company: Company, look: Look) -> None:
    maria = company.new_employee("Maria", "Okafor", "maria.okafor@us.example")
    acme = company.new_customer("Acme Inc", sales_rep=maria)
    company.new_contact(acme, "Dana", "Reyes", "dana@acme.example", role="Accounts Payable")
    company.new_invoice(acme, "INV-1", "1200.00")

    found = {each["check"]: each for each in look("--json").document}

    netsuite = {name: each["state"] for name, each in found.items() if name.startswith("NetSuite: ")}
    assert {name for name, state in netsuite.items() if state == "wrong"} == set()
    assert found["NetSuite: manager"] == {
        "check": "NetSuite: manager",
        "state": "ok",
        "said": f"maria.okafor@us.example is employee {maria}",
    }
    assert found["manager"]["said"] == "Maria Okafor <maria.okafor@us.example>"


def test_an_expired_certificate_is_wrong_in_the_table_too(company: Company, look: Look) -> None:
    company.login.integration.until = datetime(2026, 1, 1, tzinfo=UTC).timestamp()

    ran = look()

    assert ran.code == 1
    assert "NetSuite: login" in ran.out
    assert "invalid_client" in ran.out
    assert ran.complaint == "dunwell: something is wrong"


def test_without_netsuite_that_is_all_it_says(tmp_path: Path, tables: Path) -> None:
    ran = dunwell("doctor", "--json", env=migrated(tmp_path, tables))
    found = {each["check"]: each for each in ran.document}

    assert [(name, each["state"]) for name, each in found.items() if name.startswith("NetSuite")] == [
        ("NetSuite", "note")
    ]
