"""What a run came from is recorded, read back, recombined and compared."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.errors import ChangedError
from components.provenance import Code, Environment, sources_sha256
from components.same_data import confirmed
from pipelines import differences, origin
from pipelines.differences import Change, Made
from pipelines.journal import RunFolder
from pipelines.origin import Origin
from pipelines.spec import parse
from serving.errors import UsageError

TABLE = {"name": "iris", "data": {"uri": "/iris.csv", "target": "species"}}
PICTURES = {"name": "cifar", "task": "image", "data": {"uri": "/cifar.zip"}}
AROUND = Environment("3.12.1", "Linux x86_64", {"numpy": "2.3.0", "scikit-learn": "1.9.1"})


def made(document: dict[str, Any], **parts: Any) -> Made:
    spec = parse(document, "test").model_dump(mode="json")
    return Made(Origin(spec, Code("c0de", "abc"), AROUND), **parts)


def test_what_a_run_came_from_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    before = replace(made(TABLE).origin, data_sha256="da7a", made_from={"restart": "iris-1"})
    RunFolder(tmp_path / "iris-2").create({"name": "iris"}, before.to_json())
    assert origin.read(tmp_path / "iris-2") == before
    assert parse(dict(origin.read(tmp_path / "iris-2").spec), "again").name == "iris"


BROKEN = [(None, "did not record what it came from"), ("{", "cannot be read")]
BROKEN += [('{"environment": {}}', "cannot be read"), ("[]", "cannot be read")]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_a_run_without_a_readable_origin_is_refused(
    text: str | None, said: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / origin.ORIGIN).write_text(text)
    with pytest.raises(UsageError, match=said):
        origin.read(tmp_path)


def test_the_data_of_one_run_goes_with_the_config_of_another() -> None:
    other = {"name": "wine", "data": {"uri": "/wine.csv", "target": "kind", "drop": ["id"]}}
    spec = origin.composed(made(other).origin.spec, made(TABLE).origin.spec)
    assert spec["name"] == "iris"
    assert spec["data"]["uri"] == "/wine.csv"
    assert spec["data"]["drop"] == ["id"]


def test_tables_and_pictures_do_not_go_together() -> None:
    with pytest.raises(UsageError, match="two runs on tables"):
        origin.composed(made(PICTURES).origin.spec, made(TABLE).origin.spec)


DATA = [("", True), ("aa", True), ("bb", False)]


@pytest.mark.parametrize(("wanted", "same"), DATA)
def test_data_that_changed_is_refused_with_both_digests(wanted: str, same: bool) -> None:
    if same:
        assert confirmed({"sha256": "aa", "rows": 3}, wanted)["rows"] == 3
    else:
        with pytest.raises(ChangedError, match=r"is aa, bb is asked for.*--accept-new-data"):
            confirmed({"sha256": "aa"}, wanted)


def test_each_ingredient_that_differs_is_named_with_what_it_did() -> None:
    a = made(TABLE, data_sha256="aa", metrics={"accuracy": 0.75, "brier": 0.1}, model_sha256="m")
    spec = {**a.origin.spec, "model": {"kind": "svm", "hyperparameters": {}}}
    around = replace(AROUND, libraries={"numpy": "2.4.0", "scikit-learn": "1.9.1"})
    later = replace(a.origin, spec=spec, environment=around, code=Code("c0de", "abc", dirty=True))
    b = Made(later, "bb", {"accuracy": 1.0}, "n")
    found = differences.compare(a, b)
    assert found.changes == (
        Change("data", "sha256", "aa", "bb"),
        Change("config", "model.kind", "random_forest", "svm"),
        Change("code", "dirty", False, True),
        Change("environment", "numpy", "2.3.0", "2.4.0"),
    )
    assert [(e.metric, e.difference) for e in found.effects] == [
        ("accuracy", 0.25),
        ("brier", None),
    ]
    assert found.same_model is False
    assert differences.compare(a, a).changes == ()
    assert differences.compare(a, a).same_model is True
    assert differences.compare(a, made(TABLE)).same_model is None


def test_the_code_is_the_same_until_a_file_of_it_changes(tmp_path: Path) -> None:
    source = tmp_path / "components" / "a.py"
    source.parent.mkdir()
    source.write_text("A = 1\n")
    before = sources_sha256(tmp_path)
    (tmp_path / "notes.txt").write_text("not code")
    assert sources_sha256(tmp_path) == before
    source.write_text("A = 2\n")
    assert sources_sha256(tmp_path) != before


def test_environments_are_the_same_where_their_versions_are() -> None:
    turned = replace(AROUND, libraries=dict(reversed(AROUND.libraries.items())))
    assert turned.sha256 == AROUND.sha256
    assert replace(AROUND, python="3.12.2").sha256 != AROUND.sha256


def test_the_digest_of_the_data_is_what_ingest_found(tmp_path: Path) -> None:
    assert origin.data_sha256(tmp_path) == ""
    record = {"artifacts": {"table": {"artifacts": [{"metadata": {"sha256": "da7a"}}]}}}
    output = tmp_path / "artifacts" / "tabular-1" / "ingest" / "executor_output.json"
    output.parent.mkdir(parents=True)
    output.write_text(json.dumps(record))
    assert origin.data_sha256(tmp_path) == "da7a"
