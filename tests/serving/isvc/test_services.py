"""One contract for everything that obeys `Services`: the fake, and the client on a real API."""

from __future__ import annotations

import pytest

from serving.errors import AlreadyExists, Conflict, NotFound
from serving.isvc.client import ServiceClient
from serving.isvc.drivers import KnativeDriver
from serving.isvc.resource import manifest, merge_patch
from serving.isvc.services import Services
from tests.serving.rollout.fake_cluster import FakeCluster

DRIVER = KnativeDriver()


@pytest.fixture(params=["fake", "api"])
def services(request: pytest.FixtureRequest) -> Services:
    if request.param == "fake":
        return FakeCluster()
    api: ServiceClient = request.getfixturevalue("api")
    return api


def made(services: Services, name: str = "iris", uri: str = "file:///models/1") -> None:
    services.create(manifest(name, services.namespace, uri, annotations={"a": "1"}))


def test_what_is_created_can_be_read(services: Services) -> None:
    made(services)
    view = services.get("iris")
    assert view is not None
    assert (view.name, view.namespace) == ("iris", services.namespace)
    assert (view.storage_uri, view.canary_percent) == ("file:///models/1", None)
    assert view.annotations["a"] == "1"
    assert view.uid and view.resource_version and view.generation == 1
    assert view.traffic == ()


def test_what_does_not_exist_is_none(services: Services) -> None:
    assert services.get("iris") is None


def test_creating_twice_is_refused(services: Services) -> None:
    made(services)
    with pytest.raises(AlreadyExists, match="iris: there is one already"):
        made(services)


def test_uri_and_percent_arrive_in_one_patch(services: Services) -> None:
    made(services)
    view = services.get("iris")
    assert view is not None
    spec = DRIVER.begin(view, "file:///models/2", 0)
    after = services.patch("iris", merge_patch(view, spec, {"b": "2"}))
    assert (after.storage_uri, after.canary_percent) == ("file:///models/2", 0)
    assert after.annotations["a"] == "1" and after.annotations["b"] == "2"
    assert after.generation == 2
    assert after == services.get("iris")


def test_a_promotion_takes_the_percent_away_and_leaves_the_rest(services: Services) -> None:
    made(services)
    view = services.get("iris")
    assert view is not None
    view = services.patch("iris", merge_patch(view, DRIVER.set_percent(view, 10), {}))
    assert view.canary_percent == 10
    view = services.patch("iris", merge_patch(view, DRIVER.promote(view), {"a": None}))
    assert (view.storage_uri, view.canary_percent) == ("file:///models/1", None)
    assert "a" not in view.annotations


def test_of_two_patches_on_one_view_the_second_is_a_conflict(services: Services) -> None:
    made(services)
    view = services.get("iris")
    assert view is not None
    services.patch("iris", merge_patch(view, {}, {"b": "first"}))
    with pytest.raises(Conflict, match="Read it again, then patch"):
        services.patch("iris", merge_patch(view, DRIVER.roll_back(view), {"b": "second"}))
    after = services.get("iris")
    assert after is not None
    assert (after.annotations["b"], after.canary_percent) == ("first", None)


def test_patching_and_deleting_what_is_not_there_is_told(services: Services) -> None:
    with pytest.raises(NotFound):
        services.patch("iris", {"metadata": {"annotations": {"a": "1"}}})
    with pytest.raises(NotFound):
        services.delete("iris")


def test_what_is_deleted_is_gone(services: Services) -> None:
    made(services)
    services.delete("iris")
    assert services.get("iris") is None
