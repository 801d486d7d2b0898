"""The state of one fake NetSuite company, and what can be made to happen in it."""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from dunwell.engine.clock import Clock
from dunwell.sandbox.faults import Fault, Faults, Kind
from dunwell.sandbox.netsuite import suiteql
from dunwell.sandbox.netsuite.login import Login
from dunwell.sandbox.netsuite.phone_calls import PhoneCall
from dunwell.sandbox.netsuite.tables import SCHEMA

_CURRENCIES = {"USD": "US Dollar", "EUR": "Euro", "GBP": "British pound", "JPY": "Yen"}


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail the company has sent; `id` is its message row's."""

    id: int
    key: str
    author: str
    recipient: str
    to: str
    cc: tuple[str, ...]
    customer: str
    invoice: str
    subject: str
    body: str
    reply_to: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached the company, for tests to look at."""

    method: str
    path: str
    status: int


@dataclass(slots=True)
class NetSuiteFault(Fault):
    """A fault that says which of NetSuite's codes it carries."""

    code: str = "UNEXPECTED_ERROR"


@dataclass(slots=True)
class Extra:
    """What SuiteQL does not show of a contact: its role at the company, its categories, whether it is private."""

    role: str = ""
    categories: tuple[str, ...] = ()
    private: bool = False


@dataclass(slots=True)
class Outgoing:
    """How the RESTlet's sending behaves.

    `row_after`: how long a sent mail's message row stays unseen. `crashes`: how many of the next calls die,
    `"before"` or `"after"` the mail has left, without ever saying what became of it. `began` has the keys it knows,
    with what was asked under them; `finished` those it saw through.
    """

    row_after: timedelta = timedelta()
    crashes: list[str] = field(default_factory=list)
    began: dict[str, str] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    sent: list[SentMail] = field(default_factory=list)


