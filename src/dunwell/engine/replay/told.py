"""What history tells, one line at a time, becomes facts of cases; then the rules look."""

from dataclasses import replace
from datetime import datetime
from functools import partial

from dunwell.engine.replay import history, letters, translate
from dunwell.engine.replay.charges import with_failure
from dunwell.engine.replay.world import World
from dunwell.policy import facts, words
from dunwell.policy.decide import decide
from dunwell.policy.decision import Action, Decision
from dunwell.policy.money import Money
from dunwell.policy.opening import open_on
from dunwell.policy.personal import live_letter
from dunwell.policy.policy import Policy
from dunwell.policy.replies import ReplyKind, read_reply
from dunwell.policy.respond import to_dispute, to_new_method, to_reply
from dunwell.policy.saying import on_hold
from dunwell.policy.signing import no_signature_because
from dunwell.policy.words import ActionKind, CaseStatus, HoldKind, InvoiceStatus, LetterState, ReviewKind
from dunwell.policy.zones import zone_for

# What a person settles by ending the holds of a case.
_RELEASED = {ReviewKind.REPLY, ReviewKind.DISPUTE, ReviewKind.VETO}
# What a person who has read a reply answers it with.
_ANSWERS = {
    HoldKind.PROMISE,
    HoldKind.PAUSE,
    HoldKind.PAYMENT_PLAN,
    HoldKind.DISPUTE,
    HoldKind.DO_NOT_CONTACT,
}


def apply(fact: history.Told, now: datetime, world: World) -> None:
    """Take in one line of history. `now` is when it is noticed, which downtime makes later than its own time.

    Nothing is sent or charged here: the rules look once everything that was told of this moment is known.
    """
    if isinstance(fact, history.CustomerLine):
        _customer(fact, now, world)
    elif isinstance(fact, history.ArrearsLine):
        _arrears(fact, now, world)
    elif isinstance(fact, history.MethodLine):
        method = world.methods.save(fact.customer, fact.at)
        for invoice in world.open_cases_of(fact.customer):
            world.charge_soon(invoice, now, partial(_charge_with, method))
    else:
        _on_invoice(fact, now, world)


def _charge_with(method: str, case: facts.Case, policy: Policy, now: datetime) -> Decision:
    return to_new_method(case, method, policy, now)


def _customer(fact: history.CustomerLine, now: datetime, world: World) -> None:
    """Who owes, told again: what a person was asked to find out counts as found out when it changed."""
    before = world.customers.get(fact.customer)
    world.customers[fact.customer] = customer = translate.customer_facts(fact)
    for invoice in world.open_cases_of(fact.customer):
        case = replace(world.cases[invoice], customer=customer)
        found: set[ReviewKind] = set()
        if before is None or before.contact != customer.contact:
            found.add(ReviewKind.NO_CONTACT)
        if before is None or before.mrr != customer.mrr:
            found |= {ReviewKind.MRR_UNKNOWN, ReviewKind.INCOMPLETE}
        world.cases[invoice] = _settled(case, found, world.book.policy)
        world.look_soon(invoice, now)


def _settled(case: facts.Case, found: set[ReviewKind], policy: Policy) -> facts.Case:
    left = tuple(kind for kind in case.reviews if kind not in found)
    if left == case.reviews:
        return case
    status = CaseStatus.OPEN if case.status is CaseStatus.REVIEW and not left else case.status
    track = case.track or open_on(case.customer, policy).track
    return replace(case, reviews=left, status=status, track=track)


def _arrears(fact: history.ArrearsLine, now: datetime, world: World) -> None:
    case = world.cases.get(fact.invoice)
    opens = case is None or case.status is CaseStatus.CLOSED
    if case is None or case.status is CaseStatus.CLOSED:
        case = _opened(fact, now, case, world)
    else:
        case = replace(case, invoice=replace(case.invoice, open=fact.money))
    if isinstance(fact, history.PaymentFailedLine):
        outcome = words.AttemptOutcome.DECLINED
        method = world.methods.of(fact.customer)
        failed = facts.Attempt(fact.at, words.AttemptTrigger.STRIPE, outcome, method, fact.code or "")
        case = replace(
            with_failure(case, failed),
            failed_at=case.failed_at or fact.at,
            reason=translate.reason(fact),
            invoice=replace(case.invoice, rail=translate.rail(fact), in_flight=False),
        )
    world.cases[fact.invoice] = case
    if opens:
        world.opened.add(fact.invoice)
    world.look_soon(fact.invoice, now)


