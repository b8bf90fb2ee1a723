"""A spec's search as an Experiment of Katib, for clusters that have it.

Fields: https://www.kubeflow.org/docs/components/katib/ (API kubeflow.org/v1beta1). Every trial is a
Job of our image that measures one combination by the same cross-validation and prints
`metric=value`, which Katib's StdOut collector reads. Katib puts values into the JSON of that Job as
they are, and hands its command to a shell, with the words joined by blanks unless it is one for a
shell already (katib: manifest/generator.go, webhook/v1beta1/pod/utils.go).
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from components.metrics import LOWER_IS_BETTER
from components.tune.asked import USUAL_TRIALS, Range, Tune, is_whole, metric, typed
from pipelines.images import Images
from pipelines.job_pod import HOME, LOCKED, NO_SIDECAR, SCRATCH, TMP
from pipelines.pods_spec import resources
from pipelines.spec import Spec
from serving.errors import UsageError

LABELS = {"app.kubernetes.io/name": "kanarya-trial"}
"""By which manifests/base/network knows the pods."""


def experiment(spec: Spec, namespace: str, claim: str) -> dict[str, Any]:
    """Return the manifest; `claim` is the volume claim with the training part in `train/`.

    Raises `UsageError` for a spec without a search, and for halving, which Katib does not have.
    """
    tune = _search(spec)
    measured = metric(tune, spec.task)
    names = list(tune.space)
    return {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": f"{spec.name}-tune", "namespace": namespace},
        "spec": {
            "objective": {
                "type": "minimize" if measured in LOWER_IS_BETTER else "maximize",
                "objectiveMetricName": measured,
            },
            "algorithm": _algorithm(spec, tune),
            "parallelTrialCount": tune.pods,
            "maxTrialCount": _count(tune),
            # A combination that cannot be trained does not stop the others.
            "maxFailedTrialCount": _count(tune),
            "metricsCollectorSpec": {"collector": {"kind": "StdOut"}},
            "parameters": [_parameter(spec, tune, name) for name in names],
            "trialTemplate": _template(spec, tune, claim),
        },
    }


def _search(spec: Spec) -> Tune:
    if spec.tune is None:
        raise UsageError(f"{spec.name} has no tune section; add one, with a method and a space.")
    if spec.tune.method == "halving":
        raise UsageError("Katib has no successive halving; set tune.method to random or grid.")
    return spec.tune


def _count(tune: Tune) -> int:
    return tune.combinations() if tune.method == "grid" else tune.trials or USUAL_TRIALS


def _algorithm(spec: Spec, tune: Tune) -> dict[str, Any]:
    if tune.method == "grid":
        return {"algorithmName": "grid"}
    seed = {"name": "random_state", "value": str(spec.split.random_state)}
    return {"algorithmName": "random", "algorithmSettings": [seed]}


def _parameter(spec: Spec, tune: Tune, name: str) -> dict[str, Any]:
    searched = tune.space[name]
    if not isinstance(searched, Range):
        values = [typed(spec.task, spec.model.kind, name, value) for value in searched]
        listed = [_within_json(value) for value in values]
        return {"name": name, "parameterType": "categorical", "feasibleSpace": {"list": listed}}
    whole = is_whole(searched, spec.task, spec.model.kind, name)
    space = {"min": f"{searched.low:.12g}", "max": f"{searched.high:.12g}"}
    if searched.log:
        space["distribution"] = "logUniform"
    kind = "int" if whole else "double"
    return {"name": name, "parameterType": kind, "feasibleSpace": space}


def _within_json(value: object) -> str:
    """Return a value as JSON that can stand in a text of other JSON, within '' of a shell."""
    return json.dumps(json.dumps(value).replace("'", "\\u0027"))[1:-1]


def _template(spec: Spec, tune: Tune, claim: str) -> dict[str, Any]:
    fixed = {k: v for k, v in spec.model.hyperparameters.items() if k not in tune.space}
    places = {
        **{name: json.dumps(value) for name, value in fixed.items()},
        **{name: f"${{trialParameters.{name}}}" for name in tune.space},
    }
    options = {
        "--train": "/data/train",
        "--task": spec.task,
        "--kind": spec.model.kind,
        "--metric": metric(tune, spec.task),
        "--cv": str(tune.cv),
        "--random-state": str(spec.split.random_state),
    }
    command = ["python3", "-m", "components.tune", *(w for pair in options.items() for w in pair)]
    assigned = [f"{name}={value}" for name, value in places.items()]
    container = {
        "name": "trial",
        "image": Images.from_env().tabular,
        "command": ["sh", "-c", shlex.join([*command, *assigned])],
        "env": [HOME],
        "resources": resources(spec.pods),
        # Not the pod's: Katib puts a container of its own beside it.
        "securityContext": LOCKED,
        "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}, TMP],
    }
    return {
        "primaryContainerName": "trial",
        "trialParameters": [{"name": name, "reference": name} for name in tune.space],
        "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": _job(container, claim)},
    }


def _job(container: dict[str, Any], claim: str) -> dict[str, Any]:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
    pod = {"containers": [container], "restartPolicy": "Never", "volumes": [volume, SCRATCH]}
    told = {"labels": LABELS, "annotations": NO_SIDECAR}
    return {"template": {"metadata": told, "spec": pod}, "backoffLimit": 0}
