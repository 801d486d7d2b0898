"""The rules of the personal track: nothing leaves that a manager has not signed (spec 1.2).

Asked after the common rules, in the order of `decide`. A **step** runs from the failure to the first letter, and
from each letter to the next; it has one retry at most.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dunwell.policy.addresses import is_address
from dunwell.policy.cadence import Rhythm, held_time, is_active, morning_after_holds, promised_date, rhythm_of
from dunwell.policy.calendars import at_local, into_window
from dunwell.policy.content.values import is_shared_mailbox
from dunwell.policy.decision import Action, Decision, ask, silent
from dunwell.policy.facts import SET_BY_A_PERSON, Case, Contact, Letter
from dunwell.policy.opening import open_on
from dunwell.policy.policy import Policy
from dunwell.policy.preparing import UNDER_WAY_LOOK, is_ours
from dunwell.policy.retries import asked_for, in_the_morning, no_retry_because, ours, retry_now
from dunwell.policy.rules import cap_ends
from dunwell.policy.saying import in_full
from dunwell.policy.untrusted import first_name
from dunwell.policy.words import ActionKind, CaseStatus, HoldKind, LetterState, ReviewKind, Stage, Track

OUT = frozenset({LetterState.SENT, LetterState.CONFIRMED})
LIVE = frozenset({LetterState.DRAFT, LetterState.APPROVED})
LEAVING = frozenset({LetterState.LEAVING})
DOUBTFUL = frozenset({LetterState.IN_DOUBT})
GONE = frozenset({LetterState.WITHDRAWN})

_DAY = timedelta(days=1)
_LEAVING_LOOK = timedelta(hours=1)
# Between the end of a postponement and the letter: whoever sees the case run on can still stop it.
_BREATH = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is due, in UTC, with the reason as a phrase."""

    at: datetime
    because: str


def letters_out(case: Case) -> tuple[Letter, ...]:
    """Return the letters that were sent, in order."""
    return tuple(sorted((each for each in case.letters if each.state in OUT), key=sent_at))


def sent_at(letter: Letter) -> datetime:
    """Return when a letter left; as far as is known."""
    return letter.sent_at or letter.approved_at or letter.drafted_at


def live_letter(case: Case) -> Letter | None:
    """Return the letter that waits to be signed or to leave; None when there is none."""
    return next((each for each in case.letters if each.state in LIVE), None)


def incomplete(case: Case, policy: Policy, _now: datetime) -> Decision | str:
    """Stop the track while the contact, the invoice in the ledger or the MRR is missing (spec 1.2, step 1)."""
    found = missing(case, policy)
    return ask(case, *found) if found else "contact, invoice and MRR are known"


def missing(case: Case, policy: Policy) -> tuple[ReviewKind, str] | None:
    """Say what the gathering lacks and what to do about it; None when everything is there.

    The MRR is asked about until the track has begun: it decides who is on it, not how it goes on.
    """
    if lacks := _contact_lacks(case):
        return ReviewKind.NO_CONTACT, f"{lacks} {_told(case)}Name a person who can be written to."
    if case.ledger is not None and not case.ledger.invoice:
        what = f"NetSuite shows no invoice {case.invoice.number} for this customer."
        return ReviewKind.INCOMPLETE, f"{what} {_told(case)}Correct it there, then settle this."
    if case.letters or is_ours(case) or case.track_chosen:
        return None
    opening = open_on(case.customer, policy)
    if opening.track is None:
        todo = "Find it out" if case.customer.mrr is None else "Put that right"
        return ReviewKind.MRR_UNKNOWN, f"{opening.because} {_told(case)}{todo}, then settle this."
    if opening.track is not Track.PERSONAL:
        what = f"{opening.because} The personal track is for those above it."
        return ReviewKind.INCOMPLETE, f"{what} Correct the MRR, or close the case and write yourself."
    return None


def _told(case: Case) -> str:
    """What the ledger said was missing, to stand inside a longer text."""
    return "".join(f"{sentence} " for sentence in case.ledger.missing) if case.ledger else ""


