"""What a person who watches a run would see."""

from __future__ import annotations

from pipelines.journal import Step
from pipelines.step_log import Note


class Told:
    """What a person would see, and a clock on which every look takes ten seconds."""

    def __init__(self) -> None:
        self.events: list[Step | Note] = []
        self.seconds = 0.0

    def now(self) -> float:
        self.seconds += 5
        return self.seconds

    def sleep(self, _: float) -> None:
        self.seconds += 5

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]

    @property
    def ended(self) -> list[str]:
        steps = [event for event in self.events if isinstance(event, Step)]
        return [f"{step.name} {step.status}" for step in steps if step.ended is not None]
