"""Which of several workers a process is, and which part of a batch is its own."""

import json

import numpy as np
import pytest

from components.batches import Augmentation, Batches
from components.workers import ADDRESSES, INDEX, Workers
from serving.errors import UsageError

TWO = "a-node-0-0.a:29500, a-node-0-1.a:29500"


def test_a_worker_learns_of_the_others_from_its_pod() -> None:
    worker = Workers.from_env({ADDRESSES: TWO, INDEX: "1"})
    assert (worker.count, worker.index, worker.is_first) == (2, 1, False)
    assert json.loads(worker.tf_config()) == {
        "cluster": {"worker": ["a-node-0-0.a:29500", "a-node-0-1.a:29500"]},
        "task": {"type": "worker", "index": 1},
    }


def test_without_addresses_it_trains_alone() -> None:
    alone = Workers.from_env({INDEX: "3"})
    assert (alone.count, alone.index, alone.is_first) == (1, 0, True)


@pytest.mark.parametrize("index", ["", "2", "-1", "one"])
def test_a_number_that_is_nobody_s_is_refused(index: str) -> None:
    with pytest.raises(UsageError, match=r"names 2 workers: it must be from 0 to 1"):
        Workers.from_env({ADDRESSES: TWO, INDEX: index})


def made(worker: int, workers: int) -> Batches:
    pixels = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1) * np.ones((1, 2, 2, 1), np.uint8)
    still = Augmentation(flip=False)
    return Batches(pixels, np.arange(12), np.arange(12), 6, 1, still, worker, workers)


@pytest.mark.parametrize("workers", [2, 3])
def test_the_parts_of_the_workers_make_up_the_batch(workers: int) -> None:
    for number in range(4):
        whole = made(0, 1).batch(number)[1]
        parts = [made(worker, workers).batch(number)[1] for worker in range(workers)]
        assert {len(part) for part in parts} == {6 // workers}
        assert sorted(np.concatenate(parts)) == sorted(whole)
