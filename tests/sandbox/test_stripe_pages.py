from datetime import timedelta

import pytest
import requests
import stripe
from bs4 import BeautifulSoup

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import Account, declined

RETURN = "https://app.example/back"


@pytest.fixture
def invoice(account: Account, acme: str) -> str:
    return account.new_subscription_invoice(acme, 120000, "usd", "INV-1")


@pytest.fixture
def session(client: stripe.StripeClient, acme: str) -> stripe.billing_portal.Session:
    return client.v1.billing_portal.sessions.create(
        {
            "customer": acme,
            "return_url": RETURN,
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {"type": "redirect", "redirect": {"return_url": f"{RETURN}?done=1"}},
            },
            "after_expiration": {"type": "customer_login"},
        }
    )


def get(url: str) -> requests.Response:
    return requests.get(url, timeout=5)


def post(url: str, **form: str) -> requests.Response:
    return requests.post(url, data=form, timeout=5, allow_redirects=False)


def test_a_session_lives_on_the_fake_and_carries_its_flow(
    session: stripe.billing_portal.Session, account: Account, acme: str
) -> None:
    assert session.url == f"{account.base_url}/p/session/{session.id}"
    assert session.flow is not None
    assert session.flow.type == "payment_method_update"
    assert session.flow.after_completion.redirect is not None
    assert session.flow.after_completion.redirect.return_url == f"{RETURN}?done=1"
    (event,) = account.events("billing_portal.session.created")
    assert event["data"]["object"]["customer"] == acme


def test_a_person_picks_a_card_and_is_sent_back(
    session: stripe.billing_portal.Session, account: Account, acme: str
) -> None:
    old = account.get(acme)["invoice_settings"]["default_payment_method"]
    page = get(session.url)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    form = BeautifulSoup(page.text, "html.parser").form
    assert form is not None
    assert form["method"] == "post"
    numbers = [field["value"] for field in form.find_all("input")]
    assert "5555555555554444" in numbers

    saved = post(session.url, instrument="5555555555554444")

    assert (saved.status_code, saved.headers["Location"]) == (303, f"{RETURN}?done=1")
    new = account.get(acme)["invoice_settings"]["default_payment_method"]
    assert new != old
    assert account.get(new)["card"]["last4"] == "4444"
    assert len(account.events("setup_intent.succeeded")) == 2


def test_a_session_serves_once(session: stripe.billing_portal.Session, account: Account, acme: str) -> None:
    post(session.url, instrument="4242424242424242")
    default = account.get(acme)["invoice_settings"]["default_payment_method"]
    assert get(session.url).status_code == 410
    assert post(session.url, instrument="5555555555554444").status_code == 410
    assert account.get(acme)["invoice_settings"]["default_payment_method"] == default


def test_looking_at_a_session_changes_nothing(
    session: stripe.billing_portal.Session, account: Account
) -> None:
    before = len(account.events())
    assert [get(session.url).status_code for _ in range(3)] == [200, 200, 200]
    assert len(account.events()) == before


def test_a_session_dies_after_five_minutes(
    session: stripe.billing_portal.Session, account: Account, acme: str, clock: VirtualClock
) -> None:
    default = account.get(acme)["invoice_settings"]["default_payment_method"]
    clock.advance(timedelta(minutes=4, seconds=59))
    assert get(session.url).status_code == 200
    clock.advance(timedelta(seconds=1))
    assert get(session.url).status_code == 410
    assert post(session.url, instrument="5555555555554444").status_code == 410
    assert account.get(acme)["invoice_settings"]["default_payment_method"] == default


def test_a_card_that_refuses_to_be_saved_can_be_replaced_by_one_that_does_not(
    session: stripe.billing_portal.Session,
) -> None:
    refused = post(session.url, instrument="4000000000009995")
    assert refused.status_code == 402
    assert "insufficient_funds" in refused.text
    assert post(session.url, instrument="no card").status_code == 402
    assert post(session.url).status_code == 402
    assert post(session.url, instrument="4242424242424242").status_code == 303


def test_without_a_flow_the_person_returns_to_the_return_url(client: stripe.StripeClient, acme: str) -> None:
    plain = client.v1.billing_portal.sessions.create({"customer": acme, "return_url": RETURN})
    assert plain.flow is None
    assert post(plain.url, instrument="4242424242424242").headers["Location"] == RETURN


def test_a_confirmation_page_says_what_was_asked_and_nothing_more(
    client: stripe.StripeClient, acme: str
) -> None:
    session = client.v1.billing_portal.sessions.create(
        {
            "customer": acme,
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {
                    "type": "hosted_confirmation",
                    "hosted_confirmation": {"custom_message": "Thanks <script>"},
                },
            },
        }
    )
    saved = post(session.url, instrument="4242424242424242")
    assert saved.status_code == 200
    assert "Thanks &lt;script&gt;" in saved.text
    assert "<script>" not in saved.text


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({}, "customer"),
        ({"customer": "cus_nobody"}, "customer"),
        ({"flow_data": {"type": "payment_method_update", "after_completion": {"type": "redirect"}}},
         "flow_data[after_completion][redirect]"),
        ({"flow_data": {"typ": "payment_method_update"}}, "flow_data[typ]"),
        ({"flow": {"type": "payment_method_update"}}, "flow"),
    ],
)  # fmt: skip
def test_a_session_asked_for_wrongly_is_refused(
    client: stripe.StripeClient, acme: str, params: dict[str, object], name: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.billing_portal.sessions.create(
            {"customer": acme} | params if name != "customer" else params  # type: ignore[arg-type]
        )
    assert refused.value.param == name


def test_an_unknown_session_is_gone(account: Account, client: stripe.StripeClient) -> None:
    assert get(f"{account.base_url}/p/session/bps_nothing").status_code == 410


def test_a_customer_pays_on_the_hosted_page(account: Account, server: object, invoice: str) -> None:
    url = account.get(invoice)["hosted_invoice_url"]
    page = get(url)
    assert page.status_code == 200
    assert "INV-1" in page.text
    declined_ = post(url, instrument="4000000000009987")
    assert declined_.status_code == 402
    assert account.get(invoice)["status"] == "open"
    assert post(url, instrument="4242424242424242").status_code == 200
    assert account.get(invoice)["status"] == "paid"
    assert "This invoice is paid." in get(url).text
    assert post(url, instrument="4242424242424242").status_code == 200
    assert len(account.attempts(invoice)) == 2


def test_a_bank_debit_on_the_hosted_page_is_on_its_way(
    account: Account, server: object, invoice: str
) -> None:
    url = account.get(invoice)["hosted_invoice_url"]
    post(url, instrument="000123456789")
    assert account.attempts(invoice)[0]["status"] == "pending"
    assert "on its way" in get(url).text
    post(url, instrument="4242424242424242")
    assert len(account.attempts(invoice)) == 1


def test_there_is_no_page_for_a_draft_or_an_unknown_invoice(
    account: Account, server: object, acme: str
) -> None:
    draft = account.new_subscription_invoice(acme, 100, draft=True)
    assert get(f"{account.base_url}/i/{draft}").status_code == 404
    assert get(f"{account.base_url}/i/in_nothing").status_code == 404
    assert get(f"{account.base_url}/p/other/x").status_code == 404


def test_a_void_invoice_offers_nothing(account: Account, server: object, invoice: str) -> None:
    account.charge_now(invoice, declined())
    account.void(invoice)
    page = get(account.get(invoice)["hosted_invoice_url"])
    assert "This invoice is void." in page.text
    assert "<form" not in page.text
