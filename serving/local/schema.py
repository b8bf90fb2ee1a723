"""The InferenceService's fields as an OpenAPI schema: for `kubectl explain`, types, strictness."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from serving.local.statuses import Cause

Schema = dict[str, Any]

LEGACY = (
    "sklearn",
    "tensorflow",
    "xgboost",
    "pytorch",
    "triton",
    "onnx",
    "huggingface",
    "pmml",
    "lightgbm",
    "paddle",
)
NAME = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
POD_FIELDS = (  # noqa: SIM905 - 40 words read better than 40 lines
    "activeDeadlineSeconds affinity automountServiceAccountToken dnsConfig dnsPolicy "
    "enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers "
    "hostname hostnameOverride imagePullSecrets nodeName nodeSelector os overhead "
    "preemptionPolicy priority priorityClassName readinessGates resourceClaims resources "
    "restartPolicy runtimeClassName schedulerName schedulingGates securityContext serviceAccount "
    "serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain "
    "terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes"
).split()


def open_object(description: str, **properties: Schema) -> Schema:
    """Return a schema of an object that may have other fields too."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "x-kubernetes-preserve-unknown-fields": True,
    }


def closed_object(description: str, **properties: Schema) -> Schema:
    """Return a schema of an object that has no other fields: a strict request is refused."""
    return {"type": "object", "description": description, "properties": properties}


def text(description: str) -> Schema:
    """Return a schema of a text."""
    return {"type": "string", "description": description}


def whole(description: str) -> Schema:
    """Return a schema of a whole number."""
    return {"type": "integer", "format": "int64", "description": description}


def any_list(description: str, items: Schema | None = None) -> Schema:
    """Return a schema of a list of objects, of any objects if not told otherwise."""
    return {
        "type": "array",
        "description": description,
        "items": items or open_object("One entry."),
    }


CONTAINERS = any_list(
    "Containers of the pod.",
    open_object("One container.", env=any_list("Environment variables.")),
)


MODEL = open_object(
    "The model to serve; any field of a container may stand here too.",
    modelFormat={
        **open_object(
            "What kind of model it is.",
            name=text("Name of the format, such as sklearn, onnx or mlflow."),
            version=text("Version of the format."),
        ),
        "required": ["name"],
    },
    storageUri=text("Where the model directory is: file:///path, gs://… or s3://bucket/path."),
    protocolVersion=text("Protocol of the predictor: v1 or v2."),
    runtime=text("Name of the serving runtime."),
    runtimeVersion=text("Version of the serving runtime."),
    storage=open_object("A place that is described by key and path instead of a URI."),
    name=text("Must stay empty."),
    args={"type": "array", "items": {"type": "string"}, "description": "Further arguments."},
    env=any_list("Environment variables."),
    resources=open_object("Requests and limits."),
)
MODEL["required"] = ["modelFormat"]

