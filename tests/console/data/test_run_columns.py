"""Which columns are shown, and what their cells say."""

from __future__ import annotations

import pytest

from console.data import run_columns
from pipelines.run_row import Row

METRICS = {"accuracy": 3, "f1.macro": 9, "log_loss": 5}


def test_a_browser_remembers_its_columns_whatever_they_are_called() -> None:
    columns = ("run_id", "status", "f1.macro")
    cookie = run_columns.remembered(columns)
    assert not set(cookie) & set(' ;,"\\')
    assert run_columns.chosen(cookie, METRICS) == columns


@pytest.mark.parametrize("cookie", ["", "nonsense", "%%%", "<script>"])
def test_who_chose_nothing_sees_the_metrics_of_most_runs(cookie: str) -> None:
    shown = run_columns.chosen(cookie, METRICS)
    assert shown == (*run_columns.SHOWN_FIRST, "f1.macro", "log_loss")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("accuracy", "0.9667"),
        ("log_loss", "1.200e-05"),
        ("seconds", "2 min 05 s"),
        ("kind", "<b>mlp</b>"),
        ("step", ""),
        ("nothing", ""),
        ("worst", "nan"),
    ],
)
def test_a_cell_says_its_value_and_never_markup(name: str, said: str) -> None:
    metrics = {"accuracy": 0.96667, "log_loss": 1.2e-5, "worst": float("nan")}
    row = Row("r", "m", "<b>mlp</b>", "tabular", "d", "t", "failed", 0.0, 125.2, metrics=metrics)
    assert run_columns.cell(row, name) == said
