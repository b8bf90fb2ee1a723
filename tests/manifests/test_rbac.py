"""The Roles allow what the code asks of a cluster, verb by verb, and nothing more."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from serving.isvc.facts import read_facts
from serving.isvc.modes import Mode
from serving.rollout import manual
from serving.rollout.undo import Wish, rollback
from tests.manifests.rendered import of_kind
from tests.serving.contract.ground import Play
from tests.serving.contract.plane import plane

VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}
# What every account may read: system:discovery and system:public-info-viewer.
OPEN = re.compile(r"/(version|api|apis|openapi/v[23])(/|$)")
OBJECTS = re.compile(
    r"/api(?:s/(?P<group>[^/]+))?/v[0-9a-z]+/namespaces/(?P<namespace>[^/]+)"
    r"/(?P<resource>[^/?]+)(?:/(?P<name>[^/?]+))?(?:/(?P<sub>[^?]+))?"
)
Rules = dict[tuple[str, str], set[str]]


@dataclass
class Recorded:
    """A connection pool that notes what is asked for and passes it on."""

    pool: Any
    asked: list[tuple[str, str]] = field(default_factory=list)

    def request(self, method: str, url: str, **more: Any) -> Any:
        self.asked.append((method, url))
        return self.pool.request(method, url, **more)


def needed(asked: Iterable[tuple[str, str]]) -> Rules:
    """The verbs that requests need by group and resource."""
    found: Rules = defaultdict(set)
    for method, url in asked:
        path = re.sub(r"^https?://[^/]+", "", url)
        match = OBJECTS.match(path)
        if match is None:
            assert method == "GET" and OPEN.match(path), f"{method} {url}"
            continue
        read = "watch" if "watch=" in url else "get" if match["name"] else "list"
        resource = "/".join(filter(None, (match["resource"], match["sub"])))
        found[match["group"] or "", resource].add(VERBS.get(method, read))
    return dict(found)


def allowed(folder: str, role: str) -> Rules:
    (found,) = of_kind(folder, "Role", role)
    return {
        (group, resource): set(rule["verbs"])
        for rule in found["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_requests_are_told_by_what_they_need() -> None:
    place = "/apis/serving.kserve.io/v1beta1/namespaces/ml/inferenceservices"
    services = ("serving.kserve.io", "inferenceservices")
    assert needed([("GET", f"http://a:1{place}/iris"), ("PATCH", f"{place}/iris")]) == {
        services: {"get", "patch"}
    }
    assert needed([("GET", place), ("GET", f"{place}?watch=true"), ("POST", place)]) == {
        services: {"list", "watch", "create"}
    }
    assert needed([("PATCH", f"{place}/iris/status")]) == {
        ("serving.kserve.io", "inferenceservices/status"): {"patch"}
    }
    assert (
        needed([("GET", "/version"), ("GET", "/openapi/v3/apis/serving.kserve.io/v1beta1")]) == {}
    )


@pytest.mark.e2e
@pytest.mark.parametrize("mode", list(Mode)[:2])
def test_a_rollout_needs_what_its_role_allows(mode: Mode, tmp_path: Path) -> None:
    with plane(tmp_path) as local:
        transport = local.client.api.api_client.rest_client
        transport.pool_manager = recorded = Recorded(transport.pool_manager)
        play = Play(local.ground(mode))
        assert play.run("1").kind == "promoted"
        assert play.run("2").kind == "promoted"
        assert play.run("3", "bad").kind == "rolled_back"
        assert rollback(play.world(), play.ground.name, Wish()).kind != "conflict"
        manual.status(play.world(), play.ground.name)
        rollout = needed(recorded.asked)
        assert rollout == allowed("overlays/production", "kanarya-rollout")
        local.client.list()
        assert needed(recorded.asked) == allowed("overlays/production", "kanarya-operator")


def test_what_a_rollout_asks_of_the_cluster_itself_is_one_configmap() -> None:
    asked: list[tuple[str, str]] = []

    def get(path: str) -> tuple[int, Any]:
        asked.append(("GET", path))
        return 403, None

    read_facts(get)
    assert (
        needed(asked) == {("", "configmaps"): {"get"}} == allowed("admin", "kanarya-config-reader")
    )
    (role,) = of_kind("admin", "Role")
    names = {match["name"] for _, path in asked if (match := OBJECTS.match(path))}
    assert names == set(role["rules"][0]["resourceNames"])
    assert role["metadata"]["namespace"] == "kserve"


def test_the_account_of_runs_may_besides_do_what_kubeflow_and_the_last_step_ask() -> None:
    """KFP 2.17: backend/src/v2 (launcher, config, objectstore) and Argo's executor."""
    assert allowed("overlays/production", "kanarya-pipeline-runner") == {
        ("argoproj.io", "workflowtaskresults"): {"create", "patch"},
        ("argoproj.io", "workflows"): {"get"},
        ("", "configmaps"): {"get"},
        ("", "secrets"): {"get"},
        ("", "pods"): {"get", "list"},
    }
    (role,) = of_kind("overlays/production", "Role", "kanarya-pipeline-runner")
    named = {rule["resources"][0]: rule.get("resourceNames") for rule in role["rules"]}
    assert named["configmaps"] == ["kfp-launcher"]
    assert named["secrets"] == ["mlpipeline-minio-artifact"]
