"""The page of one mail that came in: what it says, what it was read as, what follows, and what is written back.

Everything in a mail was written by a stranger: its text is only ever shown escaped, its HTML only in a frame that can
load nothing, run nothing and go nowhere.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms as django_forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from dunwell.engine.answering import (
    Decision,
    answer_reply,
    assign_mail,
    decide_reply,
    preview_decision,
    set_aside,
)
from dunwell.engine.review import NotPossibleError
from dunwell.policy.addresses import is_address
from dunwell.policy.answering import why_not_from
from dunwell.policy.confirming import FOLLOWS, Choice, Follows, offered_day
from dunwell.policy.money import Money
from dunwell.policy.plans import BadPlanError
from dunwell.policy.policy import Policy
from dunwell.policy.replies import ReplyKind
from dunwell.policy.words import MailNature, MailState
from dunwell.store import accounts
from dunwell.store.candidates import candidates
from dunwell.store.keep import book_of
from dunwell.store.replies import Proposal, ReplyCase, ReplyFile, html_of, reply_file
from dunwell.web.reply_forms import AssignMail, DecideReply, SetAside
from dunwell.web.shell import now, page, user_name
from dunwell.web.times import zone_of
from dunwell.wiring import book, ports

# Nothing is loaded from anywhere: not a picture, not a font, not a style sheet.
FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


@dataclass(frozen=True, slots=True)
class Marked:
    """The sender's own text around the words a reading rests on."""

    before: str
    words: str
    after: str


@dataclass(frozen=True, slots=True)
class OneClick:
    """A proposal that needs nothing more: what confirming it does, and what would happen next."""

    kind: ReplyKind
    until: date | None
    next: tuple[str, ...]


@require_GET
def reply(request: HttpRequest, mail_id: int) -> HttpResponse:
    """Show a mail that came in."""
    return reply_page(request, mail_id)


