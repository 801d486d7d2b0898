"""The fake lets in who NetSuite would let in, and keeps everybody else out."""

from typing import Any

import httpx
import pytest
from joserfc import jwt

from dunwell.sandbox.netsuite import Company, FakeNetSuite
from tests.sandbox.netsuite.conftest import NOW

TOKEN = "/services/rest/auth/oauth2/v1/token"
RESTLET = "/app/site/hosting/restlet.nl"
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _ask(server: FakeNetSuite, form: dict[str, str]) -> httpx.Response:
    return httpx.post(server.url + TOKEN, data=form, timeout=5)


def _form(server: FakeNetSuite, header: dict[str, str] | None = None, **claims: Any) -> dict[str, str]:
    ours, now = server.company.login.integration, int(NOW.timestamp())
    usual = {
        "iss": ours.client_id,
        "scope": ["restlets", "rest_webservices"],
        "aud": server.url + TOKEN,
        "iat": now,
        "exp": now + 300,
    }
    heads = {"alg": "ES256", "typ": "JWT", "kid": ours.certificate_id, **(header or {})}
    assertion = jwt.encode(heads, usual | claims, ours.key, algorithms=["ES256"])
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": BEARER,
        "client_assertion": assertion,
    }


def test_a_right_assertion_gets_a_token_for_an_hour(server: FakeNetSuite) -> None:
    answer = _ask(server, _form(server, scope="restlets,rest_webservices"))

    assert answer.status_code == 200
    assert (answer.json()["expires_in"], answer.json()["token_type"]) == ("3600", "bearer")


NOW_S = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"iss": "other"}, "The issuer is not the client."),
        ({"aud": "https://elsewhere.example/token"}, "The audience is not this endpoint."),
        ({"aud": ["x"]}, "The audience is not this endpoint."),
        ({"scope": "everything"}, "The scope is not allowed."),
        ({"scope": []}, "The scope is not allowed."),
        ({"exp": NOW_S + 3601}, "The assertion lives too long."),
        ({"iat": NOW_S - 400, "exp": NOW_S}, "The assertion has expired."),
        ({"iat": NOW_S + 61, "exp": NOW_S + 120}, "The assertion is from the future."),
        ({"exp": None}, "The assertion does not say when it was issued and expires."),
    ],
)
def test_a_claim_that_is_wrong_gets_none(server: FakeNetSuite, claims: dict[str, Any], said: str) -> None:
    answer = _ask(server, _form(server, **claims))

    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": said}
    assert server.company.login.minted == 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "x"}, "invalid_request"),
        ({"client_assertion": "a.b.c"}, "invalid_client"),
        ({"client_assertion": ""}, "invalid_client"),
    ],
)
def test_a_form_that_is_wrong_gets_none(server: FakeNetSuite, change: dict[str, str], error: str) -> None:
    answer = _ask(server, {**_form(server), **change})

    assert (answer.status_code in (400, 401), answer.json()["error"]) == (True, error)
    assert server.company.login.minted == 0


@pytest.mark.parametrize("header", [{"kid": "other"}, {"typ": "other"}])
def test_a_certificate_it_does_not_know_gets_none(server: FakeNetSuite, header: dict[str, str]) -> None:
    assert _ask(server, _form(server, header)).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/services/rest/query/v1/suiteql"),
        ("GET", "/services/rest/record/v1/customer/1"),
        ("GET", RESTLET),
        ("POST", RESTLET),
    ],
)
def test_without_a_token_every_door_is_closed(server: FakeNetSuite, method: str, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic eDp5"}):
        answer = httpx.request(method, server.url + path, headers=headers, timeout=5)
        assert answer.status_code == 401


def test_over_the_limit_rest_says_429_and_a_restlet_400(company: Company, http: httpx.Client) -> None:
    company.limit = 0

    rest = http.get("/services/rest/record/v1/customer/1")
    restlet = http.get(RESTLET)

    assert (rest.status_code, rest.json()["title"]) == (429, "Too Many Requests")
    assert (restlet.status_code, restlet.json()["error"]["code"]) == (400, "SSS_REQUEST_LIMIT_EXCEEDED")


@pytest.mark.parametrize("missing", ["Prefer", "Content-Type"])
def test_headers_netsuite_insists_on_are_insisted_on(http: httpx.Client, missing: str) -> None:
    del http.headers[missing]
    sql = b'{"q": "SELECT id FROM customer"}'

    answers = {
        "Prefer": lambda: http.post("/services/rest/query/v1/suiteql", content=sql),
        "Content-Type": lambda: http.get(RESTLET),
    }

    assert answers[missing]().status_code == 400


def test_a_place_that_does_not_exist_is_a_404(http: httpx.Client) -> None:
    assert http.get("/services/rest/elsewhere").status_code == 404


def test_a_bug_of_the_sandbox_is_a_500_and_no_silence(
    http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = http.post("/services/rest/query/v1/suiteql", content=b"not json")

    assert answer.status_code == 500
    assert "the fake NetSuite failed at POST /services/rest/query/v1/suiteql" in caplog.text


def test_our_script_does_not_guess_what_is_wanted(http: httpx.Client) -> None:
    script = {"script": "customscript_dunwell_restlet", "deploy": "customdeploy_dunwell_restlet"}

    answer = http.get(RESTLET, params={**script, "action": "dance"})

    assert (answer.status_code, answer.json()) == (
        200,
        {"ok": False, "error": {"code": "ACTION_UNKNOWN", "permanent": True}},
    )
