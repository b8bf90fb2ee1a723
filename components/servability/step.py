"""Servability with files: a sealed model directory in, what serving it is like out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from components import servable, telling
from components.servability import predictor, rules
from serving import artifact
from serving.artifact import Golden
from serving.rollout.shadow_answers import body_of

REQUESTS, LEAST, SPENT_S = 300, 50, 0.4
"""Requests that are timed; of a slow model fewer, as many as fit into the time, but the least."""


def run(packaged: Path, guards: Mapping[str, float], served: Path) -> dict[str, float]:
    """Write `servability.json` into the artifact `served` and return the metrics.

    Raises `ModelError` where the predictor does not start or does not give the golden answers.
    """
    found = rules.metrics(_measured(packaged, artifact.read_golden(packaged)))
    servable.write(served, servable.Servable(found, rules.checks(found, guards)))
    telling.note(servable.summary(found))
    return found


def _measured(packaged: Path, golden: Golden) -> rules.Measured:
    bodies = list(_bodies(golden))
    with predictor.started(packaged) as process:
        http = predictor.connection(process.port)
        answers = np.concatenate([predictor.ask(http, body) for body in bodies])
        rules.refuse_other_answers(golden.probabilities, answers)
        seconds = _timed(http, bodies)
        memory = predictor.memory(process.pid)
        return rules.Measured(process.start_s, seconds, len(answers), *memory)


def _bodies(golden: Golden) -> Iterator[bytes]:
    """Yield a request for each golden row."""
    for at in range(len(golden.probabilities)):
        yield body_of("v2", {name: cells[at : at + 1] for name, cells in golden.columns.items()})


def _timed(http: HTTPConnection, bodies: list[bytes]) -> list[float]:
    seconds: list[float] = []
    while len(seconds) < REQUESTS and (len(seconds) < LEAST or sum(seconds) < SPENT_S):
        began = time.perf_counter()
        predictor.ask(http, bodies[len(seconds) % len(bodies)])
        seconds.append(time.perf_counter() - began)
    return seconds
