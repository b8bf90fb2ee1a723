"""From the harness' records to medians, ratios, figures and tables; touches nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from scripts.bench.serving_bare import PARTS

Key = tuple[str, str]
"""Model and contender."""

BUSY, ALONE, MANY = "16x1", "1x1", "1x32"
"""Cells of the harness: connections x rows a request."""


@dataclass(frozen=True)
class Cell:
    """One load: answers a second, quantiles of the latency, processor time an answer, failures."""

    per_s: float
    p50_us: float
    p99_us: float
    cpu_us: float
    errors: float


@dataclass(frozen=True)
class Measured:
    """The medians of a contender over its repetitions."""

    repetitions: int
    cells: Mapping[str, Cell]
    start_s: float
    memory_mb: float


@dataclass(frozen=True)
class Results:
    """What every contender reached, and the sentence of each that failed.

    `load`: the machine's load average when the servers were started; 1 is the run's own wrk.
    """

    measured: Mapping[Key, Measured]
    failed: Mapping[Key, str]
    load: float

    def per_s(self, model: str, name: str, cell: str = BUSY) -> float | None:
        """Return answers a second; None where that was not measured."""
        found = self.measured.get((model, name))
        return found.cells[cell].per_s if found and cell in found.cells else None


def records(text: str) -> list[dict[str, Any]]:
    """Return the records of the harness' file, one JSON object a line."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def results(found: Iterable[Mapping[str, Any]]) -> Results:
    """Return the medians of each contender; one that failed once has none."""
    by: dict[Key, list[Mapping[str, Any]]] = {}
    failed: dict[Key, str] = {}
    loads = []
    for record in found:
        key = (record["model"], record["name"])
        loads.append(record["load1"])
        by.setdefault(key, []).append(record)
        if "error" in record:
            failed.setdefault(key, _line(record["error"]))
    measured = {key: _measured(each) for key, each in by.items() if key not in failed}
    return Results(measured, failed, median(loads) if loads else 0.0)


