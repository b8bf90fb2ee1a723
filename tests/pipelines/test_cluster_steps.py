"""An Argo workflow's nodes become steps, and steps lead to their pods."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.cluster_errors import said, version_gap
from pipelines.cluster_pods import reason
from pipelines.cluster_steps import ClusterRun, Node, Pod, Task, changes, pods, steps, tasks
from pipelines.journal import Step
from tests.pipelines.kfp_api.workflow import fnv1a

TRAIN = {"train": Task("system-container-impl")}
LOOPED = {"measure": Task("system-container-impl", "for-loop-1")}


def run(*nodes: Node) -> ClusterRun:
    return ClusterRun("id", "name", "RUNNING", nodes=nodes)


DRIVER = Node("train-driver", "SUCCEEDED", 1, 2)
STATES = [
    ([], []),
    ([Node("train-driver", "PENDING", 1)], [Step("train", "running", 1)]),
    ([DRIVER], []),
    ([DRIVER, Node("train", "RUNNING", 2)], [Step("train", "running", 2)]),
    ([DRIVER, Node("train", "SUCCEEDED", 2, 9)], [Step("train", "succeeded", 2, 9)]),
    ([DRIVER, Node("train", "FAILED", 2, 9)], [Step("train", "failed", 2, 9)]),
    ([Node("train-driver", "FAILED", 1, 2)], [Step("train", "failed", 1, 2)]),
    ([Node("train-driver", "SKIPPED", 1, 1), Node("train", "SKIPPED", 1, 1)], []),
    ([Node("other", "RUNNING", 1)], []),
]


@pytest.mark.parametrize(("nodes", "found"), STATES)
def test_the_state_of_a_step_is_that_of_its_nodes(nodes: list[Node], found: list[Step]) -> None:
    assert list(steps(run(*nodes), TRAIN)) == found


def test_a_step_of_a_loop_has_ended_when_the_loop_has() -> None:
    loop = Node("for-loop-1", "RUNNING", 1)
    first, second = Node("measure", "SUCCEEDED", 2, 3), Node("measure", "SUCCEEDED", 4, 6)
    assert steps(run(loop, first), LOOPED) == (Step("measure", "running", 2),)
    ended = Node("for-loop-1", "SUCCEEDED", 1, 7)
    assert steps(run(ended, first, second), LOOPED) == (Step("measure", "succeeded", 2, 6),)


def test_what_happened_between_two_looks_is_told_in_order() -> None:
    before = {"a": Step("a", "running", 1), "b": Step("b", "succeeded", 1, 2)}
    now = [Step("a", "succeeded", 1, 5), Step("b", "succeeded", 1, 2), Step("c", "failed", 5, 6)]
    assert changes(before, now) == [now[0], Step("c", "running", 5), now[2]]


# Ids that a real workflow had (frontend/mock-backend of kubeflow/pipelines).
RECORDED = [
    ("coinflip-recursive-q7dqb[1].tails[1].heads", 3721646052),
    ("coinflip-recursive-q7dqb[1].tails[0].flip-coin", 3466727817),
]


@pytest.mark.parametrize(("path", "number"), RECORDED)
def test_the_fake_numbers_its_nodes_as_argo_does(path: str, number: int) -> None:
    assert fnv1a(path) == number


def test_a_pod_is_named_by_its_template_and_the_number_of_its_node() -> None:
    executor, first, second = (
        f"wf-{fnv1a(f'wf.root.train.executor{suffix}')}" for suffix in ("", "(0)", "(1)")
    )
    once = run(Node("train", "RUNNING", children=(executor,)))
    number = executor.removeprefix("wf-")
    plain = Pod(executor, f"wf-system-container-impl-{number}")
    assert pods(once, "train", TRAIN["train"]) == (plain,)
    tried = run(*once.nodes, Node("executor", "RUNNING", children=(first, second)))
    task = Task("retry-system-container-impl")
    assert [pod.node_id for pod in pods(tried, "train", task)] == [first, second]


SPEC: dict[str, Any] = {
    "pipeline_spec": {
        "root": {
            "dag": {
                "tasks": {
                    "exit-handler-1": {"componentRef": {"name": "comp-exit"}},
                    "finish": {"componentRef": {"name": "comp-finish"}},
                }
            }
        },
        "components": {
            "comp-exit": {
                "dag": {
                    "tasks": {
                        "train": {"componentRef": {"name": "comp-train"}, "retryPolicy": {}},
                        "for-loop-1": {
                            "componentRef": {"name": "comp-loop"},
                            "parameterIterator": {},
                        },
                    }
                }
            },
            "comp-loop": {"dag": {"tasks": {"measure": {"componentRef": {"name": "comp-train"}}}}},
            "comp-train": {"executorLabel": "exec-train"},
            "comp-finish": {"executorLabel": "exec-finish"},
        },
    },
    "platform_spec": {
        "platforms": {
            "kubernetes": {
                "deploymentSpec": {
                    "executors": {"exec-train": {"podMetadata": {"labels": {"a": "b", "c": "d"}}}}
                }
            }
        }
    },
}


def test_the_steps_of_a_pipeline_are_found_in_its_groups() -> None:
    assert tasks(SPEC) == {
        "train": Task("metadata-0-2-retry-system-container-impl"),
        "measure": Task("metadata-0-2-system-container-impl", "for-loop-1"),
        "finish": Task("system-container-impl"),
    }
    assert tasks(SPEC["pipeline_spec"])["train"] == Task("retry-system-container-impl")
    assert tasks({}) == {}


PODS: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"status": {"phase": "Running"}}, ""),
    ({"status": {"containerStatuses": [{"state": {"running": {}}}]}}, ""),
    (
        {"status": {"containerStatuses": [{"state": {"waiting": {"reason": "PodInitializing"}}}]}},
        "",
    ),
    (
        {"status": {"initContainerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]}},
        "ErrImagePull",
    ),
    (
        {
            "status": {
                "containerStatuses": [
                    {
                        "state": {
                            "waiting": {
                                "reason": "CreateContainerConfigError",
                                "message": 'configmap "kanarya-config" not found',
                            }
                        }
                    }
                ]
            }
        },
        'CreateContainerConfigError: configmap "kanarya-config" not found',
    ),
    (
        {
            "status": {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/1 nodes are available: insufficient cpu.",
                    }
                ]
            }
        },
        "Unschedulable: 0/1 nodes are available",
    ),
]


@pytest.mark.parametrize(("pod", "words"), PODS)
def test_a_pod_that_does_not_start_says_why(pod: dict[str, Any], words: str) -> None:
    found = reason(pod)
    assert found.startswith(words) and bool(found) == bool(words)


WORDS = [
    ("", ""),
    ("plain words", "plain words"),
    ('{"error_message":"why","error_details":"why, and where"}', "why"),
    ('{"code":5,"message":"chain: why","details":[{"@type":"x","message":"why"}]}', "why"),
    ('{"code":5,"message":"chain","details":[]}', "chain"),
    ("[1]", "[1]"),
    ("x" * 1000, "x" * 299 + "…"),
]


@pytest.mark.parametrize(("body", "words"), WORDS)
def test_the_words_for_people_are_found_in_an_errors_body(body: str, words: str) -> None:
    assert said(body) == words


GAPS = [("2.17.0", "2.17.3", ""), ("2.17.0", "3.0.0", ""), ("2.17.0", "odd", "")]


@pytest.mark.parametrize(("sdk", "backend", "told"), GAPS)
def test_only_an_older_backend_is_a_gap(sdk: str, backend: str, told: str) -> None:
    assert version_gap(sdk, backend) == told
    assert "bring the backend to 2.17" in version_gap("2.17.0", "2.4.1")
