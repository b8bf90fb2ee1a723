"""What may go, and what never does."""

from dataclasses import replace
from typing import Any

import pytest

from components.removal import Registered
from pipelines.cleaning.rules import DAY_S, Needed, Policy, judge_runs, judge_versions
from pipelines.cleaning.sweep import require
from pipelines.run_row import KILLED, Row
from serving.errors import UsageError

NOW = 1_800_000_000.0
OLD = NOW - 100 * DAY_S
POLICY = Policy(versions=2, runs=2, ledger=3, days=30)


def version(number: int, *, aliases: tuple[str, ...] = (), created: float = OLD) -> Registered:
    return Registered("iris", str(number), created, f"file:///h/models/iris/{number}", aliases)


def going(found: list[Registered], needed: Needed) -> list[str]:
    judged = judge_versions(found, needed, POLICY, NOW)
    return [each.what.version for each in judged if not each.stays]


@pytest.mark.parametrize(
    ("found", "needed", "goes"),
    [
        ([], Needed((), frozenset()), []),
        ([version(n) for n in (1, 2, 3, 10)], Needed((), frozenset()), ["2", "1"]),
        (
            [version(1, aliases=("champion",)), *map(version, (2, 3, 4))],
            Needed((), frozenset()),
            ["2"],
        ),
        (
            [version(n) for n in (1, 12, 13, 14)],
            Needed(('"file:///h/models/iris/12"',), frozenset()),
            ["1"],
        ),
        ([version(n) for n in (1, 2, 3)], Needed((), frozenset({"file:///h/models/iris/1"})), []),
        ([version(1, created=NOW - DAY_S), version(2), version(3)], Needed((), frozenset()), []),
    ],
    ids=["nothing", "oldest", "alias", "a service's", "the ledger's", "young"],
)
def test_a_version_goes_only_where_nothing_needs_it(
    found: list[Registered], needed: Needed, goes: list[str]
) -> None:
    assert going(found, needed) == goes


def row(number: int, status: str = "promoted", *, started: float = OLD) -> Row:
    ended = status not in ("running", KILLED)
    return Row(f"r{number}", "iris", "", "", "", "", status, started + number, ended=ended)


@pytest.mark.parametrize(
    ("rows", "stay", "goes"),
    [
        ([row(1), row(2), row(3)], {}, ["r1"]),
        ([row(1), row(2), row(3)], {"r1": "iris version 1"}, []),
        ([row(1, "running"), row(2), row(3)], {}, []),
        ([row(1, KILLED), row(2), row(3)], {}, ["r1"]),
        ([row(1, started=NOW - DAY_S), *(row(n, started=NOW - DAY_S) for n in (2, 3))], {}, []),
    ],
    ids=["oldest", "a version's", "running", "killed", "young"],
)
def test_a_run_goes_only_where_nothing_needs_it(
    rows: list[Row], stay: dict[str, str], goes: list[str]
) -> None:
    judged = judge_runs(rows, stay, POLICY, NOW)
    assert [each.what.run_id for each in judged if not each.stays] == goes


@pytest.mark.parametrize("changed", [{"versions": 0}, {"days": -1.0}, {"days": float("nan")}])
def test_a_policy_that_would_not_keep_even_the_newest_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="keep at least 1 version"):
        require(replace(POLICY, **changed))
