"""Calls that somebody should make, as phone call records.

Written by PUT under an external id of ours: NetSuite makes the record or changes the one it has, so a call that is
written twice is one record.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from dunwell.connectors.netsuite import shapes, translate
from dunwell.connectors.netsuite.suiteql import is_id
from dunwell.connectors.netsuite.trouble import Trouble, unreadable
from dunwell.connectors.netsuite.wire import Wire
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import LedgerCall
from dunwell.policy.readings import Malformed

PATH = "/services/rest/record/v1/phonecall"
_KEY = re.compile(r"[A-Za-z0-9_.:-]{4,100}")
# What an external id may not hold.
_NOT_IN_ID = re.compile(r"[.:]")
_LONGEST_TITLE = 200
_LONGEST_MESSAGE = 3000

FindEmployee = Callable[[str], str | Unreadable]


def record_call(wire: Wire, call: LedgerCall, find: FindEmployee) -> str | Unreadable:
    """Write the record and return its id; permanently `Unreadable` when NetSuite will never take it.

    When nobody with the address of `assigned` works there, the record is written unassigned and says so.
    """
    if why := _unfit(call):
        return Unreadable(why, permanent=True)
    assigned = find(call.assigned) if call.assigned else ""
    if isinstance(assigned, Unreadable) and not assigned.permanent:
        return assigned
    path = f"{PATH}/eid:{external_id(call.key)}"
    written = wire.write(path, _body(call, assigned))
    if isinstance(written, Trouble):
        said = f"The call {call.key} could not be recorded. {written.sentence}"
        return Unreadable(said, permanent=written.permanent)
    return written or _look_up(wire, path, call.key)


def external_id(key: str) -> str:
    """Make an external id of a key of ours: letters, digits, `_` and `-` are all it may hold."""
    return f"dunwell-{_NOT_IN_ID.sub('-', key)}"


def _look_up(wire: Wire, path: str, key: str) -> str | Unreadable:
    """Ask for the id of a record when writing it did not tell."""
    about = f"the call {key}"
    answer = wire.read(path, {"fields": "id"})
    if isinstance(answer, Trouble):
        return unreadable(answer, about)
    record = translate.understood(shapes.Record, answer, about)
    return Unreadable(record.reason) if isinstance(record, Malformed) else record.id


def _unfit(call: LedgerCall) -> str:
    ids = [each for each in (call.customer, call.contact, call.invoice) if each]
    faults = (
        (not _KEY.fullmatch(call.key), "The key of the call is malformed."),
        (not call.customer, "The call names no customer."),
        (not all(is_id(each) for each in ids), "The call names somebody without an internal id of NetSuite."),
        (not call.title.strip(), "The call has no title."),
    )
    return next((why for wrong, why in faults if wrong), "")


def _body(call: LedgerCall, assigned: str | Unreadable) -> Mapping[str, Any]:
    note = f"\n\nAssigned to nobody. {assigned.reason}" if isinstance(assigned, Unreadable) else ""
    references = {
        "assigned": "" if isinstance(assigned, Unreadable) else assigned,
        "company": call.customer,
        "contact": call.contact,
        "transaction": call.invoice,
    }
    return {
        "title": " ".join(call.title.split())[:_LONGEST_TITLE],
        "message": call.message[: _LONGEST_MESSAGE - len(note)] + note,
        "status": "SCHEDULED",
        "priority": "HIGH",
        "startDate": call.on.isoformat(),
        **({"phone": call.phone} if call.phone else {}),
        **{name: {"id": id_} for name, id_ in references.items() if id_},
    }
