"""How a run of the compiled pipeline goes on, look by look."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.pipelines.kfp_api.server import FakeKfp

BEFORE = ("ingest", "validate", "split", "go-untuned", "train", "evaluate", "package")
TO_THE_GATE = (*BEFORE, "servability", "gate")
PROMOTED = {"outcome": "promoted", "sentence": "version 1 is the first", "version": "1"}
ROLLED_BACK = {"outcome": "rolled_back", "sentence": "error rate 42.9 %", "version": "2"}
REJECTED = {"outcome": "rejected", "sentence": "accuracy 0.5 is below 0.9.", "version": None}
LAUNCHER = "I1121 10:00:00.000000      1 launcher_v2.go:151] input ComponentSpec:{}\n"


def writes(kfp: FakeKfp, step: str, text: str) -> None:
    workflow = kfp.only()
    attempt = 0 if workflow.retries(step) else None
    kfp.logs[workflow.pod(step, attempt)] = text


def outcome(record: dict[str, str | None]) -> str:
    return f"{LAUNCHER}outcome: {json.dumps(record)}\n"


def through(kfp: FakeKfp, last: tuple[str, ...], ending: dict[str, str | None]) -> list[Callable]:  # type: ignore[type-arg]
    """Return a story: to the gate in one go, then the branch behind it, then the end."""

    def to_the_gate() -> None:
        kfp.set_state("RUNNING")
        kfp.only().run(*TO_THE_GATE)
        writes(kfp, "ingest", f"{LAUNCHER}note: 150 rows; columns to learn from: 4 number\n")

    def behind_it() -> None:
        kfp.only().run(*last[:-1])
        kfp.only().begin(last[-1])

    def end() -> None:
        kfp.only().end(last[-1])
        kfp.only().run("finish")
        writes(kfp, last[-1], outcome(ending))
        kfp.only().finish()
        kfp.set_state("SUCCEEDED")

    return [lambda: None, to_the_gate, behind_it, end]
