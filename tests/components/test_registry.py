"""Versions and aliases on a real MLflow store, published from a real model directory."""

import json
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from components import recorded, registry, tracking, tracking_store
from components.errors import GateError
from components.register import step
from components.reject import step as rejecting
from components.table_schema import TableColumn, TableSchema
from serving import artifact, storage
from serving.published import manifest_sha256
from serving.rollout.ledger import StoredLedger
from serving.rollout.record import Entry, Model
from serving.settings import Settings
from tests.serving.fake_gcs import FakeGcs
from tests.serving.fake_gcs import gcs as gcs

pytestmark = pytest.mark.thorough  # a real MLflow store


def schema() -> TableSchema:
    column = TableColumn("a", "number", missing=0, distinct=3, minimum=0.0, maximum=1.0)
    return TableSchema(
        columns=(column,),
        target="species",
        target_kind="text",
        rows=150,
        sha256="ab" * 32,
        source="/data/iris.csv",
        delimiter=",",
        encoding="utf-8",
    )


def start(name: str = "iris", key: str = "run-1") -> str:
    parameters = {"kind": "random_forest", "git_commit": "c0ffee", "gate.floor": {"accuracy": 0.9}}
    return tracking.start_run(name=name, run_key=key, parameters=parameters, dataset=schema())


def candidate(folder: Path, model: Path, *, promote: object = True) -> step.Candidate:
    """Write what the steps before the registration leave behind."""
    folder.mkdir()
    found = step.Candidate(
        folder / "packaged",
        folder / "evaluation",
        folder / "decision",
        folder / "report.html",
        folder / "findings",
    )
    shutil.copytree(model, found.packaged)
    (found.packaged / "native").mkdir(exist_ok=True)
    (found.packaged / "native" / "MLmodel").write_text("flavors: {}\n")
    artifact.write_card(found.packaged, artifact.read_card(found.packaged).with_version(None))
    artifact.seal(found.packaged)
    found.evaluation.mkdir()
    scores = {"candidate": {"accuracy": 0.95}, "champion": None, "rows": 30}
    (found.evaluation / "scores.json").write_text(json.dumps(scores))
    found.decision.mkdir()
    decided = {"promote": promote, "reasons": ["accuracy 0.95 is at least 0.9."], "checks": []}
    decided["servability"] = {"serving_p99_ms": 1.284, "serving_golden_rows": 10.0}
    (found.decision / "decision.json").write_text(json.dumps(decided))
    found.report.write_text("<p>fine</p>")
    return found


def aliases(name: str = "iris") -> dict[str, str]:
    found = tracking_store.connect().get_registered_model(name).aliases
    return {alias: str(version) for alias, version in found.items()}


def test_a_registration_publishes_tags_describes_and_stages(
    settings: Settings, tmp_path: Path, iris_model_dir: Path
) -> None:
    run_id = start()
    version = step.run(candidate(tmp_path / "c", iris_model_dir), "iris", run_id, settings)
    assert version == "1"
    published = settings.home / "models" / "iris" / "1"
    artifact.verify(published)
    assert artifact.read_card(published).version == "1"
    tags = registry.tags("iris", "1")
    assert tags["kanarya.gate"] == "passed"
    assert tags[registry.STORE_URI] == published.as_uri()
    assert aliases() == {"staging": "1"}
    run = tracking_store.connect().get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["accuracy"] == 0.95
    assert run.data.params["gate.floor"] == '{"accuracy": 0.9}'
    assert run.data.tags["mlflow.source.git.commit"] == "c0ffee"
    assert run.inputs.dataset_inputs[0].dataset.digest == schema().sha256[:36]
    listed = registry.listing("iris")
    assert [(e.version, e.aliases) for e in listed] == [("1", ("staging",))]
    assert "accuracy" in listed[0].description


@pytest.mark.parametrize("promote", [False, "yes", 1, None])
def test_only_a_recorded_true_registers(
    settings: Settings, tmp_path: Path, iris_model_dir: Path, promote: object
) -> None:
    """The pipeline's condition is not believed alone: the recorded decision is read again."""
    with pytest.raises(GateError):
        step.run(
            candidate(tmp_path / "c", iris_model_dir, promote=promote), "iris", "no-run", settings
        )
    assert not (settings.home / "models").exists()


