"""The question before runs are cancelled: what was trained for hours is not ended by a slip."""

from __future__ import annotations

from collections.abc import Sequence

from console.widgets.question import Question
from console.widgets.screen import Screen

MOST_NAMED = 3


class Cancelling:
    """Asks where it was made; some of many runs are named."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._question = Question(screen, back="queue.keep")

    async def is_sure(self, runs: Sequence[str]) -> bool:
        """Ask whether these runs are to be cancelled, and return whether the answer was yes."""
        named = ", ".join(runs[:MOST_NAMED]) + (" …" if len(runs) > MOST_NAMED else "")
        say = self._screen.say
        return await self._question.answered(say("queue.sure", run=named), say("queue.cancel_one"))