PREDICTOR = closed_object(
    "The component that answers predictions.",
    model=MODEL,
    canaryTrafficPercent=whole(
        "Share of the traffic, 0 to 100, that goes to the newest revision; the rest goes to the "
        "revision that was rolled out last. Change it together with storageUri; 0 rolls back; "
        "100, or leaving it out, promotes."
    ),
    minReplicas=whole("Fewest replicas."),
    maxReplicas=whole("Most replicas; 0 is unlimited."),
    containerConcurrency=whole("Requests that one replica answers at a time; 0 is unlimited."),
    timeout=whole("Seconds until a request is given up."),
    scaleTarget=whole("The value of scaleMetric that one replica should see."),
    scaleMetric=text("concurrency or rps."),
    scaleMetricType=text("Utilization, AverageValue or Value."),
    autoScaling=open_object("Autoscaling in detail."),
    logger=open_object("Where requests and answers are logged."),
    batcher=open_object("How requests are put together."),
    labels=open_object("Labels of the pods."),
    annotations=open_object("Annotations of the pods."),
    deploymentStrategy=open_object("Only in Standard mode."),
    name={
        **text("Name of the predictor; in Standard mode part of its Deployment's name."),
        "pattern": NAME,
    },
    storageUris=any_list("Several places; not together with storageUri."),
    storageContainerName=text("Name of the container that fetches the model."),
    workerSpec=open_object(
        "Several nodes for one model.", containers=CONTAINERS, initContainers=CONTAINERS
    ),
    **{name: open_object(f"Old way to write a {name} model: becomes `model`.") for name in LEGACY},
    **{name: {"description": "As in a Pod."} for name in POD_FIELDS},
    **dict.fromkeys(("containers", "initContainers"), CONTAINERS),
)
CANARY = closed_object(
    "A predictor that gets a share of the traffic beside the stable one.",
    predictor={
        **PREDICTOR,
        "description": "What differs from the stable predictor, and its name.",
    },
    trafficPercent={
        **whole("Its share, 0 to 100; 0 needs minReplicas: 1 to run at all."),
        "format": "int32",
        "minimum": 0,
        "maximum": 100,
    },
)
CANARY["required"] = ["predictor", "trafficPercent"]
CONDITION = open_object("One condition.", type=text("Its name."), status=text("True or False."))
CONDITION["required"] = ["type", "status"]
ROLLED_OUT = open_object(
    "Which revisions there are.",
    latestRolledoutRevision=text("The stable one."),
    previousRolledoutRevision=text("The one before it."),
)
STATUS = open_object(
    "What is the case; written by the controller.",
    conditions=any_list("What is ready.", CONDITION),
    components=open_object("By component.", predictor=ROLLED_OUT),
    modelStatus=open_object(
        "How the model is.",
        states=open_object("Of the old model and of the new one."),
        lastFailureInfo=open_object("Why it did not load."),
    ),
    deploymentMode=text("Knative or Standard."),
)
INFERENCE_SERVICE = closed_object(
    "A model that answers requests, with its rollout.",
    apiVersion=text("serving.kserve.io/v1beta1"),
    kind=text("InferenceService"),
    metadata=open_object("Name, namespace, labels, annotations."),
    spec={
        **closed_object(
            "What is wanted.",
            predictor=PREDICTOR,
            transformer=open_object("Changes requests and answers."),
            explainer=open_object("Explains predictions."),
            canary=any_list("Canaries of Standard mode.", CANARY),
        ),
        "required": ["predictor"],
    },
    status=STATUS,
)
INFERENCE_SERVICE["required"] = ["spec"]

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
}


def type_faults(schema: Schema, value: Any, at: str = "") -> Iterator[Cause]:
    """Yield each place where `value` has another type than the schema says, or lacks a field."""
    wanted = schema.get("type")
    if wanted and (not isinstance(value, TYPES[wanted]) or isinstance(value, bool)):
        given = json_type(value)
        yield Cause(
            at,
            f'Invalid value: "{given}": {at} in body must be of type {wanted}: "{given}"',
            "FieldValueTypeInvalid",
        )
        return
    yield from value_faults(schema, value, at)
    for key in schema.get("required", ()):
        if key not in value:
            yield Cause(joined(at, key), "Required value", "FieldValueRequired")
    for key, below in schema.get("properties", {}).items():
        if key in value:
            yield from type_faults(below, value[key], joined(at, key))
    if wanted == "array":
        for index, item in enumerate(value):
            yield from type_faults(schema["items"], item, f"{at}[{index}]")


def value_faults(schema: Schema, value: Any, at: str) -> Iterator[Cause]:
    """Yield what is wrong with a value of the right type: out of bounds, or spelt differently."""
    said = f"Invalid value: {json.dumps(value)}: {at} in body should"
    if "minimum" in schema and value < schema["minimum"]:
        bound = f"be greater than or equal to {schema['minimum']}"
        yield Cause(at, f"{said} {bound}", "FieldValueInvalid")
    if "maximum" in schema and value > schema["maximum"]:
        bound = f"be less than or equal to {schema['maximum']}"
        yield Cause(at, f"{said} {bound}", "FieldValueInvalid")
    if "pattern" in schema and value and not re.fullmatch(schema["pattern"], value):
        yield Cause(at, f"{said} match '{schema['pattern']}'", "FieldValueInvalid")


def unknown_fields(schema: Schema, value: Any, at: str = "") -> Iterator[str]:
    """Yield the path of each field that the schema does not have, where it is closed."""
    properties = schema.get("properties")
    if not properties or not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key in properties:
            yield from unknown_fields(properties[key], inner, joined(at, key))
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield joined(at, key)


def joined(above: str, key: str) -> str:
    """Return a dotted path."""
    return f"{above}.{key}" if above else key


def json_type(value: Any) -> str:
    """Return JSON's name for the type of a value."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "integer" if isinstance(value, int) else "number")
