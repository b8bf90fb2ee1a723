"""`make bench-queue`: twenty runs on two workers, and the table of ten thousand runs.

The runs are whole ones, of iris, four models by turns; the ten thousand are folders as the journal
writes them.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from scripts.bench import synthetic_runs
from scripts.bench.measuring import ROOT, beside, checked, kanarya, report

SPEC = ROOT / "pipelines" / "specs" / "iris.yaml"
RUNS, MODELS, WORKERS = 20, 4, 2
ROWS = 10_000
REPEATS = 20
QUICK = (
    "model={kind: logistic_regression}",
    "gate.champion.margin=1",
    "rollout.steps=[50, 100]",
    "rollout.max_seconds=0.5",
    "rollout.on_inconclusive=promote",
)


def main() -> None:
    """Measure, print the table and the JSON line."""
    with tempfile.TemporaryDirectory(prefix="kanarya-bench-") as folder:
        figures = _table(Path(folder) / "many" / "runs")
        environment = beside(f"{folder}/home") | {"KANARYA_WORKERS": str(WORKERS)}
        try:
            figures |= _queue(environment)
        finally:
            checked(kanarya(["down"], environment))
    report("queue", {"two_workers/one": figures["runs_s"] / figures["one_by_one_s"]}, figures)


def _table(root: Path) -> dict[str, Any]:
    import psutil

    from pipelines.run_table import Query, RunTable

    for number in range(ROWS):
        synthetic_runs.ended(root, number)
    process, before = psutil.Process(), psutil.Process().memory_info().rss
    table = RunTable(root)
    first_page = _ms(lambda: table.refresh(limit_s=0.2))
    first_look = _ms(table.refresh)
    asked = {
        "page_newest_ms": Query(),
        "page_by_metric_ms": Query(sort="accuracy"),
        "page_of_text_ms": Query(text="forest table-1", sort="log_loss", offset=500),
    }
    found = {name: _median_ms(partial(table.page, query)) for name, query in asked.items()}
    memory = (process.memory_info().rss - before) / 2**20
    begun = synthetic_runs.begun(root, ROWS)
    return {
        "rows": ROWS,
        "first_200_ms_of_the_first_look_ms": first_page,
        "rest_of_the_first_look_ms": first_look,
        "look_at_a_new_run_ms": _ms(table.refresh),
        "look_where_one_runs_ms": _median_ms(table.refresh),
        **found,
        "table_mb": memory,
        "newest_is_first": table.page(Query()).rows[0].run_id == begun.run_id,
    }


def _queue(environment: dict[str, str]) -> dict[str, Any]:
    checked(kanarya(["up"], environment))
    began = time.perf_counter()
    names = [f"iris-{number % MODELS}" for number in range(RUNS)]
    ids = [_put(name, environment) for name in names]
    queued_s = time.perf_counter() - began
    results = [_result(environment, run_id) for run_id in ids]
    seconds = time.perf_counter() - began
    one = kanarya([*_command("one"), "--json"], environment)
    return {
        "runs": RUNS,
        "workers": WORKERS,
        "runs_s": seconds,
        "one_by_one_s": one.seconds * RUNS,
        "queueing_one_s": queued_s / RUNS,
        "finished": sum(each["outcome"] == "promoted" for each in results),
        "in_order": all(_in_order(names, results, name) for name in set(names)),
    }


def _in_order(names: list[str], results: list[dict[str, Any]], name: str) -> bool:
    """Say whether the versions of a model have the order in which its runs were queued."""
    mine = [each["version"] for each, model in zip(results, names, strict=True) if model == name]
    return mine == [str(number) for number in range(1, len(mine) + 1)]


def _put(name: str, environment: dict[str, str]) -> str:
    return kanarya([*_command(name), "--queue"], environment).output.split()[-1]


def _command(name: str) -> list[str]:
    sets = [part for change in (f"name={name}", *QUICK) for part in ("--set", change)]
    return ["run", str(SPEC), *sets]


def _result(environment: dict[str, str], run_id: str) -> dict[str, Any]:
    path = Path(environment["KANARYA_HOME"]) / "runs" / run_id / "result.json"
    while not path.is_file():
        time.sleep(0.1)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _ms(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def _median_ms(act: Callable[[], object]) -> float:
    return statistics.median(_ms(act) for _ in range(REPEATS))


if __name__ == "__main__":
    main()
