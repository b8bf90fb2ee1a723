"""What each driver reads of a service, as tables: what is live, failed, or changed by hand."""

from __future__ import annotations

import pytest

from serving.isvc.drivers import (
    Asked,
    ServiceDriver,
)
from serving.isvc.resource import ServiceView
from tests.serving.isvc.views import (
    CANARY,
    FAILED,
    KNATIVE,
    NAME,
    NEW,
    OLD,
    OTHER,
    R1,
    R2,
    R3,
    R4,
    R12,
    READY,
    STABLE,
    STANDARD,
    UP,
    entry,
    knative,
    line,
    standard,
    state,
)

SIGHTS: dict[str, tuple[ServiceView, bool, dict[str, int]]] = {
    "live, no canary": (standard(conditions=(READY,)), True, {STABLE: 100}),
    "asked for, and not in the status yet": (standard(entry(10)), False, {STABLE: 100}),
    "Ready does not know the canary": (
        standard(entry(10), said=[state(ready=False)], conditions=(READY,)),
        False,
        {STABLE: 100, CANARY: 0},
    ),
    "the canary is up": (UP, True, {STABLE: 90, CANARY: 10}),
    "the canary is up while Ready is not": (
        standard(entry(10), said=[state()], conditions=({"type": "Ready", "status": "False"},)),
        True,
        {STABLE: 90, CANARY: 10},
    ),
    "the spec asks for more than the controller has made": (
        standard(entry(50), said=[state()]),
        True,
        {STABLE: 90, CANARY: 10},
    ),
    "another canary is still in the status": (
        standard(entry(0), said=[state("mine", 30)]),
        False,
        {STABLE: 70, "iris-mine-predictor": 30},
    ),
    "rolled back, and the route is still the old one": (
        standard(said=[state()]),
        False,
        {STABLE: 90, CANARY: 10},
    ),
    "promoted, and the route is still the old one": (
        standard(uri=NEW, name=NAME, said=[state(percent=50)]),
        True,
        {CANARY: 50},
    ),
    "promoted": (standard(uri=NEW, name=NAME, conditions=(READY,)), True, {CANARY: 100}),
    "never live": (standard(model={}), False, {}),
}


@pytest.mark.parametrize(("view", "ready", "split"), SIGHTS.values(), ids=SIGHTS)
def test_what_is_live_is_read_from_the_status_and_never_from_the_spec(
    view: ServiceView, ready: bool, split: dict[str, int]
) -> None:
    assert STANDARD.canary_ready(view) is ready
    assert dict(STANDARD.live_split(view)) == split


def test_a_service_that_was_live_once_stays_so_whatever_ready_says() -> None:
    drained = standard(conditions=({"type": "Ready", "status": "False"},))
    assert STANDARD.stable_revision(drained) == STABLE
    assert STANDARD.stable_revision(standard(model={})) == ""
    assert STANDARD.stable_revision(standard(model={}, conditions=(READY,))) == STABLE


def test_kserve_remembers_nothing_to_go_back_to_in_standard_mode() -> None:
    assert STANDARD.previous_revision(standard(uri=NEW, name=NAME)) == ""


FAILURES = {
    "the canary's own": (standard(entry(), said=[state(modelStatus=FAILED)]), True),
    "the stable one's is not the canary's": (
        standard(entry(), said=[state()], model=FAILED),
        False,
    ),
    "KServe does not fill it": (
        standard(entry(), said=[state(ready=False, modelStatus={"transitionStatus": ""})]),
        False,
    ),
    "of the first version": (standard(model=FAILED), True),
    "of the version before this one": (standard(uri=NEW, name=NAME, model=FAILED), False),
}


