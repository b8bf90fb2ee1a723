"""What a repetition asks for: the recorded spec, the same data, and what is not as it was."""

import json
from pathlib import Path

import pytest

from components import provenance
from pipelines import again
from pipelines import asked as asking
from pipelines.asked import Asked, Ticket
from pipelines.journal import RunFolder
from pipelines.origin import Origin
from pipelines.spec import parse
from serving.errors import UsageError

IRIS = {"name": "iris", "data": {"uri": "/iris.csv", "target": "species"}}
WINE = {"name": "wine", "data": {"uri": "/wine.csv", "target": "kind"}}


def ran(
    root: Path, name: str, document: dict[str, object], data_sha256: str = "", code: str = ""
) -> Path:
    """A run that recorded what it came from, with the code and libraries of now."""
    spec = parse(document, "test").model_dump(mode="json")
    made_by = provenance.Code(code) if code else provenance.code()
    folder = RunFolder(root / name)
    origin = Origin(spec, made_by, provenance.environment(), data_sha256)
    folder.create({"name": name}, origin.to_json())
    return folder.path


def test_a_restart_asks_for_the_same_spec_and_the_same_data(tmp_path: Path) -> None:
    folder = ran(tmp_path, "iris-1", IRIS, "da7a")
    asked, notes = again.restart(folder)
    assert asked == Asked(parse(IRIS, "test"), "da7a", {"restart": "iris-1"})
    assert notes == []
    asked, _ = again.restart(folder, accept_new_data=True)
    assert asked.data_sha256 == ""


def test_what_is_not_as_it_was_is_told(tmp_path: Path) -> None:
    folder = ran(tmp_path, "iris-1", IRIS, "da7a", code="another")
    record = json.loads((folder / "origin.json").read_text())
    record["environment"]["libraries"]["numpy"] = "1.0"
    (folder / "origin.json").write_text(json.dumps(record))
    _, notes = again.restart(folder)
    assert notes[0].startswith("the code is not that of iris-1 (commit  then, ") or (
        notes[0] == "the code is not that of iris-1"
    )
    assert notes[1] == "not the versions of iris-1: numpy"


def test_the_data_of_one_goes_with_the_config_of_another(tmp_path: Path) -> None:
    data, config = ran(tmp_path, "wine-1", WINE, "da7a"), ran(tmp_path, "iris-1", IRIS)
    asked, _ = again.compose(data, config)
    assert (asked.spec.name, asked.spec.data.uri, asked.data_sha256) == (
        "iris",
        "/wine.csv",
        "da7a",
    )
    assert asked.made_from == {"data": "wine-1", "config": "iris-1"}


def test_nobody_knows_the_data_of_a_run_that_has_read_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--accept-new-data"):
        again.restart(ran(tmp_path, "iris-1", IRIS))


def test_a_run_that_was_cancelled_in_the_queue_is_asked_for_once_more(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "iris-1")
    folder.path.mkdir()
    asking.write(folder, Asked(parse(IRIS, "test"), "da7a"), Ticket(0, 1.0))
    asked, notes = again.restart(folder.path)
    assert asked == Asked(parse(IRIS, "test"), "da7a", {"restart": "iris-1"})
    assert notes == []
