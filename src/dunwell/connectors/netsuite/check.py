"""Whether an account lets us do what Dunwell needs, for `dunwell doctor`. Reads only; every fault says what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dunwell.connectors.netsuite import queries, restlet, shapes, translate
from dunwell.connectors.netsuite.names import Names
from dunwell.connectors.netsuite.phone_calls import PATH as PHONE_CALLS
from dunwell.connectors.netsuite.reads import Reads
from dunwell.connectors.netsuite.token import certificate_until
from dunwell.connectors.netsuite.trouble import Kind, Trouble
from dunwell.connectors.netsuite.wire import Json, Wire
from dunwell.policy.facts import Unreadable
from dunwell.policy.readings import Malformed

_SCREEN = "Setup > Integration > OAuth 2.0 Client Credentials (M2M) Setup"
# What our role needs to see rows, besides SuiteAnalytics Workbook.
_PERMISSIONS = {
    "currencies": "Lists > Currency",
    "employees": "Lists > Employees",
    "customers": "Lists > Customers",
    "contacts": "Lists > Contacts",
    "invoices": "Transactions > Find Transaction and Invoice",
    "payments": "Transactions > Customer Payment, Credit Memo and Customer Deposit",
}
_RESTLET = (
    "Deploy the project in netsuite/ (docs/netsuite.md), let our role into the deployment's audience, or correct "
    "restlet_script and restlet_deployment in the names file."
)
_LATER = "Try again later."
_SOON, _AT_ONCE = timedelta(days=60), timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was tried; `said` is what it saw, and after a fault what to do."""

    name: str
    state: Literal["ok", "wrong", "note"]
    said: str


def look(wire: Wire, names: Names, reads: Reads, signer: str, now: datetime) -> tuple[Seen, ...]:
    """Try everything once: a login that fails ends it, the rest are tried each for itself."""
    login = _login(wire)
    expiry = _expiry(wire.access.private_key, now)
    if login.state == "wrong":
        return (login, expiry)
    return (login, expiry, *_rooms(wire, names, reads, signer, now))


def _rooms(wire: Wire, names: Names, reads: Reads, signer: str, now: datetime) -> Iterator[Seen]:
    for kind, sql in queries.probes(names).items():
        yield _rows(wire, kind, sql)
    customer = _first_customer(wire, names)
    yield _send_log(wire, names, now)
    yield _contacts(reads, names, customer, now)
    yield _phone_calls(wire)
    yield _signer(reads, signer)
    yield _revenue(reads, names, customer, now)


def _login(wire: Wire) -> Seen:
    trouble = wire.log_in()
    if trouble is None:
        return Seen("login", "ok", f"account {wire.access.account} gives us a token")
    return Seen("login", "wrong", f"{trouble.sentence} {_login_advice(wire, trouble)}")


def _login_advice(wire: Wire, trouble: Trouble) -> str:
    where = f"Calls go to {wire.access.host('suitetalk')}"
    if trouble.code == "invalid_client":
        return (
            f"The certificate is unknown, revoked or expired. Look at it under {_SCREEN}; upload a new one if need "
            "be and put its id into DUNWELL_NETSUITE_CERTIFICATE_ID and its key where "
            "DUNWELL_NETSUITE_PRIVATE_KEY_FILE points."
        )
    if trouble.code == "invalid_grant":
        return (
            "Check DUNWELL_NETSUITE_CLIENT_ID and DUNWELL_NETSUITE_ACCOUNT, that the integration is enabled, and "
            "that the clock of this machine is right (NTP)."
        )
    if trouble.kind in (Kind.NOT_REACHED, Kind.LOGGED_OUT, Kind.STRANGE):
        return f"{where}: check the account id in DUNWELL_NETSUITE_ACCOUNT, then the network."
    return f"{where}. {_LATER}"


def _expiry(private_key: str, now: datetime) -> Seen:
    until = certificate_until(private_key)
    if until is None:
        return Seen(
            "certificate",
            "note",
            "NetSuite does not tell when it expires. Append the certificate to the private key's file, and doctor "
            "warns two months ahead.",
        )
    renew = f"Upload a new one under {_SCREEN}; two may be valid side by side."
    if until <= now:
        return Seen("certificate", "wrong", f"expired on {until:%d %b %Y}. {renew}")
    if until - now > _SOON:
        return Seen("certificate", "ok", f"valid until {until:%d %b %Y}")
    state: Literal["wrong", "note"] = "wrong" if until - now <= _AT_ONCE else "note"
    return Seen("certificate", state, f"expires on {until:%d %b %Y}. {renew}")


