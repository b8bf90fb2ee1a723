"""Prometheus' answers, as its API sends them: rounds, staleness, doubles, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.sources import PrometheusSource, Server
from serving.rollout.sources.promql import (
    OPENTELEMETRY,
    PREDICTIONS,
    PREDICTOR,
    REQUESTS,
    expression,
)
from tests.serving.rollout.fake_prometheus import FakePrometheus, Scraped
from tests.serving.rollout.metrics_kit import CANARY, STABLE, Answer, serving, site, vector

A, B = f"{STABLE}-deployment-5d4f8-aaaaa", f"{CANARY}-deployment-7c9f6-bbbbb"


@pytest.fixture
def prometheus() -> Iterator[FakePrometheus]:
    fake = FakePrometheus()
    with site(fake.page) as url:
        fake.url = url
        yield fake


@dataclass
class Watcher:
    """A source whose clock goes on by itself; Prometheus' own clock goes as it is told."""

    fake: FakePrometheus
    source: PrometheusSource
    now: float = 0.0

    def look(self, at: float, percent: int = 10) -> Observation | NotMeasured:
        self.fake.at, self.now = at, self.now + 2
        return self.source.observe(serving(percent), self.now)


@pytest.fixture
def watcher(prometheus: FakePrometheus) -> Watcher:
    """Looked once: both pods were scraped, but not since the split."""
    found = Watcher(prometheus, PrometheusSource(Server(prometheus.url)))
    prometheus.scrape(A, 4990, {"200": 900})
    prometheus.scrape(B, 4995, {"200": 10})
    seen = found.look(5000)
    assert isinstance(seen, NotMeasured)
    assert "not every pod was scraped since the split changed; wait a scrape" in seen.reason
    return found


def numbers(seen: Observation | NotMeasured) -> tuple[int, int]:
    assert isinstance(seen, Observation), seen
    return seen.of(STABLE).requests, seen.of(CANARY).requests


def measured(watcher: Watcher) -> Observation:
    """The first reading: both were scraped after the split was seen."""
    watcher.fake.scrape(A, 5005, {"200": 990})
    watcher.fake.scrape(B, 5010, {"200": 20})
    seen = watcher.look(5011)
    assert numbers(seen) == (990, 20)
    assert isinstance(seen, Observation)
    return seen


def test_numbers_move_when_every_pod_was_scraped_anew(watcher: Watcher) -> None:
    first = measured(watcher)
    watcher.fake.scrape(A, 5020, {"200": 1080})
    half = watcher.look(5021)
    assert numbers(half) == (990, 20), "a canary that is not scraped yet looks as if it idled"
    assert half.at > first.at
    watcher.fake.scrape(B, 5025, {"200": 29, "500": 1})
    whole = watcher.look(5026)
    assert numbers(whole) == (1080, 30) and whole.of(CANARY).errors == 1
    assert whole.continues(first)


def test_what_an_earlier_split_did_is_not_told(watcher: Watcher) -> None:
    measured(watcher)
    watcher.fake.scrape(A, 5020, {"200": 1080})
    watcher.fake.scrape(B, 5025, {"200": 30})
    seen = watcher.look(5030, percent=50)
    assert isinstance(seen, NotMeasured) and "since the split changed" in seen.reason
    watcher.fake.scrape(A, 5035, {"200": 1100})
    assert isinstance(watcher.look(5036, percent=50), NotMeasured)
    watcher.fake.scrape(B, 5040, {"200": 60})
    assert numbers(watcher.look(5041, percent=50)) == (1100, 60)


def test_prometheus_is_asked_once_a_second_at_most(watcher: Watcher) -> None:
    measured(watcher)
    asked = len(watcher.fake.asked)
    for step in range(5):
        seen = watcher.source.observe(serving(10), watcher.now + 0.2 * step)
        assert seen.at == watcher.now + 0.2 * step and numbers(seen) == (990, 20)
    assert len(watcher.fake.asked) == asked


