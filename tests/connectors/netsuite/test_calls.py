"""What happens when NetSuite is slow, busy, broken or strange, over real HTTP."""

import threading
from datetime import datetime

import pytest

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import AccountReading, ContactReading
from dunwell.sandbox.netsuite import Company, FakeNetSuite
from tests.connectors.netsuite.conftest import Connect


def test_a_busy_account_is_asked_again_after_longer_and_longer_pauses(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime, pauses: list[float]
) -> None:
    company.fail("*/suiteql", 429, code="CONCURRENCY_LIMIT_EXCEEDED", times=3)

    assert isinstance(ledger.read_account(acme, now), AccountReading)
    assert pauses == [1.0, 2.0, 4.0]


def test_jitter_makes_a_pause_up_to_half_as_long_again(
    connect: Connect, company: Company, acme: str, now: datetime, pauses: list[float]
) -> None:
    company.fail("*/suiteql", 429, times=1)

    connect(jitter=lambda: 1.0).read_account(acme, now)

    assert pauses == [1.5]


@pytest.mark.parametrize(("asked", "pause"), [("3", 3.0), ("600", 20.0), ("soon", 1.0), ("-1", 1.0)])
def test_netsuites_own_wish_to_wait_is_honoured_up_to_a_bound(
    ledger: NetSuiteLedger,
    company: Company,
    acme: str,
    now: datetime,
    pauses: list[float],
    asked: str,
    pause: float,
) -> None:
    company.fail("*/suiteql", 429, retry_after=asked)

    ledger.read_account(acme, now)

    assert pauses == [pause]


def test_an_account_that_stays_busy_is_given_up_on_for_now(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime, pauses: list[float]
) -> None:
    company.fail("*/suiteql", 429, code="CONCURRENCY_LIMIT_EXCEEDED", times=9)

    assert ledger.read_account(acme, now) == Unreadable(
        f"Customer {acme} could not be read. NetSuite asks us to slow down (CONCURRENCY_LIMIT_EXCEEDED)."
    )
    assert len(pauses) == 3


def test_a_restlets_busy_comes_as_a_400_and_is_not_taken_for_a_refusal(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime, pauses: list[float]
) -> None:
    company.fail("*/restlet.nl", 400, code="SSS_REQUEST_LIMIT_EXCEEDED")

    assert isinstance(ledger.read_contact(acme, now), ContactReading)
    assert pauses == [1.0]


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "INSUFFICIENT_PERMISSION", "Our NetSuite role lacks a permission this needs"),
        (400, "INSUFFICIENT_PERMISSION", "Our NetSuite role lacks a permission this needs"),
        (400, "INVALID_PARAMETER", "NetSuite refused the request"),
        (302, "MOVED", "NetSuite's answer is not understood"),
    ],
)
def test_what_asking_again_cannot_mend_is_asked_once(
    ledger: NetSuiteLedger,
    company: Company,
    acme: str,
    now: datetime,
    pauses: list[float],
    status: int,
    code: str,
    said: str,
) -> None:
    company.fail("*/suiteql", status, code=code)

    assert ledger.read_account(acme, now) == Unreadable(
        f"Customer {acme} could not be read. {said} ({code})."
    )
    assert pauses == []


@pytest.mark.parametrize("kind", ["status", "cut"])
def test_a_read_that_broke_is_tried_again(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime, pauses: list[float], kind: str
) -> None:
    company.fail("*/suiteql", 503, kind=kind)  # type: ignore[arg-type]

    assert isinstance(ledger.read_account(acme, now), AccountReading)
    assert pauses == [1.0]


def test_silence_ends_after_the_time_out(
    connect: Connect, company: Company, acme: str, now: datetime
) -> None:
    company.fail("*/suiteql", kind="hold")

    read = connect(timeout=0.2, tries=1).read_account(acme, now)

    assert read == Unreadable(f"Customer {acme} could not be read. NetSuite did not answer.")


def test_a_server_that_is_gone_is_not_reached(connect: Connect, server: FakeNetSuite, now: datetime) -> None:
    ledger = connect(tries=2)
    server.stop()

    assert ledger.read_account("107", now) == Unreadable(
        "Customer 107 could not be read. NetSuite could not be reached."
    )


def test_no_more_calls_than_agreed_are_on_their_way_at_a_time(
    connect: Connect, company: Company, acme: str, now: datetime, pauses: list[float]
) -> None:
    ledger = connect(in_flight=2)
    ledger.read_account(acme, now)  # logs in
    company.limit = 2
    reads: list[object] = []
    threads = [
        threading.Thread(target=lambda: reads.append(ledger.read_account(acme, now))) for _ in range(8)
    ]
    company.fail("*/suiteql", kind="hold", times=2)

    for thread in threads:
        thread.start()
    assert company.faults.holding.wait(5)
    company.faults.close()
    for thread in threads:
        thread.join()

    assert [type(read) for read in reads] == [AccountReading] * 8
    assert company.most_at_once <= 2
    assert pauses == []


def test_two_integrations_that_meet_the_accounts_limit_both_get_through(
    connect: Connect, company: Company, acme: str, now: datetime, pauses: list[float]
) -> None:
    ours, theirs = connect(), connect()
    ours.read_account(acme, now)
    company.limit = 1
    company.fail("*/suiteql", kind="hold")
    held = threading.Thread(target=theirs.read_account, args=(acme, now))
    held.start()
    assert company.faults.holding.wait(5)

    busy = connect(tries=1).read_account(acme, now)
    company.faults.release()
    held.join()

    assert busy == Unreadable(
        f"Customer {acme} could not be read. NetSuite asks us to slow down (CONCURRENCY_LIMIT_EXCEEDED)."
    )
    assert isinstance(ours.read_account(acme, now), AccountReading)
    assert pauses == []


def test_nothing_netsuite_says_in_words_is_repeated(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    company.fail("*/suiteql", 400, code="BAD <b>dana@acme.example</b>")

    read = ledger.read_account(acme, now)

    assert read == Unreadable(
        f"Customer {acme} could not be read. NetSuite refused the request (status 400)."
    )
