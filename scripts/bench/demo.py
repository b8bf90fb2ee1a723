"""`make bench-demo`: time and memory of the whole demonstration, processes together.

The reference in the same run is MLflow's own server coming up, which the demonstration never needs.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from scripts.bench.measuring import beside, kanarya, report


def main() -> None:
    """Measure, print the table and the JSON line."""
    with tempfile.TemporaryDirectory(prefix="kanarya-bench-") as folder:
        done = kanarya(["demo"], beside(folder), memory=True)
        print(done.output)
        if done.code:
            sys.exit(f"the demonstration ended with exit code {done.code}")
        server_s = _mlflow_server(folder)
    figures = {"demo_s": done.seconds, "peak_mb": done.peak_mb, "mlflow_server_start_s": server_s}
    report("demo", {"demo/mlflow_server_start": done.seconds / server_s}, figures)


def _mlflow_server(folder: str) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/server.db"]
    began = time.perf_counter()
    with Path(folder, "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        while not _healthy(port):
            if server.poll() is not None or time.perf_counter() - began > 120:
                sys.exit("MLflow's server did not come up, so there is no reference")
            time.sleep(0.05)
        return time.perf_counter() - began
    finally:
        server.terminate()
        server.wait()


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    main()
