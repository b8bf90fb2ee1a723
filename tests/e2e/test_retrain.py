"""Traffic that drifts, a pipeline that sees it, and a model that is trained again for a reason."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from pipelines import workers
from pipelines.background import WATCHER
from pipelines.journal import RunFolder
from pipelines.retrain import pause
from pipelines.run_events import result
from tests import bare_python
from tests.e2e.conftest import IRIS, ROOT, Installation, eventually, outcome
from tests.manifests.test_rbac import allowed, needed
from tests.pipelines.alerts.receiving import web
from tests.pipelines.kfp_api.server import serve

IMAGE = f"registry.example.com/kanarya@sha256:{'a' * 64}"
pytestmark = pytest.mark.e2e
POLICY = "retrain={when: {drift: {windows: 1, rows: 100}}, cooldown_hours: 0}"
LIGHT = (
    "model={kind: logistic_regression}",
    "gate.champion.margin=1",
    "rollout.max_seconds=0.5",
    "rollout.on_inconclusive=promote",
)
SHIFTED = {"sepal_length": 9.0, "sepal_width": 3.0, "petal_length": 4.5, "petal_width": 1.4}
MONITOR = """
import json, sys
from pathlib import Path
from kfp import components, local
from pipelines import compile as compiled
from pipelines.local import for_one_machine
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[1])
text = compiled.path("monitoring").read_text(encoding="utf-8")
graph = components.load_component_from_text(for_one_machine(text))
print("look", graph(name="finch", rows=100, alpha=0.05).output)
"""


@pytest.fixture(scope="module", autouse=True)
def ended(here: Installation) -> Iterator[None]:
    yield
    WATCHER.down(here.settings)
    workers.down(here.settings)


@pytest.fixture(scope="module")
def data(here: Installation) -> Path:
    """The folder that finch was trained on; it is live, and has been asked what it never saw."""
    folder = here.settings.home / "finch-data"
    folder.mkdir()
    rows = IRIS.with_suffix(".csv").read_text()
    (folder / "first.csv").write_text(rows)
    done = here.run("finch", f"data.uri={folder}", *LIGHT, POLICY)
    assert outcome(done)["outcome"] == "promoted"
    ask(here, 120)
    return folder


def ask(here: Installation, rows: int) -> None:
    url = f"{here.platform.gateway_url}/serving/default/finch/v1/models/finch:predict"
    body = json.dumps({"instances": [SHIFTED] * rows}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body), timeout=20).read()


def decided(here: Installation, *flags: str) -> dict[str, Any]:
    done = here.kanarya("retrain", "finch", "--json", *flags)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_compiled_pipeline_of_monitoring_sees_the_drift(
    here: Installation, data: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", bare_python.BEGINNING + MONITOR, str(tmp_path)]
    environment = {**here.environment, **bare_python.surroundings()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    look = json.loads(done.stdout.rpartition("look ")[2])
    assert (look["verdict"], look["rows"], look["number"]) == ("drift", 120, 1)
    (page,) = tmp_path.glob("*/monitor/page*")
    assert "sepal_length" in page.read_text(encoding="utf-8")


def test_a_drift_asks_for_a_run_which_other_data_gives_a_point(
    here: Installation, data: Path
) -> None:
    ask(here, 120)
    assert here.kanarya("monitor", "finch", "--rows", "100", "--no-track").returncode == 4
    assert decided(here, "--dry-run")["decision"]["verdict"] == "pointless"
    some = (data / "first.csv").read_text().splitlines(keepends=True)[:9]
    (data / "second.csv").write_text("".join(some))
    os.utime(data / "second.csv", (1e9, 1e9))  # nobody writes it any more
    here.kanarya("queue", "pause")
    found = decided(here)
    assert (found["decision"]["verdict"], found["decision"]["cause"]) == ("retrain", "drift")
    shown = here.kanarya("runs", "show", found["run_id"]).stdout
    assert "why: 1 of the last 1 windows of version 1 drifted" in shown
    for flag in ("--pause", "--resume"):
        assert decided(here, flag)["decision"]["verdict"] == "busy"
    assert not decided(here, "--pause", "--dry-run")["run_id"]
    assert not pause.paused_by(here.settings, "finch"), "a dry run changes nothing"
    assert here.kanarya("queue", "cancel", found["run_id"]).returncode == 0
    told = here.kanarya("audit", "--json").stdout.splitlines()
    actions = [json.loads(line)["action"] for line in told]
    asked = ["pause", "retrain.start", "retrain.pause", "retrain.resume", "cancel"]
    assert actions[-5:] == asked


def test_the_same_is_decided_of_a_cluster_by_the_spec_at_hand(
    here: Installation, data: Path, tmp_path: Path
) -> None:
    kfp, server = serve()
    files = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(data)))
    Thread(target=files.serve_forever, daemon=True).start()
    environment = {"KFP_HOST": kfp.host, "KANARYA_COMPONENTS_IMAGE": IMAGE}
    spec = tmp_path / "finch.yaml"

    def settled(file: str) -> dict[str, Any]:
        uri = f"http://127.0.0.1:{files.server_port}/{file}"
        document = {"name": "finch", "data": {"uri": uri, "target": "species"}}
        spec.write_text(yaml.safe_dump({**document, "retrain": {"when": {"data": True}}}))
        done = here.kanarya("retrain", str(spec), "--on", "cluster", "--json", **environment)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    try:
        (data / "other.csv").write_text((data / "first.csv").read_text() + "5,3,1,0.2,setosa\n")
        found = settled("other.csv")
        assert found["decision"]["verdict"] == "retrain"
        (started,) = kfp.runs.values()
        parameters = started["runtime_config"]["parameters"]
        assert parameters["why"] == found["decision"]["sentence"]
    finally:
        (data / "other.csv").unlink(missing_ok=True)
        for each in (server, files):
            each.shutdown()
            each.server_close()


def test_the_watcher_of_a_cluster_does_it_for_the_specs_in_its_folder(
    here: Installation, data: Path, tmp_path: Path
) -> None:
    """Each of its jobs, twice, by a process of its own with a home of its own."""
    kfp, server = serve()
    files = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(data)))
    Thread(target=files.serve_forever, daemon=True).start()
    ask(here, 120)
    (tmp_path / "specs").mkdir()
    uri = f"http://127.0.0.1:{files.server_port}/other.csv"
    document = {"name": "finch", "data": {"uri": uri, "target": "species"}}
    retrain = {"when": {"drift": {"windows": 1, "rows": 100}}}
    written = yaml.safe_dump({**document, "retrain": retrain})
    (tmp_path / "specs" / "finch.yaml").write_text(written)
    (data / "other.csv").write_text((data / "first.csv").read_text() + "5,3,1,0.2,setosa\n")
    try:
        with web() as told:
            around = {
                "KANARYA_HOME": str(tmp_path / "home"),
                "KANARYA_SPECS": str(tmp_path / "specs"),
                "KANARYA_ALERTS_TO": told.url(),
                "KFP_HOST": kfp.host,
                "KANARYA_COMPONENTS_IMAGE": IMAGE,
            }
            first, again = (watched({**here.environment, **around}) for _ in range(2))
        assert first["faults"] == again["faults"] == [""] * 4
        (run,) = kfp.runs.values()
        assert "windows of version 1 drifted" in run["runtime_config"]["parameters"]["why"]
        (post,) = told.posts
        assert (post.body["rule"], post.body["subject"]) == ("KanaryaDrift", "finch/1")
        gauges = (tmp_path / "home" / "alerts" / "kanarya.prom").read_text()
        assert 'kanarya_window_drifted{model="finch",version="1"} 1.0' in gauges
        services = [each for each in first["asked"] if "/inferenceservices" in each[1]]
        assert needed(services) == allowed("overlays/production", "kanarya-watcher")
        asked = of_kubeflow(first["asked"] + again["asked"])
        assert asked == allowed("overlays/production", "kanarya-watcher-pipelines")
    finally:
        (data / "other.csv").unlink(missing_ok=True)
        for each in (server, files):
            each.shutdown()
            each.server_close()


WATCHED = """
import json, urllib3
from datetime import UTC, datetime
asked, request = [], urllib3.PoolManager.request
def noted(self, method, url, *words, **more):
    asked.append((method, url))
    return request(self, method, url, *words, **more)
