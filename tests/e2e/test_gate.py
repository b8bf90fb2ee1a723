"""The gate in real runs: its verdict on the next version, and a guarded slice that stops one."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import IRIS, Installation, outcome

pytestmark = pytest.mark.e2e

PENGUINS = IRIS.with_name("penguins.yaml")
AT_ONCE = ("rollout={steps: [100], max_seconds: 0.5, on_inconclusive: promote}",)


def asked(*changes: str) -> tuple[str, ...]:
    sets = [part for change in (*AT_ONCE, *changes) for part in ("--set", change)]
    return ("run", str(PENGUINS), "--set", "name=gated", *sets, "--json")


@pytest.mark.slow
def test_the_next_version_is_compared_row_by_row_and_a_guarded_slice_stops_one(
    here: Installation,
) -> None:
    first = here.kanarya(*asked())
    assert first.returncode == 0, first.stderr
    second = here.kanarya(*asked("gate.champion.on_cannot_tell=accept"))
    assert second.returncode == 0, second.stderr
    tags = here.mlflow.get_model_version("gated", "2").tags
    assert tags["kanarya.gate.verdict"] == "non_inferior", "the same model once more"
    champion = json.loads(tags["kanarya.gate.policy"])["champion"]
    assert (champion["alpha"], champion["seed"], champion["margin"]) == (0.05, 42, 0.05)
    guarded = "gate.slices=[{column: island, metric: log_loss, floor: 0.000001}]"
    third = here.kanarya(*asked(guarded, "gate.champion.on_cannot_tell=reject"))
    assert third.returncode == 3, third.stderr
    assert outcome(third)["outcome"] == "rejected"
    assert "island = Biscoe: log_loss" in third.stderr + third.stdout
    assert here.versions("gated") == ["1", "2"]
