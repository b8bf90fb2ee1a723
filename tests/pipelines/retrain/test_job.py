"""What is known of a live model, gathered from the files of a home, and what is done about it."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components.errors import DataError
from components.monitor import windows
from components.monitor.windows import Ended
from components.provenance import Code, Environment
from pipelines import asked as asking
from pipelines.asked import Asked, Ticket
from pipelines.journal import Result, RunFolder
from pipelines.origin import Origin
from pipelines.retrain import standing
from pipelines.retrain.data import Looks
from pipelines.retrain.job import Done, look, settle
from pipelines.retrain.models import Model, each, runs_of
from pipelines.retrain.standing import Standing
from pipelines.run_trash import delete
from pipelines.spec import parse, pipeline_arguments
from serving.errors import KanaryaError, UsageError
from serving.feedback.book import Book, Bounds
from serving.feedback.books import place
from serving.feedback.truths import Labelled, Predicted
from serving.isvc.resource import GROUP, LIVE_VERSION, PLURAL, VERSION, ServiceView, manifest
from serving.settings import Settings
from tests.serving.isvc.conftest import api  # noqa: F401 - a fixture

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS = "age,label\n1,yes\n2,no\n"


@dataclass
class Home:
    """A home with runs of a model, and what a policy makes of them."""

    settings: Settings
    started: list[Asked] = field(default_factory=list)

    @property
    def csv(self) -> Path:
        return self.settings.home / "rows.csv"

    def spec(self, **changed: Any) -> Any:
        retrain = {"when": {"drift": {"windows": 1}}, "budget": {"runs": 2}}
        document = {"name": "iris", "data": {"uri": str(self.csv), "target": "label"}}
        return parse({**document, "retrain": retrain, **changed}, "test")

    def ran(self, spec: Any, at: datetime, outcome: str = "promoted", **more: Any) -> RunFolder:
        """Write the folder of a run as the queue and the run leave it."""
        folder = RunFolder(self.settings.home / "runs" / f"iris-{at:%Y%m%d-%H%M%S}-abcd")
        why, sha256 = more.get("why", ""), more.get("sha256", self.sha256())
        ingest = folder.path / "artifacts" / "x" / "ingest"
        ingest.mkdir(parents=True)
        read = {"artifacts": {"table": {"artifacts": [{"metadata": {"sha256": sha256}}]}}}
        (ingest / "executor_output.json").write_text(json.dumps(read))
        asking.write(folder, Asked(spec, why=why), Ticket(0, at.timestamp()))
        folder.write("arguments.json", {**pipeline_arguments(spec), "why": why})
        environment = Environment("3.12", "Linux", {})
        origin = Origin(spec.model_dump(mode="json"), Code("c0de"), environment, why=why)
        folder.write("origin.json", origin.to_json())
        if outcome:
            folder.close(Result(folder.run_id, outcome, "", more.get("version"), seconds=600.0))
        return folder

    def changes(self, rows: str = ROWS + "3,yes\n") -> None:
        """Write the data, some time ago."""
        self.csv.write_text(rows)
        os.utime(self.csv, (1e9 + len(rows), 1e9))

    def sha256(self) -> str:
        return Looks().sha256(self.spec(), self.settings.home)[0]

    def live(self, folder: RunFolder, version: str = "1") -> Model:
        row = next(r for r, _ in runs_of(self.settings).of("iris") if r.run_id == folder.run_id)
        view = ServiceView("iris", "default", url="http://127.0.0.1:9")
        return Model("iris", version, view, row, asking.read(folder).spec)

    def drifts(self, version: str = "1") -> None:
        file = windows.path(self.settings, "iris")
        file.parent.mkdir(parents=True, exist_ok=True)
        found = Ended("t", "iris", version, 100, True, ("age",), "age: median 34 -> 51.", "o")
        with file.open("a") as lines:
            lines.write(json.dumps({**found.__dict__}) + "\n")

    def decides(self, model: Model, now: datetime = NOW, by: str = "") -> Done:
        def start(asked: Asked) -> str:
            self.started.append(asked)
            return "iris-new"

        return settle(self.settings, model, now, start, by)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(Settings.from_env({"KANARYA_HOME": str(tmp_path)}))
    found.changes(ROWS)
    return found


@pytest.fixture
def model(home: Home) -> Model:
    """Version 1, that a person made four days ago, and whose traffic has drifted."""
    home.drifts()
    return home.live(home.ran(home.spec(), NOW - 96 * HOUR, version="1"))


def test_a_run_is_started_on_other_data_and_says_why(home: Home, model: Model) -> None:
    assert home.decides(model).decision.verdict == "pointless"
    home.changes()
    done = home.decides(model)
    assert (done.decision.verdict, done.run_id) == ("retrain", "iris-new")
    (asked,) = home.started
    assert asked.spec == home.spec()
    assert model.run is not None
    assert asked.made_from == {"retrain": model.run.run_id}
    assert asked.why.endswith("the newest of them: age: median 34 -> 51")


@pytest.mark.parametrize(("right", "verdict"), [(10, "retrain"), (60, "quiet")])
def test_labels_that_came_later_decide_once_their_interval_lies_below_the_floor(
    home: Home, right: int, verdict: str
) -> None:
    policy = {"when": {"live": {"metric": "accuracy", "floor": 0.8, "labels": 50}}}
    model = home.live(home.ran(home.spec(retrain=policy), NOW - 96 * HOUR, version="1"))
    home.changes()
    assert home.decides(model).decision.verdict == "quiet", "nobody has told a label yet"
    book = Book(place(home.settings.home / "feedback", "default", "iris"), Bounds())
    book.predicted([Predicted(f"r{n}", 0, time.time(), "1", "yes") for n in range(60)], time.time())
    truths = ["yes"] * right + ["no"] * (60 - right)
    book.labelled([Labelled(f"r{n}", 0, label) for n, label in enumerate(truths)], time.time())
    book.close()
    assert home.decides(model).decision.verdict == verdict


def test_windows_of_another_version_say_nothing(home: Home, model: Model) -> None:
    assert home.decides(replace(model, version="2")).decision.verdict == "quiet"


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [("rejected", "pointless"), ("rolled_back", "pointless"), ("failed", "retrain")],
)
def test_what_learned_in_vain_is_not_repeated_what_failed_is(
    home: Home, model: Model, outcome: str, verdict: str
) -> None:
    home.changes()
    home.ran(home.spec(), NOW - 30 * HOUR, outcome, why="drift")
    assert home.decides(model).decision.verdict == verdict


def test_another_configuration_is_no_repetition(home: Home, model: Model) -> None:
    home.changes()
    home.ran(home.spec(model={"kind": "svm"}), NOW - 30 * HOUR, "rejected")
    assert home.decides(model).decision.verdict == "retrain"


def test_cooldown_and_budget_are_reckoned_from_the_runs_deleted_ones_too(
    home: Home, model: Model
) -> None:
    home.changes()
    first = home.ran(home.spec(), NOW - 50 * HOUR, "failed", why="drift")
    assert home.decides(model, NOW - 40 * HOUR).decision.verdict == "cooling"
    home.ran(home.spec(), NOW - 25 * HOUR, "failed", why="drift")
    delete(home.settings, first.run_id)
    runs_of.cache_clear()  # as after a restart
    done = home.decides(model)
    assert done.decision.verdict == "spent"
    assert "2 such runs of 0.3 hours in 7 days" in done.decision.sentence
    assert not home.started


def test_a_run_of_the_model_that_goes_on_is_waited_for(home: Home, model: Model) -> None:
    folder = home.ran(home.spec(), NOW - HOUR, "")
    done = home.decides(model)
    assert done.decision.sentence == f"{folder.run_id} is queued; it is waited for"


def test_a_decision_stands_in_a_file_until_it_is_another_one(home: Home, model: Model) -> None:
    first = home.decides(model).decision
    found = standing.read(home.settings, "iris")
    assert found is not None
    assert (found.verdict, found.sentence, found.since) == (
        "pointless",
        first.sentence,
        "2026-03-10T12:00:00+00:00",
    )
    home.decides(model, NOW + HOUR)
    assert standing.read(home.settings, "iris") == found
    home.changes()
    home.decides(model, NOW + 2 * HOUR)
    again = standing.read(home.settings, "iris")
    assert again is not None
    assert (again.verdict, again.run_id, again.since[:13]) == (
        "retrain",
        "iris-new",
        "2026-03-10T14",
    )


def test_a_dry_run_starts_nothing_and_notes_nothing(home: Home, model: Model) -> None:
    home.changes()
    assert settle(home.settings, model, NOW, None).decision.verdict == "retrain"
    assert standing.read(home.settings, "iris") is None


def test_data_counts_as_new_once_nobody_writes_it(home: Home) -> None:
    spec = home.spec(retrain={"when": {"data": True}})
    model = home.live(home.ran(spec, NOW - 96 * HOUR, version="1"))
    home.csv.write_text(ROWS + "3,yes\n")
    assert "is being written" in home.decides(model).decision.sentence
    os.utime(home.csv, (1e9, 1e9))
    assert home.decides(model).decision.verdict == "retrain"
    home.csv.unlink()
    with pytest.raises(DataError, match=r"rows.csv: there is no such file"):
        home.decides(model)


def nobody(model: Model) -> Model:
    return replace(model, run=None, spec=None)


def no_policy(model: Model) -> Model:
    assert model.spec is not None
    return replace(model, spec=model.spec.model_copy(update={"retrain": None}))


@pytest.mark.parametrize(
    ("without", "said"),
    [(nobody, "was not made on this machine"), (no_policy, "does not say when to train it again")],
)
def test_without_a_policy_that_is_said(
    home: Home, model: Model, without: Callable[[Model], Model], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        home.decides(without(model))


def test_nothing_is_asked_where_nothing_was_ever_live(home: Home) -> None:
    look(home.settings, NOW)


@pytest.mark.usefixtures("api")
def test_what_was_decided_of_a_model_stands_no_longer_than_its_service(home: Home) -> None:
    spent = Standing("iris", "3", "spent", "drift", "its budget is spent", NOW.isoformat())
    standing.write(home.settings, spent)
    look(home.settings, NOW)
    assert standing.read(home.settings, "iris") is None


def test_a_model_whose_disk_fails_does_not_stop_the_others(
    home: Home, request: pytest.FixtureRequest
) -> None:
    client, looked = request.getfixturevalue("api"), []
    for name in ("iris", "wine"):
        client.create(manifest(name, "default", "file:///m", annotations={LIVE_VERSION: "1"}))
        there = {"status": {"url": "http://127.0.0.1:9"}}
        client.api.patch_namespaced_custom_object_status(
            GROUP, VERSION, "default", PLURAL, name, there
        )

    def act(model: Model) -> None:
        looked.append(model.name)
        raise OSError(5, "Input/output error")

    with pytest.raises(KanaryaError, match="wine: .*Input/output error"):
        each(home.settings, act)
    assert looked == ["iris", "wine"]
