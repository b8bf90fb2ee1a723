"""The answer of Prometheus' HTTP API to one expression of `promql`, checked and sorted by pod."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from serving.rollout.sources.counters import Key, bound, whole
from serving.rollout.sources.folding import Pod, Reading
from serving.rollout.sources.promql import WINDOW_S, Dialect, Part

Place = tuple[str, str]
"""The job and the instance under which Prometheus scrapes something."""
Series = tuple[Mapping[str, str], float]
"""The labels and the value of a series."""

UNKNOWN_S = 60.0
"""Taken for the scrape interval where nothing was scraped twice yet; Prometheus' own default."""


@dataclass(frozen=True)
class Answer:
    """What Prometheus knew at the moment `at` of its own clock.

    interval_s   between two scrapes of a pod
    up           what was scraped with success, whether or not it had counters
    down         what could not be scraped the last time
    copied       pods that are scraped more than once
    """

    at: float
    pods: Mapping[Pod, Reading]
    interval_s: float
    up: Set[Place]
    down: Set[Place]
    copied: Set[str]


def read(body: bytes, dialect: Dialect) -> Answer:
    """Return the answer. Raises ValueError where it is none, or is only a part of one."""
    by_part: dict[str, list[Series]] = defaultdict(list)
    at = 0.0
    for labels, (moment, text) in _result(body):
        by_part[labels.get("part", "")].append((labels, float(text)))
        at = float(moment)
    places = {_place(labels): value for labels, value in by_part["up"]}
    most = max((value for _, value in by_part["samples"]), default=0.0)
    return Answer(
        at,
        _pods(by_part, dialect),
        WINDOW_S / most if most > 1 else UNKNOWN_S,
        {place for place, value in places.items() if value == 1},
        {place for place, value in places.items() if value == 0},
        {labels.get("pod", "") for labels, count in by_part["copies"] if count != 1},
    )


def _result(body: bytes) -> list[tuple[Mapping[str, str], tuple[float, str]]]:
    """Return the series, each with its labels and the moment and the text of its value."""
    try:
        said: Any = json.loads(body)
        if said["status"] != "success":
            raise ValueError(f"it says {said.get('error')!r:.80}")
        if said.get("warnings"):
            raise ValueError(f"it warns of {said['warnings'][0]!r:.80}")
        if said["data"]["resultType"] != "vector":
            raise KeyError
        return [(dict(line["metric"]), _sampled(line["value"])) for line in said["data"]["result"]]
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError("it is not what Prometheus answers") from error


def _sampled(value: list[Any]) -> tuple[float, str]:
    return float(value[0]), str(value[1])


def _pods(by_part: Mapping[str, list[Series]], dialect: Dialect) -> dict[Pod, Reading]:
    counted: dict[Pod, dict[Key, int]] = defaultdict(dict)
    for part in dialect.parts:
        for labels, value in by_part.get(part.name, ()):
            pod, key = _pod(labels), _key(part, labels)
            if key in counted[pod]:
                raise ValueError(f"{part.metric} of {pod.name} is in it twice")
            counted[pod][key] = whole(value, part.metric)
    born = {_whose(labels): value for labels, value in by_part.get("born", ())}
    return {
        pod: Reading(at, counted[pod], max(born.get(pod[2:], 0.0), born.get((pod.name,), 0.0)))
        for pod, at in ((_pod(labels), at) for labels, at in by_part.get("at", ()))
        if math.isfinite(at)
    }


def _key(part: Part, labels: Mapping[str, str]) -> Key:
    word = labels.get(part.label, "")
    return part.name, bound(word, part.scale) if part.label == "le" else word


def _pod(labels: Mapping[str, str]) -> Pod:
    return Pod(labels.get("revision", ""), labels.get("pod", ""), *_place(labels))


def _place(labels: Mapping[str, str]) -> Place:
    return labels.get("job", ""), labels.get("instance", "")


def _whose(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the place of a process, or the name of a pod."""
    return (labels["pod"],) if "pod" in labels else _place(labels)
