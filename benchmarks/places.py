"""Fresh databases to measure on: one of a private PostgreSQL cluster, or a file of SQLite."""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import psycopg

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """An empty database and the name of what keeps it."""

    kind: str
    url: str


def postgres_url() -> str:
    """The PostgreSQL that `tools/with_postgres.py` has started; empty when there is none."""
    url = os.environ.get("DUNWELL_DATABASE_URL", "")
    return url if url.startswith("postgres") else ""


def on_postgres() -> Place:
    """Make an empty database beside the one in the environment."""
    server, _, _ = postgres_url().rpartition("/")
    name = f"benchmark_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(postgres_url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return Place("PostgreSQL", f"{server}/{name}")


def on_sqlite(folder: Path) -> Place:
    """Choose a file that does not exist yet."""
    return Place("SQLite", f"sqlite:///{folder / f'benchmark-{next(_NUMBERS)}.sqlite3'}")


def drop(place: Place) -> None:
    """Give the space back."""
    if place.kind == "SQLite":
        for path in Path(place.url.removeprefix("sqlite:///")).parent.glob(f"{Path(place.url).name}*"):
            path.unlink()
        return
    _, _, name = place.url.rpartition("/")
    with psycopg.connect(postgres_url(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
