"""`make bench-rollout`: whether a rollout loses a request, and what it costs to look on.

A platform is started in a temporary home and serves a real model. First, in each mode of KServe,
requests are sent without a pause while the split is changed twenty times, with promotions and
rollbacks among the changes. Then a rollout gives a canary half of the traffic and looks on, as
`kanarya run` does; its process is stopped and continued in many short turns, the gateway's
throughput with and without it is compared turn by turn, and the mean gets an interval.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from scripts.bench_home import NAME, ROOT, Home, home, row
from scripts.load import Answer, Client, Side, closed_loop, failures, split_of
from scripts.measuring import report
from scripts.split_changes import Change, Loss, knative_changes, lost, standard_changes
from scripts.split_objects import Objects, waited
from serving.errors import KanaryaError, PlatformError
from serving.local.modes import DEPLOYMENT_MODE, KNATIVE, MODES

REQUESTS = 10_000
TURNS = 150
TURN_S = 1.0  # the pace of a virtual machine drifts: the shorter, the more alike are two neighbours
MODELS = 4
CONNECTIONS = 16
COST = 0.02

Figures = dict[str, object]


@dataclass(frozen=True)
class Plan:
    """How much of everything: requests while the split changes, turns of seconds each way."""

    requests: int = REQUESTS
    turns: int = TURNS
    seconds: float = TURN_S


@dataclass(frozen=True)
class Turn:
    """Predictions a second without and with a rollout that looks on, one right after the other."""

    alone: float
    observed: float

    @property
    def ratio(self) -> float:
        """Return what is left of the throughput when somebody looks on."""
        return self.observed / self.alone


@dataclass(frozen=True)
class Cost:
    """What looking on costs: in turns under load, and in processor time where nobody else asks.

    The two shares of a core tell the same on a busy machine as on a quiet one.
    """

    turns: Sequence[Turn]
    platform_core: float
    rollout_core: float

    def ratios(self) -> dict[str, float]:
        """Return the geometric mean over the turns of what is left of the throughput."""
        return {"observed/alone_throughput": self.left[0]}

    @property
    def left(self) -> tuple[float, float]:
        """Return what is left of the throughput: its geometric mean, and the least at 95 %.

        The second is the lower end of the one-sided t interval of the logarithms' mean, and NaN
        where there is one turn only.
        """
        import numpy as np
        from scipy.stats import t

        logs = np.log([turn.ratio for turn in self.turns])
        if len(logs) < 2:
            return float(np.exp(logs[0])), float("nan")
        error = logs.std(ddof=1) / len(logs) ** 0.5
        least = logs.mean() - t.ppf(0.95, len(logs) - 1) * error
        return float(np.exp(logs.mean())), float(np.exp(least))

    def figures(self) -> Figures:
        """Return the medians of both rates, and the shares of the throughput and of a core."""
        mean, least = self.left
        return {
            "alone_per_s": round(median(turn.alone for turn in self.turns), 1),
            "observed_per_s": round(median(turn.observed for turn in self.turns), 1),
            "observing_costs": round(1 - mean, 4),
            "observing_costs_at_most": round(1 - least, 4),
            "observing_costs_limit": COST,
            "turns": len(self.turns),
            "looking_platform_core": round(self.platform_core, 4),
            "looking_rollout_core": round(self.rollout_core, 4),
        }


def main() -> None:
    """Measure, print the table and the JSON line; clean up whatever happens."""
    plan = _plan()
    try:
        with home() as place:
            losses, cost = _measured(place, plan)
    except KeyboardInterrupt:
        sys.exit("stopped; the platform is down and its folder removed")
    except KanaryaError as error:
        sys.exit(f"bench-rollout: {error}")
    report("rollout", cost.ratios(), {**loss_figures(losses), **cost.figures()})


def _plan() -> Plan:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(prog="bench_rollout", description=summary, epilog=rest)
    add = parser.add_argument
    add("--requests", type=int, default=REQUESTS, help="in each mode (default: %(default)s)")
    add("--turns", type=int, default=TURNS, help="with and without (default: %(default)s)")
    add("--seconds", type=float, default=TURN_S, help="of each turn (default: %(default)g)")
    given = parser.parse_args()
    if given.requests < 1 or given.turns < 1 or given.seconds <= 0:
        parser.error("every number must be above 0")
    return Plan(given.requests, given.turns, given.seconds)


def _measured(place: Home, plan: Plan) -> tuple[list[Loss], Cost]:
    import uvloop

    print("training and serving a first version", flush=True)
    uri = place.train().storage_uri
    models = [uri, *place.copies(uri, MODELS)]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        losses = [_played(runner, place, mode, models, plan.requests) for mode in MODES]
        with _rollout(place, models[1]) as rollout:
            turns = runner.run(_compared(place, rollout, plan))
            looking = _looking(place, rollout, plan)
    return losses, Cost(turns, *looking)


# -- what a change of the split costs those who ask


def _played(
    runner: asyncio.Runner, place: Home, mode: str, models: Sequence[str], requests: int
) -> Loss:
    service, namespace = f"split-{mode.lower()}", place.settings.namespace
    objects = Objects(place.platform.api_url, namespace, service)
    objects.create(models[0], {DEPLOYMENT_MODE: mode})
    url = f"{place.platform.gateway_url}/serving/{namespace}/{service}/v1/models/{service}:predict"
    changes = _changes(mode, service, models[1:])
    loss = runner.run(lost(mode, objects, changes, Client(Side.of(url, row())), requests))
    print(f"  {loss.sentence()}", flush=True)
    objects.delete()
    return loss


def _changes(mode: str, service: str, models: Sequence[str]) -> list[Change]:
    if mode == KNATIVE:
        return list(knative_changes(models))
    return list(standard_changes(service, models))


def loss_figures(losses: Sequence[Loss]) -> Figures:
    """Return requests, changes and lost requests of each mode."""
    figures: Figures = {}
    for loss in losses:
        name = loss.mode.lower()
        figures[f"{name}_requests"] = loss.requests
        figures[f"{name}_changes"] = loss.changes
        figures[f"{name}_lost"] = len(loss.failed)
    return figures


# -- what a rollout that looks on costs


@contextmanager
def _rollout(place: Home, uri: str) -> Iterator[subprocess.Popen[bytes]]:
    """Lend the process of a rollout that has given its canary half, and looks on for ever."""
    log = place.settings.home / "logs" / "observing.log"
    environment = {**os.environ, **place.settings.environment(), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scripts.observing", NAME, "2", uri]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _require_look(place, process, log)
        yield process
    finally:
        process.kill()  # a stopped process heeds nothing else
        process.wait()


def _require_look(place: Home, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the canary has half and somebody looks. Raises PlatformError."""
    objects = Objects(place.platform.api_url, place.settings.namespace, NAME)

    def looking() -> bool:
        if process.poll() is not None:
            raise PlatformError(f"the rollout ended: {log.read_text(encoding='utf-8')[-500:]}")
        return sorted(objects.split().values()) == [50, 50] and b"looking" in log.read_bytes()

    waited(looking, "a rollout looks on")


