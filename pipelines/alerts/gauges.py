"""What was measured here, for the textfile collector of Prometheus' node exporter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pipelines.alerts.deciding import Measured
from pipelines.alerts.table import RULES
from serving.storage import partial

NAME = "kanarya.prom"
LOOKED = "kanarya_alerts_look_time_seconds"
SIGNALS = tuple(dict.fromkeys(rule.signal for rule in RULES if rule.signal.gauge))


def write(folder: Path, found: Sequence[Measured], at: float) -> None:
    """Write what a look at the moment `at` (seconds since 1970) measured; all or nothing."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(_families(found, at)))
    with partial(folder / NAME) as unfinished:
        unfinished.write_bytes(generate_latest(registry))


def _families(found: Sequence[Measured], at: float) -> Iterator[GaugeMetricFamily]:
    for signal in SIGNALS:
        family = GaugeMetricFamily(signal.gauge, signal.about, labels=signal.labels)
        for each in found:
            if each.signal == signal.name:
                family.add_metric([each.labels[label] for label in signal.labels], each.value)
        yield family
    yield GaugeMetricFamily(LOOKED, "When the rules were looked at, seconds since 1970", value=at)


class _Given(Collector):
    """Families that are made already."""

    def __init__(self, families: Iterable[GaugeMetricFamily]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return them."""
        return self._families
