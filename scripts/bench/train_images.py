"""`make bench-train-images`: what the two specs for CIFAR-10 reach, and in how many minutes.

From the command to a live version, everything included: decoding 60,000 JPEG files, training,
scores on the 10,000 test images, ONNX with parity on all of them, the registry and the rollout.
BENCH_CIFAR10 names the zip, BENCH_SPECS the specs (cifar10-quick cifar10).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from scripts.bench.measuring import ROOT, beside, checked, kanarya, report

SPECS = ROOT / "pipelines" / "specs"
DATA = ROOT.parent / "shared" / "data" / "cifar10-images.zip"
MINUTES = {"cifar10-quick": 2.5, "cifar10": 12.0}
"""What a spec must stay below on two cores."""


def main() -> None:
    """Measure, print the table and the JSON line."""
    data = Path(os.environ.get("BENCH_CIFAR10", DATA)).resolve()
    if not data.is_file():
        sys.exit(f"the pictures are not at {data}; name their zip: BENCH_CIFAR10=…")
    names = os.environ.get("BENCH_SPECS", " ".join(MINUTES)).split()
    with tempfile.TemporaryDirectory(prefix="kanarya-bench-") as folder:
        environment = beside(folder)
        try:
            checked(kanarya(["up"], environment))
            found = {name: _run(name, data, environment) for name in names}
        finally:
            kanarya(["down"], environment)
    minutes = {f"{name}_minutes/allowed": found[name]["minutes"] / MINUTES[name] for name in names}
    figures = {f"{name}_{what}": n for name in names for what, n in found[name].items()}
    report("train-images", minutes, {**figures, "load": os.getloadavg()[2]})


def _run(name: str, data: Path, environment: dict[str, str]) -> dict[str, float]:
    """Return what a spec reached: accuracy on the test images, minutes, memory."""
    words = ["run", str(SPECS / f"{name}.yaml"), "--set", f"data.uri={data}", "--json"]
    done = kanarya(words, environment, memory=True)
    result = json.loads(checked(done).output[done.output.index("{") :])
    steps = {step["name"]: step["ended"] - step["started"] for step in result["steps"]}
    pattern = f"runs/{result['run_id']}/artifacts/*/evaluate-images/evaluation/scores.json"
    scores = json.loads(next(Path(environment["KANARYA_HOME"]).glob(pattern)).read_text())
    return {
        "accuracy": round(scores["candidate"]["accuracy"], 4),
        "minutes": round(done.seconds / 60, 2),
        "train_minutes": round(steps["train-images"] / 60, 2),
        "peak_mb": round(done.peak_mb),
    }


if __name__ == "__main__":
    main()
