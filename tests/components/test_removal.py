"""Versions and runs that go: from the registry, MLflow and the disk; those that are needed stay."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from components import registry, removal, tracking
from components.tracking_store import connect
from pipelines.cleaning import sweep
from pipelines.cleaning.rules import Policy
from pipelines.journal import Result, RunFolder
from pipelines.processes import this
from serving.errors import KanaryaError
from serving.rollout.ledger import StoredLedger
from serving.rollout.record import Entry, Model
from serving.settings import Settings

pytestmark = pytest.mark.thorough  # a real MLflow store

STRICT = Policy(versions=1, runs=1, ledger=1, days=0)


def registered(settings: Settings, number: int, native: Path) -> str:
    """Register a version with the run that it came of; return its place."""
    run_key = f"iris-20260101-00000{number}-aaaa"
    folder = RunFolder(settings.home / "runs" / run_key)
    folder.create({"name": "iris"})
    folder.own(this())
    folder.close(Result(run_key, "promoted", "", str(number)))
    run_id = tracking.open_run("iris", run_key)
    tracking.log_file(run_id, "said", "said.txt")
    place = settings.home / "models" / "iris" / str(number)
    place.mkdir(parents=True)
    (place / "model.onnx").write_text("bytes")
    uri = place.as_uri()
    registry.register(registry.Version("iris", run_id, uri, {}, ""), native)
    return uri


@pytest.fixture
def uris(settings: Settings, tmp_path: Path) -> list[str]:
    """Five versions: 1 is served, 2 is the champion, 4 is in the ledger, 5 is the newest."""
    (tmp_path / "native").mkdir()
    (tmp_path / "native" / "model.skops").write_text("native")
    found = [registered(settings, number, tmp_path / "native") for number in range(1, 6)]
    registry.promoted("iris", "2", "")
    ledger = StoredLedger(settings.ledger)
    for number, rollout in ((3, "a"), (4, "b")):
        ledger.append(Entry("iris", "promoted", rollout, Model(str(number), found[number - 1])))
    (settings.home / "services").mkdir()
    with closing(sqlite3.connect(settings.home / "services" / "platform.db")) as db, db:
        db.execute("CREATE TABLE objects (resource, name, body)")
        service = json.dumps({"spec": {"predictor": {"model": {"storageUri": found[0]}}}})
        db.execute("INSERT INTO objects VALUES ('inferenceservices', 'iris', ?)", (service,))
        gone = json.dumps({"uri": found[2]})
        db.execute("INSERT INTO objects VALUES ('revisions', 'iris-predictor-00003', ?)", (gone,))
    return found


def standing(settings: Settings) -> tuple[list[str], list[str], list[str]]:
    versions = sorted(each.version for each in removal.registered())
    places = sorted(path.name for path in (settings.home / "models/iris").iterdir())
    runs = sorted(path.name[-6] for path in (settings.home / "runs").iterdir())
    return versions, places, runs


def test_only_what_nothing_needs_goes_with_all_of_its_files(
    settings: Settings, uris: list[str]
) -> None:
    found = sweep.look(settings, STRICT)
    assert standing(settings) == (["1", "2", "3", "4", "5"],) * 3
    sweep.go(settings, found, STRICT)
    assert standing(settings) == (["1", "2", "4", "5"],) * 3
    artifacts = settings.home / "artifacts" / "iris"
    assert len(list(artifacts.glob("*/artifacts/said.txt"))) == 4
    assert len(list(artifacts.glob("models/*/artifacts/model.skops"))) == 4
    assert registry.champion("iris") == registry.Champion("2", uris[1])
    assert not [each for each in sweep.look(settings, STRICT).versions if not each.stays]


def test_a_version_whose_bytes_are_gone_already_goes_too(
    settings: Settings, uris: list[str]
) -> None:
    shutil.rmtree(settings.home / "models" / "iris" / "3")
    sweep.go(settings, sweep.look(settings, STRICT), STRICT)
    assert standing(settings)[0] == ["1", "2", "4", "5"]


def test_an_alias_counts_however_many_models_there_are(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "native").mkdir()
    registered(settings, 1, tmp_path / "native")
    registry.promoted("iris", "1", "")
    for number in range(100):  # MLflow gives a hundred at a time, by name
        connect().create_registered_model(f"a{number}")
    (found,) = removal.registered()
    (listed,) = registry.listing("iris")
    assert found.aliases == listed.aliases == ("champion",)


@pytest.mark.parametrize("harm", ["ledger", "services"])
def test_nothing_goes_where_nobody_knows_what_is_needed(
    settings: Settings, tmp_path: Path, harm: str
) -> None:
    (tmp_path / "native").mkdir()
    registered(settings, 1, tmp_path / "native")
    path = {"ledger": "ledger/iris/000001.json", "services": "services/platform.db"}[harm]
    (settings.home / path).parent.mkdir(parents=True)
    (settings.home / path).write_bytes(b"damaged" * 1000)
    with pytest.raises(KanaryaError):
        sweep.look(settings, STRICT)
