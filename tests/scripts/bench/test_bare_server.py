"""The bare server answers what the model says, and nothing more."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np

from components.conversion import side_by_side
from scripts.bench.bare_server import bare
from serving.artifact import MODEL
from serving.onnx_model import OnnxModel


def test_the_numbers_behind_the_header_are_asked_of_the_session(
    iris_model_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / MODEL).write_bytes(side_by_side((iris_model_dir / MODEL).read_bytes()))
    model = OnnxModel.load(tmp_path)
    rows = np.array([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]], np.float32)
    parts, sent = [b"{}" + rows.tobytes()[:9], rows.tobytes()[9:]], []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"inference-header-content-length", b"2")]
    asyncio.run(bare(model)({"headers": headers}, receive, send))
    expected = model.session.run(["probabilities"], {model.session.get_inputs()[0].name: rows})[0]
    (output,) = json.loads(sent[1]["body"])["outputs"]
    assert output["shape"] == [2, 3]
    np.testing.assert_allclose(np.reshape(output["data"], (2, 3)), expected, atol=1e-6)
