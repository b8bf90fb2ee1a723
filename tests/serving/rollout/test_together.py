"""The gateway's requests beside the predictors' rows: the second half never blocks the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from serving.isvc.resource import METRICS_URL, ServiceView
from serving.local.gateway_metrics import Metrics
from serving.rollout.observation import Counts, NotMeasured, Observation
from serving.rollout.sources import (
    ChosenSource,
    GatewaySource,
    PredictorSource,
    PrometheusSource,
    Together,
    source_for,
)
from serving.rollout.sources.choice import kind_for
from serving.settings import Settings
from tests.serving.rollout.metrics_kit import CANARY, STABLE, Answer, Exporter, serving, site

Told = Observation | NotMeasured
DOWN = NotMeasured("no metrics from http://x (Connection refused); see whether it is up")
BOUNDS = (0.5, float("inf"))


@dataclass
class Script:
    """A source that says one thing after the other, and the last for ever."""

    says: Sequence[Told]
    asked: list[float] = field(default_factory=list)

    def observe(self, view: ServiceView, now: float) -> Told:
        self.asked.append(now)
        said = self.says[min(len(self.asked), len(self.says)) - 1]
        return replace(said, at=now) if isinstance(said, Observation) else said


def asked(requests: int, errors: int = 0) -> Observation:
    return Observation(1.0, 0.0, {CANARY: Counts(requests, errors, (requests,), (1.0,))})


def rows(yes: int, epoch: float = 5.0) -> Observation:
    found = Counts(classes={"no": 1, "yes": yes}, confidence=(1, yes), confidence_bounds=BOUNDS)
    return Observation(epoch, 0.0, {CANARY: found})


def looks(first: Sequence[Told], second: Sequence[Told], times: int) -> list[Told]:
    source = Together(Script(first), Script(second))
    return [source.observe(serving(), 10.0 * look) for look in range(times)]


def yes(seen: Told) -> int | None:
    assert isinstance(seen, Observation)
    found = seen.of(CANARY)
    assert sum(found.classes.values()) == sum(found.confidence)
    return found.classes.get("yes")


@pytest.mark.parametrize(
    ("second", "found"),
    [
        ([rows(3), rows(5), rows(9)], [3, 5, 9]),
        ([DOWN, DOWN, DOWN], [None, None, None]),
        ([rows(3), DOWN, rows(9)], [3, 3, 9]),
        ([DOWN, rows(100), rows(104)], [None, None, 4]),
        # A restart loses the rows between; one that already outgrew its past invents none.
        ([rows(3), rows(1, 6.0), rows(4, 6.0)], [3, 3, 6]),
        ([rows(3), rows(80, 6.0), rows(84, 6.0)], [3, 3, 7]),
        # A reading that went back within its epoch is no reading.
        ([rows(9), rows(4), rows(6)], [9, 9, 11]),
    ],
)
def test_rows_never_fall_and_none_is_invented(
    second: Sequence[Told], found: list[int | None]
) -> None:
    seen = looks([asked(10), asked(20), asked(30)], second, 3)
    assert [look.of(CANARY).requests for look in seen] == [10, 20, 30]
    assert [yes(look) for look in seen] == found
    assert len({look.epoch for look in seen}) == 1, "the requests must go on"


def test_a_first_half_that_is_missing_is_not_measured() -> None:
    assert looks([DOWN, asked(4)], [rows(3)], 2)[0] == DOWN


def test_the_epoch_of_the_first_is_told() -> None:
    before, after = looks([asked(4), replace(asked(9), epoch=2.0)], [rows(3)], 2)
    assert not after.continues(before)


def test_another_process_goes_on_where_both_counted_from_the_same_beginning() -> None:
    before = looks([asked(4)], [rows(3)], 1)[0]
    after = looks([asked(9)], [rows(8)], 1)[0]
    assert after.continues(before) and yes(after) == 8


@pytest.mark.parametrize("second", [[rows(8, 6.0)], [DOWN]])
def test_another_process_subtracts_no_rows_of_another_beginning(second: Sequence[Told]) -> None:
    before = looks([asked(4)], [rows(3)], 1)[0]
    source = Together(Script([asked(9)]), Script(second))
    assert not source.observe(serving(), 77.0).continues(before)


def test_predictors_are_asked_once_a_second_and_less_where_they_do_not_answer() -> None:
    good, bad = Script([rows(3)]), Script([DOWN])
    for second in (good, bad):
        source = Together(Script([asked(4)]), second)
        for step in range(60):
            source.observe(serving(), 100 + step / 5)
    assert len(good.asked) == 12 and len(bad.asked) == 3


def test_a_gateway_and_predictors_make_one_observation() -> None:
    metrics = Metrics(started_at=5.0)
    for revision, requests in ((STABLE, 9), (CANARY, 3)):
        for _ in range(requests):
            metrics.service("ml", "iris").attempt(revision, "200", 0.01)
    predictor = Exporter()
    predictor.count(3)

    def page(path: str, _: object) -> Answer:
        return Answer(
            metrics.render() if path.startswith("/metrics") else predictor.predictor().encode()
        )

    with site(page) as url:
        view = serving(url=url, annotations={METRICS_URL: f"{url}/metrics"})
        seen = ChosenSource(Settings.from_env({})).observe(view, 7.0)
    assert isinstance(seen, Observation)
    assert (seen.of(STABLE).requests, seen.of(CANARY).requests) == (9, 3)
    assert seen.of(CANARY).classes == {"setosa": 3, "virginica": 0}


LOCAL = {METRICS_URL: "http://127.0.0.1:1/metrics"}
WITH = {"KANARYA_PROMETHEUS_URL": "http://prometheus:9090"}


@pytest.mark.parametrize(
    ("env", "annotations", "kind"),
    [
        ({}, LOCAL, "gateway"),
        ({}, {}, "predictors"),
        (WITH, {}, "prometheus"),
        (WITH, LOCAL, "gateway"),
        ({**WITH, "KANARYA_METRICS": "prometheus"}, LOCAL, "prometheus"),
        ({**WITH, "KANARYA_METRICS": "predictors"}, LOCAL, "predictors"),
        ({"KANARYA_METRICS": "gateway"}, {}, "gateway"),
    ],
)
def test_the_setting_is_followed_then_what_there_is(
    env: dict[str, str], annotations: dict[str, str], kind: str
) -> None:
    settings = Settings.from_env(env)
    view = serving(annotations=annotations)
    assert kind_for(view, settings) == kind
    source = source_for(view, settings)
    assert Settings.from_env(settings.environment()).metrics == settings.metrics
    first = source.first if isinstance(source, Together) else source
    expected = {"gateway": GatewaySource, "predictors": PredictorSource}
    assert isinstance(first, expected.get(kind, PrometheusSource))


def test_what_was_seen_is_remembered_between_looks() -> None:
    source = ChosenSource(Settings.from_env({"KANARYA_METRICS": "predictors"}))
    pods = {STABLE: Exporter(born=1.0), CANARY: Exporter(born=2.0)}
    with site(lambda path, _: Answer(pods[path.split("/")[1]].predictor().encode())) as url:
        for born in (2.0, 3.0):
            pods[CANARY].born = born
            assert isinstance(source.observe(serving(url=url), born), Observation)
        pods[CANARY].born = 2.0
        assert isinstance(source.observe(serving(url=url), 4.0), NotMeasured)
