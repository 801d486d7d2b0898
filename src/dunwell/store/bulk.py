# ruff: noqa: SLF001 - `_meta` is how Django says what a model's columns are
"""Many rows in one statement: COPY and one UPDATE from JSON on PostgreSQL, executemany on SQLite.

Django's `bulk_update` writes one CASE per row and field (480 rows/s measured); these reach tens of
thousands. The only other place with SQL of one database is `claims.py`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, cast

from django.db import connection
from django.db.models import Field, JSONField, Model
from django.db.models.fields import (
    AutoFieldMixin,
    BooleanField,
    CharField,
    DateTimeField,
    IntegerField,
    TextField,
)
from django.db.models.fields.related import ForeignKey

# What both drivers take as it is. Asking the field each time costs more than deciding what to write.
_AS_THEY_ARE = (BooleanField, CharField, IntegerField, TextField, ForeignKey)


def insert(model: type[Model], rows: Sequence[object]) -> None:
    """Insert rows; their primary keys are not read back.

    `rows` are of the model, or anything that has its columns' names as attributes, all of them.
    """
    if not rows:
        return
    table, fields = model._meta.db_table, _inserted(model)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = _values(fields, rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # psycopg's own cursor: Django's wrapper knows nothing of COPY.
            raw = cast("Any", cursor).cursor
            with raw.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
                for value in values:
                    copy.write_row(value)
        else:
            marks = ", ".join(["%s"] * len(fields))
            cursor.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', list(values))  # noqa: S608


def update(model: type[Model], names: Sequence[str], rows: Sequence[Model]) -> None:
    """Write the named fields of many rows back, by primary key."""
    if not rows:
        return
    table, key = model._meta.db_table, cast("Any", model._meta.pk)
    fields = [cast("Any", model._meta.get_field(name)) for name in names]
    values = _values([*fields, key], rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # One parameter of JSON: arrays by column, for `unnest`, take psycopg four times as long.
            sets = ", ".join(
                f'"{field.column}" = (new.v->>{i})::{_type(field)}' for i, field in enumerate(fields)
            )
            cursor.execute(
                f'UPDATE "{table}" AS old SET {sets} FROM jsonb_array_elements(%s::jsonb) AS new(v) '  # noqa: S608
                f"WHERE old.id = (new.v->>{len(fields)})::bigint",
                [json.dumps(list(values), default=str)],
            )
        else:
            sets = ", ".join(f'"{field.column}" = %s' for field in fields)
            cursor.executemany(f'UPDATE "{table}" SET {sets} WHERE id = %s', list(values))  # noqa: S608


@lru_cache(maxsize=32)
def _inserted(model: type[Model]) -> tuple[Any, ...]:
    return tuple(field for field in model._meta.concrete_fields if not isinstance(field, AutoFieldMixin))


def _type(field: "Field[Any, Any]") -> str:
    """The type of a column, without a length: casting to `varchar(16)` would cut silently."""
    column_type = field.db_type(connection) or "text"
    return "text" if column_type.startswith("varchar") else column_type


def _values(fields: Sequence[Any], rows: Iterable[object]) -> Iterator[Sequence[Any]]:
    """Take each row's columns, in the form the driver wants."""
    take = attrgetter(*(field.attname for field in fields))
    forms = [(i, form) for i, field in enumerate(fields) if (form := _form(field))]
    for row in rows:
        values = list(take(row))
        for i, form in forms:
            values[i] = form(values[i])
        yield values


def _form(field: Any) -> Callable[[Any], Any] | None:
    """How a field's values are made ready to write; None when nothing has to be done."""
    if isinstance(field, JSONField):
        return _json
    if isinstance(field, DateTimeField):
        return None if connection.vendor == "postgresql" else _moment
    if isinstance(field, _AS_THEY_ARE):
        return None
    return partial(field.get_db_prep_save, connection=connection)


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value)


@lru_cache(maxsize=4096)  # the same few moments stand in every row of a batch
def _moment(value: datetime | None) -> Any:
    return connection.ops.adapt_datetimefield_value(value)
