"""A person's decision on a rollout: the one that was seen, with the person's name in the ledger."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.deciding import Decision, decide, world_of
from serving.errors import Conflict
from serving.rollout.ledger import StoredLedger
from serving.settings import Settings
from tests.serving.rollout.stage import NAME, Stage


def test_the_rollout_that_was_seen_is_decided() -> None:
    stage = Stage.held()
    seen = stage.ledger.chain(NAME).records[-1].entry.rollout
    assert decide(stage.world("p"), Decision("abort", NAME, seen)).kind == "rolled_back"


def test_another_rollout_than_the_one_that_was_seen_is_left_alone() -> None:
    stage = Stage.held()
    patches = len(stage.cluster.patches)
    with pytest.raises(Conflict, match="nothing was changed"):
        decide(stage.world("p"), Decision("promote", NAME, "of yesterday"))
    assert len(stage.cluster.patches) == patches


def test_who_decides_is_in_the_reason_of_a_pause() -> None:
    stage = Stage.with_live("1")
    reasons: list[str] = []
    world = replace(stage.world("p"), actor="ayse@laptop (console)")

    def pause(event: object) -> None:
        if not reasons:
            reasons.append(decide(world, Decision("hold", NAME)).reason)
            decide(world, Decision("abort", NAME))

    from serving.rollout.begin import run
    from tests.serving.rollout.stage import request

    run(replace(stage.world(), report=pause), request("2"))
    assert reasons[0].startswith("held by ayse@laptop (console)")


def test_a_person_of_the_console_is_the_actor_of_world_and_ledger(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    text = "{apiVersion: v1, kind: Config, current-context: a, "
    text += "clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}], "
    text += "contexts: [{name: a, context: {cluster: a, user: a}}], users: [{name: a, user: {}}]}"
    kubeconfig.write_text(text, encoding="utf-8")
    env = {"KANARYA_HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig)}
    world = world_of(Settings.from_env(env), person="ayse")
    assert isinstance(world.ledger, StoredLedger)
    assert world.actor == world.ledger.actor
    assert world.actor.startswith("ayse@")
    assert world.actor.endswith(" (console)")
    assert "(console)" not in world_of(Settings.from_env(env)).actor
