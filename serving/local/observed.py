"""What is seen of one revision's process: the word between the processes and the rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Phase(Enum):
    """Where a revision's process stands."""

    STOPPED = "stopped"  # nothing runs, and nothing should
    STARTING = "starting"  # fetching the model, or the process does not answer yet
    READY = "ready"
    FAILED = (
        "failed"  # the model never came up: fetch failed, the process ended, or the time was up
    )
    UNHEALTHY = "unhealthy"  # it was ready, and then crashed or hung


@dataclass(frozen=True)
class Observed:
    """One revision's process now; `reason` and `message` say why it is not ready."""

    phase: Phase
    reason: str = ""
    message: str = ""
    exit_code: int | None = None

    @property
    def condition(self) -> str:
        """Return the status of the revision's Ready condition: True, False or Unknown."""
        return {Phase.READY: "True", Phase.STARTING: "Unknown"}.get(self.phase, "False")


STOPPED = Observed(Phase.STOPPED, "Inactive", "The revision is not running: no traffic names it.")
STARTING = Observed(Phase.STARTING, "Deploying", "The model is being loaded.")
READY = Observed(Phase.READY)
