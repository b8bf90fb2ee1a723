"""Data and specs that cannot be used: one sentence that names value and remedy, and no trace."""

import csv
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.isvc.client import connect
from tests.e2e.conftest import IRIS, Installation, sentence

pytestmark = pytest.mark.e2e

FLOWERS = IRIS.with_suffix(".csv")
ROW = "5.1,{},1.4,0.2,setosa\n"
HEADER = "sepal_length,sepal_width,petal_length,petal_width,species\n"


@dataclass(frozen=True)
class Case:
    """A file (bytes, or None where it is made by hand), a target, and what must be said."""

    content: bytes | None
    says: tuple[str, ...]
    target: str = "species"


FILES = {
    "empty": Case(b"", ("it is empty", "give a CSV file")),
    "header-only": Case(HEADER.encode(), ("header only", "add rows")),
    "one-row": Case((HEADER + ROW.format(3)).encode(), ("one row only", "different rows")),
    "single-class": Case(
        (HEADER + "".join(ROW.format(n) for n in range(30))).encode(),
        ("'species'", "single class, 'setosa'", "choose another target"),
    ),
    "wrong-target": Case(
        FLOWERS.read_bytes(), ("no column 'specie'", "did you mean 'species'"), "specie"
    ),
    "no-value": Case(
        b"a,species\n" + b"".join(b"%d,\n" % n for n in range(30)),
        ("target 'species' is missing in every row", "fill it"),
    ),
    "all-missing": Case(
        b"empty,species\n" + b"".join(b",%s\n" % (b"a", b"b")[n % 2][:1] for n in range(40)),
        ("'empty'",),
    ),
    "twice": Case(
        b"width,width,species\n1,2,a\n3,4,b\n", ("two columns named 'width'", "rename one")
    ),
    "picture": Case(b"\x89PNG\r\n\x1a\n" + bytes(200), ("a PNG picture", "export it as CSV")),
    "archive": Case(
        b"\x1f\x8b\x08\x00" + bytes(200), ("its gzip data is damaged", "pack it again")
    ),
    "parquet": Case(b"PAR1" + bytes(200), ("a Parquet file", "export it as CSV")),
    "endless-line": Case(None, ("line 1 is longer than 10,000,000 bytes", "one row a line")),
    "folder": Case(None, ("it is a folder without a file that ends",)),
    "missing": Case(None, ("there is no such file", "did you mean")),
    "loop": Case(None, ("a link that leads nowhere", "name the file itself")),
}


@pytest.fixture(scope="module")
def store() -> None:
    """Nothing was ever recorded: a run that is refused then leaves MLflow alone."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name, case in FILES.items():
        if case.content is not None:
            (folder / f"{name}.csv").write_bytes(case.content)
    with (folder / "endless-line.csv").open("wb") as file:
        file.truncate(60_000_000)
    (folder / "folder.csv").mkdir()
    (folder / "loop.csv").symlink_to("loop.csv")
    return folder


OFTEN = {"header-only", "one-row", "no-value", "twice", "archive", "parquet"}
"""Refused by the step that refuses the others; tests/components/ingest has their sentences."""


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in OFTEN)) for n in FILES]
)
def test_a_file_that_is_no_table_to_learn_from_is_refused_in_a_sentence(
    here: Installation, files: Path, name: str
) -> None:
    asked = ("--data", str(files / f"{name}.csv"), "--target", FILES[name].target)
    # One run the ordinary way; the rest without the warm process, which costs more than it saves
    # where the first step is the last.
    warm = "1" if name == "single-class" else "0"
    done = here.kanarya("run", *asked, "--json", KANARYA_WARM_STEPS=warm)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    for words in FILES[name].says:
        assert words in sentence(done)


def test_a_file_without_the_right_to_read_it_is_refused(here: Installation, files: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything: run the tests as an ordinary user")
    private = files / "private.csv"
    shutil.copy(FLOWERS, private)
    private.chmod(0)
    done = here.kanarya("run", "--data", str(private), "--target", "species")
    assert done.returncode in (1, 2)
    assert "chmod u+r" in sentence(done)


SPECS = {
    "unknown key": (("gate.flor.accuracy=0.9",), ("gate.flor", "did you mean floor")),
    "wrong hyperparameter": (
        ("model.hyperparameters.n_estimator=3",),
        ("n_estimator", "did you mean n_estimators"),
    ),
    "hyperparameter out of range": (("model.hyperparameters.n_estimators=0",), ("n_estimators",)),
    "unknown kind": (("model.kind=forest",), ("forest", "random_forest")),
    "unknown metric": (("gate.floor={acuracy: 0.9}",), ("acuracy", "did you mean accuracy")),
    "another machine": (("data.uri=file://elsewhere/x.csv",), ("elsewhere", "file:///")),
    "unknown scheme": (("data.uri=ftp://example.org/x.csv",), ("ftp://", "gs://")),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_spec_that_asks_for_something_else_is_refused_in_a_sentence(
    here: Installation, name: str
) -> None:
    changes, says = SPECS[name]
    sets = [part for change in changes for part in ("--set", change)]
    done = here.kanarya("run", str(IRIS), *sets, "--json", KANARYA_WARM_STEPS="0")
    assert done.returncode in (1, 2)
    for words in says:
        assert words in sentence(done)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"name: [", "not valid YAML"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"just words", "a spec is a mapping"),
        (b"", "a spec is a mapping"),
    ],
)
def test_a_spec_that_is_no_spec_is_refused_in_a_sentence(
    here: Installation, tmp_path: Path, content: bytes, says: str
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_bytes(content)
    done = here.kanarya("run", str(spec))
    assert done.returncode == 2
    assert says in sentence(done)
    assert str(spec) in sentence(done)


def test_afterwards_nothing_is_registered_served_or_half_written(here: Installation) -> None:
    assert any(here.settings.home.glob("runs/*")), "it looks at what the tests before it left"
    listed = here.kanarya("models", "list", "--json")
    assert json.loads(listed.stdout) == []
    assert connect(here.settings.kubeconfig, here.settings.namespace).list() == ()
    home = here.settings.home
    assert list(home.rglob("*.partial")) == []
    assert list(home.glob("models/*")) == []
    assert here.open_runs() == []


def test_the_good_file_beside_them_is_not_refused(here: Installation, files: Path) -> None:
    good = files / "good.csv"
    with FLOWERS.open(newline="") as file, good.open("w", newline="") as copy:
        csv.writer(copy).writerows(csv.reader(file))
    asked = ("--data", str(good), "--target", "species", "--model", "logistic_regression")
    done = here.kanarya("run", *asked, "--json")
    assert done.returncode == 0, done.stderr
    assert here.aliases("good") == {"champion": "1"}
