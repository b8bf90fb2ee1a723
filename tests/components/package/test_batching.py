"""When packaging lets requests share a call of the model, and when not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.package.batching import QUEUED_S, SIZES, choose, measured, of_graph
from serving.card import Batching
from serving.onnx_model import OnnxModel

US = 1e-6


@pytest.mark.parametrize(
    ("microseconds", "rows"),
    [
        # medians of real models on one core (docs/benchmarks.md): a call of 1, 4, 16 and 64 rows
        pytest.param({1: 8.6}, None, id="logistic regression"),
        pytest.param({1: 22, 4: 28, 16: 72, 64: 339}, None, id="a gain that queueing eats up"),
        pytest.param({1: 164, 4: 167, 16: 266, 64: 954}, 16, id="network of 2 x 1024"),
        pytest.param({1: 626, 4: 633, 16: 1008, 64: 3514}, 16, id="network of 2 x 2048"),
        pytest.param({1: 106, 4: 703, 16: 1795, 64: 5344}, None, id="forest of 1000 trees"),
        pytest.param({1: 4642, 4: 5076, 16: 6349, 64: 10816}, 64, id="nearest neighbours"),
        pytest.param({1: 2000, 4: 2100}, 4, id="larger ones were not tried"),
        pytest.param({1: 300, 4: 1200, 16: 4800, 64: 19200}, None, id="every row costs the same"),
        pytest.param({1: 9000}, None, id="too slow for any batch"),
    ],
)
def test_requests_are_gathered_only_where_throughput_clearly_gains(
    microseconds: dict[int, float], rows: int | None
) -> None:
    chosen = choose({n: taken * US for n, taken in microseconds.items()})
    assert chosen == (Batching(rows, 0) if rows else None)


@pytest.mark.parametrize("noise", [0.8, 0.9, 1.1, 1.25])
@pytest.mark.parametrize("size", [1, *SIZES])
def test_noise_of_a_quarter_does_not_change_the_choice(noise: float, size: int) -> None:
    for wide in ({1: 164, 4: 167, 16: 266, 64: 954}, {1: 626, 4: 633, 16: 1008, 64: 3514}):
        seconds = {n: taken * US for n, taken in wide.items()}
        assert choose({**seconds, size: seconds[size] * noise}) == Batching(16, 0)
    for other in ({1: 106, 4: 703, 16: 1795, 64: 5344}, {1: 22, 4: 28, 16: 72, 64: 339}):
        seconds = {n: taken * US for n, taken in other.items()}
        assert choose({**seconds, size: seconds[size] * noise}) is None


@pytest.mark.thorough
def test_a_quick_model_is_not_asked_for_many_rows() -> None:
    asked: set[int] = set()
    assert measured(asked.add) is None
    assert asked == {1}
    assert QUEUED_S < 1e-3


@pytest.mark.thorough
def test_a_graph_gets_its_inputs_in_each_size_that_is_tried(wide_model_dir: Path) -> None:
    model = OnnxModel.load(wide_model_dir)
    shapes: set[tuple[int, ...]] = set()

    def run(feed: dict[str, np.ndarray]) -> np.ndarray:
        shapes.update(cells.shape for cells in feed.values())
        assert set(feed) == set(model.inputs)
        return model.run(feed)

    rows = np.random.default_rng(0).uniform(0, 8, (3, 1)).astype(np.float32)
    of_graph(run, dict.fromkeys(model.inputs, rows))
    assert {(1, 1), (4, 1)} <= shapes <= {(n, 1) for n in (1, *SIZES)}
