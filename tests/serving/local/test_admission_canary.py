"""KServe's webhook on `spec.canary` (its TestValidateCanarySpecs, row by row) and on modes."""

from __future__ import annotations

from typing import Any

import pytest

from serving.local.admission import WEBHOOK, admitted
from serving.local.statuses import Denied, Invalid
from tests.serving.local.a6_rows import FIXED, STANDARD, canary, predictor

OLD_NAME = {"serving.kserve.io/deploymentMode": "RawDeployment"}
KNATIVE = {"serving.kserve.io/deploymentMode": "Knative"}
SCALER = "serving.kserve.io/autoscalerClass"
LEGACY = {"trafficPercent": 20, "predictor": {"name": "v2", "sklearn": {"storageUri": "u"}}}


def isvc(
    *canaries: dict[str, Any], annotations: dict[str, str] = STANDARD, **stable: Any
) -> dict[str, Any]:
    return {
        "metadata": {"name": "iris", "annotations": annotations},
        "spec": {"predictor": predictor("m1", **stable), "canary": list(canaries)},
    }


def without(entry: dict[str, Any], field: str) -> dict[str, Any]:
    return {**entry, "predictor": {k: v for k, v in entry["predictor"].items() if k != field}}


@pytest.mark.parametrize(
    "given",
    [
        isvc(),
        isvc(annotations={}),
        isvc(canary("v2", 20)),
        isvc(canary("v2", 0)),
        isvc(canary("v2", 100)),
        isvc(canary("v2", 20), annotations=OLD_NAME),
        isvc(canary("v2", 20), annotations=FIXED),
        isvc(canary("v2", 60), canary("v3", 40)),
        isvc(canary("v2", 20, minReplicas=1)),
        isvc(canary("v2", 20, minReplicas=2), minReplicas=2),
        isvc(canary("v2", 20), name="v1"),
        isvc(canaryTrafficPercent=10),  # ignored, as in KServe
        isvc(deploymentStrategy={"type": "Recreate"}),
        isvc(scaleMetric="cpu"),
        isvc(scaleMetric="rps"),  # nobody scales by it, and nobody checks it
        isvc(scaleMetric="cpu", annotations={**STANDARD, SCALER: "hpa"}),
        isvc(scaleMetric="rps", annotations={**STANDARD, SCALER: "keda"}),
    ],
)
def test_what_is_admitted(given: dict[str, Any]) -> None:
    admitted(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (isvc(canary("v2", 20), annotations={}), "canary is only supported in Standard"),
        (isvc(canary("v2", 20), annotations=KNATIVE), "canary is only supported in Standard"),
        (isvc(without(canary("v2", 20), "name")), "canary[0] predictor.name is required"),
        (isvc(canary("v2", 2), canary("v2", 2)), 'canary predictor.name "v2" is duplicated'),
        (isvc(canary("v2", 2), name="v2"), '"v2" conflicts with stable predictor name'),
        (isvc(canary("v2", 60), canary("v3", 41)), "trafficPercent values (101) must be <= 100"),
        (isvc(without(canary("v2", 20), "model")), "found none"),
        (isvc(canary("v2", 20, sklearn={})), "found model, sklearn"),
        (isvc(canary("v2", 20, maxReplicas=2)), 'canary "v2" must not set maxReplicas (canary'),
        (isvc(canary("v2", 20, scaleTarget=2)), "must not set scaleTarget"),
        (isvc(canary("v2", 20, scaleMetric="cpu")), "must not set scaleMetric"),
        (isvc(canary("v2", 20, autoScaling={"metrics": []})), "must not set autoScaling"),
        (
            isvc(canary("v2", 20, workerSpec={"pipelineParallelSize": 2})),
            "must not set workerSpec (multi-node is not yet supported for canary)",
        ),
        (
            isvc(canary("v2", 20, minReplicas=2)),
            'canary "v2" minReplicas (2) must not exceed stable predictor minReplicas (1)',
        ),
        (isvc(canary("v2", 20, minReplicas=3), minReplicas=2), "(3) must not exceed stable"),
        (isvc(canary("v2", 20, minReplicas=-1)), "MinReplicas cannot be less than 0; it is -1"),
        (
            {
                **isvc(),
                "spec": {"predictor": {"containers": [{}]}, "canary": [canary("v2", 20)]},
            },
            "canary requires a stable predictor with a model",
        ),
        (
            isvc(LEGACY),
            "spec.canary[0].predictor.sklearn would be ignored",
        ),
        (isvc(canary("v2", 20, storageUris=[{"uri": "gs://x"}])), "storageUris would be ignored"),
        (
            isvc(scaleMetric="rps", annotations={**STANDARD, SCALER: "hpa"}),
            "[rps] is not a supported metric",
        ),
        (isvc(annotations=KNATIVE, deploymentStrategy={}), "only supported in Standard"),
    ],
)
def test_what_is_denied(given: dict[str, Any], said: str) -> None:
    with pytest.raises(Denied) as error:
        admitted(given)
    assert str(error.value).startswith(f"{WEBHOOK}: ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        (isvc(canary("v2", 101)), "spec.canary[0].trafficPercent", "less than or equal to 100"),
        (isvc(canary("v2", -1)), "spec.canary[0].trafficPercent", "greater than or equal to 0"),
        (isvc(canary("V2", 1)), "spec.canary[0].predictor.name", "should match '^[a-z]"),
        (isvc(name="2v"), "spec.predictor.name", "should match '^[a-z]"),
        (isvc({"predictor": {"name": "v2"}}), "spec.canary[0].trafficPercent", "Required"),
        (isvc({"trafficPercent": 2}), "spec.canary[0].predictor", "Required"),
    ],
)
def test_what_the_schema_refuses(given: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(Invalid) as error:
        admitted(given)
    [cause] = error.value.causes
    assert (cause.field, said in cause.message) == (field, True)


@pytest.mark.parametrize(
    ("kept", "annotations", "said"),
    [
        ("Standard", STANDARD, ""),
        ("Standard", OLD_NAME, ""),
        ("Standard", {}, ""),  # the status remembers it
        ("", KNATIVE, ""),  # nobody has begun with it yet
        ("Standard", KNATIVE, "cannot be changed from 'Standard' to 'Knative'"),
        ("Knative", STANDARD, "cannot be changed from 'Knative' to 'Standard'"),
        ("Knative", OLD_NAME, "cannot be changed from 'Knative' to 'Standard'"),
    ],
)
def test_the_mode_of_a_service_stays(kept: str, annotations: dict[str, str], said: str) -> None:
    old = {**isvc(), "status": {"deploymentMode": kept}}
    if not said:
        admitted(isvc(annotations=annotations), old)
        return
    with pytest.raises(Denied, match=said):
        admitted(isvc(annotations=annotations), old)


@pytest.mark.parametrize(
    ("uri", "name", "denied"),
    [("m1", "v2", True), ("m2", "v2", False), ("m2", None, False), ("m1", None, False)],
)
def test_a_predictor_gets_another_name_with_another_model_only(
    uri: str, name: str | None, denied: bool
) -> None:
    changed = isvc(**({} if name is None else {"name": name}))
    changed["spec"]["predictor"]["model"] = predictor(uri)["model"]
    if not denied:
        admitted(changed, isvc())
        return
    with pytest.raises(Denied, match="requires a model change"):
        admitted(changed, isvc())
