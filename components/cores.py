"""How many cores a model uses: one for small data, all of them for large."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

FORESTS = ("RandomForestClassifier", "RandomForestRegressor")
FOREST_ROWS = 20_000
"""From here on the trees of a forest are grown on all cores; below, starting threads costs more."""

OPENMP_ROWS = 100_000
"""From here on boosting uses all cores. Its threads wait for one another by spinning: on a machine
that is busy (predictors are serving), 43,000 rows take 4 times as long on two cores as on one."""


@contextmanager
def cores_for(pipeline: Pipeline, rows: int) -> Iterator[None]:
    """Let a pipeline that is fitted or asked inside use the cores that its rows are worth.

    Linear algebra always gets one: its matrices are narrow here, and ten times the time was spent
    on more. A forest answers on one core again once it is fitted: its threads would add up
    probabilities in any order, and the last bit of an answer would change from call to call.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    openmp = None if rows >= OPENMP_ROWS else 1
    with threadpool_limits(limits={"blas": 1, "openmp": openmp}), _forest(pipeline, rows):
        yield


@contextmanager
def _forest(pipeline: Pipeline, rows: int) -> Iterator[None]:
    model = pipeline.named_steps["model"]
    # Elsewhere scikit-learn keeps this parameter for old code only, and warns.
    unfitted = type(model).__name__ in FORESTS and not hasattr(model, "estimators_")
    if rows < FOREST_ROWS or not unfitted:
        yield
        return
    model.set_params(n_jobs=-1)
    try:
        yield
    finally:
        model.set_params(n_jobs=None)


def available() -> int:
    """Return how many cores this process may use: of its machine, or of its pod's limit."""
    from joblib import cpu_count

    return int(cpu_count())


def keep_to_one() -> None:
    """Let this process use one core from now on, whatever `cores_for` would give it."""
    from threadpoolctl import threadpool_limits

    os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # what a forest's n_jobs=-1 counts
    threadpool_limits(limits=1)


def share(processes: int) -> dict[str, str]:
    """Return the environment in which each of so many processes uses its part of the cores.

    `available` and a forest count by the first, boosting by the second; Keras and Polars have
    their own. Empty where one process may use them all.
    """
    if processes < 2:
        return {}
    cores = str(max(1, available() // processes))
    names = (
        "LOKY_MAX_CPU_COUNT",
        "OMP_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "POLARS_MAX_THREADS",
    )
    return dict.fromkeys(names, cores)
