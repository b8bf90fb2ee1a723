"""Which pod every step gets on a cluster: how much, how long, which secrets, tried again or not.

KFP tries a step again whatever it failed of (Argo's OnFailure; its launcher turns every exit code
into 1), so only steps that do not refuse data or models are: a table with an error in it would be
read three times, with minutes in between, to say the same sentence three times. Those that are can
be repeated without harm: a run is found again, a tag is written twice. A lost node is another
matter, KFP does not try again after one; "Retry" in its UI goes on where the run stopped.
"""

from __future__ import annotations

from kfp import dsl

from pipelines.placing import LIGHT, MLFLOW, SIGNING, STORE, Pod, Size

DAY_S = 24 * 3600
KEPT = dsl.PipelineConfig(ttl_seconds_after_success=2 * DAY_S, ttl_seconds_after_failure=14 * DAY_S)
"""How long the workflow and its pods stay; the run and its artifacts stay with KFP and MLflow."""

LITTLE = Pod(LIGHT, secrets=(), cached=True)
# It adds to the MLflow run.
RECORDING = Pod(LIGHT)
REJECTING = Pod(LIGHT, retries=2)
CLOSING = Pod(LIGHT, retries=2)
# Two runs that register at once take the same number; the one that comes late takes the next.
REGISTERING = Pod(LIGHT, secrets=(MLFLOW, STORE, SIGNING), retries=2)
# It ends itself after what its policy adds up to; this is for a process that does not even do that.
# It is not tried again: the traffic stays as it is, and a person looks at it.
ROLLING_OUT = Pod(LIGHT, hours=30 * 24, secrets=(MLFLOW, STORE))

# Every look is a record of its own.
WATCHING = Pod(LIGHT, secrets=(MLFLOW, STORE))


def reading(size: Size) -> Pod:
    """Return the pod of ingest; an address is not what is behind it, so no cache answers."""
    return Pod(size, hours=6, secrets=(STORE,), scratch="50Gi")


def computing(size: Size) -> Pod:
    """Return the pod of a step that makes artifacts of artifacts, and nothing else."""
    return Pod(size, hours=4, secrets=(), scratch="20Gi", cached=True)


def asking(size: Size) -> Pod:
    """Return the pod of a step that asks which version serves now."""
    return Pod(size, hours=4, secrets=(MLFLOW, STORE), scratch="20Gi")


def comparing(size: Size) -> Pod:
    """Return the pod of evaluate, which fetches the champion and refuses nothing."""
    return Pod(size, hours=4, secrets=(MLFLOW, STORE), scratch="20Gi", retries=2)


def training(size: Size) -> Pod:
    """Return the pod of train: it opens the MLflow run, a cached answer would name an old one."""
    return Pod(size, hours=48, scratch="20Gi")


def training_images(size: Size) -> Pod:
    """Return the pod that trains a network, or fetches one that was trained elsewhere."""
    return Pod(size, hours=48, secrets=(MLFLOW, STORE), scratch="20Gi")


def measuring(size: Size) -> Pod:
    """Return the pod that measures trials; one that cannot be trained is a result, no failure."""
    return Pod(size, hours=24, secrets=(), retries=2, cached=True)


def trying(size: Size) -> Pod:
    """Return the pod of servability, which serves the model and measures it."""
    return Pod(size)
