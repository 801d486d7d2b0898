"""The connector, and the sandbox's script, against what our SuiteScript really says.

`netsuite/answers.json` holds calls and answers. The script's own tests (`make netsuite`) hold it to them; here the
connector must make the very same calls and understand the answers.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from dunwell.connectors.netsuite import restlet, shapes
from dunwell.connectors.netsuite.names import Names
from dunwell.connectors.netsuite.wire import Json, Wire
from dunwell.engine.clock import VirtualClock
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import LedgerMail, LoggedMail, MailReading, MailState, Posted, Posting
from dunwell.policy.readings import Refused, Uncertain
from dunwell.sandbox.netsuite import Company
from dunwell.sandbox.netsuite.restlet import answer as sandbox_answer
from tests.docs.pages import page

PROJECT = Path(__file__).parents[2] / "netsuite"
RECORDED: Mapping[str, Mapping[str, Any]] = json.loads((PROJECT / "answers.json").read_text("utf-8"))
NOW = datetime(2026, 4, 8, 9, 0, tzinfo=UTC)
SENT_AT = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)
MAIL = LedgerMail(
    key="case-17.personal.1",
    author="11",
    recipient="301",
    customer="107",
    subject="A question about invoice INV-1",
    html="<p>Hello Dana</p>",
    invoice="501",
    cc=("12",),
    reply_to="maria@us.example",
)
LOGGED = LoggedMail("9000", "11", "dana@acme.example", MAIL.subject)
BEGUN = "NetSuite began to send the mail and did not say that it finished."


class Script(Wire):
    """A wire to the recorded script: it answers one call, and only the one that is recorded."""

    def __init__(self, name: str) -> None:
        self._recorded = RECORDED[name]

    def ask_restlet(self, params: Mapping[str, str]) -> Json:
        """Answer a GET."""
        return self._answer("GET", params)

    def tell_restlet(self, params: Mapping[str, str], body: Json) -> Json:
        """Answer a POST."""
        assert params == {"script": Names().restlet_script, "deploy": Names().restlet_deployment}
        return self._answer("POST", body)

    def _answer(self, method: str, asked: Json) -> Json:
        assert {"method": method, "asked": dict(asked)} == {
            "method": self._recorded["method"],
            "asked": self._recorded["asked"],
        }
        answer: Json = self._recorded["answer"]
        return answer


CONTACTS: list[tuple[str, object]] = [
    (
        "contacts",
        (
            shapes.Contact(
                id="301",
                firstname="Dana",
                lastname="Reyes",
                email="dana@acme.example",
                role="Accounts Payable",
            ),
            shapes.Contact(
                id="302",
                firstname="Lee",
                title="AP clerk",
                categories=("Events", "Accounts Payable"),
                isinactive=True,
                isprivate=True,
            ),
        ),
    ),
    ("no contacts", ()),
    (
        "too many contacts",
        Unreadable("NetSuite did not answer about the contacts of customer 107 (TOO_MANY_CONTACTS)."),
    ),
]
SENT: list[tuple[str, LedgerMail, Posting]] = [
    ("sent", MAIL, Posted(SENT_AT, LOGGED)),
    ("sent, least", replace(MAIL, invoice="", reply_to="", cc=()), Posted(SENT_AT, LOGGED)),
    ("sent before", MAIL, Posted(SENT_AT, LOGGED)),
    ("sent, no row yet", MAIL, Posted(SENT_AT, None)),
    ("broken off", MAIL, Uncertain(BEGUN)),
    ("refused", MAIL, Refused("NetSuite did not send the mail (AUTHOR_UNKNOWN).", permanent=True)),
    (
        "refused for now",
        MAIL,
        Refused("NetSuite did not send the mail (MESSAGES_UNREADABLE).", permanent=False),
    ),
]
READ: list[tuple[str, MailReading]] = [
    ("read back", MailReading(NOW, MailState.SENT, SENT_AT, LOGGED)),
    ("read back, no row yet", MailReading(NOW, MailState.SENT, SENT_AT)),
    ("read back, in doubt", MailReading(NOW, MailState.SENDING)),
    ("read back, in doubt with a row", MailReading(NOW, MailState.SENDING, None, LOGGED)),
    ("read back, absent", MailReading(NOW, MailState.ABSENT)),
]


@pytest.mark.parametrize(("name", "understood"), CONTACTS)
def test_the_scripts_contacts_are_understood(name: str, understood: object) -> None:
    assert restlet.contacts_of(Script(name), Names(), "107") == understood


@pytest.mark.parametrize(("name", "mail", "understood"), SENT)
def test_the_scripts_answer_to_a_mail_is_understood(name: str, mail: LedgerMail, understood: Posting) -> None:
    assert restlet.send(Script(name), Names(), mail) == understood


@pytest.mark.parametrize(("name", "understood"), READ)
def test_what_the_script_knows_of_a_mail_is_understood(name: str, understood: MailReading) -> None:
    assert restlet.read_back(Script(name), Names(), MAIL.key, NOW) == understood


def test_every_recorded_answer_is_read() -> None:
    assert [each[0] for each in (*CONTACTS, *SENT, *READ)] == list(RECORDED)


def _object(name: str) -> ET.Element:
    return ET.parse(PROJECT / f"src/Objects/{name}.xml").getroot()  # noqa: S314 - a file of ours


def test_the_script_is_deployed_under_the_names_the_connector_calls() -> None:
    script = _object("customscript_dunwell_restlet")

    assert script.get("scriptid") == Names().restlet_script
    assert [each.get("scriptid") for each in script.iter("scriptdeployment")] == [Names().restlet_deployment]


def test_only_our_role_may_call_the_script() -> None:
    deployment = next(_object("customscript_dunwell_restlet").iter("scriptdeployment"))
    told = {each.tag: each.text for each in deployment}

    assert told["audslctrole"] == "[scriptid=customrole_dunwell]"
    assert (told["allroles"], told["allemployees"], told["allpartners"]) == ("F", "F", "F")


def test_the_page_lists_the_permissions_of_our_role() -> None:
    role = _object("customrole_dunwell")
    given = {
        (str(each.findtext("permkey")), str(each.findtext("permlevel"))) for each in role.iter("permission")
    }

    rows = page("docs/netsuite.md").rows
    assert {(row[1], row[2].upper()) for row in rows if len(row) == 4 and "_" in row[1]} == given


def test_the_sandboxs_script_answers_with_the_same_keys() -> None:
    company = Company(VirtualClock(SENT_AT), wall=SENT_AT.timestamp)
    customer = company.new_customer("Acme Inc")
    dana = company.new_contact(customer, "Dana", "Reyes", "dana@acme.example", role="Accounts Payable")
    maria = company.new_employee("Maria", "Okafor", "maria@us.example")
    names = {"script": Names().restlet_script, "deploy": Names().restlet_deployment}
    mail = RECORDED["sent"]["asked"] | {"author": maria, "recipient": dana, "customer": customer, "cc": []}
    del mail["invoice"]

    listed = sandbox_answer(company, "GET", names | {"action": "contacts", "customer": customer}, "")
    sent = sandbox_answer(company, "POST", names, json.dumps(mail))
    refused = sandbox_answer(company, "POST", names, json.dumps(mail | {"key": "another-key", "author": "0"}))

    recorded = RECORDED["contacts"]["answer"]["contacts"][0]
    assert [each.keys() for each in listed["contacts"]] == [recorded.keys()]
    assert sent.keys() == RECORDED["sent"]["answer"].keys()
    assert sent["message"].keys() == RECORDED["sent"]["answer"]["message"].keys()
    assert refused == RECORDED["refused"]["answer"]
