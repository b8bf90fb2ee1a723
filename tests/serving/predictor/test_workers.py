"""Several processes on one port: what clients, Prometheus and the platform see of them."""

import asyncio
import contextlib
import http.client
import json
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.serving.predictor.loading import Load, Tally
from tests.serving.predictor.running import (
    DEADLINE_S,
    ROW,
    Predictor,
    infer_request,
    tensors,
    wait_for,
)

pytestmark = pytest.mark.e2e
WORKERS = 2
PATH = "/v1/models/people:predict"
BODY = {"instances": [ROW]}


@pytest.fixture
def people(mixed_model_dir: Path, tmp_path: Path) -> Iterator[Predictor]:
    with Predictor(mixed_model_dir, "people", tmp_path / "log", "--workers", "2") as started:
        yield quiet(started.wait())


def quiet(predictor: Predictor) -> Predictor:
    """Return when every connection is closed, on the server's side too."""
    wait_for(lambda: not any(w.connections("tcp") for w in workers(predictor)), "it is quiet")
    return predictor


def workers(predictor: Predictor) -> list[psutil.Process]:
    return psutil.Process(predictor.process.pid).children()


def peers(worker: psutil.Process) -> list[int]:
    """Return the ports of the clients that are connected to a worker."""
    return [each.raddr.port for each in worker.connections("tcp") if each.status == "ESTABLISHED"]


def metric(predictor: Predictor, name: str) -> float:
    """Return the sum of a metric's samples."""
    _, text = predictor.ask("GET", "/metrics")
    return sum(
        float(line.split()[-1]) for line in text.splitlines() if re.match(rf"{name}[ {{]", line)
    )


def asked(predictor: Predictor, requests: int, connections: int = 16) -> Tally:
    """Send at least so many predictions."""
    load = Load(predictor.port, PATH, BODY, connections)
    return asyncio.run(load.run(lambda tally: tally.answers < requests))


def test_every_worker_gets_the_same_share_of_the_connections(people: Predictor) -> None:
    clients = [socket.create_connection(("127.0.0.1", people.port)) for _ in range(16)]

    def shares() -> list[int]:
        return [len(peers(worker)) for worker in workers(people)]

    try:
        wait_for(lambda: shares() == [8, 8], "eight connections each")
        for client in clients[:6]:
            client.close()
        wait_for(lambda: sum(shares()) == 10, "six are closed")
        clients += [socket.create_connection(("127.0.0.1", people.port)) for _ in range(6)]
        wait_for(lambda: shares() == [8, 8], "eight connections each again")
    finally:
        for client in clients:
            client.close()


def test_the_metrics_of_all_workers_add_up_on_every_scrape(people: Predictor) -> None:
    answers = asked(people, 500).answers
    assert people.v2(tensors())[0] == 200
    assert people.v1({"instances": []})[0] == 400
    for _ in range(4):  # wherever the scrape lands
        assert metric(people, "kanarya_predictor_requests_total") == answers + 2
        assert metric(people, "kanarya_predictor_request_seconds_count") == answers + 2
        assert metric(people, "kanarya_predictions_total") == answers + 1
        assert metric(people, "request_predict_seconds_count") == answers + 1
        assert metric(people, "kanarya_predictor_in_flight") == 0
        assert metric(people, "kanarya_predictor_workers") == WORKERS
        assert metric(people, "kanarya_predictor_workers_silent") == 0


def test_a_worker_that_is_stuck_is_reported_and_its_counts_stay(people: Predictor) -> None:
    answers = asked(people, 100).answers
    assert metric(people, "kanarya_predictor_requests_total") == answers
    lively, stuck = workers(quiet(people))
    held = [socket.create_connection(("127.0.0.1", people.port)) for _ in range(6)]
    wait_for(lambda: len(peers(lively) + peers(stuck)) == 6, "all have been taken")
    stuck.suspend()
    try:
        for client in held:
            if client.getsockname()[1] in peers(lively):
                client.close()
        # With fewer connections, this one is asked from now on.
        wait_for(lambda: not peers(lively), "they are closed")
        assert metric(people, "kanarya_predictor_workers_silent") == 1
        assert metric(people, "kanarya_predictor_requests_total") == answers
    finally:
        stuck.resume()
        for client in held:
            client.close()


def test_a_worker_that_is_killed_under_load_costs_only_what_it_was_answering(
    people: Predictor,
) -> None:
    first, second = workers(people)

    def goes_on(tally: Tally) -> bool:
        if tally.answers == 300:
            first.kill()
        return tally.answers < 3000

    tally = asyncio.run(Load(people.port, PATH, BODY).run(goes_on))
    assert not first.is_running()
    assert tally.statuses.keys() == {200}
    assert len(tally.lost) <= 8
    assert tally.refused == 0
    wait_for(lambda: len(workers(people)) == WORKERS, "it is back")
    assert second.pid in {worker.pid for worker in workers(people)}
    assert metric(people, "kanarya_predictor_workers_restarts_total") == 1
    assert "Worker 1 was ended by signal 9" in people.log.read_text()


def test_no_counter_goes_backwards_when_a_worker_is_replaced(people: Predictor) -> None:
    answers = asked(people, 200).answers
    assert metric(people, "kanarya_predictor_requests_total") == answers
    crew = workers(people)
    for worker in crew:
        worker.kill()
    wait_for(lambda: not any(worker.is_running() for worker in crew), "both are dead")
    wait_for(lambda: len(workers(people)) == WORKERS, "both are replaced")
    assert metric(people, "kanarya_predictor_workers_restarts_total") == WORKERS
    assert metric(people, "kanarya_predictor_requests_total") == answers
    assert metric(people, "request_predict_seconds_count") == answers
    assert metric(people, "kanarya_predictor_in_flight") == 0
    more = asked(people, 50).answers
    assert metric(people, "kanarya_predictor_requests_total") == answers + more


