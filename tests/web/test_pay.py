"""The payment-link page: looking creates nothing; only the button does (spec 4)."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from dunwell.engine.clock import VirtualClock
from dunwell.engine.links import LIFETIME, make_link
from dunwell.engine.ports import Ports
from dunwell.policy.words import CaseStatus, Ending, InvoiceStatus, Rail
from dunwell.sandbox.stripe import Account, FakeStripe
from dunwell.store.models import Case, Invoice, OutboxItem, PaymentAttempt, TimelineEntry
from tests.web import sample
from tests.web.conftest import soup, text
from tests.web.sample import NOW, Wanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def aurelius() -> Case:
    return sample.three_cases()[0]


@pytest.fixture
def link(aurelius: Case, ports: Ports) -> str:
    return _link(aurelius, ports)


def _link(case: Case, ports: Ports) -> str:
    return make_link(case.pk, ports, NOW).removeprefix(ports.base_url)


def _kinds(case: Case) -> list[str]:
    return list(TimelineEntry.objects.filter(case=case, actor="customer").values_list("kind", flat=True))


@pytest.fixture
def counted() -> Iterator[None]:
    """Fail if anything but the timeline grew."""
    tables = (Case, Invoice, OutboxItem, PaymentAttempt)
    before = [table.objects.count() for table in tables]
    yield
    assert [table.objects.count() for table in tables] == before


def test_the_page_shows_invoice_amount_one_button_and_the_bank_account(
    client: Client, link: str, counted: None
) -> None:
    response = client.get(link)

    page = soup(response)
    assert response.status_code == 200
    assert text(response).startswith(
        "Harbourline Software Invoice INV-2026-04-1198 for Aurelius Partners Amount open USD 14,200.00 "
        "Update payment details"
    )
    assert [button.get_text() for button in page.select("button")] == ["Update payment details"]
    assert page.select("a") == []
    assert page.select("script") == []
    assert "Account 000123456" in text(response)
    assert "give the invoice number INV-2026-04-1198 as the reference" in text(response)


def test_looking_is_noted_and_creates_nothing_at_stripe(
    client: Client, aurelius: Case, link: str, stripe: FakeStripe, account: Account, counted: None
) -> None:
    client.get(link)
    client.get(link)

    assert account.calls == []
    assert _kinds(aurelius)[-1] == "link_opened"


def test_the_page_keeps_out_of_caches_search_engines_and_logs(client: Client, link: str) -> None:
    response = client.get(link)

    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "script-src" not in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert response.cookies == {}


def test_the_button_makes_a_portal_session_and_goes_there(
    aurelius: Case, link: str, stripe: FakeStripe, account: Account, counted: None
) -> None:
    customer = account.new_customer("Aurelius Partners", "ap@aurelius.example", state="NY")
    aurelius.customer.external_id = customer
    aurelius.customer.save()

    response = Client(enforce_csrf_checks=True).post(link)

    assert response.status_code == 303
    assert response["Location"].startswith(f"{stripe.url}/")
    assert [(call.method, call.path) for call in account.calls] == [("POST", "/v1/billing_portal/sessions")]
    assert _kinds(aurelius)[-1] == "link_used"
    assert not TimelineEntry.objects.filter(summary__contains=response["Location"]).exists()


def test_a_bank_debit_goes_to_the_invoices_own_page(
    client: Client, aurelius: Case, link: str, stripe: FakeStripe, account: Account
) -> None:
    customer = account.new_customer("Aurelius Partners", "ap@aurelius.example", state="NY")
    invoice = account.new_subscription_invoice(customer, 1_420_000, number="INV-2026-04-1198")
    Invoice.objects.filter(pk=aurelius.invoice_id).update(external_id=invoice, rail=Rail.BANK_DEBIT.value)

    page = client.get(link)
    response = client.post(link)

    assert soup(page).select("button")[0].get_text() == "Go to the invoice"
    assert response.status_code == 303
    assert response["Location"] == account.get(invoice)["hosted_invoice_url"]


def test_when_stripe_does_not_answer_the_page_says_so_and_offers_the_transfer(
    client: Client, aurelius: Case, link: str, counted: None
) -> None:
    response = client.post(link)

    assert response.status_code == 503
    assert "cannot be opened right now" in text(response)
    assert "pay by bank transfer" in text(response)
    assert "Nothing was charged." in text(response)
    assert "link_failed" in _kinds(aurelius)


@pytest.mark.parametrize(
    ("invoice", "case", "sentence"),
    [
        (InvoiceStatus.PAID, None, "This invoice is paid."),
        (InvoiceStatus.VOID, None, "This invoice was cancelled."),
        (InvoiceStatus.UNCOLLECTIBLE, None, "Nothing can be paid here any more."),
        (InvoiceStatus.OPEN, Ending.TRANSFERRED, "Nothing can be paid here any more."),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_over_is_said_and_nothing_is_offered(
    client: Client,
    aurelius: Case,
    link: str,
    stripe: FakeStripe,
    account: Account,
    invoice: InvoiceStatus,
    case: Ending | None,
    sentence: str,
    method: str,
) -> None:
    Invoice.objects.filter(pk=aurelius.invoice_id).update(status=invoice.value)
    if case is not None:
        Case.objects.filter(pk=aurelius.pk).update(
            status=CaseStatus.CLOSED.value, ending=case.value, closed_at=NOW, due_at=None
        )

    response = getattr(client, method)(link)

    assert response.status_code == 200
    assert sentence in text(response)
    assert soup(response).select("button") == []
    assert "000123456" not in text(response)
    assert account.calls == []


def test_a_forged_an_expired_and_a_strange_token_are_the_same_plain_404(
    client: Client, aurelius: Case, link: str, ports: Ports, clock: VirtualClock
) -> None:
    token = link.removeprefix("/pay/")
    entries = TimelineEntry.objects.count()
    forged = [
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        "x",
        "x:y",
        token + "x",
        "%F0%9F%98%80",
        token.swapcase(),
    ]
    other_case = _link(aurelius, ports).removeprefix("/pay/").split(":")[0] + ":" + token.split(":")[1][::-1]
    answers = [client.get(f"/pay/{each}") for each in [*forged, other_case]]
    clock.advance(LIFETIME + timedelta(seconds=1))
    answers.append(client.get(link))
    answers.append(client.post(link))

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert "Aurelius" not in text(answers[-1])
    assert "Log" not in text(answers[-1])
    assert all(answer["Cache-Control"] == "no-store" for answer in answers)
    assert TimelineEntry.objects.count() == entries


def test_a_token_never_shows_another_case(client: Client, ports: Ports, aurelius: Case) -> None:
    northgate = Case.objects.get(invoice__number="INV-2026-04-1177")
    mine, theirs = (_link(case, ports).removeprefix("/pay/").split(":") for case in (aurelius, northgate))

    response = client.get(f"/pay/{theirs[0]}:{mine[1]}")

    assert response.status_code == 404


def test_a_link_good_for_sixty_days_is_good_on_the_last_of_them(
    client: Client, link: str, clock: VirtualClock
) -> None:
    clock.advance(LIFETIME)

    assert client.get(link).status_code == 200


def test_a_scanner_that_only_asks_for_the_head_gets_one(client: Client, link: str) -> None:
    response = client.head(link)

    assert (response.status_code, response.content) == (200, b"")
    assert client.put(link).status_code == 405


def test_a_customer_called_script_is_shown_not_run(client: Client, ports: Ports) -> None:
    row = sample.case(Wanted(sample.customer("<script>alert(1)</script>"), "<b>1</b>", 100))

    response = client.get(_link(row, ports))

    assert b"<script>" not in response.content
    assert b"<b>1</b>" not in response.content


def test_no_token_is_written_into_the_log(
    client: Client, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = link.removeprefix("/pay/")
    with caplog.at_level(logging.DEBUG):
        client.post(link)
        client.get(f"/pay/{token}x")

    assert len(caplog.records) >= 2
    assert token not in caplog.text
    assert "/pay/..." in caplog.text


def test_a_link_to_several_invoices_lists_each_and_has_one_button(client: Client, ports: Ports) -> None:
    payer = sample.customer("Brightwater Studios")
    open_ones = [sample.case(Wanted(payer, f"BW-{n}", 10_000 * n)) for n in (1, 2)]
    paid = sample.case(Wanted(payer, "BW-3", 0, invoice_status=InvoiceStatus.PAID))
    several = make_link([case.pk for case in (*open_ones, paid)], ports, NOW).removeprefix(ports.base_url)

    response = client.get(several)

    page = soup(response)
    assert [" ".join(each.get_text(" ").split()) for each in page.select("ul.bills li")] == [
        "Invoice BW-1 USD 100.00",
        "Invoice BW-2 USD 200.00",
        "Invoice BW-3 Paid",
    ]
    assert "Open in all USD 300.00" in text(response)
    assert [button.get_text() for button in page.select("button")] == ["Update payment details"]
    assert "give the invoice numbers BW-1, BW-2 as the reference" in text(response)
    for case in (*open_ones, paid):
        assert _kinds(case)[-1] == "link_opened"


def test_bank_debits_of_one_link_have_a_button_each(
    client: Client, ports: Ports, stripe: FakeStripe, account: Account
) -> None:
    customer = account.new_customer("Brightwater Studios", "ap@brightwater.example", state="NY")
    payer = sample.customer("Brightwater Studios", external_id=customer)
    debits = [sample.case(Wanted(payer, f"BW-{n}", 10_000, rail=Rail.BANK_DEBIT)) for n in (1, 2)]
    for case in debits:
        invoice = account.new_subscription_invoice(customer, 10_000, number=case.invoice.number)
        Invoice.objects.filter(pk=case.invoice_id).update(external_id=invoice)
    several = make_link([case.pk for case in debits], ports, NOW).removeprefix(ports.base_url)

    page = soup(client.get(several))
    response = client.post(several, {"invoice": str(debits[1].pk)})

    assert [button.get_text() for button in page.select("button")] == [
        "Go to invoice BW-1",
        "Go to invoice BW-2",
    ]
    assert response.status_code == 303
    assert response["Location"] == account.get(str(_external_id(debits[1])))["hosted_invoice_url"]
    assert "link_used" not in _kinds(debits[0])
    assert client.post(several, {"invoice": "999999"}).status_code == 200


def _external_id(case: Case) -> str:
    return Invoice.objects.get(pk=case.invoice_id).external_id
