"""The same rows and the same asked make the same files in another process, kind by kind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.models import HYPERPARAMETERS

ROOT = Path(__file__).resolve().parents[2]
DATED = {"card.json", "native/MLmodel"}
PROGRAM = """
import json, sys
from pathlib import Path
from tests.components import tables
found = {}
for number, (task, kind) in enumerate(json.loads(sys.argv[2])):
    table = tables.mixed() if task == "tabular" else tables.prices()
    walked = tables.walk(Path(sys.argv[1]) / str(number), table, kind)
    files = json.loads((walked.packaged / "MANIFEST.json").read_text())["files"]
    found[f"{task}: {kind}"] = {name: entry["sha256"] for name, entry in files.items()}
(Path(sys.argv[1]) / "found.json").write_text(json.dumps(found))
"""
SOME = [("tabular", "random_forest"), ("tabular", "mlp"), ("tabular-regression", "svm")]
ALL = [(task, kind) for task, kinds in HYPERPARAMETERS.items() for kind in kinds]


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(SOME, marks=pytest.mark.e2e, id="some"),
        pytest.param(ALL, marks=pytest.mark.slow, id="all"),
    ],
)
def test_every_kind_makes_the_same_files_whatever_order_sets_have(
    kinds: list[tuple[str, str]], tmp_path: Path
) -> None:
    found = []
    for seed in ("1", "2"):
        home = tmp_path / seed
        home.mkdir()
        around = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", PROGRAM, str(home), json.dumps(kinds)]
        subprocess.run(command, check=True, env=around, capture_output=True, timeout=250)
        found.append(json.loads((home / "found.json").read_text()))
    one, other = found
    assert len(one) == len(kinds)
    for kind, files in one.items():
        changed = {name for name in files if files[name] != other[kind].get(name)}
        assert changed <= DATED, kind
