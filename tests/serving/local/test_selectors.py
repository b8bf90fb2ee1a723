"""Selectors, as kubectl and clients write them."""

import pytest

from serving.local.resources import EVENTS, INFERENCE_SERVICES
from serving.local.selectors import selector
from serving.local.statuses import BadRequest

OBJECT = {
    "metadata": {"name": "iris", "namespace": "ml", "labels": {"team": "x", "a.b/c": "1"}},
    "involvedObject": {"kind": "InferenceService", "name": "iris"},
    "type": "Warning",
}


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("", True),
        ("team=x", True),
        ("team==x", True),
        ("team = x", True),
        ("team=y", False),
        ("team!=y", True),
        ("other!=y", True),
        ("team", True),
        ("!team", False),
        ("!other", True),
        ("a.b/c=1,team=x", True),
        ("a.b/c=1,team=y", False),
        ("team in (x,y)", True),
        ("team notin (x, y)", False),
        ("other notin (x),team in (x)", True),
        ("other=", False),
    ],
)
def test_a_label_selector(text: str, accepted: bool) -> None:
    assert selector(INFERENCE_SERVICES, {"labelSelector": text}).accepts(OBJECT) is accepted


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("metadata.name=iris", True),
        ("metadata.name!=iris", False),
        ("metadata.namespace=ml,metadata.name=rose", False),
        ("involvedObject.name=iris,involvedObject.kind=InferenceService", True),
        ("involvedObject.uid=1", False),
        ("involvedObject.uid=", True),
        ("type=Warning", True),
    ],
)
def test_a_field_selector(text: str, accepted: bool) -> None:
    assert selector(EVENTS, {"fieldSelector": text}).accepts(OBJECT) is accepted


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"labelSelector": "a=b=c"}, "unable to parse requirement: 'a=b=c'"),
        ({"labelSelector": "a in b"}, "unable to parse"),
        ({"labelSelector": "=b"}, "unable to parse"),
        ({"labelSelector": "a>1"}, "unable to parse"),
        ({"labelSelector": "a>>b"}, "unable to parse"),
        ({"fieldSelector": "spec.x=1"}, "field label not supported: spec.x"),
        ({"fieldSelector": "involvedObject.name=x"}, "selected by metadata.name"),
    ],
)
def test_a_selector_that_is_not_understood(query: dict[str, str], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        selector(INFERENCE_SERVICES, query)