urllib3.PoolManager.request = noted
from pipelines.watching import attempted
from pipelines.watching_cluster import JOBS
from serving.settings import Settings
faults = [attempted(job, Settings.from_env(), datetime.now(UTC)) for job in JOBS]
print(json.dumps({"faults": faults, "asked": asked}))
"""


def watched(environment: dict[str, str]) -> dict[str, Any]:
    """Do each job once; what went wrong, and what clusters were asked."""
    command = [sys.executable, "-c", WATCHED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def of_kubeflow(asked: list[tuple[str, str]]) -> dict[tuple[str, str], set[str]]:
    """What Kubeflow Pipelines with several users asks the Kubernetes API about such requests."""
    found = defaultdict(set)
    for method, url in asked:
        match = re.search(r"/apis/v2beta1/(runs|experiments)(/[^/?]+)?", url)
        if match:
            read = "get" if match[2] else "list"
            verb = "create" if method == "POST" else read
            found["pipelines.kubeflow.org", match[1]].add(verb)
    return dict(found)


class Quiet(SimpleHTTPRequestHandler):
    """Hands out files and says nothing."""

    def log_message(self, *told: object) -> None:
        pass


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_watcher_does_it_all_by_itself(here: Installation, data: Path) -> None:
    here.kanarya("queue", "resume")
    before = set((here.settings.home / "runs").iterdir())
    (data / "third.csv").write_text((data / "first.csv").read_text())
    WATCHER.up(here.settings)
    eventually(lambda: set((here.settings.home / "runs").iterdir()) > before, 120)
    (path,) = set((here.settings.home / "runs").iterdir()) - before
    folder = RunFolder(path)
    eventually(lambda: folder.ended, 240)
    assert result(folder).outcome == "promoted"
    experiment = here.mlflow.get_experiment_by_name("finch").experiment_id
    wanted = f"tags.`kanarya.run` = '{folder.run_id}'"
    (tracked,) = here.mlflow.search_runs([experiment], wanted)
    assert tracked.data.tags["kanarya.why"].startswith("1 of the last 1 windows")
