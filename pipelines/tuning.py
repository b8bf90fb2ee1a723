"""Tuning as a part of a graph: draw the trials, measure them side by side, choose; or go without.

A loop's pods each measure some of the trials, on the cores that they have. On one machine the loop
has one round (`pipelines.local` sees to it): a second would take the same cores again. kfp.local
knows a branch by one comparison only, so the condition is that of two strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kfp import dsl

from components.tune.component import choose_trial, draw_trials, go_untuned, measure_trials
from pipelines import pods
from pipelines.placing import Size, placed


def tuned(
    rows: Any,
    search: Mapping[str, Any],
    model: Mapping[str, Any],
    run: Mapping[str, Any],
    size: Size,
) -> Any:
    """Add tuning to the pipeline that is being made; return what `train` takes as `chosen`.

    `rows`: the training part; `search`: the parameters of `components.tune.asked.Tune`; `model`:
    task, kind, hyperparameters, random_state; `run`: name, run_key, job; `size`: of each pod that
    measures.
    """
    with dsl.If(search["method"] != "", name="tuned"):
        drawn = draw_trials(**search, **model)
        placed(drawn, "Draw the trials", pods.LITTLE)
        with dsl.ParallelFor(drawn.output, name="side by side") as shard:
            measured = measure_trials(train=rows, shard=shard)
            placed(measured, "Measure trials", pods.measuring(size))
        best = choose_trial(measured=dsl.Collected(measured.output), **run)
        placed(best, "Choose the best", pods.RECORDING)
    with dsl.Else(name="untuned"):
        plain = go_untuned(hyperparameters=model["hyperparameters"])
        placed(plain, "Take the hyperparameters as given", pods.LITTLE)
    return dsl.OneOf(best.outputs["Output"], plain.outputs["Output"])
