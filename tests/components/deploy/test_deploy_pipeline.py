"""The deploy step as Kubeflow Pipelines runs it: its artifacts are files that can be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.rollout.policy import Policy
from serving.settings import Settings
from tests import bare_python
from tests.serving.pages.pages import read

pytestmark = pytest.mark.kfp

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
from kfp import local
from components import registry, tracking_store
from components.deploy.component import deploy
tracker = tracking_store.connect()
tracker.create_registered_model("iris")
tags = {"kanarya.gate": "passed", registry.STORE_URI: "file:///models/iris/1"}
tracker.create_model_version("iris", source="file:///models/iris/1", tags=tags)
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=ROOT, raise_on_error=False)
deploy(name="iris", version="1", run_key="run-1", **POLICY)
"""


def test_a_step_that_fails_leaves_a_page_that_says_why(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path / "home")})
    kubeconfig = settings.home / "kubeconfig"
    kubeconfig.parent.mkdir()
    kubeconfig.write_text("no: kubeconfig\n")
    program = PROGRAM.replace("ROOT", repr(str(tmp_path / "root"))).replace(
        "POLICY", repr(policy())
    )
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", bare_python.BEGINNING + program],
        env=environment | bare_python.surroundings(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    cards = [*(tmp_path / "root").glob("*/deploy/card")]
    assert cards, done.stdout + done.stderr
    told = read(cards[0].read_text(encoding="utf-8")).text
    assert "Failed" in told and "kubeconfig" in told, done.stdout + done.stderr


def policy() -> dict[str, object]:
    """The policy as the step takes it."""
    from components.deploy.component import deploy

    taken = deploy.component_spec.inputs or {}
    return {key: value for key, value in Policy().to_json().items() if key in taken}