TROUBLES: dict[str, tuple[Callable[[FakePrometheus], object], str]] = {
    "a pod is not scraped any more": (
        lambda fake: fake.scrape(B, 4960, {"200": 10}),
        f"numbers of the pod {B} are 60 s old, and 31 s are two scrapes; see its page Targets",
    ),
    "a scrape fails": (
        lambda fake: (
            fake.pods.update({f"{CANARY}-deployment-x": Scraped(0, {}, up=0)})
            or fake.scrape(B, 5018, {"200": 10}, up=0)
        ),
        "it has no requests of iris-predictor-00002; see whether its pods are scraped",
    ),
    "one of two pods is down": (
        lambda fake: (
            fake.scrape(A, 5018, {"200": 990}, up=0)
            or fake.scrape(f"{STABLE}-deployment-z", 5018, {"200": 3}, born=5012.0)
        ),
        "it cannot scrape the pod iris-predictor-00001-deployment-5d4f8-aaaaa",
    ),
    "a pod is scraped twice": (
        lambda fake: fake.scrape(B, 5018, {"200": 10}, copies=2),
        "it scrapes the pod iris-predictor-00002-deployment-7c9f6-bbbbb more than once",
    ),
    "nothing is left": (lambda fake: fake.pods.clear(), "has no series of iris-predictor-00001"),
    "a count is no number": (lambda fake: fake.scrape(B, 5018, {"200": "NaN"}), "is nan"),
    "a code is no number": (lambda fake: fake.scrape(B, 5018, {"": 1}), "'' is no status"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_is_not_measured_and_passes(watcher: Watcher, trouble: str) -> None:
    first = measured(watcher)
    break_it, words = TROUBLES[trouble]
    before = dict(watcher.fake.pods)
    watcher.fake.scrape(A, 5018, {"200": 1000})
    break_it(watcher.fake)
    seen = watcher.look(5020)
    assert isinstance(seen, NotMeasured)
    assert words in seen.reason and watcher.fake.url in seen.reason and "; " in seen.reason
    watcher.fake.pods = before
    watcher.fake.scrape(A, 5035, {"200": 1200})
    watcher.fake.scrape(B, 5035, {"200": 40})
    later = watcher.look(5036)
    if trouble != "a code is no number":
        assert numbers(later) == (1200, 40) and later.continues(first)


def test_a_counter_that_went_back_is_a_restart_not_a_gain(watcher: Watcher) -> None:
    first = measured(watcher)
    watcher.fake.scrape(A, 5020, {"200": 5})
    watcher.fake.scrape(B, 5020, {"200": 21})
    seen = watcher.look(5021)
    assert numbers(seen) == (995, 21) and seen.continues(first)


def test_a_pod_of_which_nobody_knows_what_it_did_begins_another_epoch(watcher: Watcher) -> None:
    first = measured(watcher)
    watcher.fake.scrape(A, 5020, {"200": 995})
    watcher.fake.scrape(B, 5020, {"200": 21})
    watcher.fake.scrape(f"{STABLE}-deployment-old", 5020, {"200": 10**6}, born=12.0)
    seen = watcher.look(5021)
    assert isinstance(seen, Observation) and not seen.continues(first)
    watcher.fake.scrape(f"{STABLE}-deployment-new", 5035, {"200": 7}, born=5030.0)
    for pod, requests in ((A, 996), (B, 22), (f"{STABLE}-deployment-old", 10**6 + 1)):
        watcher.fake.scrape(pod, 5035, {"200": requests})
    after = watcher.look(5036)
    assert after.continues(seen) and numbers(after) == (996 + 7 + 10**6 + 1, 22)


def test_another_process_subtracts_nothing_from_what_this_one_wrote(watcher: Watcher) -> None:
    first = measured(watcher)
    other = Watcher(watcher.fake, PrometheusSource(Server(watcher.fake.url)))
    other.look(5012)
    watcher.fake.scrape(A, 5020, {"200": 1080})
    watcher.fake.scrape(B, 5025, {"200": 30})
    seen = other.look(5026)
    assert isinstance(seen, Observation) and not seen.continues(first)


@pytest.mark.parametrize("dialect", REQUESTS, ids=lambda each: each.title)
def test_the_dialect_that_has_series_is_kept(prometheus: FakePrometheus, dialect) -> None:
    prometheus.metric, prometheus.code = dialect.parts[0].metric, dialect.parts[0].label
    watcher = Watcher(prometheus, PrometheusSource(Server(prometheus.url)))
    prometheus.scrape(A, 4990, {"200": 900})
    prometheus.scrape(B, 4995, {"200": 10})
    watcher.look(5000)
    asked = len(prometheus.asked)
    measured(watcher)
    assert len(prometheus.asked) == asked + 1


@pytest.mark.parametrize("body", [b"[]", b"1", b'{"status": "success"}', b'{"status":"success"'])
def test_json_that_is_no_answer_is_not_measured(body: bytes) -> None:
    with site(lambda path, headers: Answer(body)) as url:
        seen = PrometheusSource(Server(url)).observe(serving(), 7.0)
    assert isinstance(seen, NotMeasured) and url in seen.reason


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"warnings": ["some stores were not reached"]}, "warns of 'some stores"),
        ({"status": "error", "error": "query timed out"}, "it says 'query timed out'"),
        ({"data": {"resultType": "matrix", "result": []}}, "it is not what Prometheus answers"),
    ],
)
def test_half_an_answer_is_none(more: dict[str, object], words: str) -> None:
    body = json.dumps({**json.loads(vector(1.0)), **more}).encode()
    with site(lambda path, headers: Answer(body)) as url:
        seen = PrometheusSource(Server(url)).observe(serving(), 7.0)
    assert isinstance(seen, NotMeasured) and words in seen.reason


