"""Costs of every row on PostgreSQL, taken out: reading moments, long lists of keys, quoting long values."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.backends.signals import connection_created
from django.db.models import Field, ForeignKey
from django.db.models.lookups import In


class Among(In):
    """`column__among={...}`: what `__in` does, with all values as one parameter on PostgreSQL.

    `IN (%s, %s, ...)` costs psycopg more for each value than it costs the database to find the row. Give it
    a set: Django looks at every item of a list.
    """

    lookup_name = "among"

    def get_prep_lookup(self) -> list[Any]:
        """Take the values as they are: numbers or texts."""
        return list(self.rhs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Write it with an array."""
        if not self.rhs:
            raise EmptyResultSet
        column, params = self.process_lhs(compiler, connection)
        if all(type(value) is int for value in self.rhs):
            # As text: psycopg looks at each number of a list.
            return f"{column} = ANY(%s::bigint[])", [*params, f"{{{','.join(map(str, self.rhs))}}}"]
        return f"{column} = ANY(%s)", [*params, self.rhs]


def install() -> None:
    """Make both known to Django; connections made from now on read moments the fast way."""
    for kind in (Field, ForeignKey):
        kind.register_lookup(Among)
    connection_created.connect(_read_moments_fast, dispatch_uid="dunwell.store.postgres")


def execute(statement: str, values: Sequence[Any]) -> int:
    """Execute one statement with its values beside it; return how many rows it touched.

    Django's cursor quotes values into the statement, which costs a webhook's body as much as storing it.
    """
    from psycopg import Cursor  # noqa: PLC0415 - only where there is PostgreSQL

    database: Any = connections["default"]
    database.close_if_health_check_failed()
    database.ensure_connection()
    with database.wrap_database_errors, Cursor(database.connection) as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def _read_moments_fast(*, connection: Any, **_: object) -> None:
    """Read a moment in 0.7 microseconds; psycopg's own reader in Python takes 5."""
    if connection.vendor != "postgresql" or connection.timezone is not UTC:
        return
    from django.db.backends.postgresql.psycopg_any import BaseTzLoader  # noqa: PLC0415 - loads psycopg

    class Moments(BaseTzLoader):  # type: ignore[misc]
        # Django leaves a reader in place that names the connection's zone.
        timezone = UTC

        def load(self, data: Any) -> datetime:
            try:
                return datetime.fromisoformat(str(data, "ascii"))
            except ValueError:  # before the year 1 or after 9999, or infinity
                found: datetime = super().load(data)
                return found

    connection.connection.adapters.register_loader("timestamptz", Moments)
