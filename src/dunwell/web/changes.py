"""What people change about a case: a note, the contact, the track, its end. Each is one engine operation."""

from collections.abc import Callable

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dunwell.engine import review
from dunwell.policy.words import Ending, Track
from dunwell.store import accounts
from dunwell.store.casefile import exists
from dunwell.web import forms
from dunwell.web.cases import case_page
from dunwell.web.shell import now, user_name, who_may
from dunwell.wiring import ports


@require_POST
def note(request: HttpRequest, case_id: int) -> HttpResponse:
    """Put a note on a case's timeline."""
    form = forms.Note(request.POST, auto_id="note-%s")

    def change() -> str:
        review.add_note(case_id=case_id, text=form.cleaned_data["text"], by=user_name(request), now=now())
        return "Noted."

    return _changed(request, case_id, form, change)


@require_POST
def contact(request: HttpRequest, case_id: int) -> HttpResponse:
    """Name another person at the customer to write to."""
    form = forms.ChangeContact(request.POST, auto_id="contact-%s")

    def change() -> str:
        said = form.cleaned_data
        by, at = user_name(request), now()
        review.change_contact(
            case_id=case_id, name=said["name"], email=said["email"], by=by, now=at, ports=ports()
        )
        return f"From now on {said['name']} is written to."

    return _changed(request, case_id, form, change)


@require_POST
def track(request: HttpRequest, case_id: int) -> HttpResponse:
    """Choose the track of a case whose MRR is unknown."""
    form = forms.ChooseTrack(request.POST, auto_id="track-%s")

    def change() -> str:
        chosen, reason = Track(form.cleaned_data["track"]), form.cleaned_data["reason"]
        review.choose_track(
            case_id=case_id, track=chosen, reason=reason, by=user_name(request), now=now(), ports=ports()
        )
        return f"The case runs on the {chosen} track."

    return _changed(request, case_id, form, change)


@require_POST
def close(request: HttpRequest, case_id: int) -> HttpResponse:
    """Close a case by hand."""
    form = forms.CloseCase(request.POST, auto_id="close-%s")

    def change() -> str:
        ending, reason = Ending(form.cleaned_data["ending"]), form.cleaned_data["reason"]
        if ending in ACCOUNT_ACTIONS:
            _must_sign(request)
        review.close_by_hand(case_id=case_id, ending=ending, reason=reason, by=user_name(request), now=now())
        return "The case is closed."

    return _changed(request, case_id, form, change)


@require_POST
def give_back(request: HttpRequest, case_id: int) -> HttpResponse:
    """Let Stripe retry the charge again, which ends the case."""
    form = forms.HandBack(request.POST, auto_id="hand-back-%s")

    def change() -> str:
        _must_sign(request)
        reason = form.cleaned_data["reason"]
        review.hand_back(case_id=case_id, reason=reason, by=user_name(request), now=now())
        return "The case is closed as transferred. Stripe is being told to collect again."

    return _changed(request, case_id, form, change)


# What is done to the account takes a manager (spec 8).
ACCOUNT_ACTIONS = (Ending.WRITTEN_OFF, Ending.TRANSFERRED)


def _must_sign(request: HttpRequest) -> None:
    if not request.user.has_perm(accounts.APPROVE):
        raise review.NotPossibleError(f"This takes a manager. {who_may()}")


def _changed(request: HttpRequest, case_id: int, form: Form, change: Callable[[], str]) -> HttpResponse:
    """Change something if the form is right, and return to the case; else show it as it was typed."""
    if not exists(case_id):
        raise Http404
    if form.is_valid():
        try:
            messages.success(request, change())
        except review.NotPossibleError as error:
            form.add_error(None, str(error))
        else:
            return redirect("case", case_id=case_id)
    return case_page(request, case_id, wrong=form)