def _opened(fact: history.ArrearsLine, now: datetime, last: facts.Case | None, world: World) -> facts.Case:
    customer = world.customers[fact.customer]
    return facts.Case(
        track=open_on(customer, world.book.policy).track,
        status=CaseStatus.OPEN,
        opened_at=now,
        anchor=fact.at,
        invoice=facts.Invoice(
            fact.invoice, fact.invoice, fact.money, InvoiceStatus.OPEN, fact.due, translate.rail(fact)
        ),
        customer=customer,
        attempts=last.attempts if last else (),
        holds=_holds_of_customer(fact.customer, world),
    )


def _on_invoice(
    fact: history.InvoiceLine | history.PartialPaymentLine | history.ReplyLine | history.HoldLine,
    now: datetime,
    world: World,
) -> None:
    case = world.cases.get(fact.invoice)
    if case is not None and case.status is CaseStatus.CLOSED and fact.type == "chargeback":
        case = _reopened(case, fact.invoice, now, world)
    if case is None or case.status is CaseStatus.CLOSED:
        if not (isinstance(fact, history.ReplyLine) and case is not None and _reply(fact, now, world)):
            _nothing_to_do(fact, case, now, world)
        return
    invoice = case.invoice
    match fact:
        case history.InvoiceLine(type="paid"):
            if invoice.open.minor > 0:
                world.paid[fact.invoice] = invoice.open
            invoice = replace(
                invoice,
                status=InvoiceStatus.PAID,
                open=Money(0, invoice.open.currency),
                in_flight=False,
                charged_back=False,  # whatever was taken back, the money is there now
            )
        case history.InvoiceLine(type="voided"):
            invoice = replace(invoice, status=InvoiceStatus.VOID)
        case history.InvoiceLine(type="chargeback"):
            invoice = replace(invoice, charged_back=True)
        case history.InvoiceLine(type="processing"):
            since = invoice.in_flight_since if invoice.in_flight else fact.at
            invoice = replace(invoice, in_flight=True, in_flight_since=since)
        case history.PartialPaymentLine():
            invoice = translate.less(invoice, fact.amount, credited=fact.type == "credit")
        case _:
            _from_people(fact, now, world)
    world.cases[fact.invoice] = replace(world.cases[fact.invoice], invoice=invoice)
    world.look_soon(fact.invoice, now)


def _reopened(case: facts.Case, invoice: str, now: datetime, world: World) -> facts.Case:
    """Money that had come went again: its case is open once more, on a desk. One that ended otherwise stays closed."""
    if case.invoice.status is not InvoiceStatus.PAID:
        return case
    holds = tuple(
        replace(hold, ended_at=now) if hold.ended_at is None and hold.scope is words.HoldScope.CASE else hold
        for hold in case.holds
    )
    reopened = replace(case, status=CaseStatus.REVIEW, reopened_at=now, holds=holds, reviews=())
    world.cases[invoice] = reopened
    return reopened


def _nothing_to_do(fact: history.Fact, case: facts.Case | None, now: datetime, world: World) -> None:
    """Money on an invoice without a case is ordinary; anything else there deserves a word.

    What covers a customer covers it whichever invoice it was told on.
    """
    if isinstance(fact, history.HoldLine) and case is not None and fact.scope is words.HoldScope.CUSTOMER:
        _hold(fact, now, world)
    elif isinstance(fact, history.InvoiceLine) and fact.type == "release" and case is not None:
        if _release_wide(fact.invoice, now, world):
            because = "The hold on all invoices of the customer was released. This case is closed."
            world.step(fact.invoice, now, Action(ActionKind.SKIP, because))
    elif isinstance(fact, history.HoldLine | history.ReplyLine) and case is not None:
        because = f"The case is closed, so this {fact.type} changes nothing."
        world.step(fact.invoice, now, Action(ActionKind.SKIP, because))


