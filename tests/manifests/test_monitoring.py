"""Rules and dashboard ask for metrics that the predictor really has, in words of PromQL."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from pipelines.alerts import gauges
from serving.predictor.metrics import TallyCollector
from serving.predictor.tally import Batches, Tally
from serving.predictor.workers.census import Census
from serving.predictor.workers.reports import ReportCollector
from serving.rollout.sources import promql
from tests.manifests.rendered import MANIFESTS, of_kind
from tests.serving.predictor.conformance.wire import raw
from tests.serving.predictor.running import Predictor

# What prometheus_client tells of every process on Linux, and the predictor serves with its own.
PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
WORDS = re.compile(r"\b(?:kanarya|process|request|revision|http)_\w+\b")
RECORDED = re.compile(r"\bkanarya:\w+(?::\w+)?\b")


def rules() -> list[dict[str, Any]]:
    (found,) = of_kind("overlays/production", "PrometheusRule")
    return [rule for group in found["spec"]["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    (found,) = of_kind("overlays/production", "ConfigMap", "kanarya-dashboard")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    read: dict[str, Any] = json.loads(found["data"]["kanarya.json"])
    return read


def expressions() -> list[str]:
    board = dashboard()
    targets = [each["expr"] for panel in board["panels"] for each in panel["targets"]]
    queries = [each["query"] for each in board["templating"]["list"] if each["type"] == "query"]
    return [*(rule["expr"] for rule in rules()), *targets, *queries]


def exported() -> dict[str, set[str]]:
    """The labels of every sample that a predictor of several workers exports, by its name."""
    tally = Tally((), 2)
    tally.batches = Batches()
    tally.protocol("v2").answered(200, 0.003)
    registry, census = CollectorRegistry(), Census(2)
    registry.register(TallyCollector(tally, "iris", "7", ("no", "yes")))
    census.ask(0, 1, (), 0.0)
    (scrape,) = census.done(0.0)
    workers = generate_latest(ReportCollector(scrape.report))  # type: ignore[arg-type]
    found: dict[str, set[str]] = {}
    for line in (generate_latest(registry) + workers).decode().splitlines():
        if not line.startswith("#"):
            name, labels = re.match(r"(\w+)(?:\{(.*)\})?", line).groups()  # type: ignore[union-attr]
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels or ""))
    # Rows with a feature are told by name; this tally has no features.
    found["kanarya_feature_out_of_range_total"] = {"model", "version", "feature"}
    return {**found, **gauged()}


def gauged() -> dict[str, set[str]]:
    """The labels of every gauge that `kanarya monitor` or whoever looks at the rules writes."""
    own = {signal.gauge: set(signal.labels) for signal in gauges.SIGNALS}
    return {**own, gauges.LOOKED: set(), "kanarya_drift": {"model", "version"}}


def test_every_metric_that_is_asked_for_is_exported() -> None:
    asked = {word for each in expressions() for word in WORDS.findall(each)}
    assert asked - PROCESS <= exported().keys()
    assert len(asked) > 10


def test_a_recorded_series_is_one_that_a_rule_records() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert {word for each in expressions() for word in RECORDED.findall(each)} <= recorded


def test_labels_that_are_summed_by_are_the_metrics_or_the_scrapes() -> None:
    scraped = {"namespace", "pod", "instance", "deployment", "persistentvolumeclaim"}
    known = scraped | {label for labels in exported().values() for label in labels}
    for each in expressions():
        for group in re.findall(r"(?:by|on)\s*\(([^)]*)\)", each):
            assert {label.strip() for label in group.split(",")} <= known, each


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    assert len(alerts) >= 6
    for alert in alerts:
        assert alert["labels"]["severity"] in {"critical", "warning", "info"}
        assert alert["annotations"].keys() == {"summary", "description"}
        told = "".join(alert["annotations"].values())
        labels = set(re.findall(r"\$labels\.(\w+)", told))
        assert labels <= set(re.findall(r"\w+", alert["expr"])) | {"model", "version", "feature"}


def test_every_gauge_that_is_asked_for_is_written_and_the_other_way() -> None:
    asked = {word for each in expressions() for word in WORDS.findall(each)}
    assert gauged().keys() <= asked


def test_what_rollouts_are_judged_by_is_scraped() -> None:
    (monitor,) = of_kind("overlays/production", "PodMonitor", "kanarya-predictors")
    ports = {each["port"] for each in monitor["spec"]["podMetricsEndpoints"]}
    assert ports == {"user-port", "http1", "http-usermetric"}
    asked = {part.metric for part in (*promql.PREDICTOR.parts, *promql.PREDICTIONS.parts)}
    assert asked <= exported().keys()


def test_panels_have_places_of_their_own() -> None:
    board = dashboard()
    places = [(each["gridPos"]["x"], each["gridPos"]["y"]) for each in board["panels"]]
    assert len(set(places)) == len(places) == len({each["id"] for each in board["panels"]})


PROMTOOL = shutil.which("promtool") or ""


@pytest.mark.skipif(not PROMTOOL, reason="promtool is missing (Debian: apt-get install prometheus)")
def test_promtool_takes_the_rules_and_what_the_dashboard_asks(tmp_path: Path) -> None:
    filled = {"$__rate_interval": "5m", "$namespace": "ml", "$model": "iris"}
    asked = [each["expr"] for panel in dashboard()["panels"] for each in panel["targets"]]
    for variable, value in filled.items():
        asked = [each.replace(variable, value) for each in asked]
    panels = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(asked)]
    groups = [*of_kind("overlays/production", "PrometheusRule")[0]["spec"]["groups"]]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [*groups, {"name": "panels", "rules": panels}]}))
    done = subprocess.run([PROMTOOL, "check", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.e2e
def test_a_real_predictor_exports_what_one_worker_has(iris_model_dir: Path, tmp_path: Path) -> None:
    with Predictor(iris_model_dir, "iris", tmp_path / "log") as started:
        flowers = started.wait()
        flowers.ask("POST", "/v1/models/iris:predict", {"instances": [[5.1, 3.5, 1.4, 0.2]]})
        page = raw(flowers.port, "GET", "/metrics", b"", {}).body.decode()
    asked = {word for each in expressions() for word in WORDS.findall(each)}
    not_here = {each for each in asked if re.search(r"_workers|_batch_", each)} | gauged().keys()
    assert {each for each in asked - not_here if not re.search(rf"^{each}\b", page, re.M)} == set()


def test_the_dashboard_is_the_file_that_people_edit() -> None:
    assert dashboard() == json.loads((MANIFESTS / "monitoring" / "kanarya.json").read_text())
