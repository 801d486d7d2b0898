"""Drafts come and go: written when the rules ask for one, withdrawn when what they say is no longer so."""

from dataclasses import replace
from datetime import datetime

from dunwell.engine.letters import Unwritable
from dunwell.engine.personal.text import compose, signer
from dunwell.engine.ports import Ports
from dunwell.policy.addresses import is_address
from dunwell.policy.book import Book
from dunwell.policy.facts import Case, Person
from dunwell.policy.money import Money
from dunwell.policy.owner import owner_time_ends
from dunwell.policy.signing import SIGNED_AS_BEFORE, Says, outdated
from dunwell.policy.words import HoldKind, LetterState, MessageState, ReviewKind
from dunwell.store import claims, letters, models, people
from dunwell.store.journal import Journal

WITHDRAWN = "withdrawn"


def write(
    row: models.Case, case: Case, number: int, to: Journal, ports: Ports, book: Book
) -> Unwritable | None:
    """Write the draft of a locked case's letter, ask the manager to sign it and tell the relationship owner."""
    written = compose(row.pk, case, number, book, ports, to.now)
    contact = case.customer.contact
    if isinstance(written, Unwritable) or contact is None:
        return written if isinstance(written, Unwritable) else Unwritable("There is no contact to write to.")
    owner = _owner_to_ask(case, ports)
    letter = models.Letter.objects.create(
        case=row,
        number=number,
        state=LetterState.DRAFT.value,
        to_name=contact.name,
        to_address=contact.email,
        to_ledger_id=case.ledger.contact if case.ledger else "",
        cc_name=owner.name if owner else "",
        cc_address=owner.email if owner else "",
        subject=written.subject,
        text=written.text,
        amount_minor=case.invoice.open.minor,
        currency=case.invoice.open.currency,
        reason_code=case.reason.code if case.reason else "",
        drafted_at=to.now,
        owner_until=owner_time_ends(to.now, book.policy) if owner else None,
    )
    ask_to_approve(row, letter, to.now)
    if owner:
        _queue(letter, models.OutboxItem.OWNER_NOTE, f"owner_note:{letter.pk}", owner, to)
    return None


def _owner_to_ask(case: Case, ports: Ports) -> Person | None:
    """The relationship owner, unless there is none to reach or they are the manager who signs."""
    owner = case.customer.owner
    if owner is None or not is_address(owner.email) or owner.email == signer(ports).email:
        return None
    return owner


def leave(row: models.Case, to: Journal) -> None:
    """Queue the signed letter of a locked case: from here on only the gate keeps it back."""
    letter = letters.live_letter(row)
    if letter is None or letter.state != LetterState.APPROVED.value:
        raise ValueError(f"no signed letter on case {row.pk}")
    before = len(letters.effects_of(letter, models.OutboxItem.LETTER))
    # The end of the chain makes the key one of this installation, whoever else sends through the same ledger.
    key = f"letter:{letter.pk}:{before}:{row.chain_head[:16]}"
    contact = Person(letter.to_name, letter.to_address)
    _queue(letter, models.OutboxItem.LETTER, key, contact, to)
    letters.change(letter, state=LetterState.LEAVING.value)
    people.settle_kind(row, ReviewKind.DRAFT, "It is on its way.", "dunwell", to.now)


def _queue(letter: models.Letter, kind: str, key: str, who: Person, to: Journal) -> None:
    owed = Money(letter.amount_minor, letter.currency)
    about = {"to_name": who.name, "to_address": who.email, "letter_id": letter.pk}
    to.queue(letter.case_id, kind, key, owed, **about)


def refresh(row: models.Case, case: Case, to: Journal) -> Case:
    """Withdraw a letter that says what is no longer so; return the case as it stands then."""
    if not any(letter.state in (LetterState.DRAFT, LetterState.APPROVED) for letter in case.letters):
        return case
    letter = letters.live_letter(row)
    why = stale(letter, case) if letter is not None else None
    if letter is None or why is None or not withdraw(row, letter, why, to):
        return case
    kept = tuple(each for each in case.letters if each.state not in (LetterState.DRAFT, LetterState.APPROVED))
    reviews = tuple(kind for kind in case.reviews if kind is not ReviewKind.DRAFT)
    return replace(case, letters=kept, reviews=reviews)


