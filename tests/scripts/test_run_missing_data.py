"""A run that lacks its data or the key it signs with is refused before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from components.errors import UnreadableError
from components.ingest import presence
from scripts.run import run
from serving.errors import UsageError

SPEC = """
name: iris
data:
  uri: {uri}
  target: species
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path / "home"))
    (tmp_path / "iris.csv").write_text("a,species\n1,x\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "of_spec", "said"),
    [
        ("irs.csv", False, "irs.csv: there is no such file: did you mean iris.csv."),
        ("irs.csv", True, "irs.csv: there is no such file: did you mean iris.csv."),
        ("none/iris.csv", True, "none does not exist either."),
        ("pictures.zip", False, "pictures.zip: there is no such file or folder."),
    ],
)
def test_a_path_with_nothing_there_starts_nothing(
    folder: Path, name: str, of_spec: bool, said: str
) -> None:
    (folder / "iris.yaml").write_text(SPEC.format(uri=folder / name))
    target = () if name.endswith(".zip") else ("--target", "species")
    asked = (str(folder / "iris.yaml"),) if of_spec else ("--data", str(folder / name), *target)
    done = CliRunner().invoke(run, asked, standalone_mode=False)
    assert isinstance(done.exception, UnreadableError)
    assert said in str(done.exception)
    assert not (folder / "home").exists()


def test_a_model_that_could_not_be_signed_is_not_trained(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANARYA_SIGNING_KEY", str(folder / "key.pem"))
    asked = ("--data", str(folder / "iris.csv"), "--target", "species")
    done = CliRunner().invoke(run, asked, standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert f"{folder / 'key.pem'} cannot sign" in str(done.exception)
    assert not (folder / "home").exists()


@pytest.mark.parametrize("uri", ["gs://bucket/none.csv", "https://host/none.csv", "keras://mnist"])
def test_what_lies_elsewhere_is_not_asked_for(uri: str) -> None:
    presence.refuse_missing(uri, pictures=uri.startswith("keras"))


def test_files_folders_and_patterns_that_are_there_are_taken(folder: Path) -> None:
    for name in ("iris.csv", "", "*.csv"):
        presence.refuse_missing(str(folder / name), pictures=False)
    presence.refuse_missing(str(folder), pictures=True)


def test_what_cannot_be_looked_at_is_left_to_the_step_that_reads_it(folder: Path) -> None:
    presence.refuse_missing(str(folder / ("n" * 300)), pictures=False)
