"""`make bench-console`: the console's start, pages and memory, and what its watchers cost others.

Its pages are asked for over HTTP as a browser does, with ten thousand runs in the home. Fifty
watchers hold a page of one run open by the same WebSocket as browsers do, while a trainer beside
them (a loop of matrix products in a process of its own, its epochs written to the run's curve)
works, and then once more without them, by turns. At last a model that the platform beside it serves
is asked 200 times a second, while nobody looks at the console, and while fifty watch a run and five
pages a second are opened, by turns.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from console import background
from pipelines.processes import Process, this
from scripts.bench import console_predictions, synthetic_runs
from scripts.bench.console_predictions import counted, crowd
from scripts.bench.home import Home, home, row
from scripts.bench.load import Client, Side
from scripts.bench.measuring import report
from serving.settings import Settings

ROWS, WATCHERS, TURNS, WARM = 10_000, 50, 5, 30
PAGES = {"runs": "/", "queue": "/queue", "services": "/services"}
TRAINER = """
import json, sys, time
import numpy as np
curve, epochs = sys.argv[1], int(sys.argv[2])
weights = np.random.default_rng(0).random((400, 400))
began = time.perf_counter()
for epoch in range(1, epochs + 1):
    for _ in range(60):
        np.tanh(weights @ weights / 400)
    with open(curve, "a") as file:
        values = {"train_loss": 1 / epoch}
        file.write(json.dumps({"epoch": epoch, "values": values, "at": time.time()}) + "\\n")
print(time.perf_counter() - began)
"""
EPOCHS = 40


def main() -> None:
    """Measure, print the table and the JSON line."""
    os.environ["KANARYA_CONSOLE_PORT"] = "0"
    with home("console") as place:
        place.train()
        settings = place.settings
        for number in range(ROWS):
            synthetic_runs.ended(settings.home / "runs", number)
        try:
            figures = _pages(settings)
            figures |= asyncio.run(_watched(settings))
            figures |= asyncio.run(_asked(place))
        finally:
            background.down(settings)
    ratio = figures["trainer_watched_s"] / figures["trainer_alone_s"]
    ratios = {"trainer_watched/alone": ratio, **console_predictions.ratios(figures)}
    report("console", ratios, figures)


def _pages(settings: Settings) -> dict[str, Any]:
    began = time.perf_counter()
    console = background.up(settings)
    listening = time.perf_counter() - began
    _get(console.url + "/")
    first = time.perf_counter() - began
    found: dict[str, Any] = {"rows": ROWS, "listening_s": listening, "first_page_s": first}
    for name, path in PAGES.items():
        times = [_get(console.url + path) for _ in range(WARM)]
        found[f"{name}_warm_ms"] = statistics.median(times) * 1000
    return found | {"memory_mb": _memory(console.process)}


async def _watched(settings: Settings) -> dict[str, Any]:
    console = background.status(settings)
    assert console is not None
    run = synthetic_runs.begun(settings.home / "runs", ROWS)
    run.own(this())
    alone: list[float] = []
    watched: list[float] = []
    news = 0
    for _ in range(TURNS):
        alone.append(await asyncio.to_thread(_trained, run.curve))
        page = f"{console.url}/runs/{run.run_id}"
        with crowd("console_watchers", page, str(WATCHERS)) as watchers:
            watched.append(await asyncio.to_thread(_trained, run.curve))
            news += counted(watchers)
    return {
        "watchers": WATCHERS,
        "trainer_alone_s": statistics.median(alone),
        "trainer_watched_s": statistics.median(watched),
        "messages_a_watcher": news / TURNS / WATCHERS,
        "memory_watched_mb": _memory(console.process),
    }


async def _asked(place: Home) -> dict[str, Any]:
    console = background.status(place.settings)
    assert console is not None
    run = synthetic_runs.begun(place.settings.home / "runs", ROWS + 1)
    run.own(this())
    client = Client(Side.of(place.gateway, row()))
    try:
        found = await console_predictions.compared(client, console.url, run, WATCHERS)
    finally:
        client.close()
    return {**found, "memory_busy_mb": _memory(console.process)}


def _trained(curve: Path) -> float:
    command = [sys.executable, "-c", TRAINER, str(curve), str(EPOCHS)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    curve.unlink()
    return float(done.stdout)


def _get(url: str) -> float:
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as answer:
        answer.read()
    return time.perf_counter() - began


def _memory(process: Process) -> float:
    return psutil.Process(process.pid).memory_info().rss / 2**20


if __name__ == "__main__":
    main()
