"""The exit handler says on the MLflow run how the pipeline ended, whatever the engine knows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from components import telling, tracked_outcome, tracking
from components.finish import cluster, rules, step
from components.telling import told
from components.tracked_outcome import CANCELLED, FAILED, SUCCEEDED, Outcome
from serving.errors import UsageError
from serving.settings import Settings

STATES = [
    ("SUCCEEDED", False, SUCCEEDED),
    ("COMPLETE", False, SUCCEEDED),
    ("FAILED", False, FAILED),
    ("CANCELED", True, CANCELLED),
    ("RUNNING", True, FAILED),
    ("RUNNING", False, SUCCEEDED),
    ("UNKNOWN", True, FAILED),
]


@pytest.mark.parametrize(("state", "failed", "kind"), STATES)
def test_every_word_of_the_engines_is_one_of_three_ends(
    state: str, failed: bool, kind: str
) -> None:
    assert rules.outcome(state, failed) == kind


def pod(step: str, phase: str, at: str = "10:00", **more: Any) -> dict[str, Any]:
    """A pod as the Kubernetes API has it; `more`: how its container `main` ended, its status."""
    ended = {"exitCode": 1, **more.pop("ended", {})}
    main = {"name": "main", "state": {"terminated": ended}}
    waiting = {"name": "wait", "state": {"terminated": {"exitCode": 0, "message": "done"}}}
    limits = {"resources": {"limits": {"memory": "4Gi"}}}
    return {
        "metadata": {
            "creationTimestamp": f"2026-11-21T{at}:00Z",
            "labels": {rules.STEP: step} if step else {},
            "annotations": {rules.NODE: "iris-x7.root.exit-handler-1.train-driver"},
        },
        "spec": {"containers": [{"name": "wait"}, {"name": "main", **limits}]},
        "status": {"phase": phase, "containerStatuses": [waiting, main], **more},
    }


REASONS = {
    "its own sentence": (
        pod("train", "Failed", ended={"message": "train: The target has a single class."}),
        ("train", "The target has a single class."),
    ),
    "no memory": (
        pod("train", "Failed", ended={"reason": "OOMKilled", "exitCode": 137}),
        ("train", "it was killed because it took more memory than its limit, 4Gi; give more"),
    ),
    "no time": (
        pod("deploy", "Failed", reason="DeadlineExceeded", message="Pod was active on the node"),
        ("deploy", "it was ended because its time was over"),
    ),
    "put out": (pod("train", "Failed", reason="Evicted"), ("train", "its node put it out")),
    "a driver": (
        pod("", "Failed", message="cannot resolve inputs"),
        ("train-driver", "cannot resolve inputs"),
    ),
    "without a word": (
        pod("train", "Failed"),
        ("train", "its container ended with 1; its log says more"),
    ),
}


@pytest.mark.parametrize(("failed", "found"), REASONS.values(), ids=REASONS)
def test_a_pod_says_which_step_failed_and_why(
    failed: dict[str, Any], found: tuple[str, str]
) -> None:
    assert rules.failure([pod("ingest", "Succeeded"), failed]) == found


def test_a_step_that_was_tried_again_and_did_it_has_not_failed() -> None:
    again = [pod("evaluate", "Failed", "10:00"), pod("evaluate", "Succeeded", "10:02")]
    assert rules.failure(again) == ("", "")
    first = [pod("package", "Failed", "10:05"), pod("measure-trials", "Failed", "10:04"), *again]
    assert rules.failure(first)[0] == "measure-trials"
    assert rules.began(first) == rules.began(again)
    assert rules.began([]) is None


@pytest.mark.parametrize(
    ("state", "pods", "words", "outcome"),
    [
        ("FAILED", [], "train: no memory", Outcome(FAILED, "train", "no memory")),
        ("FAILED", [], "", Outcome(FAILED, "", "Task exit-handler-1 failed.")),
        ("CANCELED", [], "", Outcome(CANCELLED, "", "Task exit-handler-1 failed.")),
        ("SUCCEEDED", [], "validate: of another run", Outcome(SUCCEEDED)),
    ],
)
def test_the_outcome_is_made_of_what_all_have_said(
    state: str, pods: list[Any], words: str, outcome: Outcome
) -> None:
    ended = step.Ended(state, "Task exit-handler-1 failed.", "local")
    assert step.told(ended, pods, words) == outcome


def test_the_last_words_of_a_step_are_kept_for_the_exit_handler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(telling.LAST_WORDS, str(tmp_path / "words"))
    monkeypatch.setenv(telling.STEP, "validate")
    assert telling.last_words() == ""
    with pytest.raises(SystemExit), told():
        raise UsageError("The target has\na single class.")
    assert telling.last_words() == "validate: The target has a single class."
    assert rules.words(telling.last_words()) == ("validate", "The target has a single class.")


def test_a_crash_leaves_its_name_and_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(telling.LAST_WORDS, str(tmp_path / "words"))
    monkeypatch.setenv(telling.STEP, "split")
    with pytest.raises(KeyError), told():
        raise KeyError("species")
    assert telling.last_words() == "split: KeyError: 'species'"


def test_in_a_pod_kubernetes_keeps_the_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "termination-log"
    monkeypatch.delenv(telling.LAST_WORDS, raising=False)
    monkeypatch.setattr(telling, "TERMINATION_LOG", kept)
    monkeypatch.setenv(telling.STEP, "train")
    for there in (False, True):
        if there:
            kept.touch()
        with pytest.raises(SystemExit), told():
            raise UsageError("é" * 5000)
        assert kept.exists() is there
    assert len(kept.read_bytes()) <= 4096


class Kubernetes(ThreadingHTTPServer):
    """Answers one list of pods and one workflow, to whoever has the token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Pods)
        self.pods: list[dict[str, Any]] = []
        self.workflow: dict[str, Any] = {}
        self.asked: list[str] = []


