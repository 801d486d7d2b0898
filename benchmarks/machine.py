"""Says what was measured on, without naming it."""

import os
import platform
from typing import Any

from django.db import connection

from benchmarks.measured import Measured

_POSTGRES = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
)
_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


def machine(load: float) -> str:
    """Describe cores, memory, system, Python, and how busy others kept it when measuring began."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = platform.system()
    return (
        f"{len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, {system}, Python {platform.python_version()}; "
        f"load average when it began: {load:.1f} (other programs; 0 on an idle machine)."
    )


def database() -> Measured:
    """Ask the database for its version and the settings that decide what a commit costs. An arm."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            said = {name: _one(cursor, f"SHOW {name}") for name in _POSTGRES}
            text = f"PostgreSQL {said.pop('server_version').split()[0]}"
        else:
            said = {"journal_mode": _one(cursor, "PRAGMA journal_mode")}
            said["synchronous"] = _SYNCHRONOUS[int(_one(cursor, "PRAGMA synchronous"))]
            text = f"SQLite {_one(cursor, 'SELECT sqlite_version()')}"
    settings = ", ".join(f"{name} {value}" for name, value in said.items())
    return Measured(1, 0, 0, 0, more={"text": f"{text}: {settings}"})


def _one(cursor: Any, question: str) -> str:
    cursor.execute(question)
    return str(cursor.fetchone()[0])
