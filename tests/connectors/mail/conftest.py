import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from dunwell.connectors.mail.imap import ImapMailbox
from tests.connectors.mail import dovecot
from tests.connectors.mail.dovecot import PASSWORD, Dovecot

NOW = datetime(2026, 4, 9, 12, 0, tzinfo=UTC)
_USERS = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Dovecot]:
    """A Dovecot that runs from the first test that asks for it until the last has ended."""
    if dovecot.PROGRAM is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have Dovecot")
        pytest.skip("needs Dovecot (Debian, Ubuntu: apt-get install dovecot-imapd)")
    with dovecot.running() as running:
        yield running


@pytest.fixture
def user() -> str:
    """The owner of an empty mailbox."""
    return f"sam{next(_USERS)}"


@pytest.fixture
def connect(server: Dovecot, user: str) -> Iterator[Callable[..., ImapMailbox]]:
    """Connect to the user's mailbox."""
    made: list[ImapMailbox] = []

    def start(**options: Any) -> ImapMailbox:
        usual: dict[str, Any] = {"port": server.port, "password": PASSWORD, "tls": "none", "timeout": 20}
        made.append(ImapMailbox("127.0.0.1", user=user, **{**usual, **options}))
        return made[-1]

    yield start
    for mailbox in made:
        mailbox.close()
