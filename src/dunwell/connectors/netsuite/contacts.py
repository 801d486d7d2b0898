"""Who the accounts-payable contact is (spec 1.2, step 1). Pure.

Rungs, surest first: the contact somebody chose, the role at the customer, the category, the job title. The first
rung that points at anybody decides; if it points at several, nobody is chosen and a person must.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from dunwell.connectors.netsuite import shapes
from dunwell.connectors.netsuite.names import Names
from dunwell.policy.addresses import is_address
from dunwell.policy.content.values import is_shared_mailbox
from dunwell.policy.facts import Contact
from dunwell.policy.ledger import ContactReading, ContactRung
from dunwell.policy.untrusted import first_name, one_line

_Fits = Callable[[shapes.Contact], str]


def choose(listed: Sequence[shapes.Contact], names: Names, now: datetime) -> ContactReading:
    """Choose among a customer's contacts, as read at `now`."""
    faults = [(contact, unfit(contact)) for contact in listed]
    passed_over = tuple(f"{called(contact)} {why}." for contact, why in faults if why)
    able = [contact for contact, why in faults if not why]
    for rung, fits in _rungs(names):
        found = [(contact, why) for contact in able if (why := fits(contact))]
        if len(found) == 1:
            return chosen(*found[0], rung, now, passed_over)
        if found:
            who = ", ".join(called(contact) for contact, _ in found)
            because = f"{len(found)} contacts have the same claim by {rung}: {who}."
            return ContactReading(now, None, because, passed_over=passed_over)
    because = f"No accounts-payable contact we can write to is among the {len(listed)} the customer has."
    return ContactReading(now, None, because, passed_over=passed_over)


def choose_named(contact: shapes.Contact, now: datetime, chosen_by: str) -> ContactReading:
    """Take the contact somebody named, unless they cannot be written to; then nobody else is taken instead."""
    if why := unfit(contact):
        sentence = f"{called(contact)} {why}."
        return ContactReading(now, None, f"The contact that was chosen cannot be used: {sentence}")
    return chosen(contact, chosen_by, ContactRung.CHOSEN, now, ())


def chosen(
    contact: shapes.Contact, why: str, rung: ContactRung, now: datetime, passed_over: tuple[str, ...]
) -> ContactReading:
    """Put a choice into words."""
    source = f"NetSuite contact {contact.id}, {why}"
    person = Contact(_name(contact), (contact.email or "").strip(), source)
    return ContactReading(
        now, person, f"{called(contact)} was taken: {why}.", contact.id, rung, passed_over=passed_over
    )


def unfit(contact: shapes.Contact) -> str:
    """Say why a contact cannot be written to as a person, or nothing."""
    email = (contact.email or "").strip()
    faults = (
        (contact.isinactive, "is inactive"),
        (contact.isprivate, "is private"),
        (not email, "has no e-mail address"),
        (not is_address(email), "has a malformed e-mail address"),
        (is_shared_mailbox(email), "has a shared mailbox, not an address of their own"),
        (first_name(_name(contact)) is None, "has no first name to greet"),
    )
    return next((why for wrong, why in faults if wrong), "")


def called(contact: shapes.Contact) -> str:
    """Name a contact for people who look it up."""
    return f"{_name(contact) or 'Contact'} ({contact.id})"


def _name(contact: shapes.Contact) -> str:
    # The order matters to whoever greets: a last name alone must not be taken for a first name.
    if not (contact.firstname or "").strip():
        return ""
    return one_line(f"{contact.firstname} {contact.lastname or ''}")


def _rungs(names: Names) -> tuple[tuple[ContactRung, _Fits], ...]:
    roles = {role.casefold() for role in names.contact_roles}
    categories = {category.casefold() for category in names.contact_categories}
    titles = re.compile(names.contact_titles, re.IGNORECASE)

    def by_role(contact: shapes.Contact) -> str:
        role = one_line(contact.role or "")
        return f"role {role}" if role.casefold() in roles else ""

    def by_category(contact: shapes.Contact) -> str:
        found = [one_line(each) for each in contact.categories if one_line(each).casefold() in categories]
        return f"category {found[0]}" if found else ""

    def by_title(contact: shapes.Contact) -> str:
        title = one_line(contact.title or "")
        return f"title {title}" if titles.search(title) else ""

    return (
        (ContactRung.ROLE, by_role),
        (ContactRung.CATEGORY, by_category),
        (ContactRung.TITLE, by_title),
    )
