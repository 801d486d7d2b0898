"""Records as the fake's REST record service gives them: NULLs left out, references with links, real booleans."""

import re
from dataclasses import dataclass

from dunwell.sandbox.netsuite import phone_calls
from dunwell.sandbox.netsuite.books import Company
from dunwell.sandbox.netsuite.errors import Json, RefusedError

PREFIX = "/services/rest/record/v1/"
_PATH = re.compile(r"(contact|customer)/(-?[0-9]+)")
# NetSuite takes a record's name in any case.
_PHONE_CALL = re.compile(r"phonecall/([A-Za-z0-9_:-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Written:
    """What a write answers: nothing but where the record is."""

    location: str


def record(company: Company, path: str, query: Json) -> Json:
    """Answer a GET of one record, with the `fields` asked for; the caller holds the company's lock."""
    call = _PHONE_CALL.fullmatch(path.removeprefix(PREFIX))
    if call is not None:
        return _kept(_phone_call(company, call[1]), query)
    match = _PATH.fullmatch(path.removeprefix(PREFIX))
    if match is None:
        raise RefusedError(404, "NOT_FOUND", "The record type is not known.")
    kind, id_ = match.groups()
    row = company.find(kind, id_)
    if row is None or kind in company.hidden:
        raise RefusedError(404, "NONEXISTENT_ID", f"The record instance does not exist: {kind} {id_}.")
    whole = _contact(company, id_, row) if kind == "contact" else _customer(company, row)
    return _kept({"links": [_self(company, kind, id_)], **whole}, query)


def write(company: Company, path: str, body: str, *, strict: bool) -> Written:
    """Carry out a PUT, which takes external ids only; the caller holds the company's lock."""
    call = _PHONE_CALL.fullmatch(path.removeprefix(PREFIX))
    external_id = phone_calls.EXTERNAL_ID.fullmatch(call[1]) if call else None
    if external_id is None or "phonecall" in company.hidden:
        raise RefusedError(404, "NOT_FOUND", "The record type or the external id is not known.")
    id_ = phone_calls.put(company, external_id[1], body, strict=strict)
    return Written("" if company.silent_writes else f"{company.url}{PREFIX}phonecall/{id_}")


def _kept(whole: Json, query: Json) -> Json:
    """Leave out what is empty, and what was not asked for."""
    asked = query["fields"].split(",") if "fields" in query else whole.keys()
    return {
        name: value
        for name, value in whole.items()
        if value not in (None, "") and (name == "links" or name in asked)
    }


def _phone_call(company: Company, id_: str) -> Json:
    external_id = phone_calls.EXTERNAL_ID.fullmatch(id_)
    calls = company.phone_calls
    call = (
        calls.get(external_id[1])
        if external_id
        else next((each for each in calls.values() if each.id == id_), None)
    )
    if call is None or "phonecall" in company.hidden:
        raise RefusedError(404, "NONEXISTENT_ID", f"The record instance does not exist: phonecall {id_}.")
    references = {
        name: getattr(call, name) or None for name in ("assigned", "company", "contact", "transaction")
    }
    names = {"assigned": "employee", "company": "customer"}
    return {
        "links": [_self(company, "phonecall", call.id)],
        **phone_calls.shown(call),
        **{name: _reference(company, names.get(name, name), id_, None) for name, id_ in references.items()},
    }


def _contact(company: Company, id_: str, row: Json) -> Json:
    owner = company.find("customer", str(row["company"])) or {}
    return {
        "id": id_,
        "entityId": row["entityid"],
        "firstName": row["firstname"],
        "lastName": row["lastname"],
        "email": row["email"],
        "title": row["title"],
        "company": _reference(company, "customer", row["company"], owner.get("companyname")),
        "isInactive": row["isinactive"] == "T",
        "isPrivate": company.extras[int(id_)].private,
    }


def _customer(company: Company, row: Json) -> Json:
    rep = company.find("employee", str(row["salesrep"])) or {}
    return {
        "id": str(row["id"]),
        "entityId": row["entityid"],
        "companyName": row["companyname"],
        "email": row["email"],
        "entityStatus": _reference(company, "customerstatus", row["entitystatus"], row["entitystatus__df"]),
        "salesRep": _reference(company, "employee", row["salesrep"], rep.get("entityid")),
        "isInactive": row["isinactive"] == "T",
        "isPerson": row["isperson"] == "T",
    }


def _reference(company: Company, kind: str, id_: object, name: object) -> Json | None:
    if id_ is None:
        return None
    return {"links": [_self(company, kind, id_)], "id": str(id_), "refName": name}


def _self(company: Company, kind: str, id_: object) -> Json:
    return {"rel": "self", "href": f"{company.url}{PREFIX}{kind}/{id_}"}
