"""The tally as Prometheus metrics, next to KServe's own on `/metrics`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from serving.predictor.tally import Batches, Distribution, Tally
from serving.signature import Label

OWN = ("model", "version")


def stock_histogram(name: str) -> Callable[[float], None]:
    """Return what tells KServe's own histogram of a model the seconds of a prediction."""
    from kserve.metrics import PREDICT_HIST_TIME

    observe: Callable[[float], None] = PREDICT_HIST_TIME.labels(model_name=name).observe
    return observe


class TallyCollector(Collector):
    """Gives the metrics of one model whenever Prometheus asks; register it once."""

    def __init__(self, tally: Tally, name: str, version: str, labels: tuple[Label, ...]) -> None:
        self._tally = tally
        self._own = [name, version]
        self._labels = [str(label) for label in labels]

    def describe(self) -> list[Metric]:
        """Return nothing: what there is to tell is only known when it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return everything, counted up to this moment."""
        self._tally.sum_up()
        yield from self._requests()
        yield from self._predictions()
        if self._tally.batches is not None:
            yield from self._batches(self._tally.batches)

    def _requests(self) -> Iterator[Metric]:
        running = GaugeMetricFamily(
            "kanarya_predictor_in_flight", "Requests being answered", labels=OWN
        )
        running.add_metric(self._own, self._tally.running)
        requests = CounterMetricFamily(
            "kanarya_predictor_requests", "Requests answered", labels=(*OWN, "protocol", "code")
        )
        seconds = HistogramMetricFamily(
            "kanarya_predictor_request_seconds",
            "From the last byte of a request to its answer",
            labels=(*OWN, "protocol"),
        )
        for name, protocol in self._tally.protocols.items():
            for code, count in protocol.codes.items():
                requests.add_metric([*self._own, name, str(code)], count)
            _add(seconds, [*self._own, name], protocol.seconds)
        yield from (running, requests, seconds)

    def _predictions(self) -> Iterator[Metric]:
        tally = self._tally
        if self._labels:
            yield from self._classes(tally)
        yield self._counts(
            "kanarya_feature_out_of_range",
            "Rows whose number lies outside of what was seen in training",
            "feature",
            dict(zip(tally.features, tally.out_of_range.tolist(), strict=True)),
        )

    def _classes(self, tally: Tally) -> Iterator[Metric]:
        yield self._counts(
            "kanarya_predictions",
            "Rows by predicted class",
            "label",
            dict(zip(self._labels, tally.by_class.tolist(), strict=True)),
        )
        confidence = HistogramMetricFamily(
            "kanarya_prediction_confidence", "Probability of the predicted class", labels=OWN
        )
        _add(confidence, self._own, tally.confidence)
        yield confidence

    def _batches(self, batches: Batches) -> Iterator[Metric]:
        rows = HistogramMetricFamily(
            "kanarya_batch_rows", "Rows of each call of the model that requests shared", labels=OWN
        )
        _add(rows, self._own, batches.rows)
        waited = HistogramMetricFamily(
            "kanarya_batch_wait_seconds",
            "From checked cells to the beginning of their batch",
            labels=OWN,
        )
        _add(waited, self._own, batches.waited)
        yield from (rows, waited)

    def _counts(self, name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
        family = CounterMetricFamily(name, text, labels=(*OWN, label))
        for value, count in counts.items():
            family.add_metric([*self._own, value], count)
        return family


def _add(family: HistogramMetricFamily, labels: list[str], distribution: Distribution) -> None:
    bounds = [*map(str, distribution.bounds), "+Inf"]
    counts = accumulate(distribution.counts.tolist())
    family.add_metric(labels, [*zip(bounds, counts, strict=True)], distribution.sum)
