"""`make bench-backup`: a home of 2 GB backed up under load, beside `tar` + zstd in the same run.

A platform serves iris at 200 requests a second while pipelines run, one after the other. Under that
load the home is packed by `tar | zstd -3` and backed up by `kanarya backup`, by turns; then the
backup is restored and verified. p99 is compared with that of the same load before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from scripts.bench.home import SPEC, Home, home, row
from scripts.bench.load import Answer, Client, Side, Traffic, failures, quantile_ms
from scripts.bench.measuring import report
from serving.errors import PlatformError

RATE, WINDOWS = 200.0, 40
TURNS = 3
FILE_BYTES = 10 * 10**6
TAR = "tar --exclude=*.lock -cf - -C {home} . | zstd -q -3 -T1 -f -o {out} && sync {out}"
MAY_CHANGE = (0, 1)
"""Codes of tar: 1 where a file changed while it was read."""


def main() -> None:
    """Measure, print the table and the JSON line; clean up whatever happens."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.backup", description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    size = parser.parse_args().gigabytes
    with home("backup") as place, tempfile.TemporaryDirectory(prefix="kanarya-bench-") as folder:
        place.train()
        _fill(place.settings.home / "uploads", size)
        ratios, figures = asyncio.run(_measured(place, Path(folder)))
    report("backup", ratios, {"gigabytes": size, **figures})


def _fill(folder: Path, gigabytes: float) -> None:
    """Write tables of drawn numbers, as CSV: zstd halves them."""
    folder.mkdir(exist_ok=True)
    drawn = random.Random(8)
    for number in range(round(gigabytes * 1e9 / FILE_BYTES)):
        cells = memoryview(drawn.randbytes(FILE_BYTES // 3)).hex(",", 1)
        (folder / f"table-{number}.csv").write_text(cells[:FILE_BYTES], encoding="ascii")


async def _measured(place: Home, folder: Path) -> tuple[dict[str, float], dict[str, object]]:
    client = Client(Side.of(place.gateway, row()))
    quiet, packing, busy = (Traffic(client, RATE) for _ in range(3))
    async with _pipelines(place), quiet.flowing():
        await quiet.until(WINDOWS)
    tars, backups = [], []
    async with _pipelines(place):
        for turn in range(TURNS):
            async with packing.flowing():
                tars.append(await _tar(place, folder / "home.tar.zst"))
            async with busy.flowing():
                backups.append(await _backup(place, folder / f"{turn}"))
        again = await _backup(place, folder / f"{TURNS - 1}")
    restored = await _restored(place, folder)
    client.close()
    before, during = _answers(quiet), _answers(busy)
    ratios = {
        "backup/tar_zstd": statistics.median(backups) / statistics.median(tars),
        "p99_during/p99_before": quantile_ms(during, 0.99) / quantile_ms(before, 0.99),
    }
    return ratios, {
        "backup_s": statistics.median(backups),
        "backup_again_s": again,
        "tar_zstd_s": statistics.median(tars),
        "restore_s": restored,
        "requests_during": len(during),
        "errors_during": failures(during),
        "p99_during_tar_ms": quantile_ms(_answers(packing), 0.99),
        "p99_before_ms": quantile_ms(before, 0.99),
        "p99_during_ms": quantile_ms(during, 0.99),
    }


def _answers(traffic: Traffic) -> list[Answer]:
    return [answer for window in traffic.windows for answer in window]


async def _tar(place: Home, out: Path) -> float:
    command = TAR.format(home=place.settings.home, out=out)
    return await _timed(place, "nice", "-n", "10", "bash", "-o", "pipefail", "-c", command)


async def _backup(place: Home, folder: Path) -> float:
    return await _timed(place, sys.executable, "-m", "scripts", "backup", str(folder))


async def _restored(place: Home, folder: Path) -> float:
    last, target = folder / f"{TURNS - 1}", folder / "restored"
    command = (sys.executable, "-m", "scripts", "restore", str(last), "--home", str(target))
    return await _timed(place, *command)


async def _timed(place: Home, *command: str) -> float:
    began = time.perf_counter()
    process = await _begun(place, *command)
    said, _ = await process.communicate()
    if process.returncode not in (MAY_CHANGE if "bash" in command else (0,)):
        raise PlatformError(f"{' '.join(command)} ended with {process.returncode}: {said.decode()}")
    return time.perf_counter() - began


async def _begun(place: Home, *command: str) -> asyncio.subprocess.Process:
    environment = {**os.environ, **place.settings.environment()}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )


@asynccontextmanager
async def _pipelines(place: Home) -> AsyncIterator[None]:
    """Let one pipeline run after another, of a model of its own, as long as the block runs."""
    sets: dict[str, Any] = {"name": "beside", "gate.champion.margin": 1, "rollout.steps": [100]}
    parts = [
        part for key, value in sets.items() for part in ("--set", f"{key}={json.dumps(value)}")
    ]

    async def again() -> None:
        while True:
            process = await _begun(place, sys.executable, "-m", "scripts", "run", str(SPEC), *parts)
            try:
                await process.communicate()
            except asyncio.CancelledError:
                process.terminate()
                await process.wait()
                raise

    task = asyncio.create_task(again())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    main()
