"""KServe's webhooks: rows of facts about its defaults and rules in Knative mode."""

import copy
from typing import Any

import pytest

from serving.local.admission import WEBHOOK, admitted, defaulted
from serving.local.statuses import Denied, Invalid

MODEL = {"modelFormat": {"name": "onnx"}, "storageUri": "file:///m/1"}
MODE = "serving.kserve.io/deploymentMode"
SCALER = "serving.kserve.io/autoscalerClass"
HPA = {"autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev"}


def isvc(
    name: str = "iris", annotations: dict[str, str] | None = None, **predictor: Any
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, **({"annotations": annotations} if annotations else {})},
        "spec": {"predictor": {"model": MODEL, **predictor}},
    }


def only(**predictor: Any) -> dict[str, Any]:
    return {"metadata": {"name": "iris"}, "spec": {"predictor": predictor}}


def spec(**parts: Any) -> dict[str, Any]:
    return {"metadata": {"name": "iris"}, "spec": {"predictor": {"model": MODEL}, **parts}}


def model(**fields: Any) -> dict[str, Any]:
    return isvc(model={**MODEL, **fields})


PYTHONPATH = [{"name": "PYTHONPATH", "value": "/x"}]


@pytest.mark.parametrize(
    "given",
    [
        isvc(),
        isvc("a"),
        isvc("a-1"),
        isvc(canaryTrafficPercent=0),
        isvc(canaryTrafficPercent=100),
        isvc(canaryTrafficPercent=150),  # KServe admits it, and so do we
        isvc(canaryTrafficPercent=-10),
        isvc(minReplicas=0, maxReplicas=0),
        isvc(minReplicas=2, maxReplicas=0),
        isvc(minReplicas=2, maxReplicas=2),
        isvc(containerConcurrency=0),
        isvc(scaleMetric="rps", scaleTarget=500),
        isvc(annotations=HPA, scaleMetric="cpu", scaleTarget=80),
        isvc(logger={"mode": "all", "url": "http://x"}),
        isvc(annotations={MODE: "Knative"}),
        isvc(annotations={SCALER: "none"}),
        model(name=""),  # KServe's client sends this
        model(env=[{"name": "OMP_NUM_THREADS", "value": "1"}]),
        only(sklearn={"storageUri": "file:///m"}),
        spec(canary=[]),
        isvc(model={"modelFormat": {"name": "onnx"}}, storageUris=[{"uri": "gs://x"}]),
    ],
)
def test_what_is_admitted(given: dict[str, Any]) -> None:
    before = copy.deepcopy(given)
    admitted(given)
    assert given == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (isvc("1a"), 'the InferenceService "1a" is invalid'),
        (isvc("a.b"), '"a.b" is invalid'),
        (isvc("A"), '"A" is invalid'),
        (isvc("a-"), '"a-" is invalid'),
        (isvc(annotations={SCALER: "magic"}), "[magic] is not a supported autoscaler class type"),
        (model(env=PYTHONPATH), '"PYTHONPATH" is not allowed'),
        (only(containers=[{"env": PYTHONPATH}]), '"PYTHONPATH" is not allowed'),
        (isvc(initContainers=[{"env": PYTHONPATH}]), '"PYTHONPATH" is not allowed'),
        (isvc(workerSpec={"containers": [{"env": PYTHONPATH}]}), '"PYTHONPATH" is not allowed'),
        (model(name="x"), "the 'name' field is not allowed in standard predictor"),
        (only(), "Exactly one of"),
        (only(sklearn={}, pytorch={}), "found model, pytorch"),
        (isvc(containers=[{}]), "found model, containers"),
        (isvc(minReplicas=-1), "MinReplicas cannot be less than 0; it is -1"),
        (isvc(maxReplicas=-1), "MaxReplicas cannot be less than 0; it is -1"),
        (
            isvc(minReplicas=3, maxReplicas=2),
            "cannot be greater than MaxReplicas; they are 3 and 2",
        ),
        (isvc(containerConcurrency=-1), "Parallelism cannot be less than 0"),
        (isvc(logger={"mode": "some"}), "Invalid logger type 'some'"),
        (isvc(scaleMetric="cpu"), "[cpu] is not a supported metric"),
        (isvc(annotations=HPA, scaleMetric="rps"), "[rps] is not a supported metric"),
        (isvc(annotations=HPA, scaleTarget=101), "should be a [1-100] integer; it is 101"),
        (isvc(deploymentStrategy={}), "deploymentStrategy is only supported in Standard"),
        (isvc(storageUris=[{"uri": "gs://x"}]), "Setting both StorageURI and StorageURIs"),
        (
            isvc(model={"modelFormat": {"name": "a"}}, storageUris=[{"mountPath": "/a/../b"}]),
            "/a/../b",
        ),
        (isvc(annotations={MODE: "ModelMesh"}), '"ModelMesh" is not available on the local'),
        (spec(transformer={}), "spec.transformer is not available"),
        (spec(explainer={}), "spec.explainer is not available"),
        (only(containers=[{}]), "spec.predictor.containers is not available"),
    ],
)
def test_what_is_denied(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Denied) as error:
        admitted(given)
    assert str(error.value).startswith(f"{WEBHOOK}: ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            {**isvc(), "status": {"deploymentMode": "Knative"}},
            isvc(annotations={MODE: "Standard"}),
            "cannot be changed from 'Knative' to 'Standard'",
        ),
        (isvc(name="v1"), isvc(name="v2"), ""),  # the object's name, not the predictor's
        (
            {**isvc(), "spec": {"predictor": {"model": MODEL, "name": "v1"}}},
            {**isvc(), "spec": {"predictor": {"model": MODEL, "name": "v2"}}},
            "requires a model change (e.g. storageUri)",
        ),
        (
            {**isvc(), "spec": {"predictor": {"model": MODEL, "name": "v1"}}},
            {
                **isvc(),
                "spec": {"predictor": {"model": {**MODEL, "storageUri": "x"}, "name": "v2"}},
            },
            "",
        ),
        ({**isvc(), "status": {"deploymentMode": "Knative"}}, isvc(minReplicas=1), ""),
    ],
)
def test_an_update(old: dict[str, Any], new: dict[str, Any], said: str) -> None:
    if not said:
        admitted(new, old)
        return
    with pytest.raises(Denied) as error:
        admitted(new, old)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("predictor", "expected"),
    [
        (
            {"sklearn": {"storageUri": "u", "runtimeVersion": "1"}, "minReplicas": 1},
            {
                "model": {
                    "modelFormat": {"name": "sklearn"},
                    "storageUri": "u",
                    "runtimeVersion": "1",
                },
                "minReplicas": 1,
            },
        ),
        (
            {"onnx": {"storageUri": "u"}},
            {
                "model": {
                    "modelFormat": {"name": "onnx"},
                    "protocolVersion": "v2",
                    "storageUri": "u",
                }
            },
        ),
        (
            {"triton": {"protocolVersion": "v1"}},
            {"model": {"modelFormat": {"name": "triton"}, "protocolVersion": "v1"}},
        ),
        # what a merge patch with an old field leaves: it replaces the whole model
        (
            {"tensorflow": {"storageUri": "new"}, "model": MODEL},
            {"model": {"modelFormat": {"name": "tensorflow"}, "storageUri": "new"}},
        ),
        ({"model": MODEL}, {"model": MODEL}),
    ],
)
def test_old_fields_become_a_model(predictor: dict[str, Any], expected: dict[str, Any]) -> None:
    assert defaulted(only(**predictor))["spec"]["predictor"] == expected


