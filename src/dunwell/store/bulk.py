# ruff: noqa: SLF001 - `_meta` is how Django says what a model's columns are
"""Many rows in one statement: COPY and `UPDATE ... FROM unnest` on PostgreSQL, executemany on SQLite.

Django's `bulk_update` writes one CASE per row and field (480 rows/s measured); these reach tens of
thousands. The only other place with SQL of one database is `claims.py`.
"""

from collections.abc import Sequence
from typing import Any, cast

from django.db import connection
from django.db.models import Field, Model


def insert(rows: Sequence[Model]) -> None:
    """Insert rows of one model; their primary keys are not read back. All columns must be set."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key or field.attname != "id"]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = [
        [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in rows
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # psycopg's own cursor: Django's wrapper knows nothing of COPY.
            raw = cast("Any", cursor).cursor
            with raw.copy(f'COPY "{meta.db_table}" ({columns}) FROM STDIN') as copy:
                for value in values:
                    copy.write_row(value)
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f'INSERT INTO "{meta.db_table}" ({columns}) VALUES ({marks})', values)  # noqa: S608


def update(model: type[Model], names: Sequence[str], rows: Sequence[Model]) -> None:
    """Write the named fields of many rows back, by primary key."""
    if not rows:
        return
    fields = [cast("Field[Any, Any]", model._meta.get_field(name)) for name in names]
    table = model._meta.db_table
    values = [
        [*(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields), row.pk]
        for row in rows
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            types = [field.db_type(connection) or "text" for field in fields]
            sets = ", ".join(f'"{field.column}" = new.c{i}' for i, field in enumerate(fields))
            arrays = ", ".join([*(f"%s::{_plain(t)}[]" for t in types), "%s::bigint[]"])
            names_of = ", ".join([*(f"c{i}" for i in range(len(fields))), "pk"])
            cursor.execute(
                f'UPDATE "{table}" AS old SET {sets} FROM unnest({arrays}) AS new({names_of}) '  # noqa: S608
                "WHERE old.id = new.pk",
                [list(column) for column in zip(*values, strict=True)],
            )
        else:
            sets = ", ".join(f'"{field.column}" = %s' for field in fields)
            cursor.executemany(f'UPDATE "{table}" SET {sets} WHERE id = %s', values)  # noqa: S608


def _plain(column_type: str) -> str:
    """Turn `varchar(16)` into `text`: an array of varchar(16) would cut silently."""
    return "text" if column_type.startswith("varchar") else column_type
