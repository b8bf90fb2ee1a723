"""A DAG for Airflow 3: start a pipeline run on Kubeflow, wait for its verdict, record it.

Airflow and Kubeflow's SDK pin different versions of the same libraries, so this file needs Airflow
alone and calls the command `kanarya` of another environment on the worker:

    KANARYA_COMMAND    that command, as in /opt/kanarya/.venv/bin/kanarya  (default: kanarya)
    KANARYA_SPEC       the spec of a run that names none
    KANARYA_SCHEDULE   when it runs by itself, as cron  (default: never)
    KFP_HOST, KANARYA_COMPONENTS_IMAGE, …   what `kanarya run --on cluster` reads

A promoted version is an event of the asset x-kanarya://models/NAME, on which other DAGs can wait.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, AssetAlias, Param, PokeReturnValue, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

WRONG = 2
"""The exit code of a command that would fail again: the spec, or how it is called."""
VERDICTS = (0, 3, 4, 5)
"""Exit codes of a run that came to a verdict: promoted or held, rejected, rolled back, conflict."""
UNDER_WAY = ("pending", "running", "paused", "canceling", "runtime_state_unspecified")
PROMOTED = AssetAlias("kanarya-promoted")


def kanarya(*words: str, good: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """Return what a command printed as JSON; where it failed, its sentence is the error."""
    command = [os.environ.get("KANARYA_COMMAND") or "kanarya", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode in good:
        found: dict[str, Any] = json.loads(done.stdout)
        return found
    said = (done.stderr.strip() or done.stdout.strip() or str(done.returncode)).splitlines()[-1]
    raise (AirflowFailException if done.returncode == WRONG else AirflowException)(said)


def run_name(*parts: str) -> str:
    """Return what a run is called in Kubeflow and in MLflow: the same for every try of a task."""
    return re.sub("[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def begun(name: str) -> dict[str, Any] | None:
    """Return the run of this name, None where there is none: a try before us may have begun it."""
    try:
        return kanarya("runs", "show", name, "--on", "cluster")
    except AirflowException as error:
        if "there is no run" in str(error):
            return None
        raise


@task(retries=3, retry_delay=timedelta(minutes=1))
def submit() -> str:
    """Start the run, unless a try before has done so, and return its id."""
    context = get_current_context()
    params, name = context["params"], run_name(context["dag"].dag_id, context["run_id"])
    found = begun(name)
    if found is None:
        sets = [word for each in params["set"] for word in ("--set", each)]
        filed = ("--on", "cluster", "--run-name", name, "--detach")
        found = kanarya("run", params["spec"], *sets, *filed)
    print(f"{name}: {found['page']}")
    return str(found["run_id"])


@task.sensor(
    mode="reschedule",  # no worker waits with it
    poke_interval=30,
    timeout=timedelta(days=1).total_seconds(),
    retries=5,
    retry_delay=timedelta(minutes=1),
)
def wait(started: str) -> PokeReturnValue:
    """Say whether the run has ended, and which it is."""
    found = kanarya("runs", "show", started, "--on", "cluster")
    known = {name: found[name] for name in ("run_id", "name", "page")}
    ended = found["outcome"] not in UNDER_WAY
    return PokeReturnValue(ended, {**known, "model": found["arguments"]["name"]})


@task(outlets=[PROMOTED], retries=3, retry_delay=timedelta(minutes=1))
def record(found: dict[str, Any], *, outlet_events: Any) -> dict[str, Any]:
    """Return run, verdict and model version; a promotion becomes an event of the model's asset."""
    verdict = kanarya("runs", "watch", found["run_id"], good=VERDICTS)
    told = {
        "model": found["model"],
        "version": verdict["version"],
        "outcome": verdict["outcome"],
        "sentence": verdict["sentence"],
        "run": found["name"],
        "page": found["page"],
    }
    if told["outcome"] == "promoted":
        model = Asset(f"kanarya-{told['model']}", uri=f"x-kanarya://models/{told['model']}")
        outlet_events[PROMOTED].add(model, extra=told)
    return told


@task
def judge(told: dict[str, Any]) -> None:
    """Let the DAG fail, with the reason, where no version was promoted or is held for a person."""
    if told["outcome"] not in ("promoted", "held"):
        raise AirflowFailException(f"{told['model']} was {told['outcome']}: {told['sentence']}")


@dag(
    schedule=os.environ.get("KANARYA_SCHEDULE") or None,
    catchup=False,
    max_active_runs=1,  # two rollouts of one model would only hinder each other
    params={
        "spec": Param(
            os.environ.get("KANARYA_SPEC") or "pipelines/specs/iris.yaml",
            type="string",
            description="The spec: a file that the worker can read.",
        ),
        "set": Param(
            [],
            type="array",
            items={"type": "string"},
            description="Values to change, as KEY=VALUE (model.kind=svm).",
        ),
    },
    tags=["kanarya", "kubeflow", "mlflow"],
)
def kanarya_pipeline() -> None:
    """From a data set to a live, watched model, by Kubeflow."""
    told = record(wait(submit()))
    judge(told)


kanarya_pipeline()
