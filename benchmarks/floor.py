# ruff: noqa: SLF001 - `_meta` is how Django says what a model's columns are
"""The least the same rows can cost: made ready in memory, written by raw statements, nothing decided."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction

from benchmarks import crowd
from dunwell.engine.ports import Ports
from dunwell.engine.tick import tick
from dunwell.store import bulk

_CASE = {
    "due_at": "timestamptz",
    "because": "text",
    "chain_length": "int",
    "chain_head": "text",
    "status": "text",
    "ending": "text",
    "closed_at": "timestamptz",
}

# A statement with what is to be written: text for PostgreSQL's COPY, tuples for SQLite, None for neither.
Write = tuple[str, Any]


@dataclass
class _Caught:
    """What a tick wanted to write."""

    cases: list[Any]
    rows: list[tuple[type[models.Model], Any]]


def ready(ports: Ports, due: int, size: int) -> list[list[Write]]:
    """Let the shipped tick decide all due cases, keep what it would have written, and write none of it.

    Returns the writes of each transaction of `size` cases.
    """
    caught = _Caught([], [])
    with transaction.atomic(), _catching(caught):
        tick(ports, crowd.NOW, due)
        transaction.set_rollback(True)
    chosen = _on_postgres if connection.vendor == "postgresql" else _on_sqlite
    batches = []
    for start in range(0, len(caught.cases), size):
        cases = caught.cases[start : start + size]
        ids = {case.pk for case in cases}
        by_model: dict[type[models.Model], list[Any]] = {}
        for model, row in caught.rows:
            if row.case_id in ids:
                by_model.setdefault(model, []).append(row)
        batches.append(chosen(cases, by_model))
    return batches


def write(batches: Sequence[Sequence[Write]]) -> None:
    """Write them, a transaction each."""
    for batch in batches:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement, values in batch:
                if values is None:
                    cursor.execute(statement)
                elif isinstance(values, bytes):
                    raw: Any = cursor.cursor
                    with raw.copy(statement) as copy:
                        copy.write(values)
                else:
                    cursor.executemany(statement, values)


@contextmanager
def _catching(caught: _Caught) -> Iterator[None]:
    insert, update = bulk.insert, bulk.update

    def keep_rows(model: type[models.Model], rows: Sequence[object]) -> None:
        caught.rows.extend((model, row) for row in rows)

    def keep_cases(_model: type[models.Model], _names: Sequence[str], rows: Sequence[models.Model]) -> None:
        caught.cases.extend(rows)

    bulk.insert, bulk.update = keep_rows, keep_cases  # type: ignore[assignment]
    try:
        yield
    finally:
        bulk.insert, bulk.update = insert, update


def _on_postgres(cases: list[Any], by_model: dict[type[models.Model], list[Any]]) -> list[Write]:
    from psycopg import ClientCursor  # noqa: PLC0415 - only where there is PostgreSQL

    sets = ", ".join(f"{name} = (new.v->>{i})::{kind}" for i, (name, kind) in enumerate(_CASE.items()))
    update = (
        f"UPDATE store_case AS old SET {sets} FROM jsonb_array_elements(%s::jsonb) AS new(v) "  # noqa: S608
        f"WHERE old.id = (new.v->>{len(_CASE)})::bigint"
    )
    values = json.dumps([[getattr(case, name) for name in (*_CASE, "pk")] for case in cases], default=str)
    writes: list[Write] = [(ClientCursor(connection.connection).mogrify(update, [values]), None)]
    for model, rows in by_model.items():
        names, fields = _fields(model)
        lines = ("\t".join(_as_text(getattr(row, name)) for name in names) + "\n" for row in rows)
        copied = f"COPY {model._meta.db_table} ({', '.join(fields)}) FROM STDIN"
        writes.append((copied, "".join(lines).encode()))
    return writes


def _on_sqlite(cases: list[Any], by_model: dict[type[models.Model], list[Any]]) -> list[Write]:
    sets = ", ".join(f"{name} = %s" for name in _CASE)
    values = [tuple(_plain(getattr(case, name)) for name in (*_CASE, "pk")) for case in cases]
    writes: list[Write] = [(f"UPDATE store_case SET {sets} WHERE id = %s", values)]  # noqa: S608
    for model, rows in by_model.items():
        names, fields = _fields(model)
        marks = ", ".join(["%s"] * len(names))
        statement = f"INSERT INTO {model._meta.db_table} ({', '.join(fields)}) VALUES ({marks})"  # noqa: S608
        writes.append((statement, [tuple(_plain(getattr(row, name)) for name in names) for row in rows]))
    return writes


def _fields(model: type[models.Model]) -> tuple[list[str], list[str]]:
    fields = [field for field in model._meta.concrete_fields if field.attname != "id"]
    return [field.attname for field in fields], [f'"{field.column}"' for field in fields]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return json.dumps(value) if isinstance(value, dict) else value


def _as_text(value: Any) -> str:
    """Write a value as COPY reads it."""
    if value is None:
        return "\\N"
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    for char, written in (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        text = text.replace(char, written)
    return text
