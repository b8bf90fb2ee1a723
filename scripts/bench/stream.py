"""`make bench-stream`: 5 million rows x 20 columns, split, trained on in batches and packaged.

Each step runs in a process of its own, as in a pipeline, and its peak memory is taken.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scripts.bench.measuring import Finished, program, report

ROWS = int(os.environ.get("BENCH_ROWS", "5000000"))
EPOCHS = int(os.environ.get("BENCH_EPOCHS", "5"))
HOME = Path(os.environ.get("BENCH_WORK", Path.home() / ".cache" / "kanarya-bench")) / "stream"
BOUND_MB = 1000

MAKE = """
import sys
from pathlib import Path
import numpy as np, polars as pl
from components import dataset
from components.table_schema import TableSchema, write_schema
path, rows, chunk = Path(sys.argv[1]), int(sys.argv[2]), 100_000
names = [f"c{i}" for i in range(17)] + ["town", "flag", "y"]
rng, towns = np.random.default_rng(0), np.array([f"town {i}" for i in range(50)])
weights = rng.normal(size=17) / 4
path.mkdir(parents=True)
with dataset.Writer(path, names) as writer:
    for start in range(0, rows, chunk):
        n = min(chunk, rows - start)
        numbers, place = rng.normal(size=(n, 17)).round(5), rng.integers(50, size=n)
        logits = numbers @ weights + (place % 5 - 2) / 2 + rng.logistic(size=n) / 2
        columns = [pl.Series(numbers[:, i]) for i in range(17)]
        columns[0] = columns[0].set(pl.Series(rng.random(n) < 0.01), None)
        columns += [pl.Series(towns[place]), pl.Series(rng.random(n) < 0.5)]
        cells = dict(zip(names, [*columns, pl.Series((logits > 0).astype(np.int64))]))
        writer.write(pl.DataFrame(cells))
schema = TableSchema((), "y", "integer", rows, "0" * 64, "made by the benchmark")
write_schema(path, dataset.describe(path, schema))
"""
SPLIT = """
import sys
from pathlib import Path
from components.split import step
home = Path(sys.argv[1])
step.run(Path(sys.argv[2]), step.Choice(0.2, 42), home / "train", home / "test")
"""
TRAIN = """
import sys
from pathlib import Path
from components import tracking
from components.train import step
home, kind = Path(sys.argv[1]), sys.argv[2]
asked = {"epochs": int(sys.argv[3]), "patience": int(sys.argv[3])}
request = step.Request("stream", kind, asked, 42, f"bench {kind}", {})
step.run(home / "train", request, home / kind, tracking)
"""
EVALUATE = """
import sys
from pathlib import Path
from components.evaluate import step
home, kind = Path(sys.argv[1]), sys.argv[2]
inputs = step.Inputs(home / kind, home / "test", "stream")
judged = step.run(inputs, step.Outputs(home / "evaluation", home / "r.html"), lambda name: None)
print("accuracy", judged.evaluation.candidate["accuracy"])
"""
PACKAGE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from components.package import step
home, kind = Path(sys.argv[1]), sys.argv[2]
inputs = step.Inputs("stream", home / kind, home / "train", home / "test", home / "evaluation")
step.run(inputs, home / "packaged", datetime.now(UTC))
"""
KINDS = ("linear_svm", "logistic_regression")


def main() -> None:
    """Measure every step and print its time and peak."""
    source = HOME / str(ROWS)
    if not source.is_dir():
        HOME.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=HOME) as scratch:
            made = Path(scratch) / "table"
            program(MAKE, [str(made), str(ROWS)], HOME)
            made.rename(source)
    with tempfile.TemporaryDirectory(dir=HOME) as scratch:
        done = dict(_steps(Path(scratch), source))
    accuracy = float(done["evaluate"].output.split()[-1])
    _report(done, accuracy)


def _steps(home: Path, source: Path) -> list[tuple[str, Finished]]:
    here = str(home)
    done = [("split", program(SPLIT, [here, str(source)], home))]
    done += [(kind, program(TRAIN, [here, kind, str(EPOCHS)], home)) for kind in KINDS]
    done.append(("evaluate", program(EVALUATE, [here, KINDS[0]], home)))
    done.append(("package", program(PACKAGE, [here, KINDS[0]], home)))
    return done


def _report(done: Mapping[str, Finished], accuracy: float) -> None:
    figures = {f"{name}_s": finished.seconds for name, finished in done.items()}
    figures |= {f"{name}_peak_mb": finished.peak_mb for name, finished in done.items()}
    figures |= {f"{KINDS[0]}_accuracy": accuracy}
    ratios = {
        f"{name}_peak_vs_bound": finished.peak_mb / BOUND_MB for name, finished in done.items()
    }
    report("stream", ratios, {"rows": ROWS, "epochs": EPOCHS, **figures})


if __name__ == "__main__":
    main()