def _contact_lacks(case: Case) -> str | None:
    contact = case.customer.contact
    if contact is None:
        return "No accounts-payable contact is known for this customer."
    by_hand = contact.source.startswith(SET_BY_A_PERSON)
    if case.ledger is not None and not case.ledger.contact and not by_hand:
        return "NetSuite has no accounts-payable contact for this customer."
    if first_name(contact.name) is None or contact.name.casefold() == case.customer.name.casefold():
        return "The contact has no first name to greet by."
    return _address_lacks(contact)


def _address_lacks(contact: Contact) -> str | None:
    if not is_address(contact.email):
        return "The contact's address is not an e-mail address."
    if not contact.deliverable:
        return "Mail to the contact came back."
    if is_shared_mailbox(contact.email):
        return "The contact's address is a shared mailbox, which nobody in particular reads."
    return None


def letter_on_its_way(case: Case, _policy: Policy, now: datetime) -> Decision | str:
    """Wait for a letter that is leaving, or about which nobody knows whether it left."""
    for letter in case.letters:
        if letter.state in LEAVING:
            return silent(f"Letter {letter.number} is on its way.", now + _LEAVING_LOOK)
        if letter.state in DOUBTFUL:
            because = (
                f"Letter {letter.number} may have left, or was refused; a person decides what happens next."
            )
            return silent(because)
    return "no letter is on its way"


def drafting(case: Case, _policy: Policy, now: datetime) -> Decision | str:
    """Wait for a draft that is being written."""
    if ActionKind.DRAFT in case.under_way:
        return silent("A letter is being drafted.", now + UNDER_WAY_LOOK)
    return "no letter is being drafted"


def charge_in_doubt(case: Case, _policy: Policy, _now: datetime) -> Decision | str:
    """Write nothing while nobody knows whether the last charge went through."""
    if ReviewKind.CHARGE_UNKNOWN in case.reviews:
        return silent("Nobody knows yet what became of the last charge; a person looks it up.")
    return "every charge is accounted for"


def time_up(case: Case, policy: Policy, now: datetime) -> datetime:
    """Return when automation ends: the opening of the window on the policy's last day, not counting held time."""
    rhythm = rhythm_of(case.customer, policy)
    zone, calendar = rhythm.zone.zone, rhythm.calendar.calendar
    anchor = case.anchor + (held_time(case.holds, case.anchor, now) if case.holds else timedelta())
    day = anchor.astimezone(zone).date() + policy.cadence.escalation * _DAY
    at = at_local(day, policy.window.opens, zone)
    floor = morning_after_holds(case, rhythm, policy, now, None) if case.holds else None
    return into_window(max(at, floor) if floor else at, calendar, zone, policy.window)


def step_time(case: Case, policy: Policy, now: datetime, sent: datetime | None = None) -> Moment:
    """Return when the present step is due: its retry, or the next letter when a retry cannot work.

    The working day after the failure, or the policy's working days after the last letter, at the hour of
    retries; the working morning after an agreed date instead; never before the working morning after a hold
    ended or after a charge with a method the customer has just saved. May lie in the past. `sent`: as if a letter
    had just left then.
    """
    out = letters_out(case)
    since = sent or (sent_at(out[-1]) if out else None)
    rhythm = rhythm_of(case.customer, policy)
    zone, calendar, clock = rhythm.zone.zone, rhythm.calendar.calendar, policy.personal.retry_at
    agreed = promised_date(case, now, since) if case.holds else None
    if agreed is not None:
        day, because = calendar.next_working_day(agreed.astimezone(zone).date()), _AGREED
    elif since is None:
        day, because = calendar.next_working_day(case.anchor.astimezone(zone).date()), _FIRST
    else:
        count = policy.personal.retry_after_working_days
        day = calendar.add_working_days(since.astimezone(zone).date(), count)
        because = (
            f"{count} working days after the letter" if count > 1 else "one working day after the letter"
        )
    asked = asked_for(case)
    if asked is not None and (free := calendar.next_working_day(asked.astimezone(zone).date())) > day:
        day, because = free, "the working morning after the customer's own try"
    at = at_local(day, clock, zone)
    return _not_before_holds(case, Moment(at, because), rhythm, policy, now, since)


