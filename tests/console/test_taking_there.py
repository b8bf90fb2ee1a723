"""A run of a cluster changed, or put together with one of here: its spec is read where it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console.data.elsewhere import Elsewhere
from console.data.run_actions import RunActions
from console.data.runs import Runs
from console.data.taking import taken_from
from pipelines import enqueue
from pipelines.queue import Queue
from pipelines.spec import parse
from serving.errors import NotFound, UsageError
from serving.settings import Settings
from tests.console.elsewhere.far import Here, world_of
from tests.pipelines.kfp_api.conftest import kfp, package, started
from tests.pipelines.kfp_api.server import FakeKfp

__all__ = ["kfp", "package", "started"]
HERE = "wine-20260101-000000-abcd"


@pytest.fixture
def actions(kfp: FakeKfp, tmp_path: Path) -> RunActions:
    places = Elsewhere(world_of(tmp_path, KFP_HOST=kfp.host), Here(), Here())
    runs = Runs.of(places.settings.base, places)
    return RunActions(places.settings.base, runs, elsewhere=places)


@pytest.fixture
def there(started: dict[str, Any]) -> str:
    """The id of a run of a cluster; its pipeline has defaults for all that it was not given."""
    started["runtime_config"]["parameters"]["name"] = "iris"
    return str(started["run_id"])


@pytest.fixture
def here(tmp_path: Path) -> str:
    """The id of a run of this home."""
    folder = tmp_path / "runs" / HERE
    folder.mkdir(parents=True)
    spec = parse({"name": "wine", "data": {"uri": "/w.csv", "target": "kind"}}, "x")
    code = {"sha256": "c", "commit": "", "dirty": False}
    around = {"python": "3.11", "system": "x", "libraries": {}, "sha256": "e"}
    kept = {"spec": spec.model_dump(mode="json"), "data_sha256": "d" * 64}
    origin = {**kept, "code": code, "environment": around}
    (folder / "origin.json").write_text(json.dumps(origin), encoding="utf-8")
    (folder / "arguments.json").write_text("{}", encoding="utf-8")
    return HERE


def test_a_run_of_a_cluster_is_changed_here(actions: RunActions, there: str) -> None:
    draft, notes = taken_from(actions, there, "")
    assert draft.document == {
        "name": "iris",
        "data": {"uri": "gs://bucket/iris.csv", "target": "species"},
        "model": {"kind": "svm"},
    }
    assert set(draft.made_from.values()) == {"iris-1"}
    assert notes == ["nobody checks that the data is still what iris-1 read"]
    assert draft.asked().spec.name == "iris"


def test_a_run_that_was_told_its_data_tells_it_on(
    actions: RunActions, started: dict[str, Any], there: str
) -> None:
    started["runtime_config"]["parameters"]["data_sha256"] = "a" * 64
    draft, notes = taken_from(actions, there, "")
    assert (draft.data_sha256, notes) == ("a" * 64, [])


def test_one_of_here_and_one_of_the_cluster_are_put_together(
    actions: RunActions, there: str, here: str
) -> None:
    draft, _ = taken_from(actions, there, here)
    assert (draft.value("data.uri"), draft.kind, draft.data_sha256) == ("/w.csv", "svm", "d" * 64)
    draft, _ = taken_from(actions, here, there)
    assert (draft.value("data.uri"), draft.kind) == ("gs://bucket/iris.csv", "random_forest")
    assert draft.made_from == {"data": "iris-1", "config": here}


def test_both_are_queued_here_by_program(
    actions: RunActions, there: str, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Settings] = []
    monkeypatch.setattr(enqueue, "workers_up", begun.append)  # they would outlive this test
    with pytest.raises(UsageError, match="accept new data to go on"):
        actions.compose(there, here, "ayse")
    new = actions.compose(there, here, "ayse", accept_new_data=True)
    assert begun == [actions.settings]
    queue = Queue(actions.settings)
    assert [entry.run_id for entry in queue.view().entries] == [new]
    queue.close()


def test_data_in_a_pod_is_nobodys_here_but_its_configuration_is(
    actions: RunActions, started: dict[str, Any], there: str, here: str
) -> None:
    started["runtime_config"]["parameters"]["data_uri"] = "/data/iris.csv"
    with pytest.raises(UsageError, match="'/data/iris.csv', a path in its pods .* compose its"):
        taken_from(actions, there, "")
    assert taken_from(actions, there, here)[0].kind == "svm"


def test_what_cannot_be_read_is_one_sentence(
    actions: RunActions, kfp: FakeKfp, started: dict[str, Any], there: str
) -> None:
    with pytest.raises(NotFound, match="0000 not found"):
        taken_from(actions, "00000000-0000-0000-0000-000000000000", "")
    started["runtime_config"]["parameters"]["model_kind"] = "oracle"
    with pytest.raises(UsageError, match="iris-1: model.*oracle"):
        taken_from(actions, there, "")
