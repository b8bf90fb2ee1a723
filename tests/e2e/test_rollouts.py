"""Good, bad, crashed and rejected versions on the whole system, under live traffic."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scripts.demo.traffic import Traffic
from tests.e2e.conftest import IRIS, Installation, outcome, sentence
from tests.serving.pages.pages import read

pytestmark = pytest.mark.e2e

BEFORE_THE_GATE = [
    "ingest",
    "validate",
    "split",
    "go-untuned",
    "train",
    "evaluate",
    "package",
    "servability",
    "gate",
]
ACCEPTED = [*BEFORE_THE_GATE, "register", "deploy", "finish"]
REJECTED = [*BEFORE_THE_GATE, "reject", "finish"]
Begin = Callable[[Installation, str], Traffic]


def ran(result: dict[str, object]) -> list[str]:
    steps = result["steps"]
    assert isinstance(steps, list)
    assert all(step["status"] == "succeeded" for step in steps)
    return [step["name"] for step in steps]


@pytest.fixture(scope="module")
def flower(here: Installation) -> str:
    """A service whose first version is live."""
    done = here.run("flower")
    result = outcome(done)
    assert (done.returncode, result["outcome"], result["version"]) == (0, "promoted", "1")
    assert ran(result) == ACCEPTED
    return "flower"


def test_a_first_version_goes_live(here: Installation, flower: str) -> None:
    view = here.view(flower)
    assert view.ready is True
    assert [(t.revision, t.percent) for t in view.traffic] == [("flower-predictor-00001", 100)]
    assert here.aliases(flower) == {"champion": "1"}


def test_kubectl_shows_it(here: Installation, flower: str) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is missing: apt-get install kubernetes-client")
    asked = ["kubectl", "--kubeconfig", str(here.settings.kubeconfig), "get", "isvc", flower]
    shown = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout
    header, row = shown.splitlines()
    assert header.split()[:5] == ["NAME", "URL", "READY", "PREV", "LATEST"]
    assert "True" in row
    assert "flower-predictor-00001" in row


def test_a_good_version_is_promoted_under_traffic_and_a_bad_and_a_crashed_one_are_not(
    here: Installation,
    flower: str,
    traffic: Begin,
    sabotage: Callable[[Installation, str, dict[str, float]], None],
    assassin: Callable[[Installation, str], None],
) -> None:
    live = traffic(here, flower)

    good = here.run(flower, "model={kind: logistic_regression}", "gate.champion.margin=0.2")
    assert (good.returncode, outcome(good)["outcome"]) == (0, "promoted")
    assert "at 10 %, 50 %" in outcome(good)["sentence"]
    shown = here.kanarya("rollout", "status", flower)
    assert "rows of the 100 that were wanted were asked of both (golden rows of" in shown.stdout
    assert ran(outcome(good)) == ACCEPTED
    assert here.aliases(flower) == {"champion": "2", "previous": "1"}

    sabotage(here, flower, {"error_rate": 0.6})
    bad = here.run(flower, "model.hyperparameters.n_estimators=20")
    assert (bad.returncode, outcome(bad)["outcome"]) == (4, "rolled_back")
    assert "error rate" in outcome(bad)["sentence"]
    assert ran(outcome(bad)) == ACCEPTED
    assert here.aliases(flower) == {"champion": "2", "previous": "1"}

    assassin(here, "flower-predictor-00004")
    crashed = here.run(flower, "model.hyperparameters.n_estimators=30")
    assert (crashed.returncode, outcome(crashed)["outcome"]) == (4, "rolled_back")
    assert here.aliases(flower) == {"champion": "2", "previous": "1"}

    view = here.view(flower)
    assert view.rolled_out == "flower-predictor-00002"
    served = [(t.revision, t.percent) for t in view.traffic if t.percent]
    assert served == [("flower-predictor-00002", 100)]

    live.stop()
    tally = live.tally()
    assert tally.by_revision()["flower-predictor-00002"] > 50
    assert tally.failed("flower-predictor-00003") > 0, "the bad version's own errors"
    lost = tally.failed() - tally.failed("flower-predictor-00003")
    assert lost == 0, f"clients must not notice a split, a promotion or a crash: {tally.answers}"


def test_a_candidate_below_the_floor_is_rejected_and_registers_nothing(
    here: Installation, flower: str
) -> None:
    versions, before = here.versions(flower), here.view(flower)
    done = here.run(flower, "gate.floor.accuracy=0.9999", "model.hyperparameters.max_depth=1")
    assert (done.returncode, outcome(done)["outcome"]) == (3, "rejected")
    assert ran(outcome(done)) == REJECTED
    assert here.versions(flower) == versions
    after = here.view(flower)
    assert (after.generation, after.traffic) == (before.generation, before.traffic)


def test_a_candidate_worse_than_the_champion_is_rejected(here: Installation, flower: str) -> None:
    changes = ("gate.floor={}", "gate.champion.margin=0", "model.kind=random_forest")
    worse = ("model.hyperparameters={n_estimators: 1, max_depth: 1, min_samples_leaf: 50}",)
    done = here.run(flower, *changes, *worse)
    assert (done.returncode, outcome(done)["outcome"]) == (3, "rejected")
    assert "champion" in outcome(done)["sentence"]


def test_without_traffic_a_rollout_is_held_and_a_person_decides(
    here: Installation, flower: str
) -> None:
    held = here.run(flower, "rollout.max_seconds=2", "model.hyperparameters.n_estimators=40")
    assert (held.returncode, outcome(held)["outcome"]) == (0, "held")
    assert "kanarya rollout resume flower" in outcome(held)["sentence"]
    canary = [t for t in here.view(flower).traffic if t.latest]
    assert canary[0].percent == 10
    for refused, said in (
        ("approve", "nothing waits for an approval"),
        ("hold", "nothing to hold"),
    ):
        answer = here.kanarya("rollout", refused, flower)
        assert (answer.returncode, said in sentence(answer)) == (2, True)
    decided = here.kanarya("rollout", "promote", flower)
    assert decided.returncode == 0, decided.stderr
    newest = here.versions(flower)[-1]
    assert here.aliases(flower)["champion"] == newest
    run_id = here.mlflow.get_model_version(flower, newest).tags["kanarya.run_id"]
    card = Path(here.mlflow.download_artifacts(run_id, "decision.html")).read_text()
    assert "Promoted" in read(card).text, "a person's decision renews the card"
    undone = here.kanarya("rollout", "rollback", flower)
    assert undone.returncode == 4, undone.stdout + undone.stderr
    assert here.aliases(flower)["champion"] == "2"
    assert here.view(flower).rolled_out == "flower-predictor-00002"


def test_the_ledger_tells_what_was_live_and_goes_back_further_than_kserve(
    here: Installation, flower: str, traffic: Begin
) -> None:
    live = traffic(here, flower)
    before = datetime.now(UTC)
    undone = here.kanarya("rollout", "rollback", flower)
    assert undone.returncode == 4, undone.stdout + undone.stderr
    assert here.aliases(flower)["champion"] == "1"
    assert here.view(flower).storage_uri.endswith("/1")
    live.stop()
    assert live.tally().failed() == 0, live.tally().answers

    verified = here.kanarya("rollout", "history", flower, "--verify")
    assert verified.returncode == 0, verified.stderr
    assert "each follows the one before" in verified.stdout
    assert "no sha256 is known" not in verified.stdout
    then = here.kanarya("rollout", "history", flower, "--at", before.isoformat(), "--json")
    assert json.loads(then.stdout)["live"]["version"] == "2"
    shown = here.kanarya("rollout", "show", flower, "--json")
    decision = json.loads(shown.stdout)
    assert (decision["outcome"], decision["undo"], decision["to"]["version"]) == (
        "promoted",
        True,
        "1",
    )
    assert decision["version"]["kanarya.gate"] == "passed"
    assert decision["data"]["rows"] > 100 and decision["gate"]["checks"]
    tags = here.mlflow.get_model_version(flower, "2").tags
    assert tags["kanarya.decision"] == f"runs:/{tags['kanarya.run_id']}/decision.html"
    kept = [each.path for each in here.mlflow.list_artifacts(tags["kanarya.run_id"])]
    assert {"decision.html", "decision.json", "findings.json", "gate.json"} <= {*kept}
    page = here.mlflow.download_artifacts(tags["kanarya.run_id"], "decision.html")
    assert "Rolled back" in read(Path(page).read_text(encoding="utf-8")).text


def test_the_pipeline_s_page_has_the_card_and_the_numbers_of_every_rollout(
    here: Installation, flower: str
) -> None:
    words = set()
    for folder in sorted((here.settings.home / "runs").glob(f"{flower}-*/artifacts/*/deploy")):
        told = read((folder / "card").read_text(encoding="utf-8"))
        outputs = json.loads((folder / "executor_output.json").read_text())
        numbers = outputs["artifacts"]["metrics"]["artifacts"][0]["metadata"]
        assert numbers["promoted"] in (0, 1) and numbers["seconds"] > 0
        words.add(told.texts[1])
    assert words == {"Promoted", "Rolled back", "Held"}

    forged = here.settings.home / "ledger" / flower / "000003.json"
    whole = forged.read_bytes()
    forged.write_bytes(whole.replace(b'"step":0', b'"step":1'))
    refused = here.kanarya("rollout", "history", flower)
    assert refused.returncode == 1
    assert "000003.json was changed" in sentence(refused)
    forged.write_bytes(whole)


def test_two_runs_of_one_spec_at_once_both_finish_and_one_version_serves(
    here: Installation,
) -> None:
    words = ("run", str(IRIS), "--set", "name=twins", "--set", "rollout.max_seconds=20", "--json")
    pair = [here.begin(*words) for _ in range(2)]
    ended = [process.communicate(timeout=240) for process in pair]
    codes = sorted(process.returncode for process in pair)
    assert codes[0] == 0, ended
    assert codes[1] in (0, 5), ended
    live = here.view("twins").rolled_out
    served = [t for t in here.view("twins").traffic if t.percent == 100]
    assert [t.revision for t in served] == [live]
    champion = here.aliases("twins")["champion"]
    assert here.view("twins").storage_uri.endswith(f"/{champion}")
