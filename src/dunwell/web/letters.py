"""The page of one personal mail: read, change, check while typing, approve, discard; and what became of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from dunwell.engine.links import around_link
from dunwell.engine.personal.text import signer
from dunwell.engine.review import NotPossibleError
from dunwell.engine.signing import (
    BreaksRulesError,
    Edited,
    approve_letter,
    check_text,
    discard_letter,
    edit_letter,
    take_over_letter,
)
from dunwell.policy.content import Breach
from dunwell.policy.decision import Decision
from dunwell.policy.rules import on_hold
from dunwell.policy.saying import day
from dunwell.policy.words import HoldKind, LetterState
from dunwell.store import accounts
from dunwell.store.casefile import CaseFile, case_file
from dunwell.store.keep import book_of
from dunwell.store.letterfile import LetterFile, letter_file
from dunwell.web import forms
from dunwell.web.shell import now, page, user_name
from dunwell.web.times import zone_of
from dunwell.wiring import ports

EDITABLE = (LetterState.DRAFT, LetterState.APPROVED)
OUT = (LetterState.SENT, LetterState.CONFIRMED, LetterState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed, shown again because it could not be kept: nothing is lost."""

    subject: str
    text: str


@require_GET
def letter(request: HttpRequest, letter_id: int) -> HttpResponse:
    """Show a personal mail."""
    return letter_page(request, letter_id)


@require_POST
def check(request: HttpRequest, letter_id: int) -> HttpResponse:
    """Say which rules the text breaks as it is typed, and show it as the customer will see it."""
    found = _letter_or_404(letter_id)
    subject, text = request.POST.get("subject", ""), request.POST.get("text", "")
    try:
        breaches = check_text(letter_id=letter_id, subject=subject, text=text, now=now(), ports=ports())
    except NotPossibleError:
        raise Http404 from None
    context = {**_seen(found, subject, text), "breaches": breaches, "said": _digest(breaches), "swap": True}
    response = render(request, "web/part_checked.html", context)
    if context["said"] == request.POST.get("said", ""):
        # Said already: only the preview changes, so that nobody hears the same thing again at every pause.
        response.headers["HX-Reswap"] = "none"
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
def change(request: HttpRequest, letter_id: int) -> HttpResponse:
    """Save the text, and approve it if that was the button."""
    _letter_or_404(letter_id)
    approving = request.POST.get("do") == "approve"
    if approving and not request.user.has_perm(accounts.APPROVE):
        raise PermissionDenied
    form = forms.EditLetter(request.POST)
    if not form.is_valid():
        return letter_page(request, letter_id, form=form, status=422)
    try:
        edited = _edit(request, letter_id, form)
        if approving:
            approve_letter(
                letter_id=letter_id, version=edited.version, by=user_name(request), now=now(), ports=ports()
            )
    except BreaksRulesError as error:
        return letter_page(request, letter_id, problem=_not_approved(error), status=422)
    except NotPossibleError as error:
        return _kept_apart(request, letter_id, form, str(error))
    messages.success(request, _done(edited, approving=approving))
    return redirect("letter", letter_id=letter_id)


@require_POST
def discard(request: HttpRequest, letter_id: int) -> HttpResponse:
    """Throw a draft away; then a new one follows, or whoever takes over has it on the desk."""
    found = _letter_or_404(letter_id)
    form = forms.DiscardLetter(request.POST, auto_id="discard-%s")
    if not form.is_valid():
        problem = "" if form.errors.get("until") else "Choose what is to follow."
        return letter_page(request, letter_id, problem=problem, discarding=form, status=422)
    version, until = form.cleaned_data["version"], form.cleaned_data["until"]
    by, at = user_name(request), now()
    try:
        if form.cleaned_data["then"] == forms.DiscardLetter.BY_HAND:
            take_over_letter(letter_id=letter_id, version=version, until=until, by=by, now=at, ports=ports())
            said = f"It lies on your desk: write or call, then record what came of it by {day(until, at)}."
        else:
            discard_letter(letter_id=letter_id, version=version, by=by, now=at, ports=ports())
            said = "A new one is written from what is known now."
    except NotPossibleError as error:
        return letter_page(request, letter_id, problem=str(error), discarding=form, status=409)
    messages.success(request, f"The draft is gone. {said}")
    return redirect("case", case_id=found.case)


