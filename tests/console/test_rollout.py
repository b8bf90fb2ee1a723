"""A rollout as the console watches it: what it shows is what the judge decides by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from console.data.rollout import Watched, Watcher
from console.texts import catalogue
from console.widgets.rollout_buttons import LOOKS
from pipelines.deciding import DEEDS
from serving.errors import ServiceError
from serving.isvc.resource import ServiceView
from serving.isvc.services import Services, Unreachable
from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.outcome import Event
from serving.rollout.state import Phase, Rollout
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.stage import NAME, Stage, request, uri


def watcher(stage: Stage, of: str = "") -> Watcher:
    return Watcher(
        NAME,
        of,
        lambda: stage.cluster,
        stage.ledger,
        stage.source,
        clock=lambda: stage.cluster.now,
    )


def watched(stage: Stage, of: str = "") -> Watched:
    found = watcher(stage, of).read()
    assert found is not None
    return found


def during(stage: Stage, version: str, look: Callable[[Event], None]) -> None:
    run(replace(stage.world(), report=look), request(version))


def test_it_is_followed_from_its_beginning_to_its_end() -> None:
    stage = Stage.with_live("1")
    watching, seen = watcher(stage, "run-2"), []

    def look(event: Event) -> None:
        found = watching.read()
        assert found is not None
        seen.append(found)

    during(stage, "2", look)
    phases = list(dict.fromkeys(each.phase for each in seen))
    assert phases[:2] == ["waiting", "observing"]
    assert "promoting" in phases or "promoted" in phases
    last = watched(stage, "run-2")
    assert (last.outcome, last.percent, last.over) == ("promoted", 100, True)
    assert (last.version, last.before) == ("2", "1")
    assert [each.percent for each in last.moments if each.kind == "split"] == [10, 50]
    assert {each.actor for each in last.moments} == {"ada@laptop"}


def test_the_evidence_is_the_judges_own() -> None:
    stage = Stage.with_live("1")
    stage.cluster.behaviours[uri("2")] = Behaviour(error_rate=0.2)
    seen: list[Watched] = []

    def look(event: Event) -> None:
        if event.kind == "looking" and (found := watcher(stage).read()):
            seen.append(found)

    stage.cluster.requests_per_s = 40.0
    during(stage, "2", look)
    counted = [each.now for each in seen if each.now.canary]
    assert counted
    assert all(now.harm is not None and now.harm < 1 for now in counted)
    last = watched(stage)
    assert last.outcome == "rolled_back"
    assert last.now.harm is not None
    assert last.now.harm >= 1  # the one that it was rolled back by, out of the ledger
    assert last.points[-1].harm == last.now.harm


def test_a_run_that_began_no_rollout_has_none() -> None:
    stage = Stage.with_live("1")
    assert watcher(stage, "run-elsewhere").read() is None


def test_an_earlier_runs_rollout_is_told_by_the_ledger_and_can_not_be_decided() -> None:
    stage = Stage.with_live("1")
    stage.run("2")
    stage.run("3")
    found = watched(stage, "run-2")
    assert (found.outcome, found.version, found.over, found.decisions) == (
        "promoted",
        "2",
        True,
        (),
    )
    assert watched(stage).version == "3"
    assert watched(stage).decisions == ("rollback",)


def test_who_holds_it_finds_the_buttons_that_are_open() -> None:
    stage = Stage.held()
    found = watched(stage)
    assert (found.phase, found.over) == ("held", False)
    assert set(found.decisions) == {"promote", "resume", "abort"}


class Away(Services):
    """An API server that nobody reaches."""

    namespace = "test"

    def get(self, name: str) -> ServiceView | None:
        raise Unreachable("cannot reach the Kubernetes API")


def test_without_the_api_server_the_ledger_tells_and_the_trouble_is_said() -> None:
    stage = Stage.held()
    away = Watcher(NAME, "", Away, stage.ledger, stage.source)  # type: ignore[abstract]
    found = away.read()
    assert found is not None
    assert (found.outcome, found.decisions, found.over) == ("held", (), False)
    assert "cannot reach" in found.trouble
    assert isinstance(Unreachable("x"), ServiceError)


@pytest.fixture(scope="module")
def held() -> Rollout:
    return manual.status(Stage.held().world(), NAME)


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("left", [False, True])
def test_what_is_offered_is_what_manual_does(held: Rollout, phase: Phase, left: bool) -> None:
    now = 5000.0
    state = replace(held, phase=phase, lease_until=now - 1 if left else now + 5, asking=50)
    offered = set(manual.possible(state, now))
    table = {
        "hold": {"waiting", "shadowing", "observing"},
        "promote": {"shadowing", "observing", "awaiting_approval", "paused", "held"},
        "abort": {"waiting", "shadowing", "observing", "awaiting_approval", "paused", "held"},
        "approve": {"awaiting_approval", "held"},
        "resume": {"paused", "held"},
    }
    if left and phase not in (Phase.PROMOTED, Phase.ROLLED_BACK):
        table["resume"] |= {phase.value}
    assert offered == {name for name, phases in table.items() if phase.value in phases}


@pytest.mark.parametrize("name", sorted(DEEDS))
def test_every_decision_has_a_button_and_a_question(name: str) -> None:
    assert name in LOOKS
    assert {f"rollout.do.{name}", f"rollout.ask.{name}"} <= set(catalogue())


@pytest.mark.parametrize("kind", [*(phase.value for phase in Phase), "begun", "split", "under_way"])
def test_every_kind_of_a_moment_has_a_word(kind: str) -> None:
    assert f"rollout.{kind}" in catalogue()
