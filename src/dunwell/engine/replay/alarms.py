"""When the rules look at which invoice next: one alarm an invoice, the earliest first."""

import heapq
from datetime import datetime


class Alarms:
    """One alarm an invoice. Those of one moment ring in the order in which the invoices came up."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, str]] = []
        self._current: dict[str, datetime | None] = {}
        self._order: dict[str, int] = {}

    def put(self, invoice: str, at: datetime | None) -> None:
        """Replace an invoice's alarm; None: it has none."""
        order = self._order.setdefault(invoice, len(self._order))
        self._current[invoice] = at
        if at is not None:
            heapq.heappush(self._heap, (at, order, invoice))

    def first(self) -> datetime | None:
        """Return when the earliest alarm rings; None without one."""
        while self._heap:
            at, _, invoice = self._heap[0]
            if self._current[invoice] == at:
                return at
            heapq.heappop(self._heap)
        return None

    def ring(self) -> str:
        """Take the earliest alarm, which there must be, and return its invoice."""
        self.first()
        _, _, invoice = heapq.heappop(self._heap)
        self._current[invoice] = None
        return invoice
