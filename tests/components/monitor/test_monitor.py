"""What a window of traffic is said to be, and how windows follow each other."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import report as pages
from components.baseline import baseline
from components.monitor import record, report, rules
from components.monitor.record import Look, Windows
from components.monitor.step import directory_of
from serving.errors import PlatformError, UsageError
from serving.isvc.resource import ROLLOUT, ServiceView
from serving.rollout.policy import Policy
from serving.rollout.state import Rollout
from serving.settings import Settings
from serving.signature import MISSING, Column
from serving.sketch import Reference, reference

COLUMNS = (Column("age", "number"), Column("town", "text"))
TOWNS = ["Ankara", "Izmir"]


def drawn(rows: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    towns = rng.choice(np.array(TOWNS, object), rows)
    return {"age": rng.normal(34, 10, rows).astype(np.float32), "town": towns}


def known() -> Reference:
    found = reference(baseline(COLUMNS, drawn(2000, 0), np.arange(400) % 2, ("no", "yes")))
    assert found is not None
    return found


def window(cells: dict[str, np.ndarray], told: tuple[int, int] | None = None) -> rules.Window:
    grids, rows = known().grids, len(cells["age"])
    no, yes = told or (rows // 2, rows - rows // 2)
    columns = {name: grids[name].count(values) for name, values in cells.items()}
    return rules.Window(columns, np.array([no, yes, 0, 0]))


def with_gaps(rows: int) -> dict[str, np.ndarray]:
    cells = drawn(rows, 3)
    cells["age"][: rows // 3] = np.nan
    return cells


CASES: dict[str, tuple[dict[str, np.ndarray], tuple[int, int] | None, str]] = {
    "older": ({**drawn(400, 1), "age": drawn(400, 1)["age"] + 17}, None, "age: median 33"),
    "another unit": ({**drawn(100, 1), "age": drawn(100, 1)["age"] * 12}, None, "age: "),
    "gaps": (with_gaps(300), None, "age: missing in 0.0% of the rows -> 33.3%."),
    "one town": (
        {**drawn(300, 1), "town": np.array(["Izmir"] * 300, object)},
        None,
        "town: ",
    ),
    "new town": (
        {**drawn(300, 1), "town": np.array(["Bursa"] * 300, object)},
        None,
        "town: other words in 0.0% of the rows -> 100.0%.",
    ),
    "no town": (
        {**drawn(300, 1), "town": np.array([MISSING] * 300, object)},
        None,
        "town: missing in 0.0% of the rows -> 100.0%.",
    ),
    "other answers": (drawn(400, 1), (380, 20), "output: "),
}


@pytest.mark.parametrize("name", CASES)
def test_what_has_changed_is_said(name: str) -> None:
    cells, told, sentence = CASES[name]
    found = rules.judge(known(), window(cells, told), rules.Policy())
    assert found.verdict == "drift"
    assert sentence in found.sentence


def test_the_same_traffic_is_steady_and_little_of_it_is_not_judged() -> None:
    assert rules.judge(known(), window(drawn(1000, 5)), rules.Policy()).verdict == "steady"
    assert rules.judge(known(), window(drawn(49, 5)), rules.Policy()).verdict == "too_few"


def test_a_trifle_is_no_drift_however_many_rows_show_it() -> None:
    cells = drawn(200_000, 6)
    found = rules.judge(known(), window({**cells, "age": cells["age"] + 0.5}), rules.Policy())
    assert found.verdict == "steady"


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan")])
def test_an_impossible_chance_is_refused(alpha: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        rules.Policy(alpha)


def totals(cells: dict[str, np.ndarray]) -> dict[str, Any]:
    found = window(cells)
    columns = {name: counts.tolist() for name, counts in found.columns.items()}
    return {"columns": columns, "output": found.output.tolist()}


def look(number: int, **changed: Any) -> Look:
    judged = rules.judge(known(), window(drawn(100, 1)), rules.Policy())
    usual: dict[str, Any] = {
        "number": number,
        "service": "people",
        "version": "3",
        "opened_at": "2026-01-01T00:00:00+00:00",
        "at": f"2026-01-01T00:00:{number:02d}+00:00",
        "look": 1,
        "is_closed": False,
        "start": {},
        "totals": {"a/1": totals(drawn(100, 1))},
        "judgement": record.plain(judged),
    }
    return Look(**{**usual, **changed})


STORE = "gs://bucket/models/iris"
MIDWAY = Rollout(
    "a",
    "iris",
    "3",
    f"{STORE}/3-c0ffee00",
    Policy(),
    from_version="2",
    from_uri=f"{STORE}/2-beef0000",
)


@pytest.mark.parametrize(
    ("uri", "state", "version", "found"),
    [
        (f"{STORE}/3-c0ffee00", None, "3", f"{STORE}/3-c0ffee00"),
        (f"{STORE}/3-c0ffee00", MIDWAY, "3", f"{STORE}/3-c0ffee00"),
        (f"{STORE}/3-c0ffee00", MIDWAY, "2", f"{STORE}/2-beef0000"),
        ("file:///models/iris/3", None, "3", "file:///models/iris/3"),
        ("file:///models/iris/3", None, "2", f"{STORE}/2"),
    ],
)
def test_the_version_that_answered_is_found_in_a_bucket_too(
    uri: str, state: Rollout | None, version: str, found: str
) -> None:
    """There it lies at a place of its run, not at its number."""
    annotations = {ROLLOUT: state.to_json()} if state else {}
    view = ServiceView("iris", "default", storage_uri=uri, annotations=annotations)
    settings = Settings.from_env({"KANARYA_MODEL_STORE": "gs://bucket/models"})
    assert directory_of(view, "iris", version, settings) == found


def test_a_window_goes_on_until_it_is_closed_or_another_version_answers() -> None:
    assert record.opened(None, "3", "now") == record.Opened("now", 1, {})
    assert record.opened(look(1), "4", "now") == record.Opened("now", 1, {})
    assert record.opened(look(1), "3", "now").look == 2
    closed = look(2, is_closed=True)
    assert record.opened(closed, "3", "now") == record.Opened(closed.at, 1, closed.totals)


def test_a_first_window_is_open_since_its_predictor_began_to_count() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    began = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    both = {f"b/{began + 60:.6f}": {}, f"a/{began:.6f}": {}}
    assert record.born(both, now) == "2026-01-01T00:00:00+00:00"
    for odd in ({}, {"a/0.000000": {}}, {"a": {}}, {f"a/{began * 2:.6f}": {}}):
        assert record.born(odd, now) == "2026-01-02T00:00:00+00:00"


def test_a_window_is_what_was_counted_since_and_a_new_instance_begins_with_nothing() -> None:
    both = {name: np.r_[one, drawn(60, 2)[name]] for name, one in drawn(100, 1).items()}
    now = {"a/1": totals(both), "b/2": totals(drawn(30, 3))}
    found = record.window(known(), {"a/1": totals(drawn(100, 1))}, now)
    assert found.rows == 90
    assert {int(counts.sum()) for counts in found.columns.values()} == {90}


def test_looks_are_kept_in_order_and_each_number_is_given_once(tmp_path: Path) -> None:
    windows = Windows(str(tmp_path / "people"))
    assert windows.last() is None
    assert windows.add(look(1)) and windows.add(look(2))
    assert not windows.add(look(2))
    assert windows.last() == look(2)
    (tmp_path / "people" / "00000003.json").write_text('{"format": 9}')
    with pytest.raises(PlatformError, match="format 9"):
        windows.last()


def test_two_versions_that_answer_by_turns_go_on_with_a_window_each(tmp_path: Path) -> None:
    kept = Windows(str(tmp_path / "people"))
    assert kept.last() is None and kept.last("3") is None
    for number, version in enumerate(["3", "4", "3", "4"], start=1):
        last = kept.last(version)
        opened = record.opened(last, version, "now")
        kept.add(look(number, version=version, look=opened.look))
    assert [kept.read(name).look for name in kept.names()] == [1, 1, 2, 2]
    newest = kept.last()
    assert newest is not None and newest.number == 4


def test_the_page_and_the_gauges_escape_what_they_are_told() -> None:
    strange = look(1, service='<b>"x"')
    assert "<b>" not in pages.html(report.report(strange))
    assert 'model="<b>\\"x\\""' in report.prometheus(strange)
    assert report.numbers(strange)["rows"] == 100
