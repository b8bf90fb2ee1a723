from __future__ import annotations

import pytest

from serving.local.knative import TrafficTarget, Wanted, hold, settle, traffic_block
from serving.local.observed import READY, STARTING
from serving.local.propagation import Seen, ksvc_status, read_state
from tests.serving.local.a3_rows import CANARY, ROWS, Expect, Loaded, Loads, Patch, Row
from tests.serving.local.paper import ADDRESSES, CRASHED, Paper, played


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_traffic_follows_the_table(row: Row) -> None:
    paper = Paper()
    for number, (operation, expected) in enumerate(row.steps):
        assert paper.play(operation) == expected, f"step {number}: {operation}"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_no_operation_ever_asks_for_shares_that_do_not_add_up_to_100(row: Row) -> None:
    paper = Paper()
    for operation, _ in row.steps:
        paper.play(operation)
        assert sum(target.percent for target in paper.state.asked) == 100
        assert sum(target.percent for target in paper.state.served) in (0, 100)


@pytest.mark.parametrize(
    ("percent", "rolledout", "block"),
    [
        (None, None, [(True, 100, None)]),
        (None, "a-00001", [(True, 100, None)]),
        (20, None, [(True, 100, None)]),
        (20, "a-00001", [(True, 20, None), (False, 80, "prev")]),
        (0, "a-00001", [(True, 0, None), (False, 100, "prev")]),
        (100, "a-00001", [(True, 100, None)]),
    ],
)
def test_the_traffic_block_of_a_percent(percent: int | None, rolledout: str, block: list) -> None:
    made = traffic_block(Wanted(percent), rolledout)
    assert [(target.latest, target.percent, target.tag) for target in made] == block


def test_tag_routing_gives_the_latest_revision_an_address_of_its_own() -> None:
    paper = played(Patch("m1"), Patch("m2", 10), tagged=True)
    traffic = paper.status("now")["components"]["predictor"]["traffic"]
    assert [(entry["tag"], entry["url"]) for entry in traffic] == [
        ("latest", "http://127.0.0.1:8601/serving/ml/latest-iris-predictor"),
        ("prev", "http://127.0.0.1:8601/serving/ml/prev-iris-predictor"),
    ]


def test_the_spec_of_a_ksvc_names_no_revision_for_the_latest_target() -> None:
    paper = played(Patch("m1"), Patch("m2", 10))
    assert [target.to_json() for target in paper.state.asked] == [
        {"latestRevision": True, "percent": 10},
        {
            "latestRevision": False,
            "percent": 90,
            "revisionName": "iris-predictor-00001",
            "tag": "prev",
        },
    ]


def test_a_rollback_to_a_revision_that_must_start_first_keeps_the_present_traffic() -> None:
    paper = played(Patch("m1"), Patch("m2", 10), Patch(percent=None))
    paper.observed["iris-predictor-00001"] = STARTING
    assert paper.play(Patch(percent=0)).traffic == "v2*:0 v2:100"
    assert paper.play(Loaded("m1")) == Expect("v2*:0 v1:100", "v1", "v1")


def test_a_rollback_works_while_the_promoted_revision_is_down() -> None:
    paper = played(Patch("m1"), Patch("m2", 10), Patch(percent=None))
    paper.observed["iris-predictor-00002"] = CRASHED
    assert paper.play(Patch(percent=0)).traffic == "v2*:0 v1:100"


def test_a_canary_that_crashed_gets_no_greater_share() -> None:
    paper = played(Patch("m1"), Patch("m2", 10))
    paper.observed["iris-predictor-00002"] = CRASHED
    assert paper.play(Patch(percent=50)).traffic == "v2*:10 v1:90"
    assert paper.play(Loaded("m2")).traffic == "v2*:50 v1:50"


def test_a_refused_spec_leaves_what_is_asked_but_follows_readiness() -> None:
    paper = played(Patch("m1"), Patch("m2", 10, Loads.WHEN_TOLD))
    paper.observed["iris-predictor-00002"] = READY
    held = hold(paper.state, paper.observed)
    assert (held.asked, held.rolledout) == (paper.state.asked, paper.state.rolledout)
    assert [target.percent for target in held.served] == [10, 90]


def test_the_processes_that_are_needed_include_the_previous_champion() -> None:
    paper = played(Patch("m1"), Patch("m2", 10), Patch(percent=None))
    assert paper.state.running() == {"iris-predictor-00001", "iris-predictor-00002"}
    paper.play(Patch("m3", 10))
    assert len(paper.state.running()) == 3
    paper.play(Patch(percent=None))
    assert paper.state.running() == {"iris-predictor-00002", "iris-predictor-00003"}


def test_a_settled_state_stays_as_it_is() -> None:
    for row in ROWS:
        paper = played(*(operation for operation, _ in row.steps))
        assert settle(paper.state, paper.wanted, paper.observed) == paper.state


def test_what_is_kept_in_the_objects_is_the_whole_state() -> None:
    paper = played(*(operation for operation, _ in CANARY))
    status = ksvc_status(paper.ksvc(), Seen(paper.state, paper.observed, ADDRESSES, "now"))
    spec = {"traffic": [target.to_json() for target in paper.state.asked]}
    assert read_state(paper.isvc, {"spec": spec, "status": status}) == paper.state


def test_a_traffic_entry_survives_being_written() -> None:
    for target in (TrafficTarget(10, True, "a-00002", "latest"), TrafficTarget(90, False, "a")):
        assert TrafficTarget.from_json(target.to_json()) == target