def test_aliases_move_at_promotion_and_twice_is_once(
    settings: Settings, tmp_path: Path, iris_model_dir: Path
) -> None:
    for number in ("1", "2"):
        made = candidate(tmp_path / number, iris_model_dir)
        assert step.run(made, "iris", start(key=f"run-{number}"), settings) == number
        assert aliases()["staging"] == number
        for _ in range(2):
            registry.promoted("iris", number, "every step was good")
    assert aliases() == {"champion": "2", "previous": "1"}
    assert registry.champion("iris") == registry.Champion(
        "2", (settings.home / "models" / "iris" / "2").as_uri()
    )


def test_a_rollback_leaves_the_champion_and_one_after_promotion_restores_the_one_before(
    settings: Settings, tmp_path: Path, iris_model_dir: Path
) -> None:
    for number in ("1", "2"):
        step.run(candidate(tmp_path / number, iris_model_dir), "iris", start(key=number), settings)
    registry.promoted("iris", "1", "")
    registry.rolled_back("iris", "2", "error rate 54 %")
    assert aliases() == {"champion": "1"}
    assert registry.tags("iris", "2")["kanarya.rollout.reason"] == "error rate 54 %"
    registry.promoted("iris", "2", "")
    registry.rolled_back("iris", "2", "by hand")
    assert aliases()["champion"] == "1"


