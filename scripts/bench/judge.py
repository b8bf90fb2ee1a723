"""`make bench-judge`: how often the judge cries wolf, and how soon it finds what is wrong.

Simulated answers, our evidence code, a look after every request: identical canaries for the rate
of false rollbacks, worse ones for the requests that it takes. Beside it the rules of the peers on
the same answers, as shipped and at our rate of false rollbacks. Seeded, and the same everywhere.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.bench import judge_predictions as predictions
from scripts.bench import judge_rules as rules
from scripts.bench.judge_kinds import ALPHA, KINDS, WEIGHT, Kind, oracle
from scripts.bench.judge_plots import plot_detection, plot_false_rollbacks
from scripts.bench.judge_predictions import Guards, median
from scripts.bench.judge_streams import (
    Stream,
    bad_at,
    counted,
    disagreement_at,
    first_true,
    stream,
)
from scripts.bench.measuring import report
from serving.intervals import wilson
from serving.rollout.guards import ERRORS_PART, FEWEST, LATENCY_PART

HORIZON = rules.POINTS * rules.POINT
ROLLOUTS, WORSE_ROLLOUTS, BATCH = 10_000, 1_000, 500
ALONE = 8
"""Times as many worse rollouts where the canary's answers are all there are: they are short."""
PEERS = ("z-test", "Flagger", "Argo Rollouts", "Kayenta")
PARTS = {"errors": ERRORS_PART, "latency": LATENCY_PART}
"""Of alpha, where all guards look at one rollout."""
DOCS = Path(__file__).resolve().parents[2] / "docs"

Seen = dict[str, np.ndarray]
Medians = dict[str, float]


@dataclass(frozen=True)
class Limits:
    """What each peer compares with; `windows` by peer."""

    z: float
    windows: dict[str, rules.Breaches]
    rank_z: float


def shipped(kind: Kind) -> Limits:
    """Return the peers as they are shipped; Flagger is told what is normal."""
    flagger = rules.Breaches(kind.good, rules.FLAGGER_TIMES)
    argo = rules.Breaches(rules.ARGO_LIMIT, rules.ARGO_TIMES)
    return Limits(rules.NAIVE_Z, {"Flagger": flagger, "Argo Rollouts": argo}, rules.RANK_Z)


def calibrated(kind: Kind, good: Seen) -> Limits:
    """Return the most eager limits that roll back no more identical canaries than we do."""
    allowed = false_rate(good["ours"])
    usual = shipped(kind)
    windows = {peer: rule.calmed(good["hits"], allowed) for peer, rule in usual.windows.items()}
    ranks = np.where(good["change"] > rules.TOLERANCE, good["ranks"], -np.inf)
    return Limits(_above(good["z_max"], allowed), windows, _above(ranks, allowed))


def _above(scores: np.ndarray, allowed: float) -> float:
    """Return the limit that a part `allowed` of the scores exceeds."""
    return float(np.quantile(scores, 1 - allowed, method="higher")) + 1e-6


