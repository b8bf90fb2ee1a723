"""Which policies there are, and how a wrong one is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serving.errors import UsageError
from serving.rollout.policy import Policy


def test_nothing_given_is_the_default() -> None:
    assert Policy.from_mapping({}) == Policy()
    assert Policy().steps == (10, 25, 50, 100)


def test_numbers_may_arrive_as_floats() -> None:
    policy = Policy.from_mapping({"steps": [10.0, 100.0], "min_requests": 30.0, "max_seconds": 60})
    assert (policy.steps, policy.min_requests, policy.max_seconds) == ((10, 100), 30, 60.0)
    assert isinstance(policy.min_requests, int) and isinstance(policy.steps[0], int)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stepz": [10, 100]}, "rollout.stepz: there is no such key; use steps"),
        ({"zzz": 1}, "use steps, min_requests, max_seconds"),
        ({"steps": []}, r"rollout.steps: \[\] has no step"),
        ({"steps": 100}, "rollout.steps: 100 is not a list"),
        ({"steps": ["10"]}, r"rollout.steps: \['10'\] is not a list"),
        ({"steps": [10, 10, 100]}, r"\[10, 10, 100\] do not rise"),
        ({"steps": [50, 10, 100]}, "do not rise"),
        ({"steps": [0, 100]}, "percent outside 1 to 100"),
        ({"steps": [50, 101]}, "percent outside 1 to 100"),
        ({"steps": [10, 50]}, "must end with 100"),
        ({"steps": [10.5, 100]}, "10.5 is not a whole number"),
        ({"min_requests": 0}, "rollout.min_requests: 0 is not a number from 1"),
        ({"min_requests": 1.5}, "1.5 is not a whole number"),
        ({"min_requests": True}, "True is not a number"),
        ({"max_seconds": "60"}, "'60' is not a number"),
        ({"max_seconds": float("nan")}, "nan is not a number"),
        ({"max_error_increase": 2}, "2 is not a number from 0.001 to 0.9"),
        ({"max_error_increase": 0}, "0 is not a number from 0.001 to 0.9"),
        ({"alpha": 0}, "rollout.alpha: 0 is not a number from 1e-06 to 0.5"),
        ({"alpha": 0.9}, "rollout.alpha: 0.9 is not a number"),
        ({"max_latency_ratio": 0.5}, "0.5 is not a number from 1 to 1000"),
        ({"approve": True}, "rollout.approve: True is not a list of percents"),
        ({"approve": [30]}, "rollout.approve: 30 is no step of"),
        ({"approve": [0]}, "a percent outside 1 to 100"),
        ({"shadow_requests": 1.5}, "1.5 is not a whole number"),
        ({"max_disagreement": 2}, "2 is not a number from 0.001 to 1"),
        ({"on_inconclusive": "wait"}, "'wait' is not one of hold, promote, abort"),
    ],
)
def test_a_wrong_policy_is_refused_with_the_key_and_the_value(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        Policy.from_mapping(given)


def test_a_policy_survives_its_json() -> None:
    policy = Policy(steps=(5, 100), min_requests=7, on_inconclusive="abort", max_error_increase=0.5)
    assert Policy.from_mapping(json.loads(json.dumps(policy.to_json()))) == policy
