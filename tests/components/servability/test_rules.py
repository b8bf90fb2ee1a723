"""What was measured becomes numbers and checks; other answers are refused with the row."""

from pathlib import Path

import numpy as np
import pytest

from components import servable
from components.errors import GateError
from components.gate import rules as gate_rules
from components.gate.policy import GatePolicy
from components.servability import rules
from components.servability.rules import Measured
from serving.errors import ModelError

MEASURED = Measured(0.9, [0.001] * 98 + [0.002, 0.01], 10, 80_000_000, 50_000_000)


def test_the_numbers_are_those_of_mlflow() -> None:
    found = rules.metrics(MEASURED)
    assert found["serving_p50_ms"] == 1.0
    assert 2.0 <= found["serving_p99_ms"] <= 10.0
    assert found["serving_memory_mb"] == 80.0
    assert found["serving_memory_pss_mb"] == 50.0
    assert "serving_memory_mb" not in rules.metrics(Measured(0.9, [0.001], 10))
    assert servable.summary(found) == (
        "served by the real predictor: 10 golden rows answered as packaged, ready in 0.90 s, "
        "p50 1.00 ms a row, p99 2.08 ms, 80 MB"
    )


GUARDS = [
    ({}, MEASURED, []),
    ({"p99_ms": 11.0, "memory_mb": 80.0, "start_s": 1.0}, MEASURED, [True, True, True]),
    ({"p99_ms": 1.5}, MEASURED, [False]),
    ({"memory_mb": 79.9}, MEASURED, [False]),
    ({"start_s": 0.1}, MEASURED, [False]),
    ({"memory_mb": 1e6}, Measured(0.9, [0.001], 10), [False]),
]


@pytest.mark.parametrize(("guards", "measured", "passed"), GUARDS)
def test_a_guard_is_passed_within_its_limit_and_never_unmeasured(
    guards: dict[str, float], measured: Measured, passed: list[bool]
) -> None:
    found = rules.checks(rules.metrics(measured), guards)
    assert [check.passed for check in found] == passed
    verdict = gate_rules.with_checks(gate_rules.Verdict((), GatePolicy({})), found)
    assert verdict.promote == all(passed)
    assert all("should be" in s or "could not" in s for s in verdict.reasons[: passed.count(False)])


ANSWERS = [
    ([[0.2, 0.8]], [[0.20005, 0.79995]], None),
    ([[300000.0]], [[300010.0]], None),
    ([[2e-7], [1e-6]], [[2e-7], [1.1e-6]], "golden row 1 got"),  # a small unit
    ([[-1e-11], [1e-6]], [[1e-11], [1e-6]], None),
    ([[0.2, 0.8], [0.5, 0.5]], [[0.2, 0.8], [0.6, 0.4]], "golden row 1 got"),
    ([[0.2, 0.8]], [[float("nan"), 0.8]], "golden row 0 got"),
    ([[0.2, 0.8]], [[0.2]], "have the shape"),
]


@pytest.mark.parametrize(("golden", "answers", "said"), ANSWERS)
def test_answers_beyond_the_tolerance_are_refused(
    golden: list[list[float]], answers: list[list[float]], said: str | None
) -> None:
    if said is None:
        rules.refuse_other_answers(np.array(golden), np.array(answers))
    else:
        with pytest.raises(ModelError, match=said):
            rules.refuse_other_answers(np.array(golden), np.array(answers))


def test_what_is_recorded_is_read_back_and_damage_is_told(tmp_path: Path) -> None:
    found = rules.metrics(MEASURED)
    written = servable.Servable(found, rules.checks(found, {"p99_ms": 1.0}))
    servable.write(tmp_path, written)
    assert servable.read(tmp_path) == written
    (tmp_path / servable.FILE).write_text("{}")
    with pytest.raises(GateError, match="cannot be read"):
        servable.read(tmp_path)