def _from_people(
    fact: history.InvoiceLine | history.ReplyLine | history.HoldLine, now: datetime, world: World
) -> None:
    match fact:
        case history.ReplyLine():
            _reply(fact, now, world)
        case history.HoldLine():
            _hold(fact, now, world)
        case history.InvoiceLine(type="dispute"):
            world.react(fact.invoice, now, lambda c, _p, _n: to_dispute(c, fact.at, "customer"))
        case history.InvoiceLine(type="release"):
            _release(fact.invoice, now, world)
        case _:
            _approve(fact.invoice, now, world)


def _reply(fact: history.ReplyLine, now: datetime, world: World) -> bool:
    """Hold all that the payer owes until somebody has read it; say whether there was anything to do."""
    customer = world.cases[fact.invoice].customer
    owes = world.open_cases_of(customer.id)
    zone = zone_for(customer, world.book.policy).zone
    reading = read_reply(fact.text.encode(), now, zone)
    if reading.kind is ReplyKind.AUTO_REPLY and fact.invoice in owes:
        because = f"An automatic reply holds nothing: {reading.words!r}."
        world.step(fact.invoice, now, Action(ActionKind.SKIP, because))
    if reading.kind is ReplyKind.AUTO_REPLY or not owes:
        return fact.invoice in owes
    world.unread.put(fact.invoice, owes)
    for invoice in sorted(owes, key=lambda each: each != fact.invoice):
        elsewhere = "" if invoice == fact.invoice else fact.invoice
        world.react(invoice, now, partial(_hold_for_reply, fact.at, elsewhere))
        if elsewhere:
            world.look_soon(invoice, now)
    return True


def _hold_for_reply(
    at: datetime, elsewhere: str, case: facts.Case, _policy: Policy, _now: datetime
) -> Decision:
    return to_reply(case, at, "customer", elsewhere)


def _read_with(invoice: str, now: datetime, world: World) -> None:
    """Whoever has read the reply about an invoice lets the others go on that waited for it too."""
    for other in world.unread.read(invoice):
        case = world.cases[other]
        if case.status is CaseStatus.CLOSED or not any(_waits_for_reply(hold) for hold in case.holds):
            continue
        holds = tuple(replace(hold, ended_at=now) if _waits_for_reply(hold) else hold for hold in case.holds)
        world.cases[other] = _settled(replace(case, holds=holds), {ReviewKind.REPLY}, world.book.policy)
        world.step(other, now, Action(ActionKind.RESUME, f"The reply about {invoice} was read."))
        world.look_soon(other, now)


def _waits_for_reply(hold: facts.Hold) -> bool:
    return hold.kind is HoldKind.REPLY and hold.ended_at is None


def _hold(fact: history.HoldLine, now: datetime, world: World) -> None:
    policy = world.book.policy
    case = world.cases[fact.invoice]
    zone = zone_for(case.customer, policy).zone
    ends = translate.hold_end(fact, zone, policy.window.opens)
    parts = translate.instalments(fact, case.invoice.open.currency)
    because = f"{on_hold(fact.kind, ends, zone, parts)} {fact.reason}".strip()
    hold = facts.Hold(fact.kind, fact.scope, fact.at, ends, fact.reason, "person", instalments=parts)
    if case.status is CaseStatus.CLOSED:
        # Kept there for the cases that open later.
        world.cases[fact.invoice] = replace(case, holds=(*case.holds, hold))
        said = f"{because} This case is closed; it holds for all the others of the customer, later ones too."
        world.step(fact.invoice, now, Action(ActionKind.SKIP, said))
    for invoice in _covered(fact, case, world):
        world.cases[invoice] = _replaced(world.cases[invoice], fact.kind, ends, now)
        world.act(invoice, now, Action(ActionKind.HOLD, because, hold=hold))
        world.look_soon(invoice, now)
    if fact.kind in _ANSWERS:
        _read_with(fact.invoice, now, world)
    if fact.kind is HoldKind.VETO and ends is None:
        _veto(fact.invoice, now, world)


def _covered(fact: history.HoldLine, case: facts.Case, world: World) -> list[str]:
    if fact.scope is words.HoldScope.CASE:
        return [fact.invoice]
    return world.open_cases_of(case.customer.id)


