"""A Prometheus of pods that tests scrape by hand, which answers one expression of a dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

from tests.serving.rollout.metrics_kit import Answer, vector


@dataclass
class Scraped:
    """What Prometheus has of one pod."""

    at: float
    codes: Mapping[str, int]
    up: int | None = 1
    born: float = 0.0
    copies: int = 1


@dataclass
class FakePrometheus:
    """Answers the one expression of a dialect with what is in `pods`, at its own time."""

    metric: str = "revision_request_count"
    code: str = "response_code"
    at: float = 5000.0
    interval_s: float = 15.0
    pods: dict[str, Scraped] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    url: str = ""

    def page(self, path: str, headers: Mapping[str, str]) -> Answer:
        query = parse_qs(urlsplit(path).query)["query"][0]
        self.asked.append((query, headers))
        return Answer(vector(self.at, *(self.series() if self.metric in query else ())))

    def series(self) -> Iterator[tuple[Mapping[str, str], float]]:
        for name, pod in self.pods.items():
            place = {"job": "pods", "instance": name}
            of = {"revision": name.split("-deployment-")[0], "pod": name}
            if pod.up is not None:
                yield {**place, "part": "up"}, pod.up
            if pod.codes and pod.up != 0:
                yield {**of, **place, "part": "at"}, pod.at
                yield {**of, **place, "part": "samples"}, 300 / self.interval_s
                yield {**of, "part": "copies"}, pod.copies
                yield {**place, "part": "born"}, pod.born
            for code, count in pod.codes.items() if pod.up != 0 else ():
                yield {**of, **place, "part": "code", self.code: code}, count

    def scrape(self, pod: str, at: float, codes: Mapping[str, int], **more: object) -> None:
        self.pods[pod] = replace(Scraped(at, codes), **more)