def stale(letter: models.Letter, case: Case) -> str | None:
    """Say in a sentence what a letter says that is no longer so; None when it still holds."""
    why = outdated(says(letter), case)
    owner = case.customer.owner
    if why is None and letter.cc_address and (owner is None or owner.email != letter.cc_address):
        who = f"{owner.name} <{owner.email}>" if owner else "nobody"
        return f"The relationship owner is {who} now."
    return why


def says(letter: models.Letter) -> Says:
    """What a letter in a row says."""
    amount = Money(letter.amount_minor, letter.currency)
    return Says(amount, letter.to_name, letter.to_address, letter.reason_code, letter.drafted_at)


def withdraw(row: models.Case, letter: models.Letter, why: str, to: Journal, *, by: str = "dunwell") -> bool:
    """Keep a letter of a locked case from ever leaving, and say why; False when it may have left already."""
    if letters.may_have_left(letter):
        return False
    stop_leaving(letter, why, to.now)
    letters.change(letter, state=LetterState.WITHDRAWN.value, note=why)
    to.entry(
        row, WITHDRAWN, f"Letter {letter.number} was withdrawn: {why}", by=by, detail={"letter": letter.pk}
    )
    people.settle_kind(row, ReviewKind.DRAFT, why, by, to.now)
    return True


def withdraw_live(row: models.Case, why: str, to: Journal, *, by: str = "dunwell") -> None:
    """Withdraw the letter of a locked case that has not left, if there is one."""
    letter = letters.live_letter(row)
    if letter is not None and letter.state != LetterState.IN_DOUBT.value:
        withdraw(row, letter, why, to, by=by)


def hold_back(row: models.Case, kind: HoldKind, to: Journal) -> None:
    """A hold begins: what no worker has handed over waits; after what the customer said it is signed anew."""
    letter = letters.live_letter(row)
    signed = (LetterState.APPROVED.value, LetterState.LEAVING.value)
    if letter is None or letter.state not in signed or letters.may_have_left(letter):
        return
    why = f"The case is on hold ({kind})."
    stop_leaving(letter, why, to.now)
    if kind in SIGNED_AS_BEFORE:
        if letter.state == LetterState.LEAVING.value:
            letters.change(letter, state=LetterState.APPROVED.value)
            to.entry(row, "why_not", f"Letter {letter.number} waits: {why}", detail={"letter": letter.pk})
        return
    unsign(row, letter, f"{why} It was signed before.", to)


def unsign(row: models.Case, letter: models.Letter, why: str, to: Journal, *, by: str = "dunwell") -> None:
    """Make a signed letter a draft again, which a manager has to read once more."""
    letters.change(letter, state=LetterState.DRAFT.value, approved_at=None, approved_by="", via="")
    said = f"Letter {letter.number} is to be signed again: {why}"
    to.entry(row, "unsigned", said, by=by, detail={"letter": letter.pk})
    ask_to_approve(row, letter, to.now, why)


def stop_leaving(letter: models.Letter, why: str, now: datetime) -> None:
    """Stop what is queued of a letter. A worker that has it in hand finds at the gate that it must not leave."""
    for item in letters.effects_of(letter, models.OutboxItem.LETTER):
        stopped = MessageState.STOPPED
        claims.move_effect(item, frm=[MessageState.QUEUED], to=stopped, settled_at=now, note=why)


def ask_to_approve(row: models.Case, letter: models.Letter, now: datetime, said: str = "") -> None:
    """Put a draft on the manager's desk, unless it lies there."""
    reason = f"Letter {letter.number} to {letter.to_name} waits to be signed. {said}".strip()
    people.ask(row, ReviewKind.DRAFT, reason, "Read it, change what you like, then approve it.", now)


def tell_signer(row: models.Case, letter: models.Letter, said: str, now: datetime) -> None:
    """Add something the manager has to know of a draft to what lies on their desk about it."""
    for item in people.open_reviews_of(row):
        if item.kind == ReviewKind.DRAFT.value:
            people.add_to_review(item, said)
            return
    ask_to_approve(row, letter, now, said)
