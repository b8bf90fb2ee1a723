"""A look at a window as one page, as Prometheus' text, and as numbers for MLflow."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from components.monitor.record import Look
from components.report import Remark, Report, Table

WORDS = {"steady": "steady", "drift": "DRIFT", "too_few": "too few rows"}


def report(look: Look) -> Report:
    """Return the page: the verdict, what is to be acted on, every test of every column."""
    said = look.judgement
    alarms = _alarms(said)
    rest = sorted((f for f in said["findings"] if not f["is_alarm"]), key=lambda f: float(f["p"]))
    heads = ("column", "test", "effect", "p", "alarm", "what it says")
    rows = [_row(finding) for finding in [*alarms, *rest]]
    indices = sorted(said["psi"].items(), key=lambda item: -item[1])
    return Report(
        title=f"{look.service}, version {look.version}: {WORDS[said['verdict']]}",
        lead=f"{said['rows']:,} rows from {look.opened_at} to {look.at}, look {look.look} at this "
        "window, compared with what the version learned from. " + said["sentence"],
        tables=[
            Table(
                "Stability", ("column", "PSI"), indices, "Beyond chance; 0.25 is a great change."
            ),
            Table("Tests", heads, rows, "Effects: see docs/how-it-works.md."),
        ],
        remarks=[Remark("warning", finding["sentence"]) for finding in _surest(said)],
    )


def _alarms(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the findings that alarm, the surest first."""
    found = [finding for finding in said["findings"] if finding["is_alarm"]]
    return sorted(found, key=lambda each: (each["p"], -abs(each["effect"])))


def _surest(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the surest alarm of every column: others mostly say the same again."""
    first: dict[str, Mapping[str, Any]] = {}
    for finding in _alarms(said):
        first.setdefault(finding["column"], finding)
    return [*first.values()]


def _row(found: Mapping[str, Any]) -> tuple[object, ...]:
    alarm = "yes" if found["is_alarm"] else ""
    return found["column"], found["check"], found["effect"], found["p"], alarm, found["sentence"]


def numbers(look: Look) -> dict[str, float]:
    """Return the figures of a look: for MLflow, by names that it takes."""
    said = look.judgement
    alarms = [finding for finding in said["findings"] if finding["is_alarm"]]
    found = {"rows": said["rows"], "drift": said["verdict"] == "drift", "alarms": len(alarms)}
    if said["psi"]:
        found |= {"psi_max": max(said["psi"].values()), "psi_output": said["psi"]["output"]}
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def prometheus(look: Look) -> str:
    """Return the figures as gauges in Prometheus' text format, for a textfile collector."""
    return "".join(f"{line}\n" for line in _gauges(look))


def _gauges(look: Look) -> Iterator[str]:
    own = {"model": look.service, "version": look.version}
    said, shown = look.judgement, numbers(look)
    yield from _gauge(
        "kanarya_drift", "1 where the window differs from training", own, shown["drift"]
    )
    yield from _gauge("kanarya_drift_window_rows", "Rows of the window", own, shown["rows"])
    yield "# HELP kanarya_drift_psi Population stability index, beyond chance"
    yield "# TYPE kanarya_drift_psi gauge"
    for column, value in said["psi"].items():
        yield f"kanarya_drift_psi{_labels({**own, 'column': column})} {value!r}"


def _gauge(name: str, text: str, labels: Mapping[str, str], value: float) -> Iterator[str]:
    yield from (
        f"# HELP {name} {text}",
        f"# TYPE {name} gauge",
        f"{name}{_labels(labels)} {value!r}",
    )


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def lines(look: Look) -> list[str]:
    """Return the look for a terminal."""
    said = look.judgement
    head = f"{look.service}, version {look.version}: {WORDS[said['verdict']]}"
    since = f"  {said['rows']:,} rows since {look.opened_at}, look {look.look} at this window"
    told = [f"  - {finding['sentence']}" for finding in _surest(said)] or [f"  {said['sentence']}"]
    return [head, since, *told]
