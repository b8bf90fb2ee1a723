"""Any operations in any order: the real control plane against a model of what KServe says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from serving.local.resources import KNATIVE_SERVICES
from tests.serving.local.fake_cluster import FakeCluster

Line = tuple[bool, int, int]  # latestRevision, number of the revision, percent


@dataclass
class Model:
    """KServe's `createKnativeService` and `PropagateStatus`, and Knative between them.

    Written from the descriptions of both, not from the code under test: revisions are numbers.
    """

    uris: list[str] = field(default_factory=list)  # of revision 1, 2, …
    phases: dict[int, str] = field(default_factory=dict)
    ready: int = 0
    asked: list[tuple[int, int]] = field(default_factory=list)  # revision (0: latest), percent
    served: list[Line] = field(default_factory=list)
    rolledout: int = 0
    previous: int = 0

    @property
    def created(self) -> int:
        return len(self.uris)

    def apply(self, uri: str, percent: int | None) -> None:
        """Put a spec into force, unless Knative refuses its percent: then nothing of it is."""
        if percent is not None and not 0 <= percent <= 100:
            self.hold()
            return
        if not self.uris or self.uris[-1] != uri:  # only another template makes a revision
            self.uris.append(uri)
            self.phases[self.created] = "starting"
        self.settle(percent)

    def settle(self, percent: int | None) -> None:
        before = None
        while before != (before := repr(self)):
            self.configuration()
            self.ask(percent)
            self.route()
            self.infer()

    def hold(self) -> None:
        self.configuration()
        if self.asked:
            self.route()

    def configuration(self) -> None:
        """Move latestReady to the newest revision that is ready; it never goes back."""
        answering = [n for n, phase in self.phases.items() if phase == "ready"]
        self.ready = max([self.ready, *answering])

    def ask(self, percent: int | None) -> None:
        if percent is None or not self.rolledout or percent == 100:
            self.asked = [(0, 100)]
        else:
            self.asked = [(0, percent), (self.rolledout, 100 - percent)]

    def route(self) -> None:
        """Serve what is asked for, unless a revision that does not answer would get more by it."""
        if not self.ready:
            return
        wanted = [(to == 0, to or self.ready, percent) for to, percent in self.asked]
        for number in {number for _, number, _ in wanted}:
            grows = total(wanted, number) > total(self.served, number)
            if grows and self.phases[number] != "ready":
                return
        self.served = wanted

    def infer(self) -> None:
        for latest, number, percent in self.served:
            if not latest or number != self.ready:
                continue
            if self.rolledout != self.ready and percent == 100:
                self.previous, self.rolledout = self.rolledout, self.ready
            elif (
                self.rolledout == self.ready == self.created
                and percent < 100
                and total(self.served, number) == 100
                and self.previous
            ):
                self.rolledout = self.previous


def total(lines: list[Line], number: int) -> int:
    return sum(percent for _, to, percent in lines if to == number)


PERCENTS = st.sampled_from([None, 0, 1, 10, 50, 99, 100])
REFUSED = st.sampled_from([-10, 101, 150])


class KnativeMachine(RuleBasedStateMachine):
    """Whatever is done to a service, its status says what the model says."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster, self.count = FakeCluster(), 0

    def teardown(self) -> None:
        self.cluster.close()

    @initialize(percent=PERCENTS)
    def create(self, percent: int | None) -> None:
        self.model = Model()
        self.uri, self.percent = self.new_uri(), percent
        self.cluster.create({**self.served_from(self.uri), **self.share(percent)})
        self.model.apply(self.uri, percent)

    @rule(percent=PERCENTS)
    def delete_and_create_again(self, percent: int | None) -> None:
        self.cluster.delete()
        assert not self.cluster.processes.running()
        self.create(percent)

    @rule()
    def a_new_model(self) -> None:
        self.uri = self.new_uri()
        self.patch(self.served_from(self.uri))

    @rule(percent=st.one_of(PERCENTS, REFUSED))
    def a_new_model_and_a_percent(self, percent: int | None) -> None:
        self.uri, self.percent = self.new_uri(), percent
        self.patch({**self.served_from(self.uri), "canaryTrafficPercent": percent})

    @rule(percent=st.one_of(PERCENTS, REFUSED))
    def a_percent_alone(self, percent: int | None) -> None:
        self.percent = percent
        self.patch({"canaryTrafficPercent": percent})

    @rule(data=st.data(), percent=PERCENTS)
    def an_old_manifest(self, data: st.DataObject, percent: int | None) -> None:
        self.uri, self.percent = data.draw(st.sampled_from(self.model.uris)), percent
        self.patch({**self.served_from(self.uri), "canaryTrafficPercent": percent})

    @rule(data=st.data(), phase=st.sampled_from(["ready", "failed", "crashed"]))
    def something_becomes_of_a_process(self, data: st.DataObject, phase: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.cluster.processes.running())))
        number = int(key[-5:])
        self.model.phases[number] = phase
        self.cluster.becomes(key, phase)
        self.model.apply(self.uri, self.percent)

    @rule()
    def the_newest_is_ready(self) -> None:
        self.model.phases[self.model.created] = "ready"
        self.cluster.becomes(f"ml/iris-predictor-{self.model.created:05d}", "ready")
        self.model.apply(self.uri, self.percent)

    @precondition(lambda self: hasattr(self, "model"))
    @rule()
    def the_platform_restarts(self) -> None:
        self.cluster.restart()
        self.cluster.settle()

    @invariant()
    @precondition(lambda self: hasattr(self, "model"))
    def the_status_says_what_the_model_says(self) -> None:
        found = self.cluster.status().get("components", {}).get("predictor", {})
        numbers = {name: number(found.get(name)) for name in NAMES}
        model = self.model
        assert numbers == dict(
            zip(NAMES, (model.created, model.ready, *rolled(model)), strict=True)
        )
        assert lines(found.get("traffic", ())) == model.served

    @invariant()
    @precondition(lambda self: hasattr(self, "model"))
    def the_gateway_splits_as_the_status_says(self) -> None:
        targets = self.cluster.routing.routes["iris"].targets
        told = [(number(each.revision), each.percent) for each in targets]
        assert told == [(to, percent) for _, to, percent in self.model.served]
        assert sum(percent for _, percent in told) in (0, 100)

    @invariant()
    @precondition(lambda self: hasattr(self, "model"))
    def who_gets_traffic_runs_and_the_generation_is_the_ksvcs(self) -> None:
        running = {int(key[-5:]) for key in self.cluster.processes.running()}
        assert {to for _, to, _ in self.model.served} <= running
        found = self.cluster.store.list(KNATIVE_SERVICES, "ml")[0]
        generation = found[0]["metadata"]["generation"] if found else None
        assert self.cluster.status().get("observedGeneration") == generation

    def patch(self, predictor: dict[str, Any]) -> None:
        self.cluster.change(predictor=predictor)
        self.model.apply(self.uri, self.percent)

    def new_uri(self) -> str:
        self.count += 1
        return f"file:///m/{self.count}"

    def served_from(self, uri: str) -> dict[str, Any]:
        return {"model": {"modelFormat": {"name": "onnx"}, "storageUri": uri}}

    def share(self, percent: int | None) -> dict[str, Any]:
        return {} if percent is None else {"canaryTrafficPercent": percent}


NAMES = (
    "latestCreatedRevision",
    "latestReadyRevision",
    "latestRolledoutRevision",
    "previousRolledoutRevision",
)


def rolled(model: Model) -> tuple[int, int]:
    return model.rolledout, model.previous


def number(revision: str | None) -> int:
    return int(revision[-5:]) if revision else 0


def lines(traffic: Any) -> list[Line]:
    return [(t["latestRevision"], number(t["revisionName"]), t["percent"]) for t in traffic]


def played(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        KnativeMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_is_done_the_status_says_what_kserve_would_say() -> None:
    played(12, 12)


@pytest.mark.slow
def test_whatever_is_done_for_long_the_status_says_what_kserve_would_say() -> None:
    played(400, 30)
