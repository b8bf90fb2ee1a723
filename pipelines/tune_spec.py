"""The tune part of a spec as the pipeline's parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components.tune.asked import Tune, check
from serving.errors import UsageError

UNTUNED: Mapping[str, Any] = {
    "tune_method": "",
    "tune_space": "{}",
    "tune_trials": 0,
    "tune_cv": 5,
    "tune_metric": "",
    "tune_pods": 4,
}


def tunable(tune: Tune, task: str, kind: str) -> Tune:
    """Return it where the kind has what is searched; raise `ValueError` otherwise."""
    try:
        check(tune, task, kind)
    except UsageError as error:
        raise ValueError(str(error)) from error
    return tune


def tune_arguments(tune: Tune | None) -> dict[str, Any]:
    """Return the pipeline's parameters; without a search their defaults."""
    if tune is None:
        return dict(UNTUNED)
    space = tune.model_dump(mode="json", by_alias=True)["space"]
    return {
        "tune_method": tune.method,
        # As text: kfp.local has no null, which is a value of many a hyperparameter.
        "tune_space": json.dumps(space),
        "tune_trials": tune.trials or 0,
        "tune_cv": tune.cv,
        "tune_metric": tune.metric or "",
        "tune_pods": tune.pods,
    }
