"""The queue in one process: order, pause, how many at once, cancelling, damage, dead workers."""

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import attempts, queue_recovery
from pipelines.asked import Asked
from pipelines.errors import QueueError
from pipelines.journal import RUNNING, SUCCEEDED, WAITING, Result, RunFolder, Step
from pipelines.processes import Process, this
from pipelines.queue import AGAIN, RUNS, TURN, WAITS, Queue, path, repair
from pipelines.queue_supervisor import Beside
from pipelines.run_events import result
from pipelines.spec import parse
from serving.errors import UsageError
from serving.settings import Settings


def asked(name: str) -> Asked:
    document = {"name": name, "data": {"uri": "/data/iris.csv", "target": "species"}}
    return Asked(parse(document, "test"), data_sha256="abc", made_from={"restart": "x"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"KANARYA_HOME": str(tmp_path / "home")})


@pytest.fixture
def queue(settings: Settings) -> Iterator[Queue]:
    found = Queue(settings, lambda run_id: None)
    found.set_workers(8)
    yield found
    found.close()


@pytest.fixture(scope="module")
def gone() -> Process:
    """A process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        return Process(process.pid, 1.0)


def dies(queue: Queue, run_id: str, gone: Process, *steps: str) -> None:
    """Let the run's worker be one that was killed in the last of these steps."""
    folder = queue.folder(run_id)
    folder.create({"name": "iris"})
    folder.own(gone)
    for step in steps:
        folder.append(Step(step, RUNNING, 1.0))
        if step != steps[-1]:
            folder.append(Step(step, SUCCEEDED, 1.0, 2.0))
    queue.store.change(run_id, worker=gone)


def test_what_is_queued_is_told_by_its_folder_before_it_runs(queue: Queue) -> None:
    from pipelines import asked as asking

    run_id = queue.put(asked("iris"), priority=3, by="ada")
    folder = queue.folder(run_id)
    found = asking.read(folder)
    assert (found.spec, found.data_sha256, found.made_from) == (
        asked("iris").spec,
        "abc",
        {"restart": "x"},
    )
    name, ticket = asking.ticket(folder)
    assert (name, ticket.priority, ticket.by) == ("iris", 3, "ada")
    (entry,) = queue.view().entries
    assert (entry.run_id, entry.state, entry.priority) == (run_id, WAITS, 3)


def test_higher_priorities_come_first_and_else_who_came_first(queue: Queue) -> None:
    put = [queue.put(asked("iris"), priority=each) for each in (0, 5, 0, -1, 5)]
    assert [queue.take() for _ in put] == [put[n] for n in (1, 4, 0, 2, 3)]
    assert queue.take() is None


def test_a_paused_queue_begins_nothing_but_what_was_begun_before(
    queue: Queue, gone: Process
) -> None:
    first, second = (queue.put(asked("iris")) for _ in range(2))
    assert queue.take() == first
    queue.pause()
    assert queue.take() is None
    dies(queue, first, gone, "train")
    assert queue_recovery.recover(queue, 1) == [first]
    assert (queue.store.takeable(), queue.take(), queue.take()) == (1, first, None)
    queue.resume()
    assert queue.take() == second


def test_so_many_runs_go_on_at_once_as_is_said_even_while_they_run(queue: Queue) -> None:
    put = [queue.put(asked("iris")) for _ in range(4)]
    queue.set_workers(2)
    assert [queue.take() for _ in range(3)] == [put[0], put[1], None]
    queue.set_workers(3)
    assert (queue.store.takeable(), queue.take(), queue.take()) == (1, put[2], None)
    queue.set_workers(1)
    queue.store.end(put[0])
    assert queue.take() is None
    queue.store.end(put[1])
    queue.store.end(put[2])
    assert queue.take() == put[3]


def test_two_take_two_runs_however_they_hurry(settings: Settings, queue: Queue) -> None:
    from concurrent.futures import ThreadPoolExecutor

    put = {queue.put(asked("iris")) for _ in range(8)}
    others = [Queue(settings, lambda run_id: None) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda other: [other.take(), other.take()], others))
    for other in others:
        other.close()
    assert {run_id for pair in taken for run_id in pair} == put


