"""The parts of NetSuite's answers that we read, checked by pydantic. Everything else is ignored.

SuiteQL gives every value as a text and leaves out what is NULL; records give numbers, booleans and references.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from dunwell.policy.ledger import MailState


def _as_text(value: object) -> object:
    """Take a number where a text is usual: a custom field may be of either type."""
    return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value


def _as_flag(value: object) -> object:
    """Read `T` and `F`, as SuiteQL writes them, and JSON's booleans, as records do."""
    if value not in ("T", "F", True, False):
        raise ValueError("neither T nor F")
    return value in ("T", True)


def _as_amount(value: object) -> object:
    text = _as_text(value)
    if not isinstance(text, str):
        return text
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    return f"{sign}0{digits}" if digits.startswith(".") else text


def _as_day(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError("not a date as YYYY-MM-DD")


def _as_moment(value: object) -> object:
    if isinstance(value, str):
        with suppress(ValueError):
            if (moment := datetime.fromisoformat(value)).tzinfo is not None:
                return moment
    raise ValueError("not a time with a zone")


def _as_id(value: object) -> object:
    return _as_text(value.get("id") if isinstance(value, Mapping) else value)


Text = Annotated[str, BeforeValidator(_as_text), StringConstraints(max_length=4000)]
Flag = Annotated[bool, BeforeValidator(_as_flag)]
Amount = Annotated[str, BeforeValidator(_as_amount), StringConstraints(max_length=40)]
Day = Annotated[date, BeforeValidator(_as_day)]
Moment = Annotated[datetime, BeforeValidator(_as_moment)]
Id = Annotated[str, BeforeValidator(_as_id), StringConstraints(pattern=r"^-?[0-9]{1,12}$")]


class Shape(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Customer(Shape):
    """A row of the customer query; the last four are there when the installation names fields for them."""

    id: Id
    entityid: Text | None = None
    companyname: Text | None = None
    firstname: Text | None = None
    lastname: Text | None = None
    crm_status: Text | None = None
    currency: Text | None = None
    salesrep: Id | None = None
    owner_firstname: Text | None = None
    owner_lastname: Text | None = None
    owner_email: Text | None = None
    owner_isinactive: Flag = False
    contact_id: Id | None = None
    strategic: Flag | None = None
    timezone: Text | None = None
    mrr: Amount | None = None


class Contact(Shape):
    """A contact, as the contact query or our RESTlet lists it."""

    id: Id
    firstname: Text | None = None
    lastname: Text | None = None
    email: Text | None = None
    title: Text | None = None
    role: Text | None = None
    categories: tuple[Text, ...] = ()
    isinactive: Flag = False
    isprivate: Flag = False


class ContactRecord(Shape):
    """A contact, as the record service gives it."""

    id: Id
    first_name: Text | None = Field(None, alias="firstName")
    last_name: Text | None = Field(None, alias="lastName")
    email: Text | None = None
    title: Text | None = None
    company: Id | None = None
    is_inactive: Flag = Field(default=False, alias="isInactive")
    is_private: Flag = Field(default=False, alias="isPrivate")

    def as_listed(self) -> Contact:
        """Put it the way contacts are listed; a record says nothing of the role."""
        return Contact(
            id=self.id,
            firstname=self.first_name,
            lastname=self.last_name,
            email=self.email,
            title=self.title,
            isinactive=self.is_inactive,
            isprivate=self.is_private,
        )


class Employee(Shape):
    """A row of the employee query."""

    id: Id


class Record(Shape):
    """Any record, when only its id is asked for."""

    id: Id


class Contacts(Shape):
    """Our RESTlet's list of contacts."""

    contacts: tuple[Contact, ...]


class Invoice(Shape):
    """A row of an invoice query."""

    id: Id
    tranid: Text
    entity: Id
    duedate: Day | None = None
    foreignamountunpaid: Amount | None = None
    currency: Text
    posting: Flag
    voided: Flag


class Unapplied(Shape):
    """A row of the query for what is not applied yet."""

    id: Id
    tranid: Text | None = None
    type: Literal["CustPymt", "CustCred", "CustDep"]
    trandate: Day | None = None
    foreignpaymentamountunused: Amount
    currency: Text


class Month(Shape):
    """A row of the installation's own query about recurring revenue."""

    month: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
    mrr: Amount
    currency: Text | None = None


class Logged(Shape):
    """A message row, as our RESTlet reads it back."""

    id: Id
    author: Id
    recipient: Text
    subject: Text


class Mail(Shape):
    """Our RESTlet's answer about one mail: to sending it, and to asking after it."""

    ok: Literal[True]
    state: MailState
    sent_at: Moment | None = Field(None, alias="sentAt")
    message: Logged | None = None


class Failure(Shape):
    """Why our RESTlet did not do something; `permanent` when the same call can never succeed."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,79}$")]
    permanent: Annotated[bool, Field(strict=True)]


class Refusal(Shape):
    """Our RESTlet did nothing, and says so."""

    ok: Literal[False]
    error: Failure


def fault(error: ValidationError) -> str:
    """Name the first thing that is wrong, without the value: `duedate: not a date as YYYY-MM-DD`."""
    first: dict[str, Any] = dict(
        error.errors(include_input=False, include_url=False, include_context=False)[0]
    )
    return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"
