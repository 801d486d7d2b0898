"""A process that has the libraries in memory and forks once for each command: `python loaded.py ASKED ANSWERED`.

Loading Python's libraries is nine tenths of a command. What is forked is as much a process as one started anew: it
reads its own environment, settings and database, has its own three streams, and ends with its own exit code. Only
libraries and rooms without settings are loaded beforehand; Django is set up by each command.

It reads a line of JSON for each command from the file descriptor ASKED and writes the exit code to ANSWERED, and ends
when nobody can ask any more.
"""

import gc
import importlib
import json
import os
import pkgutil
import sys
from typing import Any

ROOMS = ("dunwell.policy", "dunwell.connectors")  # they know no settings
LIBRARIES = (
    *("django.contrib.auth.password_validation", "django.core.management", "django.db.migrations.executor"),
    *("django.db.backends.sqlite3.base", "django.forms", "django.template.loader", "django.views.generic"),
    *("gunicorn.app.base", "rich.console", "rich.table", "typer"),
)


def load() -> None:
    """Import what every command needs and no setting changes."""
    for room in ROOMS:
        for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            importlib.import_module(module.name)
    for library in (*LIBRARIES, "dunwell.environment"):
        importlib.import_module(library)
    gc.collect()
    gc.freeze()


def next_command(asked: int, answered: int) -> dict[str, Any] | None:
    """Wait for what is asked, forking for each; returns it in the forked process, None at the end."""
    with os.fdopen(asked) as lines, os.fdopen(answered, "w") as codes:
        for line in lines:
            child = os.fork()
            if child == 0:
                return dict(json.loads(line))
            _, status = os.waitpid(child, 0)
            codes.write(f"{os.waitstatus_to_exitcode(status)}\n")
            codes.flush()
    return None


def become(command: dict[str, Any]) -> None:
    """Take over the environment, folder, streams and arguments of a command."""
    os.environ.clear()
    os.environ.update(command["env"])
    os.chdir(command["folder"])
    for stream, name in enumerate(("stdin", "stdout", "stderr")):
        place = os.open(command[name], os.O_RDWR | os.O_CREAT)
        os.dup2(place, stream)
        os.close(place)
    sys.argv = ["dunwell", *command["arguments"]]


if __name__ == "__main__":
    load()
    if command := next_command(int(sys.argv[1]), int(sys.argv[2])):
        become(command)
        from dunwell.cli import main

        main()
