"""The arms of the tick: ours as it ships, the floor, and one transaction a case."""

import gc
import re
from statistics import median

from django.core.management import call_command
from django.db import connection
from django.db.models import F, Max
from django.test.utils import CaptureQueriesContext

from benchmarks import crowd, floor
from benchmarks.measured import Measured, Stopwatch
from dunwell import wiring
from dunwell.engine.tick import BATCH, tick
from dunwell.store.models import Case, OutboxItem, TimelineEntry

WARM = 40  # cases looked at before the clock starts: two of each kind
# PostgreSQL's words for reading a table whole, and SQLite's, which says so of a walk along an index too.
_WHOLE = re.compile(r"(?:Seq Scan on|^SCAN) (store_\w+)(?! USING)")


def prepare(cases: int, stride: int) -> Measured:
    """Make the tables and fill them with open cases."""
    with Stopwatch() as watch:
        call_command("migrate", verbosity=0, interactive=False)
        crowd.make(cases, stride)
    return watch.measured(cases)


def ours(number: int, due: int, stride: int, limit: int = BATCH) -> Measured:
    """Tick until nothing is due, as a worker does that has been running for a while."""
    crowd.make_due(number, due + WARM, stride)
    ports = wiring.ports()
    gc.collect()
    gc.freeze()  # as `dunwell worker` does
    tick(ports, crowd.NOW, WARM)
    before, done = _last_ids(), 0
    with Stopwatch() as watch:
        while looked := tick(ports, crowd.NOW, limit):
            done += looked
    return watch.measured(done, _rows(before))


def least(number: int, due: int, stride: int, limit: int = BATCH, *, one_by_one: bool = False) -> Measured:
    """Write the same rows, made ready beforehand: in batches, or with a transaction for each case."""
    crowd.make_due(number, due, stride)
    batches = floor.ready(wiring.ports(), due, 1 if one_by_one else limit)
    connection.close()
    connection.ensure_connection()
    before = _last_ids()
    with Stopwatch() as watch:
        floor.write(batches)
    return watch.measured(due, _rows(before))


def idle(times: int) -> Measured:
    """Tick with nothing due; the median in milliseconds."""
    ports = wiring.ports()
    tick(ports, crowd.NOW, BATCH)
    each = []
    for _ in range(times):
        with Stopwatch() as watch:
            tick(ports, crowd.NOW, BATCH)
        each.append(watch.seconds * 1000)
    return Measured(times, sum(each) / 1000, 0, 0, more={"milliseconds": median(each)})


def plans(number: int, due: int, stride: int) -> Measured:
    """Tick once and look how the database finds what a tick asks for and what it changes.

    A table of one row or none is rightly read whole, so it does not count.
    """
    crowd.make_due(number, due, stride)
    with CaptureQueriesContext(connection) as seen:
        tick(wiring.ports(), crowd.NOW, BATCH)
    asked = [q["sql"] for q in seen.captured_queries if q["sql"].startswith(("SELECT", "UPDATE"))]
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    plan: list[str] = []
    with connection.cursor() as cursor:
        for sql in asked:
            cursor.execute(f"{explain} {sql}")
            plan.extend(str(row[-1]).strip() for row in cursor.fetchall())
    whole = {found[1] for line in plan if (found := _WHOLE.search(line))}
    alarm = any("case_alarm" in line for line in plan)
    return Measured(len(asked), 0, 0, 0, more={"scans": sorted(filter(_is_long, whole)), "alarm": alarm})


def _is_long(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 2) AS first_two")
        return bool(cursor.fetchone()[0] > 1)


def _last_ids() -> tuple[int, int]:
    entry = TimelineEntry.objects.aggregate(last=Max("pk"))["last"] or 0
    item = OutboxItem.objects.aggregate(last=Max("pk"))["last"] or 0
    return int(entry), int(item)


def _rows(before: tuple[int, int]) -> dict[str, int]:
    """Count what was written since: entries and mails, each once, and alarms that were set anew."""
    entries = TimelineEntry.objects.filter(pk__gt=before[0])
    items = OutboxItem.objects.filter(pk__gt=before[1])
    return {
        "entries": entries.count(),
        "distinct entries": entries.values("case_id", "seq").distinct().count(),
        "heads of chains": entries.filter(hash=F("case__chain_head")).count(),
        "mails": items.filter(state="queued").count(),
        "distinct mails": items.values("key").distinct().count(),
        "still due": Case.objects.filter(due_at__lte=crowd.NOW).count(),
    }
