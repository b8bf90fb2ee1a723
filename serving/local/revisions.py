"""What makes a revision: the template of a predictor, and the object that keeps it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.errors import UsageError
from serving.local.knative import number
from serving.local.resources import INFERENCE_SERVICE_LABEL
from serving.storage import SHARED, local_path

JSON = dict[str, Any]

SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"
PREDICTOR = "kanarya.dev/predictor"
DEPLOYMENT = "kanarya.dev/deployment"
CONFIGURATION = "serving.knative.dev/configuration"
GENERATION = "serving.knative.dev/configurationGeneration"
MIN_SCALE = "autoscaling.knative.dev/min-scale"
MAX_SCALE = "autoscaling.knative.dev/max-scale"

# Fields of `spec.predictor.model` that are not fields of a container.
MODEL_FIELDS = frozenset(
    {"modelFormat", "runtime", "runtimeVersion", "protocolVersion", "storageUri", "storage", "name"}
)
# Fields of `spec.predictor` that live in the template's metadata, or in the traffic block.
METADATA_FIELDS = frozenset(
    {"model", "canaryTrafficPercent", "minReplicas", "maxReplicas", "labels", "annotations"}
)


@dataclass(frozen=True)
class RevisionSpec:
    """What a revision's process is started with."""

    namespace: str
    service: str
    revision: str
    storage_uri: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    model_dir: Path | None = None  # set once the model was fetched
    deployment: str = ""  # in Standard mode, where `revision` is the pod's name

    @property
    def key(self) -> str:
        """Return `namespace/revision`, the name under which the gateway knows it."""
        return f"{self.namespace}/{self.revision}"

    @property
    def known_as(self) -> str:
        """Return the name under which its answers are counted."""
        return self.deployment or self.revision


def predictor_name(service: str) -> str:
    """Return the name of the ksvc that belongs to an InferenceService."""
    return f"{service}-predictor"


def revision_name(service: str, generation: int) -> str:
    """Return the revision's name: `iris-predictor-00003`."""
    return f"{predictor_name(service)}-{generation:05d}"


def pruned(value: Any) -> Any:
    """Return the value without empty fields, as Go's `omitempty` would write it."""
    if isinstance(value, dict):
        fields = {key: pruned(inner) for key, inner in value.items()}
        return {key: inner for key, inner in fields.items() if inner not in (None, "", {}, [])}
    return [pruned(inner) for inner in value] if isinstance(value, list) else value


def refusal(predictor: Mapping[str, Any]) -> str | None:
    """Return the sentence that says why no revision can be made of this predictor, or None."""
    uri = _model(predictor).get("storageUri")
    if not uri:
        return "spec.predictor.model.storageUri is missing: name the model directory to serve."
    try:
        local = str(uri).startswith(SHARED) or local_path(str(uri)) is not None
    except UsageError as error:
        return str(error)
    if not local:
        return f'StorageURI "{uri}" is not supported: use file:///…, a path, gs://… or s3://….'
    for entry in _model(predictor).get("env") or []:
        if "valueFrom" in entry:
            return f"env {entry.get('name')} uses valueFrom: the local platform takes `value` only."
    return None


def percent_refusal(percent: object) -> str | None:
    """Return Knative's sentence for a percentage that no traffic block can hold, or None."""
    whole = isinstance(percent, int) and not isinstance(percent, bool)
    if percent is None or (whole and 0 <= int(str(percent)) <= 100):
        return None
    return (
        'admission webhook "validation.webhook.serving.knative.dev" denied the request: '
        f"expected 0 <= {percent} <= 100: spec.traffic[0].percent; "
        "set spec.predictor.canaryTrafficPercent to 0..100."
    )


def template_of(service: str, predictor: Mapping[str, Any]) -> JSON:
    """Return the pod template that KServe would make; two equal ones are one revision."""
    pod = pod_template(service, predictor, METADATA_FIELDS)
    scaling = {
        "autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev",
        MIN_SCALE: str(_either(predictor.get("minReplicas"), 1)),
    }
    if predictor.get("maxReplicas"):
        scaling[MAX_SCALE] = str(predictor["maxReplicas"])
    annotations = {**scaling, **pod["metadata"]["annotations"]}
    return {**pod, "metadata": {**pod["metadata"], "annotations": annotations}}


