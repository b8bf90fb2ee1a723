"""The patch formats, with the examples of their RFCs."""

import json
from typing import Any

import pytest

from serving.local import patches
from serving.local.statuses import BadRequest, Invalid, UnsupportedMedia


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        # RFC 7386, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        # what a rollout sends
        (
            {"p": {"percent": 10, "uri": "1"}},
            {"p": {"percent": 0}},
            {"p": {"percent": 0, "uri": "1"}},
        ),
        ({"p": {"percent": 10, "uri": "1"}}, {"p": {"percent": None}}, {"p": {"uri": "1"}}),
    ],
)
def test_a_merge_patch(target: Any, patch: Any, result: Any) -> None:
    before = json.dumps(target)
    assert patches.merge(target, patch) == result
    assert json.dumps(target) == before


OBJECT = {"kind": "InferenceService", "spec": {"a": 1, "list": [1, 2]}}


@pytest.mark.parametrize(
    ("operations", "spec"),
    [
        ([{"op": "replace", "path": "/spec/a", "value": 2}], {"a": 2, "list": [1, 2]}),
        ([{"op": "add", "path": "/spec/list/-", "value": 3}], {"a": 1, "list": [1, 2, 3]}),
        ([{"op": "remove", "path": "/spec/a"}], {"list": [1, 2]}),
        ([{"op": "test", "path": "/spec/a", "value": 1}], {"a": 1, "list": [1, 2]}),
        ([{"op": "move", "from": "/spec/a", "path": "/spec/b"}], {"b": 1, "list": [1, 2]}),
        ([], {"a": 1, "list": [1, 2]}),
    ],
)
def test_a_json_patch(operations: list[Any], spec: Any) -> None:
    assert patches.patched(OBJECT, operations, "iris")["spec"] == spec
    assert OBJECT["spec"] == {"a": 1, "list": [1, 2]}


@pytest.mark.parametrize(
    ("operations", "error"),
    [
        ([{"op": "remove", "path": "/spec/x"}], Invalid),
        ([{"op": "test", "path": "/spec/a", "value": 2}], Invalid),
        ([{"op": "replace", "path": "/spec/list/9", "value": 2}], Invalid),
        ([{"op": "fly", "path": "/spec/a"}], BadRequest),
        ([{"op": "add", "path": "spec", "value": 1}], (BadRequest, Invalid)),
        ([{"op": "add", "path": "/spec/a"}], (BadRequest, Invalid)),
        ([1], BadRequest),
        ([{"op": "replace", "path": "", "value": []}], BadRequest),
    ],
)
def test_a_json_patch_that_does_not_apply(operations: list[Any], error: Any) -> None:
    with pytest.raises(error):
        patches.patched(OBJECT, operations, "iris")


@pytest.mark.parametrize(
    ("kind", "body", "patch"),
    [
        (patches.MERGE, b'{"a": null}', {"a": None}),
        (patches.JSON_PATCH, b'[{"op": "x"}]', [{"op": "x"}]),
        (patches.JSON_PATCH, b'{"a": 1}', {"a": 1}),  # clients do send this
        (patches.APPLY, b"a: 2026-11-20\nb: yes", {"a": "2026-11-20", "b": True}),
        (patches.APPLY, b'{"a": 1}', {"a": 1}),
    ],
)
def test_reading_a_patch(kind: str, body: bytes, patch: Any) -> None:
    assert patches.parsed(kind, body) == patch


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("application/strategic-merge-patch+json", b"{}", UnsupportedMedia),
        ("application/json", b"{}", UnsupportedMedia),
        ("", b"{}", UnsupportedMedia),
        (patches.MERGE, b"", BadRequest),
        (patches.MERGE, b"[]", BadRequest),
        (patches.MERGE, b'{"a": Infinity}', BadRequest),
        (patches.JSON_PATCH, b'"x"', BadRequest),
        (patches.APPLY, b"a: .nan", BadRequest),
        (patches.APPLY, b"a: &a [*a]", BadRequest),
        (patches.APPLY, b"? [1, 2]\n: 3", BadRequest),
        (patches.APPLY, b"!!python/object/apply:os.getcwd []", BadRequest),
        (patches.APPLY, b"- 1", BadRequest),
        (patches.APPLY, b"", BadRequest),
    ],
)
def test_a_patch_that_cannot_be_read(kind: str, body: bytes, error: Any) -> None:
    with pytest.raises(error):
        patches.parsed(kind, body)
