"""What must be true when the story has been told: everything it says, nothing twice, nothing too late."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from dunwell.engine import verify
from dunwell.policy.words import CollectionOwner, LetterState, ReviewKind
from dunwell.sandbox.cast import SAMPLES, Sample
from dunwell.sandbox.mail_checks import problems_of_mail
from dunwell.sandbox.story import letters_to
from dunwell.sandbox.world import World
from dunwell.store import invariants, models
from dunwell.store.cases import case_of_invoice


def problems(world: World) -> list[str]:
    """Say in sentences what did not go as the story says it should; empty when everything did."""
    found: list[str] = []
    for sample in SAMPLES:
        case = case_of_invoice(sample.number)
        if case is None:
            found.append(f"{sample.name} has no case.")
            continue
        found.extend(_told(sample, case, world))
        if sample.personal:
            found.extend(_signed(sample, case, world))
    return [*found, *problems_of_mail(world), *_once(world), *_whole()]


def _told(sample: Sample, case: models.Case, world: World) -> Iterator[str]:
    ending = case.ending or case.status
    if ending != sample.ending:
        yield f"{sample.name} should have ended {sample.ending}, but ended {ending}."
    letters = letters_to(sample, world)
    if len(letters) != sample.letters:
        yield f"NetSuite should have sent {sample.name} {sample.letters} mails, but sent {len(letters)}."
    if sample.stripe_email != sample.email and world.mail.messages(to=sample.stripe_email):
        yield f"{sample.name}'s shared mailbox was written to."
    paid_at = world.account.get(case.invoice.external_id)["status_transitions"]["paid_at"]
    if paid_at is not None and any(mail.at > datetime.fromtimestamp(paid_at, UTC) for mail in letters):
        yield f"NetSuite sent {sample.name} a mail after the payment."
    calls = [call for call in world.company.phone_calls.values() if sample.number in call.title]
    if len(calls) != sample.calls:
        yield f"NetSuite should have {sample.calls} calls to {sample.name}, but has {len(calls)}."


def _signed(sample: Sample, case: models.Case, world: World) -> Iterator[str]:
    """Stripe was proved quiet and kept quiet; what left is on the customer's record; what waits, waits for a person."""
    invoice = world.account.get(case.invoice.external_id)
    if case.collection != CollectionOwner.DUNWELL.value or case.proved_at is None:
        yield f"Collection from {sample.name} was not taken over."
    if invoice["attempt_count"] != 1 or invoice["next_payment_attempt"] is not None:
        yield f"Stripe went on charging {sample.name} by itself."
    letters = models.Letter.objects.filter(case=case)
    states = Counter(letters.values_list("state", flat=True))
    waiting = 1 if sample.ending == "open" else 0
    if states != Counter({LetterState.CONFIRMED.value: sample.letters, LetterState.DRAFT.value: waiting}):
        yield f"The mails to {sample.name} are {dict(states)}."
    asked = models.ReviewItem.objects.filter(case=case, closed_at=None, kind=ReviewKind.DRAFT.value).count()
    if asked != waiting:
        yield f"{asked} drafts to {sample.name} lie in the queue, not {waiting}."
    told = {owner for (owner,) in letters.exclude(cc_address="").values_list("cc_address")}
    for address in told:
        notes = [mail for mail in world.mail.messages(to=address) if sample.name in str(mail["Subject"])]
        if len(notes) != letters.count():
            yield f"{address} was asked about {sample.name} {len(notes)} times, for {letters.count()} drafts."


def _once(world: World) -> Iterator[str]:
    ids = [str(mail["Message-ID"]) for mail in world.mail.messages()]
    keys = [mail.key for mail in world.company.mail.sent]
    if len(ids) != len(set(ids)) or len(keys) != len(set(keys)):
        yield "A mail went out twice."
    letters = sum(sample.letters for sample in SAMPLES)
    if len(keys) != letters:
        yield f"NetSuite should have sent {letters} mails in all, but sent {len(keys)}."


def _whole() -> Iterator[str]:
    for misfit in verify.verify().misfits:
        yield f"Timeline of {misfit.invoice}: {misfit.why}."
    if invariants.forgotten_cases():
        yield "A case was forgotten."
    waiting_or_failed = (models.InboxEvent.WAITING, models.InboxEvent.FAILED)
    undone = models.InboxEvent.objects.filter(state__in=waiting_or_failed).count()
    if undone:
        yield f"{undone} events were not applied."