def reply_page(
    request: HttpRequest,
    mail_id: int,
    *,
    form: DecideReply | None = None,
    placing: AssignMail | None = None,
    aside: SetAside | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render a mail; the forms are what somebody typed that was not right."""
    at = now()
    found = _reply_or_404(mail_id)
    zone, policy = _zone(found), _policy(found)
    writer = accounts.writer(user_name(request))
    click = _one_click(request, found, policy, at, zone) if found.waits else None
    context: dict[str, Any] = {
        "section": "review",
        "mail": found,
        "zone": zone,
        "marked": _marked(found.own, found.proposal),
        # Kinds are named as in the policy; here they are words of a sentence.
        "notes": [note.replace("_", " ") for note in found.proposal.notes] if found.proposal else [],
        "more_text": found.text.strip() != found.own.strip(),
        "open_cases": [case for case in found.cases if not case.closed],
        "meant": _meant(found),
        "maybe": candidates(mail_id) if may_be_placed(found) else (),
        "click": click,
        "may_answer": may_be_answered(found),
        "writer": writer,
        "cannot_write": why_not_from(writer),
        "form": form or _fresh(found, policy, at, zone),
        "placing": placing or AssignMail(auto_id="place-%s"),
        "aside": aside or SetAside(auto_id="aside-%s"),
        "problem": problem,
    }
    return page(request, "web/reply.html", context, at=at, status=status)


def may_be_placed(found: ReplyFile) -> bool:
    """Whether a person may say which invoice a mail is about; a report of a mail server is about none."""
    written = found.nature in (MailNature.HUMAN, MailNature.AUTOMATIC, None)
    return found.state is MailState.UNMATCHED and written


def may_be_answered(found: ReplyFile) -> bool:
    """Whether a person may write back: once, to a person's mail about a known case."""
    person = found.nature is MailNature.HUMAN and bool(found.cases)
    return person and not found.answered and found.state in (MailState.WAITING, MailState.DONE)


@require_POST
def decide(request: HttpRequest, mail_id: int) -> HttpResponse:
    """Decide, answer, or both, as the button says; a form that is wrong comes back as typed."""
    found = _reply_or_404(mail_id)
    do = request.POST.get("do", DecideReply.DECIDE)
    form = _typed(request, found, answering=do == DecideReply.ANSWER)
    if not form.is_valid():
        return reply_page(request, mail_id, form=form, status=422)
    by, at = user_name(request), now()
    try:
        decision = None if do == DecideReply.ANSWER else _decision(form, found, _policy(found))
        if do == DecideReply.DECIDE and decision is not None:
            decide_reply(mail_id=mail_id, decision=decision, by=by, now=at, ports=ports())
        else:
            text = form.cleaned_data["text"]
            answer_reply(mail_id=mail_id, text=text, by=by, now=at, ports=ports(), decision=decision)
    except BadPlanError as error:
        form.add_error("count", str(error))
        return reply_page(request, mail_id, form=form, status=422)
    except NotPossibleError as error:
        return reply_page(request, mail_id, form=form, problem=str(error), status=409)
    messages.success(request, _done(do, found))
    return redirect("reply", mail_id=mail_id)


@require_POST
def preview(request: HttpRequest, mail_id: int) -> HttpResponse:
    """Say what would happen next if what is chosen were decided now; for the page, as it is changed."""
    found = _reply_or_404(mail_id)
    form = _typed(request, found)
    said: tuple[str, ...] = ()
    problem = "Choose what the reply means."
    if form.is_valid():
        said, problem = _what_next(request, found, form)
    elif form.errors.get("kind") is None:
        problem = str(next(iter(form.errors.values()))[0])
    context = {"next": said, "missing": problem, "now": now()}
    response = render(request, "web/part_reply_next.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def _what_next(request: HttpRequest, found: ReplyFile, form: DecideReply) -> tuple[tuple[str, ...], str]:
    try:
        decision = _decision(form, found, _policy(found))
        said = preview_decision(mail_id=found.id, decision=decision, by=user_name(request), now=now())
    except (NotPossibleError, BadPlanError) as error:
        return (), str(error)
    return said, "" if said else "Every case it is about is closed: nothing happens."


@require_POST
def assign(request: HttpRequest, mail_id: int) -> HttpResponse:
    """Say which invoice a mail is about."""
    form = AssignMail(request.POST, auto_id="place-%s")

    def place() -> str:
        invoice = form.cleaned_data["invoice"]
        assign_mail(mail_id=mail_id, invoice=invoice, by=user_name(request), now=now(), ports=ports())
        return "Placed. The case waits from now on, until you say what follows."

    return _placed(request, mail_id, form, place, placing=form)


@require_POST
def aside(request: HttpRequest, mail_id: int) -> HttpResponse:
    """Say that a mail is about no case."""
    form = SetAside(request.POST, auto_id="aside-%s")

    def put() -> str:
        reason = form.cleaned_data["reason"]
        set_aside(mail_id=mail_id, reason=reason, by=user_name(request), now=now())
        return "Set aside."

    return _placed(request, mail_id, form, put, aside=form)


def _placed(
    request: HttpRequest, mail_id: int, form: django_forms.Form, act: Callable[[], str], **shown: Any
) -> HttpResponse:
    _reply_or_404(mail_id)
    if form.is_valid():
        try:
            messages.success(request, act())
        except NotPossibleError as error:
            form.add_error(next(iter(form.fields)), str(error))
        else:
            return redirect("reply", mail_id=mail_id)
    return reply_page(request, mail_id, status=422, **shown)


@require_GET
def formatted(_request: HttpRequest, mail_id: int) -> HttpResponse:
    """The HTML version of a mail, as it was cleaned at the door, for a frame that lets it do nothing."""
    html = html_of(mail_id)
    if html is None:
        raise Http404
    # Links open in a new window, which the frame's sandbox forbids: looking at a mail must not open its link.
    response = HttpResponse('<!doctype html><meta charset="utf-8"><base target="_blank">' + html)
    response.headers["Content-Security-Policy"] = FRAME_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _typed(request: HttpRequest, found: ReplyFile, *, answering: bool = False) -> DecideReply:
    return DecideReply(request.POST, about=_about(found), answering=answering)


def _about(found: ReplyFile) -> tuple[tuple[int, str], ...]:
    return tuple((case.id, f"{case.invoice}: {case.open}") for case in found.cases if not case.closed)


def _meant(found: ReplyFile) -> list[int]:
    """The open cases a mail names or answers; all that wait because of it when none of those is open."""
    waiting = [case.id for case in found.cases if not case.closed]
    return [case for case in waiting if case in found.about] or waiting


# Plain addresses only: one in letters that look like others is typed by hand or not at all.
_ADDRESS = re.compile(
    r"(?<![\w.+-])[a-z0-9][a-z0-9._+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE | re.ASCII
)


def _somebody_else(found: ReplyFile) -> str:
    """The one address in the sender's words that is neither theirs nor ours; "" when there is none, or several."""
    known = {found.sender_address.lower(), ports().sender.email.lower(), ports().reply_to.lower()}
    for said in (found.proposal.words if found.proposal else "", found.own):
        named: set[str] = {each.lower() for each in _ADDRESS.findall(said)} - known
        if len(named) == 1 and is_address(address := named.pop()):
            return address
    return ""


def _fresh(found: ReplyFile, policy: Policy, at: datetime, zone: ZoneInfo) -> DecideReply:
    about, proposal = _about(found), found.proposal
    kind = proposal.kind if proposal else None
    initial: dict[str, object] = {
        "cases": _meant(found),
        "kind": kind.value if kind else "",
        "email": _somebody_else(found),
    }
    if kind is not None:
        read = proposal.date if proposal else None
        initial["until"] = offered_day(kind, read, at.astimezone(zone).date(), policy)
    return DecideReply(about=about, initial=initial)


def _decision(form: DecideReply, found: ReplyFile, policy: Policy) -> Decision:
    """What was chosen; raises `BadPlanError` for a plan that is none."""
    said = form.cleaned_data
    chosen = tuple(said["cases"])
    if not chosen and form.fields["cases"].choices and len(_about(found)) > 1:  # type: ignore[attr-defined]
        raise NotPossibleError("Choose at least one invoice.")
    parts: tuple[tuple[date, Money], ...] = ()
    if form.waits and form.names_a_plan:
        about = [case for case in found.cases if not case.closed and (not chosen or case.id in chosen)]
        if len(about) != 1:
            raise BadPlanError("A payment plan is for one invoice: choose which.")
        parts = form.plan(about[0].open, about[0].customer, policy)
    until = said["until"] if FOLLOWS[form.meant] in (Follows.PROMISE, Follows.WAIT, Follows.SEARCH) else None
    return Decision(
        Choice(form.meant, None if parts else until, parts), chosen, said["name"], said["email"], said["note"]
    )


def _one_click(
    request: HttpRequest, found: ReplyFile, policy: Policy, at: datetime, zone: ZoneInfo
) -> OneClick | None:
    """The proposal as a button, where it needs neither another word nor a choice between invoices."""
    proposal = found.proposal
    if proposal is None or FOLLOWS[proposal.kind] is Follows.CONTACT:
        return None
    if FOLLOWS[proposal.kind] is Follows.DISPUTE and len(_meant(found)) > 1:
        return None
    until = offered_day(proposal.kind, proposal.date, at.astimezone(zone).date(), policy)
    decision = Decision(Choice(proposal.kind, until), tuple(_meant(found)))
    try:
        said = preview_decision(mail_id=found.id, decision=decision, by=user_name(request), now=at)
    except NotPossibleError:
        return None
    return OneClick(proposal.kind, until, said)


def _marked(own: str, proposal: Proposal | None) -> Marked:
    if proposal is None or proposal.start is None or proposal.end is None:
        return Marked(own, "", "")
    start, end = max(0, proposal.start), min(len(own), proposal.end)
    return Marked(own[:start], own[start:end], own[end:])


def _done(do: str, found: ReplyFile) -> str:
    if do == DecideReply.ANSWER:
        return f"Your answer goes to {found.sender_address}. What follows is still to be said."
    answered = f" Your answer goes to {found.sender_address}." if do == DecideReply.BOTH else ""
    return f"Noted. The case follows it from here.{answered}"


def _zone(found: ReplyFile) -> ZoneInfo:
    """The customer's clock; the company's for a mail that nobody has placed."""
    case = _first(found)
    return zone_of(case.customer, case.policy) if case else ZoneInfo(book().policy.company.timezone)


def _policy(found: ReplyFile) -> Policy:
    case = _first(found)
    return book_of(case.policy).policy if case else book().policy


def _first(found: ReplyFile) -> ReplyCase | None:
    return next((case for case in found.cases if not case.closed), next(iter(found.cases), None))


def _reply_or_404(mail_id: int) -> ReplyFile:
    found = reply_file(mail_id)
    if found is None:
        raise Http404
    return found
