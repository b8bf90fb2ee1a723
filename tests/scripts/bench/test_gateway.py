import asyncio
import socket
from collections.abc import Sequence

import pytest

from scripts.bench.canary_phases import Counters, Phase, counters_of, phase_of
from scripts.bench.gateway import Pair, Plan, latency_figures, latency_ratios, phase_figures
from scripts.bench.load import (
    Answer,
    Client,
    Side,
    answer_of,
    closed_loop,
    complete,
    failures,
    inexact,
    open_loop,
    quantile_ms,
    split_of,
)
from serving.errors import PlatformError

HEAD = b"HTTP/1.1 200 OK\r\nkanarya-revision: iris-2\r\ncontent-length: 2\r\n\r\n"


def answers(*seconds: float, status: int = 200) -> list[Answer]:
    return [Answer(status, each) for each in seconds]


def window(**shares: int) -> list[Answer]:
    return [Answer(200, 0.001, name) for name, share in shares.items() for _ in range(share)]


QUANTILES = [
    ([0.001], 0.5, 1.0),
    ([0.001], 0.99, 1.0),
    ([0.003, 0.001, 0.002], 0.5, 2.0),
    ([0.004, 0.003, 0.002, 0.001], 0.5, 2.0),
    ([n / 1000 for n in range(1, 101)], 0.95, 95.0),
    ([n / 1000 for n in range(1, 101)], 0.99, 99.0),
    ([n / 1000 for n in range(1, 101)], 1.0, 100.0),
]


@pytest.mark.parametrize(("seconds", "share", "milliseconds"), QUANTILES)
def test_a_quantile_is_the_latency_that_a_share_of_the_answers_does_not_exceed(
    seconds: list[float], share: float, milliseconds: float
) -> None:
    assert quantile_ms(answers(*seconds), share) == pytest.approx(milliseconds)


def test_a_quantile_is_one_of_good_answers_only() -> None:
    assert quantile_ms([*answers(0.001), *answers(9.0, status=0)], 0.99) == pytest.approx(1.0)


SPLITS = [
    ([window(a=90, b=10)], {"a": 90, "b": 10}, 0),
    ([window(a=91, b=9)], {"a": 90, "b": 10}, 1),
    ([window(a=91, b=9), window(a=89, b=11)], {"a": 90, "b": 10}, 2),
    ([window(a=100)], {"a": 100, "b": 0}, 0),
    ([window(a=50, b=49) + answers(0.1, status=502)], {"a": 50, "b": 50}, 1),
    ([], {"a": 100}, 0),
]


@pytest.mark.parametrize(("windows", "percents", "wrong"), SPLITS)
def test_a_split_is_exact_in_each_window_or_not_at_all(
    windows: Sequence[Sequence[Answer]], percents: dict[str, int], wrong: int
) -> None:
    assert inexact(windows, percents) == wrong


def test_a_failure_has_no_revision() -> None:
    assert split_of([*window(a=2), *answers(0.1, status=0)]) == {"a": 2, "": 1}


WHOLE = [
    (HEAD, False),
    (HEAD + b"o", False),
    (HEAD + b"ok", True),
    (HEAD[:-2], False),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", False),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
]


@pytest.mark.parametrize(("got", "whole"), WHOLE)
def test_an_answer_is_complete_with_its_last_byte(got: bytes, whole: bool) -> None:
    assert complete(got) is whole


def test_an_answer_tells_its_revision_and_a_failure_its_reason() -> None:
    assert answer_of(HEAD + b"ok", 0.5) == Answer(200, 0.5, "iris-2")
    failed = answer_of(b"HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nwhy?", 0.5)
    assert failed == Answer(503, 0.5, "", "why?")
    assert failed.failed


