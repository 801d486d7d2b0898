"""Records as the fake's REST record service gives them: NULLs left out, references with links, real booleans."""

import re

from dunwell.sandbox.netsuite.books import Company
from dunwell.sandbox.netsuite.errors import Json, RefusedError

PREFIX = "/services/rest/record/v1/"
_PATH = re.compile(r"(contact|customer)/(-?[0-9]+)")


def record(company: Company, path: str, query: Json) -> Json:
    """Answer a GET of one record, with the `fields` asked for; the caller holds the company's lock."""
    match = _PATH.fullmatch(path.removeprefix(PREFIX))
    if match is None:
        raise RefusedError(404, "NOT_FOUND", "The record type is not known.")
    kind, id_ = match.groups()
    row = company.find(kind, id_)
    if row is None or kind in company.hidden:
        raise RefusedError(404, "NONEXISTENT_ID", f"The record instance does not exist: {kind} {id_}.")
    whole = _contact(company, id_, row) if kind == "contact" else _customer(company, row)
    whole = {name: value for name, value in whole.items() if value not in (None, "")}
    asked = query.get("fields")
    kept = whole if asked is None else {name: whole[name] for name in asked.split(",") if name in whole}
    return {"links": [_self(company, kind, id_)], **kept}


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
