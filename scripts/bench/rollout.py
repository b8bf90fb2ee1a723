"""`make bench-rollout`: whether a rollout loses a request, and what it costs to look on.

A platform is started in a temporary home and serves a real model. First, in each mode of KServe,
requests are sent without a pause while the split is changed twenty times, with promotions and
rollbacks among the changes. Then a rollout gives a canary half of the traffic and looks on, as
`kanarya run` does; its process is stopped and continued in many short turns, and compared turn by
turn are the requests a second and, since four processes on two cores make those vary by a sixth,
the processor time that the gateway takes for a request. Both means get an interval.
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

from scripts.bench.home import NAME, Home, home, row
from scripts.bench.load import Answer, Client, Side, closed_loop, failures, split_of
from scripts.bench.looking_cost import Cost, Pace, Turn, cpu_s
from scripts.bench.measuring import ROOT, report
from scripts.bench.split_changes import Change, Loss, knative_changes, lost, standard_changes
from scripts.bench.split_objects import Objects, waited
from serving.errors import PlatformError
from serving.local.modes import DEPLOYMENT_MODE, KNATIVE, MODES

REQUESTS = 10_000
TURNS = 150
LOOKING_TURNS = 20
TURN_S = 1.0  # the pace of a virtual machine drifts: the shorter, the more alike are two neighbours
MODELS = 4
# What a process that was stopped has missed, it does at once: that look is nobody's turn.
SETTLE_S = 0.3
CONNECTIONS = 16


@dataclass(frozen=True)
class Plan:
    """How much of everything: requests while the split changes, turns of seconds each way."""

    requests: int = REQUESTS
    turns: int = TURNS
    seconds: float = TURN_S


def main() -> None:
    """Measure, print the table and the JSON line; clean up whatever happens."""
    plan = _plan()
    with home("rollout") as place:
        losses, cost = _measured(place, plan)
    report("rollout", cost.ratios(), {**loss_figures(losses), **cost.figures()})


def _plan() -> Plan:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.rollout", description=summary, epilog=rest
    )
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


def loss_figures(losses: Sequence[Loss]) -> dict[str, object]:
    """Return requests, changes and lost requests of each mode."""
    figures: dict[str, object] = {}
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
    command = [sys.executable, "-m", "scripts.bench.observing", NAME, "2", uri]
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
    await closed_loop(client, connections=CONNECTIONS, seconds=3 * plan.seconds)  # it warms up
    print(f"throughput: {plan.turns} turns of {plan.seconds:g} s each way", flush=True)
    turns = []
    for number in range(plan.turns):
        paces = {}
        for sent in (signal.SIGSTOP, signal.SIGCONT)[:: -1 if number % 2 else 1]:
            rollout.send_signal(sent)
            await closed_loop(client, connections=CONNECTIONS, seconds=SETTLE_S)
            paces[sent] = await _pace(client, place.platform.pid, plan.seconds)
        turns.append(Turn(paces[signal.SIGSTOP], paces[signal.SIGCONT]))
    client.close()
    return turns


def _looking(place: Home, rollout: subprocess.Popen[bytes], plan: Plan) -> tuple[float, float]:
    """Return the shares of a core that looking takes of the platform and of the rollout."""
    pids = place.platform.pid, rollout.pid
    seconds = LOOKING_TURNS * plan.seconds
    spent = {}
    for sent in (signal.SIGSTOP, signal.SIGCONT):
        rollout.send_signal(sent)
        before = [cpu_s(pid) for pid in pids]
        time.sleep(seconds)
        spent[sent] = [(cpu_s(pid) - b) / seconds for pid, b in zip(pids, before, strict=True)]
    idle, busy = spent[signal.SIGSTOP], spent[signal.SIGCONT]
    return busy[0] - idle[0], busy[1] - idle[1]


async def _pace(client: Client, gateway: int, seconds: float) -> Pace:
    """Return the pace; every request must be answered, and both revisions must be asked."""
    before = cpu_s(gateway)
    answers = await closed_loop(client, connections=CONNECTIONS, seconds=seconds)
    spent = cpu_s(gateway) - before
    require_both(answers)
    return Pace(len(answers) / seconds, spent / len(answers))


def require_both(answers: Sequence[Answer]) -> None:
    """Raise PlatformError where a request failed or only one revision answered."""
    if failures(answers) or len(split_of(answers)) != 2:
        raise PlatformError(
            f"{failures(answers)} of {len(answers)} requests failed, and "
            f"{len(split_of(answers))} revisions answered: the canary does not have its half."
        )


if __name__ == "__main__":
    main()
