"""What KServe's webhooks do to an InferenceService before it is stored: defaults, then rules.

The rules are KServe's, in its order, and after them what this control plane cannot do: better
refused at the door than accepted and never acted on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from serving.local.admission_canary import canary_here_rule, canary_rule
from serving.local.modes import DEPLOYMENT_MODE, MODES, RENAMED, STANDARD, asked_mode
from serving.local.objects import Object, metadata_of
from serving.local.schema import INFERENCE_SERVICE, LEGACY, type_faults
from serving.local.statuses import Denied, Invalid

WEBHOOK = 'admission webhook "inferenceservice.kserve-webhook-server.validator" denied the request'
GROUP = "serving.kserve.io"
AUTOSCALER_CLASS = f"{GROUP}/autoscalerClass"
DEFAULTS_TO_V2 = ("triton", "onnx", "huggingface")
NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
HPA = "hpa.autoscaling.knative.dev"

Rule = Callable[[Object, Object | None], Iterator[str]]


def admitted(isvc: Object, old: Object | None = None) -> Object:
    """Return the InferenceService with its defaults set. Raises Invalid or Denied.

    `old` is the stored object when this is an update.
    """
    check_types(isvc)
    ready = defaulted(isvc)
    for rule in RULES:
        for complaint in rule(ready, old):
            raise Denied(f"{WEBHOOK}: {complaint}")
    return ready


def check_types(isvc: Object) -> None:
    """Raise Invalid where a value has another type than the schema says."""
    faults = tuple(type_faults(INFERENCE_SERVICE, isvc))
    if faults:
        raise Invalid("InferenceService", str(metadata_of(isvc).get("name", "")), faults)


# -- defaults


def defaulted(isvc: Object) -> Object:
    """Return the InferenceService as the mutating webhook leaves it."""
    predictor = isvc["spec"]["predictor"]
    spec = {**isvc["spec"], "predictor": with_model(predictor)}
    return {**isvc, "metadata": with_mode(metadata_of(isvc)), "spec": spec}


def with_mode(metadata: Object) -> Object:
    """Return the metadata with today's name of the deployment mode."""
    annotations = metadata.get("annotations") or {}
    mode = annotations.get(DEPLOYMENT_MODE)
    if mode not in RENAMED:
        return metadata
    return {**metadata, "annotations": {**annotations, DEPLOYMENT_MODE: RENAMED[mode]}}


def with_model(predictor: Object) -> Object:
    """Return the predictor with an old framework field turned into `model`, which it replaces."""
    framework = next((name for name in LEGACY if name in predictor), None)
    if framework is None:
        return predictor
    rest = {key: value for key, value in predictor.items() if key != framework}
    version = {"protocolVersion": "v2"} if framework in DEFAULTS_TO_V2 else {}
    return {
        **rest,
        "model": {"modelFormat": {"name": framework}, **version, **predictor[framework]},
    }


# -- rules: each yields a complaint for everything that is wrong


def name_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Demand a name that can be part of a host name."""
    name = metadata_of(isvc).get("name", "")
    if not NAME.fullmatch(name):
        yield (
            f'the InferenceService "{name}" is invalid: a InferenceService name must consist of '
            "lower case alphanumeric characters or '-', and must start with alphabetical "
            f'character. (e.g. "my-name" or "abc-123", regex used for validation is '
            f"'{NAME.pattern}')"
        )


def autoscaler_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Demand an autoscaler that KServe knows."""
    given = annotations_of(isvc).get(AUTOSCALER_CLASS)
    if given not in (None, "hpa", "external", "keda", "none"):
        yield f"[{given}] is not a supported autoscaler class type"


def environment_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """No container changes where Python looks for modules."""
    name = metadata_of(isvc)["name"]
    for container in containers_of(predictor_of(isvc)):
        for entry in container.get("env") or []:
            if entry.get("name") == "PYTHONPATH":
                yield (
                    f'the InferenceService "{name}" is invalid: environment variable "PYTHONPATH" '
                    "is not allowed; put the modules into the image"
                )


def model_name_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Refuse a name for the model's container, which KServe names."""
    if (predictor_of(isvc).get("model") or {}).get("name"):
        yield "the 'name' field is not allowed in standard predictor"


def implementation_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """There is one thing that answers."""
    predictor = predictor_of(isvc)
    given = [key for key in ("model", *LEGACY, "containers") if predictor.get(key) is not None]
    if len(given) != 1:
        told = f"found {', '.join(given)}" if given else "found none"
        yield (
            f"Exactly one of [Custom, Model, {', '.join(LEGACY)}] must be specified in "
            f"PredictorSpec; {told}"
        )