async def _compared(place: Home, rollout: subprocess.Popen[bytes], plan: Plan) -> list[Turn]:
    """Return the turns; in every second one the order is the other way round."""
    client = Client(Side.of(place.gateway, row()))
    await closed_loop(client, connections=CONNECTIONS, seconds=plan.seconds)  # it warms up
    print(f"throughput: {plan.turns} turns of {plan.seconds:g} s each way", flush=True)
    turns = []
    for number in range(plan.turns):
        rates = {}
        for sent in (signal.SIGSTOP, signal.SIGCONT)[:: -1 if number % 2 else 1]:
            rollout.send_signal(sent)
            rates[sent] = await _rate(client, plan.seconds)
        turns.append(Turn(rates[signal.SIGSTOP], rates[signal.SIGCONT]))
    client.close()
    return turns


def _looking(place: Home, rollout: subprocess.Popen[bytes], plan: Plan) -> tuple[float, float]:
    """Return the shares of a core that looking takes of the platform and of the rollout."""
    import psutil

    processes = psutil.Process(place.platform.pid), psutil.Process(rollout.pid)
    spent = {}
    for sent in (signal.SIGSTOP, signal.SIGCONT):
        rollout.send_signal(sent)
        before = [sum(process.cpu_times()[:2]) for process in processes]
        time.sleep(2 * plan.seconds)
        after = [sum(process.cpu_times()[:2]) for process in processes]
        spent[sent] = [(b - a) / (2 * plan.seconds) for a, b in zip(before, after, strict=True)]
    idle, busy = spent[signal.SIGSTOP], spent[signal.SIGCONT]
    return busy[0] - idle[0], busy[1] - idle[1]


async def _rate(client: Client, seconds: float) -> float:
    """Return predictions a second; every one must be answered, and both revisions must be asked."""
    answers = await closed_loop(client, connections=CONNECTIONS, seconds=seconds)
    require_both(answers)
    return len(answers) / seconds


def require_both(answers: Sequence[Answer]) -> None:
    """Raise PlatformError where a request failed or only one revision answered."""
    if failures(answers) or len(split_of(answers)) != 2:
        raise PlatformError(
            f"{failures(answers)} of {len(answers)} requests failed, and "
            f"{len(split_of(answers))} revisions answered: the canary does not have its half."
        )


if __name__ == "__main__":
    main()
