"""The queue in one process: order, pause, how many at once, cancelling, damage, dead workers."""

import pytest

from pipelines import queue_recovery
from pipelines.errors import QueueError
from pipelines.journal import WAITING, Step
from pipelines.processes import Process
from pipelines.queue import RUNS, TURN, WAITS, Queue
from pipelines.queue_supervisor import Beside
from pipelines.run_events import result
from serving.errors import UsageError
from serving.settings import Settings
from tests.pipelines.queue.queueing import asked, dies


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


def test_a_step_that_waits_for_its_turn_has_not_begun() -> None:
    from pipelines.queue_rules import verdict

    steps = [Step("register", WAITING, 1.0)]
    assert verdict("r", steps, 1, 1).again


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
