"""What the relationship owner is told before a personal mail can leave, and how long they have (spec 1.2, step 4)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dunwell.policy.calendars import PayerCalendar, at_local, calendar_of
from dunwell.policy.context import written_date
from dunwell.policy.facts import Person
from dunwell.policy.policy import Policy
from dunwell.policy.sections import Window
from dunwell.policy.untrusted import first_name, tame


def owner_time_ends(at: datetime, policy: Policy) -> datetime:
    """Return when an owner who is told at a moment has had the policy's working hours, the company's own. UTC."""
    choice = calendar_of(policy.company.country, None, policy.company.country)
    zone = ZoneInfo(policy.company.timezone)
    hours = timedelta(hours=policy.personal.veto_working_hours)
    return after_working_hours(at, hours, choice.calendar, zone, policy.window)


def after_working_hours(
    at: datetime, span: timedelta, calendar: PayerCalendar, zone: ZoneInfo, window: Window
) -> datetime:
    """Return the moment by which a span of time inside the window on working days has passed. UTC."""
    day, left = at.astimezone(zone).date(), span
    while True:
        if calendar.is_working_day(day):
            start = max(at_local(day, window.opens, zone), at.astimezone(UTC))
            room = at_local(day, window.closes, zone) - start
            if room >= left and room > timedelta():
                return start + left
            left -= max(room, timedelta())
        day = calendar.next_working_day(day)


@dataclass(frozen=True, slots=True)
class OwnerNote:
    """An internal mail to the relationship owner: one subject line and a text."""

    subject: str
    text: str


def owner_note(
    *,
    owner: Person,
    manager: Person,
    contact: Person,
    customer: str,
    invoice: str,
    amount: str,
    until: datetime,
    link: str,
    policy: Policy,
) -> OwnerNote:
    """Write to the owner: who is about to be written to about what, and until when they can stop it."""
    local = until.astimezone(ZoneInfo(policy.company.timezone))
    name = first_name(owner.name)
    about = f"{tame(customer) or 'a customer of yours'}, invoice {tame(invoice)}"
    lines = (
        f"Hi {name}," if name else "Hello,",
        (
            f"The payment of {amount} for invoice {tame(invoice)} failed. {tame(manager.name)} is about to write to "
            f"{tame(contact.name)} at {tame(customer) or 'the customer'}, with you on Cc."
        ),
        "Here you can read the mail, agree to it, put it off to a day, or stop it:",
        link,
        (
            f"If we do not hear from you, it may leave from {local:%H:%M} on {written_date(local.date())} "
            f"({policy.company.timezone}), once {tame(manager.name)} has signed it."
        ),
        f"{tame(manager.name)}\n{policy.company.name}",
    )
    return OwnerNote(f"Before it leaves: a mail to {about}", "\n\n".join(lines) + "\n")
