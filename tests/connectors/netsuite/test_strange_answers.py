"""Answers that no NetSuite should give, from a server of three lines: each is a value, none a shorter list."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.connectors.netsuite.names import Access
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import OpenInvoices
from dunwell.sandbox.http import Answer, Loopback, Request
from dunwell.sandbox.netsuite import Integration
from tests.connectors.netsuite.conftest import NOW, Wall

ROW = {
    "id": "1",
    "tranid": "INV-1",
    "entity": "107",
    "foreignamountunpaid": "1",
    "currency": "USD",
    "posting": "T",
    "voided": "F",
}
TOKEN = json.dumps({"access_token": "t", "expires_in": "3600"})
MISREAD = "NetSuite's answer about mail case-17.1 is not understood: "
Says = Callable[..., NetSuiteLedger]


@pytest.fixture
def saying(wall: Wall) -> Iterator[Says]:
    """A ledger whose server gives these bodies, one a call, and the last for ever after."""
    servers: list[tuple[Loopback, NetSuiteLedger]] = []

    def start(*bodies: str, token: str = TOKEN, status: int = 200) -> NetSuiteLedger:
        left = list(bodies)

        def respond(request: Request) -> Answer:
            if request.target.endswith("/token"):
                return Answer(200, token)
            return Answer(status, left.pop(0) if len(left) > 1 else left[0])

        server = Loopback("strange-netsuite", respond)
        key = Integration("c", "k", ECKey.generate_key("P-256")).private_pem
        access = Access(account="1", client_id="c", certificate_id="k", private_key=key, base_url=server.url)
        ledger = NetSuiteLedger(access, tries=1, wall=wall)
        servers.append((server, ledger))
        server.start()
        return ledger

    yield start
    for server, ledger in servers:
        ledger.close()
        server.stop()


def _page(items: object, **changed: Any) -> str:
    return json.dumps({"items": items, "hasMore": False, "offset": 0, **changed})


NOT_UNDERSTOOD = Unreadable(
    "The open invoices of customer 107 could not be read. NetSuite's answer is not understood (status 200)."
)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>maintenance</html>",
        "[]",
        "null",
        "[" * 100_000,
        "{}",
        _page(None),
        _page(["row"]),
        _page([ROW], offset=1000),
        _page([ROW], hasMore="no"),
        _page([ROW], hasMore=None),
        _page([ROW], hasMore=True),
        _page([], hasMore=True),
    ],
)
def test_a_page_that_contradicts_itself_is_no_list(saying: Says, body: str) -> None:
    assert saying(body).read_open_invoices("107", NOW) == NOT_UNDERSTOOD


def test_a_second_page_that_repeats_the_first_is_no_list(saying: Says) -> None:
    page = _page([ROW] * 1000, hasMore=True)

    assert saying(page, page).read_open_invoices("107", NOW) == NOT_UNDERSTOOD


def test_an_empty_page_is_an_empty_list(saying: Says) -> None:
    assert saying(_page([])).read_open_invoices("107", NOW) == OpenInvoices(NOW, ())


@pytest.mark.parametrize(
    "token",
    ["", "[]", "{}", '{"access_token": ""}', '{"access_token": "a\\r\\nX: y"}', '{"access_token": 7}'],
)
def test_a_token_that_is_none_is_never_used(saying: Says, token: str) -> None:
    assert saying(_page([]), token=token).read_open_invoices("107", NOW) == Unreadable(
        "The open invoices of customer 107 could not be read. Logging in to NetSuite broke off."
    )


@pytest.mark.parametrize("lives", ["soon", -1, None, 10**9, "3600.5"])
def test_a_lifetime_that_cannot_be_read_is_an_hour_at_most(saying: Says, wall: Wall, lives: object) -> None:
    ledger = saying(_page([]), token=json.dumps({"access_token": "t", "expires_in": lives}))

    assert ledger.read_open_invoices("107", NOW) == OpenInvoices(NOW, ())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"ok": true}', MISREAD + "state: Field required"),
        (
            '{"ok": true, "state": "maybe"}',
            MISREAD + "state: Input should be 'absent', 'sending' or 'sent'",
        ),
        (
            '{"ok": true, "state": "sent", "sentAt": "2026-04-07T10:00:00"}',
            MISREAD + "sentAt: Value error, not a time with a zone",
        ),
        (
            '{"ok": false, "error": {"code": "BROKEN_SCRIPT", "permanent": false}}',
            "NetSuite did not answer about mail case-17.1 (BROKEN_SCRIPT).",
        ),
        (
            '{"ok": false, "error": {"code": "dana@acme.example", "permanent": false}}',
            MISREAD + "ok: Input should be True",
        ),
    ],
)
def test_a_script_that_says_something_else_is_not_believed(saying: Says, body: str, said: str) -> None:
    assert saying(body).read_mail("case-17.1", NOW) == Unreadable(said)
