"""What people type into the desk, checked at the door. A form that is wrong is shown again as typed."""

from django import forms
from django.http import QueryDict

from dunwell.engine.signing import NEEDS_A_DAY
from dunwell.policy.words import CallOutcome, CaseStatus, Ending, ReviewKind, Track
from dunwell.store import desk
from dunwell.web import words

_STATUSES = [
    (desk.ACTIVE, "Not closed"),
    (CaseStatus.OPEN.value, "Open, not held"),
    (desk.HELD, "Held"),
    (CaseStatus.REVIEW.value, "In review"),
    (CaseStatus.ESCALATED.value, "Escalated"),
    (CaseStatus.CLOSED.value, "Closed"),
    (desk.EVERYTHING, "Everything"),
]
LONGEST_PAUSE_DAYS = 3 * 366
SORTS = [
    ("", "Default"),
    ("amount", "Amount"),
    ("age", "Age"),
    ("next", "Next look"),
    ("customer", "Customer"),
    ("newest", "Newest"),
]


class FindCases(forms.Form):
    """Search, filters and order of the list of cases, from the address. What makes no sense is left out."""

    search = forms.CharField(required=False, max_length=100, strip=True, label="Search")
    status = forms.ChoiceField(required=False, choices=_STATUSES, label="Status")
    track = forms.ChoiceField(required=False, label="Track")
    currency = forms.ChoiceField(required=False, label="Currency")
    sort = forms.ChoiceField(required=False, choices=SORTS, label="Sort by")
    page = forms.IntegerField(required=False, min_value=1, max_value=desk.LAST_PAGE)
    totals = forms.BooleanField(required=False)

    def __init__(self, asked: QueryDict, *, currencies: tuple[str, ...]) -> None:
        super().__init__(asked, auto_id="find-%s")
        tracks = [("", "Any track"), *((track.value, words.TRACK[track]) for track in Track)]
        self.fields["track"] = forms.ChoiceField(required=False, choices=tracks, label="Track")
        known = [("", "Any currency"), *((currency, currency) for currency in currencies)]
        self.fields["currency"] = forms.ChoiceField(required=False, choices=known, label="Currency")

    def wanted(self) -> desk.Wanted:
        """The cases asked for."""
        self.full_clean()
        said = self.cleaned_data
        return desk.Wanted(
            status=said.get("status", ""),
            track=said.get("track", ""),
            currency=said.get("currency", ""),
            search=said.get("search", "").replace("\x00", ""),
            sort=said.get("sort") or _usual_order(said.get("status", "")),
            page=said.get("page") or 1,
            count_at_most=None if said.get("totals") else desk.COUNT_AT_MOST,
        )


def _usual_order(status: str) -> str:
    """Most money first; but where most of the money is no longer open, newest first."""
    return "newest" if status in (CaseStatus.CLOSED.value, desk.EVERYTHING) else "amount"


class FindReviews(forms.Form):
    """Filters of the review queue, from the address."""

    kind = forms.ChoiceField(
        required=False, choices=[("", "Any kind"), *((kind.value, words.REVIEW[kind]) for kind in ReviewKind)]
    )
    whose = forms.ChoiceField(required=False, choices=[("", "Everybody's"), ("mine", "Mine")])
    page = forms.IntegerField(required=False, min_value=1, max_value=desk.LAST_PAGE)


class DayField(forms.DateField):
    """A day, chosen or written like 2026-04-30."""

    def __init__(self, *, label: str, required: str = "") -> None:
        super().__init__(
            label=label,
            required=bool(required),
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            input_formats=["%Y-%m-%d"],
            error_messages={
                "required": required,
                "invalid": "This is not a day. Write it like 2026-04-30.",
            },
        )


class ChooseTrack(forms.Form):
    """The track of a case whose MRR no source could say."""

    track = forms.ChoiceField(
        label="Track",
        choices=[(track.value, words.TRACK[track]) for track in Track],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a track."},
    )
    reason = forms.CharField(
        label="Reason", max_length=500, error_messages={"required": "Say what you know about their MRR."}
    )


