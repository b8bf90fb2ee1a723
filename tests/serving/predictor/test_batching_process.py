"""A real predictor that gathers requests: under load, and when it is told to end."""

from __future__ import annotations

import http.client
import json
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from serving.predictor.served import load
from tests.serving.predictor.running import DEADLINE_S, Predictor, tensor, wait_for

pytestmark = pytest.mark.e2e

CONNECTIONS = 16
EACH = 60


@pytest.fixture
def gathering(wide_model_dir: Path, tmp_path: Path) -> Iterator[Predictor]:
    log = tmp_path / "log"
    with Predictor(wide_model_dir, "wide", log, "--max_batch_rows", "16") as predictor:
        yield predictor.wait()


def client(predictor: Predictor, rows: np.ndarray) -> list[list[list[float]]]:
    """Ask for one to three rows at a time on one connection, in V1 and V2 by turns."""
    connection = http.client.HTTPConnection("127.0.0.1", predictor.port, timeout=DEADLINE_S)
    answers = []
    for turn in range(EACH):
        some = rows[turn : turn + 1 + turn % 3]
        v1 = {"instances": some.tolist()}
        v2 = {"inputs": [tensor("x", "FP32", some.ravel().tolist(), [*some.shape])]}
        path, body = ("/v1/models/wide:predict", v1) if turn % 2 else ("/v2/models/wide/infer", v2)
        connection.request("POST", path, json.dumps(body))
        answer = connection.getresponse()
        content = json.loads(answer.read())
        assert answer.status == 200, content
        given = content["probabilities"] if turn % 2 else content["outputs"][1]["data"]
        answers.append(np.reshape(given, (len(some), 3)).tolist())
    connection.close()
    return answers


def test_sixteen_connections_get_every_answer_right_and_share_calls(
    gathering: Predictor, wide_model_dir: Path
) -> None:
    rng, served = np.random.default_rng(5), load(wide_model_dir)
    rows = rng.uniform(0, 8, (CONNECTIONS, EACH + 3, 4)).astype(np.float32)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        answers = list(pool.map(lambda own: client(gathering, own), rows))
    for own, given in zip(rows, answers, strict=True):
        for turn, probabilities in enumerate(given):
            expected = served.answer(own[turn : turn + 1 + turn % 3]).probabilities
            np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-6)
    text = gathering.ask("GET", "/metrics")[1]
    (calls,) = re.findall(r'kanarya_batch_rows_count{model="wide",version="1"} ([\d.]+)', text)
    (waits,) = re.findall(r"kanarya_batch_wait_seconds_count{.*} ([\d.]+)", text)
    assert float(waits) == CONNECTIONS * EACH
    assert float(calls) < CONNECTIONS * EACH


def test_sigterm_answers_the_requests_that_wait_for_others(
    wide_model_dir: Path, tmp_path: Path
) -> None:
    flags = ("--max_batch_rows", "16", "--max_batch_wait_us", "1000000")
    with Predictor(wide_model_dir, "wide", tmp_path / "log", *flags) as predictor:
        predictor.wait()
        body = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
        with ThreadPoolExecutor(3) as pool:
            answers = [pool.submit(predictor.v1, body) for _ in range(3)]
            wait_for(lambda: under_way(predictor) == 3, "three requests wait")
            predictor.process.send_signal(signal.SIGTERM)
            assert [answer.result()[0] for answer in answers] == [200] * 3
        assert predictor.process.wait(DEADLINE_S) == 0


def under_way(predictor: Predictor) -> float:
    text = predictor.ask("GET", "/metrics")[1]
    return float(re.findall(r"kanarya_predictor_in_flight{.*} ([\d.]+)", text)[0])
