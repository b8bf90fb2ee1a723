"""`GET /v2/models/{m}/sketch`: what was counted since this predictor started, over all workers.

Workers report it beside their metrics, as a family of counters with a birth (`_created`): reports
are added, births take the earliest, and what a worker that is gone had told is kept. The birth
names the counts: with another one they began anew.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from time import time
from typing import Any

import orjson
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from serving.predictor.asgi import JSON, ASGIApp, Receive, Reply, Scope, Send, send_reply
from serving.predictor.desk import failure
from serving.predictor.sketches import Sketches
from serving.predictor.tally import Tally
from serving.predictor.workers.reports import Report
from serving.sketch import Reference

FAMILY = "kanarya_sketch"
FORMAT = 1
_COLUMN, _OUTPUT = "column", "output"


class SketchCollector(Collector):
    """Gives the sketches of one model as counters of cells; empty cells are left out."""

    def __init__(self, tally: Tally) -> None:
        self._tally, self._born = tally, time()

    def collect(self) -> Iterator[Metric]:
        """Return everything, counted up to this moment."""
        self._tally.sum_up()
        if self._tally.sketches is not None:
            yield self._family(self._tally.sketches)

    def _family(self, sketches: Sketches) -> Metric:
        metric = Metric(FAMILY, "Rows by cell of the training data", "counter")
        parts = [(_COLUMN, name, counts) for name, counts in sketches.columns.items()]
        for of, name, counts in [*parts, (_OUTPUT, "", sketches.output)]:
            for cell in counts.nonzero()[0].tolist():
                labels = {"of": of, "name": name, "cell": str(cell)}
                metric.add_sample(f"{FAMILY}_total", labels, int(counts[cell]))
        metric.add_sample(f"{FAMILY}_created", {}, self._born)
        return metric


def without(report: Report) -> Report:
    """Return the metrics alone: the cells of a wide table are nothing for Prometheus."""
    return {name: family for name, family in report.items() if name != FAMILY}


@dataclass(frozen=True)
class Served:
    """Whose sketch it is: the model's name and version, and the cells; None where it has none."""

    name: str
    version: str
    reference: Reference | None

    def value(self, report: Report) -> dict[str, Any]:
        """Return the answer: counts by cell of every column and of the output."""
        assert self.reference is not None
        columns = {name: [0] * grid.size for name, grid in self.reference.grids.items()}
        output, born = [0] * self.reference.output.size, 0.0
        for sample, labels, count in report[FAMILY]["samples"]:
            if sample == f"{FAMILY}_created":
                born = count
            else:
                cells = columns[labels["name"]] if labels["of"] == _COLUMN else output
                cells[int(labels["cell"])] += int(count)
        return {
            "format": FORMAT,
            "model": self.name,
            "version": self.version,
            "instance": f"{socket.gethostname()}/{born:.6f}",
            "rows": sum(output),
            "columns": columns,
            "output": output,
        }


class SketchPage:
    """An ASGI app around another: answers for the sketch of one model."""

    def __init__(
        self, app: ASGIApp, served: Served, gather: Callable[[], Awaitable[Report]]
    ) -> None:
        self._app, self._served, self._gather = app, served, gather
        self._path = f"/v2/models/{served.name}/sketch"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        if scope.get("path") != self._path or scope.get("method") != "GET":
            await self._app(scope, receive, send)
            return
        await send_reply(send, await self._reply())

    async def _reply(self) -> Reply:
        if self._served.reference is None:
            return failure(
                404,
                f"Version {self._served.version} has a baseline.json without cells, so its traffic "
                "is not sketched; package the model again.",
            )
        try:
            report = await self._gather()
        except TimeoutError:
            return failure(503, "The workers' parent process did not gather in time; ask again.")
        return Reply(200, orjson.dumps(self._served.value(report)), [JSON])