def test_an_expression_that_is_refused_is_told() -> None:
    body = b'{"status":"error","errorType":"execution","error":"many-to-many matching"}'
    with site(lambda path, headers: Answer(body, 422)) as url:
        seen = PrometheusSource(Server(url)).observe(serving(), 7.0)
    assert isinstance(seen, NotMeasured) and "many-to-many matching" in seen.reason


def test_a_token_is_read_anew_for_every_question(tmp_path: Path, watcher: Watcher) -> None:
    token = tmp_path / "token"
    source = PrometheusSource(Server(watcher.fake.url, token_file=token))
    lost = source.observe(serving(), 1.0)
    assert isinstance(lost, NotMeasured) and "KANARYA_PROMETHEUS_TOKEN_FILE" in lost.reason
    for at, word in ((10.0, "first"), (20.0, "second")):
        token.write_text(f"{word}\n")
        source.observe(serving(), at)
        assert watcher.fake.asked[-1][1]["Authorization"] == f"Bearer {word}"


@pytest.mark.parametrize("dialect", [*REQUESTS, PREDICTIONS], ids=lambda each: each.title)
def test_the_expression_is_closed_and_holds_every_part(dialect) -> None:
    query = expression(dialect, "ml", [STABLE, CANARY])
    assert query.count("(") == query.count(")") and query.count("{") == query.count("}")
    assert all(f'"part","{part.name}"' in query for part in dialect.parts)
    assert f"{STABLE}|{CANARY}" in query
    assert not any(f"{{{word}}}" in query for word in ("namespace", "names", "series", "old"))


def test_the_documents_show_the_expression_that_is_asked() -> None:
    document = Path(__file__).parents[3] / "docs" / "how-it-works.md"
    assert expression(PREDICTOR, "ml", [STABLE, CANARY]) in document.read_text(encoding="utf-8")


def test_the_longer_name_is_matched_first() -> None:
    query = expression(PREDICTOR, "ml", ["iris-predictor", "iris-predictor-canary"])
    assert "(iris-predictor-canary|iris-predictor)(?:-deployment)?-" in query


@pytest.mark.parametrize("name", ['a"b', "a|b", "A", "", "a{b", "-a"])
def test_a_name_that_kubernetes_does_not_allow_is_never_asked(name: str) -> None:
    with pytest.raises(ValueError, match="no name of Kubernetes"):
        expression(OPENTELEMETRY, "ml", [name])


@pytest.mark.parametrize(
    ("pod", "revision"),
    [
        ("iris-predictor-00001-deployment-5d4f8c7b9-abcde", "iris-predictor-00001"),
        ("iris-predictor-5d4f8c7b9-abcde", "iris-predictor"),
        ("iris-v2-predictor-5d4f8c7b9-abcde", "iris-v2-predictor"),
        ("iris-predictor-predictor-5d4f8c7b9-abcde", None),
        ("iris-predictor-00002-deployment-5d4f8c7b9-abcde", None),
    ],
)
def test_a_pod_belongs_to_one_revision(pod: str, revision: str | None) -> None:
    names = ["iris-predictor", "iris-v2-predictor", "iris-predictor-00001"]
    pattern = re.findall(r'pod=~"([^"]+)"', expression(PREDICTOR, "ml", names))[0]
    found = re.fullmatch(pattern, pod)
    assert (found and found[1]) == revision
