"""Every case in memory, with what the rules, the gate and the effects make of it at a moment."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from dunwell.engine.replay import letters, translate
from dunwell.engine.replay.alarms import Alarms
from dunwell.engine.replay.charges import Methods, answered_by, awaits_answer
from dunwell.engine.replay.merged import Leaving, Together, mail_to
from dunwell.engine.replay.step import Step
from dunwell.engine.replay.unread import Unread
from dunwell.policy import facts, words
from dunwell.policy.book import Book
from dunwell.policy.cadence import band_of, is_active
from dunwell.policy.decide import decide
from dunwell.policy.decision import Action, Decision
from dunwell.policy.gate import Verdict, VerdictKind, check_charge_gate, check_gate, check_letter_gate
from dunwell.policy.merging import sends
from dunwell.policy.money import Money
from dunwell.policy.personal import live_letter
from dunwell.policy.plans import ended_plan
from dunwell.policy.policy import Policy
from dunwell.policy.signing import Says, outdated
from dunwell.policy.words import (
    ActionKind,
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    CollectionOwner,
    MessageState,
    Stage,
)

# What a fact calls for at once.
Answer = Callable[[facts.Case, Policy, datetime], Decision]
# An invoice that is paid and fails again has another case: its number and when that case was opened.
_Key = tuple[str, datetime]
_STOPS = (ActionKind.CLOSE, ActionKind.HOLD)


class World:
    """The cases of one replay. What an effect does live happens here at once, and nothing leaves."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.customers: dict[str, facts.Customer] = {}
        self.cases: dict[str, facts.Case] = {}
        self.alarms = Alarms()
        self.methods = Methods()
        self.unread = Unread()
        # What the last payment of an invoice brought, for when it is taken back.
        self.paid: dict[str, Money] = {}
        # Invoices whose case was opened, about which nothing has been said.
        self.opened: set[str] = set()
        self._steps: list[Step] = []
        # When facts called for charges that have not been made.
        self.charges_at: datetime | None = None
        self._charges: list[tuple[str, Answer]] = []
        self._written: dict[str, dict[_Key, datetime]] = defaultdict(dict)
        # What the letter that has not left says.
        self._says: dict[str, Says] = {}

    def drain(self) -> list[Step]:
        """Return what was done since this was asked last."""
        done, self._steps = self._steps, []
        return done

    def open_cases_of(self, customer: str) -> list[str]:
        """Return the invoices of a customer's cases that are not over."""
        return [
            invoice
            for invoice, case in self.cases.items()
            if case.customer.id == customer and case.status is not CaseStatus.CLOSED
        ]

    def seen(self, invoice: str, now: datetime) -> facts.Case:
        """Return a case as the rules see it: with the cap, the instrument and the charge under way."""
        case = self.cases[invoice]
        instrument = self.methods.instrument(case, self.cases.values(), self.book.policy, now)
        moving = {ActionKind.RETRY} if awaits_answer(case, now) else set[ActionKind]()
        contact, at = case.customer.contact, None
        if contact is not None:
            written = self._written[contact.email.casefold()]
            mine = (invoice, case.opened_at)
            at = max((at for other, at in written.items() if other != mine), default=None)
        return replace(case, payer_written_at=at, instrument=instrument, under_way=frozenset(moving))

    def look(self, invoice: str, now: datetime) -> None:
        """Let the rules decide about a case, again and again as long as what they ask for is done at once."""
        while self._look_once(invoice, now):
            pass

    def look_soon(self, invoice: str, now: datetime) -> None:
        """Let the rules decide once every fact of this moment is known; what only stops a case happens at once."""
        self.alarms.put(invoice, now)
        if self.cases[invoice].status is CaseStatus.CLOSED:
            return
        decision = decide(self.seen(invoice, now), self.book.policy, now)
        if any(action.kind in _STOPS for action in decision.actions):
            self.look(invoice, now)

    def give_up(self, invoice: str, now: datetime) -> None:
        """Look no more at a case that waits for something history does not tell, and say so."""
        self.alarms.put(invoice, None)
        waits = decide(self.seen(invoice, now), self.book.policy, now).because
        because = f"{waits} History does not say what came of it, so the replay of this case ends here."
        self.step(invoice, now, Action(ActionKind.SKIP, because))

    def charge_soon(self, invoice: str, now: datetime, answer: Answer) -> None:
        """React with a charge once every fact of this moment is known."""
        self._charges.append((invoice, answer))
        self.charges_at = now

    def charge(self, now: datetime) -> None:
        """Make the charges that facts of this moment called for, on cases that are not over by now."""
        charges, self._charges, self.charges_at = self._charges, [], None
        for invoice, answer in charges:
            if self.cases[invoice].status is not CaseStatus.CLOSED:
                self.react(invoice, now, answer)

    def react(self, invoice: str, now: datetime, answer: Answer) -> None:
        """Carry out what a fact calls for at once; say why not when it calls for nothing."""
        decision = answer(self.cases[invoice], self.book.policy, now)
        for action in decision.actions:
            self.act(invoice, now, action, AttemptTrigger.NEW_METHOD)
        if not decision.actions:
            self.step(invoice, now, Action(ActionKind.SKIP, decision.because))

    def act(
        self,
        invoice: str,
        now: datetime,
        action: Action,
        trigger: AttemptTrigger = AttemptTrigger.RETRY,
    ) -> bool:
        """Carry out one action; say whether the rules look again at once, as they do live after an effect.

        `trigger`: why a charge is made.
        """
        if action.kind is ActionKind.SEND:
            return self._send(invoice, now, action)
        if action.kind is ActionKind.RETRY:
            return self._charge(invoice, now, action, trigger)
        before = live_letter(self.cases[invoice])
        self.cases[invoice] = self._after(invoice, now, action)
        self.step(invoice, now, action)
        if action.hold is not None:
            self._say_unsigned(invoice, before, action.hold, now)
        return action.kind in (ActionKind.TAKE_OVER, ActionKind.DRAFT)

    def step(self, invoice: str, now: datetime, action: Action, together: Together | None = None) -> None:
        """Note what was done, or not done. `together`: the mail about several invoices that is sent."""
        case = self.cases[invoice]
        self.opened.discard(invoice)
        self._steps.append(
            Step(
                at=now,
                invoice=invoice,
                action=action.kind,
                stage=action.stage,
                track=case.track,
                band=band_of(case.customer.record, self.book.policy).band,
                to=action.to,
                because=action.because,
                policy=self.book.version,
                case=case,
                letter=action.letter,
                together=together,
            )
        )

    def _look_once(self, invoice: str, now: datetime) -> bool:
        if self.cases[invoice].status is CaseStatus.CLOSED:
            return False
        self._refresh(invoice, now)
        decision = decide(self.seen(invoice, now), self.book.policy, now)
        self._say_born_on_hold(invoice, decision, now)
        leaving = self._leaving(invoice, decision, now)
        if leaving is not None and invoice not in leaving.invoices:
            # Another invoice of the payer has waited longer: it goes first, and this one waits for the cap.
            self.look(leaving.invoices[0], now)
            decision = decide(self.seen(invoice, now), self.book.policy, now)
        elif leaving is not None and len(leaving.invoices) > 1:
            self._send_together(leaving, now)
            return False
        again = [self.act(invoice, now, action) for action in decision.actions]
        case = self.cases[invoice]
        answer = answered_by(case, now)
        looks = [at for at in (decision.next_look, answer) if at is not None]
        self.alarms.put(invoice, min(looks, default=None))
        waits = any(a.kind in (ActionKind.REVIEW, ActionKind.CALL_TASK) for a in decision.actions)
        held = any(a.kind is ActionKind.HOLD for a in decision.actions)
        if waits and not held and decision.next_look is None and case.status is CaseStatus.OPEN:
            self.cases[invoice] = replace(case, status=CaseStatus.REVIEW)
        return any(again)

    def _say_born_on_hold(self, invoice: str, decision: Decision, now: datetime) -> None:
        """A case that opens under a hold on all of its customer's says why nothing happens."""
        if invoice not in self.opened:
            return
        self.opened.discard(invoice)
        holds = self.cases[invoice].holds
        if not decision.actions and any(is_active(hold, now) for hold in holds):
            self.step(invoice, now, Action(ActionKind.SKIP, decision.because))

    def _say_unsigned(
        self, invoice: str, before: facts.Letter | None, hold: facts.Hold, now: datetime
    ) -> None:
        after = live_letter(self.cases[invoice])
        if before is None or after is None or before.state is after.state:
            return
        because = f"Letter {after.number} has to be signed again: the case is on hold ({hold.kind})."
        self.step(invoice, now, Action(ActionKind.SKIP, because, letter=after.number))

    def _refresh(self, invoice: str, now: datetime) -> None:
        """Withdraw a letter that says what is no longer so."""
        case = self.cases[invoice]
        if (letter := live_letter(case)) is None or (why := outdated(self._says[invoice], case)) is None:
            return
        self.cases[invoice] = letters.withdrawn(case)
        because = f"Letter {letter.number} was withdrawn: {why}"
        self.step(invoice, now, Action(ActionKind.SKIP, because, letter=letter.number))

    def _after(self, invoice: str, now: datetime, action: Action) -> facts.Case:
        """What a case is once something other than a message or a charge was done."""
        case = self.cases[invoice]
        match action.kind:
            case ActionKind.TAKE_OVER:
                case = replace(case, collection=facts.Collection(CollectionOwner.DUNWELL, now, now))
            case ActionKind.DRAFT if case.customer.contact is not None:
                contact = case.customer.contact
                why = case.reason.code if case.reason else ""
                self._says[invoice] = Says(case.invoice.open, contact.name, contact.email, why, now)
                case = letters.drafted(case, action.letter or 1, contact.email, self.book.policy, now)
            case ActionKind.HOLD if action.hold is not None:
                case = letters.held(replace(case, holds=(*case.holds, action.hold)), action.hold.kind)
            case ActionKind.RESUME if action.hold is not None and action.hold.instalments:
                case = replace(case, holds=ended_plan(case.holds, action.hold, now))
            case ActionKind.RESUME:
                case = replace(case, holds=tuple(translate.ended(hold, now) for hold in case.holds))
            case ActionKind.REVIEW | ActionKind.CALL_TASK:
                kind = action.review or words.ReviewKind.CALL_TASK
                case = replace(case, reviews=(*case.reviews, kind))
            case ActionKind.ESCALATE:
                case = letters.withdrawn(replace(case, status=CaseStatus.ESCALATED))
            case ActionKind.CLOSE:
                case = letters.withdrawn(replace(case, status=CaseStatus.CLOSED))
            case _:
                pass
        return case

    def _send(self, invoice: str, now: datetime, action: Action) -> bool:
        """Past the gate, a message or letter is out; the rules look again only after a letter."""
        if not self._passes(invoice, now, action):
            return False
        if action.letter is not None:
            self.cases[invoice] = letters.sent(self.cases[invoice], now)
            self._note_written(invoice, now, action)
        else:
            self._note_message(invoice, now, action)
        self.step(invoice, now, action)
        return action.letter is not None

    def _leaving(self, invoice: str, decision: Decision, now: datetime) -> Leaving | None:
        """What leaves to the contact of a case that has a stage to send, if its customer has other cases too."""
        contact = self.cases[invoice].customer.contact
        names = self.open_cases_of(self.cases[invoice].customer.id)
        if sends(decision) is None or contact is None or len(names) == 1:
            return None
        theirs = [(name, self.seen(name, now)) for name in names]
        return mail_to(contact.email, theirs, self.book.policy, now)

    def _send_together(self, leaving: Leaving, now: datetime) -> None:
        """Past the gate, one mail about several invoices is out; what may not leave is left out of it."""
        parts = list(zip(leaving.invoices, leaving.mail.parts, strict=True))
        sent = []
        for invoice, part in parts:
            [action] = part.decision.actions
            self.alarms.put(invoice, part.decision.next_look)
            if self._passes(invoice, now, action):
                sent.append((invoice, action))
        about = tuple(self.cases[invoice] for invoice, _ in sent)
        for place, (invoice, action) in enumerate(sent):
            self._note_message(invoice, now, action)
            self.step(invoice, now, action, Together(about, leaving.mail.tone, carried=place > 0))

    def _note_message(self, invoice: str, now: datetime, action: Action) -> None:
        case, to = self.cases[invoice], action.to or ""
        message = facts.Message(action.stage or Stage.NOTICE, now, MessageState.SENT, to)
        self.cases[invoice] = replace(case, messages=(*case.messages, message))
        self._note_written(invoice, now, action)

    def _note_written(self, invoice: str, now: datetime, action: Action) -> None:
        self._written[(action.to or "").casefold()][invoice, self.cases[invoice].opened_at] = now

    def _passes(self, invoice: str, now: datetime, action: Action) -> bool:
        verdict = self._at_the_gate(invoice, now, action)
        # A letter with another amount than was signed is withdrawn before it gets here.
        if verdict.kind is not VerdictKind.SEND:
            self.step(invoice, now, replace(action, kind=ActionKind.SKIP, because=verdict.why))
        return verdict.kind is VerdictKind.SEND

    def _at_the_gate(self, invoice: str, now: datetime, action: Action) -> Verdict:
        case, policy = self.seen(invoice, now), self.book.policy
        reading = _read(case, now)
        if action.letter is not None:
            return check_letter_gate(case, self._says[invoice], reading, None, policy, now, due_since=now)
        stage, amount = action.stage or Stage.NOTICE, case.invoice.open
        return check_gate(case, stage, amount, reading, policy, now, due_since=now, standing=None)

    def _charge(self, invoice: str, now: datetime, action: Action, trigger: AttemptTrigger) -> bool:
        """Past the gate, a charge is made; history says what came of it, and the rules wait for that."""
        case, method = self.seen(invoice, now), action.method or ""
        verdict = check_charge_gate(
            case,
            method,
            _read(case, now),
            self.book.policy,
            now,
            due_since=now,
            standing=None,
            trigger=trigger,
        )
        if verdict.kind is VerdictKind.SEND:
            made = facts.Attempt(now, trigger, AttemptOutcome.UNKNOWN, method)
            self.cases[invoice] = replace(self.cases[invoice], attempts=(*case.attempts, made))
            self.step(invoice, now, action)
        else:
            self.step(invoice, now, replace(action, kind=ActionKind.SKIP, because=verdict.why))
        return False


def _read(case: facts.Case, now: datetime) -> facts.InvoiceReading:
    """What Stripe would say: quiet since collection was taken over, which history cannot contradict."""
    automatic = case.collection.owner is CollectionOwner.STRIPE
    return facts.InvoiceReading(now, case.invoice, auto_advance=automatic)
