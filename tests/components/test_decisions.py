"""What is on record of a version comes back as it was written, and the card is kept beside it."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components import decisions, registry, tracking, tracking_store
from components.recorded import recorded
from components.register import step
from serving.rollout.ledger import StoredLedger
from serving.rollout.record import Entry, Model
from serving.settings import Settings
from tests.components.test_registry import candidate, start
from tests.serving.pages.pages import read

pytestmark = pytest.mark.thorough  # a real MLflow store

FINDING = {"level": "warning", "sentence": "Column 'a' is the same everywhere.", "column": "a"}


@pytest.fixture
def version(settings: Settings, tmp_path: Path, iris_model_dir: Path) -> str:
    """A registered version with all that the steps leave on its run."""
    found = candidate(tmp_path / "c", iris_model_dir)
    found.findings.mkdir()
    (found.findings / "findings.json").write_text(json.dumps([FINDING]))
    return step.run(found, "iris", start(), settings)


def test_what_the_steps_recorded_is_read_back(settings: Settings, version: str) -> None:
    found = recorded("iris", version)
    assert found["version"]["kanarya.gate"] == "passed"
    data, gate, served = found["data"], found["gate"], found["servability"]
    assert (data["rows"], data["columns"], data["source"]) == (150, 1, "/data/iris.csv")
    assert data["findings"] == [FINDING]
    assert (gate["verdict"], gate["rows"], gate["candidate"]) == ("passed", 30, {"accuracy": 0.95})
    assert gate["reasons"] == ["accuracy 0.95 is at least 0.9."]
    assert served["runtime"] == "onnx" and served["labels"]
    assert served["measured"] == {"p99_ms": 1.284, "golden_rows": 10}


def test_what_is_gone_or_damaged_is_left_out(settings: Settings, version: str) -> None:
    run_id = registry.tags("iris", version)["kanarya.run_id"]
    shutil.rmtree(settings.home / "models" / "iris")
    tracking.log_file(run_id, "{", "gate.json")
    tracking.log_file(run_id, "", "findings.json")
    registry.set_tags("iris", version, {"kanarya.serving.p99_ms": "quick"})
    found = recorded("iris", version)
    assert set(found["servability"]) == {"measured", "requests_together"}
    assert found["servability"]["measured"] == {"golden_rows": 10}
    assert "findings" not in found["data"]
    assert "checks" not in found["gate"] and found["gate"]["rows"] == 30


@pytest.mark.parametrize("asked", ["99", None])
def test_a_version_that_nobody_knows_has_nothing(settings: Settings, asked: str | None) -> None:
    assert recorded("iris", asked) == {"version": {}}


def test_a_store_that_was_never_used_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert recorded("iris", "1") == {"version": {}}
    assert list(tmp_path.iterdir()) == []


def test_the_card_is_kept_on_the_run_and_the_version_says_where(
    settings: Settings, version: str
) -> None:
    ledger = StoredLedger(settings.ledger, clock=lambda: datetime(2026, 11, 21, tzinfo=UTC))
    uri = registry.store_uri("iris", version)
    for kind in ("begun", "promoted"):
        ledger.append(
            Entry("iris", kind, "aaaa1111", Model(version, uri), percent=100, why="first")
        )
    found = decisions.decided(ledger.chain("iris"))
    decisions.keep(found)
    decisions.keep(found)  # a rollout that goes on after a kill does so again
    tags = registry.tags("iris", version)
    run_id = tags["kanarya.run_id"]
    assert tags[decisions.CARD] == f"runs:/{run_id}/decision.html"
    page = tracking_store.connect().download_artifacts(run_id, "decision.html")
    assert "Column 'a' is the same everywhere." in read(Path(page).read_text()).text
    kept = tracking_store.connect().download_artifacts(run_id, "decision.json")
    assert json.loads(Path(kept).read_text())["data"]["rows"] == 150


def test_a_version_without_a_run_keeps_no_card(settings: Settings) -> None:
    decisions.keep({"version": {}})
    assert tracking_store.connect().search_registered_models() == []
