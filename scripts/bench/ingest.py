"""`make bench-ingest`: 5 million rows x 20 columns from CSV to Parquet, beside polars and pandas.

All read the same file, leave out what cannot be used and write one Parquet file, each in a process
of its own, in turn; ingest also sums up the bytes, refuses ragged rows and describes each column.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path

from scripts.bench.measuring import Finished, program, report

REPEATS = int(os.environ.get("BENCH_REPEATS", "3"))
ROWS = int(os.environ.get("BENCH_ROWS", "5000000"))
HOME = Path(os.environ.get("BENCH_WORK", Path.home() / ".cache" / "kanarya-bench")) / "ingest"

MAKE = """
import sys
import numpy as np, pyarrow as pa, pyarrow.csv as pc
path, rows, chunk = sys.argv[1], int(sys.argv[2]), 250_000
rng = np.random.default_rng(0)
kinds = [(f"c{i}", pa.float64() if i < 18 else pa.int64()) for i in range(20)]
with pc.CSVWriter(path, pa.schema(kinds)) as writer:
    for start in range(0, rows, chunk):
        n = min(chunk, rows - start)
        columns = []
        for i in range(20):
            cells = rng.normal(size=n).round(5) if i < 18 else rng.integers(0, 1000, n)
            missing = rng.random(n) < (0.01 if i % 4 == 0 and i < 18 else 0)
            columns.append(pa.array(cells, mask=missing))
        writer.write_batch(pa.record_batch(columns, schema=pa.schema(kinds)))
"""
INGEST = """
import sys
from pathlib import Path
from components.ingest import step
step.run(sys.argv[1], step.Request("c19"), Path(sys.argv[2]))
"""
POLARS = """
import sys
import polars as pl
pl.scan_csv(sys.argv[1]).drop_nulls().sink_parquet(sys.argv[2], engine="streaming")
"""
PANDAS = """
import sys
import pandas as pd
pd.read_csv(sys.argv[1]).dropna().to_parquet(sys.argv[2], index=False)
"""
ENGINES = {"ingest": INGEST, "polars": POLARS, "pandas": PANDAS}


def main() -> None:
    """Measure in turn and print the medians."""
    source = HOME / f"{ROWS}.csv"
    if not source.is_file():
        HOME.mkdir(parents=True, exist_ok=True)
        unfinished = source.with_suffix(".partial")
        program(MAKE, [str(unfinished), str(ROWS)], HOME)
        unfinished.replace(source)
    runs: dict[str, list[Finished]] = {name: [] for name in ENGINES}
    for _ in range(REPEATS):
        for name, code in ENGINES.items():
            with tempfile.TemporaryDirectory(dir=HOME) as scratch:
                runs[name].append(
                    program(code, [str(source), str(Path(scratch) / "out")], Path(scratch))
                )
    seconds = {name: statistics.median(run.seconds for run in done) for name, done in runs.items()}
    peaks = {name: max(run.peak_mb for run in done) for name, done in runs.items()}
    figures = {f"{name}_s": value for name, value in seconds.items()}
    figures |= {f"{name}_peak_mb": value for name, value in peaks.items()}
    ratios = {
        "ingest_vs_polars_time": seconds["ingest"] / seconds["polars"],
        "ingest_vs_pandas_time": seconds["ingest"] / seconds["pandas"],
        "ingest_vs_polars_peak": peaks["ingest"] / peaks["polars"],
    }
    report("ingest", ratios, figures)


if __name__ == "__main__":
    main()
