"""`POST /v1/models/{m}:feedback` and `GET /v2/models/{m}/feedback`, which the collector answers.

Any predictor of the service passes them on, whichever of them made the prediction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from serving.errors import UsageError
from serving.feedback import asked, wire
from serving.feedback.calling import CollectorError, call
from serving.feedback.keeping import Keeper
from serving.predictor.asgi import (
    JSON,
    ASGIApp,
    Gone,
    Receive,
    Reply,
    Scope,
    Send,
    TooLarge,
    read,
    send_reply,
)
from serving.predictor.desk import failure
from serving.predictor.metrics import OWN
from serving.signature import Label

THREADS = 4
MOST_WAITING = 64
NOBODY = (
    "Nobody collects feedback here; start the predictor with --feedback_url, or "
    "KANARYA_FEEDBACK_URL, of a collector (python -m serving.feedback)."
)


class FeedbackPage:
    """An ASGI app around another: takes labels, and tells how good the versions were.

    `labels`: the classes of the model; none of one that predicts numbers. Threads of its own ask
    the collector, so that a slow one delays no prediction.
    """

    def __init__(
        self, app: ASGIApp, name: str, keeper: Keeper | None, labels: tuple[Label, ...]
    ) -> None:
        self._app, self._keeper, self._labels = app, keeper, labels
        self._pages = {
            ("POST", f"/v1/models/{name}:feedback"): self._take,
            ("GET", f"/v2/models/{name}/feedback"): self._tell,
        }
        self._name, self._waiting = name, 0
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="feedback")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        page = self._pages.get((scope.get("method", ""), scope.get("path", "")))
        if page is None:
            await self._app(scope, receive, send)
            return
        try:
            await send_reply(send, await self._reply(page, scope, receive))
        except Gone:
            return

    async def _reply(self, page: Callable[..., Any], scope: Scope, receive: Receive) -> Reply:
        if self._keeper is None:
            return failure(404, NOBODY)
        if self._waiting >= MOST_WAITING:
            return failure(503, f"{MOST_WAITING} wait for the collector already; try again.")
        self._waiting += 1
        try:
            return Reply(200, orjson.dumps(await page(self._keeper, scope, receive)), [JSON])
        except TooLarge:
            return failure(413, f"Labels have {asked.MOST_BYTES} bytes at most; send fewer.")
        except UsageError as error:
            return failure(400, str(error))
        except CollectorError as error:
            return failure(error.status, str(error))
        finally:
            self._waiting -= 1

    async def _take(self, keeper: Keeper, scope: Scope, receive: Receive) -> dict[str, Any]:
        found = asked.labels(await read(receive, asked.MOST_BYTES), not self._labels)
        strange = asked.unknown(found, self._labels) if self._labels else []
        said = await self._ask(f"{keeper.model.url}/labels", wire.labels(found))
        told = {"model": self._name, "kept": said["kept"], "matched": said["matched"]}
        return {**told, **({"unknown_labels": strange[:20]} if strange else {})}

    async def _tell(self, keeper: Keeper, scope: Scope, receive: Receive) -> Any:
        query = scope.get("query_string", b"").decode("latin-1")
        return await self._ask(f"{keeper.model.url}{query and '?'}{query}")

    async def _ask(self, url: str, body: bytes | None = None) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, url, body)


class KeptCollector(Collector):
    """How many rows were kept for feedback, and how many could not be."""

    def __init__(self, keeper: Keeper, name: str) -> None:
        self._keeper, self._own = keeper, [name, keeper.model.version]

    def describe(self) -> list[Metric]:
        """Return nothing: what there is to tell is only known when it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return both counters."""
        for name, about, count in (
            ("kept", "Rows that were kept for feedback", self._keeper.kept),
            (
                "dropped",
                "Rows that were not: the collector was away, or the id too long",
                self._keeper.dropped,
            ),
        ):
            family = CounterMetricFamily(f"kanarya_feedback_{name}", about, labels=OWN)
            family.add_metric(self._own, count)
            yield family