def test_one_worker_that_is_told_to_stop_drains_and_is_replaced(people: Predictor) -> None:
    first, _ = workers(people)
    first.terminate()
    wait_for(lambda: not first.is_running(), "it has gone")
    wait_for(lambda: len(workers(people)) == WORKERS, "another one has come")
    assert asked(people, 100).lost == []


def test_the_limits_hold_in_every_worker(mixed_model_dir: Path, tmp_path: Path) -> None:
    flags = ["--workers", "2", "--max_request_bytes", "200000", "--max_concurrency", "1"]
    with Predictor(mixed_model_dir, "people", tmp_path / "log", *flags) as people:
        people.wait()
        for _ in range(4):
            assert people.v1(BODY)[0] == 200
            assert people.v1({"instances": [ROW] * 4000})[0] == 413
        halves = [socket.socket() for _ in range(4)]
        with contextlib.ExitStack() as stack:
            head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n" % PATH.encode()
            for half in halves:  # two requests under way in each worker
                stack.enter_context(half).connect(("127.0.0.1", people.port))
                half.sendall(head)
            wait_for(lambda: metric(people, "kanarya_predictor_in_flight") == 4, "four under way")
            assert [people.v1(BODY)[0] for _ in range(4)] == [503] * 4


def test_nobody_listens_until_every_worker_is_ready(mixed_model_dir: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Predictor(mixed_model_dir, "people", log, "--workers", "2") as people:
        wait_for(lambda: len(workers(people)) == WORKERS, "both are forked")
        _, slow = workers(people)
        slow.suspend()
        wait_for(lambda: "startup complete" in log.read_text(), "the other one is up")
        assert not people.is_open()
        slow.resume()
        people.wait()
    assert log.read_text().count("startup complete") == WORKERS


def test_sigterm_ends_the_parent_and_all_workers_with_0(people: Predictor) -> None:
    crew = workers(people)
    people.process.terminate()
    assert people.process.wait(DEADLINE_S) == 0
    assert not any(worker.is_running() for worker in crew)


def test_sigterm_to_the_whole_group_at_once_is_a_drain_too(people: Predictor) -> None:
    for process in [people.process, *workers(people)]:
        process.send_signal(signal.SIGTERM)
    assert people.process.wait(DEADLINE_S) == 0
    assert "error: " not in people.log.read_text()


def test_the_workers_end_when_the_parent_is_killed(people: Predictor) -> None:
    crew = workers(people)
    people.process.kill()
    people.process.wait(DEADLINE_S)
    wait_for(lambda: not any(worker.is_running() for worker in crew), "all have ended")


def test_workers_that_die_again_and_again_end_the_parent(
    mixed_model_dir: Path, tmp_path: Path
) -> None:
    directory = shutil.copytree(mixed_model_dir, tmp_path / "model")
    with Predictor(directory, "people", tmp_path / "log", "--workers", "2") as people:
        people.wait()
        (directory / "model.onnx").write_bytes(b"changed")
        workers(people)[0].kill()
        assert people.process.wait(DEADLINE_S) == 1
    assert "model.onnx" in people.log.read_text().splitlines()[-1]


def test_a_request_that_was_accepted_before_sigterm_is_answered(people: Predictor) -> None:
    body = json.dumps(BODY).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    clients = [socket.create_connection(("127.0.0.1", people.port)) for _ in range(8)]
    try:
        for client in clients:
            client.sendall(head + chunk[:10])
        wait_for(lambda: metric(people, "kanarya_predictor_in_flight") == 8, "all have begun")
        people.process.terminate()
        time.sleep(0.3)
        for client in clients:
            client.sendall(chunk[10:])
            assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
    finally:
        for client in clients:
            client.close()
    assert people.process.wait(DEADLINE_S) == 0


def test_no_two_workers_give_the_same_id(people: Predictor) -> None:
    # Connections that stay open: each goes to the worker with the fewest.
    doors = [http.client.HTTPConnection("127.0.0.1", people.port) for _ in range(2 * WORKERS)]
    ids = []
    for door in doors:
        for _ in range(3):
            door.request("POST", f"/v2/models/{people.name}/infer", json.dumps(tensors()))
            ids.append(json.loads(door.getresponse().read())["id"])
    for door in doors:
        door.close()
    assert len(set(ids)) == len(ids)
    assert len({each[:24] for each in ids}) == WORKERS


def test_grpc_is_answered_by_the_workers_on_one_port(mixed_model_dir: Path, tmp_path: Path) -> None:
    from kserve import InferenceGRPCClient

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def ask() -> Any:
        client = InferenceGRPCClient(f"127.0.0.1:{port}")
        return await client.infer(infer_request(binary=True))

    flags = ["--workers", "2", "--enable_grpc", "true", "--grpc_port", str(port)]
    with Predictor(mixed_model_dir, "people", tmp_path / "log", *flags) as people:
        people.wait()
        for _ in range(6):
            label, _ = asyncio.run(ask()).outputs
            assert label.as_numpy().tolist() == people.v1(BODY)[1]["predictions"]
        assert metric(people, "kanarya_predictor_requests_total") == 12
