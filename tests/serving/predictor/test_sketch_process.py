"""What a real predictor says of its traffic, in one process and in several."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.serving.predictor.running import ROW, Predictor

pytestmark = pytest.mark.e2e
PAGE = "/v2/models/people/sketch"


@pytest.mark.parametrize("flags", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_every_row_is_in_one_cell_of_every_column(
    mixed_model_dir: Path, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    with Predictor(mixed_model_dir, "people", tmp_path / "log", *flags) as predictor:
        predictor.wait()
        empty = sketch(predictor)
        strange = {**ROW, "age": None, "town": None}
        for row in (ROW, ROW, strange):
            status, _ = predictor.ask("POST", "/v1/models/people:predict", {"instances": [row]})
            assert status == 200
        found = sketch(predictor)
        _, metrics = predictor.ask("GET", "/metrics")
    assert (empty["rows"], found["rows"]) == (0, 3)
    assert {sum(cells) for cells in (*found["columns"].values(), found["output"])} == {3}
    assert [found["columns"][name][-1] for name in ("age", "visits", "town")] == [1, 0, 1]
    assert found["instance"] == empty["instance"]
    assert "kanarya_sketch" not in metrics


def sketch(predictor: Predictor) -> Any:
    status, text = predictor.ask("GET", PAGE)
    assert status == 200, text
    return json.loads(text) if isinstance(text, str) else text
