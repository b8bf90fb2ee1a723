"""A shadow on the fake cluster: how the models behind the uris answer the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from serving.rollout.observation import NotMeasured
from serving.rollout.shadow_tally import Compared, Tally
from serving.rollout.state import Rollout
from tests.serving.rollout.fake_cluster import FakeCluster


@dataclass
class FakeShadow:
    """Has `there` rows and asks `a_look` of them at every look; every so many-th row is wrong."""

    cluster: FakeCluster
    there: int = 40
    a_look: int = 25
    down: Callable[[float], bool] = lambda now: False

    def ask(self, state: Rollout, addresses: Mapping[str, str]) -> Tally | NotMeasured:
        assert {state.canary, state.stable} <= addresses.keys()
        if self.down(self.cluster.now):
            return NotMeasured("a revision cannot be asked (Connection refused)")
        most = min(self.there, state.policy.shadow_requests)
        tally = state.shadow or Tally(source="golden rows", there=most)
        for _ in range(min(self.a_look, most - tally.shadowed.asked)):
            tally = tally.plus(self._row(state, tally.shadowed.asked))
        return tally

    def _row(self, state: Rollout, row: int) -> Compared:
        canary = self.cluster.behaviour(state.uri)
        stable = self.cluster.behaviour(state.from_uri or "")
        differs = row % 10 < 10 * canary.disagreement
        return Compared(
            "other" if differs else "same",
            "same",
            canary_failed=row % 10 < 10 * canary.error_rate,
            stable_failed=row % 10 < 10 * stable.error_rate,
            distance=0.9 if differs else 0.1,
        )
