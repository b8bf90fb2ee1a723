"""What the counters of a service say of errors and latency, and which rollouts wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.alerts import traffic
from pipelines.alerts.deciding import Measured, Unknown
from pipelines.alerts.outbox import opened
from serving.isvc.resource import LIVE_VERSION, ROLLOUT, ServiceView
from serving.local import kubeconfig
from serving.rollout.observation import Counts, NotMeasured, Observation
from serving.rollout.policy import Policy
from serving.rollout.state import Phase, Rollout
from serving.settings import Settings
from tests.pipelines.alerts.conftest import NOW

AT = NOW.timestamp()
BOUNDS = (0.01, 1.0, float("inf"))
VIEW = ServiceView("iris", "ml", rolled_out="iris-1", annotations={LIVE_VERSION: "3"})


class Counter:
    """A source that says what it is given."""

    def __init__(self, *seen: Observation | NotMeasured) -> None:
        self._seen = list(seen)

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        return self._seen.pop(0)


def counted(after: float, requests: int, errors: int = 0, slow: int = 0) -> Observation:
    counts = Counts(requests, errors, (requests - slow, slow, 0), BOUNDS)
    return Observation(1.0, AT + after, {"iris-1": counts})


def looked(settings: Settings, *seen: Observation | NotMeasured) -> list[Measured | Unknown]:
    """What the last of some looks finds."""
    source, found = Counter(*seen), list[Measured | Unknown]()
    with opened(settings) as outbox:
        for each in seen:
            at = each.at if isinstance(each, Observation) else AT
            found = [*traffic.of_service(VIEW, source, outbox, at)]
    return found


STORIES = {
    "the first look": ([counted(0, 900, 900)], {}),
    "too soon": ([counted(0, 0), counted(30, 900, 900)], {}),
    "all fail": ([counted(0, 0), counted(100, 900, 900)], {"error_rate": 1.0, "p99": 0.0099}),
    "some fail": ([counted(0, 100, 100), counted(100, 200, 110)], {"error_rate": 0.1}),
    "slow ones": ([counted(0, 0), counted(100, 100, 0, 50)], {"error_rate": 0.0, "p99": 0.9802}),
    "hardly asked": ([counted(0, 0), counted(100, 9, 9)], {}),
    "the last five minutes": (
        [counted(0, 0), counted(300, 900, 900), counted(600, 1800, 900)],
        {"error_rate": 0.0},
    ),
    "counters began anew": ([counted(0, 900), counted(100, 50, 50)], {}),
}


@pytest.mark.parametrize("name", STORIES)
def test_errors_and_latency_are_those_of_the_last_minutes(settings: Settings, name: str) -> None:
    seen, expected = STORIES[name]
    found = [each for each in looked(settings, *seen) if isinstance(each, Measured)]
    values = {each.signal: each.value for each in found}
    assert {key: values.get(key) for key in expected} == pytest.approx(expected, rel=1e-3)
    assert bool(values) == bool(expected)
    assert all(each.labels == {"model": "iris", "version": "3"} for each in found)


def test_a_service_has_one_source_for_all_looks(settings: Settings) -> None:
    """Prometheus' adds up what it has seen: a new one each time would never measure anything."""
    first = traffic._source(settings, "ml", "iris")
    assert traffic._source(replace(settings), "ml", "iris") is first
    assert traffic._source(settings, "ml", "wine") is not first


def test_what_cannot_be_measured_is_unknown(settings: Settings) -> None:
    found = looked(settings, counted(0, 0), NotMeasured("nobody answers"))
    assert {each.signal for each in found if isinstance(each, Unknown)} == {"error_rate", "p99"}


ROLLOUT_4 = Rollout("r", "iris", "4", "/m/4", Policy(), since=AT - 600, reason="Too few requests.")
PHASES = [
    (Phase.HELD, "It is held: Too few requests."),
    (Phase.APPROVAL, "It waits for an approval: Too few requests."),
    (Phase.OBSERVING, None),
    (Phase.PAUSED, None),
    (Phase.PROMOTED, None),
]


@pytest.mark.parametrize(("phase", "said"), PHASES)
def test_a_rollout_that_waits_for_a_person_is_told(
    settings: Settings, phase: Phase, said: str | None
) -> None:
    written = replace(ROLLOUT_4, phase=phase).to_json()
    view = replace(VIEW, annotations={ROLLOUT: written})
    with opened(settings) as outbox:
        seen = [*traffic.of_service(view, Counter(counted(0, 0)), outbox, AT)]
    waits = [each for each in seen if isinstance(each, Measured) and each.signal == "rollout_waits"]
    assert [(each.value, each.labels["version"], each.detail) for each in waits] == (
        [(600.0, "4", said)] if said else []
    )


def test_a_damaged_annotation_is_unknown_not_well(settings: Settings) -> None:
    view = replace(VIEW, annotations={ROLLOUT: "{"})
    with opened(settings) as outbox:
        seen = [*traffic.of_service(view, Counter(), outbox, AT)]
    assert {each.signal for each in seen} == set(traffic.SIGNALS)
    assert all(isinstance(each, Unknown) for each in seen)


def test_a_cluster_that_is_away_leaves_everything_unknown(settings: Settings) -> None:
    with opened(settings) as outbox:
        assert [*traffic.measured(settings, outbox, NOW)] == []
        settings.home.mkdir(exist_ok=True)
        kubeconfig.write(settings.kubeconfig, "http://127.0.0.1:9", "default")
        found = [*traffic.measured(settings, outbox, NOW)]
    unknown = {each.signal for each in found if isinstance(each, Unknown)}
    assert unknown == {*traffic.SIGNALS, "worse"}