def letter_page(
    request: HttpRequest,
    letter_id: int,
    *,
    form: forms.EditLetter | None = None,
    discarding: forms.DiscardLetter | None = None,
    problem: str = "",
    theirs: bool = False,
    typed: Typed | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a mail. `form` is what was typed; `theirs` shows what stands beside it; `typed` what cannot be kept."""
    at = now()
    found = _letter_or_404(letter_id)
    file = case_file(found.case, at)
    if file is None:
        raise Http404
    may_edit = found.state in EDITABLE and file.closed_at is None
    form = form or forms.EditLetter(
        initial={"version": found.version, "subject": found.subject, "text": found.text}
    )
    subject, text = str(form["subject"].value()), str(form["text"].value())
    context: dict[str, Any] = {
        "section": "review",
        "letter": found,
        "file": file,
        "zone": zone_of(file.case.customer, file.policy),
        "may_edit": may_edit,
        "held": _held(file, at),
        "put_off": next((hold for hold in file.active_holds if hold.kind is HoldKind.VETO), None),
        "out": found.state in OUT,
        "may_approve": request.user.has_perm(accounts.APPROVE),
        "signers": accounts.signers(),
        "form": form,
        "discard": discarding or _discarding(found, at.astimezone(zone_of(file.case.customer, file.policy))),
        "problem": problem,
        "theirs": theirs,
        "typed": typed,
        **_seen(found, subject, text),
    }
    if may_edit:
        breaches = check_text(letter_id=letter_id, subject=subject, text=text, now=at, ports=ports())
        context |= {"breaches": breaches, "said": _digest(breaches)}
    return page(request, "web/letter.html", context, at=at, status=status)


def _held(file: CaseFile, at: datetime) -> str:
    """What a letter that has not left waits for while its case is on hold, in a sentence; empty when it is not."""
    said = on_hold(file.case, book_of(file.policy).policy, at)
    return said.because if isinstance(said, Decision) else ""


def _discarding(found: LetterFile, local: datetime) -> forms.DiscardLetter:
    week = local.date() + timedelta(days=7)
    return forms.DiscardLetter(initial={"version": found.version, "until": week}, auto_id="discard-%s")


def _edit(request: HttpRequest, letter_id: int, form: forms.EditLetter) -> Edited:
    said = form.cleaned_data
    return edit_letter(
        letter_id=letter_id,
        version=said["version"],
        subject=said["subject"],
        text=said["text"],
        by=user_name(request),
        now=now(),
        ports=ports(),
    )


def _kept_apart(request: HttpRequest, letter_id: int, form: forms.EditLetter, why: str) -> HttpResponse:
    """Show what could not be saved, or not approved, beside what stands there now."""
    found = _letter_or_404(letter_id)
    said = form.cleaned_data
    typed = Typed(said["subject"], said["text"])
    if found.state not in EDITABLE:
        return letter_page(request, letter_id, problem=why, typed=typed, status=409)
    if (found.subject, found.text.split()) == (typed.subject, typed.text.split()):
        return letter_page(request, letter_id, problem=why, status=409)
    again = forms.EditLetter({"version": found.version, "subject": typed.subject, "text": typed.text})
    return letter_page(request, letter_id, form=again, problem=why, theirs=True, status=409)


def _done(edited: Edited, *, approving: bool) -> str:
    if approving:
        return "Approved."
    count = len(edited.breaches)
    if not count:
        return "Saved. It keeps every rule."
    return f"Saved. It cannot be approved yet: it breaks {'a rule' if count == 1 else f'{count} rules'}."


def _not_approved(error: BreaksRulesError) -> str:
    what = "a rule" if len(error.breaches) == 1 else f"{len(error.breaches)} rules"
    return f"Your text is saved, but it was not approved: it breaks {what}."


def _seen(found: LetterFile, subject: str, text: str) -> dict[str, Any]:
    """The mail as the customer sees it: the link as words, and not to be clicked here."""
    before, link, after = around_link(text, found.case, ports(), now())
    return {
        "letter": found,
        "sender": found.sender if found.state in OUT else signer(ports()),
        "seen": {"subject": subject, "before": before.lstrip(), "link": link, "after": after.rstrip()},
    }


def _digest(breaches: tuple[Breach, ...]) -> str:
    """A short name for what was said, to notice that it was said before."""
    return sha256(repr(breaches).encode()).hexdigest()[:16]


def _letter_or_404(letter_id: int) -> LetterFile:
    found = letter_file(letter_id)
    if found is None:
        raise Http404
    return found
