"""Trouble with one thing must not stop the others: what is everybody's trouble, and what is only one's."""

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError

# The database is away, locked or full: nothing can be done now, and everything is still due later.
DATABASE_AWAY = (OperationalError, InterfaceError)

log = logging.getLogger(__name__)


def attempt(what: str, work: Callable[[], object]) -> str:
    """Do one piece of work; return what broke in a few words, empty if nothing did.

    Raises only `DATABASE_AWAY`, which every other piece of work would meet as well.
    """
    try:
        work()
    except DATABASE_AWAY:
        raise
    except Exception as error:
        log.exception("%s failed; the others go on", what)
        return f"{type(error).__name__} in Dunwell itself; the log says where"
    return ""
