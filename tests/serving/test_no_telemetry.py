"""ONNX Runtime writes nothing about its use, here or to anybody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

ROOT = Path(__file__).resolve().parents[2]
LOAD = """
import sys
from serving import onnx_model
onnx_model.ort.InferenceSession(sys.argv[1]).run(None, {"x": [[1.0]]})
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    shape = [1, 1]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "g", ends[:1], ends[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(made, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


@pytest.mark.parametrize(("variable", "kept"), [(None, False), ("0", True)])
def test_a_model_that_answers_leaves_no_records_of_it(
    model: Path, tmp_path: Path, variable: str | None, kept: bool
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    # And nothing else: where CI, GITHUB_ACTIONS or the like is set it keeps none by itself.
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    if variable is not None:  # whoever wants them may have them
        environment["ORT_DISABLE_TELEMETRY"] = variable
    subprocess.run([sys.executable, "-c", LOAD, model], cwd=ROOT, env=environment, check=True)
    assert any(home.rglob("*onnxruntime*")) == kept
