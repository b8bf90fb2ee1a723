"""What a rollout that looks on costs the gateway, from turns with and without one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist, mean, median, stdev

COST = 0.02
ONE_SIDED = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True)
class Pace:
    """Predictions a second, and the gateway's processor time for each of them, in seconds."""

    per_s: float
    cpu_s: float


@dataclass(frozen=True)
class Turn:
    """The pace without and with a rollout that looks on, one right after the other."""

    alone: Pace
    observed: Pace


@dataclass(frozen=True)
class Cost:
    """What looking on costs: in turns under load, and in processor time where nobody else asks."""

    turns: Sequence[Turn]
    platform_core: float
    rollout_core: float

    @property
    def throughput(self) -> Mean:
        """Return what looking on leaves of the requests a second."""
        return mean_of([turn.observed.per_s / turn.alone.per_s for turn in self.turns])

    @property
    def gateway(self) -> Mean:
        """Return what looking on leaves of the requests that a core of the gateway can carry."""
        return mean_of([turn.alone.cpu_s / turn.observed.cpu_s for turn in self.turns])

    def ratios(self) -> dict[str, float]:
        """Return what is left of the throughput: as measured, and of a core of the gateway."""
        return {
            "observed/alone_throughput": self.throughput.value,
            "observed/alone_requests_a_core": self.gateway.value,
        }

    def figures(self) -> dict[str, object]:
        """Return both rates, what looking on costs at most (at 95 %), and the shares of a core."""
        return {
            "alone_per_s": round(median(turn.alone.per_s for turn in self.turns), 1),
            "observed_per_s": round(median(turn.observed.per_s for turn in self.turns), 1),
            "alone_gateway_us": round(1e6 * median(turn.alone.cpu_s for turn in self.turns), 1),
            "throughput_costs": round(1 - self.throughput.value, 4),
            "throughput_costs_at_most": round(1 - self.throughput.least, 4),
            "gateway_costs": round(1 - self.gateway.value, 4),
            "gateway_costs_at_most": round(1 - self.gateway.least, 4),
            "costs_limit": COST,
            "turns": len(self.turns),
            "looking_platform_core": round(self.platform_core, 4),
            "looking_rollout_core": round(self.rollout_core, 4),
        }


@dataclass(frozen=True)
class Mean:
    """A geometric mean, and the least that it may be: the lower end of a one-sided 95 % interval.

    The interval is the normal one of the logarithms' mean (turns are many); NaN where there is only
    one value.
    """

    value: float
    least: float


def mean_of(ratios: Sequence[float]) -> Mean:
    """Return the mean of ratios above 0."""
    logs = [math.log(ratio) for ratio in ratios]
    if len(logs) < 2:
        return Mean(math.exp(mean(logs)), math.nan)
    error = stdev(logs) / math.sqrt(len(logs))
    return Mean(math.exp(mean(logs)), math.exp(mean(logs) - ONE_SIDED * error))


def cpu_s(pid: int) -> float:
    """Return the processor time of a process's threads, in seconds, to the nanosecond.

    The system's usual account is in hundredths of a second, which is a per cent of a turn.
    """
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((t / "schedstat").read_text().split()[0]) for t in threads) / 1e9
