"""How many pods a Deployment of Standard mode has, and which of them answer, by tables."""

from __future__ import annotations

from typing import Any

import pytest

from serving.local.observed import READY, STARTING, Observed, Phase
from serving.local.rolling import Pods, rolled
from serving.local.standard import canary_replicas, stable_replicas
from tests.serving.local.a6_rows import (
    FIXED,
    canary,
    predictor,
)
from tests.serving.local.fake_cluster import CRASHED, FAILED


# the rows of KServe's TestAdjustStableMinReplicasForCanaries and of its canaryReplicaCount
@pytest.mark.parametrize(
    ("stable", "entries", "ready", "counts", "left"),
    [
        (4, [(25, None)], ["c0"], [1], 3),
        (4, [(25, None)], [], [1], 4),
        (4, [(26, None)], ["c0"], [2], 2),
        (4, [(50, 1)], ["c0"], [1], 3),
        (4, [(25, None), (25, None)], ["c0", "c1"], [1, 1], 2),
        (4, [(25, None), (25, None)], ["c1"], [1, 1], 3),
        (1, [(20, None)], ["c0"], [1], 1),
        (2, [(100, None)], ["c0"], [2], 1),
        (None, [(20, None)], ["c0"], [1], 1),
        (None, [(0, None)], [], [0], 1),
        (3, [(1, None)], ["c0"], [1], 2),
        (3, [(0, 1)], ["c0"], [1], 2),
    ],
)
def test_replicas(
    stable: int | None, entries: list[Any], ready: list[str], counts: list[int], left: int
) -> None:
    shares = [
        canary(f"c{n}", percent, **({} if own is None else {"minReplicas": own}))
        for n, (percent, own) in enumerate(entries)
    ]
    own = {} if stable is None else {"minReplicas": stable}
    isvc = {"metadata": {}, "spec": {"predictor": predictor("m1", **own), "canary": shares}}
    assert [canary_replicas(isvc, number) for number in range(len(shares))] == counts
    assert stable_replicas(isvc, ready) == left


@pytest.mark.parametrize(("annotations", "left"), [({}, 1), (FIXED, 0)])
def test_no_replica_at_all_is_possible_without_an_autoscaler_only(
    annotations: dict[str, str], left: int
) -> None:
    spec = {"predictor": predictor("m1", minReplicas=0)}
    assert stable_replicas({"metadata": {"annotations": annotations}, "spec": spec}, ()) == left


UNHEALTHY = Observed(Phase.UNHEALTHY)


@pytest.mark.parametrize(
    ("newest", "older", "seen", "pods"),
    [
        (None, ["a"], {"a": READY}, Pods()),
        ("b", [], {"b": STARTING}, Pods("b")),
        ("b", ["a"], {"a": READY, "b": STARTING}, Pods("b", "a")),
        ("b", ["a"], {"a": READY, "b": READY}, Pods("b")),
        ("b", ["a"], {}, Pods("b", "a")),
        ("c", ["a", "b"], {"a": READY, "b": FAILED, "c": STARTING}, Pods("c", "a")),
        ("c", ["a", "b"], {"a": READY, "b": READY, "c": STARTING}, Pods("c", "b")),
        ("c", ["a", "b"], {"a": CRASHED, "b": STARTING, "c": FAILED}, Pods("c", "a")),
        ("c", ["a", "b"], {"a": FAILED, "b": STARTING, "c": FAILED}, Pods("c", "b")),
    ],
)
def test_an_older_pod_stands_in_until_the_newest_is_ready(
    newest: str | None, older: list[str], seen: dict[str, Observed], pods: Pods
) -> None:
    assert rolled(newest, older, seen) == pods
    assert rolled(newest, older, seen, recreated=True) == Pods(newest)