def test_runs_of_a_model_take_its_tail_in_the_order_in_which_they_were_queued(
    queue: Queue,
) -> None:
    first, other, second, third = (queue.put(asked(n)) for n in ("a", "b", "a", "a"))
    for _ in range(3):
        queue.take()
    enter = queue.store.enter_tail
    assert [enter(run) for run in (second, other, first)] == [first, None, None]
    assert enter(second) == first, "it is still in it"
    states = {each.run_id: (each.state, each.waits_for) for each in queue.view().entries}
    assert states[second] == (TURN, first)
    assert states[third] == (WAITS, "")
    queue.store.end(first)
    assert enter(second) is None
    queue.take()
    assert enter(third) == second


def test_one_that_came_late_but_is_in_the_tail_is_not_overtaken(queue: Queue) -> None:
    early, late = queue.put(asked("a")), queue.put(asked("a"), priority=9)
    assert queue.take() == late
    assert queue.store.enter_tail(late) is None
    assert queue.take() == early
    assert queue.store.enter_tail(early) == late


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


def test_a_run_that_waits_is_cancelled_at_once_and_one_that_runs_by_its_worker(
    queue: Queue, gone: Process
) -> None:
    runs, waits = queue.put(asked("iris")), queue.put(asked("iris"))
    queue.take()
    assert queue.cancel(waits, by="ada") == "cancelled"
    assert result(queue.folder(waits)).sentence == "cancelled by ada before it began"
    assert queue.cancel(runs, by="ada") == "cancelling"
    (entry,) = queue.view().entries
    assert (entry.state, entry.cancelled_by) == (RUNS, "ada")
    dies(queue, runs, gone, "train")
    queue_recovery.recover(queue, 1)
    assert result(queue.folder(runs)).outcome == "cancelled"
    assert result(queue.folder(runs)).steps[0].status == "cancelled"
    with pytest.raises(UsageError, match="there is no run"):
        queue.cancel(runs)


def test_a_run_that_is_to_be_begun_again_can_be_cancelled(queue: Queue, gone: Process) -> None:
    run_id = queue.put(asked("iris"))
    queue.take()
    dies(queue, run_id, gone, "train")
    queue_recovery.recover(queue, 1)
    assert queue.cancel(run_id) == "cancelled"
    assert queue.view().entries == ()


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


def test_a_step_that_waits_for_its_turn_has_not_begun() -> None:
    from pipelines.queue_rules import verdict

    steps = [Step("register", WAITING, 1.0)]
    assert verdict("r", steps, 1, 1).again


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


def test_the_numbers_of_the_environment_are_checked() -> None:
    from pipelines import queue_rules

    assert queue_rules.workers_asked({}) is None
    assert queue_rules.workers_asked({"KANARYA_WORKERS": "3"}) == 3
    assert queue_rules.requeue_asked({"KANARYA_REQUEUE": "0"}) == 0
    for text in ("0", "-1", "two", "65"):
        with pytest.raises(UsageError, match=f"KANARYA_WORKERS is '{text}'"):
            queue_rules.workers_asked({"KANARYA_WORKERS": text})
    with pytest.raises(UsageError, match="KANARYA_REQUEUE is 'x'"):
        queue_rules.requeue_asked({"KANARYA_REQUEUE": "x"})


def test_entries_are_plain_values(queue: Queue) -> None:
    queue.put(asked("iris"))
    assert dataclasses.asdict(queue.view())["entries"][0]["model"] == "iris"


def test_a_machine_that_is_to_run_nothing_refuses_and_queues_nothing(
    queue: Queue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import enqueue

    monkeypatch.setenv("KANARYA_QUEUE", "0")
    refusals = (
        lambda: enqueue.enqueue(settings, asked("iris")),
        lambda: enqueue.workers_up(settings),
    )
    for refused in refusals:
        with pytest.raises(QueueError, match=r"\(KANARYA_QUEUE=0\): start the run on the cluster"):
            refused()
    assert queue.view().entries == ()
    with pytest.raises(UsageError, match="KANARYA_QUEUE is 'off': 0 runs nothing here"):
        enqueue.wanted({"KANARYA_QUEUE": "off"})


def test_what_fails_beside_the_workers_is_said_once_and_does_not_end_their_supervisor(
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors = iter([OSError("no room"), OSError("no room"), None, OSError("no room"), KeyError("x")])

    def look() -> None:
        if error := next(errors):
            raise error

    beside = Beside(look)
    for _ in range(5):
        beside.look()
    said = [str(each.exc_info[1]) for each in caplog.records if each.exc_info]
    assert said == ["no room", "no room", "'x'"]