class Company:
    """One company: rows in SQLite, mails it has sent, phone calls by their external ids, faults to come.

    `hidden` tables are those our role may not see; `limit` calls may be on their way at a time; with `silent_writes` a
    write does not say where the record is.

    `clock` is asked for the time of mails; `wall` (Unix seconds) is what logging in goes by. Take `lock` around
    anything that touches rows: HTTP requests come on other threads.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - logins are compared with the real clock
    ) -> None:
        self.clock = clock
        self.login = Login(wall)
        self.faults = Faults()
        self.lock = threading.RLock()
        self.hidden: set[str] = set()
        self.limit = 5
        self.most_at_once = 0
        self.calls: list[Call] = []
        self.extras: dict[int, Extra] = {}
        self.mail = Outgoing()
        self.silent_writes = False
        self.phone_calls: dict[str, PhoneCall] = {}
        self.url = "http://127.0.0.1"
        self.rows = sqlite3.connect(":memory:", check_same_thread=False)
        self.rows.executescript(SCHEMA)
        suiteql.prepare(self.rows)
        self._last_id = 100
        for number, (symbol, name) in enumerate(_CURRENCIES.items(), 1):
            self.insert("currency", id=number, name=name, symbol=symbol)

    def insert(self, table: str, **values: object) -> str:
        """Put a row into a table; without an id it gets the next one. Returns the id."""
        with self.lock:
            row = {"id": int(self.next_id()), **values}
            names = ", ".join(row)
            marks = ", ".join("?" * len(row))
            self.rows.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', tuple(row.values()))  # noqa: S608
            return str(row["id"])

    def next_id(self) -> str:
        """Count on: every record has an id of its own."""
        with self.lock:
            self._last_id += 1
            return str(self._last_id)

    def new_employee(self, first: str, last: str, email: str, *, active: bool = True) -> str:
        """Hire somebody."""
        inactive = "F" if active else "T"
        return self.insert(
            "employee", entityid=email, firstname=first, lastname=last, email=email, isinactive=inactive
        )

    def new_customer(
        self,
        name: str,
        *,
        sales_rep: str | None = None,
        currency: str = "USD",
        status: str = "CUSTOMER-Closed Won",
        fields: Mapping[str, object] | None = None,
    ) -> str:
        """Open an account; `fields` are custom fields (`custentity_...`), which every customer then has."""
        for custom in fields or {}:
            self._add_field(custom)
        return self.insert(
            "customer",
            entityid=name,
            companyname=name,
            entitystatus=13,
            entitystatus__df=status,
            currency=self._currency(currency),
            salesrep=sales_rep,
            **(fields or {}),
        )

    def new_contact(
        self,
        customer: str,
        first: str | None,
        last: str | None,
        email: str | None,
        *,
        title: str | None = None,
        role: str = "",
        categories: tuple[str, ...] = (),
        active: bool = True,
        private: bool = False,
    ) -> str:
        """Add a contact to a customer."""
        id_ = self.insert(
            "contact",
            entityid=f"{first} {last}",
            firstname=first,
            lastname=last,
            email=email,
            title=title,
            company=int(customer),
            isinactive="F" if active else "T",
        )
        self.extras[int(id_)] = Extra(role, categories, private)
        return id_

    def new_invoice(
        self, customer: str, number: str, total: str, *, due: date | None = None, currency: str = "USD"
    ) -> str:
        """Bill a customer."""
        amount = str(Decimal(total))
        return self.insert(
            "transaction",
            tranid=number,
            type="CustInvc",
            entity=int(customer),
            trandate=due and due.isoformat(),
            duedate=due and due.isoformat(),
            foreigntotal=amount,
            foreignamountunpaid=amount,
            currency=self._currency(currency),
            status="A",
        )

    def pay(self, invoice: str, amount: str | None = None) -> None:
        """Apply money to an invoice: everything that is open, or an amount."""
        with self.lock:
            unpaid = self._unpaid(invoice)
            left = unpaid - (unpaid if amount is None else Decimal(amount))
            self.change(
                "transaction", invoice, foreignamountunpaid=str(left), status="A" if left > 0 else "B"
            )

    def void(self, invoice: str) -> None:
        """Void an invoice."""
        self.change("transaction", invoice, voided="T", foreignamountunpaid="0", status="V")

    def new_unapplied(
        self, customer: str, kind: str, number: str, unused: str, *, day: date, currency: str = "USD"
    ) -> str:
        """Receive a payment (`CustPymt`), grant a credit (`CustCred`) or take a deposit (`CustDep`), unapplied."""
        return self.insert(
            "transaction",
            tranid=number,
            type=kind,
            entity=int(customer),
            trandate=day.isoformat(),
            foreigntotal=str(Decimal(unused)),
            foreignpaymentamountunused=str(Decimal(unused)),
            currency=self._currency(currency),
        )

    def change(self, table: str, id_: str, **values: object) -> None:
        """Change a row."""
        with self.lock:
            sets = ", ".join(f"{name} = ?" for name in values)
            self.rows.execute(f'UPDATE "{table}" SET {sets} WHERE id = ?', (*values.values(), int(id_)))  # noqa: S608

    def find(self, table: str, id_: str) -> dict[str, Any] | None:
        """Look a row up."""
        with self.lock:
            cursor = self.rows.execute(f'SELECT * FROM "{table}" WHERE id = ?', (id_,))  # noqa: S608
            row = cursor.fetchone()
            return row and dict(zip((each[0] for each in cursor.description), row, strict=True))

    def fail(
        self,
        pattern: str,
        status: int = 500,
        *,
        times: int = 1,
        code: str = "UNEXPECTED_ERROR",
        kind: Kind = "status",
        carried_out: bool = False,
        retry_after: str = "",
        skip: int = 0,
    ) -> None:
        """Make the next calls to a path (a glob) fail, hang (`hold`) or break off (`cut`); `skip` go well first."""
        headers = {"Retry-After": retry_after} if retry_after else {}
        self.faults.add(NetSuiteFault("*", pattern, kind, status, times, carried_out, headers, skip, code))

    def close(self) -> None:
        """Let go of the rows."""
        self.rows.close()

    def _add_field(self, name: str) -> None:
        with self.lock:
            known = {row[1] for row in self.rows.execute("PRAGMA table_info(customer)")}
            if name not in known:
                self.rows.execute(f"ALTER TABLE customer ADD COLUMN {name}")

    def _unpaid(self, invoice: str) -> Decimal:
        row = self.find("transaction", invoice)
        if row is None:
            raise KeyError(invoice)
        return Decimal(str(row["foreignamountunpaid"]))

    def _currency(self, symbol: str) -> int:
        return list(_CURRENCIES).index(symbol) + 1
