"""Makes any number of open cases with everything real ones have: the same rows on PostgreSQL and SQLite.

Twenty kinds of case by turns, as on a Tuesday morning. When all are due, sixteen of twenty write a mail, one
closes, one comes off a hold, one is too early and one waits because its payer was written to yesterday.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from benchmarks import crowd_sql as sql
from dunwell.policy.words import Stage
from dunwell.store import keep
from dunwell.wiring import built_in_book

NOW = datetime(2026, 4, 14, 14, 30, tzinfo=UTC)  # half past ten in New York, half past four in Berlin
KINDS = 20
MAILS = 16  # of twenty that are due
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Kind:
    """One kind of case: how long ago its payment failed, and which messages went out since."""

    days: int
    sent: tuple[int, ...]  # days after the anchor
    failed: bool = True
    invoice: str = "open"

    @property
    def anchor(self) -> datetime:
        """When its clock started."""
        return NOW - self.days * _DAY - timedelta(minutes=27)


_REMINDER, _DIRECT = Kind(3, (0,)), Kind(7, (0, 3))
_KINDS = (
    *[_REMINDER] * 8,
    *[_DIRECT] * 4,
    *[Kind(14, (0, 3, 7))] * 2,
    Kind(21, (0, 3, 7, 14)),
    Kind(3, (0,), failed=False),
    Kind(3, (0,), invoice="paid"),
    _DIRECT,  # held until this morning (`sql.HELD`)
    Kind(1, (0,)),  # too early
    _REMINDER,  # has the customer of the case before it (`sql.SHARED`)
)


def make(cases: int, stride: int) -> None:
    """Fill empty tables with `cases` open cases, none of them due.

    Every `stride`-th of them, counted from any case, make a set in which the kinds take turns.
    """
    keep.pin(built_in_book(), NOW - 60 * _DAY)
    postgres = connection.vendor == "postgresql"
    with transaction.atomic(), connection.cursor() as cursor:
        if postgres:
            # References are right by the way they are made; checking each takes longer than making them.
            cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in sql.preparations(postgres=postgres):
            cursor.execute(statement)
        _say_kinds(cursor)
        cursor.execute(sql.numbers(cases, stride))
        for statement in sql.insertions(built_in_book().version, stride, postgres=postgres):
            cursor.execute(statement)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if postgres else "ANALYZE")
        if postgres:
            cursor.execute("CHECKPOINT")  # what is still to be flushed would be flushed while we measure


def make_due(number: int, cases: int, stride: int) -> None:
    """Let the alarm of the first `cases` cases of a set ring just before `NOW`."""
    ids = list(range(number + 1, number + 1 + cases * stride, stride))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE store_case SET due_at = %s WHERE id = %s AND due_at > %s",
            [(_plain(NOW - timedelta(minutes=60)), id_, _plain(NOW)) for id_ in ids],
        )


def _say_kinds(cursor: Any) -> None:
    for number, kind in enumerate(_KINDS):
        mails = [
            (kind.anchor + day * _DAY, stage.value) for day, stage in zip(kind.sent, Stage, strict=False)
        ]
        entries = [(kind.anchor, "opened"), *((at, word) for at, _ in mails for word in ("send", "sent"))]
        said = (number, kind.anchor, kind.anchor if kind.failed else None, kind.invoice, len(entries))
        cursor.execute("INSERT INTO kind VALUES (%s, %s, %s, %s, %s)", [_plain(value) for value in said])
        for at, stage in mails:
            cursor.execute("INSERT INTO said VALUES (%s, %s, %s)", [number, stage, _plain(at)])
        for seq, (at, word) in enumerate(entries, 1):
            cursor.execute("INSERT INTO entry VALUES (%s, %s, %s, %s)", [number, seq, _plain(at), word])


def _plain(value: Any) -> Any:
    """Write a moment as this database keeps it."""
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