class ChangeContact(forms.Form):
    """Another person at the customer to write to."""

    name = forms.CharField(
        label="Name", max_length=200, error_messages={"required": "A message greets a person by name."}
    )
    email = forms.EmailField(
        label="E-mail",
        max_length=320,
        error_messages={"required": "Give the address.", "invalid": "This is not an e-mail address."},
    )


class CloseCase(forms.Form):
    """How a case ended, where the ledger cannot say."""

    ending = forms.ChoiceField(
        label="It ended because the invoice was",
        choices=[("", "Choose"), *((ending.value, words.ENDING[ending].lower()) for ending in Ending)],
        error_messages={"required": "Choose how it ended."},
    )
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        error_messages={"required": "Say why, so that others understand it later."},
    )


class HandBack(forms.Form):
    """Why collection goes back to Stripe."""

    reason = forms.CharField(
        label="Reason",
        max_length=500,
        error_messages={"required": "Say why, so that others understand it later."},
    )


class Note(forms.Form):
    """A note on the timeline."""

    text = forms.CharField(
        label="Note",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write the note first."},
    )


class Settle(forms.Form):
    """How a review item was settled."""

    resolution = forms.CharField(
        max_length=1000,
        error_messages={"required": "Say how it was settled, so that others understand it later."},
    )


class EditLetter(forms.Form):
    """The subject and text of a personal mail, and the version that was edited."""

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    subject = forms.CharField(
        label="Subject", max_length=200, error_messages={"required": "A mail needs a subject."}
    )
    text = forms.CharField(
        label="Text",
        max_length=10_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 18}),
        error_messages={"required": "Write the text first."},
    )


class DiscardLetter(forms.Form):
    """What is to follow a draft that is thrown away."""

    AGAIN, BY_HAND = "again", "by-hand"

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    then = forms.ChoiceField(
        label="Then",
        choices=[
            (AGAIN, "write a new draft from what is known now"),
            (BY_HAND, "I take over: I write or call, and the case waits for me until the day below"),
        ],
        widget=forms.RadioSelect,
        initial=AGAIN,
    )
    until = DayField(label="Waits for you until")

    def clean(self) -> dict[str, object]:
        """Insist on the day on which the case stops waiting for whoever takes over."""
        said: dict[str, object] = self.cleaned_data
        by_hand = said.get("then") == self.BY_HAND
        if by_hand and said.get("until") is None and "until" not in self.errors:
            self.add_error("until", "Choose the day until which the case waits for you.")
        return said


class CallResult(forms.Form):
    """How a call ended; a promise names its day, and a plan the day it is looked at again."""

    outcome = forms.ChoiceField(
        label="How it ended",
        choices=[("", "Choose"), *((outcome.value, words.CALL[outcome]) for outcome in CallOutcome)],
        error_messages={"required": "Choose how the call ended."},
    )
    until = DayField(label="Until")
    note = forms.CharField(
        label="What was said",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def clean(self) -> dict[str, object]:
        """Insist on the day of a promise or a plan."""
        said: dict[str, object] = self.cleaned_data
        wanted = NEEDS_A_DAY.get(CallOutcome(str(said["outcome"]))) if said.get("outcome") else None
        if wanted and said.get("until") is None and "until" not in self.errors:
            self.add_error("until", wanted)
        return said


class StopLetter(forms.Form):
    """Why a relationship owner stops a mail."""

    reason = forms.CharField(
        label="Why",
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Say why, so that whoever wrote it understands."},
    )


class PostponeLetter(forms.Form):
    """Until when a relationship owner puts a mail off."""

    until = DayField(label="Not before", required="Choose the day.")
    reason = forms.CharField(label="Why (if you like)", max_length=400, required=False)
