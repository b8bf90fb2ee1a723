"""The same spec on the same data gives the same bytes; other data is refused; runs recombine."""

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import IRIS, Installation, outcome, sentence

pytestmark = pytest.mark.e2e
ONCE = ("--set", "rollout.steps=[100]", "--set", "rollout.shadow.requests=0")
DATED = {"card.json", "native/MLmodel"}
"""The files of a model directory that say when it was made."""


def files(here: Installation, run_id: str) -> dict[str, str]:
    """The sha256 of each file of the packaged model."""
    folder = here.settings.home / "runs" / run_id
    (path,) = folder.glob("artifacts/*/package/packaged/MANIFEST.json")
    found = json.loads(path.read_text())["files"]
    return {name: entry["sha256"] for name, entry in found.items()}


def test_a_run_is_repeated_to_the_byte_and_other_data_is_told(
    here: Installation, tmp_path: Path
) -> None:
    data, other = tmp_path / "iris.csv", tmp_path / "fewer.csv"
    shutil.copyfile(IRIS.with_suffix(".csv"), data)
    lines = data.read_text().splitlines(keepends=True)
    other.write_text("".join(lines[:-5]))
    asked = ("--set", f"data.uri={data}", "--set", "name=again", *ONCE, "--json")
    first = outcome(here.kanarya("run", str(IRIS), *asked))["run_id"]
    second = outcome(here.kanarya("runs", "restart", first, "--json"))["run_id"]
    a, b = files(here, first), files(here, second)
    assert {name for name in a if a[name] != b[name]} <= DATED
    found = json.loads(here.kanarya("runs", "diff", first, second, "--json").stdout)
    assert found["changes"] == []
    assert found["same_model"] is True
    assert all(effect["difference"] == 0 for effect in found["effects"])

    shutil.copyfile(other, data)
    refused = here.kanarya("runs", "restart", first)
    assert refused.returncode == 1
    assert "the data has changed: its sha256 is" in sentence(refused)
    accepted = here.kanarya("runs", "restart", first, "--accept-new-data", "--json")
    third = outcome(accepted)["run_id"]
    found = json.loads(here.kanarya("runs", "diff", first, third, "--json").stdout)
    assert [change["key"] for change in found["changes"]] == ["sha256"]
    composed = here.kanarya("runs", "compose", "--data-of", third, "--config-of", first, "--json")
    found = json.loads(
        here.kanarya("runs", "diff", third, outcome(composed)["run_id"], "--json").stdout
    )
    assert (found["changes"], found["same_model"]) == ([], True)

    told = map(json.loads, here.kanarya("audit", "again", "--json").stdout.splitlines())
    begun = [each for each in told if each["action"] == "run.start"]
    assert [each.get("made_from", "") for each in begun][:2] == ["", first]
    assert begun[-1]["made_from"] == f"{third} {first}"
    assert {(each["data"], each["on"]) for each in begun} == {(str(data), "here")}
