"""Metrics of several processes as one, and the parent's decisions: no process, no clock."""

import socket
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from serving.predictor.workers.census import PATIENCE_S, Census
from serving.predictor.workers.channel import Channel, Closed
from serving.predictor.workers.lives import LIMIT, SHORT_S, Lives
from serving.predictor.workers.reports import (
    Report,
    ReportCollector,
    lasting,
    merged,
    taken,
)


def registry(requests: int, running: int, seconds: list[float]) -> CollectorRegistry:
    found = CollectorRegistry()
    Counter("asked", "Asked", ["code"], registry=found).labels("200").inc(requests)
    Gauge("running", "Running", registry=found).set(running)
    Gauge("process_start_time_seconds", "Born", registry=found).set(1000 + requests)
    histogram = Histogram("took_seconds", "Took", buckets=(0.1, 1), registry=found)
    for each in seconds:
        histogram.observe(each)
    return found


def lines(report: Report) -> list[str]:
    text = generate_latest(ReportCollector(report)).decode()  # type: ignore[arg-type]
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_a_report_gives_what_the_registry_gives() -> None:
    one = registry(3, 1, [0.05, 0.5])
    assert generate_latest(ReportCollector(taken(one))) == generate_latest(one)  # type: ignore[arg-type]


def test_counts_add_up_and_a_birth_is_the_earliest() -> None:
    found = lines(merged([taken(registry(3, 1, [0.05])), taken(registry(4, 2, [0.5, 5]))]))
    assert {
        'asked_total{code="200"} 7.0',
        "running 3.0",
        "process_start_time_seconds 1003.0",
        'took_seconds_bucket{le="0.1"} 1.0',
        'took_seconds_bucket{le="1.0"} 2.0',
        'took_seconds_bucket{le="+Inf"} 3.0',
        "took_seconds_count 3.0",
    } <= set(found)


def test_labels_that_only_one_process_has_seen_are_kept() -> None:
    one, other = CollectorRegistry(), CollectorRegistry()
    Counter("asked", "Asked", ["code"], registry=one).labels("200").inc(2)
    Counter("asked", "Asked", ["code"], registry=other).labels("400").inc(1)
    found = lines(merged([taken(one), taken(other)]))
    assert {'asked_total{code="200"} 2.0', 'asked_total{code="400"} 1.0'} <= set(found)


def test_of_a_process_that_is_gone_counts_stay_and_states_do_not() -> None:
    assert lasting(taken(registry(3, 1, [0.5]))).keys() == {"asked", "took_seconds"}


def count(name: str, value: float, kind: str = "counter") -> Report:
    return {name: {"help": "", "type": kind, "samples": [[name, {}, value]]}}


def value(report: Report, name: str) -> Any:
    return report[name]["samples"][0][2]


def test_a_scrape_is_done_when_every_worker_has_answered() -> None:
    census = Census(2)
    census.ask(asker=1, word=7, alive=[0, 1], now=10)
    assert census.until == 10 + PATIENCE_S
    census.tell(0, count("n", 2))
    assert census.done(10.1) == []
    census.tell(1, count("n", 3))
    (result,) = census.done(10.2)
    assert (result.asker, result.word) == (1, 7)
    assert value(result.report, "n") == 5
    assert value(result.report, "kanarya_predictor_workers_silent") == 0
    assert census.done(10.3) == []
    assert census.until is None


def test_a_worker_that_is_late_counts_with_its_last_word() -> None:
    census = Census(2)
    census.tell(0, count("n", 2))
    census.ask(1, 0, [0, 1], now=10)
    census.tell(1, count("n", 3))
    assert census.done(10 + PATIENCE_S / 2) == []
    (result,) = census.done(10 + PATIENCE_S)
    assert value(result.report, "n") == 5
    assert value(result.report, "kanarya_predictor_workers_silent") == 1


def test_no_count_goes_backwards_however_many_workers_die() -> None:
    census, seen = Census(1), []
    for life in range(4):
        census.tell(0, {**count("n", life + 1), **count("now", 1, "gauge")})
        census.ask(0, life, [], now=life)
        (result,) = census.done(life)
        seen.append((value(result.report, "n"), value(result.report, "now")))
        census.bury(0)
        census.restart()
    assert seen == [(1, 1), (3, 1), (6, 1), (10, 1)]


def test_a_worker_that_dies_during_a_scrape_is_not_waited_for() -> None:
    census = Census(2)
    census.ask(1, 0, [0, 1], now=0)
    census.tell(1, count("n", 1))
    census.bury(0)
    assert len(census.done(0)) == 1


@pytest.mark.parametrize(
    ("lived", "wait", "hopeless"),
    [
        ([SHORT_S + 1], 0.0, False),
        ([1.0], 0.0, False),
        ([1.0, 1.0], 0.5, False),
        ([1.0, 1.0, 1.0], 1.0, False),
        ([1.0, 1.0, SHORT_S, 1.0], 0.0, False),
        ([1.0] * LIMIT, 4.0, True),
        ([1.0] * 20, 5.0, True),
    ],
)
def test_a_worker_that_dies_at_once_waits_longer_each_time(
    lived: list[float], wait: float, hopeless: bool
) -> None:
    lives = Lives()
    for each in lived:
        lives = lives.after(each)
    assert (lives.wait_s, lives.is_hopeless) == (wait, hopeless)


def test_messages_arrive_whole_however_large_they_are_and_the_end_is_told() -> None:
    left, right = socket.socketpair()
    one, other = Channel(left), Channel(right)
    large = ["x" * 3_000_000]
    one.send("large", large)
    one.send("small")
    assert one.has_more
    found = []
    while one.has_more or not found or found[-1][0] != "small":
        found += other.receive()
        one.flush()
    assert found == [("large", large), ("small", None)]
    one.send("last", 1)
    one.close()
    assert other.receive() == [("last", 1)]
    with pytest.raises(Closed):
        other.receive()
    other.send("nobody hears it")
    assert not other.has_more
    other.close()
