"""Server-side apply: a field that its manager leaves out goes away, unless another one set it."""

from typing import Any

import pytest

from serving.local.applying import applied

NOW, LATER = "2026-11-20T09:30:00Z", "2026-11-20T09:31:00Z"


def config(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "K", "metadata": {"name": "iris"}, "spec": spec}


@pytest.mark.parametrize(
    ("applies", "spec"),
    [
        ([("me", config(a=1, b=2))], {"a": 1, "b": 2}),
        ([("me", config(a=1, b=2)), ("me", config(a=1))], {"a": 1}),
        ([("me", config(a=1)), ("you", config(b=2))], {"a": 1, "b": 2}),
        ([("me", config(a=1)), ("you", config(a=2)), ("me", config(b=1))], {"a": 2, "b": 1}),
        ([("me", config(a={"x": 1, "y": 2})), ("me", config(a={"x": 1}))], {"a": {"x": 1}}),
        ([("me", config(a={"x": 1}, b=1)), ("me", config(b=1))], {"b": 1}),
        ([("me", config(a={"x": 1})), ("me", config(a=3))], {"a": 3}),
        ([("me", config(a=3)), ("me", config(a={"x": 1}))], {"a": {"x": 1}}),
        ([("me", config(a=[1, 2])), ("me", config(a=[1]))], {"a": [1]}),
    ],
)
def test_what_is_left_after_applies(applies: list[tuple[str, Any]], spec: Any) -> None:
    current = None
    for manager, wanted in applies:
        current = applied(current, wanted, manager, NOW)
    assert current is not None
    assert current["spec"] == spec


def test_a_field_that_was_patched_in_stays() -> None:
    current = applied(None, config(a=1), "me", NOW)
    current = {**current, "spec": {"a": 1, "percent": 10}}
    assert applied(current, config(a=2), "me", NOW)["spec"] == {"a": 2, "percent": 10}


def test_a_field_that_the_server_renamed_leaves_nothing_behind() -> None:
    first = applied(None, config(sklearn={"uri": "1"}, p=1), "me", NOW)
    defaulted = {**first, "spec": {"model": {"uri": "1"}, "p": 1}}
    assert applied(defaulted, config(p=1), "me", NOW)["spec"] == {"model": {"uri": "1"}, "p": 1}


def test_the_same_apply_again_changes_nothing() -> None:
    first = applied(None, config(a=1), "me", NOW)
    assert applied(first, config(a=1), "me", LATER) == first


def test_the_owner_of_a_field_is_written_as_kubernetes_writes_it() -> None:
    made = applied(None, config(a={"x": 1}), "me", NOW)
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "me",
            "operation": "Apply",
            "apiVersion": "v1",
            "time": NOW,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:a": {"f:x": {}}}},
        }
    ]
