"""Whether the database answers and knows every table."""

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor


def why_not_ready() -> str:
    """Say in a few words why the database cannot be used; empty when it can."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return "the database does not answer"
    return "migrations are missing: run dunwell migrate" if missing else ""
