"""Walks history on a virtual clock, in memory, with the rules, the gate and the answers that run live."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from dunwell.engine.replay import history, translate
from dunwell.policy import facts, words
from dunwell.policy.book import Book
from dunwell.policy.cadence import band_of
from dunwell.policy.decide import decide
from dunwell.policy.decision import Action, Decision
from dunwell.policy.gate import VerdictKind, check_gate
from dunwell.policy.money import Money
from dunwell.policy.opening import open_on
from dunwell.policy.policy import Policy
from dunwell.policy.reasons import reason_for_code
from dunwell.policy.replies import ReplyKind, read_reply
from dunwell.policy.respond import to_dispute, to_new_method, to_reply
from dunwell.policy.words import ActionKind, CaseStatus, InvoiceStatus, MessageState, Stage
from dunwell.policy.zones import zone_for


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done, or not done: a line of replay output (contract, Replay)."""

    at: datetime
    invoice: str
    action: ActionKind
    stage: Stage | None
    track: words.Track | None
    band: words.Band | None
    to: str | None
    because: str
    policy: str
    case: facts.Case

    def as_json(self) -> dict[str, str | None]:
        """The output's nine keys; what does not apply is null."""
        return {
            "at": self.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "invoice": self.invoice,
            "action": self.action.value,
            "stage": self.stage.value if self.stage else None,
            "track": self.track.value if self.track else None,
            "band": self.band.value if self.band else None,
            "to": self.to,
            "because": self.because,
            "policy": self.policy,
        }