def test_a_version_that_the_registry_lost_is_promoted_and_rolled_back_without_it(
    settings: Settings, tmp_path: Path, iris_model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An older MLflow was restored: what is live must move all the same."""
    step.run(candidate(tmp_path / "1", iris_model_dir), "iris", start(), settings)
    registry.promoted("iris", "1", "")
    for tell in (registry.promoted, registry.rolled_back):
        tell("iris", "2", "by hand")
        assert aliases() == {"champion": "1"}
        assert "MLflow has no version 2 of iris" in capsys.readouterr().out
    registry.rolled_back("unheard-of", "1", "by hand")
    assert "MLflow has no version 1 of unheard-of" in capsys.readouterr().out


def test_nothing_serves_where_nothing_was_registered(settings: Settings) -> None:
    assert registry.champion("iris") is None
    assert registry.listing() == []


def test_bytes_left_by_a_killed_registration_are_replaced(
    settings: Settings, tmp_path: Path, iris_model_dir: Path
) -> None:
    left = settings.home / "models" / "iris" / "1"
    left.mkdir(parents=True)
    (left / "half").write_text("a kill came here")
    step.run(candidate(tmp_path / "c", iris_model_dir), "iris", start(), settings)
    assert not (left / "half").exists()
    artifact.verify(left)


def test_a_registration_by_hand_in_between_does_not_mix_up_the_bytes(
    settings: Settings, tmp_path: Path, iris_model_dir: Path
) -> None:
    """A deleted version still uses up its number in MLflow: ours ends up under the number given."""
    first = step.run(candidate(tmp_path / "1", iris_model_dir), "iris", start(), settings)
    tracking_store.connect().delete_model_version("iris", first)
    version = step.run(candidate(tmp_path / "2", iris_model_dir), "iris", start(key="b"), settings)
    published = settings.home / "models" / "iris" / version
    assert artifact.read_card(published).version == version
    assert registry.tags("iris", version)[registry.STORE_URI] == published.as_uri()


@pytest.mark.parametrize("damaged", [False, True])
def test_a_number_that_was_served_is_not_given_again_by_an_older_mlflow(
    settings: Settings, tmp_path: Path, iris_model_dir: Path, *, damaged: bool
) -> None:
    """It was restored from a backup: the newest versions, one of which serves, are not in it."""
    step.run(candidate(tmp_path / "1", iris_model_dir), "iris", start(key="1"), settings)
    served = settings.home / "models" / "iris" / "3"
    artifact.publish(candidate(tmp_path / "3", iris_model_dir).packaged, served, "3")
    ledger = StoredLedger(settings.ledger)
    ledger.append(Entry("iris", "begun", "a", Model("3", served.as_uri()), holder="host:1:cafe"))
    if damaged:
        (settings.home / "ledger" / "iris" / "stranger").write_text("no record")
    before = manifest_sha256(served.as_uri())
    for number in ("4", "5"):
        made = candidate(tmp_path / number, iris_model_dir)
        assert step.run(made, "iris", start(key=number), settings) == number
    assert manifest_sha256(served.as_uri()) == before
    assert [entry.version for entry in registry.listing("iris")] == ["5", "4", "1"]


def test_no_machine_writes_where_another_one_has_published(
    gcs: type[FakeGcs], settings: Settings, tmp_path: Path, iris_model_dir: Path
) -> None:
    """Both ask for the next number before either has it: each has a place of its own."""
    shared = replace(settings, model_store="gs://bucket/models")
    number = registry.next_version("iris")
    theirs, ours = start(key="theirs"), start(key="ours")
    for run_id in (theirs, ours):
        place = step.Store("gs://bucket/models/iris", run_id).place(str(number))
        assert place == f"gs://bucket/models/iris/1-{run_id[:8]}"
    step.run(candidate(tmp_path / "1", iris_model_dir), "iris", theirs, shared)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "next_version", lambda name: number)
        version = step.run(candidate(tmp_path / "2", iris_model_dir), "iris", ours, shared)
    assert version == "2"
    for run_id, got in ((theirs, "1"), (ours, "2")):
        uri = registry.tags("iris", got)[registry.STORE_URI]
        assert uri == f"gs://bucket/models/iris/{got}-{run_id[:8]}"
        fetched = storage.fetch(uri, tmp_path / "fetched" / got)
        artifact.verify(fetched)
        assert artifact.read_card(fetched).version == got
    places = {name.split("/")[2] for name in gcs.objects}
    assert places == {f"1-{theirs[:8]}", f"2-{ours[:8]}"}


def test_a_rejection_records_its_reasons_and_registers_nothing(
    settings: Settings, tmp_path: Path, iris_model_dir: Path
) -> None:
    run_id = start()
    made = candidate(tmp_path / "c", iris_model_dir, promote=False)
    assert rejecting.run(made.decision, made.evaluation, run_id) == "rejected"
    run = tracking_store.connect().get_run(run_id)
    assert run.data.tags["kanarya.gate"] == "rejected"
    kept = tracking_store.connect().download_artifacts(run_id, "gate.md", str(tmp_path))
    assert "accuracy 0.95" in Path(kept).read_text()
    assert recorded.read_file(run, recorded.GATE)["promote"] is False
    assert registry.listing() == []


def test_a_failed_run_is_closed_with_its_reason(settings: Settings) -> None:
    run_id = start(key="k1")
    other = start(key="k2")
    assert tracking.fail_runs("k1", "the disk was full") == [run_id]
    failed = tracking.connect().get_run(run_id)
    assert (failed.info.status, failed.data.tags["kanarya.failure"]) == (
        "FAILED",
        "the disk was full",
    )
    assert tracking.connect().get_run(other).info.status == "RUNNING"
    assert tracking.fail_runs("k1", "again") == []


def test_a_step_tried_again_finds_its_run(settings: Settings) -> None:
    assert start(key="same") == start(key="same")


def _register(folder: Path, model: Path, key: str, home: str) -> None:
    settings = Settings.from_env({"KANARYA_HOME": home})
    step.run(candidate(folder, model), "iris", start(key=key), settings)


@pytest.mark.e2e
def test_two_registrations_at_once_get_two_versions_with_their_own_bytes(
    settings: Settings, tmp_path: Path, iris_model_dir: Path
) -> None:
    start(key="first")  # the store and the experiment are there
    tracking_store.client.cache_clear()
    context = multiprocessing.get_context("spawn")
    racers = [
        context.Process(
            target=_register,
            args=(tmp_path / key, iris_model_dir, key, str(settings.home)),
        )
        for key in ("a", "b")
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(120)
    assert [racer.exitcode for racer in racers] == [0, 0]
    for entry in registry.listing("iris"):
        published = settings.home / "models" / "iris" / entry.version
        assert artifact.read_card(published).version == entry.version
    assert {entry.version for entry in registry.listing("iris")} == {"1", "2"}
