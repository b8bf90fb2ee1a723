"""Runs of other places, asked in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from console.data.runs import Runs
from console.settings import ConsoleSettings
from pipelines.run_row import Row
from pipelines.run_table import Query

T = TypeVar("T")
LONG = 120.0  # importing kfp takes half a minute on a machine that is busy enough


class Here:
    """Asked in this process: a child takes seconds, and has a test of its own."""

    def ask(self, ask: Callable[..., T], *arguments: object) -> T:
        return ask(*arguments)


def world_of(home: Path, **env: str) -> ConsoleSettings:
    return ConsoleSettings.from_env(env={"KANARYA_HOME": str(home), **env})


def told(runs: Runs, query: Query | None = None) -> tuple[Row, ...]:
    """The rows once every place has answered."""
    assert runs.elsewhere
    runs.elsewhere.soon()
    runs.look_again()
    runs.pulse()
    runs.elsewhere.wait(LONG)
    runs.look_again()
    return runs.page(query or Query()).rows
