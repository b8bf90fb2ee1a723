"""`make bench-serving`: our predictor beside KServe, MLServer, MLflow, BentoML and the limit.

The harness of ../shared/bench starts every server on one core, checks its answers against the
model's own, and loads it with wrk from another core: one server at a time, all of them in turn, as
often as there are repetitions. Peers, models and wrk are made or installed where they are missing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from scripts.bench.contenders import OURS, PEERS, environments, peers
from scripts.bench.home import interruptible
from scripts.bench.measuring import ROOT, line, machine
from scripts.bench.models import FOLDER, VERSION, publish_models
from scripts.bench.place import Place, installed, make_models, require_wrk, say
from scripts.bench.results import Results, figures, goals, ratios, records, results, table
from serving.errors import KanaryaError, PlatformError

CELLS = {"lr": "1x1,16x1,1x32", "rf": "1x1,16x1,1x32", "cnn": "1x1,16x1,1x32,16x32"}
IMAGES = (1, 32)


@dataclass(frozen=True)
class Plan:
    """What is measured, how often, and for how many seconds each load."""

    models: tuple[str, ...] = tuple(CELLS)
    peers: frozenset[str] | None = None
    repetitions: int = 3
    seconds: int = 3
    warm_up_s: int = 2


@dataclass(frozen=True)
class Bench:
    """A plan at its place: environments, the models that we serve too, cores of server and wrk."""

    plan: Plan
    place: Place
    environments: frozenset[str]
    ours: frozenset[str]
    cores: tuple[int, int]

    @property
    def records(self) -> Path:
        """Return the file that the harness appends its records to."""
        return self.place.work / "kanarya-serving.jsonl"

    def command(self, model: str, left_out: Sequence[str]) -> list[str]:
        """Return the harness' command for one repetition of a model, without some contenders."""
        theirs = peers(model, self.plan.peers, set(self.environments))
        mine = OURS[model] if model in self.ours else ()
        added = [f"--add={each.added(model)}" for each in mine if each.name not in left_out]
        options = {
            "models": model,
            "only": ",".join(name for name in theirs if name not in left_out) or "none",
            "reps": 1,
            "duration": self.plan.seconds,
            "warmup": self.plan.warm_up_s,
            "cells": CELLS[model],
            "server-cpu": self.cores[0],
            "client-cpu": self.cores[1],
            "out": self.records,
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        script = self.place.harness / "serving" / "run.py"
        return [sys.executable, str(script), *words, *added]


def main() -> None:
    """Measure, print the tables and the JSON line."""
    plan = _plan()
    try:
        with interruptible():
            found, bare = _measured(_bench(plan))
    except KeyboardInterrupt:
        sys.exit("stopped; what was measured until then is not shown")
    except KanaryaError as error:
        sys.exit(f"bench-serving: {error}")
    _report(plan, found, bare)


def _report(plan: Plan, found: Results, bare: Mapping[int, float]) -> None:
    print(f"\n{machine()}; load {found.load:.1f} (of which about 1 is the run itself)")
    for model in plan.models:
        print(f"\n{model}: connections x rows a request", *table(found, model), sep="\n")
    print("", *goals(found, bare), sep="\n")
    print(line("serving", ratios(found), figures(found, bare)))


def _plan() -> Plan:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.serving", description=summary, epilog=rest
    )
    usual = Plan()
    add = parser.add_argument
    add("--models", type=_among(CELLS), default=usual.models, help="lr,rf,cnn or some of them")
    known = {name for names in PEERS.values() for name in names}
    add("--peers", type=_among(known), default=None, help="some of them; the usual: all")
    add("--reps", type=_count, default=usual.repetitions, help="repetitions (%(default)s)")
    add("--seconds", type=_count, default=usual.seconds, help="of each load (%(default)s)")
    add("--warmup", type=_count, default=usual.warm_up_s, help="seconds before (%(default)s)")
    add("--quick", action="store_true", help="one repetition of one second: does it all work?")
    given = parser.parse_args()
    wanted = None if given.peers is None else frozenset(given.peers)
    plan = Plan(given.models, wanted, given.reps, given.seconds, given.warmup)
    return replace(plan, repetitions=1, seconds=1, warm_up_s=1) if given.quick else plan


def _among(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    def names(text: str) -> tuple[str, ...]:
        words = tuple(filter(None, text.split(",")))
        if not words or not {*words} <= {*known}:
            raise argparse.ArgumentTypeError(f"{text!r}: there are {', '.join(sorted(known))}")
        return words

    return names


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _bench(plan: Plan) -> Bench:
    place = Place.from_env(os.environ)
    place.work.mkdir(parents=True, exist_ok=True)
    require_wrk()
    there = installed(place, environments(plan.models, plan.peers))
    make_models(place)
    say(f"models: publishing {', '.join(plan.models)} as directories of ours")
    ours = frozenset(publish_models(place, plan.models))
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        say("this machine has one core: client and server share it, the figures say little")
    return Bench(plan, place, frozenset(there), ours, (cores[0], cores[-1]))


def _measured(bench: Bench) -> tuple[Results, dict[int, float]]:
    bench.records.unlink(missing_ok=True)
    bare: dict[int, list[float]] = {images: [] for images in IMAGES}
    found = results([])
    for repetition in range(bench.plan.repetitions):
        say(f"repetition {repetition + 1} of {bench.plan.repetitions}")
        for model in bench.plan.models:
            _harness(bench, bench.command(model, [n for m, n in found.failed if m == model]))
            found = results(records(bench.records.read_text(encoding="utf-8")))
        for images in IMAGES if "cnn" in bench.ours else ():
            bare[images].append(_bare(bench, images))
    return found, {images: median(rates) for images, rates in bare.items() if rates}


def _harness(bench: Bench, command: list[str]) -> None:
    """Run the harness to its end; interrupted, let it stop the server that it started."""
    # A session of its own: Ctrl-C must reach it once, from here, or it would be cut short twice.
    process = subprocess.Popen(
        command,
        env=bench.place.environment(),
        cwd=bench.place.work,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    said: list[str] = []
    try:
        for line in process.stdout or ():
            said.append(line.rstrip())
            if not line.startswith("now:"):
                say(f"  {said[-1]}")
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        raise
    if process.wait():
        raise PlatformError(f"the harness ended with exit code {process.returncode}: {said[-1:]}")


def _bare(bench: Bench, images: int) -> float:
    """Return the calls a second of a bare session, on the server's core."""
    directory = bench.place.work / FOLDER / "cnn" / VERSION
    options = ["--images", str(images), "--seconds", str(bench.plan.seconds)]
    command = [sys.executable, "-P", "-m", "scripts.bench.bare_onnx", str(directory), *options]
    done = subprocess.run(
        ["taskset", "-c", str(bench.cores[0]), *command],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PlatformError(f"the bare session failed: {done.stderr.strip()[-300:]}")
    return float(json.loads(done.stdout)["per_s"])


if __name__ == "__main__":
    main()
