"""The fake's answers have the shapes that others publish: names, envelopes, texts instead of numbers."""

from datetime import date

import httpx
import pytest

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.policy.ledger import AccountReading
from dunwell.sandbox.netsuite import Company
from dunwell.sandbox.netsuite.tables import TABLES
from tests.sandbox.netsuite import samples
from tests.sandbox.netsuite.conftest import NOW

RECORDS = "/services/rest/record/v1"
QUERY = "/services/rest/query/v1/suiteql"


@pytest.mark.parametrize("table", TABLES)
def test_every_column_of_the_fake_is_one_that_netsuite_has(company: Company, table: str) -> None:
    ours = {row[1] for row in company.rows.execute(f'PRAGMA table_info("{table}")')}
    company.close()
    seeds = {"transaction": ["transaction", "transaction_line"], "contact": ["entities"], "currency": []}
    published = {name for each in seeds.get(table, [table]) for name in samples.seed(each)[0]}
    names: dict[str, list[str]] = samples.oracle("record_names.json")
    known = published | set(names.get(table, [])) | samples.ELSEWHERE.get(table, set())

    assert {name.removesuffix("__df") for name in ours} - known == set()


def test_what_our_script_lists_of_a_contact_is_what_suitescript_can_search_for(
    company: Company, http: httpx.Client
) -> None:
    customer = company.new_customer("Acme")
    company.new_contact(customer, "Dana", "Reyes", "dana@acme.example", title="AP", role="Accounts Payable")
    params = {
        "script": "customscript_dunwell_restlet",
        "deploy": "customdeploy_dunwell_restlet",
        "action": "contacts",
        "customer": customer,
    }

    (contact,) = http.get("/app/site/hosting/restlet.nl", params=params).json()["contacts"]

    names = set(samples.oracle("record_names.json")["contact"])
    renamed = {"id": "internalid", "role": "contactrole", "categories": "category"}
    # `internalid` is a column of every search; Oracle's list leaves it out for contacts.
    assert {renamed.get(name, name) for name in contact} - names - {"internalid"} == set()


def test_a_phone_call_record_has_only_names_that_netsuite_has(company: Company, http: httpx.Client) -> None:
    customer = company.new_customer("Acme")
    given = {
        "title": "Call",
        "message": "Why",
        "phone": "+1",
        "status": "SCHEDULED",
        "priority": "HIGH",
        "startDate": "2026-04-28",
        "assigned": {"id": company.new_employee("Maria", "Okafor", "maria@us.example")},
        "company": {"id": customer},
        "contact": {"id": company.new_contact(customer, "Dana", "Reyes", "dana@acme.example")},
        "transaction": {"id": company.new_invoice(customer, "INV-1", "5")},
    }

    written = http.put(f"{RECORDS}/phonecall/eid:case-17", json=given)
    shown = http.get(f"{RECORDS}/phoneCall/eid:case-17").json()

    assert (written.status_code, written.content) == (204, b"")
    assert written.headers["location"] == f"{company.url}{RECORDS}/phonecall/{shown['id']}"
    assert {name for name, value in shown.items() if isinstance(value, str)} == set(given) - {
        "assigned",
        "company",
        "contact",
        "transaction",
    } | {"id", "externalId"}
    names = {name.lower() for name in shown} - {"id", "links"}
    assert names - set(samples.oracle("record_names.json")["phonecall"]) == set()


@pytest.mark.parametrize(
    ("path", "given", "status", "code"),
    [
        ("phonecall/eid:a", {}, 400, "USER_ERROR"),
        ("phonecall/eid:a", {"title": "Call", "colour": "red"}, 400, "USER_ERROR"),
        ("phonecall/eid:a", {"title": "Call", "status": "LATER"}, 400, "USER_ERROR"),
        ("phonecall/eid:a", {"title": "Call", "company": {"id": "999"}}, 400, "INVALID_KEY_OR_REF"),
        ("phonecall/17", {"title": "Call"}, 404, "NOT_FOUND"),
        ("customer/eid:a", {"companyName": "Acme"}, 404, "NOT_FOUND"),
    ],
)
def test_a_write_it_would_not_take_has_the_documented_error(
    company: Company, http: httpx.Client, path: str, given: dict[str, object], status: int, code: str
) -> None:
    answer = http.put(f"{RECORDS}/{path}", json=given, headers={"X-NetSuite-PropertyNameValidation": "Error"})

    assert (answer.status_code, set(answer.json())) == (status, samples.ERROR)
    assert answer.json()["o:errorDetails"][0]["o:errorCode"] == code
    assert company.phone_calls == {}


def test_a_misspelt_field_is_left_out_unless_it_is_to_be_an_error(
    company: Company, http: httpx.Client
) -> None:
    answer = http.put(f"{RECORDS}/phonecall/eid:a", json={"title": "Call", "colour": "red"})

    assert answer.status_code == 204
    assert [call.title for call in company.phone_calls.values()] == ["Call"]


def test_a_page_of_a_query_has_the_documented_envelope_and_only_texts(
    company: Company, http: httpx.Client
) -> None:
    customer = company.new_customer("Acme")
    invoice = company.new_invoice(customer, "INV-1", "95.49", due=date(2026, 4, 1))
    sql = "SELECT t.id, t.foreigntotal, t.memo, t.duedate FROM transaction t ORDER BY t.id"

    answer = http.post(QUERY, json={"q": sql}).json()

    assert set(answer) == samples.PAGE
    assert answer["items"] == [{"links": [], "id": invoice, "foreigntotal": "95.49", "duedate": "4/1/2026"}]
    assert [(name, type(answer[name])) for name in ("count", "hasMore", "offset", "totalResults")] == [
        ("count", int),
        ("hasMore", bool),
        ("offset", int),
        ("totalResults", int),
    ]


