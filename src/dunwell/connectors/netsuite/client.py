"""NetSuite as the engine's `Ledger` port: asks, sends, and turns every answer into a value."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from dunwell.connectors.netsuite import check, restlet
from dunwell.connectors.netsuite.gather import gather
from dunwell.connectors.netsuite.names import Access, Names
from dunwell.connectors.netsuite.phone_calls import record_call
from dunwell.connectors.netsuite.reads import Reads
from dunwell.connectors.netsuite.suiteql import is_id
from dunwell.connectors.netsuite.wire import Sleep, Wire
from dunwell.policy.facts import Unreadable
from dunwell.policy.ledger import Gathering, LedgerCall, LedgerMail, MailReading, Posting
from dunwell.policy.readings import Refused


class NetSuiteLedger(Reads):
    """One NetSuite account behind one integration. Ids are internal ids, as texts.

    `in_flight` calls at a time, `tries` of each (pauses of about 1, 2, 4 ... seconds between them), `timeout` in
    seconds for each. `sleep` makes the pauses and `jitter` (0 to 1) spreads them. `wall` is the machine's clock in
    Unix seconds: NetSuite compares it with its own. Raises `BadNameError` when the key cannot be used. Safe to share
    between threads.
    """

    def __init__(
        self,
        access: Access,
        names: Names | None = None,
        *,
        in_flight: int = 2,
        tries: int = 4,
        timeout: float = 30,
        sleep: Sleep = time.sleep,
        jitter: Callable[[], float] = random.random,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - no time of ours depends on it
    ) -> None:
        wire = Wire(
            access,
            in_flight=in_flight,
            tries=tries,
            timeout=timeout,
            sleep=sleep,
            jitter=jitter,
            wall=wall,
        )
        super().__init__(wire, names or Names())

    def gather(self, customer: str, number: str, now: datetime) -> Gathering | Unreadable:
        """Read everything about a customer (its id, or "" to find it by the invoice number) and an invoice."""
        return gather(self, customer, number, now)

    def send_mail(self, mail: LedgerMail) -> Posting:
        """Send a mail that stands on the customer's record; the same key never sends twice."""
        cc = self._ids(mail.cc)
        if isinstance(cc, Unreadable):
            return Refused(cc.reason, permanent=cc.permanent)
        return restlet.send(self._wire, self._names, replace(mail, cc=cc))

    def read_mail(self, key: str, now: datetime) -> MailReading | Unreadable:
        """Ask what became of a mail; its row may take minutes to be seen."""
        return restlet.read_back(self._wire, self._names, key, now)

    def record_call(self, call: LedgerCall) -> str | Unreadable:
        """Write a phone call record and return its id; the same key writes the same record again."""
        return record_call(self._wire, call, self.find_employee)

    def check(self, signer: str, now: datetime) -> tuple[check.Seen, ...]:
        """Try everything Dunwell needs of the account, for doctor; `signer` is who signs personal mail, by address."""
        return check.look(self._wire, self._names, self, signer, now)

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()

    def _ids(self, people: tuple[str, ...]) -> tuple[str, ...] | Unreadable:
        found: list[str] = []
        for each in people:
            id_ = each if is_id(each) else self.find_employee(each)
            if isinstance(id_, Unreadable):
                return id_
            found.append(id_)
        return tuple(found)
