"""`make bench-run`: what `kanarya --help` and `kanarya run` cost, beside the same work by hand.

The reference is one Python process that reads the table, trains, converts to ONNX and registers
with MLflow, as people glue it together today; it neither validates, gates, nor serves.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile

from scripts.bench.measuring import ROOT, beside, checked, kanarya, report, timed

REPEATS = 5
SPEC = ROOT / "pipelines" / "specs" / "iris.yaml"

BY_HAND = """
import sys, time
import mlflow, mlflow.sklearn, pandas as pd
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
mlflow.set_tracking_uri(sys.argv[2])
mlflow.set_experiment("by-hand")
table = pd.read_csv(sys.argv[1])
rows, labels = table.drop(columns="species"), table["species"]
train, test, known, held = train_test_split(rows, labels, test_size=0.2, stratify=labels)
with mlflow.start_run():
    model = RandomForestClassifier(n_estimators=100).fit(train, known)
    mlflow.log_metric("accuracy", accuracy_score(held, model.predict(test)))
    graph = to_onnx(model, train[:1].to_numpy("float32"))
    open("model.onnx", "wb").write(graph.SerializeToString())
    mlflow.log_artifact("model.onnx")
    mlflow.sklearn.log_model(model, name="model", input_example=train[:2],
        registered_model_name="by-hand", serialization_format="cloudpickle")
"""


def main() -> None:
    """Measure, print the table and the JSON line."""
    with tempfile.TemporaryDirectory(prefix="kanarya-bench-") as folder:
        environment = beside(folder)
        os.chdir(folder)
        try:
            _measure(environment)
        finally:
            kanarya(["down"], environment)


def _measure(environment: dict[str, str]) -> None:
    checked(kanarya(["up"], environment))
    first = _run("first", environment)
    runs = [_run(f"iris-{n}", environment) for n in range(REPEATS)]
    by_hand = [_by_hand(environment) for _ in range(REPEATS + 1)][1:]
    help_s = [kanarya(["--help"], environment).seconds for _ in range(REPEATS)]
    run_s = statistics.median(seconds for seconds, _ in runs)
    hand_s = statistics.median(by_hand)
    figures = {
        "help_s": statistics.median(help_s),
        "run_to_live_s": run_s,
        "run_to_live_worst_s": max(seconds for seconds, _ in runs),
        "first_run_in_a_new_home_s": first[0],
        "orchestration_share": statistics.median(share for _, share in runs),
        "by_hand_s": hand_s,
    }
    report("run", {"run_to_live/by_hand": run_s / hand_s}, figures)


def _run(name: str, environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds from the command to a first live version, and the orchestration share."""
    done = checked(kanarya(["run", str(SPEC), "--set", f"name={name}", "--json"], environment))
    result = json.loads(done.output[done.output.index("{") :])
    worked = sum(step["ended"] - step["started"] for step in result["steps"])
    return done.seconds, 1 - worked / done.seconds


def _by_hand(environment: dict[str, str]) -> float:
    store = f"sqlite:///{environment['KANARYA_HOME']}/by-hand.db"
    csv = str(SPEC.with_suffix(".csv"))
    return checked(timed([sys.executable, "-c", BY_HAND, csv, store], environment)).seconds


if __name__ == "__main__":
    main()
