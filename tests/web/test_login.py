"""Who gets in: nobody without logging in, but for the addresses that say so."""

import re

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from dunwell.web.login import TRIES
from tests.web import sample
from tests.web.conftest import text

pytestmark = pytest.mark.django_db

OPEN_TO_ALL = {
    "login",
    "pay",
    "owner",
    "calendar",
    "stripe-webhook",
    "mail-webhook",
    "raw-mail-webhook",
    "healthz",
    "readyz",
}
ARGUMENTS = {
    "file_id": "1",
    "what": "inbound",
    "case_id": "1",
    "hold_id": "1",
    "mail_id": "1",
    "letter_id": "1",
    "review_id": "1",
    "token": "x",
}


def _addresses() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for pattern in get_resolver().url_patterns:
        assert isinstance(pattern, URLPattern)
        route = str(pattern.pattern)
        for name in pattern.pattern.converters:
            route = re.sub(f"<[a-z]+:{name}>", ARGUMENTS[name], route)
        found.append((str(pattern.name), f"/{route}"))
    return found


CLOSED = [(name, address) for name, address in _addresses() if name not in OPEN_TO_ALL]


def test_most_addresses_are_closed() -> None:
    assert len(CLOSED) >= 15
    assert {name for name, _ in _addresses()} >= OPEN_TO_ALL


@pytest.mark.parametrize(("name", "address"), CLOSED, ids=[name for name, _ in CLOSED])
@pytest.mark.parametrize("method", ["get", "post"])
def test_strangers_are_sent_to_the_login_page(client: Client, name: str, address: str, method: str) -> None:
    response = getattr(client, method)(address)

    assert response.status_code == 302
    assert response["Location"] == f"/login?next={address}"


def test_a_right_password_leads_to_where_one_wanted_to_go(client: Client) -> None:
    sample.person()

    page = client.get("/login?next=/review/")
    response = client.post("/login", {"username": "dana", "password": sample.PASSWORD, "next": "/review/"})

    assert b'name="next" value="/review/"' in page.content
    assert (response.status_code, response["Location"]) == (302, "/review/")


def test_nobody_is_sent_to_a_foreign_page_after_logging_in(client: Client) -> None:
    sample.person()

    response = client.post(
        "/login", {"username": "dana", "password": sample.PASSWORD, "next": "https://evil.example/"}
    )

    assert response["Location"] == "/"


def test_a_wrong_password_says_so_and_keeps_the_name(client: Client) -> None:
    sample.person()

    response = client.post("/login", {"username": "dana", "password": "wrong"})

    assert response.status_code == 422
    assert "Name and password do not match" in text(response)
    assert b'value="dana"' in response.content


def test_guessing_is_braked_even_for_the_right_password(client: Client) -> None:
    sample.person()
    for _ in range(TRIES):
        client.post("/login", {"username": "dana", "password": "wrong"})

    response = client.post("/login", {"username": "dana", "password": sample.PASSWORD})

    assert response.status_code == 429
    assert "Too many wrong passwords" in text(response)
    assert "_auth_user_id" not in client.session


def test_one_persons_wrong_passwords_do_not_brake_another(client: Client) -> None:
    sample.person()
    sample.person("marek", "Marek", "Lindqvist")
    for _ in range(TRIES):
        client.post("/login", {"username": "dana", "password": "wrong"})

    response = client.post("/login", {"username": "marek", "password": sample.PASSWORD})

    assert response.status_code == 302


def test_logging_out_needs_a_button_not_a_link(desk: Client) -> None:
    assert desk.get("/logout").status_code == 405
    assert desk.post("/logout").status_code == 302
    assert desk.get("/").status_code == 302
