"""The deploy step: its limit of time, and what it leaves for the pipeline's page in any case."""

from __future__ import annotations

import json
import math
import re
import signal
import socket
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from components.deploy import rules, step
from components.deploy.deadline import OutOfTime, within
from serving.errors import KanaryaError
from serving.rollout.ledger import LedgerError
from serving.rollout.outcome import Outcome, Request
from serving.rollout.policy import Policy
from tests.serving.pages.pages import read
from tests.serving.rollout.card.decisions import decided

REQUEST = Request("iris", "2", "file:///models/iris/2")
SHORT = Policy(steps=(10, 100), max_seconds=60, ready_timeout_s=10)


@dataclass
class Metrics:
    """KFP's artifact, as a step sees it."""

    path: str
    numbers: dict[str, float] = field(default_factory=dict)

    def log_metric(self, metric: str, value: float) -> None:
        self.numbers[metric] = value


LIMITS = [
    (SHORT, 60 + 5 * 10 + 120),
    (replace(SHORT, steps=(100,)), 4 * 10 + 120),
    (replace(SHORT, steps=(10, 25, 50, 100)), 3 * 60 + 7 * 10 + 120),
    (replace(SHORT, shadow_requests=100), 2 * 60 + 5 * 10 + 120),
    (replace(SHORT, approve=(10, 100)), 3 * 60 + 5 * 10 + 120),
    (replace(SHORT, max_seconds=1e7, steps=tuple(range(1, 101))), 1e8),
]


@pytest.mark.parametrize(("policy", "seconds"), LIMITS)
def test_the_limit_is_what_the_policy_adds_up_to(policy: Policy, seconds: float) -> None:
    assert rules.limit_s(policy) == seconds


def silent() -> None:
    """Wait for a server that accepts and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()) as client:
        client.recv(1)


def swallowed() -> None:
    """Take every error for one that can be tried again, as some libraries do."""
    while True:
        try:
            time.sleep(60)
        except Exception:  # what must not stop the alarm
            continue


@pytest.mark.parametrize("what", [silent, swallowed, lambda: time.sleep(60)])
def test_nothing_outlasts_the_limit(what: object) -> None:
    with pytest.raises(OutOfTime), within(0.05):
        what()  # type: ignore[operator]


def test_what_is_done_in_time_hears_nothing_of_it() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with within(30):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def overdue() -> Outcome:
    time.sleep(60)
    raise AssertionError


def unwritable() -> Outcome:
    raise LedgerError("iris: its ledger cannot be written (disk full)")


def fine() -> Outcome:
    return Outcome("promoted", "2", "2", "version 2 was good at 10 %")


ENDS = [
    (overdue, "failed", "had not ended after 0.05 s.*kanarya rollout resume iris"),
    (unwritable, "failed", "disk full"),
    (fine, "promoted", "good at 10 %"),
]


@pytest.mark.parametrize(("attempt", "kind", "said"), ENDS)
def test_a_rollout_ends_with_an_outcome_whatever_happens(
    attempt: object, kind: str, said: str
) -> None:
    outcome = step.ended(attempt, REQUEST, 0.05)  # type: ignore[arg-type]
    assert (outcome.kind, outcome.version) == (kind, "2")
    assert re.search(said, outcome.reason)
    if kind == "failed":
        with pytest.raises(KanaryaError, match=said):
            step.told(outcome)
    else:
        assert json.loads(step.told(outcome))["outcome"] == kind


FIGURES = {
    "promoted": {"promoted": 1, "good_steps": 2, "canary_error_percent": 0, "canary_p95_ms": 4.75},
    "errors": {"promoted": 0, "good_steps": 0, "canary_error_percent": 50},
    "first": {"promoted": 1, "good_steps": 0},
    "held": {"promoted": 0, "good_steps": 0},
    "conflict": {"promoted": 0},
}


@pytest.mark.parametrize(("name", "known"), FIGURES.items())
def test_the_numbers_are_finite_and_have_units(name: str, known: dict[str, float]) -> None:
    found = rules.figures(decided(name))
    assert {key: found[key] for key in known} == pytest.approx(known, abs=2)
    assert all(type(value) is float and math.isfinite(value) for value in found.values())
    if name == "promoted":
        assert found["canary_requests"] > 100 and found["seconds"] > 1


def outputs(tmp_path: Path) -> tuple[step.Outputs, Metrics]:
    metrics = Metrics(str(tmp_path / "metrics"))
    return step.Outputs(tmp_path / "card", metrics), metrics


@pytest.mark.parametrize("name", ["promoted", "errors", "held", "conflict", "failed"])
def test_the_page_and_the_numbers_are_there_for_every_outcome(name: str, tmp_path: Path) -> None:
    found, (wanted, metrics) = decided(name), outputs(tmp_path)
    step.show(Outcome("held", "2", None, "why"), found, wanted)
    told = read((tmp_path / "card").read_text(encoding="utf-8")).text
    assert found["rollout"] in told and found["timeline"][-1]["sha256"] in told
    assert metrics.numbers == rules.figures(found)
    assert (tmp_path / "metrics").exists()


def test_without_a_ledger_the_page_says_why(tmp_path: Path) -> None:
    wanted, metrics = outputs(tmp_path)
    step.show(Outcome("failed", "2", None, "the API server is <away>"), None, wanted)
    told = read((tmp_path / "card").read_text(encoding="utf-8")).text
    assert "Failed" in told and "the API server is <away>" in told
    assert metrics.numbers == {}