def storage_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Demand one place for the model, or several that are named in full."""
    predictor = predictor_of(isvc)
    several = predictor.get("storageUris")
    if several and (predictor.get("model") or {}).get("storageUri"):
        yield "Setting both StorageURI and StorageURIs is not supported."
    for entry in several or []:
        path = str(entry.get("mountPath", "/mnt/models"))
        if not path.startswith("/") or ".." in path.split("/"):
            yield f'the mount path "{path}" of storageUris must be absolute, without ".."'


def replicas_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Numbers of replicas and of requests are possible ones."""
    predictor = predictor_of(isvc)
    low, high = predictor.get("minReplicas", 0), predictor.get("maxReplicas", 0)
    if low < 0:
        yield f"MinReplicas cannot be less than 0; it is {low}"
    if high < 0:
        yield f"MaxReplicas cannot be less than 0; it is {high}"
    if high and low > high:
        yield f"MinReplicas cannot be greater than MaxReplicas; they are {low} and {high}"
    if predictor.get("containerConcurrency", 0) < 0:
        yield f"Parallelism cannot be less than 0; it is {predictor['containerConcurrency']}"


def logger_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Demand that a logger logs requests, answers or both."""
    logged = predictor_of(isvc).get("logger")
    if logged is not None and logged.get("mode", "all") not in ("all", "request", "response"):
        yield f"Invalid logger type {logged.get('mode')!r}; use all, request or response"


def metric_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Scaling goes by what the autoscaler can see."""
    scaler = autoscaler_of(isvc)
    if scaler is None:
        return
    metric, target = predictor_of(isvc).get("scaleMetric"), predictor_of(isvc).get("scaleTarget")
    allowed = ("cpu", "memory") if scaler == "hpa" else ("concurrency", "rps")
    if metric is not None and metric not in allowed:
        yield f"[{metric}] is not a supported metric; use {' or '.join(allowed)}"
    if scaler == "hpa" and target is not None and not 1 <= target <= 100:
        yield f"the target utilization percentage should be a [1-100] integer; it is {target}"


def autoscaler_of(isvc: Object) -> str | None:
    """Return hpa (by pods), kpa (Knative's, by requests), or None where nothing is checked."""
    given = annotations_of(isvc)
    if asked_mode(isvc) == STANDARD:
        return "hpa" if given.get(AUTOSCALER_CLASS) == "hpa" else None
    return "hpa" if given.get("autoscaling.knative.dev/class") == HPA else "kpa"


def strategy_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Refuse a Deployment's strategy where there is no Deployment."""
    given = predictor_of(isvc).get("deploymentStrategy") is not None
    if given and asked_mode(isvc) != STANDARD:
        yield "deploymentStrategy is only supported in Standard deployment mode"


def mode_update_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Refuse to change the mode of a service that runs; without the annotation it stays."""
    was = ((old or {}).get("status") or {}).get("deploymentMode")
    wanted = asked_mode(isvc)
    if was and wanted and wanted != was:
        yield (
            f"update rejected: deploymentMode cannot be changed from '{was}' to '{wanted}'; "
            "delete the InferenceService and create it again"
        )


def rename_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Allow a new predictor name only with a new model: so a canary is promoted."""
    if old is None:
        return
    before, after = predictor_of(old), predictor_of(isvc)
    renamed = before.get("name", "") != after.get("name", "")
    if renamed and storage_of(before) == storage_of(after):
        yield "predictor.name change requires a model change (e.g. storageUri)"


def here_rule(isvc: Object, old: Object | None) -> Iterator[str]:
    """Refuse what this control plane would have to ignore."""
    mode = asked_mode(isvc)
    if mode is not None and mode not in MODES:
        yield (
            f'deploymentMode "{mode}" is not available on the local control plane; '
            f"use {' or '.join(MODES)}"
        )
    for part in ("transformer", "explainer"):
        if isvc["spec"].get(part) is not None:
            yield f"spec.{part} is not available on the local control plane; it runs predictors"
    if predictor_of(isvc).get("containers") is not None:
        yield (
            "spec.predictor.containers is not available on the local control plane, which runs no "
            "images; use spec.predictor.model"
        )


RULES: tuple[Rule, ...] = (
    mode_update_rule,
    name_rule,
    autoscaler_rule,
    environment_rule,
    model_name_rule,
    storage_rule,
    implementation_rule,
    replicas_rule,
    logger_rule,
    metric_rule,
    rename_rule,
    canary_rule,
    here_rule,
    canary_here_rule,
    strategy_rule,
)


def annotations_of(isvc: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the annotations."""
    return metadata_of(isvc).get("annotations") or {}


def predictor_of(isvc: Mapping[str, Any]) -> Object:
    """Return `spec.predictor`."""
    found: Object = isvc["spec"]["predictor"]
    return found


def storage_of(predictor: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return where the model is said to be."""
    return (predictor.get("model") or {}).get("storageUri"), predictor.get("storageUris")


def containers_of(predictor: Object) -> Iterator[Object]:
    """Yield everything that becomes a container."""
    worker = predictor.get("workerSpec") or {}
    yield predictor.get("model") or {}
    for holder in (predictor, worker):
        yield from holder.get("containers") or []
        yield from holder.get("initContainers") or []
