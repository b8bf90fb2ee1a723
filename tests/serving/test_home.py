"""The format of a home: none or an older one is opened, a newer one is refused in one sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from serving import home
from serving.errors import UsageError
from serving.settings import Settings


def settings(place: Path) -> Settings:
    return Settings.from_env({"KANARYA_HOME": str(place)})


def test_a_home_without_a_mark_and_a_marked_one_are_opened(tmp_path: Path) -> None:
    assert settings(tmp_path / "none").home == tmp_path / "none"
    home.mark(tmp_path)
    home.mark(tmp_path)
    assert settings(tmp_path).home == tmp_path
    assert (tmp_path / "format.json").read_text() == '{"format": 1}\n'


REFUSED = {
    "a newer one": ('{"format": 2}', "was written by a newer Kanarya (format 2, this one reads 1)"),
    "no JSON": ("rubbish", "does not say a format ('rubbish')"),
    "no number": ('{"format": null}', "does not say a format"),
    "another object": ("[]", "does not say a format"),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_known_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "format.json").write_text(text)
    with pytest.raises(UsageError) as refused:
        settings(tmp_path)
    assert sentence in str(refused.value)


def test_a_database_is_marked_once_and_a_newer_one_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as database:
        home.require_schema(database, tmp_path / "a.db", 3)
        home.require_schema(database, tmp_path / "a.db", 3)
        with pytest.raises(UsageError, match=r"a.db was written by a newer Kanarya \(format 3"):
            home.require_schema(database, tmp_path / "a.db", 2)


@pytest.mark.parametrize("variable", ["KANARYA_HOME", "KANARYA_MODEL_STORE", "KANARYA_LEDGER"])
def test_a_place_in_the_home_of_nobody_is_refused(tmp_path: Path, variable: str) -> None:
    asked = {"KANARYA_HOME": str(tmp_path), variable: "~nobody-here/x"}
    with pytest.raises(UsageError, match="~nobody-here/x is to lie in the home of a user"):
        Settings.from_env(asked)


def test_a_home_whose_name_would_be_cut_in_the_address_of_its_database_is_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match=r"what\? has a '\?', which ends the name of MLflow's"):
        settings(tmp_path / "what?")
    asked = {"KANARYA_HOME": str(tmp_path / "what?"), "MLFLOW_TRACKING_URI": "http://mlflow"}
    assert Settings.from_env(asked).home == tmp_path / "what?"


@pytest.mark.parametrize(
    "asked", [{"KANARYA_HOME": "/data/a:b"}, {"KUBECONFIG": "/root/.kube/one:/root/.kube/two"}]
)
def test_what_would_be_a_list_of_kubeconfigs_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="has a ':', at which Kubernetes' clients cut lists"):
        Settings.from_env(asked)


@pytest.mark.parametrize("name", ["Bad Name", "../x", "x" * 64, "-x", "a_b"])
def test_a_namespace_that_no_cluster_could_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        UsageError, match="KANARYA_NAMESPACE: .* is no name of a namespace: use a-z"
    ):
        Settings.from_env({"KANARYA_HOME": str(tmp_path), "KANARYA_NAMESPACE": name})


@pytest.mark.parametrize("name", ["KANARYA_MODEL_STORE", "KANARYA_LEDGER"])
@pytest.mark.parametrize("uri", ["ftp://host/models", "hdfs://host/models", "GS://models"])
def test_a_store_that_nothing_can_write_is_refused_before_a_run_trains(
    tmp_path: Path, name: str, uri: str
) -> None:
    with pytest.raises(UsageError, match=f"{name} is '{uri}', where nothing can be kept: give a"):
        Settings.from_env({"KANARYA_HOME": str(tmp_path), name: uri})


@pytest.mark.parametrize("name", ["KANARYA_FEEDBACK_URL", "KANARYA_PROMETHEUS_URL"])
def test_what_is_no_address_is_refused_without_being_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} holds no address: begin it") as refused:
        Settings.from_env({"KANARYA_HOME": str(tmp_path), name: "ayse:secret@host:9090"})
    assert "secret" not in str(refused.value)


def test_every_place_is_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = {"KANARYA_HOME": "here", "KANARYA_MODEL_STORE": "models", "KANARYA_LEDGER": "ledger"}
    found = Settings.from_env({**asked, "MLFLOW_TRACKING_URI": "sqlite:///ml flow.db"})
    assert found.home == tmp_path / "here"
    assert found.model_store == str(tmp_path / "models")
    assert found.ledger == str(tmp_path / "ledger")
    assert found.tracking_uri == f"sqlite:///{tmp_path}/ml flow.db"


@pytest.mark.parametrize(
    "uri",
    ["http://mlflow:5000", "postgresql://me@db/mlflow", "sqlite:////data/mlflow.db", "sqlite://"],
)
def test_an_address_of_mlflow_stays_as_it_is(tmp_path: Path, uri: str) -> None:
    asked = {"KANARYA_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": uri}
    assert Settings.from_env(asked).tracking_uri == uri
