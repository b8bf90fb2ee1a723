"""The fake says nothing that the API has no field for, as the SDK's own models know it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.pipelines.kfp_api import stories
from tests.pipelines.kfp_api.conftest import Said
from tests.pipelines.kfp_api.server import RECURRING_FIELDS, RUN_FIELDS, FakeKfp


def unknown(value: Any, kind: str) -> Iterator[str]:
    """Yield the fields of an answer that the model of that name does not have."""
    from kfp_server_api import models

    if kind.startswith("list["):
        for each in value:
            yield from unknown(each, kind[5:-1])
        return
    model = getattr(models, kind, None)
    if model is None or not isinstance(value, dict):
        return
    fields = {name: model.openapi_types[key] for key, name in model.attribute_map.items()}
    yield from (f"{kind}.{name}" for name in value.keys() - fields.keys())
    for name in value.keys() & fields.keys():
        yield from unknown(value[name], fields[name])


def answered(kfp: FakeKfp, path: str) -> Any:
    with urllib.request.urlopen(f"{kfp.host}/apis/v2beta1/{path}") as answer:
        return json.load(answer)


def test_each_answer_has_only_fields_of_the_api(
    kfp: FakeKfp, kanarya: Callable[..., Said], spec: str, started: dict[str, Any]
) -> None:
    for look in stories.through(kfp, ("reject",), stories.REJECTED):
        look()
    kanarya("schedule", spec, "--cron", "0 2 * * *")
    run = started["run_id"]
    listings = [
        ("runs", "V2beta1ListRunsResponse"),
        (f"runs/{run}", "V2beta1Run"),
        ("experiments", "V2beta1ListExperimentsResponse"),
        ("recurringruns", "V2beta1ListRecurringRunsResponse"),
        ("pipelines", "V2beta1ListPipelinesResponse"),
    ]
    for path, kind in listings:
        answer = answered(kfp, path)
        assert not list(unknown(answer, kind)), path
    assert answered(kfp, f"runs/{run}")["run_details"]["task_details"]


@pytest.mark.parametrize(
    ("fields", "kind"), [(RUN_FIELDS, "V2beta1Run"), (RECURRING_FIELDS, "V2beta1RecurringRun")]
)
def test_what_the_fake_takes_the_api_takes(fields: set[str], kind: str) -> None:
    from kfp_server_api import models

    assert fields <= set(getattr(models, kind).attribute_map.values())
