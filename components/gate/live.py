"""What the gate tells of the champion's live performance: a fact, which decides nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.evaluation import ChampionScores
from components.gate.wording import shown

DAY_S = 86_400


def told(champion: ChampionScores, asked: str) -> tuple[str, float, str] | None:
    """Return metric, value and sentence; None where no label of a live prediction has come.

    `asked`: the metric that the gate compares, if it is one that labels tell.
    """
    found: Mapping[str, Any] = champion.live or {}
    metrics = found.get("metrics") or {}
    metric = asked if asked in metrics else next(iter(metrics), "")
    if not metric:
        return None
    value, low, high = (metrics[metric][key] for key in ("value", "low", "high"))
    bounds = f"{shown(low)} to {shown(high)}" if high is not None else "one label bounds nothing"
    sentence = (
        f"Live, the champion (version {champion.version}) has {metric} {shown(value)} ({bounds}) "
        f"on {found['labels']:,} predictions of the last {found['window_s'] / DAY_S:g} days whose "
        f"labels have come"
    )
    tested = (champion.metrics or {}).get(metric)
    if tested is None:
        return metric, value, f"{sentence}."
    outside = tested < low or (high is not None and tested > high)
    why = ", which is outside: what it is asked differs from them" if outside else ""
    return metric, value, f"{sentence}; on these test rows it has {shown(tested)}{why}."
