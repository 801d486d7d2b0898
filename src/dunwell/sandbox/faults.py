"""Faults on demand, for every fake vendor: error answers, held answers, cut connections."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

Kind = Literal["status", "hold", "cut"]


@dataclass(slots=True)
class Fault:
    """One thing to go wrong: where, how, how often.

    `carried_out`: the request is done before the fault hides its answer (the outcome the caller
    cannot know); otherwise it is never done. `skip`: how many requests that fit go well first.
    """

    method: str
    pattern: str
    kind: Kind
    status: int
    times: int
    carried_out: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    skip: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is the one to fail; the pattern is a glob over the path."""
        return self.times > 0 and self.method in ("*", method) and fnmatchcase(path, self.pattern)


class Faults:
    """The faults still to come, in the order they were asked for.

    `holding` is set once an answer is being held, for those who wait for that moment.
    """

    def __init__(self) -> None:
        self.holding = threading.Event()
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()
        self._released = threading.Event()

    def add(self, fault: Fault) -> None:
        """Ask for a fault."""
        with self._lock:
            self._waiting.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """Use up the first fault that fits a request."""
        with self._lock:
            fault = next((each for each in self._waiting if each.matches(method, path)), None)
            if fault is not None and fault.skip:
                fault.skip -= 1
                return None
            if fault is not None:
                fault.times -= 1
            return fault

    @property
    def left(self) -> int:
        """How many requests will still fail."""
        with self._lock:
            return sum(fault.times for fault in self._waiting)

    def hold(self) -> None:
        """Wait until held answers are released (or a minute has passed)."""
        released = self._released
        self.holding.set()
        released.wait(60)

    def release(self) -> None:
        """Let all held connections go; those held later wait again."""
        self.holding.clear()
        held, self._released = self._released, threading.Event()
        held.set()

    def close(self) -> None:
        """Let all held connections go, and hold none any more."""
        self._released.set()
