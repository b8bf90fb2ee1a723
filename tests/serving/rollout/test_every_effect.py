"""Every effect of every story meets every fate; whoever goes on ends at the same place.

The effects are not listed anywhere: a first run of a story counts them. It is some thousand
rollouts on a cluster in memory, so it runs with the slower tests; test_kill.py is the quick part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from serving.errors import KanaryaError, UsageError
from serving.rollout import manual
from serving.rollout.begin import run
from serving.rollout.outcome import Event, Outcome
from serving.rollout.policy import Policy
from serving.rollout.state import Phase, Rollout, rollout_of
from serving.rollout.undo import Wish, rollback
from serving.rollout.world import World
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.fuse import EFFECTS, Fate, Fuse, Killed, burning, can_meet
from tests.serving.rollout.stage import NAME, STEPS, Stage, request, uri

pytestmark = pytest.mark.e2e

QUICK = replace(STEPS, steps=(50, 100), min_requests=10, max_seconds=4)
SHADOW = replace(QUICK, shadow_requests=40)
APPROVED = replace(SHADOW, approve=(50, 100))
ONE, TWO = {uri("1"): 100}, {uri("2"): 100}
LOOK_S = 1.1
"""Of the cluster's time: fewer looks than in life, each with all its effects."""


@dataclass(frozen=True)
class Story:
    """From a setting, an act, to how it ends; all of them are about version 2 but the first."""

    setting: Callable[[], Stage]
    act: Callable[[World], Outcome]
    kind: str
    live: dict[str, int]
    version: str = "2"


def alone() -> Stage:
    return Stage()


def live(behaviour: Behaviour | None = None) -> Callable[[], Stage]:
    def setting() -> Stage:
        stage = Stage.with_live("1")
        stage.cluster.behaviours[uri("2")] = behaviour or Behaviour()
        return stage

    return setting


def blind() -> Stage:
    stage = Stage.with_live("1")
    stage.shadow.down = lambda now: True
    return stage


def asking() -> Stage:
    """Held, since nobody approved the first step."""
    stage = Stage.with_live("1")
    deaf = replace(world_of(stage, "the first one"), report=stage.events.append)
    assert run(deaf, request("2", replace(QUICK, approve=(50,)))).kind == "held"
    return stage


def undoable() -> Stage:
    stage = Stage.with_live("1")
    assert run(world_of(stage, "the first one"), request("2", QUICK)).kind == "promoted"
    return stage


def running(policy: Policy, version: str = "2") -> Callable[[World], Outcome]:
    return lambda world: run(world, request(version, policy))


def holding(world: World) -> Outcome:
    held = manual.hold(world, NAME)
    assert held.kind == "held"
    return manual.resume(world, NAME)


def carried(at: str, policy: Policy) -> Callable[[], Stage]:
    """A setting in which a process has the rollout in its hands, and is not heard of any more."""

    def setting() -> Stage:
        stage = Stage.with_live("1")

        def die(event: Event) -> None:
            if event.kind == at:
                raise Killed

        with pytest.raises(Killed):
            run(replace(stage.world("the first one"), report=die), request("2", policy))
        return stage

    return setting


def left() -> Stage:
    """Observed by a process that has died, and whose lease is over."""
    stage = carried("split", QUICK)()
    wait(stage)
    return stage


def wait(stage: Stage) -> None:
    for _ in range(11):
        stage.cluster.tick(1)


def approving(world: World) -> Outcome:
    """By a person; the process that carries it on is then found to be dead."""
    assert manual.approve(world, NAME).kind == "under_way"
    return manual.resume(world, NAME)


def pausing(world: World) -> Outcome:
    assert manual.hold(world, NAME).kind == "under_way"
    assert manual.resume(world, NAME).kind == "under_way"
    return manual.resume(world, NAME)


def undoing(world: World) -> Outcome:
    return rollback(world, NAME, Wish(), check=lambda uri, sha256: None)


