"""A line of replay's output."""

from dataclasses import dataclass
from datetime import UTC, datetime

from dunwell.engine.replay.merged import Together
from dunwell.policy import facts, words
from dunwell.policy.words import ActionKind, Stage


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done, or not done (contract, Replay); `case` is what was known, `letter` a personal mail's number.

    `together`: the mail that is sent is about other invoices too, each with a step of its own.
    """

    at: datetime
    invoice: str
    action: ActionKind
    stage: Stage | None
    track: words.Track | None
    band: words.Band | None
    to: str | None
    because: str
    policy: str
    case: facts.Case
    letter: int | None = None
    together: Together | None = None

    @property
    def carried(self) -> bool:
        """Whether it leaves with a mail that is told of in another step."""
        return self.together is not None and self.together.carried

    def as_json(self) -> dict[str, str | None]:
        """The output's nine keys; what does not apply is null."""
        return {
            "at": self.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "invoice": self.invoice,
            "action": self.action.value,
            "stage": self.stage.value if self.stage else None,
            "track": self.track.value if self.track else None,
            "band": self.band.value if self.band else None,
            "to": self.to,
            "because": self.because,
            "policy": self.policy,
        }
