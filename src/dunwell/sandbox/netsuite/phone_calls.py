"""Phone call records of the fake: written by PUT under an external id, which makes one or changes the one there is."""

import json
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from dunwell.sandbox.netsuite.errors import Json, RefusedError

if TYPE_CHECKING:
    from dunwell.sandbox.netsuite.books import Company

EXTERNAL_ID = re.compile(r"eid:([A-Za-z0-9_-]+)")
_REFERENCES = {
    "assigned": "employee",
    "company": "customer",
    "contact": "contact",
    "transaction": "transaction",
}
_CHOICES = {"status": {"SCHEDULED", "COMPLETE"}, "priority": {"HIGH", "MEDIUM", "LOW"}}
_TEXTS = {"title", "message", "phone"}


@dataclass(frozen=True, slots=True)
class PhoneCall:
    """A phone call record; what was not given is empty."""

    id: str
    external_id: str
    title: str
    message: str = ""
    phone: str = ""
    status: str = "SCHEDULED"
    priority: str = "MEDIUM"
    on: date | None = None
    assigned: str = ""
    company: str = ""
    contact: str = ""
    transaction: str = ""


def put(company: "Company", external_id: str, body: str, *, strict: bool) -> str:
    """Write a record and return its id; the caller holds the company's lock.

    `strict`: a field that does not exist is refused, not left out.
    """
    given = json.loads(body)
    unknown = given.keys() - _REFERENCES.keys() - _CHOICES.keys() - _TEXTS - {"startDate"}
    if unknown and strict:
        raise _refused(f"Unknown property name: {min(unknown)}.")
    known = company.phone_calls.get(external_id)
    values = _values(company, {name: value for name, value in given.items() if name not in unknown})
    id_ = known.id if known else company.next_id()
    if known is None and not values.get("title"):
        raise _refused("Please enter value(s) for: Subject.")
    before = {name: getattr(known, name) for name in PhoneCall.__slots__} if known else {}
    company.phone_calls[external_id] = PhoneCall(
        **{**before, **values, "id": id_, "external_id": external_id}
    )
    return id_


def shown(call: PhoneCall) -> Json:
    """Give a record's fields, references left to the caller."""
    return {
        "id": call.id,
        "externalId": call.external_id,
        "title": call.title,
        "message": call.message,
        "phone": call.phone,
        "status": call.status,
        "priority": call.priority,
        "startDate": call.on and call.on.isoformat(),
    }


def _values(company: "Company", given: Json) -> dict[str, Any]:
    values: dict[str, Any] = {name: given[name] for name in _TEXTS & given.keys()}
    for name, choices in _CHOICES.items():
        if name in given:
            if given[name] not in choices:
                raise _refused(f"Invalid value for the property {name}.")
            values[name] = given[name]
    for name, table in _REFERENCES.items():
        if name in given:
            id_ = str(given[name]["id"])
            if company.find(table, id_) is None:
                raise _refused(f"Invalid {name} reference key {id_}.", "INVALID_KEY_OR_REF")
            values[name] = id_
    if "startDate" in given:
        values["on"] = date.fromisoformat(given["startDate"])
    return values


def _refused(detail: str, code: str = "USER_ERROR") -> RefusedError:
    return RefusedError(400, code, detail)
