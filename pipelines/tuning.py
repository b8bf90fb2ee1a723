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


def tuned(
    rows: Any, search: Mapping[str, Any], model: Mapping[str, Any], run: Mapping[str, Any]
) -> Any:
    """Add tuning to the pipeline that is being made; return what `train` takes as `chosen`.

    `rows`: the training part; `search`: the parameters of `components.tune.asked.Tune`; `model`:
    task, kind, hyperparameters, random_state; `run`: name, run_key, job.
    """
    with dsl.If(search["method"] != "", name="tuned"):
        drawn = draw_trials(**search, **model)
        drawn.set_display_name("Draw the trials")
        with dsl.ParallelFor(drawn.output, name="side by side") as shard:
            measured = measure_trials(train=rows, shard=shard)
            measured.set_display_name("Measure trials")
        best = choose_trial(measured=dsl.Collected(measured.output), **run)
        # It adds to the MLflow run.
        best.set_display_name("Choose the best").set_caching_options(False)
    with dsl.Else(name="untuned"):
        plain = go_untuned(hyperparameters=model["hyperparameters"])
        plain.set_display_name("Take the hyperparameters as given")
    return dsl.OneOf(best.outputs["Output"], plain.outputs["Output"])
