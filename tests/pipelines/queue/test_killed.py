"""Workers that were killed: what is begun again, what is not, and what waits for it."""

import shutil

import pytest

from pipelines import attempts, queue_recovery
from pipelines.journal import RunFolder
from pipelines.processes import Process, this
from pipelines.queue import AGAIN, Queue
from pipelines.run_events import result
from tests.pipelines.queue.queueing import asked, dies

KILLED = [
    ((), True, ""),
    (("ingest",), True, ""),
    (("ingest", "train"), True, ""),
    (("train", "evaluate", "gate"), True, ""),
    (("train", "register"), False, "may have registered its version"),
    (("train", "register", "deploy"), False, "`kanarya rollout resume NAME` goes on"),
]


@pytest.mark.parametrize(
    ("steps", "again", "said"),
    KILLED,
    ids=lambda v: "-".join(v) or "none" if isinstance(v, tuple) else None,
)
def test_a_run_whose_worker_was_killed_is_begun_again_unless_it_had_begun_to_register(
    queue: Queue, gone: Process, steps: tuple[str, ...], again: bool, said: str
) -> None:
    run_id = queue.put(asked("iris"))
    queue.take()
    assert queue.store.enter_tail(run_id) is None
    dies(queue, run_id, gone, *steps)
    assert queue_recovery.recover(queue, 1) == [run_id]
    assert queue_recovery.recover(queue, 1) == []
    folder = queue.folder(run_id)
    if again:
        (entry,) = queue.view().entries
        assert (entry.state, entry.attempt) == (AGAIN, 2)
        assert not folder.ended and folder.steps() == ()
        assert attempts.key(folder) == f"{run_id}.2"
        kept = RunFolder(folder.path / "attempts" / "1")
        assert [step.name for step in kept.steps()] == list(steps)
        assert queue.take() == run_id
        (claim,) = queue.store.claims()
        assert (claim.worker, claim.tail) == (this(), False)
    else:
        ended = result(folder)
        assert ended.outcome == "failed" and said in ended.sentence
        assert ended.steps[-1].status == "failed"
        assert queue.view().entries == ()


def test_a_run_that_kills_each_of_its_workers_fails_in_the_end(queue: Queue, gone: Process) -> None:
    run_id = queue.put(asked("iris"))
    for _ in range(2):
        queue.take()
        dies(queue, run_id, gone, "train")
        assert queue_recovery.recover(queue, 1) == [run_id]
    ended = result(queue.folder(run_id))
    assert ended.outcome == "failed"
    assert "killed 2 times, last in train" in ended.sentence
    assert f"`kanarya runs restart {run_id}`" in ended.sentence


def test_a_run_whose_folder_somebody_has_removed_holds_nobody_up(
    queue: Queue, gone: Process
) -> None:
    first, second, third = (queue.put(asked("iris")) for _ in range(3))
    assert queue.take() == first
    queue.store.change(first, worker=gone)
    for run_id in (first, second):
        shutil.rmtree(queue.folder(run_id).path)
    assert queue_recovery.recover(queue, 0) == [first]
    assert queue.cancel(second) == "cancelled"
    assert [entry.run_id for entry in queue.view().entries] == [third]


def test_while_a_killed_run_is_begun_again_later_ones_of_its_model_wait_for_it(
    queue: Queue, gone: Process
) -> None:
    first, second = queue.put(asked("a")), queue.put(asked("a"))
    queue.take(), queue.take()
    assert queue.store.enter_tail(first) is None
    dies(queue, first, gone, "train")
    assert queue.store.enter_tail(second) == first
    queue_recovery.recover(queue, 1)
    assert queue.store.enter_tail(second) == first
    assert queue.take() == first
    assert queue.store.enter_tail(first) is None


def test_a_run_that_is_to_be_begun_again_can_be_cancelled(queue: Queue, gone: Process) -> None:
    run_id = queue.put(asked("iris"))
    queue.take()
    dies(queue, run_id, gone, "train")
    queue_recovery.recover(queue, 1)
    assert queue.cancel(run_id) == "cancelled"
    assert queue.view().entries == ()


def test_what_down_interrupts_is_not_counted_as_killed(queue: Queue) -> None:
    from pipelines.queue_rules import stopped

    run_id = queue.put(asked("iris"))
    for _ in range(3):
        queue.take()
        folder = queue.folder(run_id)
        folder.create({"name": "iris"})
        (claim,) = queue.store.claims()
        found = stopped(run_id, folder.steps())
        queue_recovery.settle(queue, claim, found, killed=False)
    assert (attempts.number(queue.folder(run_id)), attempts.kills(queue.folder(run_id))) == (4, 0)