class Replay:
    """A world in memory. `steps` yields what would have been done, ordered by time."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._customers: dict[str, facts.Customer] = {}
        self._cases: dict[str, facts.Case] = {}
        self._alarms: list[tuple[datetime, int, str]] = []
        self._current: dict[str, datetime | None] = {}
        self._order: dict[str, int] = {}
        self._written: dict[str, dict[str, datetime]] = defaultdict(dict)
        self._down_until: datetime | None = None
        self._stored: list[history.Fact] = []
        self._steps: list[Step] = []

    @property
    def cases(self) -> dict[str, facts.Case]:
        """Every case by invoice, as it stands."""
        return self._cases

    def steps(self, told: Iterable[history.Fact], until: datetime | None) -> Iterator[Step]:
        """Replay facts in order, then let the clock run to `until` or until nothing is due any more."""
        for fact in told:
            if until is not None and fact.at > until:
                break
            yield from self._run_to(fact.at, inclusive=False)
            if self._down_until is not None and fact.at < self._down_until:
                self._stored.append(fact)
            else:
                self._apply(fact, fact.at)
            yield from self._drain()
        yield from self._run_to(until, inclusive=True)

    def _drain(self) -> Iterator[Step]:
        done, self._steps = self._steps, []
        yield from done

    def _run_to(self, until: datetime | None, *, inclusive: bool) -> Iterator[Step]:
        """Ring every alarm up to `until`. Due means `<= now`, so downtime delays but loses nothing."""
        while True:
            down = self._down_until
            if down is not None:
                if until is not None and (until < down or (until == down and not inclusive)):
                    return
                self._down_until = None
                stored, self._stored = self._stored, []
                for fact in stored:
                    self._apply(fact, down)
                yield from self._drain()
            if not self._alarms:
                return
            due, _, invoice = self._alarms[0]
            now = max(due, down) if down is not None else due
            if until is not None and (now > until or (now == until and not inclusive)):
                return
            heapq.heappop(self._alarms)
            if self._current.get(invoice) == due:
                self._look(invoice, now)
                yield from self._drain()
            if down is not None:
                self._down_until = None
                yield from self._catch_up(down)

    def _catch_up(self, now: datetime) -> Iterator[Step]:
        """After downtime everything that came due meanwhile is looked at in one go."""
        while self._alarms and self._alarms[0][0] <= now:
            due, _, invoice = heapq.heappop(self._alarms)
            if self._current.get(invoice) == due:
                self._look(invoice, now)
        yield from self._drain()

    def _apply(self, fact: history.Fact, now: datetime) -> None:
        if isinstance(fact, history.CustomerLine):
            self._customer(fact)
        elif isinstance(fact, history.ArrearsLine):
            self._arrears(fact, now)
        elif isinstance(fact, history.MethodLine):
            for invoice in self._open_cases_of(fact.customer):
                self._react(invoice, now, partial(_charge_with, f"method saved {fact.at.isoformat()}"))
        elif isinstance(fact, history.DowntimeLine):
            self._down_until = max(fact.until, self._down_until or fact.until)
        else:
            self._on_invoice(fact, now)

    def _customer(self, fact: history.CustomerLine) -> None:
        built = translate.customer_facts(fact)
        self._customers[fact.customer] = built
        for invoice in self._open_cases_of(fact.customer):
            self._cases[invoice] = replace(self._cases[invoice], customer=built)

    def _open_cases_of(self, customer: str) -> list[str]:
        return [
            invoice
            for invoice, case in self._cases.items()
            if case.customer.id == customer and case.status is not CaseStatus.CLOSED
        ]

    def _arrears(self, fact: history.ArrearsLine, now: datetime) -> None:
        failed = isinstance(fact, history.PaymentFailedLine)
        reason = (
            reason_for_code(fact.code, fact.rail) if isinstance(fact, history.PaymentFailedLine) else None
        )
        case = self._cases.get(fact.invoice)
        if case is None or case.status is CaseStatus.CLOSED:
            customer = self._customers[fact.customer]
            case = facts.Case(
                track=open_on(customer, self._book.policy).track,
                status=CaseStatus.OPEN,
                opened_at=now,
                anchor=fact.at,
                invoice=facts.Invoice(
                    fact.invoice, fact.invoice, fact.money, InvoiceStatus.OPEN, fact.due, translate.rail(fact)
                ),
                customer=customer,
                failed_at=fact.at if failed else None,
                reason=reason,
            )
            self._order.setdefault(fact.invoice, len(self._order))
        else:
            case = replace(case, reason=reason or case.reason, invoice=replace(case.invoice, open=fact.money))
        if failed:
            tried = facts.Attempt(fact.at, words.AttemptTrigger.STRIPE, words.AttemptOutcome.DECLINED)
            case = replace(case, attempts=(*case.attempts, tried))
        self._cases[fact.invoice] = case
        self._look(fact.invoice, now)

    def _on_invoice(
        self,
        fact: history.InvoiceLine | history.PartialPaymentLine | history.ReplyLine | history.HoldLine,
        now: datetime,
    ) -> None:
        case = self._cases.get(fact.invoice)
        if case is None or case.status is CaseStatus.CLOSED:
            self._nothing_to_do(fact, case, now)
            return
        invoice = case.invoice
        match fact:
            case history.InvoiceLine(type="paid"):
                invoice = replace(invoice, status=InvoiceStatus.PAID, open=Money(0, invoice.open.currency))
            case history.InvoiceLine(type="voided"):
                invoice = replace(invoice, status=InvoiceStatus.VOID)
            case history.InvoiceLine(type="chargeback"):
                invoice = replace(invoice, charged_back=True)
            case history.PartialPaymentLine():
                invoice = translate.less(invoice, fact.amount)
            case _:
                self._from_people(fact, now)
        self._cases[fact.invoice] = replace(self._cases[fact.invoice], invoice=invoice)
        self._look(fact.invoice, now)

    def _from_people(
        self, fact: history.InvoiceLine | history.ReplyLine | history.HoldLine, now: datetime
    ) -> None:
        match fact:
            case history.ReplyLine():
                self._reply(fact, now)
            case history.HoldLine():
                self._hold(fact, now)
            case history.InvoiceLine(type="dispute"):
                self._react(fact.invoice, now, lambda c, _p, n: to_dispute(c, n, "customer"))
            case history.InvoiceLine(type="release"):
                self._release(fact.invoice, now)
            case _:
                self._step(fact.invoice, now, Action(ActionKind.SKIP, "No draft was waiting for approval."))

    def _nothing_to_do(self, fact: history.Fact, case: facts.Case | None, now: datetime) -> None:
        """Money on an invoice without a case is ordinary; anything else there deserves a word."""
        if isinstance(fact, history.HoldLine | history.ReplyLine) and case is not None:
            because = f"The case is closed, so this {fact.type} changes nothing."
            self._step(fact.invoice, now, Action(ActionKind.SKIP, because))

    def _reply(self, fact: history.ReplyLine, now: datetime) -> None:
        case = self._cases[fact.invoice]
        zone = zone_for(case.customer, self._book.policy).zone
        reading = read_reply(fact.text.encode(), now, zone)
        if reading.kind is ReplyKind.AUTO_REPLY:
            because = f"An automatic reply holds nothing: {reading.words!r}."
            self._step(fact.invoice, now, Action(ActionKind.SKIP, because))
            return
        self._react(fact.invoice, now, lambda c, _p, n: to_reply(c, n, "customer"))

    def _hold(self, fact: history.HoldLine, now: datetime) -> None:
        zone = zone_for(self._cases[fact.invoice].customer, self._book.policy).zone
        ends = translate.hold_end(fact, zone)
        hold = facts.Hold(fact.kind, words.HoldScope.CASE, now, ends, fact.reason, "person")
        what = fact.kind.value.replace("_", " ")
        until = f"until {ends.astimezone(zone):%Y-%m-%d %H:%M %Z}" if ends else "until released"
        because = f"On hold ({what}) {until}. {fact.reason}".strip()
        self._act(fact.invoice, now, Action(ActionKind.HOLD, because, hold=hold))

    def _release(self, invoice: str, now: datetime) -> None:
        case = self._cases[invoice]
        active = [hold for hold in case.holds if hold.ended_at is None]
        if not active:
            self._step(invoice, now, Action(ActionKind.SKIP, "There was no hold to release."))
            return
        holds = tuple(replace(hold, ended_at=now) if hold.ended_at is None else hold for hold in case.holds)
        reviews = tuple(kind for kind in case.reviews if kind not in _ANSWERED)
        self._cases[invoice] = replace(case, holds=holds, reviews=reviews)
        self._step(invoice, now, Action(ActionKind.RESUME, "The hold was released."))

    def _react(
        self,
        invoice: str,
        now: datetime,
        answer: Callable[[facts.Case, Policy, datetime], Decision],
    ) -> None:
        decision = answer(self._cases[invoice], self._book.policy, now)
        for action in decision.actions:
            self._act(invoice, now, action)
        if not decision.actions:
            self._step(invoice, now, Action(ActionKind.SKIP, decision.because))

    def _look(self, invoice: str, now: datetime) -> None:
        case = self._with_cap(invoice)
        if case.status is CaseStatus.CLOSED:
            return
        decision = decide(case, self._book.policy, now)
        for action in decision.actions:
            self._act(invoice, now, action)
        self._set_alarm(invoice, decision.next_look)
        waits = any(a.kind in (ActionKind.REVIEW, ActionKind.CALL_TASK) for a in decision.actions)
        held = any(a.kind is ActionKind.HOLD for a in decision.actions)
        after = self._cases[invoice]
        if waits and not held and decision.next_look is None and after.status is CaseStatus.OPEN:
            self._cases[invoice] = replace(after, status=CaseStatus.REVIEW)

    def _with_cap(self, invoice: str) -> facts.Case:
        case = self._cases[invoice]
        contact = case.customer.contact
        if contact is None:
            return case
        written = self._written[contact.email]
        at = max((at for other, at in written.items() if other != invoice), default=None)
        return replace(case, payer_written_at=at)

    def _set_alarm(self, invoice: str, at: datetime | None) -> None:
        self._current[invoice] = at
        if at is not None:
            heapq.heappush(self._alarms, (at, self._order[invoice], invoice))

    def _act(self, invoice: str, now: datetime, action: Action) -> None:
        case = self._cases[invoice]
        match action.kind:
            case ActionKind.SEND:
                self._send(invoice, now, action)
                return
            case ActionKind.HOLD if action.hold is not None:
                case = replace(case, holds=(*case.holds, action.hold))
            case ActionKind.RESUME:
                case = replace(case, holds=tuple(translate.ended(hold, now) for hold in case.holds))
            case ActionKind.REVIEW | ActionKind.CALL_TASK:
                kind = action.review or words.ReviewKind.CALL_TASK
                case = replace(case, reviews=(*case.reviews, kind))
            case ActionKind.ESCALATE:
                case = replace(case, status=CaseStatus.ESCALATED)
            case ActionKind.CLOSE:
                case = replace(case, status=CaseStatus.CLOSED)
            case ActionKind.RETRY:
                trigger, unknown = words.AttemptTrigger.NEW_METHOD, words.AttemptOutcome.UNKNOWN
                tried = facts.Attempt(now, trigger, unknown, action.method or "")
                case = replace(case, attempts=(*case.attempts, tried))
            case _:
                pass
        self._cases[invoice] = case
        self._step(invoice, now, action)

    def _send(self, invoice: str, now: datetime, action: Action) -> None:
        case = self._with_cap(invoice)
        reading = facts.InvoiceReading(now, case.invoice)
        stage = action.stage or Stage.NOTICE
        verdict = check_gate(
            case, stage, case.invoice.open, reading, self._book.policy, now, due_since=now, standing=None
        )
        if verdict.kind not in (VerdictKind.SEND, VerdictKind.ADJUST):
            self._step(invoice, now, replace(action, kind=ActionKind.SKIP, because=verdict.why))
            return
        sent = facts.Message(stage, now, MessageState.SENT, action.to or "")
        self._cases[invoice] = replace(case, messages=(*case.messages, sent))
        self._written[action.to or ""][invoice] = now
        self._step(invoice, now, action)

    def _step(self, invoice: str, now: datetime, action: Action) -> None:
        case = self._cases[invoice]
        self._steps.append(
            Step(
                at=now,
                invoice=invoice,
                action=action.kind,
                stage=action.stage,
                track=case.track,
                band=band_of(case.customer.record, self._book.policy).band,
                to=action.to,
                because=action.because,
                policy=self._book.version,
                case=case,
            )
        )


def _charge_with(method: str, case: facts.Case, policy: Policy, now: datetime) -> Decision:
    return to_new_method(case, method, policy, now)


_ANSWERED = {words.ReviewKind.REPLY, words.ReviewKind.DISPUTE}
