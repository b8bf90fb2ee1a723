"""What each operation does to a service in Standard mode: one table.

`v2:20 -:80` reads: the Deployment of the canary v2 gets 20 %, that of the stable predictor without
a name 80 %. A `?` behind a name is a canary that is not ready. `Ready` is the condition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STANDARD = {"serving.kserve.io/deploymentMode": "Standard"}
FIXED = {**STANDARD, "serving.kserve.io/autoscalerClass": "none"}


def predictor(uri: str, **more: Any) -> dict[str, Any]:
    return {"model": {"modelFormat": {"name": "onnx"}, "storageUri": f"file:///m/{uri}"}, **more}


def canary(name: str, percent: int, uri: str = "", **more: Any) -> dict[str, Any]:
    return {"trafficPercent": percent, "predictor": predictor(uri or name, name=name, **more)}


@dataclass(frozen=True)
class Spec:
    """A merge patch of the spec; the first one creates."""

    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Becomes:
    """What became of the process that serves a model."""

    uri: str
    phase: str = "ready"


@dataclass(frozen=True)
class Waits:
    """Time goes by."""

    seconds: float


@dataclass(frozen=True)
class Expect:
    """What is to be seen once everything has come to rest.

    `serves` is the model behind each Deployment, `replicas` their numbers in the same order.
    """

    route: str
    serves: str
    replicas: str = "1"
    canaries: str = ""
    condition: str = ""
    ready: str = "True"


@dataclass(frozen=True)
class Row:
    """Operations one after the other, and what is to be seen after each."""

    title: str
    steps: tuple[tuple[Spec | Becomes | Waits, Expect], ...]

    def __str__(self) -> str:
        return self.title


def spec(**fields: Any) -> Spec:
    return Spec(fields)


NOT_YET, ALL, STOPPED = "CanariesNotReady", "AllCanariesReady", "Stopped"
MADE = (spec(predictor=predictor("m1")), Expect("", "-=m1", ready="False"))
LIVE = (MADE, (Becomes("m1"), Expect("-:100", "-=m1")))
CANARY = (
    *LIVE,
    (
        spec(canary=[canary("v2", 20)]),
        Expect("-:100", "-=m1 v2=v2", "1 1", "v2?:20", NOT_YET),
    ),
    (Becomes("v2"), Expect("-:80 v2:20", "-=m1 v2=v2", "1 1", "v2:20", ALL)),
)
PROMOTED = (
    *CANARY,
    (spec(predictor=predictor("v2", name="v2"), canary=[]), Expect("v2:100", "v2=v2")),
)
FOUR = (
    (spec(predictor=predictor("m1", minReplicas=4)), Expect("", "-=m1", "4", ready="False")),
    (Becomes("m1"), Expect("-:100", "-=m1", "4")),
)

ROWS = (
    Row("a first version is not Ready before it answers", LIVE),
    Row("a canary gets its share when it is ready, and Ready does not wait", CANARY),
    Row(
        "a greater share, and everything",
        (
            *CANARY,
            (
                spec(canary=[canary("v2", 50)]),
                Expect("-:50 v2:50", "-=m1 v2=v2", "1 1", "v2:50", ALL),
            ),
            (
                spec(canary=[canary("v2", 100)]),
                Expect("-:0 v2:100", "-=m1 v2=v2", "1 1", "v2:100", ALL),
            ),
        ),
    ),
    Row("promoted in one patch", PROMOTED),
    Row(
        "the next canary after a promotion",
        (
            *PROMOTED,
            (
                spec(canary=[canary("v3", 10)]),
                Expect("v2:100", "v2=v2 v3=v3", "1 1", "v3?:10", NOT_YET),
            ),
            (Becomes("v3"), Expect("v2:90 v3:10", "v2=v2 v3=v3", "1 1", "v3:10", ALL)),
        ),
    ),
    Row("rolled back", (*CANARY, (spec(canary=[]), Expect("-:100", "-=m1")))),
    Row(
        "a dark launch without a replica never becomes ready",
        (
            *LIVE,
            (
                spec(canary=[canary("v2", 0)]),
                Expect("-:100", "-=m1 v2=", "1 0", "v2?:0", NOT_YET),
            ),
        ),
    ),
    Row(
        "a dark launch with a replica is ready and gets nothing",
        (
            *LIVE,
            (
                spec(canary=[canary("v2", 0, minReplicas=1)]),
                Expect("-:100", "-=m1 v2=v2", "1 1", "v2?:0", NOT_YET),
            ),
            (Becomes("v2"), Expect("-:100 v2:0", "-=m1 v2=v2", "1 1", "v2:0", ALL)),
        ),
    ),
    Row(
        "a canary that never loads gets nothing and says nothing",
        (
            *CANARY[:3],
            (Becomes("v2", "failed"), Expect("-:100", "-=m1 v2=v2", "1 1", "v2?:20", NOT_YET)),
            (Waits(700), Expect("-:100", "-=m1 v2=v2", "1 1", "v2?:20", NOT_YET)),
        ),
    ),
    Row(
        "a canary that crashes is left out until it is back",
        (
            *CANARY,
            (Becomes("v2", "crashed"), Expect("-:100", "-=m1 v2=v2", "1 1", "v2?:20", NOT_YET)),
            (Becomes("v2"), Expect("-:80 v2:20", "-=m1 v2=v2", "1 1", "v2:20", ALL)),
        ),
    ),
    Row(
        "two canaries, one of them ready",
        (
            *CANARY,
            (
                spec(canary=[canary("v2", 20), canary("v3", 30)]),
                Expect("-:80 v2:20", "-=m1 v2=v2 v3=v3", "1 1 1", "v2:20 v3?:30", NOT_YET),
            ),
            (
                Becomes("v3"),
                Expect("-:50 v2:20 v3:30", "-=m1 v2=v2 v3=v3", "1 1 1", "v2:20 v3:30", ALL),
            ),
            (
                spec(canary=[canary("v3", 30)]),
                Expect("-:70 v3:30", "-=m1 v3=v3", "1 1", "v3:30", ALL),
            ),
        ),
    ),
    Row(
        "another model of the canary is a rolling update of the canary",
        (
            *CANARY,
            (
                spec(canary=[canary("v2", 20, "v2b")]),
                Expect("-:80 v2:20", "-=m1 v2=v2", "1 1", "v2:20", ALL),
            ),
            (Becomes("v2b"), Expect("-:80 v2:20", "-=m1 v2=v2b", "1 1", "v2:20", ALL)),
        ),
    ),
    Row(
        "another model of the stable one is a rolling update, and Ready stays True",
        (
            *LIVE,
            (spec(predictor=predictor("m2")), Expect("-:100", "-=m1")),
            (Becomes("m2"), Expect("-:100", "-=m2")),
        ),
    ),
    Row(
        "a rolling update that is stuck turns Ready False after ten minutes; the old one serves",
        (
            *LIVE,
            (spec(predictor=predictor("m2")), Expect("-:100", "-=m1")),
            (Becomes("m2", "failed"), Expect("-:100", "-=m1")),
            (Waits(599), Expect("-:100", "-=m1")),
            (Waits(1), Expect("-:100", "-=m1", ready="False")),
            (spec(predictor=predictor("m1")), Expect("-:100", "-=m1")),
        ),
    ),
    Row(
        "a stable one that crashes is not Ready, and its route stays",
        (
            *CANARY,
            (
                Becomes("m1", "crashed"),
                Expect("-:80 v2:20", "-=m1 v2=v2", "1 1", "v2:20", ALL, "False"),
            ),
            (
                spec(canary=[canary("v2", 50)]),
                Expect("-:80 v2:20", "-=m1 v2=v2", "1 1", "v2:50", ALL, "False"),
            ),
            (Becomes("m1"), Expect("-:50 v2:50", "-=m1 v2=v2", "1 1", "v2:50", ALL)),
        ),
    ),
    Row(
        "promoted before it was ready: nobody serves until it is",
        (
            *CANARY[:3],
            (
                spec(predictor=predictor("v2", name="v2"), canary=[]),
                Expect("-:100", "v2=v2", ready="False"),
            ),
            (Becomes("v2"), Expect("v2:100", "v2=v2")),
        ),
    ),
    Row(
        "replicas: a quarter of four, taken from the stable ones once it is ready",
        (
            *FOUR,
            (
                spec(canary=[canary("v2", 25)]),
                Expect("-:100", "-=m1 v2=v2", "4 1", "v2?:25", NOT_YET),
            ),
            (Becomes("v2"), Expect("-:75 v2:25", "-=m1 v2=v2", "3 1", "v2:25", ALL)),
            (
                spec(canary=[canary("v2", 50)]),
                Expect("-:50 v2:50", "-=m1 v2=v2", "2 2", "v2:50", ALL),
            ),
            (
                spec(canary=[canary("v2", 100)]),
                Expect("-:0 v2:100", "-=m1 v2=v2", "1 4", "v2:100", ALL),
            ),
            (spec(canary=[]), Expect("-:100", "-=m1", "4")),
        ),
    ),
    Row(
        "canaryTrafficPercent is ignored",
        (
            *LIVE,
            (spec(predictor={"canaryTrafficPercent": 10}), Expect("-:100", "-=m1")),
        ),
    ),
)
