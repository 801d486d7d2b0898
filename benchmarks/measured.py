"""What an arm measures about itself: wall and CPU seconds of the timed part, and the most memory it held."""

import resource
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


@dataclass
class Measured:
    """What one arm did, how long it took, and proof that it did it. `rows` is compared between arms."""

    done: int
    seconds: float
    cpu: float
    memory_mb: float
    rows: dict[str, int] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.done / self.seconds


class Stopwatch:
    """Measures the block it surrounds."""

    seconds = 0.0
    cpu = 0.0

    def __enter__(self) -> Self:
        """Start."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.seconds, self.cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu

    def measured(self, done: int, rows: dict[str, int] | None = None, **more: Any) -> Measured:
        """Say what was done in that time."""
        return Measured(done, self.seconds, self.cpu, peak_memory_mb(), rows or {}, more)


def peak_memory_mb() -> float:
    """The most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
