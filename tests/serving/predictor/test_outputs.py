"""What an answer holds where the request does not say: `--default_outputs`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.predictor.flags import parser
from serving.predictor.outputs import OUTPUTS, Outputs, named
from serving.predictor.v1 import V1
from tests.serving.predictor.asking import App
from tests.serving.predictor.running import tensor

FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
NAMES = ["setosa", "virginica"]
LABEL, PROBABILITIES = ("label",), ("probabilities",)

WORDS = [
    ("label,probabilities", OUTPUTS),
    ("probabilities,label", OUTPUTS),
    ("label", LABEL),
    ("probabilities", PROBABILITIES),
]


@pytest.mark.parametrize(("words", "outputs"), WORDS)
def test_the_flag_names_outputs_in_any_order(words: str, outputs: Outputs) -> None:
    assert named(words) == outputs
    flags = parser().parse_args(["--model_dir", "x", "--default_outputs", words])
    assert flags.default_outputs == outputs


@pytest.mark.parametrize("words", ["", "labels", "label,", "label,label", "label, probabilities"])
def test_a_name_that_is_no_output_ends_the_command_with_the_names(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--model_dir", "x", "--default_outputs", words])
    assert "there are label and probabilities" in capsys.readouterr().err


def rows(count: int, **more: Any) -> dict[str, Any]:
    cells = [cell for flower in FLOWERS[:count] for cell in flower]
    return {"inputs": [tensor("x", "FP32", cells, [count, 4])], **more}


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("outputs", [LABEL, PROBABILITIES, OUTPUTS])
def test_v2_gives_the_default_outputs_unless_others_are_asked_for(
    iris_model_dir: Path, outputs: Outputs, count: int
) -> None:
    app = App(iris_model_dir, outputs=outputs)
    given = app.v2(rows(count)).json["outputs"]
    assert tuple(output["name"] for output in given) == outputs
    named_all = [{"name": name} for name in outputs]
    assert app.v2(rows(count, outputs=named_all)).json["outputs"] == given
    for name in OUTPUTS:
        asked = app.v2(rows(count, outputs=[{"name": name}])).json["outputs"]
        assert [output["name"] for output in asked] == [name]


@pytest.mark.parametrize("count", [1, 2])
def test_v1_predictions_are_labels_or_probabilities(iris_model_dir: Path, count: int) -> None:
    body = {"instances": FLOWERS[:count]}
    both = App(iris_model_dir).v1(body).json
    labels = App(iris_model_dir, outputs=LABEL).v1(body).json
    probabilities = App(iris_model_dir, outputs=PROBABILITIES).v1(body).json
    assert both["predictions"] == labels["predictions"] == NAMES[:count]
    assert probabilities["predictions"] == both["probabilities"]
    assert "probabilities" not in labels
    assert "probabilities" not in probabilities
    for answer in (both, labels, probabilities):
        assert answer["classes"][0] == "setosa"
        assert (answer["model_name"], answer["model_version"]) == ("m", "1")


@pytest.mark.parametrize("outputs", [LABEL, PROBABILITIES, OUTPUTS])
def test_a_cloud_event_gets_what_a_plain_request_gets(
    iris_model_dir: Path, outputs: Outputs
) -> None:
    app = App(iris_model_dir, outputs=outputs)
    body = {"instances": FLOWERS}
    v1 = V1("m", app.plane.served.card, app.plane.reader, outputs)
    answer = app.plane.now(app.plane.reader.instances(body))
    assert answer is not None
    plain, wrapped = app.v1(body).json, v1.value(answer)
    assert list(plain) == list(wrapped)
    for key in {*plain} & {"predictions", "probabilities"}:
        kind = np.float32 if isinstance(plain[key][0], list) else object
        assert np.array(plain[key], kind).tolist() == np.array(wrapped[key], kind).tolist()


@pytest.mark.parametrize(
    ("outputs", "asked", "names"),
    [(OUTPUTS, (), OUTPUTS), (LABEL, (), LABEL), (LABEL, PROBABILITIES, PROBABILITIES)],
)
def test_grpc_gives_the_default_outputs_unless_others_are_asked_for(
    iris_model_dir: Path, outputs: Outputs, asked: Outputs, names: Outputs
) -> None:
    from kserve import InferInput, InferRequest
    from kserve.protocol.infer_type import RequestedOutput

    from serving.predictor.model import PredictorModel

    model = PredictorModel("m", App(iris_model_dir, outputs=outputs).plane)
    sent = InferInput("x", [1, 4], "FP32", FLOWERS[0])
    wanted = [RequestedOutput(name) for name in asked]
    answer = asyncio.run(model.predict(InferRequest("m", [sent], request_outputs=wanted)))
    assert tuple(output.name for output in answer.outputs) == names