def _holds_of_customer(customer: str, world: World) -> tuple[facts.Hold, ...]:
    """What covers all invoices of a customer covers a new one too."""
    mine = [hold for case in world.cases.values() if case.customer.id == customer for hold in case.holds]
    wide = sorted((hold for hold in mine if hold.scope is words.HoldScope.CUSTOMER), key=_not_ended_first)
    return tuple({(hold.kind, hold.start, hold.until): hold for hold in wide}.values())


def _not_ended_first(hold: facts.Hold) -> bool:
    """A hold that was seen to end on one case has ended for all."""
    return hold.ended_at is not None


def _replaced(case: facts.Case, kind: HoldKind, ends: datetime | None, now: datetime) -> facts.Case:
    """A person's answer to a reply ends its hold, and another day replaces the one a mail was put off to."""
    over = {HoldKind.REPLY} if kind in _ANSWERS else set()
    holds = tuple(
        replace(hold, ended_at=now)
        if hold.ended_at is None
        and (hold.kind in over or (ends and hold.until and kind is hold.kind is HoldKind.VETO))
        else hold
        for hold in case.holds
    )
    reviews = tuple(each for each in case.reviews if each is not ReviewKind.REPLY or not over)
    return replace(case, holds=holds, reviews=reviews)


def _veto(invoice: str, now: datetime, world: World) -> None:
    """The relationship owner stops the letter that has not left."""
    letter = live_letter(world.cases[invoice])
    if letter is None:
        return
    world.cases[invoice] = letters.withdrawn(world.cases[invoice])
    because = f"The relationship owner stopped letter {letter.number}; ending the hold makes a new draft."
    world.act(invoice, now, Action(ActionKind.REVIEW, because, review=ReviewKind.VETO, letter=letter.number))


def _release(invoice: str, now: datetime, world: World) -> None:
    if all(hold.ended_at is not None for hold in world.cases[invoice].holds):
        world.step(invoice, now, Action(ActionKind.SKIP, "There was no hold to release."))
        return
    _release_wide(invoice, now, world)
    case = world.cases[invoice]
    holds = tuple(replace(hold, ended_at=now) if hold.ended_at is None else hold for hold in case.holds)
    reviews = tuple(kind for kind in case.reviews if kind not in _RELEASED)
    world.cases[invoice] = replace(case, holds=holds, reviews=reviews)
    world.step(invoice, now, Action(ActionKind.RESUME, "The hold was released."))
    _read_with(invoice, now, world)


def _release_wide(invoice: str, now: datetime, world: World) -> bool:
    """End what holds all of a customer's cases, whichever it was told on; say whether anything did."""
    case = world.cases[invoice]
    wide = {hold for hold in _holds_of_customer(case.customer.id, world) if hold.ended_at is None}
    over = {
        other: found
        for other, found in world.cases.items()
        if found.customer.id == case.customer.id and not wide.isdisjoint(found.holds)
    }
    for other, found in over.items():
        holds = tuple(replace(hold, ended_at=now) if hold in wide else hold for hold in found.holds)
        world.cases[other] = replace(found, holds=holds)
        if other != invoice and found.status is not CaseStatus.CLOSED:
            said = "The hold on all invoices of the customer was released."
            world.step(other, now, Action(ActionKind.RESUME, said))
            world.look_soon(other, now)
    return bool(wide)


def _approve(invoice: str, now: datetime, world: World) -> None:
    """A manager signs the draft. Says what a signed letter still waits for, since nothing is seen to leave."""
    case = world.cases[invoice]
    letter = live_letter(case)
    if letter is None or letter.state is not LetterState.DRAFT:
        signed = f"Letter {letter.number} has been signed already." if letter else ""
        because = signed or "No draft was waiting for approval."
    elif why := no_signature_because(case, now):
        because = f"Letter {letter.number} was not signed. {why}"
    else:
        world.cases[invoice] = letters.approved(case, now)
        decision = decide(world.seen(invoice, now), world.book.policy, now)
        if decision.actions:
            return
        because = decision.because
    world.step(invoice, now, Action(ActionKind.SKIP, because, letter=letter.number if letter else None))