_AGREED, _FIRST = "the working morning after the agreed date", "the working morning after the failure"
_HELD = "the working morning after a hold ended"


def _not_before_holds(
    case: Case, planned: Moment, rhythm: Rhythm, policy: Policy, now: datetime, since: datetime | None
) -> Moment:
    floor = morning_after_holds(case, rhythm, policy, now, since) if case.holds else None
    if floor is None:
        return planned
    first = in_the_morning(floor, rhythm, policy)
    return Moment(first, _HELD) if first > planned.at else planned


def retry_made(case: Case) -> bool:
    """Say whether the retry of the present step has been made."""
    made, out = ours(case), letters_out(case)
    return bool(made) and (not out or made[-1].at > sent_at(out[-1]))


def time_is_up(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Hand the case to a person who calls: on the last day, or when every letter and its retry are done."""
    if time_up(case, policy, now) <= now:
        because = f"Day {policy.cadence.escalation} has come and the invoice is not paid; a person calls."
    elif len(letters_out(case)) >= policy.personal.max_letters and _step_is_over(case, policy, now):
        because = "Every letter has been sent and the invoice is not paid; a person calls."
    else:
        return "there is time and a step left"
    actions = [Action(ActionKind.ESCALATE, because, stage=Stage.ESCALATION)]
    if ReviewKind.ESCALATION not in case.reviews:
        over = "The personal track has ended and the invoice is not paid; a person takes over."
        actions.append(Action(ActionKind.REVIEW, over, stage=Stage.ESCALATION, review=ReviewKind.ESCALATION))
    call = "Call the customer: nothing so far has brought the money."
    actions.append(Action(ActionKind.CALL_TASK, call, stage=Stage.ESCALATION))
    return Decision(tuple(actions), None, because)


def _step_is_over(case: Case, policy: Policy, now: datetime) -> bool:
    done = retry_made(case) or no_retry_because(case, policy) is not None
    return done and step_time(case, policy, now).at <= now


def retry(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Charge the invoice again, once a step, on the morning of the step (spec 1.2, steps 3 and 7)."""
    if live_letter(case):
        return "a letter is prepared already"
    if retry_made(case):
        return "the retry of this step has been made"
    if no_retry_because(case, policy) is not None:
        return "a retry cannot work"
    moment = step_time(case, policy, now)
    if moment.at > now or in_the_morning(now, rhythm_of(case.customer, policy), policy) > now:
        return "it is not time for a retry"
    return retry_now(case, f"A retry is due: {moment.because}, and the decline may pass.", now)


def draft(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Prepare the next letter: after the step's retry, or without one when a retry cannot work."""
    if live_letter(case):
        return "a letter is prepared already"
    number = len(letters_out(case)) + 1
    if number > policy.personal.max_letters:
        return "every letter has been sent"
    if retry_made(case):
        why = "the retry did not bring the money"
    elif (why_not := no_retry_because(case, policy)) is None:
        return "a retry comes first"
    elif number > 1 and step_time(case, policy, now).at > now:
        return "it is not time for the next letter"
    else:
        why = f"a retry cannot work: {why_not}"
    because = f"Letter {number} is drafted for the manager to sign: {why}."
    next_look = min(now + UNDER_WAY_LOOK, time_up(case, policy, now))
    return Decision(
        (Action(ActionKind.DRAFT, because, letter=number, to=_address(case)),), next_look, because
    )


def letter_waits(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Wait for the manager's signature, the relationship owner's time, the window and the cap."""
    letter = live_letter(case)
    if letter is None:
        return "no letter waits"
    ends = time_up(case, policy, now)
    if letter.state is LetterState.DRAFT:
        return silent(f"Letter {letter.number} waits for the manager to sign it.", ends)
    waits = letter_may_leave(case, letter, policy, now)
    if waits.at > now:
        until = in_full(waits.at, rhythm_of(case.customer, policy).zone.zone)
        because = f"Letter {letter.number} is signed and waits until {until}: {waits.because}."
        return silent(because, min(waits.at, ends))
    return "the letter may leave"


def signature_due(case: Case, policy: Policy, now: datetime) -> datetime | None:
    """Return the day automation ends for a case that only waits for a signature; None for any other."""
    letter = live_letter(case)
    if case.status is not CaseStatus.OPEN or letter is None or letter.state is not LetterState.DRAFT:
        return None
    if case.invoice.in_flight or any(is_active(hold, now) for hold in case.holds):
        return None
    return time_up(case, policy, now)


def letter_may_leave(case: Case, letter: Letter, policy: Policy, now: datetime) -> Moment:
    """Return when a signed letter may leave, with what it waits for; `now` when nothing stands in its way."""
    rhythm = rhythm_of(case.customer, policy)
    zone, calendar = rhythm.zone.zone, rhythm.calendar.calendar
    found = Moment(now, "nothing")
    if letter.owner_until and letter.owner_agreed_at is None and letter.owner_until > now:
        found = Moment(letter.owner_until, "the relationship owner may still stop it")
    if case.holds and (floor := _after_holds(case, letter, rhythm, policy, now)) and floor > found.at:
        found = Moment(floor, "a hold has just ended")
    if (free := cap_ends(case, policy, now, None)) and free > found.at:
        found = Moment(free, "the contact was written to in another case")
    at = into_window(found.at, calendar, zone, policy.window)
    if at > found.at:
        return Moment(at, "the customer's working hours" if found.at == now else found.because)
    return found


def _after_holds(
    case: Case, letter: Letter, rhythm: Rhythm, policy: Policy, now: datetime
) -> datetime | None:
    """Return the first moment after the holds that ended since the letter was drafted.

    A postponement names the day, so the letter leaves on it; after any other hold it waits for the next morning.
    """
    ran_out = [h for h in case.holds if h.kind is HoldKind.VETO and h.until and h.until <= now]
    postponed = [h for h in ran_out if h.ended_at is None or h.ended_at >= (h.until or now)]
    rest = tuple(hold for hold in case.holds if hold not in postponed)
    floor = morning_after_holds(case, rhythm, policy, now, letter.drafted_at, holds=rest)
    for hold in postponed:
        over = max(hold.until or now, hold.ended_at or now)
        if over > letter.drafted_at:
            floor = max(floor or over + _BREATH, over + _BREATH)
    return floor


def send_letter(case: Case, policy: Policy, now: datetime) -> Decision | str:
    """Let a signed letter leave."""
    letter = live_letter(case)
    if letter is None:
        return "no letter waits"
    who = f" by {letter.approved_by}" if letter.approved_by else ""
    because = f"Letter {letter.number} was signed{who} and may leave."
    next_look = min(step_time(case, policy, now, sent=now).at, time_up(case, policy, now))
    action = Action(ActionKind.SEND, because, to=_address(case), letter=letter.number)
    return Decision((action,), next_look, because)


def wait_for_step(case: Case, policy: Policy, now: datetime) -> Decision:
    """Wait for the present step: nothing else is left to do until then."""
    moment, ends = step_time(case, policy, now), time_up(case, policy, now)
    rhythm, at = rhythm_of(case.customer, policy), moment.at
    if not retry_made(case) and no_retry_because(case, policy) is None:
        what, at = "retry", max(at, in_the_morning(now, rhythm, policy))
    else:
        what = "letter" if len(letters_out(case)) < policy.personal.max_letters else "call"
    when = in_full(at, rhythm.zone.zone)
    return silent(f"The next {what} waits until {when}: {moment.because}.", min(at, ends))


def _address(case: Case) -> str | None:
    return case.customer.contact.email if case.customer.contact else None
