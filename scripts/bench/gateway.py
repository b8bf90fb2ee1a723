"""`make bench-gateway`: what the gateway costs, and what a changing split costs those who ask.

A platform is started in a temporary home and trains and serves a real model. Then, in one run:
latency at a steady rate and throughput, each of the predictor asked directly and of the gateway in
front of it; then canaries that are promoted, rolled back and killed under steady traffic.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from scripts.bench.canary_phases import KILLS, Phase, Play
from scripts.bench.home import Home, home, row
from scripts.bench.load import (
    Answer,
    Client,
    Side,
    Traffic,
    closed_loop,
    failures,
    open_loop,
    quantile_ms,
)
from scripts.bench.measuring import report
from serving.errors import PlatformError

RATE = 200.0
SECONDS = 30.0
BLOCK_S = 2.0
WARM_UP = 200
CONNECTIONS = 16
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
ADDED_P50_MS = 1.5

Figures = dict[str, object]


@dataclass(frozen=True)
class Plan:
    """How long and how fast; everything but the rate shrinks with the seconds."""

    seconds: float = SECONDS
    rate: float = RATE

    @property
    def blocks(self) -> int:
        """Return how many times each side gets its turn in the latency part."""
        return max(1, round(self.seconds / BLOCK_S))

    @property
    def block_requests(self) -> int:
        """Return the requests of one turn."""
        return max(1, round(self.seconds * self.rate / self.blocks))

    @property
    def throughput_s(self) -> float:
        """Return how long each side is asked as fast as it answers: 5 of 30 seconds."""
        return self.seconds / 6

    @property
    def steady(self) -> int:
        """Return the windows of 100 requests after each change of the split: 6 of 30 seconds."""
        return max(2, round(self.seconds / 5))


@dataclass(frozen=True)
class Pair:
    """The same requests, answered by the predictor itself and through the gateway."""

    direct: list[Answer]
    gateway: list[Answer]

    def require_answers(self) -> Pair:
        """Return the pair. Raises PlatformError where a side gave no prediction at all."""
        for name, answers in (("predictor", self.direct), ("gateway", self.gateway)):
            if failures(answers) == len(answers):
                raise PlatformError(f"the {name} answered none of {len(answers)} requests.")
        return self


def main() -> None:
    """Measure, print the table and the JSON line; clean up whatever happens."""
    plan = _plan()
    with home("gateway") as place:
        ratios, figures = _measured(place, plan)
    report("gateway", ratios, figures)


def _plan() -> Plan:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.gateway", description=summary, epilog=rest
    )
    seconds = "of latency for each side; the other parts shrink with it (default: %(default)g)"
    parser.add_argument("--seconds", type=_positive, default=SECONDS, help=seconds)
    rate = "requests a second (default: %(default)g)"
    parser.add_argument("--rate", type=_positive, default=RATE, help=rate)
    arguments = parser.parse_args()
    return Plan(arguments.seconds, arguments.rate)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def _measured(place: Home, plan: Plan) -> tuple[dict[str, float], Figures]:
    import uvloop

    print("training and serving a first version", flush=True)
    view = place.train()
    canaries = place.copies(view.storage_uri, 3)
    sides = {"direct": place.direct(view.rolled_out), "gateway": place.gateway}
    clients = [Client(Side.of(url, row())) for url in sides.values()]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        latency, throughput = runner.run(_compared(clients, plan))
        phases = runner.run(_played(place, canaries, plan))
    return (
        {**latency_ratios(latency), **throughput_ratios(throughput)},
        {
            **latency_figures(latency),
            **throughput_figures(throughput, plan.throughput_s),
            **phase_figures(phases),
        },
    )


async def _compared(clients: Sequence[Client], plan: Plan) -> tuple[Pair, Pair]:
    """Return the answers of both sides at the plan's rate, and as fast as they come."""
    for client in clients:
        await open_loop(client, requests=WARM_UP, rate=plan.rate)
    print(f"latency: {plan.blocks} turns each, {plan.rate:g} requests/s", flush=True)
    turns = [
        [
            await open_loop(client, requests=plan.block_requests, rate=plan.rate)
            for client in clients
        ]
        for _ in range(plan.blocks)
    ]
    print(f"throughput: {CONNECTIONS} connections, {plan.throughput_s:g} s each", flush=True)
    fast = [
        await closed_loop(client, connections=CONNECTIONS, seconds=plan.throughput_s)
        for client in clients
    ]
    for client in clients:
        client.close()
    direct, gateway = (list(chain.from_iterable(side)) for side in zip(*turns, strict=True))
    return Pair(direct, gateway).require_answers(), Pair(*fast).require_answers()


