"""After every test: no case is forgotten, nobody's question is lost, and every timeline is whole."""

from collections.abc import Iterator

import pytest

from dunwell.engine.verify import verify
from dunwell.store import invariants


@pytest.fixture(autouse=True)
def nothing_forgotten(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, _django_db_marker: None
) -> Iterator[None]:
    """Hold the house's promises after each test that has a database; `breaks_promises` leaves a test out.

    Nothing may have broken inside Dunwell either, which its workers survive and log, unless a test is
    marked `trouble`.
    """
    yield
    broke = [record for record in caplog.get_records("call") if record.name == "dunwell.engine.trouble"]
    assert not broke or request.node.get_closest_marker("trouble"), broke[0].exc_text
    has_database = request.node.get_closest_marker("django_db")
    if not has_database or request.node.get_closest_marker("breaks_promises"):
        return
    assert invariants.forgotten_cases() == 0, "a case that nothing would wake"
    assert invariants.unknown_without_a_person() == 0, "a mail of unknown fate on nobody's desk"
    assert invariants.stranded_mails() == 0, "an invoice whose shared mail will not leave"
    assert invariants.stranded_letters() == 0, "a letter nobody will sign, send or look for"
    assert invariants.unread_replies() == 0, "a reply on nobody's desk"
    assert invariants.kept_from_stripe() == 0, "an invoice that left our hands, and Stripe does not collect"
    assert verify().misfits == ()
