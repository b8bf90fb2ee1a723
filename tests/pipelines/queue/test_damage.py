"""The queue's database: damaged, missing, and what it holds."""

import dataclasses

import pytest

from pipelines import attempts, queue_recovery
from pipelines.errors import QueueError
from pipelines.journal import RUNNING, Result, Step
from pipelines.processes import Process, this
from pipelines.queue import Queue, path, repair
from serving.settings import Settings
from tests.pipelines.queue.queueing import asked

DAMAGE = {
    "no database": lambda data: b"this is no database at all, whatever its name says" * 100,
    "a torn page": lambda data: data[:4096] + b"\x07" * 4096 + data[8192:],
    "cut off": lambda data: data[:5000],
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_database_is_told_in_a_sentence_and_made_anew_without_losing_a_run(
    settings: Settings, queue: Queue, how: str
) -> None:
    low, high, ended = (queue.put(asked("iris"), priority=each) for each in (0, 7, 0))
    queue.store.withdraw(ended)
    queue.folder(ended).close(Result(ended, "promoted", ""))
    queue.store.sql("pragma wal_checkpoint(truncate)")
    queue.close()
    path(settings).write_bytes(DAMAGE[how](path(settings).read_bytes()))
    with pytest.raises(QueueError, match="is damaged .*`kanarya queue repair`") as refused:
        Queue(settings).view()
    assert "\n" not in str(refused.value)
    aside, waiting = repair(settings)
    assert aside is not None and aside.is_file()
    assert waiting == 2
    again = Queue(settings, lambda run_id: None)
    again.set_workers(2)
    assert [again.take(), again.take()] == [high, low]
    again.close()


def test_what_the_database_does_not_know_is_taken_up_as_its_folder_says(
    settings: Settings, queue: Queue, gone: Process
) -> None:
    lost, goes_on, torn, dead = (queue.put(asked("iris")) for _ in range(4))
    for run_id in (goes_on, torn, dead):
        queue.folder(run_id).create({"name": "iris"})
    queue.folder(goes_on).own(this())
    queue.folder(goes_on).append(Step("evaluate", RUNNING, 1.0))
    queue.folder(dead).own(gone)
    queue.close()
    path(settings).unlink()
    again = Queue(settings, lambda run_id: None)
    assert [each.run_id for each in again.store.waiting()] == [lost, torn]
    claims = {each.run_id: (each.worker, each.tail) for each in again.store.claims()}
    assert claims == {goes_on: (this(), True), dead: (gone, False)}
    assert again.reconcile() == 0
    assert queue_recovery.recover(again, 1) == [dead]
    assert attempts.number(again.folder(dead)) == 2
    again.set_workers(9)
    assert again.take() == dead, "it was begun before the others"
    again.close()


def test_who_has_the_database_open_sees_that_it_was_made_anew(
    settings: Settings, queue: Queue
) -> None:
    first = queue.put(asked("iris"))
    aside, waiting = repair(settings)
    assert (aside is not None, waiting) == (True, 1)
    queue.pause()
    other = Queue(settings)
    assert other.view().paused
    assert [each.run_id for each in other.view().entries] == [first]
    other.close()


def test_a_message_is_json_and_never_unpickled(queue: Queue) -> None:
    import pickle

    queue.put(asked("iris"))
    (data,) = queue.store.enqueued_items()
    assert bytes(data).startswith(b'["iris-')
    with pytest.raises(ValueError):
        queue.huey.serializer.deserialize(pickle.dumps({"a": 1}))


def test_entries_are_plain_values(queue: Queue) -> None:
    queue.put(asked("iris"))
    assert dataclasses.asdict(queue.view())["entries"][0]["model"] == "iris"
