"""Sample cases of the personal track, with a letter the engine itself has drafted."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User

from dunwell.engine.personal import drafts
from dunwell.engine.ports import Ports
from dunwell.policy.words import CollectionOwner, ReviewKind, Track
from dunwell.store import accounts, models
from dunwell.store.claims import one_transaction
from dunwell.store.journal import Journal
from dunwell.store.snapshots import snapshots
from tests.web import sample
from tests.web.sample import NOW, Wanted


def signer(username: str = "mara", first: str = "Mara", last: str = "Lindqvist") -> User:
    """Somebody who may approve letters."""
    user = sample.person(username, first, last)
    accounts.set_signer(user, signs=True)
    return user


def personal(
    name: str = "Northgate Capital", number: str = "INV-2026-04-1177", **columns: Any
) -> models.Case:
    """A large customer whose charge failed yesterday and whose collection is ours."""
    customer = sample.customer(name, mrr_minor=[610_000, 640_000, 640_000])
    customer.contacts.update(email="imani.osei@northgate.example")
    wanted = Wanted(
        customer,
        number,
        688_000,
        track=Track.PERSONAL,
        failed_days_ago=1,
        stages=(),
        because="Letter 1 waits for the manager to sign it.",
        columns={
            "collection": CollectionOwner.DUNWELL.value,
            "taken_over_at": NOW - timedelta(days=1),
            "proved_at": NOW - timedelta(hours=1),
            **columns,
        },
    )
    return sample.case(wanted)


def draft(row: models.Case, ports: Ports, **values: Any) -> models.Letter:
    """The first letter of a case as the engine drafts it, with some columns changed."""
    with one_transaction():
        journal = Journal(NOW)
        wrong = drafts.write(row, snapshots([row], NOW)[row.pk], 1, journal, ports, sample.book())
        assert wrong is None
        journal.write()
    letter = models.Letter.objects.get(case=row)
    for name, value in values.items():
        setattr(letter, name, value)
    letter.save()
    return letter


def call_task(row: models.Case) -> models.ReviewItem:
    """A call somebody should make."""
    return sample.review(
        row, ReviewKind.CALL_TASK, reason="Letters and retries have not brought the money.", proposal="Call."
    )
