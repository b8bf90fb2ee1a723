"""Addresses: which service, which tag, which path; and who stands in for whom."""

from __future__ import annotations

import pytest

from serving.local.routes import Route, RouteTable, Service, Target, is_prediction

IRIS = Route("default", "iris", (Target("r2", 10, "latest"), Target("r1", 90, "prev")), stable="r1")


def table(*routes: Route) -> RouteTable:
    made = RouteTable()
    for route in routes or (IRIS,):
        made.set(route)
    return made


@pytest.mark.parametrize(
    ("target", "host", "tag", "path"),
    [
        ("/serving/default/iris/v1/models/iris:predict", "", None, "/v1/models/iris:predict"),
        ("/serving/default/iris-predictor/v2", "", None, "/v2"),
        ("/serving/default/prev-iris-predictor/v2", "", "prev", "/v2"),
        ("/serving/default/latest-iris-predictor/", "", "latest", "/"),
        ("/serving/default/iris", "", None, "/"),
        ("/serving/default/iris?x=1", "", None, "/?x=1"),
        ("/serving/default/iris/a%2Fb//c/?", "", None, "/a%2Fb//c/?"),
        ("/serving/default/iris/serving/default/iris/x", "", None, "/serving/default/iris/x"),
        ("/v2/models?a=/serving/", "iris.default.example.com", None, "/v2/models?a=/serving/"),
        ("/v2", "iris-predictor.default.svc.cluster.local:8080", None, "/v2"),
        ("/v2", "prev-iris-predictor.default", "prev", "/v2"),
        ("/v2", "Iris.DEFAULT.example.com", None, "/v2"),
        ("/v2", "iris.default:8601", None, "/v2"),
        ("http://iris.default.example.com/v2?x=http://y", "", None, "/v2?x=http://y"),
        ("http://127.0.0.1:8601/serving/default/iris/v2", "", None, "/v2"),
        ("http://iris.default.example.com", "", None, "/"),
    ],
)
def test_these_addresses_lead_to_the_service(
    target: str, host: str, tag: str | None, path: str
) -> None:
    match = table().match(target, host)
    assert match is not None
    assert (match.service.route, match.tag, match.path) == (IRIS, tag, path)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("/serving/default/rose/v2", ""),
        ("/serving/other/iris/v2", ""),
        ("/serving/default/next-iris-predictor/v2", ""),
        ("/serving/", ""),
        ("/v2", "127.0.0.1:8601"),
        ("/v2", "iris"),
        ("/v2", ""),
        ("*", "iris"),
        ("/metrics", "localhost:8601"),
    ],
)
def test_these_addresses_lead_nowhere(target: str, host: str) -> None:
    assert table().match(target, host) is None


def test_a_service_wins_over_another_ones_tag() -> None:
    other = Route("default", "prev-iris", (Target("p1", 100),), "p1")
    for order in ((IRIS, other), (other, IRIS)):
        match = table(*order).match("/serving/default/prev-iris-predictor/", "")
        assert match is not None
        assert match.service.route is other


def test_a_removed_service_is_gone_and_its_tags_are_too() -> None:
    made = table()
    made.remove("default", "iris")
    made.remove("default", "iris")
    assert made.known() == []
    assert made.match("/serving/default/prev-iris-predictor/", "") is None


def test_a_revision_that_is_named_twice_gets_the_sum() -> None:
    route = Route("default", "iris", (Target("r1", 10), Target("r1", 90, "prev")), "r1")
    assert route.percents() == {"r1": 100}


@pytest.mark.parametrize(
    ("failed", "ready", "stand_in"),
    [
        ("r3", {"r1", "r2", "r3"}, "r1"),
        ("r1", {"r1", "r2", "r3"}, "r2"),
        ("r1", {"r1", "r3"}, "r3"),
        ("r3", {"r3"}, None),
        ("r1", {"r0"}, None),
        (None, {"r2"}, "r2"),
    ],
)
def test_the_stable_one_stands_in_else_the_largest_share_but_never_nought_percent(
    failed: str | None, ready: set[str], stand_in: str | None
) -> None:
    targets = (Target("r0", 0), Target("r3", 10), Target("r2", 30), Target("r1", 60))
    service = Service(Route("default", "iris", targets, "r1"))
    assert service.substitute(failed, ready.__contains__) == stand_in


@pytest.mark.parametrize(
    ("method", "path", "counted"),
    [
        ("POST", "/v1/models/iris:predict", True),
        ("POST", "/v1/models/iris:predict?x=1", True),
        ("POST", "/v1/models/iris%3Apredict", True),
        ("POST", "/v2/models/iris/%69nfer?x=1", True),
        ("POST", "/v1/models/iris:explain", True),
        ("POST", "/v2/models/iris/infer", True),
        ("POST", "/v2/models/iris/versions/1/infer", True),
        ("GET", "/v2/models/iris/infer", False),
        ("POST", "/v2/repository/models/iris/load", False),
        ("POST", "/kanarya/fault?x=:predict", False),
        ("GET", "/v1/models/iris", False),
    ],
)
def test_only_questions_to_a_model_are_predictions(method: str, path: str, counted: bool) -> None:
    assert is_prediction(method, path) is counted
