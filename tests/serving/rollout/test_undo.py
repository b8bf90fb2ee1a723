"""Going back: one level warm, many levels cold, by name; and when it is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from serving.errors import UsageError
from serving.isvc.resource import ROLLOUT
from serving.rollout import manual
from serving.rollout.live import standing
from serving.rollout.outcome import Event
from serving.rollout.undo import Wish, rollback
from tests.serving.rollout.fake_cluster import Behaviour
from tests.serving.rollout.stage import NAME, Stage, state_of, uri
from tests.serving.rollout.test_kill import Fuse, Killed, mortal


def undone(stage: Stage, wish: Wish | None = None) -> str | None:
    outcome = rollback(stage.world("a person"), NAME, wish)
    assert outcome.kind == "rolled_back"
    assert stage.live() == {uri(outcome.live_version or ""): 100}
    return outcome.live_version


def test_a_promotion_is_undone_by_percent_0_alone() -> None:
    stage = Stage.with_live("1", "2")
    outcome = rollback(stage.world(), NAME)
    assert (outcome.kind, outcome.version, outcome.live_version) == ("rolled_back", "2", "1")
    assert stage.live() == {uri("1"): 100}
    assert stage.cluster.patches[0]["spec"] == {"predictor": {"canaryTrafficPercent": 0}}
    assert stage.recorder.written["2"] == "rolled back"
    assert stage.run("3").kind == "promoted"


def test_going_back_three_times_goes_three_back() -> None:
    stage = Stage.with_live("1", "2", "3", "4")
    assert [undone(stage) for _ in range(3)] == ["3", "2", "1"]
    assert stage.recorder.written == {
        "1": "promoted",
        "2": "rolled back",
        "3": "rolled back",
        "4": "rolled back",
    }
    with pytest.raises(UsageError, match="no version is known that was live before version 1"):
        rollback(stage.world(), NAME)


def test_a_version_that_must_be_started_again_gets_nothing_until_it_is_ready() -> None:
    stage = Stage.with_live("1", "2", "3")
    stage.cluster.behaviours[uri("1")] = Behaviour(load_s=5)
    stage.cluster.splits.clear()
    outcome = rollback(stage.world(), NAME, Wish(levels=2))
    assert (outcome.kind, outcome.version, outcome.live_version) == ("rolled_back", "3", "1")
    assert outcome.reason == "gone back to version 1 by hand"
    assert stage.ledger.records[-1].entry.why == outcome.reason
    begin = stage.cluster.patches[0]["spec"]["predictor"]
    assert begin == {"model": {"storageUri": uri("1")}, "canaryTrafficPercent": 0}
    shares = [
        {name[-1]: share for name, share in each.items() if share} for each in stage.cluster.splits
    ]
    assert shares == [{"3": 100}, {"4": 100}]
    assert all(patch["metadata"]["resourceVersion"] for patch in stage.cluster.patches)


@pytest.mark.parametrize(
    ("wishes", "live"),
    [
        ([Wish(levels=2)], "1"),
        ([Wish(version="1")], "1"),
        ([Wish(version="2")], "2"),
        ([Wish(version="1"), Wish(version="3")], "3"),
        ([Wish(version="1"), Wish(version="3"), Wish()], "2"),
        ([Wish(), Wish(version="3"), Wish(levels=2)], "1"),
    ],
    ids=str,
)
def test_a_person_goes_to_any_version_that_was_live(wishes: list[Wish], live: str) -> None:
    stage = Stage.with_live("1", "2", "3")
    assert [undone(stage, wish) for wish in wishes][-1] == live


def test_a_version_that_was_rolled_back_is_not_one_to_go_back_to() -> None:
    stage = Stage.with_live("1", "2")
    stage.cluster.behaviours[uri("3")] = Behaviour(error_rate=0.5)
    assert stage.run("3").kind == "rolled_back"
    assert stage.run("4").kind == "promoted"
    assert undone(stage) == "2"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(levels=3), "only 2 went live before version 3: --levels goes from 1 to 2"),
        (Wish(version="9"), "version 9 was never live by its ledger; those that were: 3, 2, 1"),
        (Wish(version="3"), "version 3 is live already"),
    ],
)
def test_what_was_never_live_is_refused_and_nothing_is_patched(wish: Wish, said: str) -> None:
    stage = Stage.with_live("1", "2", "3")
    with pytest.raises(UsageError, match=said):
        rollback(stage.world(), NAME, wish)
    assert stage.cluster.patches == []


def test_a_rollout_under_way_is_stopped_by_abort_and_not_by_rollback() -> None:
    stage = Stage.held()
    with pytest.raises(UsageError, match=r"nothing to undo; stop a running one with .*abort iris"):
        rollback(stage.world(), NAME)


def test_a_version_that_does_not_come_up_again_leaves_what_is_live() -> None:
    stage = Stage.with_live("1", "2", "3")
    stage.cluster.behaviours[uri("1")] = Behaviour(load_failure="no memory left")
    outcome = rollback(stage.world(), NAME, Wish(levels=2))
    assert (outcome.kind, outcome.live_version) == ("rolled_back", "3")
    assert "no memory left" in outcome.reason
    assert stage.live() == {uri("3"): 100}
    assert stage.ledger.chain(NAME).records[-1].entry.kind == "rolled_back"


@dataclass
class Rival:
    """Begins a rollout of its own just as the bytes were compared."""

    stage: Stage
    ran: list[str] = field(default_factory=list)

    def __call__(self, uri: str, sha256: str) -> None:
        self.ran.append(self.stage.run("9").kind)


@pytest.mark.parametrize("wish", [Wish(), Wish(levels=2)], ids=["warm", "cold"])
def test_a_rollout_that_began_meanwhile_wins_and_nothing_is_undone(wish: Wish) -> None:
    stage = Stage()
    stage.ledger.digests.update({uri(str(n)): f"{n}" * 64 for n in range(4)})
    for version in ("1", "2", "3"):
        stage.run(version)
    outcome = rollback(stage.world("a person"), NAME, wish, Rival(stage))
    assert outcome.kind == "conflict"
    assert "version 9" in outcome.reason
    assert stage.live() == {uri("9"): 100}


@pytest.mark.parametrize("wish", [Wish(), Wish(levels=2)], ids=["warm", "cold"])
def test_a_refused_patch_is_made_again(wish: Wish) -> None:
    stage = Stage.with_live("1", "2", "3")
    patch, labels = stage.cluster.patch, iter(range(3))

    def labelled(name: str, body: dict[str, object]) -> object:
        if next(labels, None) is not None:
            patch(name, {"metadata": {"labels": {"n": "1"}}})
        return patch(name, body)

    stage.cluster.patch = labelled  # type: ignore[method-assign, assignment]
    assert undone(stage, wish) == {1: "2", 2: "1"}[wish.levels]
    ends = [r.entry.kind for r in stage.ledger.chain(NAME).records if r.entry.holder == "a person"]
    assert len(ends) == len(set(ends)), "each decision is written once"


def test_what_a_person_patched_in_is_left_alone_unless_a_version_is_named() -> None:
    stage = Stage.with_live("1", "2")
    stage.cluster.patch(NAME, {"spec": {"predictor": {"model": {"storageUri": "file:///mine"}}}})
    stage.cluster.tick(1)
    stage.cluster.tick(1)
    with pytest.raises(UsageError, match=r"version 2 is live, but it was changed by hand.*--to"):
        rollback(stage.world(), NAME)
    assert undone(stage, Wish(version="1")) == "1"


def test_a_promotion_older_than_the_ledger_is_undone_as_ever() -> None:
    stage = Stage.with_live("1", "2")
    forget(stage)
    assert undone(stage) == "1"
    with pytest.raises(UsageError, match="no version is known"):
        rollback(stage.world(), NAME)


def forget(stage: Stage) -> None:
    """Make the stage one whose rollouts were before there was a ledger."""

    stage.ledger.records.clear()
    text = replace(state_of(stage), ledger="").to_json()
    stage.cluster.patch(NAME, {"metadata": {"annotations": {ROLLOUT: text}}})


def test_the_events_of_going_back_are_told() -> None:
    stage = Stage.with_live("1", "2", "3")
    heard: list[Event] = []
    rollback(replace(stage.world(), report=heard.append), NAME, Wish(levels=2))
    assert [e.sentence for e in heard if e.kind == "begun"] == ["going back; version 3 is live"]


@pytest.mark.thorough
@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
@pytest.mark.parametrize("wish", [Wish(), Wish(levels=2)], ids=["warm", "cold"])
def test_whoever_goes_on_with_a_killed_rollback_ends_where_it_would_have(
    wish: Wish, after: bool
) -> None:
    wanted = {1: "2", 2: "1"}[wish.levels]
    kills = 0
    for at in range(1, 100):
        stage = Stage.with_live("1", "2", "3")
        try:
            rollback(mortal(stage.world(), Fuse(at, after)), NAME, wish)
        except Killed:
            kills += 1
        else:
            break
        if not state_of(stage).over:
            manual.resume(stage.world("the next one"), NAME)
        elif stage.live() == {uri("3"): 100}:
            rollback(stage.world("the next one"), NAME, wish)
        assert stage.live() == {uri(wanted): 100}
        assert stage.recorder.written["3"] == "rolled back"
        now = standing(stage.ledger.chain(NAME).records).live
        assert now is not None and now.model.version == wanted
    assert kills > 4