def pod_template(service: str, predictor: Mapping[str, Any], elsewhere: Collection[str]) -> JSON:
    """Return the part of a pod template that no mode adds to.

    `elsewhere` are the fields of the predictor that are no fields of a pod.
    """
    model = pruned(_model(predictor))
    annotations = {
        SOURCE: str(model.get("storageUri", "")),
        PREDICTOR: canonical({k: v for k, v in model.items() if k in MODEL_FIELDS}),
        **pruned(dict(predictor.get("annotations") or {})),
    }
    container = {k: v for k, v in model.items() if k not in MODEL_FIELDS}
    rest = {k: v for k, v in predictor.items() if k not in elsewhere}
    return {
        "metadata": {"labels": _labels(service, predictor), "annotations": annotations},
        "spec": {**pruned(rest), "containers": [{"name": "kserve-container", **container}]},
    }


def revision_object(ksvc: Mapping[str, Any], generation: int) -> JSON:
    """Return the Revision that a ksvc's present template makes."""
    metadata, template = ksvc["metadata"], ksvc["spec"]["template"]
    name, service = metadata["name"], metadata["labels"][INFERENCE_SERVICE_LABEL]
    labels = {
        **template["metadata"]["labels"],
        "serving.knative.dev/service": name,
        CONFIGURATION: name,
        GENERATION: str(generation),
    }
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Revision",
        "metadata": {
            "name": revision_name(service, generation),
            "namespace": metadata["namespace"],
            "labels": labels,
            "annotations": template["metadata"]["annotations"],
            "ownerReferences": [owner(ksvc)],
        },
        "spec": template["spec"],
    }


def made_of(revision: Mapping[str, Any], template: Mapping[str, Any]) -> bool:
    """Say whether a revision was made of exactly this template."""
    metadata, wanted = revision["metadata"], template["metadata"]
    labels = {key: metadata["labels"].get(key) for key in wanted["labels"]}
    made = (revision["spec"], metadata["annotations"], labels)
    return made == (template["spec"], wanted["annotations"], wanted["labels"])


def spec_of(revision: Mapping[str, Any]) -> RevisionSpec:
    """Return what to start for a stored Revision, or for a stored Pod of a Deployment."""
    metadata, container = revision["metadata"], revision["spec"]["containers"][0]
    return RevisionSpec(
        namespace=metadata["namespace"],
        service=metadata["labels"][INFERENCE_SERVICE_LABEL],
        revision=metadata["name"],
        deployment=metadata["labels"].get(DEPLOYMENT, ""),
        storage_uri=metadata["annotations"][SOURCE],
        args=tuple(str(arg) for arg in container.get("args", ())),
        env=tuple(_environment(container)),
    )


def owner(obj: Mapping[str, Any]) -> JSON:
    """Return the ownerReference that names an object as the controller of another."""
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": obj["metadata"]["name"],
        "uid": obj["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owned_by(obj: Mapping[str, Any], uid: str) -> bool:
    """Say whether the object belongs to the object of that uid."""
    return any(ref["uid"] == uid for ref in obj["metadata"].get("ownerReferences", ()))


def newest(revisions: Mapping[str, JSON]) -> str | None:
    """Return the name of the revision with the highest generation."""
    return max(revisions, key=number, default=None)


def _model(predictor: Mapping[str, Any]) -> Mapping[str, Any]:
    return predictor.get("model") or {}


def _either(value: object, default: object) -> object:
    return default if value is None else value


def canonical(value: object) -> str:
    """Return the value as JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _labels(service: str, predictor: Mapping[str, Any]) -> JSON:
    own = {INFERENCE_SERVICE_LABEL: service, "component": "predictor"}
    return {**(predictor.get("labels") or {}), **own}


def _environment(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in container.get("env", ()):
        yield str(entry["name"]), str(entry.get("value", ""))