@pytest.mark.parametrize(
    ("given", "mode"),
    [("RawDeployment", "Standard"), ("Serverless", "Knative"), ("Knative", "Knative")],
)
def test_old_names_of_modes_become_new_ones(given: str, mode: str) -> None:
    assert defaulted(isvc(annotations={MODE: given}))["metadata"]["annotations"] == {MODE: mode}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"metadata": {"name": "a"}}, "spec"),
        ({"metadata": {"name": "a"}, "spec": []}, "spec"),
        ({"metadata": {"name": "a"}, "spec": {}}, "spec.predictor"),
        (only(model=None), "spec.predictor.model"),
        (only(model={}), "spec.predictor.model.modelFormat"),
        (only(model={"modelFormat": {}}), "spec.predictor.model.modelFormat.name"),
        (isvc(canaryTrafficPercent="10"), "spec.predictor.canaryTrafficPercent"),
        (isvc(canaryTrafficPercent=10.5), "spec.predictor.canaryTrafficPercent"),
        (isvc(canaryTrafficPercent=True), "spec.predictor.canaryTrafficPercent"),
        (model(storageUri=3), "spec.predictor.model.storageUri"),
        (model(env=["x"]), "spec.predictor.model.env[0]"),
        (isvc(containers="x"), "spec.predictor.containers"),
        (spec(canary={}), "spec.canary"),
    ],
)
def test_a_field_of_another_type_is_named(given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as error:
        admitted(given)
    assert error.value.causes[0].field == field
