"""The KFP envelopes of ingest, validate and split compile, and run on artifacts in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from kfp import compiler, dsl

from components import dataset
from components.ingest.component import ingest
from components.split.component import split
from components.validate.component import validate

ROWS = "a,b,y\n" + "".join(f"{row}.5,{'xyz'[row % 3]},{row % 2}\n" for row in range(40))


@pytest.mark.parametrize("component", [ingest, validate, split])
def test_a_component_compiles_to_a_step_that_installs_nothing(
    tmp_path: Path, component: object
) -> None:
    compiler.Compiler().compile(component, str(tmp_path / "step.yaml"))
    text = (tmp_path / "step.yaml").read_text()
    assert "pip install" not in text
    assert "python" in text


def test_the_components_hand_a_table_on(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    table, train, test = (
        dsl.Dataset(uri=str(tmp_path / name)) for name in ("table", "train", "test")
    )
    report, findings = (
        dsl.HTML(uri=str(tmp_path / "report")),
        dsl.Artifact(uri=str(tmp_path / "findings")),
    )
    ingest.python_func(str(tmp_path / "rows.csv"), "y", [], "tabular", "", table)
    assert validate.python_func(table, report, findings) == 0
    split.python_func(table, 0.25, 1, True, train, test, duplicates=1)
    assert {name: table.metadata[name] for name in ("rows", "columns")} == {
        "rows": 40,
        "columns": 3,
    }
    assert len(table.metadata["sha256"]) == 64
    assert test.metadata["overlap"] == 0
    assert (train.metadata["rows"], test.metadata["rows"]) == (30, 10)
    assert dataset.read_schema(Path(test.path)).rows == 10
    assert Path(report.path).is_file()
    assert (Path(findings.path) / "findings.json").is_file()


def test_a_refusal_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        ingest.python_func(
            str(tmp_path / "none.csv"), "y", [], "tabular", "", dsl.Dataset(uri=str(tmp_path / "t"))
        )
    told = capsys.readouterr().err
    assert caught.value.code == 1
    assert told.startswith("error: ")
    assert "no such file" in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())
