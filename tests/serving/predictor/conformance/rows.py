"""KServe's data plane as a table: what is asked, and the status and the shape of the answer.

The rows and their stock answers were observed on KServe's own Python server 0.21. Where this
predictor answers otherwise on purpose, `stock` says what KServe does and why that is no model.
"""

from __future__ import annotations

import re

from tests.serving.predictor.conformance.row import OCTETS, Row, binary, error, packed
from tests.serving.predictor.running import ROW, tensor, tensors

PREDICT, INFER = "/v1/models/people:predict", "/v2/models/people/infer"
VERSION = "/v2/models/people/versions/3"
EVENT = {"specversion": "1.0", "type": "t", "source": "s", "id": "7"}

ABSENT = error("^Model with name zz does not exist.$")
NO_VERSIONS = error("^Model versioning not supported yet.$")
ANSWER = {
    "predictions": [int],
    "probabilities": [[float]],
    "classes": [0, 1],
    "model_name": "people",
    "model_version": "3",
}
LABEL = {"name": "label", "shape": [1], "datatype": "INT64", "parameters": None, "data": [int]}
PROBABILITIES = {
    "name": "probabilities",
    "shape": [1, 2],
    "datatype": "FP32",
    "parameters": {"classes": "[0, 1]"},
    "data": [float],
}
INFERRED = {
    "model_name": "people",
    "model_version": "3",
    "id": str,
    "parameters": None,
    "outputs": [dict],
}
JSON_TYPE = {"content-type": "^application/json"}
NOT_500 = "KServe answers 500 with a Python exception's name; a wrong request is the client's"
NOT_422 = "KServe answers 422 with FastAPI's list of details; one sentence says it better"
ONE_ROW = {"instances": [ROW]}

HEALTH = [
    Row("the root", "GET", "/", shape={"status": "alive"}, headers=JSON_TYPE),
    Row("V1 lists models", "GET", "/v1/models", shape={"models": ["people"]}),
    Row("V1 ready", "GET", "/v1/models/people", shape={"name": "people", "ready": True}),
    Row("V1 of no model", "GET", "/v1/models/zz", status=404, shape=ABSENT),
    Row("V2 server", "GET", "/v2", shape={"name": "kserve", "version": str, "extensions": [str]}),
    Row("V2 live", "GET", "/v2/health/live", shape={"live": True}),
    Row("V2 ready", "GET", "/v2/health/ready", shape={"ready": True}),
    Row("V2 lists models", "GET", "/v2/models", shape={"models": ["people"]}),
    Row(
        "V2 metadata",
        "GET",
        "/v2/models/people",
        shape={
            "name": "people",
            "versions": None,
            "platform": "",
            "inputs": [{"name": str, "datatype": str, "shape": [-1, 1]}],
            "outputs": [{"name": str, "datatype": str, "shape": [int]}],
        },
    ),
    Row("V2 metadata of no model", "GET", "/v2/models/zz", status=404, shape=ABSENT),
    Row(
        "V2 model ready",
        "GET",
        "/v2/models/people/ready",
        shape={"name": "people", "ready": True},
    ),
    Row("V2 ready of no model", "GET", "/v2/models/zz/ready", status=404, shape=ABSENT),
    *(
        Row(f"V2 {what} of a version", "GET", f"{VERSION}{end}", status=501, shape=NO_VERSIONS)
        for what, end in (("ready", "/ready"), ("metadata", ""))
    ),
    Row(
        "V2 of a version",
        "POST",
        f"{VERSION}/infer",
        tensors(),
        {"Content-Type": "application/json"},
        status=501,
        shape=NO_VERSIONS,
    ),
    Row(
        "a model that is here is loaded",
        "POST",
        "/v2/repository/models/people/load",
        shape={"name": "people", "load": True},
    ),
    Row("no model to unload", "POST", "/v2/repository/models/zz/unload", None, {}, 404, ABSENT),
    Row("an unknown path", "GET", "/nowhere", status=404, shape={"detail": "Not Found"}),
    Row("pages of Swagger, unless asked", "GET", "/docs", status=404, shape=dict),
    Row(
        "metrics",
        "GET",
        "/metrics",
        shape=re.compile(r'request_predict_seconds_count\{model_name="people"\}'),
        headers={"content-type": "^text/plain"},
    ),
    Row(
        "metrics in the newer format",
        "GET",
        "/metrics",
        sent={"Accept": "application/openmetrics-text"},
        shape=re.compile("# EOF\n$"),
        headers={"content-type": "^application/openmetrics-text"},
    ),
]

