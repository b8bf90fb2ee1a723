"""Pipeline runs as a real MLflow store tells them: what goes on, and what has ended since."""

import sqlite3
import struct
import time
from contextlib import closing
from pathlib import Path

import pytest

from components import registry, removal, tracked_outcome, tracked_runs, tracking, tracking_store
from components.errors import TrackingError
from components.models.epochs import Epoch
from serving.settings import Settings

pytestmark = pytest.mark.thorough  # a real MLflow store


def test_runs_that_go_on_and_runs_that_ended_since_are_told(settings: Settings) -> None:
    goes_on = tracking.open_run("iris", "iris-1")
    tracking.log_epochs(goes_on, [Epoch(1, {"train_loss": 0.5, "val_loss": 0.6})])
    tracking.log_epochs(goes_on, [Epoch(0, {"p99_ms": 2.0})])
    failed = tracking.open_run("wine", "wine-1")
    tracking.fail_run(failed, "no room")
    rejected = tracking.open_run("wine", "wine-2")
    tracking.tag_run(rejected, {tracking.GATE: "rejected"})
    tracking.end_run(rejected)
    tracking_store.connect().create_run(tracking_store.connect().get_run(failed).info.experiment_id)
    found = {each.run_key: each for each in tracked_runs.changed(settings)}
    assert {key: (each.model, each.status) for key, each in found.items()} == {
        "iris-1": ("iris", "running"),
        "wine-1": ("wine", "failed"),
        "wine-2": ("wine", "rejected"),
    }
    assert found["iris-1"].metrics == {"p99_ms": 2.0}
    assert found["wine-1"].sentence == "no room"
    later = tracked_runs.changed(settings, time.time() + 60)
    assert [each.run_key for each in later] == ["iris-1"]


def test_what_was_measured_of_a_registered_version_is_told(settings: Settings) -> None:
    run = tracking.open_run("iris", "iris-1")
    tracking.log_epochs(run, [Epoch(0, {"accuracy": 0.9, "train_loss": 0.5})])
    client = tracking_store.connect()
    client.create_registered_model("iris")
    client.create_model_version("iris", f"runs:/{run}/model", tags={"kanarya.run_id": run})
    assert tracked_runs.metrics_of(settings, "iris", "1") == {"accuracy": 0.9}
    assert tracked_runs.metrics_of(settings, "iris", "2") == {}


def test_every_experiment_is_looked_through_not_the_first_page_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second", "third", "fourth"):
        tracking.open_run(name, f"{name}-1")
    monkeypatch.setattr(registry, "PAGE", 2)
    assert len(tracked_runs.changed(settings)) == 4
    client = tracking_store.connect()
    assert tracked_outcome.find(client, "first-1") and tracked_outcome.find(client, "fourth-1")
    assert len(tracking.fail_runs("first-1", "no room")) == 1
    removal.remove_run(settings, "first-1")
    assert tracked_outcome.find(client, "first-1") is None


def test_a_store_without_runs_has_none(settings: Settings) -> None:
    assert tracked_runs.changed(settings) == []


def damage(database: Path, table: str) -> None:
    """Overwrite the first page of a table, as if somebody had written since it was read."""
    with closing(sqlite3.connect(database)) as opened:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        ((page,),) = opened.execute(query, (table,)).fetchall()
        ((size,),) = opened.execute("PRAGMA page_size").fetchall()
    with database.open("r+b") as file:
        file.seek(24)
        (changes,) = struct.unpack(">I", file.read(4))
        file.seek(24)
        file.write(struct.pack(">I", changes + 1))
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


def test_damaged_pages_are_told_at_whatever_question_they_show(settings: Settings) -> None:
    run = tracking.open_run("iris", "iris-1")
    damage(settings.home / "mlflow.db", "metrics")
    with pytest.raises(TrackingError, match=r"mlflow.db is damaged .*`kanarya restore FOLDER"):
        tracking.log_epochs(run, [Epoch(1, {"train_loss": 0.5})])
    tracking.end_run(run)