def _line(error: str) -> str:
    """Return what a person needs of an error: its end, where the reason stands."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return (lines[0] if len(lines) == 1 else f"{lines[0][:60]} … {lines[-1]}")[:200]


def _measured(repetitions: Sequence[Mapping[str, Any]]) -> Measured:
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for repetition in repetitions:
        for name, cell in repetition["cells"].items():
            cells.setdefault(name, []).append(cell)
    middle = {name: _cell(found) for name, found in cells.items()}
    return Measured(
        repetitions=len(repetitions),
        # Of a load under which nothing was answered in time there is nothing to tell.
        cells={name: cell for name, cell in middle.items() if cell.per_s},
        start_s=median(repetition["startup_s"] for repetition in repetitions),
        memory_mb=median(repetition["pss_mib"] for repetition in repetitions),
    )


def _cell(found: Sequence[Mapping[str, Any]]) -> Cell:
    return Cell(
        per_s=median(cell["rps"] for cell in found),
        p50_us=median(cell["p50_us"] for cell in found),
        p99_us=median(cell["p99_us"] for cell in found),
        cpu_us=median(cell["cpu_us"] for cell in found),
        errors=sum(cell["errors"] for cell in found),
    )


RATIOS: Mapping[str, tuple[Key, Key]] = {
    "v1_vs_kserve": (("lr", "kanarya-v1"), ("lr", "kserve-v1")),
    "v2_json_vs_kserve_v2": (("lr", "kanarya-v2"), ("lr", "kserve-v2")),
    "v2_binary_vs_kserve_v2": (("lr", "kanarya-v2bin"), ("lr", "kserve-v2")),
    "v1_vs_mlserver": (("lr", "kanarya-v1"), ("lr", "mlserver-sk")),
    "v1_vs_mlflow": (("lr", "kanarya-v1"), ("lr", "mlflow")),
    "v1_vs_bentoml": (("lr", "kanarya-v1"), ("lr", "bentoml")),
    "share_of_limit": (("lr", "kanarya-v1"), ("lr", "asgi-onnx")),
    "rf_vs_kserve": (("rf", "kanarya-v1"), ("rf", "kserve-v1")),
    "cnn_vs_kserve": (("cnn", "kanarya-v2bin"), ("cnn", "kserve-v2bin")),
}
"""Throughputs with 16 connections and one row a request: ours over theirs."""


def ratios(found: Results) -> dict[str, float | None]:
    """Return every ratio; None where one of its two sides is missing."""
    return {
        name: over(found.per_s(*ours), found.per_s(*theirs))
        for name, (ours, theirs) in RATIOS.items()
    }


def over(one: float | None, other: float | None) -> float | None:
    """Return one number over another, where there are both."""
    return one / other if one is not None and other else None


def figures(found: Results, bare: Mapping[int, float]) -> dict[str, object]:
    """Return the raw numbers behind the ratios, and those that are none.

    `bare`: calls a second of a bare ONNX Runtime session, by images a call.
    """
    shown: dict[str, object] = {}
    for (model, name), measured in found.measured.items():
        shown |= {f"{model}_{name}_{what}": value for what, value in _shown(measured)}
    for images, cell in ((1, BUSY), (32, "16x32")):
        ours = found.per_s("cnn", "kanarya-v2bin", cell)
        shown[f"cnn_bare_onnxruntime_{images}_per_s"] = _rounded(bare.get(images))
        shown[f"cnn_share_of_bare_onnxruntime_{images}"] = _rounded(over(ours, bare.get(images)), 3)
        limit = found.per_s("cnn", "bare-v2bin", cell)
        shown[f"cnn_share_of_limit_{images}"] = _rounded(over(ours, limit), 3)
    failed = sorted(map("/".join, found.failed))
    own = {"load": round(found.load, 2), "errors": _errors(found), "failed": failed}
    return {**shown, **safety(found), **own}


def safety(found: Results) -> dict[str, float | None]:
    """Return what each part of the safety costs an answer of V2, in µs, where the core is full."""
    whole = found.per_s("lr", "kanarya-v2")
    costs: dict[str, float | None] = {}
    for part in (*PARTS, "all"):
        without = found.per_s("lr", f"kanarya-v2-without-{part}")
        cost = 1e6 / whole - 1e6 / without if whole and without else None
        costs[f"safety_{part}_us"] = _rounded(cost, 2)
    return costs


def _shown(measured: Measured) -> Iterator[tuple[str, float]]:
    for cell, name, value in (
        (BUSY, "per_s", "per_s"),
        (ALONE, "p50_us", "p50_us"),
        (MANY, "32_rows_p50_us", "p50_us"),
    ):
        if cell in measured.cells:
            yield name, round(float(getattr(measured.cells[cell], value)), 1)
    yield "start_s", round(measured.start_s, 2)
    yield "memory_mb", round(measured.memory_mb, 1)


def _errors(found: Results) -> int:
    return int(sum(cell.errors for each in found.measured.values() for cell in each.cells.values()))


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)


@dataclass(frozen=True)
class Goal:
    """A figure that should be reached: its name, its value, what it must be, what is dreamt of.

    Whether more or less is better follows from the last two.
    """

    name: str
    value: float | None
    must: float
    dream: float

    def __str__(self) -> str:
        shown = "-" if self.value is None else f"{self.value:,.4g}"
        sign = "≥" if self.dream > self.must else "≤"
        return f"  {self.name:<40}{shown:>10}   {sign} {self.must:g} (dream {self.dream:g})"


RATIO_GOALS = {
    "v1_vs_kserve": (11, 14),
    "v2_json_vs_kserve_v2": (13, 18),
    "v2_binary_vs_kserve_v2": (13, 18),
    "v1_vs_mlserver": (20, 28),
    "v1_vs_mlflow": (15, 20),
    "v1_vs_bentoml": (32, 43),
    "share_of_limit": (0.65, 0.85),
    "rf_vs_kserve": (75, 105),
    "cnn_vs_kserve": (50, 65),
}
FIGURE_GOALS = {
    "lr_kanarya-v1_p50_us": (130, 100),
    "cnn_share_of_bare_onnxruntime_1": (0.9, 1),
    "cnn_share_of_bare_onnxruntime_32": (0.9, 1),
    "cnn_share_of_limit_1": (0.9, 1),
    "cnn_share_of_limit_32": (0.9, 1),
    "lr_kanarya-v1_start_s": (2.5, 1),
    "lr_kanarya-v1_memory_mb": (220, 150),
}


def goals(found: Results, bare: Mapping[int, float]) -> list[Goal]:
    """Return what should be reached beside what was."""
    reached = ratios(found)
    shown = figures(found, bare)
    wanted = [Goal(name, reached[name], *bounds) for name, bounds in RATIO_GOALS.items()]
    for name, bounds in FIGURE_GOALS.items():
        value = shown.get(name)
        wanted.append(Goal(name, value if isinstance(value, float) else None, *bounds))
    return wanted


COLUMNS = ("contender", "16x1 /s", "16x1 p99 ms", "1x1 p50 µs", "1x1 CPU µs", "1x32 p50 µs")


def table(found: Results, model: str) -> list[str]:
    """Return the lines of a model's table, the fastest contender first."""
    names = [name for m, name in found.measured if m == model]
    names.sort(key=lambda name: -(found.per_s(model, name) or 0))
    rows = [_row(name, found.measured[model, name]) for name in names]
    failed = [f"  {name}: {why}" for (m, name), why in found.failed.items() if m == model]
    head = (*COLUMNS, "start s", "MB")
    return ["  " + _aligned(head), *("  " + _aligned(row) for row in rows), *failed]


def _row(name: str, measured: Measured) -> tuple[str, ...]:
    busy, alone, many = (measured.cells.get(cell) for cell in (BUSY, ALONE, MANY))
    return (
        name,
        f"{busy.per_s:,.0f}" if busy else "-",
        f"{busy.p99_us / 1000:.1f}" if busy else "-",
        f"{alone.p50_us:,.0f}" if alone else "-",
        f"{alone.cpu_us:,.0f}" if alone else "-",
        f"{many.p50_us:,.0f}" if many else "-",
        f"{measured.start_s:.2f}",
        f"{measured.memory_mb:.0f}",
    )


def _aligned(cells: Sequence[str]) -> str:
    return f"{cells[0]:<32}" + "".join(f"{cell:>13}" for cell in cells[1:])
