"""The metrics of a process as plain values, and those of several processes as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

Sample = list[Any]
"""Its name, its labels (a dict), its value."""
Report = dict[str, dict[str, Any]]
"""By name: `help`, `type`, and `samples`."""

EARLIEST = frozenset({"process_start_time_seconds"})
GREATEST = frozenset({"process_max_fds", "python_info"})
MOMENTARY = ("gauge", "info")
"""Kinds of metrics that say how it is now; a process that is gone has none of them."""


def taken(collector: Collector) -> Report:
    """Return everything that a registry gives now."""
    return {metric.name: _plain(metric) for metric in collector.collect()}


def merged(reports: Iterable[Report]) -> Report:
    """Return one report for several processes: counts add up, a birth is the earliest."""
    found: Report = {}
    for report in reports:
        for name, family in report.items():
            known = found.get(name, {**family, "samples": []})
            found[name] = {**family, "samples": _joined(known["samples"], family["samples"])}
    return found


def lasting(report: Report) -> Report:
    """Return what stays true when the process is gone: counts, not states."""
    return {name: family for name, family in report.items() if family["type"] not in MOMENTARY}


def gauge(name: str, text: str, value: float) -> Report:
    """Return a report of one number."""
    return {name: {"help": text, "type": "gauge", "samples": [[name, {}, value]]}}


def counter(name: str, text: str, value: float) -> Report:
    """Return a report of one count; its sample is called `name`_total."""
    return {name: {"help": text, "type": "counter", "samples": [[f"{name}_total", {}, value]]}}


class ReportCollector(Collector):
    """A report as prometheus_client's encoders want it."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        """Return the metrics of the report."""
        for name, family in self._report.items():
            metric = Metric(name, family["help"], family["type"])
            for sample, labels, value in family["samples"]:
                metric.add_sample(sample, labels, value)
            yield metric


def _plain(metric: Metric) -> dict[str, Any]:
    samples = [[sample.name, sample.labels, sample.value] for sample in metric.samples]
    return {"help": metric.documentation, "type": metric.type, "samples": samples}


def _joined(known: list[Sample], more: list[Sample]) -> list[Sample]:
    values = {_key(sample): sample for sample in known}
    for sample in more:
        name, labels, value = sample
        old = values.get(_key(sample))
        values[_key(sample)] = sample if old is None else [name, labels, _both(name, old[2], value)]
    return list(values.values())


def _key(sample: Sample) -> tuple[str, tuple[tuple[str, str], ...]]:
    return sample[0], tuple(sample[1].items())


def _both(name: str, one: float, other: float) -> float:
    if name in EARLIEST or name.endswith("_created"):
        return min(one, other)
    return max(one, other) if name in GREATEST else one + other