def test_oracles_own_query_with_oracles_own_headers_is_answered(company: Company, http: httpx.Client) -> None:
    company.rows.execute("ALTER TABLE customer ADD COLUMN dateCreated TEXT")
    wayne = company.new_customer("Wayne Enterprises")
    company.change("customer", wayne, email="Wayne_Enterprises_RD@roman.enterprises.com")
    (request, *_rest) = samples.oracle("suiteql_requests.json")
    headers = {each["key"]: each["value"] for each in request["header"]}
    url = request["url"].replace("{{REST_SERVICES}}", "/services/rest")

    answer = http.post(url, content=request["body"].replace("\n", "").replace("\t", ""), headers=headers)

    assert answer.json()["items"] == [
        {
            "links": [],
            "id": wayne,
            "companyname": "Wayne Enterprises",
            "email": "Wayne_Enterprises_RD@roman.enterprises.com",
        }
    ]


@pytest.mark.parametrize(
    ("sql", "detail"),
    [
        ("SELECT c.elsewhere FROM customer c", "no such column: c.elsewhere"),
        ("SELECT id FROM customer LIMIT 5", "Invalid or unsupported search."),
        ("SELECT 1; DELETE FROM customer", "Invalid or unsupported search."),
        ("DELETE FROM customer", "Only SELECT is supported."),
    ],
)
def test_a_query_it_cannot_answer_has_the_documented_error(http: httpx.Client, sql: str, detail: str) -> None:
    answer = http.post(QUERY, json={"q": sql})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/vnd.oracle.resource+json; type=error"
    assert set(answer.json()) == samples.ERROR
    (found,) = answer.json()["o:errorDetails"]
    assert set(found) == samples.DETAIL
    assert detail in found["detail"]


def test_a_word_inside_quotation_marks_is_left_alone(company: Company, http: httpx.Client) -> None:
    customer = company.new_customer("The transaction; LIMIT company")

    answer = http.post(
        QUERY, json={"q": "SELECT id FROM customer WHERE companyname = 'The transaction; LIMIT company'"}
    )

    assert answer.json()["items"] == [{"links": [], "id": customer}]


@pytest.mark.parametrize(
    ("limit", "offset"), [("0", "0"), ("1001", "0"), ("10", "5"), ("x", "0"), ("5", "-5")]
)
def test_a_page_must_be_a_multiple_of_its_size(http: httpx.Client, limit: str, offset: str) -> None:
    params = {"limit": limit, "offset": offset}

    answer = http.post(QUERY, params=params, json={"q": "SELECT id FROM customer ORDER BY id"})

    assert answer.status_code == 400


def test_without_an_order_pages_do_not_fit_together(company: Company, http: httpx.Client) -> None:
    for number in range(4):
        company.new_customer(f"Customer {number}")

    def pages(sql: str) -> list[str]:
        answers = [
            http.post(QUERY, params={"limit": 2, "offset": start}, json={"q": sql}) for start in (0, 2)
        ]
        return [item["companyname"] for answer in answers for item in answer.json()["items"]]

    assert len(set(pages("SELECT companyname FROM customer"))) == 2
    assert len(set(pages("SELECT companyname FROM customer ORDER BY id"))) == 4


def test_a_customer_record_refers_to_its_status_as_oracle_shows(company: Company, http: httpx.Client) -> None:
    customer = company.new_customer("Glenrock General Hospital")

    answer = http.get(
        f"/services/rest/record/v1/customer/{customer}", params={"fields": "companyName,entityStatus"}
    )

    assert set(answer.json()) == {"links", "companyName", "entityStatus"}
    assert set(answer.json()["entityStatus"]) == samples.REFERENCE
    assert answer.json()["entityStatus"]["refName"] == "CUSTOMER-Closed Won"
    assert answer.json()["links"] == [
        {"rel": "self", "href": f"{company.url}/services/rest/record/v1/customer/{customer}"}
    ]


@pytest.mark.parametrize("path", ["customer/999", "contact/999", "teapot/1", "customer/x"])
def test_a_record_that_is_not_there_is_a_404(http: httpx.Client, path: str) -> None:
    answer = http.get(f"/services/rest/record/v1/{path}")

    assert answer.status_code == 404
    assert set(answer.json()) == samples.ERROR


def test_the_connector_reads_every_customer_of_fivetrans_seed(
    company: Company, ledger: NetSuiteLedger
) -> None:
    columns = {row[1] for row in company.rows.execute("PRAGMA table_info(customer)")}
    rows = samples.seed("customer")
    for row in rows:
        company.insert("customer", **{name: value or None for name, value in row.items() if name in columns})

    read = [ledger.read_account(row["id"], NOW) for row in rows]

    assert len(rows) == 5
    assert all(isinstance(each, AccountReading) and each.currency == "USD" for each in read)
    assert [each.name for each in read if isinstance(each, AccountReading)][:2] == ["Joe Li", "Fake Li"]


def test_the_connector_takes_only_active_employees_of_fivetrans_seed_for_owners(
    company: Company, ledger: NetSuiteLedger
) -> None:
    columns = {row[1] for row in company.rows.execute("PRAGMA table_info(employee)")}
    rows = samples.seed("employee")
    for row in rows:
        company.insert("employee", **{name: value for name, value in row.items() if name in columns})
    customers = [company.new_customer("Acme", sales_rep=row["id"]) for row in rows]

    read = [ledger.read_account(customer, NOW) for customer in customers]

    owners = [each.owner and each.owner.email for each in read if isinstance(each, AccountReading)]
    assert owners == ["sponge@bob.com", "scooby@doo.com", None]