V1 = [
    Row("objects", "POST", PREDICT, ONE_ROW, shape=ANSWER, headers=JSON_TYPE),
    Row("lists", "POST", PREDICT, {"instances": [list(ROW.values())]}, shape=ANSWER),
    Row("`inputs` for `instances`", "POST", PREDICT, {"inputs": [ROW]}, shape=ANSWER),
    Row("octets", "POST", PREDICT, ONE_ROW, {"Content-Type": OCTETS}, shape=ANSWER),
    Row("ld+json", "POST", PREDICT, ONE_ROW, {"Content-Type": "application/ld+json"}, 200, ANSWER),
    Row(
        "a charset",
        "POST",
        PREDICT,
        ONE_ROW,
        {"Content-Type": "application/json; charset=utf-8"},
        shape=ANSWER,
        stock="KServe hands the model raw bytes, since it compares the whole content type",
    ),
    Row(
        "an event in its headers",
        "POST",
        PREDICT,
        ONE_ROW,
        {"Content-Type": "application/json", **{f"ce-{k}": v for k, v in EVENT.items()}},
        shape=ANSWER,
        headers={
            "ce-type": "^io.kserve.inference.response$",
            "ce-source": "^io.kserve.inference.people$",
        },
    ),
    Row(
        "an event as the body",
        "POST",
        PREDICT,
        {**EVENT, "time": "2026-01-01T00:00:00Z", "data": ONE_ROW},
        {"Content-Type": "application/cloudevents+json"},
        shape={
            "specversion": "1.0",
            "id": str,
            "source": "io.kserve.inference.people",
            "type": "io.kserve.inference.response",
            "time": str,
            "data": ANSWER,
        },
    ),
    Row("no JSON", "POST", PREDICT, b"{no", {}, 400, error("^Unrecognized request format: ")),
    Row("nothing", "POST", PREDICT, b"", {}, 400, error("^Unrecognized request format: ")),
    Row(
        "no list",
        "POST",
        PREDICT,
        {"instances": "x"},
        status=400,
        shape=error('^"instances" is "x", expected a list of rows'),
        stock='KServe says: Expected "instances" to be a list',
    ),
    Row("no rows", "POST", PREDICT, {"instances": []}, {}, 400, error("empty"), stock=NOT_500),
    Row("no instances", "POST", PREDICT, {}, {}, 400, error('"instances" is null'), stock=NOT_500),
    Row(
        "an unknown column",
        "POST",
        PREDICT,
        {"instances": [{**ROW, "aeg": 1}]},
        status=400,
        shape=error("unknown column 'aeg'"),
        stock=NOT_500,
    ),
    Row(
        "a missing column",
        "POST",
        PREDICT,
        {"instances": [{"age": 1}]},
        status=400,
        shape=error("lacks the column 'visits'"),
        stock=NOT_500,
    ),
    Row("no model", "POST", "/v1/models/zz:predict", ONE_ROW, {}, 404, ABSENT),
    Row("explain", "POST", "/v1/models/people:explain", ONE_ROW, {}, 501, error("explainer_host")),
]

V2 = [
    Row(
        "one tensor a column",
        "POST",
        INFER,
        {**tensors(), "id": "7"},
        shape={**INFERRED, "id": "7"},
        headers=JSON_TYPE,
    ),
    Row(
        "no id",
        "POST",
        INFER,
        tensors(),
        shape=INFERRED,
        stock="KServe answers 500 to a model that echoes the missing id (2944, 3094)",
    ),
    Row(
        "one output",
        "POST",
        INFER,
        {**tensors(), "outputs": [{"name": "label"}]},
        shape={**INFERRED, "outputs": [LABEL]},
    ),
    Row(
        "the other output",
        "POST",
        INFER,
        {**tensors(), "outputs": [{"name": "probabilities"}]},
        shape={**INFERRED, "outputs": [PROBABILITIES]},
    ),
    Row("binary in, JSON out", "POST", INFER, *packed(), shape=INFERRED, headers=JSON_TYPE),
    Row(
        "binary in and out",
        "POST",
        INFER,
        *packed(parameters={"binary_data_output": True}),
        shape=re.compile('"binary_data_size":8'),
        headers={"content-type": f"^{OCTETS}$", "inference-header-content-length": "^[0-9]+$"},
    ),
    Row(
        "binary asked of one output only",
        "POST",
        INFER,
        {**tensors(), "outputs": [{"name": "label", "parameters": {"binary_data": True}}]},
        shape=re.compile('"binary_data_size":8'),
        headers={"inference-header-content-length": "^[0-9]+$"},
    ),
    Row("no JSON", "POST", INFER, b"{no", {}, 400, error("^Unrecognized"), stock=NOT_422),
    Row("no inputs", "POST", INFER, {}, {}, 400, error('"inputs" is null'), stock=NOT_422),
    Row("no object", "POST", INFER, [1], {}, 400, error("expected an object"), stock=NOT_422),
    Row(
        "octets without the header",
        "POST",
        INFER,
        tensors(),
        {"Content-Type": OCTETS},
        status=400,
        shape=error("Inference-Header-Content-Length is missing"),
    ),
    Row(
        "a header beyond the body",
        "POST",
        INFER,
        tensors(),
        {"Content-Type": OCTETS, "Inference-Header-Content-Length": "99999"},
        status=400,
        shape=error("Inference-Header-Content-Length is "),
    ),
    Row(
        "an unknown datatype",
        "POST",
        INFER,
        tensors(age=tensor("age", "FP31", [1])),
        status=400,
        shape=error("datatype FP31"),
    ),
    Row(
        "a shape that its data do not fill",
        "POST",
        INFER,
        tensors(age=tensor("age", "FP32", [1], [2])),
        status=400,
        shape=error("do not fill its shape"),
        stock="KServe answers 500: numpy's reshape fails",
    ),
    Row(
        "raw bytes that their shape does not need",
        "POST",
        INFER,
        *binary(
            tensors(
                age={
                    "name": "age",
                    "datatype": "FP32",
                    "shape": [1],
                    "parameters": {"binary_data_size": 3},
                }
            ),
            b"abc",
        ),
        status=400,
        shape=error("'age'"),
        stock="KServe answers 500: numpy's frombuffer fails",
    ),
    Row("no model", "POST", "/v2/models/zz/infer", tensors(), {}, 404, ABSENT),
]
