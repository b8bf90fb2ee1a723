"""`make bench-watching`: what counting traffic, and keeping answers for labels, costs a request.

The same model answers in four predictors: with no cells to count its traffic in (as one packaged
before there were sketches), with cells, asked under an id that nobody keeps, and under one that is
kept until its label comes. They are asked as fast as they can in many short turns, and compared
with their neighbours' by the processor time that the predictor takes for a request, since requests
a second vary by a sixth on two cores whatever is measured. Both get an interval.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from scripts.bench.home import NAME, PREDICT, Home, home, row
from scripts.bench.load import Client, Side, closed_loop, failures
from scripts.bench.looking_cost import Mean, Pace, cpu_s, mean_of
from scripts.bench.measuring import report
from scripts.bench.split_objects import waited
from serving.artifact import read_baseline, seal, write_baseline
from serving.errors import PlatformError
from serving.storage import local_path

TURNS, TURN_S = 60, 1.0
CONNECTIONS = 16
LIMIT = 0.03
BARE, SKETCHED, NAMED, KEPT = "bare", "sketched", "named", "kept"
COMPARED = {SKETCHED: BARE, KEPT: NAMED}
ID = b"x-request-id: bench\r\n"


@dataclass(frozen=True)
class Asked:
    """A predictor's process, and whoever asks it."""

    pid: int
    client: Client


def main() -> None:
    """Measure, print the table and the JSON line; clean up whatever happens."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.watching", description=__doc__)
    parser.add_argument(
        "--turns", type=int, default=TURNS, help="of each kind (default: %(default)s)"
    )
    turns = parser.parse_args().turns
    with home("watching") as place, _predictors(place) as asked:
        paces = asyncio.run(_paces(asked, turns))
    costs = {kind: cost(paces[than], paces[kind]) for kind, than in COMPARED.items()}
    ratios = {f"{kind}/{COMPARED[kind]}_requests_a_core": c.value for kind, c in costs.items()}
    report("watching", ratios, {**dict(_rates(paces)), **_costs(costs), "costs_limit": LIMIT})


def cost(without: Sequence[Pace], with_it: Sequence[Pace]) -> Mean:
    """Return what is left of the requests that a core of the predictor carries, turn by turn."""
    return mean_of([a.cpu_s / b.cpu_s for a, b in zip(without, with_it, strict=True)])


def _rates(paces: Mapping[str, Sequence[Pace]]) -> Iterator[tuple[str, float]]:
    for kind, each in paces.items():
        yield f"{kind}_per_s", round(median(pace.per_s for pace in each), 1)
        yield f"{kind}_us", round(1e6 * median(pace.cpu_s for pace in each), 1)


def _costs(costs: Mapping[str, Mean]) -> dict[str, float]:
    found = {f"{kind}_costs": round(1 - c.value, 4) for kind, c in costs.items()}
    return found | {f"{kind}_costs_at_most": round(1 - c.least, 4) for kind, c in costs.items()}


async def _paces(asked: Mapping[str, Asked], turns: int) -> dict[str, list[Pace]]:
    """Return each kind's turns; every second time the order is the other way round."""
    for each in asked.values():
        await closed_loop(each.client, connections=CONNECTIONS, seconds=2 * TURN_S)  # it warms up
    found: dict[str, list[Pace]] = {kind: [] for kind in asked}
    for number in range(turns):
        for kind in list(asked)[:: -1 if number % 2 else 1]:
            found[kind].append(await _pace(asked[kind]))
    for each in asked.values():
        each.client.close()
    return found


async def _pace(asked: Asked) -> Pace:
    before = cpu_s(asked.pid)
    answers = await closed_loop(asked.client, connections=CONNECTIONS, seconds=TURN_S)
    if failures(answers):
        raise PlatformError(f"{failures(answers)} of {len(answers)} requests got no prediction.")
    return Pace(len(answers) / TURN_S, (cpu_s(asked.pid) - before) / len(answers))


@contextmanager
def _predictors(place: Home) -> Iterator[dict[str, Asked]]:
    model = local_path(place.train().storage_uri)
    if model is None:
        raise PlatformError("the model that was trained is not on this machine.")
    bare = _without_cells(model, place.settings.home / "bare")
    with (
        _collector(place.settings.home / "feedback") as url,
        _predictor(bare, feedback="none") as one,
        _predictor(model, feedback="none") as two,
        _predictor(model, ID, feedback="none") as three,
        _predictor(model, ID, feedback="asked", feedback_url=url) as four,
    ):
        yield dict(zip((BARE, SKETCHED, NAMED, KEPT), (one, two, three, four), strict=True))


def _without_cells(model: Path, folder: Path) -> Path:
    shutil.copytree(model, folder)
    baseline = read_baseline(folder)
    del baseline["output"]
    for column in baseline["columns"].values():
        column.pop("cells", None)
    write_baseline(folder, baseline)
    seal(folder)
    return folder


@contextmanager
def _predictor(model: Path, header: bytes = b"", **flags: str) -> Iterator[Asked]:
    words = [f"--{name}={value}" for name, value in flags.items()]
    fixed = [f"--model_dir={model}", f"--model_name={NAME}"]
    with _served("serving.predictor", "--http_port", [*fixed, *words]) as (process, url):
        waited(lambda: _is_ready(process, f"{url}/v2/health/ready"), "a predictor is ready")
        side = Side.of(f"{url}/{PREDICT}", row())
        request = side.request.replace(b"\r\n", b"\r\n" + header, 1)
        yield Asked(process.pid, Client(replace(side, request=request)))


@contextmanager
def _collector(folder: Path) -> Iterator[str]:
    with _served("serving.feedback", "--port", [f"--folder={folder}"]) as (_, url):
        yield f"{url}/default"


@contextmanager
def _served(
    module: str, port_flag: str, flags: Sequence[str]
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Lend a server that listens on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-P", "-m", module, f"{port_flag}={port}", *flags]
    process = subprocess.Popen(
        command, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _is_ready(process: subprocess.Popen[bytes], url: str) -> bool:
    if process.poll() is not None:
        raise PlatformError(f"a predictor ended with {process.returncode}.")
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    main()
