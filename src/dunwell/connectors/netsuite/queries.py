"""The queries, in SuiteQL. Every one orders by something unique and gives dates as YYYY-MM-DD.

`currency.symbol` is the ISO code. Open is what is unpaid in the invoice's own currency: the status is a code that
differs from one transaction type to the next, and payments count before the status changes.
"""

from collections.abc import Mapping
from datetime import date

from dunwell.connectors.netsuite.names import CUSTOMER_ID, Names
from dunwell.connectors.netsuite.suiteql import email, id_, number

_CONTACT = """
SELECT ct.id, ct.firstname, ct.lastname, ct.email, ct.title, ct.isinactive
FROM contact ct
WHERE ct.isinactive = 'F'"""
_EMPLOYEE = """
SELECT e.id, e.firstname, e.lastname, e.email, e.isinactive
FROM employee e
WHERE e.isinactive = 'F'"""
_UNAPPLIED = """
SELECT t.id, t.tranid, t.type, TO_CHAR(t.trandate, 'YYYY-MM-DD') AS trandate, t.foreignpaymentamountunused,
       cur.symbol AS currency
FROM transaction t
JOIN currency cur ON cur.id = t.currency
WHERE t.type IN ('CustPymt', 'CustCred', 'CustDep')"""
_INVOICE = """
SELECT t.id, t.tranid, t.entity, TO_CHAR(t.duedate, 'YYYY-MM-DD') AS duedate, t.foreigntotal,
       t.foreignamountunpaid, cur.symbol AS currency, t.posting, t.voided
FROM transaction t
JOIN currency cur ON cur.id = t.currency
WHERE t.type = 'CustInvc'"""


def customer(customer_id: str, names: Names) -> str:
    """Ask for a customer's header: CRM status, relationship owner and the fields the installation names."""
    return f"{_customers(names)}\nWHERE c.id = {id_(customer_id)}\nORDER BY c.id"


def _customers(names: Names) -> str:
    fields = {
        "contact_id": names.contact_field,
        "strategic": names.strategic_field,
        "timezone": names.timezone_field,
        "mrr": names.mrr_field,
    }
    extra = "".join(f", c.{field} AS {alias}" for alias, field in fields.items() if field)
    return f"""
SELECT c.id, c.entityid, c.companyname, c.firstname, c.lastname, BUILTIN.DF(c.entitystatus) AS crm_status,
       cur.symbol AS currency, c.salesrep, e.firstname AS owner_firstname, e.lastname AS owner_lastname,
       e.email AS owner_email, e.isinactive AS owner_isinactive{extra}
FROM customer c
LEFT JOIN employee e ON e.id = c.salesrep
LEFT JOIN currency cur ON cur.id = c.currency"""  # noqa: S608 - fields are checked in Names


def contacts(customer_id: str) -> str:
    """Ask for the active contacts whose company is the customer; SuiteQL does not show us their roles."""
    return f"{_CONTACT} AND ct.company = {id_(customer_id)}\nORDER BY ct.id"


def open_invoices(customer_id: str) -> str:
    """Ask for a customer's open invoices."""
    return f"""{_INVOICE} AND t.entity = {id_(customer_id)}
  AND t.posting = 'T' AND t.voided = 'F' AND t.foreignamountunpaid > 0
ORDER BY t.duedate, t.id"""


def overdue(since: date, until: date) -> str:
    """Ask for the open invoices, of anybody, that fell due between two days, both included."""
    return f"""{_INVOICE} AND t.posting = 'T' AND t.voided = 'F' AND t.foreignamountunpaid > 0
  AND t.duedate >= TO_DATE('{since.isoformat()}', 'YYYY-MM-DD')
  AND t.duedate <= TO_DATE('{until.isoformat()}', 'YYYY-MM-DD')
ORDER BY t.id"""


def invoice(invoice_id: str) -> str:
    """Ask for one invoice, open or not, by its internal id."""
    return f"{_INVOICE} AND t.id = {id_(invoice_id)}\nORDER BY t.id"


def invoice_numbered(text: str) -> str:
    """Ask for the invoices that carry a number, open or not."""
    return f"{_INVOICE} AND t.tranid = {number(text)}\nORDER BY t.id"


def unapplied(customer_id: str) -> str:
    """Ask for payments, credit memos and deposits with something left to apply."""
    return f"""{_UNAPPLIED} AND t.entity = {id_(customer_id)}
  AND t.posting = 'T' AND t.voided = 'F' AND t.foreignpaymentamountunused > 0
ORDER BY t.trandate, t.id"""


def employee(address: str) -> str:
    """Ask for the active employees who have an address."""
    return f"{_EMPLOYEE} AND LOWER(e.email) = {email(address)}\nORDER BY e.id"


def mrr(customer_id: str, names: Names) -> str:
    """Ask the installation's own question about recurring revenue."""
    return names.mrr_query.replace(CUSTOMER_ID, id_(customer_id))


def probes(names: Names) -> Mapping[str, str]:
    """Ask for any row of everything we read, with every column we read, to see whether we may (for doctor)."""
    asked = {
        "currencies": "SELECT cur.id, cur.symbol FROM currency cur ORDER BY cur.id",
        "employees": f"{_EMPLOYEE}\nORDER BY e.id",
        "customers": f"{_customers(names)}\nORDER BY c.id",
        "invoices": f"{_INVOICE}\nORDER BY t.id",
        "payments": f"{_UNAPPLIED}\nORDER BY t.id",
    }
    by_suiteql = {"contacts": f"{_CONTACT}\nORDER BY ct.id"} if names.contacts_by == "suiteql" else {}
    return {**asked, **by_suiteql}
