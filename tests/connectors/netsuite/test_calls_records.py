"""Phone call records: one per key, however often it is written, over real HTTP."""

from dataclasses import replace
from datetime import date

import pytest

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import LedgerCall
from dunwell.sandbox.netsuite import Company, PhoneCall
from tests.connectors.netsuite.conftest import Connect

KEY = "case-17.call"


@pytest.fixture
def call(company: Company, acme: str, felix: str) -> LedgerCall:
    return LedgerCall(
        key=KEY,
        title="Call Dana Reyes about invoice INV-1",
        message="Three mails, no answer.",
        on=date(2026, 4, 28),
        customer=acme,
        contact=company.new_contact(acme, "Dana", "Reyes", "dana@acme.example"),
        invoice=company.new_invoice(acme, "INV-1", "1200.00"),
        phone="+1 212 555 0100",
        assigned="felix@us.example",
    )


def test_a_call_stands_on_the_customer_for_the_employee_who_makes_it(
    ledger: NetSuiteLedger, company: Company, call: LedgerCall, felix: str
) -> None:
    id_ = ledger.record_call(call)

    assert list(company.phone_calls.values()) == [
        PhoneCall(
            id=str(id_),
            external_id="dunwell-case-17-call",
            title="Call Dana Reyes about invoice INV-1",
            message="Three mails, no answer.",
            phone="+1 212 555 0100",
            status="SCHEDULED",
            priority="HIGH",
            on=date(2026, 4, 28),
            assigned=felix,
            company=call.customer,
            contact=call.contact,
            transaction=call.invoice,
        )
    ]


def test_a_call_written_twice_is_one_record_with_one_id(
    ledger: NetSuiteLedger, company: Company, call: LedgerCall
) -> None:
    first = ledger.record_call(call)

    assert ledger.record_call(replace(call, message="Four mails.")) == first
    assert [each.message for each in company.phone_calls.values()] == ["Four mails."]


@pytest.mark.parametrize("kind", ["status", "cut"])
def test_a_write_whose_answer_got_lost_is_made_again_into_the_same_record(
    ledger: NetSuiteLedger, company: Company, call: LedgerCall, pauses: list[float], kind: str
) -> None:
    company.fail("*/phonecall/*", 503, kind=kind, carried_out=True)  # type: ignore[arg-type]

    id_ = ledger.record_call(call)

    assert [each.id for each in company.phone_calls.values()] == [id_]
    assert pauses == [1.0]


def test_a_busy_account_is_asked_again(
    ledger: NetSuiteLedger, company: Company, call: LedgerCall, pauses: list[float]
) -> None:
    company.fail("*/phonecall/*", 429, code="CONCURRENCY_LIMIT_EXCEEDED", times=2)

    assert ledger.record_call(call) in {each.id for each in company.phone_calls.values()}
    assert pauses == [1.0, 2.0]


def test_an_account_that_stays_busy_is_asked_another_time(
    ledger: NetSuiteLedger, company: Company, call: LedgerCall
) -> None:
    company.fail("*/phonecall/*", 429, code="CONCURRENCY_LIMIT_EXCEEDED", times=9)

    assert ledger.record_call(call) == Unreadable(
        f"The call {KEY} could not be recorded. NetSuite asks us to slow down (CONCURRENCY_LIMIT_EXCEEDED)."
    )
    assert company.phone_calls == {}


def test_an_answer_without_the_address_of_the_record_is_followed_by_a_look(
    ledger: NetSuiteLedger, company: Company, call: LedgerCall
) -> None:
    company.silent_writes = True

    id_ = ledger.record_call(call)

    assert [each.id for each in company.phone_calls.values()] == [id_]


def test_a_call_for_somebody_who_left_is_written_and_says_that_nobody_has_it(
    ledger: NetSuiteLedger, company: Company, call: LedgerCall, felix: str
) -> None:
    company.change("employee", felix, isinactive="T")

    ledger.record_call(call)

    (record,) = company.phone_calls.values()
    assert record.assigned == ""
    assert record.message.startswith(
        "Three mails, no answer.\n\nAssigned to nobody. NetSuite shows us no active"
    )


def test_who_makes_the_call_must_be_known_before_it_is_written(
    connect: Connect, company: Company, call: LedgerCall
) -> None:
    company.fail("*/suiteql", 503)

    read = connect(tries=1).record_call(call)

    assert isinstance(read, Unreadable)
    assert not read.permanent
    assert company.phone_calls == {}


def test_what_netsuite_refuses_once_it_refuses_for_ever(
    ledger: NetSuiteLedger, company: Company, call: LedgerCall
) -> None:
    assert ledger.record_call(replace(call, contact="999")) == Unreadable(
        f"The call {KEY} could not be recorded. NetSuite refused the request (INVALID_KEY_OR_REF).",
        permanent=True,
    )
    assert company.phone_calls == {}


def test_a_permission_that_is_lacking_can_be_given(
    ledger: NetSuiteLedger, company: Company, call: LedgerCall
) -> None:
    company.fail("*/phonecall/*", 403, code="INSUFFICIENT_PERMISSION")

    read = ledger.record_call(call)

    assert isinstance(read, Unreadable)
    assert not read.permanent


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"key": "a b"}, "The key of the call is malformed."),
        ({"key": "../customer/1"}, "The key of the call is malformed."),
        ({"customer": ""}, "The call names no customer."),
        ({"customer": "acme"}, "The call names somebody without an internal id of NetSuite."),
        ({"invoice": "INV-1"}, "The call names somebody without an internal id of NetSuite."),
        ({"title": " "}, "The call has no title."),
    ],
)
def test_a_call_that_cannot_be_right_never_reaches_netsuite(
    ledger: NetSuiteLedger, company: Company, call: LedgerCall, change: dict[str, str], said: str
) -> None:
    assert ledger.record_call(replace(call, **change)) == Unreadable(said, permanent=True)  # type: ignore[arg-type]
    assert company.calls == []
