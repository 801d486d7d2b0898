"""What people type about replies and holds, checked at the door. A form that is wrong is shown again as typed."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict

from dunwell.policy.confirming import FOLLOWS, Follows
from dunwell.policy.facts import Customer
from dunwell.policy.money import BadAmountError, Money
from dunwell.policy.plans import MOST_PARTS, BadPlanError, equal_parts
from dunwell.policy.policy import Policy
from dunwell.policy.replies import ReplyKind
from dunwell.policy.words import HoldKind, HoldScope
from dunwell.web import words
from dunwell.web.forms import LONGEST_PAUSE_DAYS, DayField

# The holds a person may set; a reply and a veto set theirs themselves.
KINDS = (
    HoldKind.PAUSE,
    HoldKind.PROMISE,
    HoldKind.DISPUTE,
    HoldKind.PAYMENT_PLAN,
    HoldKind.DO_NOT_CONTACT,
)
_NEEDS_A_DAY = {
    HoldKind.PAUSE: "Choose the day the pause ends.",
    HoldKind.PROMISE: "Choose the day they promised to pay by.",
}
_ONE_INVOICE = {
    HoldKind.DISPUTE: "A dispute stops the clock of one invoice only.",
    HoldKind.PAYMENT_PLAN: "A payment plan is for one invoice.",
}
MONTHLY, WEEKLY = "1", "0"
_PARTS_LIKE = "Write each part on a line of its own, like 2026-05-01 400.00."


class PlanFields(forms.Form):
    """The parts of a payment plan: so many equal ones from a day on, or listed one by one."""

    count = forms.IntegerField(
        label="Equal parts",
        required=False,
        min_value=1,
        max_value=MOST_PARTS,
        error_messages={
            "invalid": f"Choose 1 to {MOST_PARTS} parts.",
            "min_value": f"Choose 1 to {MOST_PARTS} parts.",
            "max_value": f"Choose 1 to {MOST_PARTS} parts.",
        },
    )
    first = DayField(label="The first on")
    every = forms.ChoiceField(
        label="Then every", required=False, choices=[(MONTHLY, "month"), (WEEKLY, "week")], initial=MONTHLY
    )
    parts = forms.CharField(
        label="Or the parts one by one",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "2026-05-01 400.00"}),
    )

    @property
    def names_a_plan(self) -> bool:
        """Whether somebody began to type one."""
        said: dict[str, Any] = self.cleaned_data
        return bool(said.get("count") or said.get("first") or (said.get("parts") or "").strip())

    def plan(self, owed: Money, customer: Customer, policy: Policy) -> tuple[tuple[date, Money], ...]:
        """Read the parts; raises `BadPlanError` with what is missing."""
        said: dict[str, Any] = self.cleaned_data
        if (said.get("parts") or "").strip():
            return tuple(_part(line, owed.currency) for line in said["parts"].splitlines() if line.strip())
        if not said.get("count") or not said.get("first"):
            raise BadPlanError("Say how many parts and when the first is due, or list them.")
        months = int(said.get("every") or MONTHLY)
        return tuple(equal_parts(owed, said["count"], said["first"], months, customer, policy))


def _part(line: str, currency: str) -> tuple[date, Money]:
    day, _, amount = line.strip().partition(" ")
    try:
        return date.fromisoformat(day), _as_printed(amount, currency)
    except (ValueError, BadAmountError):
        raise BadPlanError(f"{line.strip()[:40]!r} is not a part. {_PARTS_LIKE}") from None


# Thousands set apart as the page prints them; a comma anywhere else may mean decimals, so it is refused.
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")


def _as_printed(typed: str, currency: str) -> Money:
    """Read an amount as the page prints it, `USD 1,200.00`, or plainly, `1200.00`. Raises `BadAmountError`."""
    bare = typed.strip()
    if bare[: len(currency)].upper() == currency.upper():
        bare = bare[len(currency) :].strip()
    return Money.parse(bare.replace(",", "") if _GROUPED.fullmatch(bare) else bare, currency)


class PlaceHold(PlanFields):
    """Put a case, or all of a customer's cases, on hold: for whatever reason a person may."""

    kind = forms.ChoiceField(
        label="Kind", choices=[(kind.value, words.HOLD[kind]) for kind in KINDS], initial=HoldKind.PAUSE.value
    )
    until = DayField(label="Until")
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        error_messages={"required": "Say why, so that others understand it later."},
    )
    scope = forms.ChoiceField(
        label="What to hold",
        choices=[
            (HoldScope.CASE.value, "This invoice only"),
            (HoldScope.CUSTOMER.value, "All invoices of this customer"),
        ],
        widget=forms.RadioSelect,
        initial=HoldScope.CASE.value,
    )

    def __init__(self, typed: QueryDict | None = None, *, now: datetime, zone: ZoneInfo) -> None:
        super().__init__(typed, auto_id="hold-%s")
        self.now, self.zone = now, zone

    @property
    def held(self) -> HoldKind:
        """The kind of hold that was chosen."""
        return HoldKind(self.cleaned_data["kind"])

    def clean(self) -> dict[str, object]:
        """Insist on what the kind of hold needs, on the customer's calendar."""
        said: dict[str, Any] = self.cleaned_data
        kind = HoldKind(said["kind"]) if said.get("kind") else None
        if kind in _NEEDS_A_DAY and "until" not in self.errors:
            self._need_a_day(kind, said.get("until"))
        if kind in _ONE_INVOICE and said.get("scope") == HoldScope.CUSTOMER.value:
            self.add_error("scope", _ONE_INVOICE[kind])
        return said

    def _need_a_day(self, kind: HoldKind, until: date | None) -> None:
        if until is None:
            self.add_error("until", _NEEDS_A_DAY[kind])
            return
        away = (until - self.now.astimezone(self.zone).date()).days
        if away < 0 or (away == 0 and kind is HoldKind.PAUSE):
            self.add_error("until", "The day must be in the future.")
        elif away > LONGEST_PAUSE_DAYS:
            self.add_error("until", "That is more than three years away. Check the year.")

    @property
    def ends_at(self) -> datetime | None:
        """The last minute of the chosen day where the customer is, in UTC; None for a hold without an end.

        Rules speak again on the working morning after the day on which a hold ends (spec 7).
        """
        if self.held not in _NEEDS_A_DAY:
            return None
        return datetime.combine(self.cleaned_data["until"], time(23, 59), self.zone).astimezone(UTC)


