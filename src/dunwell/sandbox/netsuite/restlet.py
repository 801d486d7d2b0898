"""Our RESTlet as the fake company runs it: contacts with their roles, one mail per key.

It answers 200 also when it refuses; an error it did not catch becomes a 400 of NetSuite's.
"""

import json

from dunwell.sandbox.netsuite.books import Company, SentMail
from dunwell.sandbox.netsuite.errors import Json, RefusedError

SCRIPT, DEPLOYMENT = "customscript_dunwell_restlet", "customdeploy_dunwell_restlet"


def answer(company: Company, method: str, query: Json, body: str) -> Json:
    """Run the script; the caller holds the company's lock."""
    if (query.get("script"), query.get("deploy")) != (SCRIPT, DEPLOYMENT):
        raise RefusedError(400, "SSS_INVALID_SCRIPTLET_ID", "That Suitelet is invalid, disabled, or gone.")
    given = json.loads(body) if method == "POST" else query
    does = {("GET", "contacts"): _contacts, ("GET", "mail"): _mail, ("POST", "send"): _send}
    action = does.get((method, str(given.get("action"))))
    return action(company, given) if action else _refusal("ACTION_UNKNOWN")


def _contacts(company: Company, given: Json) -> Json:
    ids = company.rows.execute(
        "SELECT id FROM contact WHERE company = ? ORDER BY id", (given["customer"],)
    ).fetchall()
    return {"ok": True, "contacts": [_contact(company, id_) for (id_,) in ids]}


def _contact(company: Company, id_: int) -> Json:
    row, extra = company.find("contact", str(id_)) or {}, company.extras[id_]
    shown = {name: row[name] for name in ("firstname", "lastname", "email", "title") if row[name]}
    return {
        "id": str(id_),
        **shown,
        **({"role": extra.role} if extra.role else {}),
        "categories": list(extra.categories),
        "isinactive": row["isinactive"] == "T",
        "isprivate": extra.private,
    }


def _send(company: Company, given: Json) -> Json:
    key = given["key"]
    if key in company.mail.began:
        # The second call under a key changes nothing, whatever became of the first.
        same = company.mail.began[key] == _print(given)
        return _mail(company, given) if same else _refusal("KEY_REUSED")
    if refused := _fault(company, given):
        return _refusal(refused)
    company.mail.began[key] = _print(given)
    crash = company.mail.crashes.pop(0) if company.mail.crashes else ""
    if crash != "before":
        _leave(company, given)
    if crash:
        raise RefusedError(400, "UNEXPECTED_ERROR", "An unexpected SuiteScript error has occurred")
    company.mail.finished.add(key)
    return _mail(company, given)


def _fault(company: Company, given: Json) -> str:
    def reachable(table: str, id_: str) -> bool:
        row = company.find(table, id_)
        return row is not None and row["isinactive"] == "F" and bool(row["email"])

    invoice = company.find("transaction", given.get("invoice", "0")) or {}
    faults = {
        "AUTHOR_UNKNOWN": not reachable("employee", given["author"]),
        "RECIPIENT_UNKNOWN": not reachable("contact", given["recipient"]),
        "CUSTOMER_UNKNOWN": company.find("customer", given["customer"]) is None,
        "CC_UNKNOWN": not all(reachable("employee", each) for each in given["cc"]),
        "INVOICE_UNKNOWN": "invoice" in given
        and (invoice.get("type"), str(invoice.get("entity"))) != ("CustInvc", given["customer"]),
    }
    return next((code for code, wrong in faults.items() if wrong), "")


def _leave(company: Company, given: Json) -> None:
    contact = company.find("contact", given["recipient"]) or {}
    mail = SentMail(
        id=9000 + len(company.mail.sent),
        key=given["key"],
        author=given["author"],
        recipient=given["recipient"],
        to=contact["email"],
        cc=tuple(given["cc"]),
        customer=given["customer"],
        invoice=given.get("invoice", ""),
        subject=given["subject"],
        body=given["body"],
        reply_to=given.get("replyTo", ""),
        at=company.clock.now(),
    )
    company.mail.sent.append(mail)


def _mail(company: Company, given: Json) -> Json:
    key = given["key"]
    if key not in company.mail.began:
        return {"ok": True, "state": "absent"}
    mail = next((each for each in company.mail.sent if each.key == key), None)
    finished = mail is not None and key in company.mail.finished
    answer: Json = {"ok": True, "state": "sent" if finished else "sending"}
    if mail is not None and finished:
        answer["sentAt"] = mail.at.isoformat()
    # The row is there also when the script died after sending.
    if mail is not None and company.clock.now() >= mail.at + company.mail.row_after:
        row = {"id": str(mail.id), "author": mail.author, "recipient": mail.to, "subject": mail.subject}
        answer["message"] = row
    return answer


def _print(given: Json) -> str:
    return json.dumps(given, sort_keys=True)


def _refusal(code: str) -> Json:
    return {"ok": False, "error": {"code": code, "permanent": True}}