def _rows(wire: Wire, kind: str, sql: str) -> Seen:
    name, permission = f"query for {kind}", _PERMISSIONS[kind]
    answer = wire.query(sql, 1, 0)
    if isinstance(answer, Trouble):
        return Seen(name, "wrong", f"{answer.sentence} {_query_advice(answer, kind, permission)}")
    if not answer.get("items"):
        said = f"NetSuite shows us none. There are none, or our role lacks {permission}."
        # A company may well have no payments; without the others nothing works.
        return Seen(name, "note" if kind == "payments" else "wrong", said)
    return Seen(name, "ok", "answers with every column we read")


def _query_advice(trouble: Trouble, kind: str, permission: str) -> str:
    if trouble.kind is Kind.LOGGED_OUT:
        return (
            "A token was given and is not taken: it was revoked, or our role lacks Setup > Log in using OAuth 2.0 "
            "Access Tokens or REST Web Services."
        )
    if trouble.kind is Kind.DENIED:
        return f"Give our role {permission}, and Reports > SuiteAnalytics Workbook."
    if trouble.kind is Kind.REFUSED and kind == "customers":
        return "A column is unknown to our role: check the field ids in the names file."
    if trouble.kind is Kind.REFUSED:
        return f"The table or a column is unknown to our role: give it {permission}."
    return _LATER


def _first_customer(wire: Wire, names: Names) -> shapes.Customer | None:
    answer = wire.query(queries.probes(names)["customers"], 1, 0)
    items: Sequence[Json] = [] if isinstance(answer, Trouble) else answer.get("items") or []
    row = translate.understood(shapes.Customer, items[0], "a customer") if items else None
    return None if isinstance(row, Malformed) else row


def _send_log(wire: Wire, names: Names, now: datetime) -> Seen:
    read = restlet.read_back(wire, names, restlet.NO_MAIL, now)
    if isinstance(read, Unreadable):
        return Seen("RESTlet", "wrong", f"{read.reason} {_RESTLET}")
    return Seen("RESTlet", "ok", "answers, and knows what it has sent")


def _contacts(reads: Reads, names: Names, customer: shapes.Customer | None, now: datetime) -> Seen:
    if customer is None:
        return Seen("contacts", "wrong", "not tried: there is no customer to ask about")
    read = reads.contact_of(customer, now)
    if isinstance(read, Unreadable):
        advice = _RESTLET if names.contacts_by == "restlet" else f"Give our role {_PERMISSIONS['contacts']}."
        return Seen("contacts", "wrong", f"{read.reason} {advice}")
    return Seen("contacts", "ok", f"of customer {customer.id}, tried as an example: {read.because}")


def _phone_calls(wire: Wire) -> Seen:
    answer = wire.read(f"{PHONE_CALLS}/eid:dunwell-doctor", {"fields": "id"})
    if isinstance(answer, Trouble) and answer.kind is not Kind.MISSING:
        advice = "Give our role Lists > Phone Calls (create) and Setup > REST Web Services."
        return Seen("phone calls", "wrong", f"{answer.sentence} {advice}")
    return Seen("phone calls", "ok", "can be read; whether they can be written shows with the first one")


def _signer(reads: Reads, signer: str) -> Seen:
    found = reads.find_employee(signer)
    if isinstance(found, Unreadable):
        advice = "Personal mail leaves as this employee: mend the record, or correct DUNWELL_MANAGER."
        return Seen("manager", "wrong", f"{found.reason} {advice}")
    return Seen("manager", "ok", f"{signer} is employee {found}")


def _revenue(reads: Reads, names: Names, customer: shapes.Customer | None, now: datetime) -> Seen:
    if not names.counts_revenue:
        return Seen(
            "MRR", "note", "no field or query is set for it in the names file: Stripe's figure counts"
        )
    if customer is None:
        return Seen("MRR", "wrong", "not tried: there is no customer to ask about")
    read = reads.revenue_of(customer, now)
    if isinstance(read, Unreadable):
        return Seen("MRR", "wrong", f"{read.reason} Check mrr_query in the names file.")
    if read.mrr is None:
        return Seen("MRR", "note", f"of customer {customer.id}, tried as an example: {read.warning}")
    return Seen("MRR", "ok", f"read of customer {customer.id} from {read.mrr.source}")