class Pods(BaseHTTPRequestHandler):
    server: Kubernetes

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        allowed = self.headers["Authorization"] == "Bearer t0ken"
        known = {"items": self.server.pods} if "/pods?" in self.path else self.server.workflow
        body = json.dumps(known if allowed else {"reason": "Forbidden"})
        self.send_response(200 if allowed else 403)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def kubernetes() -> Iterator[Kubernetes]:
    server = Kubernetes()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("t0ken\n")
    (tmp_path / "namespace").write_text("team-a")
    return tmp_path


def test_the_pods_of_a_workflow_are_asked_of_the_cluster(
    kubernetes: Kubernetes, account: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = cluster.Api(f"http://127.0.0.1:{kubernetes.server_port}", account)
    kubernetes.pods = [pod("train", "Failed")]
    assert cluster.pods(api, "iris-x7") == kubernetes.pods
    asked = urlsplit(kubernetes.asked[-1])
    assert asked.path == "/api/v1/namespaces/team-a/pods"
    selected = parse_qs(asked.query)["labelSelector"]
    assert selected == ["workflows.argoproj.io/workflow=iris-x7"]
    (account / "token").write_text("another")
    assert cluster.pods(api, "iris-x7") == []
    assert "403" in capsys.readouterr().out


def test_a_run_that_somebody_ended_is_cancelled(kubernetes: Kubernetes, account: Path) -> None:
    """Kubeflow's metadata says RUNNING then, and its step was killed."""
    api = cluster.Api(f"http://127.0.0.1:{kubernetes.server_port}", account)
    killed = [pod("train", "Failed", ended={"exitCode": 143})]
    told = step.Ended("RUNNING", "", "iris-x7")
    for seconds, kind in ((0, CANCELLED), (None, FAILED)):
        kubernetes.workflow = {"spec": {"activeDeadlineSeconds": seconds}}
        ended = step.heard(told, lambda: cluster.terminated(api, "iris-x7"))
        outcome = step.told(ended, killed, "")
        assert (outcome.kind, outcome.step) == (kind, "train")
    asked = "/apis/argoproj.io/v1alpha1/namespaces/team-a/workflows/iris-x7"
    assert kubernetes.asked == [asked, asked]
    done = step.Ended("COMPLETE", "", "iris-x7")
    assert step.heard(done, lambda: True) == done


def test_outside_of_a_pod_no_cluster_is_asked() -> None:
    assert cluster.Api.of_this_pod({}) is None
    assert cluster.Api.of_this_pod({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}) is None


def opened(key: str) -> str:
    return tracking.open_run("iris", key)


def tags(run_id: str) -> tuple[str, dict[str, str]]:
    run = tracking.connect().get_run(run_id)
    ours = {key: text for key, text in run.data.tags.items() if key.startswith("kanarya.")}
    return run.info.status, ours


@pytest.mark.thorough
def test_a_run_left_open_is_closed_with_step_reason_and_seconds(settings: Settings) -> None:
    run_id, other = opened("k1"), opened("k2")
    failed = Outcome(FAILED, "evaluate", "the disk was full", began=1.0)
    assert tracked_outcome.record("iris", "k1", failed) == run_id
    status, kept = tags(run_id)
    assert status == "FAILED"
    assert kept["kanarya.outcome"] == "failed"
    assert kept["kanarya.failed_step"] == "evaluate"
    assert kept["kanarya.failure"] == "the disk was full"
    assert float(kept["kanarya.seconds"]) > 1e9
    assert tags(other)[0] == "RUNNING"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("kind", "status"), [(SUCCEEDED, "FINISHED"), (CANCELLED, "KILLED"), (FAILED, "FAILED")]
)
def test_an_end_closes_the_run_in_mlflows_words(settings: Settings, kind: str, status: str) -> None:
    run_id = opened("k1")
    assert tracked_outcome.record("iris", "k1", Outcome(kind)) == run_id
    assert tags(run_id)[0] == status


@pytest.mark.thorough
def test_what_closed_the_run_before_stays(settings: Settings) -> None:
    """A version that was registered is finished; that its rollout failed is a tag."""
    run_id = opened("k1")
    tracking.end_run(run_id)
    tracked_outcome.record("iris", "k1", Outcome(FAILED, "deploy", "the canary never came up"))
    status, kept = tags(run_id)
    assert (status, kept["kanarya.failed_step"]) == ("FINISHED", "deploy")
    tracking.fail_run(run_id, "epochs must be 1 or more")
    tracked_outcome.record("iris", "k1", Outcome(FAILED, "train", "said otherwise"))
    assert tags(run_id)[1]["kanarya.failure"] == "epochs must be 1 or more"


@pytest.mark.thorough
def test_a_pipeline_that_failed_before_its_training_gets_a_run(settings: Settings) -> None:
    outcome = Outcome(FAILED, "ingest", "there is no column 'specie'")
    run_id = tracked_outcome.record("iris", "k9", outcome)
    assert run_id is not None
    assert tags(run_id)[1]["kanarya.failed_step"] == "ingest"
    assert tracked_outcome.record("iris", "k9", outcome) == run_id
    assert tracked_outcome.record("iris", "k10", Outcome(SUCCEEDED)) is None


def test_no_store_is_made_to_record_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracked_outcome.record("iris", "k1", Outcome(FAILED)) is None
    assert not list(tmp_path.iterdir())
