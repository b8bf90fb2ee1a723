"""Rows played with values only: no store, no process, no time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from serving.local import revisions
from serving.local.addresses import Addresses
from serving.local.knative import State, Wanted, settle
from serving.local.observed import READY, STARTING, Observed, Phase
from serving.local.propagation import Seen, Verdict, isvc_status
from tests.serving.local.a3_rows import Expect, Loaded, Loads, Patch, seen_in

FAILED = Observed(Phase.FAILED, "ExitCode3", "ModelError: model.onnx is damaged", 3)
CRASHED = Observed(Phase.UNHEALTHY, "ExitCode137", "out of memory", 137)
PHASES = {Loads.AT_ONCE: READY, Loads.WHEN_TOLD: STARTING, Loads.NEVER: FAILED}
ISVC: dict[str, Any] = {"metadata": {"name": "iris"}, "spec": {"predictor": {}}}
ADDRESSES = Addresses("http://127.0.0.1:8601", "ml", "iris")


class Paper:
    """Plays a row with values only: each patch of a uri is a revision."""

    def __init__(self, tagged: bool = False) -> None:
        self.wanted = Wanted(tagged=tagged)
        self.state = State()
        self.observed: dict[str, Observed] = {}
        self.uris: dict[str, str] = {}
        self.isvc = ISVC
        self.generation = 0

    def play(self, operation: Patch | Loaded) -> Expect:
        if isinstance(operation, Loaded):
            self.observed[self.uris[operation.uri]] = READY
        else:
            self.patch(operation)
        before = self.state
        self.state = settle(self.state, self.wanted, self.observed)
        self.generation += self.state.asked != before.asked or isinstance(operation, Patch)
        return seen_in(self.status("2026-01-01T00:00:00Z"))

    def patch(self, patch: Patch) -> None:
        if patch.percent != "keep":
            self.wanted = replace(self.wanted, percent=patch.percent)
        if patch.uri:
            name = revisions.revision_name("iris", len(self.observed) + 1)
            self.observed[name] = PHASES[patch.loads]
            self.uris[patch.uri] = name
            self.state = replace(self.state, created=name)

    def status(self, now: str, why: Verdict | None = None) -> dict[str, Any]:
        seen = Seen(self.state, self.observed, ADDRESSES, now)
        status = isvc_status(self.isvc, self.ksvc(), seen, why or Verdict())
        self.isvc = {**ISVC, "status": status}
        return status

    def ksvc(self) -> dict[str, Any]:
        return {"metadata": {"generation": self.generation}}


def played(*operations: Patch | Loaded, tagged: bool = False) -> Paper:
    paper = Paper(tagged)
    for operation in operations:
        paper.play(operation)
    return paper
