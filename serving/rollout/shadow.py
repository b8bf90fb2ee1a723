"""Ask both revisions the same rows, by the addresses of their tags, before the canary has traffic.

One look asks for `LOOK_S` at most, one row of each revision at a time, and what came of it goes
into the rollout's state: whoever takes over goes on there. Asking a row again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPException
from time import monotonic
from typing import Protocol

from serving.rollout.observation import NotMeasured
from serving.rollout.shadow_answers import Answer, distance
from serving.rollout.shadow_rows import Block, Chosen, GoldenRows, Row, RowSource, choose
from serving.rollout.shadow_tally import Compared, Tally
from serving.rollout.shadow_wire import Refusal, Revision
from serving.rollout.state import Rollout

LOOK_S = 0.5
TIMEOUT_S = 2.0


class Shadow(Protocol):
    """Something that asks both revisions of a rollout the same rows."""

    def ask(self, state: Rollout, addresses: Mapping[str, str]) -> Tally | NotMeasured:
        """Return the state's tally with some rows more; `addresses`: base urls by revision.

        NotMeasured where they cannot be asked at this moment.
        """


@dataclass(frozen=True)
class HttpShadow:
    """Asks over HTTP. The first source that has rows is the one that is used."""

    sources: tuple[RowSource, ...] = field(default_factory=lambda: (GoldenRows(),))
    look_s: float = LOOK_S
    timeout_s: float = TIMEOUT_S

    def ask(self, state: Rollout, addresses: Mapping[str, str]) -> Tally | NotMeasured:
        """Return the state's tally with some rows more; see `Shadow`."""
        missing = [name for name in (state.canary, state.stable) if not addresses.get(name)]
        if missing:
            return NotMeasured(f"{missing[0]} has no address of its own")
        canary, stable = (
            Revision(addresses[name], state.service, self.timeout_s)
            for name in (state.canary, state.stable)
        )
        with closing(canary), closing(stable):
            try:
                columns = {**dict.fromkeys(canary.greet()), **dict.fromkeys(stable.greet())}
            except (OSError, HTTPException) as error:
                return NotMeasured(f"a revision cannot be asked ({error})")
            chosen = choose(self._blocks(state), tuple(columns), state.policy.shadow_requests)
            end = monotonic() + self.look_s
            return _asked(state.shadow or _begun(chosen), chosen.rows, (canary, stable), end)

    def _blocks(self, state: Rollout) -> tuple[Block, ...]:
        return next((found for source in self.sources if (found := source.blocks(state))), ())


def _begun(chosen: Chosen) -> Tally:
    return Tally(source=chosen.source, there=len(chosen.rows), trouble=chosen.trouble)


def _asked(tally: Tally, rows: Sequence[Row], pair: tuple[Revision, Revision], end: float) -> Tally:
    with ThreadPoolExecutor(len(pair)) as pool:
        for row in rows[tally.shadowed.asked :]:
            canary, stable = pool.map(Revision.answer, pair, (row, row))
            # The way there is broken, or the stable revision is: that says nothing of the canary.
            if isinstance(stable, Refusal) and not stable.reached:
                break
            tally = tally.plus(_compared(canary, stable))
            if monotonic() >= end:
                break
    return tally


def _compared(canary: Answer | Refusal, stable: Answer | Refusal) -> Compared:
    if isinstance(canary, Answer) and isinstance(stable, Answer):
        return Compared(canary.label, stable.label, distance=distance(canary, stable))
    return Compared(
        canary.label if isinstance(canary, Answer) else canary.reason,
        stable.label if isinstance(stable, Answer) else stable.reason,
        canary_failed=isinstance(canary, Refusal),
        stable_failed=isinstance(stable, Refusal),
    )