class DecideReply(PlanFields):
    """What a reply means, for which invoices, and what to write back."""

    DECIDE, ANSWER, BOTH = "decide", "answer", "both"

    kind = forms.ChoiceField(
        label="It means",
        choices=[("", "Choose"), *((kind.value, words.REPLY[kind]) for kind in ReplyKind)],
        error_messages={"required": "Choose what the reply means."},
    )
    until = DayField(label="Until")
    cases = forms.TypedMultipleChoiceField(
        label="About", required=False, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    name = forms.CharField(label="Name", required=False, max_length=200)
    email = forms.EmailField(
        label="E-mail",
        required=False,
        max_length=320,
        error_messages={"invalid": "This is not an e-mail address."},
    )
    note = forms.CharField(label="Note (if you like)", required=False, max_length=500)
    text = forms.CharField(
        label="Answer",
        required=False,
        max_length=10_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8}),
    )

    def __init__(
        self,
        typed: QueryDict | None = None,
        *,
        about: tuple[tuple[int, str], ...],
        initial: dict[str, object] | None = None,
        answering: bool = False,
    ) -> None:
        """`about` are the open cases as (id, invoice); `answering`: only an answer is sent, nothing is decided."""
        super().__init__(typed, auto_id="reply-%s", initial=initial)
        self.fields["cases"].choices = about  # type: ignore[attr-defined]
        self.fields["kind"].required = not answering

    @property
    def meant(self) -> ReplyKind:
        """The kind that was chosen."""
        return ReplyKind(self.cleaned_data["kind"])

    @property
    def waits(self) -> bool:
        """Whether the chosen kind can wait for a plan."""
        return FOLLOWS[self.meant] is Follows.WAIT


class AssignMail(forms.Form):
    """Which invoice a mail is about."""

    invoice = forms.CharField(
        label="Invoice number", max_length=255, error_messages={"required": "Name the invoice it is about."}
    )


class SetAside(forms.Form):
    """Why a mail is about no case."""

    reason = forms.CharField(
        label="What it is", max_length=400, error_messages={"required": "Say in a few words what it is."}
    )


def week_ahead(at: datetime, zone: ZoneInfo) -> date:
    """A week from today on the customer's calendar."""
    return at.astimezone(zone).date() + timedelta(days=7)
