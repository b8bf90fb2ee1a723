"""Watches, by the Python client's Watch and line by line."""

import itertools
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config, watch

from serving.local.resources import INFERENCE_SERVICES, REVISIONS

KIND = ("serving.kserve.io", "v1beta1", "ml", "inferenceservices")
PATH = "/apis/serving.kserve.io/v1beta1/namespaces/ml/inferenceservices?watch=1"
Isvc = Callable[..., dict[str, Any]]


@pytest.fixture
def api(server: Any) -> Iterator[client.CustomObjectsApi]:
    with config.new_client_from_config(str(server.kubeconfig)) as connection:
        yield client.CustomObjectsApi(connection)


def labelled(isvc: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {**isvc, "metadata": {**isvc["metadata"], "labels": labels}}


def events(api: client.CustomObjectsApi, count: int, **asked: Any) -> list[tuple[str, str]]:
    """The first `count` events; fewer only if 20 seconds do not bring them."""
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object, *KIND, timeout_seconds=20, **asked
    )
    found = itertools.islice(stream, count)
    return [(event["type"], event["object"]["metadata"]["name"]) for event in found]


def test_a_watch_begins_with_what_is_there_or_after_a_resource_version(
    api: client.CustomObjectsApi, isvc: Isvc, server: Any
) -> None:
    first = server.store.create(INFERENCE_SERVICES, isvc("a"))
    server.store.create(INFERENCE_SERVICES, isvc("b"))
    server.store.create(REVISIONS, {"metadata": {"name": "r", "namespace": "ml"}})
    server.store.delete(INFERENCE_SERVICES, "ml", "b")
    version = first["metadata"]["resourceVersion"]
    assert events(api, 1) == [("ADDED", "a")]
    assert events(api, 2, resource_version=version) == [("ADDED", "b"), ("DELETED", "b")]


def test_a_watch_by_label_sees_objects_come_and_go(
    api: client.CustomObjectsApi, isvc: Isvc, server: Any
) -> None:
    seen: list[str] = []
    stream = watch.Watch()

    def follow() -> None:
        for event in stream.stream(
            api.list_namespaced_custom_object, *KIND, label_selector="team=x", timeout_seconds=20
        ):
            seen.append(event["type"])
            steps[len(seen)]()
            if event["type"] == "DELETED":
                stream.stop()

    def label(team: str, **predictor: int) -> None:
        body = labelled(isvc("a", **predictor), team=team)
        server.store.replace(INFERENCE_SERVICES, body)

    steps: dict[int, Callable[[], Any]] = {
        1: lambda: label("x", minReplicas=2),
        2: lambda: label("y"),
        3: lambda: None,
    }
    server.store.create(INFERENCE_SERVICES, labelled(isvc("a"), team="x"))
    thread = threading.Thread(target=follow)
    thread.start()
    thread.join(20)
    assert seen == ["ADDED", "MODIFIED", "DELETED"]


def test_a_watch_from_a_forgotten_version_is_told_so(
    api: client.CustomObjectsApi, server: Any
) -> None:
    with pytest.raises(client.ApiException) as error:
        events(api, 1, resource_version="999999")
    assert error.value.status == 410


def test_a_bookmark_tells_a_watch_how_far_it_is(
    api: client.CustomObjectsApi, isvc: Isvc, server: Any
) -> None:
    server.store.create(INFERENCE_SERVICES, isvc())
    newest = server.store.resource_version()
    lines = api.list_namespaced_custom_object(
        *KIND,
        watch=True,
        allow_watch_bookmarks=True,
        timeout_seconds=1,
        resource_version=str(newest - 1),
        _preload_content=False,
    ).data.splitlines()
    assert [b'"ADDED"' in lines[0], b'"BOOKMARK"' in lines[1], len(lines)] == [True, True, 2]
    assert f'"resourceVersion":"{newest}"'.encode() in lines[1]


def test_a_table_watch_names_its_columns_once(server: Any, isvc: Isvc) -> None:
    for name in ("a", "b"):
        server.store.create(INFERENCE_SERVICES, isvc(name))
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    request = urllib.request.Request(server.url + PATH, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as response:
        first, second = (json.loads(response.readline())["object"] for _ in range(2))
    assert [first["kind"], first["rows"][0]["cells"][0]] == ["Table", "a"]
    assert first["columnDefinitions"][0]["name"] == "Name"
    assert [second["columnDefinitions"], second["rows"][0]["cells"][0]] == [None, "b"]


def test_a_list_by_watch_marks_where_the_past_ends(server: Any, isvc: Isvc) -> None:
    server.store.create(INFERENCE_SERVICES, isvc())
    asked = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    with urllib.request.urlopen(server.url + PATH + asked, timeout=10) as response:
        added, mark = (json.loads(response.readline()) for _ in range(2))
    assert (added["type"], mark["type"]) == ("ADDED", "BOOKMARK")
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_server_that_stops_ends_its_watches(server: Any, isvc: Isvc) -> None:
    server.store.create(INFERENCE_SERVICES, isvc())
    with urllib.request.urlopen(server.url + PATH, timeout=10) as response:
        assert json.loads(response.readline())["type"] == "ADDED"
        server.stop()
        assert response.read() == b""
