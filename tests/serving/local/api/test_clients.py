"""The Python client that our own code and other people's use: CustomObjectsApi."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config

from serving.local.resources import INFERENCE_SERVICES

KIND = ("serving.kserve.io", "v1beta1", "ml", "inferenceservices")
Isvc = Callable[..., dict[str, Any]]


@pytest.fixture
def api(server: Any) -> Iterator[client.CustomObjectsApi]:
    with config.new_client_from_config(str(server.kubeconfig)) as connection:
        yield client.CustomObjectsApi(connection)


def labelled(isvc: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {**isvc, "metadata": {**isvc["metadata"], "labels": labels}}


def test_create_patch_read_and_delete(api: client.CustomObjectsApi, isvc: Isvc) -> None:
    made = api.create_namespaced_custom_object(*KIND, isvc())
    patch = {"spec": {"predictor": {"canaryTrafficPercent": 10}}}
    patched = api.patch_namespaced_custom_object(*KIND, "iris", patch)
    assert patched["spec"]["predictor"]["canaryTrafficPercent"] == 10
    assert patched["metadata"]["generation"] == 2
    removal = {"spec": {"predictor": {"canaryTrafficPercent": None}}}
    api.patch_namespaced_custom_object(*KIND, "iris", removal)
    read = api.get_namespaced_custom_object(*KIND, "iris")
    assert read["spec"] == made["spec"]
    found = api.list_cluster_custom_object("serving.kserve.io", "v1beta1", "inferenceservices")
    assert [item["metadata"]["name"] for item in found["items"]] == ["iris"]
    api.delete_namespaced_custom_object(*KIND, "iris")
    with pytest.raises(client.ApiException) as error:
        api.get_namespaced_custom_object(*KIND, "iris")
    assert error.value.status == 404


def test_a_stale_patch_and_a_stale_replace_are_conflicts(
    api: client.CustomObjectsApi, isvc: Isvc
) -> None:
    made = api.create_namespaced_custom_object(*KIND, isvc())
    newer = api.patch_namespaced_custom_object(
        *KIND, "iris", {"metadata": {"annotations": {"a": "b"}}}
    )
    assert newer["metadata"]["generation"] == 1
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    for attempt in (
        lambda: api.patch_namespaced_custom_object(*KIND, "iris", {**stale, "spec": {}}),
        lambda: api.replace_namespaced_custom_object(*KIND, "iris", made),
    ):
        with pytest.raises(client.ApiException) as error:
            attempt()
        assert error.value.status == 409
    assert api.get_namespaced_custom_object(*KIND, "iris") == newer
    assert api.replace_namespaced_custom_object(*KIND, "iris", newer) == newer


def test_a_list_is_selected_by_labels_and_name(
    api: client.CustomObjectsApi, isvc: Isvc, server: Any
) -> None:
    for name, team in (("a", "x"), ("b", "y"), ("c", "x")):
        server.store.create(INFERENCE_SERVICES, labelled(isvc(name), team=team))

    def names(**asked: str) -> list[str]:
        found = api.list_namespaced_custom_object(*KIND, **asked)
        return [item["metadata"]["name"] for item in found["items"]]

    assert names(label_selector="team=x") == ["a", "c"]
    assert names(label_selector="team in (y,z)") == ["b"]
    assert names(field_selector="metadata.name=b") == ["b"]
    assert names(field_selector="metadata.name!=b", label_selector="team") == ["a", "c"]


def test_an_admission_refusal_reaches_the_client(api: client.CustomObjectsApi, isvc: Isvc) -> None:
    with pytest.raises(client.ApiException) as error:
        api.create_namespaced_custom_object(*KIND, isvc("iris", minReplicas=-1))
    assert error.value.status == 403
    assert "denied the request: MinReplicas cannot be less than 0" in str(error.value.body)


def test_a_percent_out_of_range_is_admitted_as_in_kserve(
    api: client.CustomObjectsApi, isvc: Isvc
) -> None:
    made = api.create_namespaced_custom_object(*KIND, isvc(canaryTrafficPercent=150))
    assert made["spec"]["predictor"]["canaryTrafficPercent"] == 150


def test_the_generated_clients_find_what_is_here(api: client.CustomObjectsApi) -> None:
    """They ask with a slash at the end: /apis/, /version/."""
    at = api.api_client
    assert client.VersionApi(at).get_code().major == "1"
    assert client.CoreApi(at).get_api_versions().versions == ["v1"]
    groups = [group.name for group in client.ApisApi(at).get_api_versions().groups]
    assert groups == sorted(groups)
    assert client.AppsApi(at).get_api_group().preferred_version.version == "v1"
    kinds = client.AppsV1Api(at).get_api_resources().resources
    assert [(kind.name, kind.categories) for kind in kinds] == [("deployments", ["all"])]
