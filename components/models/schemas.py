"""The kinds as JSON Schema: for a document that has `task`, `model.kind` and `hyperparameters`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.models.kinds import HYPERPARAMETERS, TASKS


def definitions() -> dict[str, Any]:
    """Return the hyperparameters of every kind, by the name that `models_of_tasks` refers to."""
    return {
        _named(task, kind): of.model_json_schema()
        for task, kinds in HYPERPARAMETERS.items()
        for kind, of in kinds.items()
    }


def models_of_tasks() -> list[dict[str, Any]]:
    """Return what `model` may be, task by task; a document that names none is of the first."""
    return [
        {
            "if": {
                "properties": {"task": {"const": task}},
                **({} if task == TASKS[0] else {"required": ["task"]}),
            },
            "then": {"properties": {"model": _model(task)}},
        }
        for task in TASKS
    ]


def _named(task: str, kind: str) -> str:
    return kind if task == TASKS[0] else f"{task}.{kind}"


def _model(task: str) -> dict[str, Any]:
    return chosen({kind: _named(task, kind) for kind in HYPERPARAMETERS[task]})


def chosen(kinds: Mapping[str, str]) -> dict[str, Any]:
    """Return what a model of one of these kinds may be; `kinds`: kind → name of its definition."""
    rules = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"properties": {"hyperparameters": {"$ref": f"#/$defs/{name}"}}},
        }
        for kind, name in kinds.items()
    ]
    return {"properties": {"kind": {"enum": list(kinds)}}, "allOf": rules}
