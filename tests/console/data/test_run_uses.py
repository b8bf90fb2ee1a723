"""Which runs are not deleted, because something needs what they made."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from console.data import run_uses
from console.data.child import in_child
from console.data.deleted import Deleted
from console.data.run_actions import RunActions
from console.data.run_uses import Registry
from console.data.runs import Runs
from pipelines.run_row import Row, read
from scripts.bench import synthetic_runs
from serving.errors import KanaryaError, PlatformError, UsageError
from serving.rollout.ledger import StoredLedger
from serving.rollout.record import Entry, Model
from serving.settings import Settings


class Known(Registry):
    """A registry that has been asked already."""

    def __init__(self, **aliases: list[str]) -> None:
        self._aliases = aliases

    def aliases(self, model: str, version: str) -> list[str]:
        return self._aliases.get(f"v{version}", [])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"KANARYA_HOME": str(tmp_path)})


def row(settings: Settings, number: int = 1) -> Row:
    found = read(synthetic_runs.ended(settings.home / "runs", number, "iris"))
    assert found is not None
    return found


def promoted(settings: Settings, version: str, over: str | None) -> None:
    before = Model(over, f"models/{over}") if over else None
    entry = Entry("iris", "promoted", version, Model(version, f"models/{version}"), before)
    StoredLedger(settings.ledger).append(entry)


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("1", []),
        ("2", ["iris version 2 is what a rollback goes back to"]),
        ("3", ["iris version 3 is live"]),
        ("4", ["iris version 4 is @staging"]),
        ("", []),
    ],
)
def test_what_is_live_may_be_gone_back_to_or_has_an_alias_is_kept(
    settings: Settings, version: str, why: list[str]
) -> None:
    for live, over in (("1", None), ("2", "1"), ("3", "2")):
        promoted(settings, live, over)
    asked = replace(row(settings), version=version)
    assert run_uses.uses(settings, asked, Known(v4=["staging"])) == why


def test_a_run_that_failed_after_it_had_registered_is_known_by_what_it_left(
    settings: Settings,
) -> None:
    asked = replace(row(settings), version="")
    left = settings.home / "runs" / asked.run_id / "artifacts" / "tabular-1" / "register"
    left.mkdir(parents=True)
    (left / "executor_output.json").write_text(json.dumps({"parameterValues": {"Output": "7"}}))
    assert run_uses.uses(settings, asked, Known(v7=["staging"])) == ["iris version 7 is @staging"]


def test_a_run_that_is_needed_stays_where_it_is(settings: Settings) -> None:
    asked = row(settings)
    runs = Runs.of(settings)
    deleted = Deleted(settings, runs, undo_s=0.0)
    actions = RunActions(settings, runs, deleted)
    with pytest.raises(UsageError, match="is kept, because iris version 1 is @champion"):
        actions.delete(asked.run_id, Known(v1=["champion"]))
    assert deleted.all() == []
    actions.delete(asked.run_id, Known())  # and is removed at once, so short is its time
    with pytest.raises(UsageError, match="not in the trash"):
        deleted.undo(asked.run_id)


def test_a_child_has_the_settings_of_the_console(settings: Settings) -> None:
    assert in_child(settings, os.getenv, "KANARYA_HOME") == str(settings.home)
    with pytest.raises(PlatformError, match=r"int broke \(ValueError: invalid literal"):
        in_child(settings, int, "twelve")
    with pytest.raises(PlatformError, match=r"no answer to time\.sleep within 0 s"):
        in_child(settings, time.sleep, 60, limit_s=0.05)


def test_a_registry_that_is_away_is_asked_once_for_all_runs(settings: Settings) -> None:
    known = Registry(settings, json.loads)
    refusals = []
    for _ in range(2):
        with pytest.raises(KanaryaError, match="loads broke") as refused:
            known.aliases("iris", "1")
        refusals.append(refused.value)
    assert refusals[0] is refusals[1]
