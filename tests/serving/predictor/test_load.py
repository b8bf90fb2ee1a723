"""Sixteen connections that ask without a pause: nothing is lost, and nothing grows."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.serving.predictor.loading import Load, Tally
from tests.serving.predictor.running import DEADLINE_S, ROW, Predictor, tensors

pytestmark = pytest.mark.e2e

PROTOCOLS = [
    ("/v1/models/people:predict", {"instances": [ROW]}),
    ("/v2/models/people/infer", tensors()),
]
WARM_S = 1.5
GROWTH_BYTES = 12 * 2**20


def memory(predictor: Predictor) -> int:
    """Return the bytes that the predictor's processes see; what they share counts for each.

    Not what each has for itself: that changes when another process maps the same file.
    """
    root = psutil.Process(predictor.process.pid)
    return sum(each.memory_info().rss for each in [root, *root.children()])


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_no_request_fails_and_memory_stays_flat(
    mixed_model_dir: Path, tmp_path: Path, workers: str, seconds: int
) -> None:
    flags = ["--workers", workers]
    with Predictor(mixed_model_dir, "people", tmp_path / "log", *flags) as people:
        people.wait()
        for path, body in PROTOCOLS:
            load = Load(people.port, path, body)
            warm = until(time.monotonic() + WARM_S)
            assert asyncio.run(load.run(warm)).lost == []
            before = memory(people)
            tally = asyncio.run(load.run(until(time.monotonic() + seconds / len(PROTOCOLS))))
            assert (tally.lost, tally.refused, tally.statuses.keys()) == ([], 0, {200})
            assert memory(people) - before < GROWTH_BYTES


def until(end: float) -> Callable[[Tally], bool]:
    """Go on until a moment of the monotonic clock."""
    return lambda _: time.monotonic() < end


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(("path", "body"), PROTOCOLS, ids=["v1", "v2"])
def test_sigterm_under_load_loses_no_request(
    mixed_model_dir: Path, tmp_path: Path, workers: str, path: str, body: object
) -> None:
    flags = ["--workers", workers]
    with Predictor(mixed_model_dir, "people", tmp_path / "log", *flags) as people:
        people.wait()
        told = False

        def goes_on(tally: Tally) -> bool:
            nonlocal told
            if tally.answers >= 500 and not told:
                told = True
                people.process.terminate()
            return True

        tally = asyncio.run(Load(people.port, path, body).run(goes_on))
        assert people.process.wait(DEADLINE_S) == 0
    assert tally.lost == []
    assert tally.refused == 16
    assert tally.statuses.keys() == {200}
    assert tally.answers >= 500
