"""From a space to trials, the same ones for the same seed."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from components.tune.asked import USUAL_TRIALS, Range, Tune, is_whole, typed

Drawn = dict[str, Any]
Draw = Callable[[random.Random], Any]
PATIENCE = 100
"""Draws per trial before a space counts as used up."""


def drawn(tune: Tune, task: str, kind: str, seed: int) -> tuple[Drawn, ...]:
    """Return the hyperparameters of each trial, none of them twice.

    Of a space with fewer combinations than trials: all of them.
    """
    listed = {
        name: _distinct([typed(task, kind, name, value) for value in each])
        for name, each in tune.space.items()
        if isinstance(each, list)
    }
    wanted = tune.trials or USUAL_TRIALS
    few = len(listed) == len(tune.space) and prod(map(len, listed.values())) <= wanted
    if few or tune.method == "grid":
        chosen = itertools.product(*listed.values())
        return tuple(dict(zip(listed, each, strict=True)) for each in chosen)
    ranges = {
        name: _draw(each, is_whole(each, task, kind, name))
        for name, each in tune.space.items()
        if isinstance(each, Range)
    }
    draws = {name: ranges.get(name) or _pick(listed[name]) for name in tune.space}
    return _random(draws, wanted, random.Random(seed))


def _random(draws: Mapping[str, Draw], wanted: int, rng: random.Random) -> tuple[Drawn, ...]:
    found: dict[str, Drawn] = {}
    for _ in range(wanted * PATIENCE):
        one = {name: draw(rng) for name, draw in draws.items()}
        found.setdefault(_key(one), one)
        if len(found) == wanted:
            break
    return tuple(found.values())


def _pick(values: list[Any]) -> Draw:
    return lambda rng: rng.choice(values)


def _draw(range_: Range, whole: bool) -> Draw:
    # A whole number's part of the range reaches half a step to either side.
    margin = 0.5 if whole else 0.0
    low, high = range_.low - margin, range_.high + margin

    def number(rng: random.Random) -> int | float:
        if range_.log:
            value = math.exp(rng.uniform(math.log(low), math.log(high)))
        else:
            value = rng.uniform(low, high)
        held = min(max(value, range_.low), range_.high)
        # Six digits say it all, and are the same number wherever they are read again.
        return round(held) if whole else float(f"{held:.6g}")

    return number


def _distinct(values: list[Any]) -> list[Any]:
    return list({_key(value): value for value in values}.values())


def _key(value: object) -> str:
    return json.dumps(value, sort_keys=True)
