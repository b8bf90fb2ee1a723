"""The workflows of GitHub: they run what is ours, pinned, and with as few rights as it takes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
READ = {"contents": "read"}
PUBLISHING = {**READ, "packages": "write", "id-token": "write"}


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_with_its_version_beside_it(path: Path) -> None:
    named = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert len(named) == sum("uses" in step for step in steps(read(path)))
    for each in named:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+(\.\d+)*", each), each


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_workflow_may_write_but_the_one_that_publishes(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == READ
    allowed = {name: job.get("permissions", READ) for name, job in workflow["jobs"].items()}
    assert allowed == {name: PUBLISHING if name == "publish" else READ for name in allowed}
    for step in steps(workflow):
        # What somebody else has written (a title, a branch) must not become a part of a script.
        assert "${{" not in step.get("run", "")
        if "checkout" in step.get("uses", ""):
            assert step["with"] == {"persist-credentials": False}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_job_ends_at_last(path: Path) -> None:
    assert all(job["timeout-minutes"] <= 60 for job in read(path)["jobs"].values())


def test_the_tests_are_those_of_our_own_run_on_every_python_that_is_supported() -> None:
    job = read(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["test"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (ROOT / "scripts/setup.sh").read_text()


@pytest.mark.parametrize(("name", "job"), [("ci.yml", "images"), ("release.yml", "publish")])
def test_every_image_is_built_and_scanned(name: str, job: str) -> None:
    from scripts.images import IMAGES

    found = read(ROOT / ".github" / "workflows" / name)["jobs"][job]
    assert found["strategy"]["matrix"]["image"] == [image.name for image in IMAGES]
    ran = [step.get("run", step.get("uses", "")) for step in found["steps"]]
    assert "make images" in ran
    assert any("anchore/scan-action" in each for each in ran)