@pytest.mark.parametrize(("view", "failed"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_believed_of_the_newest_deployment_alone(
    view: ServiceView, failed: bool
) -> None:
    assert (STANDARD.canary_failed(view) is not None) is failed


def test_what_keeps_a_canary_from_coming_up_is_told() -> None:
    waiting = {"type": "CanaryPredictorReady", "status": "False", "reason": "CanariesNotReady"}
    assert standard(entry(), conditions=(READY, waiting)).complaint == "CanariesNotReady"


# What a person changed

ASKED = Asked(NEW, 10, OLD)
DIFFERENCES = {
    "as asked": (UP, ASKED, None),
    "another percent": (standard(entry(77)), ASKED, "is 77 %"),
    "another model": (standard(entry(10, OTHER)), ASKED, OTHER),
    "another stable model": (standard(entry(10), uri=OTHER), ASKED, f"left it at {OLD}"),
    "a second canary": (standard(entry(10), entry(5, OTHER, "mine")), ASKED, "2 canaries"),
    "taken out by hand": (standard(), ASKED, "not set"),
    "promoted by hand": (standard(uri=NEW, name=NAME), ASKED, f"left it at {OLD}"),
    "taken out by us": (standard(), Asked(NEW, 0, OLD, taken_out=True), None),
    "put in again": (standard(entry(0)), Asked(NEW, 0, OLD, taken_out=True), "has a canary"),
    "promoted by us": (standard(uri=NEW, name=NAME), Asked(NEW, None, OLD), None),
    "a canary after it": (standard(entry(0, OTHER), uri=NEW), Asked(NEW, None, OLD), "a canary"),
}


@pytest.mark.parametrize(("view", "asked", "said"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_change_by_hand_is_found(view: ServiceView, asked: Asked, said: str | None) -> None:
    found = STANDARD.difference(view, asked)
    assert (found is None) if said is None else (found is not None and said in found)


def test_canaries_made_by_hand_stand_in_the_way_unless_they_get_nothing() -> None:
    assert "have 30 %" in (STANDARD.in_the_way(standard(entry(10), entry(20))) or "")
    assert STANDARD.in_the_way(standard(entry(0))) is None
    assert STANDARD.in_the_way(standard(entry(100))) is not None, "the list does not promote"


@pytest.mark.parametrize(
    ("newest", "before", "canary", "found"),
    [
        (R1, R1, "", False),
        (R2, R1, "", False),
        (R3, R1, "", False),
        (R4, R1, "", True),
        (R12, R1, "", True),
        (R2, R1, R2, False),
        (R3, R1, R2, True),
        (R3, "", "", False),
        ("", R1, "", False),
        ("odd", "names", "", False),
    ],
)
def test_a_rollout_makes_one_revision_and_notices_another(
    newest: str, before: str, canary: str, found: bool
) -> None:
    view = ServiceView("iris", "ml", latest_created=newest)
    said = KNATIVE.unasked(view, before, canary)
    assert (said is not None) is found
    assert said is None or "serviceAnnotationDisallowedList" in said


ADDRESSES = {
    "by tag": (
        knative(line(R2, "latest", latest=True), line(R1, "prev")),
        {R2: "http://latest-iris", R1: "http://prev-iris"},
    ),
    "the pinned tag of a revision that stands there twice": (
        knative(line(R1, "latest", latest=True), line(R1, "prev")),
        {R1: "http://prev-iris"},
    ),
    "without tag routing": (
        knative(line(R2, "", latest=True), line(R1, "prev")),
        {R2: "", R1: "http://prev-iris"},
    ),
    "by the Deployments' own Services": (
        UP,
        {STABLE: f"http://{STABLE}.ml", CANARY: f"http://{CANARY}.ml"},
    ),
    "as the local platform publishes them": (
        standard(
            entry(),
            said=[state()],
            annotations={"kanarya.dev/addresses": f'{{"{CANARY}": "http://x:1"}}'},
        ),
        {STABLE: f"http://{STABLE}.ml", CANARY: "http://x:1"},
    ),
    "of an annotation that somebody broke": (
        standard(annotations={"kanarya.dev/addresses": "{"}),
        {STABLE: f"http://{STABLE}.ml"},
    ),
}


@pytest.mark.parametrize(("view", "expected"), ADDRESSES.values(), ids=ADDRESSES)
def test_each_revision_has_an_address_of_its_own(
    view: ServiceView, expected: dict[str, str]
) -> None:
    assert ServiceDriver().addresses(view) == expected