def test_both_loops_count_what_was_answered_and_what_was_not() -> None:
    seen = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer two requests on a connection, then drop it in the middle of the third."""
        nonlocal seen
        for _ in range(2):
            await reader.readuntil(b"{}")
            seen += 1
            writer.write(HEAD + b"ok")
        await reader.readuntil(b"{}")
        seen += 1
        writer.write(HEAD)
        writer.close()

    async def main() -> tuple[list[Answer], list[Answer]]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(Side.of(f"http://127.0.0.1:{port}/v1", b"{}"))
        paced = await open_loop(client, requests=9, rate=100)
        hurried = await closed_loop(client, connections=2, seconds=0.05)
        client.close()
        server.close()
        return paced, hurried

    paced, hurried = asyncio.run(main())
    assert len(paced) == 9
    assert failures(paced) >= 1
    assert all(answer.status == 0 for answer in paced if answer.failed)
    assert all(answer.revision == "iris-2" for answer in paced if not answer.failed)
    assert len(paced) + len(hurried) == seen


def test_nobody_there_is_a_failure_and_not_an_exception() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = Client(Side.of(f"http://127.0.0.1:{free.getsockname()[1]}/", b"{}"))
        (answer,) = asyncio.run(open_loop(client, requests=1, rate=10))
    assert answer.status == 0
    assert "Refused" in answer.said


METRICS = """\
# TYPE kanarya_requests counter
kanarya_requests_total{namespace="default",service="iris",revision="a",code="200"} 90.0
kanarya_requests_total{namespace="default",service="iris",revision="b",code="502"} 3.0
kanarya_requests_total{namespace="default",service="iris",revision="b",code="503"} 7.0
# TYPE kanarya_retries counter
kanarya_retries_total{namespace="default",service="iris",revision="a"} 1.0
kanarya_retries_total{namespace="default",service="iris",revision="b"} 10.0
"""


@pytest.mark.parametrize(("text", "counters"), [("", Counters(0, 0)), (METRICS, Counters(11, 3))])
def test_counters_are_read_from_the_metrics(text: str, counters: Counters) -> None:
    assert counters_of(text) == counters


def test_a_phase_is_told_from_its_windows() -> None:
    bad = Answer(503, 0.2, said="no revision is ready")
    windows = [[*window(a=99), bad], window(a=50, b=50), window(a=51, b=49)]
    counted = (Counters(1, 1), Counters(5, 2))
    phase = phase_of("to_50", windows, counted, (windows[1:], {"a": 50, "b": 50}))
    assert phase == Phase("to_50", 300, (bad,), 4, 1, 200.0, steady=2, inexact=1)
    assert "1 failed, 4 retried" in phase.sentence()
    assert "no revision is ready" in phase.sentence()
    figures = phase_figures([phase])
    assert (figures["to_50_failed"], figures["canary_failed"]) == (1, 1)
    assert figures["retried_after_no_answer"] == 1
    assert (figures["split_windows"], figures["split_windows_inexact"]) == (2, 1)


def test_the_gateway_adds_the_difference_of_the_quantiles() -> None:
    pair = Pair(answers(0.001, 0.001, 0.004), answers(0.002, 0.002, 0.006))
    figures = latency_figures(pair)
    assert (figures["added_p50_ms"], figures["added_p99_ms"]) == (1.0, 2.0)
    assert latency_ratios(pair)["gateway/direct_p99"] == pytest.approx(1.5)


def test_a_side_that_gave_no_prediction_cannot_be_compared() -> None:
    with pytest.raises(PlatformError, match="the gateway answered none of 2 requests"):
        Pair(answers(0.1), answers(0.1, 0.1, status=503)).require_answers()


PLANS = [
    (Plan(), (15, 400, 5.0, 6)),
    (Plan(seconds=2), (1, 400, 2 / 6, 2)),
    (Plan(seconds=0.5, rate=100), (1, 50, 0.5 / 6, 2)),
]


@pytest.mark.parametrize(("plan", "parts"), PLANS)
def test_every_part_shrinks_with_the_seconds(
    plan: Plan, parts: tuple[int, int, float, int]
) -> None:
    assert (plan.blocks, plan.block_requests, plan.throughput_s, plan.steady) == parts