def play(rng: np.random.Generator, kind: Kind, share: float, count: int, zs: list[float]) -> Seen:
    """Return what was seen in `count` rollouts, [rollouts, …]; `zs`: limits of the z-test."""
    parts = []
    for _ in range(0, count, BATCH):
        answers = stream(rng, kind.world(share), min(BATCH, count), kind.requests)
        parts.append(_seen(answers, kind, zs))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _seen(answers: Stream, kind: Kind, zs: list[float]) -> Seen:
    ours = _ours(answers, kind, ALPHA)
    scores = rules.z_scores(answers, kind.maximum)
    ranks, change = rules.mann_whitney(answers, kind.maximum)
    return {
        "ours": ours,
        "ours in part": _ours(answers, kind, ALPHA * PARTS.get(kind.name, 1.0)),
        "hits": rules.windows(answers, rules.WINDOW)[0][:, : HORIZON // rules.WINDOW],
        "z_max": scores.max(axis=1),
        "ranks": ranks,
        "change": change,
        **{f"z {z}": counted(answers, first_true(scores >= z)) for z in zs},
    }


def _ours(answers: Stream, kind: Kind, alpha: float) -> np.ndarray:
    """Return the requests of the canary until we roll it back; a few of them never suffice."""
    if kind.maximum is not None:
        return counted(answers, disagreement_at(answers, kind.maximum, alpha))
    until = counted(answers, bad_at(answers, 0.0, WEIGHT, alpha))
    return np.asarray(np.maximum(until, FEWEST))


def requests(seen: Seen, limits: Limits) -> Seen:
    """Return for each peer the requests of the canary until its rollback, [rollouts]."""
    found = (seen["ranks"] > limits.rank_z) & (seen["change"] > rules.TOLERANCE)
    return {
        "z-test": seen[f"z {limits.z}"],
        **{peer: rule.requests(seen["hits"]) for peer, rule in limits.windows.items()},
        "Kayenta": np.where(found, float(HORIZON), np.inf),
    }


def false_rate(until: np.ndarray) -> float:
    """Return the share of rollouts that ended in a rollback."""
    return float(np.isfinite(until).mean())


@dataclass(frozen=True)
class Result:
    """What was found on one kind: identical canaries, and the medians on the worse ones."""

    good: Seen
    false: dict[str, tuple[float, float]]
    ours: Medians
    oracle: Medians
    shipped: dict[str, Medians]
    calibrated: dict[str, Medians]


def measure(kind: Kind, rollouts: int, worse: int) -> Result:
    """Play a kind: identical canaries first, since the peers' limits follow from them."""
    rng = np.random.default_rng(20)
    usual = shipped(kind)
    good = play(rng, kind, kind.good, rollouts, [usual.z])
    fair = calibrated(kind, good)
    many = worse * (ALONE if kind.maximum else 1)
    bad = {name: play(rng, kind, at, many, [usual.z, fair.z]) for name, at in kind.worse.items()}
    good[f"z {fair.z}"] = np.where(good["z_max"] >= fair.z, good["z " + str(usual.z)], np.inf)
    rates = {
        peer: (false_rate(requests(good, usual)[peer]), false_rate(requests(good, fair)[peer]))
        for peer in PEERS
    }
    return Result(
        good,
        rates,
        {name: median(seen["ours"]) for name, seen in bad.items()},
        {name: oracle(kind, share) for name, share in kind.worse.items()},
        *(
            {p: {n: median(requests(s, lim)[p]) for n, s in bad.items()} for p in PEERS}
            for lim in (usual, fair)
        ),
    )


def main() -> None:
    """Measure, print, and draw the two pictures of the documentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=ROLLOUTS, help="identical canaries")
    parser.add_argument("--worse", type=int, default=WORSE_ROLLOUTS, help="of each worse canary")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the pictures go")
    given = parser.parse_args()
    results = {kind.name: measure(kind, given.rollouts, given.worse) for kind in KINDS}
    guards = predictions.measure(given.rollouts, given.worse)
    show(results)
    show_guards(results, guards)
    draw(results, given.docs)
    publish(results, guards, given.rollouts)


def show(results: dict[str, Result]) -> None:
    """Print the medians: ours, the oracle's, and the peers' at our rate of false rollbacks."""
    print(f"{'requests of the canary until BAD':34} {'oracle':>8} {'ours':>8}", *_heads())
    for result in results.values():
        for name, ours in result.ours.items():
            cells = (_cell(result.calibrated[p][name], result.shipped[p][name]) for p in PEERS)
            print(f"  {name:32} {result.oracle[name]:8.0f} {ours:8.0f}", *cells)
    print("  (each peer: at our rate of false rollbacks / as shipped, with its own rate of them)")
    for kind, result in results.items():
        rates = (f"{result.false[p][1]:.1%} / {result.false[p][0]:.1%}" for p in PEERS)
        rate = f"{false_rate(result.good['ours']):.1%}"
        print(f"  false rollbacks, {kind:24} {rate:>8}", *(f"{cell:>17}" for cell in rates))


def show_guards(results: dict[str, Result], guards: Guards) -> None:
    """Print how soon the other guards convict, and how often all of them together do by chance."""
    print(
        "requests until BAD, of the canary (of both for the split), at each guard's part of alpha"
    )
    for name, until in guards.until.items():
        known = f"{guards.oracle[name]:8.0f}" if name in guards.oracle else " " * 8
        print(f"  {name:32} {known} {until:8.0f}")
    rates = ", ".join(f"{name} {found.mean():.2%}" for name, found in guards.false.items())
    print(f"  false rollbacks, all guards: {together(results, guards):.2%} ({rates})")


def together(results: dict[str, Result], guards: Guards) -> float:
    """Return the share of identical canaries that are rolled back by any guard of a rollout."""
    return guards.convicted(np.isfinite(results[kind].good["ours in part"]) for kind in PARTS)


def _heads() -> list[str]:
    return [f"{peer:>17}" for peer in PEERS]


def _cell(fair: float, usual: float) -> str:
    texts = ("never" if math.isinf(value) else f"{value:.0f}" for value in (fair, usual))
    return f"{' / '.join(texts):>17}"


def draw(results: dict[str, Result], docs: Path) -> None:
    """Write the two pictures."""
    errors = results["errors"]
    usual = requests(errors.good, shipped(KINDS[0]))
    plot_false_rollbacks(
        docs / "judge-false-rollbacks.svg",
        {"Kanarya": errors.good["ours"], **usual},
        ALPHA,
        HORIZON,
    )
    medians = {"an oracle": _joined(results, "oracle"), "Kanarya": _joined(results, "ours")}
    for peer in PEERS:
        medians[peer] = {n: v for r in results.values() for n, v in r.calibrated[peer].items()}
    plot_detection(docs / "judge-requests-to-detect.svg", medians, HORIZON)


def _joined(results: dict[str, Result], field: str) -> Medians:
    return {name: value for r in results.values() for name, value in getattr(r, field).items()}


def publish(results: dict[str, Result], guards: Guards, rollouts: int) -> None:
    """Print the line that other programs read; never is null, in a ratio it is the horizon."""
    ours = _joined(results, "ours")
    rate, all_guards = false_rate(results["errors"].good["ours"]), together(results, guards)
    ratios = {
        f"best_peer/ours {name}": min(min(r.calibrated[p][name] for p in PEERS), HORIZON)
        / ours[name]
        for r in results.values()
        for name in r.ours
    }
    figures = {
        "alpha": ALPHA,
        "rollouts": rollouts,
        "false_rollback_rate": rate,
        "false_rollback_rate_upper": wilson(rate * rollouts, rollouts)[1],
        "false_rollback_rate_of_all_guards": all_guards,
        "false_rollback_rate_of_all_guards_upper": wilson(all_guards * rollouts, rollouts)[1],
        "requests_to_detect": ours,
        "requests_to_detect_by_other_guards": _finite(guards.until),
        "oracle": {name: round(value, 1) for name, value in _joined(results, "oracle").items()},
        "peers": {peer: _peer(results, peer) for peer in PEERS},
    }
    report("judge", ratios, figures)


def _finite(medians: Medians) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in medians.items()}


def _peer(results: dict[str, Result], peer: str) -> dict[str, object]:
    rates = {kind: result.false[peer] for kind, result in results.items()}
    found: dict[str, object] = {}
    for index, name in enumerate(("shipped", "calibrated")):
        medians = {n: v for r in results.values() for n, v in getattr(r, name)[peer].items()}
        found[name] = {
            "false_rollback_rate": {kind: round(rate[index], 4) for kind, rate in rates.items()},
            "requests_to_detect": _finite(medians),
        }
    return found


if __name__ == "__main__":
    main()
