"""Who the accounts-payable contact is, over real HTTP; every choice says what it rests on."""

from datetime import datetime

import pytest

from dunwell.connectors.netsuite.client import NetSuiteLedger
from dunwell.connectors.netsuite.names import Names
from dunwell.policy.facts import Contact, Unreadable
from dunwell.policy.ledger import ContactReading, ContactRung
from dunwell.sandbox.netsuite import Company
from tests.connectors.netsuite.conftest import Connect

DANA = ("Dana", "Reyes", "dana@acme.example")
LEE = ("Lee", "Ito", "lee@acme.example")


def _read(read: ContactReading | Unreadable) -> ContactReading:
    assert isinstance(read, ContactReading)
    return read


def test_the_role_at_the_customer_decides_before_category_and_title(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    dana = company.new_contact(acme, *DANA, role="accounts payable")
    company.new_contact(acme, *LEE, title="Accounts Payable", categories=("Accounts Payable",))

    assert ledger.read_contact(acme, now) == ContactReading(
        at=now,
        contact=Contact("Dana Reyes", "dana@acme.example", f"NetSuite contact {dana}, role accounts payable"),
        because=f"Dana Reyes ({dana}) was taken: role accounts payable.",
        id=dana,
        rung=ContactRung.ROLE,
    )


def test_the_category_decides_before_the_title(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    company.new_contact(acme, *LEE, title="AP clerk")
    dana = company.new_contact(acme, *DANA, categories=("Events", "Accounts Payable"))

    read = _read(ledger.read_contact(acme, now))

    assert (read.id, read.rung) == (dana, ContactRung.CATEGORY)


@pytest.mark.parametrize(
    "title", ["Accounts Payable Lead", "AP", "A/P clerk", "Head of Finance", "Controller"]
)
def test_a_title_can_single_somebody_out(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime, title: str
) -> None:
    company.new_contact(acme, *LEE, title="Landscape architect")
    dana = company.new_contact(acme, *DANA, title=title)

    read = _read(ledger.read_contact(acme, now))

    assert (read.id, read.rung, read.because) == (
        dana,
        ContactRung.TITLE,
        f"Dana Reyes ({dana}) was taken: title {title}.",
    )


def test_two_with_the_same_claim_are_left_to_a_person(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    dana = company.new_contact(acme, *DANA, role="Accounts Payable")
    lee = company.new_contact(acme, *LEE, role="Accounts Payable")
    company.new_contact(acme, "Max", "Lund", "max@acme.example", title="AP")

    assert ledger.read_contact(acme, now) == ContactReading(
        now, None, f"2 contacts have the same claim by role: Dana Reyes ({dana}), Lee Ito ({lee})."
    )


def test_nobody_is_taken_who_is_not_there_for_payables(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    company.new_contact(acme, *LEE, title="Engineer", role="Primary Contact")

    assert ledger.read_contact(acme, now) == ContactReading(
        now, None, "No accounts-payable contact we can write to is among the 1 the customer has."
    )


@pytest.mark.parametrize(
    ("who", "extra", "said"),
    [
        (DANA, {"active": False}, "Dana Reyes ({}) is inactive."),
        (DANA, {"private": True}, "Dana Reyes ({}) is private."),
        (("Dana", "Reyes", None), {}, "Dana Reyes ({}) has no e-mail address."),
        (("Dana", "Reyes", "dana@"), {}, "Dana Reyes ({}) has a malformed e-mail address."),
        (
            ("Dana", "Reyes", "billing@acme.example"),
            {},
            "Dana Reyes ({}) has a shared mailbox, not an address of their own.",
        ),
        ((None, "Reyes", "reyes@acme.example"), {}, "Contact ({}) has no first name to greet."),
        (("Accounts", "Payable", "x1@acme.example"), {}, "Accounts Payable ({}) has no first name to greet."),
    ],
)
def test_whoever_cannot_be_written_to_as_a_person_is_passed_over_and_named(
    ledger: NetSuiteLedger,
    company: Company,
    acme: str,
    now: datetime,
    who: tuple[str | None, str, str | None],
    extra: dict[str, bool],
    said: str,
) -> None:
    unfit = company.new_contact(acme, *who, role="Accounts Payable", **extra)  # type: ignore[arg-type]
    lee = company.new_contact(acme, *LEE, title="AP clerk")

    read = _read(ledger.read_contact(acme, now))

    assert (read.id, read.rung, read.passed_over) == (lee, ContactRung.TITLE, (said.format(unfit),))


def test_a_contact_a_person_chose_wins_and_is_read_from_its_record(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    company.new_contact(acme, *LEE, role="Accounts Payable")
    dana = company.new_contact(acme, *DANA)

    read = ledger.read_contact(acme, now, chosen=dana)

    assert read == ContactReading(
        at=now,
        contact=Contact("Dana Reyes", "dana@acme.example", f"NetSuite contact {dana}, chosen by a person"),
        because=f"Dana Reyes ({dana}) was taken: chosen by a person.",
        id=dana,
        rung=ContactRung.CHOSEN,
    )
    assert company.calls[-1].path == f"/services/rest/record/v1/contact/{dana}"


def test_a_field_of_the_customer_can_name_the_contact(
    connect: Connect, company: Company, now: datetime
) -> None:
    customer = company.new_customer("Acme", fields={"custentity_ap": None})
    elsewhere = company.new_customer("Acme Holding")
    dana = company.new_contact(elsewhere, *DANA)
    company.change("customer", customer, custentity_ap=int(dana))

    read = _read(connect(Names(contact_field="custentity_ap")).read_contact(customer, now))

    assert read.because == f"Dana Reyes ({dana}) was taken: chosen in custentity_ap, of another company."


def test_a_chosen_contact_who_left_is_not_replaced_by_a_guess(
    ledger: NetSuiteLedger, company: Company, acme: str, now: datetime
) -> None:
    company.new_contact(acme, *LEE, role="Accounts Payable")
    dana = company.new_contact(acme, *DANA, active=False)

    assert ledger.read_contact(acme, now, chosen=dana) == ContactReading(
        now, None, f"The contact that was chosen cannot be used: Dana Reyes ({dana}) is inactive."
    )


def test_a_chosen_contact_that_is_gone_is_permanently_unreadable(
    ledger: NetSuiteLedger, acme: str, now: datetime
) -> None:
    assert ledger.read_contact(acme, now, chosen="999") == Unreadable(
        "NetSuite does not know contact 999.", permanent=True
    )


def test_without_a_restlet_suiteql_knows_titles_and_no_roles(
    connect: Connect, company: Company, acme: str, now: datetime
) -> None:
    company.new_contact(acme, *LEE, role="Accounts Payable")
    dana = company.new_contact(acme, *DANA, title="AP clerk")

    read = _read(connect(Names(contacts_by="suiteql")).read_contact(acme, now))

    assert (read.id, read.rung) == (dana, ContactRung.TITLE)


def test_a_restlet_that_is_not_deployed_says_so(
    connect: Connect, acme: str, now: datetime, pauses: list[float]
) -> None:
    ledger = connect(Names(restlet_script="customscript_other"))

    assert ledger.read_contact(acme, now) == Unreadable(
        f"The contacts of customer {acme} could not be read. "
        "NetSuite refused the request (SSS_INVALID_SCRIPTLET_ID)."
    )
    assert pauses == []