STORIES = {
    "the first version": Story(alone, running(SHADOW, "1"), "promoted", ONE, "1"),
    "a good version": Story(live(), running(SHADOW), "promoted", TWO),
    "bad in the shadow": Story(
        live(Behaviour(disagreement=0.7)), running(SHADOW), "rolled_back", ONE
    ),
    "bad live": Story(live(Behaviour(error_rate=0.5)), running(QUICK), "rolled_back", ONE),
    "no shadow to be had": Story(blind, running(SHADOW), "held", ONE),
    "not ready, ever": Story(
        live(Behaviour(load_failure="no model.onnx")), running(QUICK), "rolled_back", ONE
    ),
    "approved by a person": Story(live(), running(APPROVED), "promoted", TWO),
    "approved late": Story(asking, lambda w: manual.approve(w, NAME), "promoted", TWO),
    "approved while it is carried": Story(
        carried("asks", replace(QUICK, approve=(50,))), approving, "promoted", TWO
    ),
    "paused and resumed while it is carried": Story(
        carried("split", QUICK), pausing, "promoted", TWO
    ),
    "held and resumed": Story(left, holding, "promoted", TWO),
    "promoted by hand": Story(asking, lambda w: manual.promote(w, NAME), "promoted", TWO),
    "aborted by hand": Story(asking, lambda w: manual.abort(w, NAME), "rolled_back", ONE),
    "undone by hand": Story(undoable, undoing, "rolled_back", ONE),
}


def world_of(stage: Stage, holder: str) -> World:
    """A quick world in which a person approves whatever is asked, at once."""

    def hear(event: Event) -> None:
        if event.kind == "asks":
            manual.approve(stage.world("a person"), NAME)

    def sleep(seconds: float) -> None:
        stage.cluster.tick(max(seconds, LOOK_S))

    return replace(stage.world(holder), sleep=sleep, report=hear)


def state_of(stage: Stage) -> Rollout | None:
    view = stage.cluster.get(NAME)
    return rollout_of(view) if view else None


def played(story: Story, fuse: Fuse) -> tuple[Stage, Outcome | None]:
    """The stage after the story, and its outcome; None where it was killed or met an error."""
    stage = story.setting()
    fuse.meddle = lambda: stage.cluster.patch(NAME, {"metadata": {"labels": {"a": "b"}}})
    try:
        return stage, story.act(burning(world_of(stage, "the one that is killed"), fuse))
    except (Killed, KanaryaError):
        return stage, None


def gone_on(stage: Stage, story: Story) -> Outcome:
    """What a person does then: the same again, or what the state asks for."""
    state, world = state_of(stage), world_of(stage, "the next one")
    if state is None or state.version != story.version:
        return story.act(world)
    if state.phase is Phase.APPROVAL:
        wait(stage)
        return manual.approve(world, NAME)
    if state.phase in (Phase.HELD, Phase.PROMOTED):
        try:
            return story.act(world)
        except UsageError:
            pass
    return manual.resume(world, NAME)


def names(story: Story) -> list[str]:
    fuse = Fuse()
    _, outcome = played(story, fuse)
    assert outcome is not None and outcome.kind == story.kind, outcome
    return fuse.names


def fates(story: Story) -> Iterator[Fuse]:
    for at, name in enumerate(names(story), 1):
        yield from (Fuse(at, fate) for fate in Fate if can_meet(fate, name))


def check(stage: Stage, story: Story, told: str) -> None:
    """The same verdict, one winner, a whole ledger without a second end."""
    assert stage.live() == story.live, told
    chain = stage.ledger.chain(NAME)
    state = state_of(stage)
    assert state is not None and chain.holds(state.ledger), told
    kinds = stage.ledger.kinds(story.version)
    assert kinds.count("promoted") <= 1 and kinds.count("rolled_back") <= 1, (told, kinds)
    assert "conflict" not in kinds, (told, kinds)
    last = [verdict for about, verdict in stage.recorder.calls if about == story.version]
    wanted = {"promoted": ["promoted"], "rolled_back": ["rolled back"], "held": []}[story.kind]
    assert last[-1:] == wanted, (told, last)


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_whatever_becomes_of_an_effect_the_story_ends_as_it_would_have(story: Story) -> None:
    met = set()
    for fuse in fates(story):
        stage, outcome = played(story, fuse)
        told = f"{fuse.names[-1]} number {fuse.at}: {fuse.fate}"
        tries = 0
        while outcome is None or outcome.kind == "failed" or state_left(stage, story):
            outcome = gone_on(stage, story)
            tries += 1
            assert tries < 5, (told, outcome)
        assert outcome.kind == story.kind, (told, outcome)
        check(stage, story, told)
        met.add(fuse.fate)
    assert {Fate.KILLED_BEFORE, Fate.KILLED_AFTER, Fate.NEVER_MADE} <= met


def state_left(stage: Stage, story: Story) -> bool:
    """Say whether the rollout stopped before its end, for a reason that was the fate's alone."""
    state = state_of(stage)
    if state is None or state.version != story.version:
        return True
    return not state.over and story.kind != "held"


def test_the_stories_have_every_effect_there_is() -> None:
    seen = {name for story in STORIES.values() for name in names(story)}
    every = {f"{part}.{effect}" for part, effects in EFFECTS.items() for effect in effects}
    assert seen == every | {"sleep", "report"}
