"""The store: versions, generations, history and conflicts."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.errors import AlreadyExists, Conflict, NotFound
from serving.local.resources import EVENTS, INFERENCE_SERVICES, NAMESPACES, REVISIONS
from serving.local.statuses import Expired
from serving.local.store import Change, Store

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "services" / "platform.db", clock=lambda: NOW)
    yield opened
    opened.close()


def isvc(name: str = "iris", percent: int | None = None, **metadata: Any) -> dict[str, Any]:
    predictor = {} if percent is None else {"canaryTrafficPercent": percent}
    return {
        "metadata": {"name": name, "namespace": "ml", **metadata},
        "spec": {"predictor": predictor},
    }


def test_a_created_object_gets_what_the_server_owns(store: Store) -> None:
    made = store.create(INFERENCE_SERVICES, {**isvc(labels={"a": "b"}), "status": {"url": "x"}})
    uid = made["metadata"].pop("uid")
    assert len(uid) == 36
    assert made == {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": "iris",
            "namespace": "ml",
            "labels": {"a": "b"},
            "creationTimestamp": "2026-11-20T09:30:00Z",
            "generation": 1,
            "resourceVersion": "1",
        },
        "spec": {"predictor": {}},
    }


def test_a_name_is_taken_once_in_a_namespace(store: Store) -> None:
    store.create(INFERENCE_SERVICES, isvc())
    with pytest.raises(AlreadyExists, match='"iris" already exists'):
        store.create(INFERENCE_SERVICES, isvc())
    store.create(INFERENCE_SERVICES, isvc(namespace="other"))
    store.create(REVISIONS, isvc())
    assert len(store.list(INFERENCE_SERVICES, None)[0]) == 2
    assert len(store.list(INFERENCE_SERVICES, "ml")[0]) == 1


@pytest.mark.parametrize(
    ("change", "generation", "version"),
    [
        (lambda o: {**o, "spec": {"predictor": {"canaryTrafficPercent": 1}}}, 2, "2"),
        (lambda o: {**o, "metadata": {**o["metadata"], "labels": {"a": "b"}}}, 1, "2"),
        (lambda o: {**o, "status": {"url": "ignored"}}, 1, "1"),
        (lambda o: {**o, "metadata": {**o["metadata"], "generation": 7}}, 1, "1"),
        (lambda o: {**o, "metadata": {**o["metadata"], "creationTimestamp": "x"}}, 1, "1"),
        (lambda o: o, 1, "1"),
    ],
    ids=["spec", "label", "status", "generation", "creationTimestamp", "nothing"],
)
def test_the_generation_grows_with_the_spec_and_the_version_with_any_change(
    store: Store, change: Callable[[Any], Any], generation: int, version: str
) -> None:
    made = store.create(INFERENCE_SERVICES, isvc())
    after = store.replace(INFERENCE_SERVICES, change(made))
    assert after["metadata"]["generation"] == generation
    assert after["metadata"]["resourceVersion"] == version
    assert after["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]
    assert "status" not in after


def test_a_status_is_written_alone(store: Store) -> None:
    made = store.create(INFERENCE_SERVICES, isvc())
    sent = {**isvc(percent=9, labels={"a": "b"}), "status": {"url": "u"}}
    after = store.replace(INFERENCE_SERVICES, sent, status=True)
    assert (after["spec"], after["status"]) == (made["spec"], {"url": "u"})
    assert "labels" not in after["metadata"]
    assert store.replace(INFERENCE_SERVICES, isvc(percent=3))["status"] == {"url": "u"}


@pytest.mark.parametrize("metadata", [{"resourceVersion": "1"}, {"uid": "another"}])
def test_a_writer_that_saw_another_object_is_refused(
    store: Store, metadata: dict[str, str]
) -> None:
    store.create(INFERENCE_SERVICES, isvc())
    newest = store.replace(INFERENCE_SERVICES, isvc(percent=10))
    with pytest.raises(Conflict, match="Operation cannot be fulfilled"):
        store.replace(INFERENCE_SERVICES, isvc(percent=20, **metadata))
    assert store.get(INFERENCE_SERVICES, "ml", "iris") == newest


def test_what_is_not_there_is_not_found(store: Store) -> None:
    for attempt in (
        lambda: store.get(INFERENCE_SERVICES, "ml", "iris"),
        lambda: store.replace(INFERENCE_SERVICES, isvc()),
        lambda: store.delete(INFERENCE_SERVICES, "ml", "iris"),
    ):
        with pytest.raises(NotFound, match=r'inferenceservices.serving.kserve.io "iris" not found'):
            attempt()
    assert store.resource_version() == 0


def test_changes_are_told_in_order_after_the_commit(store: Store) -> None:
    told: list[Change] = []
    found: list[bool] = []

    def note(change: Change) -> None:
        told.append(change)
        found.append(store.changes(change.resource_version - 1) == [change])

    unsubscribe = store.subscribe(note)
    store.create(INFERENCE_SERVICES, isvc(labels={"a": "b"}))
    store.replace(INFERENCE_SERVICES, isvc(percent=10))
    store.delete(INFERENCE_SERVICES, "ml", "iris")
    unsubscribe()
    store.create(INFERENCE_SERVICES, isvc())
    assert [(c.type, c.resource_version, c.labels_before) for c in told] == [
        ("ADDED", 1, None),
        ("MODIFIED", 2, {"a": "b"}),
        ("DELETED", 3, {}),
    ]
    assert told == store.changes(0)[:3]
    assert found == [True] * 3


def test_a_broken_reader_disturbs_neither_the_write_nor_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Change] = []

    def broken(_: Change) -> None:
        raise ValueError("no")

    store.subscribe(broken)
    store.subscribe(told.append)
    store.create(INFERENCE_SERVICES, isvc())
    assert len(told) == 1
    assert "a subscriber failed" in caplog.text


def test_a_forgotten_past_and_a_future_are_expired(tmp_path: Path) -> None:
    store = Store(tmp_path / "platform.db", history=3)
    for percent in range(6):
        if percent:
            store.replace(INFERENCE_SERVICES, isvc(percent=percent))
        else:
            store.create(INFERENCE_SERVICES, isvc())
    assert [c.resource_version for c in store.changes(3)] == [4, 5, 6]
    for since in (0, 2, 7):
        with pytest.raises(Expired, match=rf"too old resource version: {since} \(6\)"):
            store.changes(since)
    store.close()


def test_a_dry_run_answers_and_keeps_nothing(store: Store) -> None:
    told: list[Change] = []
    store.subscribe(told.append)
    store.create(INFERENCE_SERVICES, isvc(), dry_run=True)
    assert store.list(INFERENCE_SERVICES, None) == ([], 0)
    made = store.create(INFERENCE_SERVICES, isvc())
    dry = store.replace(INFERENCE_SERVICES, isvc(percent=10), dry_run=True)
    assert (dry["metadata"]["generation"], dry["metadata"]["resourceVersion"]) == (2, "1")
    store.delete(INFERENCE_SERVICES, "ml", "iris", dry_run=True)
    assert store.get(INFERENCE_SERVICES, "ml", "iris") == made
    assert len(told) == 1


def test_events_are_forgotten_after_an_hour_without_news(tmp_path: Path) -> None:
    moments = [NOW]
    store = Store(tmp_path / "platform.db", clock=lambda: moments[0])
    store.create(EVENTS, isvc("old"))
    moments[0] = NOW + timedelta(minutes=50)
    store.create(EVENTS, isvc("young"))
    store.create(INFERENCE_SERVICES, isvc("old"))
    moments[0] = NOW + timedelta(minutes=61)
    store.create(EVENTS, isvc("new"))
    names = [event["metadata"]["name"] for event in store.list(EVENTS, "ml")[0]]
    assert names == ["new", "young"]
    assert store.changes(3)[0].type == "DELETED"
    store.close()


def test_a_cluster_wide_object_has_no_namespace(store: Store) -> None:
    made = store.create(NAMESPACES, {"metadata": {"name": "ml"}, "status": {"phase": "Active"}})
    assert "namespace" not in made["metadata"]
    assert store.get(NAMESPACES, "", "ml")["status"] == {"phase": "Active"}


def test_a_store_opened_again_has_everything(tmp_path: Path) -> None:
    first = Store(tmp_path / "platform.db")
    made = first.create(INFERENCE_SERVICES, isvc())
    first.close()
    second = Store(tmp_path / "platform.db")
    assert second.get(INFERENCE_SERVICES, "ml", "iris") == made
    assert second.resource_version() == 1
    assert second.changes(0)[0].object == made
    second.close()


def test_threads_get_a_version_each(store: Store) -> None:
    def write(part: int) -> None:
        for number in range(10):
            store.create(INFERENCE_SERVICES, isvc(f"n{part}-{number}"))

    told: list[int] = []
    store.subscribe(lambda change: told.append(change.resource_version))
    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert told == list(range(1, 41))
    assert store.list(INFERENCE_SERVICES, "ml")[1] == 40
