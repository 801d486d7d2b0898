"""Tags for times, words and marks."""

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dunwell.policy import saying
from dunwell.policy import words as said
from dunwell.policy.money import Money
from dunwell.policy.playbook import StepState
from dunwell.policy.replies import ReplyKind
from dunwell.policy.upcoming import PlannedKind
from dunwell.store.casefile import Entry
from dunwell.store.desk import CaseRow
from dunwell.store.reviews import QueueRow
from dunwell.web import times, words

register = template.Library()

_WORDS: dict[type[StrEnum], dict[Any, str]] = {
    said.CaseStatus: words.STATUS,
    said.Ending: words.ENDING,
    said.HoldKind: words.HOLD,
    said.Track: words.TRACK,
    said.Stage: words.STAGE,
    said.MessageState: words.MESSAGE,
    StepState: words.STEP,
    PlannedKind: words.PLANNED,
    said.LetterState: words.LETTER,
    said.CollectionOwner: words.COLLECTION,
    said.CallOutcome: words.CALL,
    said.InvoiceStatus: words.INVOICE,
    said.AttemptTrigger: words.TRIGGER,
    said.AttemptOutcome: words.OUTCOME,
    said.Rail: words.RAIL,
    said.ReviewKind: words.REVIEW,
    said.MailState: words.MAIL,
    said.MailNature: words.NATURE,
    said.MatchedBy: words.MATCHED,
    ReplyKind: words.REPLY,
}


@register.filter
def word(value: StrEnum) -> str:
    """Name a member of one of the policy's closed sets."""
    return _WORDS[type(value)][value]


@register.filter
def stage_word(value: str) -> str:
    """Name a stage kept as text; nothing for a mail that belongs to no stage."""
    return words.STAGE[said.Stage(value)] if value else ""


@register.filter
def zone(row: CaseRow | QueueRow) -> ZoneInfo:
    """The zone in which the times of a row of the desk are shown."""
    return times.zone_of(row.customer, row.policy)


@register.filter
def place(zone: ZoneInfo) -> str:
    """Name a zone by its town."""
    return times.place(zone)


@register.simple_tag(takes_context=True)
def when(context: template.Context, at: datetime, zone: ZoneInfo | None = None) -> SafeString:
    """Show a moment on the customer's clock, with UTC on hover. The zone is the page's unless given."""
    where = zone or context["zone"]
    text = times.moment(at, where, context["now"])
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), times.in_utc(at), text)


@register.simple_tag(takes_context=True)
def friendly(context: template.Context, said: str) -> str:
    """A sentence of the rules with its stamps written as people read them."""
    return times.friendly(said, context["now"])


@register.simple_tag(takes_context=True)
def clock(context: template.Context, at: datetime) -> SafeString:
    """Show a moment on the customer's clock without the place, which the page names once."""
    text = saying.clock(at, context["zone"], context["now"])
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), times.in_utc(at), text)


@register.simple_tag(takes_context=True)
def on_day(context: template.Context, at: datetime, zone: ZoneInfo | None = None) -> SafeString:
    """Show the day of a moment on the customer's calendar, with UTC on hover."""
    where = zone or context["zone"]
    text = saying.day(at.astimezone(where), context["now"].astimezone(where))
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), times.in_utc(at), text)


@register.simple_tag(takes_context=True)
def away(context: template.Context, at: datetime, zone: ZoneInfo | None = None) -> str:
    """Say how far away a moment is: `in 3 days`."""
    return times.ago_or_ahead(at, context["now"], zone or context["zone"])


@register.simple_tag(takes_context=True)
def days_since(context: template.Context, at: datetime, zone: ZoneInfo | None = None) -> int:
    """Count the days since a moment on the customer's calendar."""
    return max(0, times.days_between(at, context["now"], zone or context["zone"]))


@register.simple_tag(takes_context=True)
def next_look(context: template.Context, at: datetime) -> SafeString:
    """Show when a case is looked at next, the place set apart; one that is overdue is looked at any moment."""
    if at <= context["now"]:
        return format_html('<time datetime="{}" title="{}">Now</time>', at.isoformat(), times.in_utc(at))
    where = times.place(context["zone"])
    return format_html('<span class="nowrap">{}</span> <span class="at">{}</span>', clock(context, at), where)


@register.simple_tag(takes_context=True)
def now_utc(context: template.Context) -> str:
    """The time the house goes by, in UTC, to the minute."""
    at: datetime = context["now"].astimezone(UTC)
    return f"{saying.day(at, at)} {at.year}, {at:%H:%M} UTC"


@register.filter
def utc(at: datetime) -> str:
    """A moment in UTC to the second, for paper, where nothing can be hovered over."""
    return times.in_utc(at)


@register.filter
def amount(money: Money) -> str:
    """An amount without its currency, where the currency stands beside it."""
    return str(money).removeprefix(f"{money.currency} ")


@register.simple_tag
def owner(names: dict[str, str], user: str) -> str:
    """The name of whoever an item is assigned to; the user name of somebody who has left."""
    return names.get(user, user)


@register.filter
def of(found: dict[int, Any], key: int) -> Any:
    """What a table holds under a key; nothing when it holds none."""
    return found.get(key)


@register.filter
def entry_word(entry: Entry) -> words.EntryWord:
    """Name a timeline entry, with its family."""
    return words.entry_word(entry.kind, entry.actor)


@register.filter
def rule_word(name: str) -> str:
    """Name a rule or an action: `payer_cap` is Payer cap."""
    return name.replace("_", " ").capitalize()


@register.filter
def step_mark(state: StepState) -> str:
    """The mark of where a step of the playbook is; the word stands beside it."""
    return words.STEP_MARK[state]


@register.filter
def family_word(family: words.Family) -> str:
    """Name a family of timeline entries."""
    return words.FAMILY[family]


@register.filter
def plain(value: object) -> str:
    """Write a value of an entry's detail on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: object) -> str:
    """The page's own address with some keys of its query changed; an empty value drops the key."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        query.pop(key, None)
        if value not in ("", None):
            query[key] = str(value)
    return f"{context['here']}?{query.urlencode()}"
