"""A spec's training by several pods as a TrainJob of Kubeflow Trainer, with the runtime it needs.

Fields: https://www.kubeflow.org/docs/components/trainer/ (API trainer.kubeflow.org/v1alpha1). Its
own runtimes are for PyTorch, JAX and MPI. Ours asks for so many equal pods and nothing else (the
policy PlainML); JobSet gives each its number and a name, from which TensorFlow learns of the others
(`components.workers`). What a TrainJob may overrule of a runtime has changed with every release of
Trainer, so the pod is described in the runtime alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from components.image_models import parse
from components.workers import ADDRESSES
from pipelines import placing, trainjob_pod
from pipelines.images import Images
from pipelines.job_pod import HOME, LOCKED, NO_SIDECAR, SCRATCH, TMP
from pipelines.placing import CONFIG, FOLDERS, KEYS, MLFLOW, STORE, USER
from pipelines.pods_spec import ImagePods, resources, tolerations
from pipelines.spec import ImageSpec
from serving import storage
from serving.errors import UsageError

GROUP = "trainer.kubeflow.org"
NODE = "node"
"""What Trainer calls the Job and the container that train."""
PORT = 29500
"""The port that Trainer declares, and its network policy lets the pods use among themselves."""
STEP = {f"{GROUP}/trainjob-ancestor-step": "trainer"}
LABELS = {"app.kubernetes.io/part-of": "kanarya", "app.kubernetes.io/component": "trainjob"}
"""By which manifests/base/network knows the pods."""


@dataclass(frozen=True)
class Place:
    """Where a TrainJob runs, what it reads, and where its network goes.

    `claim` is a volume claim that every node can mount, with the split step's training part in
    `train/`; the first pod writes the trained network to `model/`. "": each pod reads what the
    spec's `data.uri` names and splits it, as the steps of a run do, on a disk of its own. The first
    pod copies the network to `network`, a gs:// or s3:// URI that `kanarya run SPEC --network` goes
    on from; "": it stays on the volume. `account`: the pods' ServiceAccount, by whose identity they
    may read data and write the network where they have no keys; "": the namespace's own.
    """

    namespace: str
    claim: str = ""
    network: str = ""
    account: str = ""


def manifests(spec: ImageSpec, place: Place) -> list[dict[str, Any]]:
    """Return a TrainingRuntime and the TrainJob that uses it.

    Raises `UsageError` for a spec that asks for one worker or names a network already, and without
    a claim for data that no pod can read and a network that nobody would keep.
    """
    _refuse_untrained(spec)
    if not place.claim:
        _refuse_lost(spec, place)
    return [_runtime(spec, place), _job(spec, place.namespace)]


def _refuse_untrained(spec: ImageSpec) -> None:
    if spec.model.workers == 1:
        raise UsageError(
            f"{spec.name} is trained by one worker, for which a pipeline run is enough; "
            "set model.workers to the pods that shall train together."
        )
    if spec.model.network:
        raise UsageError(
            f"{spec.name} takes the network at {spec.model.network}, so there is nothing to train; "
            "leave model.network out."
        )


def _refuse_lost(spec: ImageSpec, place: Place) -> None:
    """Refuse what only a volume could bring to the pods, or keep when they are gone."""
    if storage.local_path(spec.data.uri) is not None:
        raise UsageError(
            f"data.uri: {spec.data.uri} is on this machine, where no pod of a cluster can read it: "
            "name it with gs://, s3:// or http(s)://, or put the split step's part on a volume and "
            "name that with --claim."
        )
    if not place.network:
        raise UsageError(
            f"the network of {spec.name} would go with the pods that have trained it: name a "
            "bucket for it with --network, or a volume with --claim."
        )


def addresses(name: str, workers: int) -> list[str]:
    """Return where the pods of a TrainJob are: JobSet's names, in their own namespace."""
    return [f"{name}-{NODE}-0-{index}.{name}:{PORT}" for index in range(workers)]


def _name(spec: ImageSpec) -> str:
    return f"{spec.name}-train"


def _job(spec: ImageSpec, namespace: str) -> dict[str, Any]:
    runtime = {"apiGroup": GROUP, "kind": "TrainingRuntime", "name": _name(spec)}
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": _name(spec), "namespace": namespace},
        "spec": {"runtimeRef": runtime, "trainer": {"numNodes": spec.model.workers}},
    }


def _runtime(spec: ImageSpec, place: Place) -> dict[str, Any]:
    told = {"labels": LABELS, "annotations": NO_SIDECAR}
    pod = {"metadata": told, "spec": _pod(spec, place)}
    job = {"metadata": {"labels": STEP}, "spec": {"backoffLimit": 0, "template": pod}}
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "TrainingRuntime",
        "metadata": {"name": _name(spec), "namespace": place.namespace},
        "spec": {
            "mlPolicy": {"numNodes": spec.model.workers},
            "template": {"spec": {"replicatedJobs": [{"name": NODE, "template": job}]}},
        },
    }


def _pod(spec: ImageSpec, place: Place) -> dict[str, Any]:
    return {
        **({"serviceAccountName": place.account} if place.account else {}),
        **_nodes(spec.pods),
        "restartPolicy": "Never",  # the others would wait for one that begins anew
        "securityContext": {"fsGroup": USER},
        "containers": [_container(spec, place)],
        "volumes": [
            {"name": "data", **_volume(place.claim)},
            SCRATCH,
            {"name": "store", "secret": {"secretName": STORE, "optional": True}},
        ],
    }


def _nodes(pods: ImagePods) -> dict[str, Any]:
    """Return which nodes may train, where a spec says it."""
    found = {"nodeSelector": dict(pods.node_selector), "tolerations": tolerations(pods)}
    return {name: value for name, value in found.items() if value}


def _volume(claim: str) -> dict[str, Any]:
    return {"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": {}}


def _container(spec: ImageSpec, place: Place) -> dict[str, Any]:
    together = ",".join(addresses(_name(spec), spec.model.workers))
    return {
        "name": NODE,
        "image": Images.from_env().images,
        "command": ["python3", "-m", _program(place), *_words(spec, place)],
        "env": [
            {"name": ADDRESSES, "value": together},
            HOME,
            {"name": "KANARYA_HOME", "value": placing.HOME},
            *map(_key, KEYS[STORE]),
        ],
        "envFrom": [
            {"configMapRef": {"name": CONFIG, "optional": True}},
            {"secretRef": {"name": MLFLOW, "optional": True}},
        ],
        "ports": [{"containerPort": PORT}],
        "resources": resources(spec.pods),
        "securityContext": LOCKED,
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            TMP,
            {"name": "store", "mountPath": FOLDERS[STORE], "readOnly": True},
        ],
    }


def _key(name: str) -> dict[str, Any]:
    """Return the variable of a key to the store; a pod may have an identity of its own."""
    source = {"name": STORE, "key": name, "optional": True}
    return {"name": name, "valueFrom": {"secretKeyRef": source}}


def _program(place: Place) -> str:
    return "components.train" if place.claim else "pipelines.trainjob_pod"


def _words(spec: ImageSpec, place: Place) -> list[str]:
    options = {
        **({"--train": "/data/train"} if place.claim else trainjob_pod.options(spec, "/data")),
        "--model": "/data/model",
        "--name": spec.name,
        "--kind": spec.model.kind,
        "--run-key": _name(spec),
        "--random-state": str(spec.split.random_state),
    }
    options |= {"--publish": place.network} if place.network else {}
    settings = parse(spec.model.kind, spec.model.hyperparameters).model_dump()
    given = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    return [*(word for pair in options.items() for word in pair), *given]
