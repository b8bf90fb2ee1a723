"""CloudEvents, whole and broken: KServe reads them, and none is answered with 5xx."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.predictor.running import DEADLINE_S, Predictor, tensor

pytestmark = pytest.mark.e2e

FLOWER = [5.1, 3.5, 1.4, 0.2]
ROWS = {"instances": [FLOWER]}
BINARY = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t"}
STRUCTURED = {"content-type": "application/cloudevents+json"}
EVENT = {"specversion": "1.0", "type": "t", "source": "s", "id": "1", "time": "t", "data": ROWS}
V1, V2 = "/v1/models/iris:predict", "/v2/models/iris/infer"

Ask = Callable[[str, bytes, dict[str, str]], tuple[int, bytes]]


@pytest.fixture
def ask(flowers: Predictor) -> Iterator[Ask]:
    """Ask on one connection; a server that closes it is asked on a new one."""
    connection = http.client.HTTPConnection("127.0.0.1", flowers.port, timeout=DEADLINE_S)

    def asked(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    yield asked
    connection.close()


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "words"),
    [
        (V1, ROWS, BINARY, 200, "setosa"),
        (V1, EVENT, STRUCTURED, 200, "io.kserve.inference.response"),
        (V1, ROWS, {**BINARY, "ce-contenttype": "application/json"}, 200, "setosa"),
        (V1, b"", BINARY, 400, "The CloudEvent has no data"),
        (V1, b"{", BINARY, 400, "Unrecognized request format"),
        (V1, ROWS, {**BINARY, "ce-specversion": "9"}, 400, "invalid specversion 9"),
        (V1, ROWS, {**BINARY, **STRUCTURED, "ce-specversion": ""}, 400, "Cloud Event"),
        (V1, {**EVENT, "data": 1}, STRUCTURED, 400, "The body is 1"),
        (V1, b"\xff", STRUCTURED, 400, "Unrecognized request format"),
        (V2, b"{}abc", {**BINARY, "inference-header-content-length": "x"}, 400, "cannot be read"),
        (V2, b"{}abc", {**BINARY, "inference-header-content-length": "2"}, 400, "cannot be read"),
    ],
)
def test_an_event_is_answered_or_refused(
    ask: Ask, path: str, body: Any, headers: dict[str, str], status: int, words: str
) -> None:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    given_status, content = ask(path, sent, headers)
    assert given_status == status, content
    assert words in content.decode()


WORD = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).map(str.strip)
NAMES = st.sampled_from(
    [
        *("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "ce-subject", "ce-extra"),
        *("ce-contenttype", "ce-datacontenttype", "ce-dataschema", "ce-", "ce-data"),
        *("content-type", "inference-header-content-length"),
    ]
)
VALUES = WORD | st.sampled_from(
    ["1.0", "0.3", "application/json", "application/cloudevents+json", "text/plain", "2", "-1"]
)
HEADERS = st.builds(
    lambda base, drop, more: {**{k: v for k, v in base.items() if k not in drop}, **more},
    st.sampled_from([BINARY, STRUCTURED]),
    st.sets(NAMES, max_size=2),
    st.dictionaries(NAMES, VALUES, max_size=3),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORD | st.just(FLOWER),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*EVENT, "instances", "inputs", "data_base64"]), inner)
    ),
    max_leaves=8,
)
EVENTS = st.builds(
    lambda drop, more: {**{k: v for k, v in EVENT.items() if k not in drop}, **more},
    st.sets(st.sampled_from([*EVENT]), max_size=2),
    st.dictionaries(st.sampled_from([*EVENT, "data_base64", "datacontenttype"]), JSON, max_size=3),
)
MATRIX = {"inputs": [tensor("x", "FP32", FLOWER, [1, 4])]}
SENT = st.sampled_from([ROWS, EVENT, MATRIX]) | EVENTS | JSON
BODIES = SENT.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=st.sampled_from([V1, V1, V2]), body=BODIES, headers=HEADERS)
def test_no_event_however_broken_is_answered_with_5xx(
    ask: Ask, path: str, body: bytes, headers: dict[str, str]
) -> None:
    status, content = ask(path, body, headers)
    assert status in (200, 400, 422), (status, content)