async def _played(place: Home, canaries: Sequence[str], plan: Plan) -> list[Phase]:
    """Return the phases of one canary promoted, one rolled back and one killed."""
    print(f"canaries under {plan.rate:g} requests/s", flush=True)
    traffic = Traffic(Client(Side.of(place.gateway, row())), plan.rate)
    play = Play(place, traffic, steady=plan.steady)
    async with traffic.flowing():
        await play.promoted(canaries[0])
        await play.rolled_back(canaries[1])
        await play.killed(canaries[2])
    traffic.client.close()
    return play.phases


def latency_ratios(pair: Pair) -> dict[str, float]:
    """Return the gateway's quantiles over the predictor's."""
    return {
        f"gateway/direct_{name}": quantile_ms(pair.gateway, share) / quantile_ms(pair.direct, share)
        for name, share in QUANTILES.items()
    }


def latency_figures(pair: Pair) -> Figures:
    """Return both sides' quantiles in milliseconds, and what the gateway adds to each."""
    figures: Figures = {"latency_requests": len(pair.direct) + len(pair.gateway)}
    for name, share in QUANTILES.items():
        direct, gateway = (quantile_ms(side, share) for side in (pair.direct, pair.gateway))
        figures[f"direct_{name}_ms"] = round(direct, 4)
        figures[f"gateway_{name}_ms"] = round(gateway, 4)
        figures[f"added_{name}_ms"] = round(gateway - direct, 4)
    figures["added_p50_limit_ms"] = ADDED_P50_MS
    return {**figures, **_failed("latency", pair)}


def throughput_ratios(pair: Pair) -> dict[str, float]:
    """Return the gateway's throughput over the predictor's."""
    direct, gateway = (len(side) - failures(side) for side in (pair.direct, pair.gateway))
    return {"gateway/direct_throughput": gateway / direct}


def throughput_figures(pair: Pair, seconds: float) -> Figures:
    """Return the predictions per second of both sides."""
    rates = {"direct_per_s": pair.direct, "gateway_per_s": pair.gateway}
    shown = {name: round((len(side) - failures(side)) / seconds, 1) for name, side in rates.items()}
    return {**shown, **_failed("throughput", pair)}


def phase_figures(phases: Sequence[Phase]) -> Figures:
    """Return requests, failures and retries of each phase, and how exact the splits were."""
    figures: Figures = {}
    for phase in phases:
        figures[f"{phase.name}_requests"] = phase.requests
        figures[f"{phase.name}_failed"] = len(phase.failed)
        figures[f"{phase.name}_retried"] = phase.retried
    return {
        **figures,
        "kills": KILLS,
        "retried_after_no_answer": sum(phase.in_vain for phase in phases),
        "canary_failed": sum(len(phase.failed) for phase in phases),
        "split_windows": sum(phase.steady for phase in phases),
        "split_windows_inexact": sum(phase.inexact for phase in phases),
    }


def _failed(part: str, pair: Pair) -> Figures:
    sides = {"direct": pair.direct, "gateway": pair.gateway}
    return {f"{part}_{name}_failed": failures(side) for name, side in sides.items()}


if __name__ == "__main__":
    main()
