"""The benchmark's predictor without a part of its safety: that part is gone, the rest is there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.bench.serving_bare import PARTS, main
from tests.serving.predictor.running import Predictor, tensor

BODY = {"inputs": [tensor("x", "FP32", [5.1, 3.5, 1.4, 0.2], [1, 4])]}
WRONG = {"inputs": [tensor("x", "FP32", [True, 3.5, 1.4, 0.2], [1, 4])]}


def checks(server: Predictor) -> bool:
    return server.v2(WRONG)[0] == 400


def counts(server: Predictor) -> bool:
    server.v2(BODY)
    told = server.ask("GET", "/metrics")[1].splitlines()
    rows = [line for line in told if line.startswith("kanarya_predictions_total")]
    assert rows
    return not all(row.endswith(" 0.0") for row in rows)


def names(server: Predictor) -> bool:
    return bool(server.v2(BODY)[1]["id"])


HAS: dict[str, Callable[[Predictor], bool]] = {
    "signature": checks,
    "metrics": counts,
    "ids": names,
}


@pytest.mark.e2e
@pytest.mark.parametrize("without", [*((part,) for part in PARTS), PARTS])
def test_only_the_part_that_is_taken_out_is_missing(
    iris_model_dir: Path, tmp_path: Path, without: tuple[str, ...]
) -> None:
    server = Bare(iris_model_dir, tmp_path / "log", without)
    with server:
        label = server.wait().v2(BODY)[1]["outputs"][0]
        assert label["data"] == ["setosa"]
        assert {part: has(server) for part, has in HAS.items()} == {
            part: part not in without for part in PARTS
        }


def test_an_unknown_part_ends_the_command_with_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--without", "signature,manifest"])
    assert "there are signature, metrics, ids" in capsys.readouterr().err


class Bare(Predictor):
    """The launcher's process, with the flags of the predictor behind its own."""

    def __init__(self, model_dir: Path, log: Path, without: tuple[str, ...]) -> None:
        super().__init__(model_dir, "iris", log)
        flags: list[Any] = self._command[self._command.index("serving.predictor") + 1 :]
        launcher = [sys.executable, "-m", "scripts.bench.serving_bare"]
        self._command = [*launcher, f"--without={','.join(without)}", *flags]
