"""The card of a rollout: its decision in, what a page or a terminal shows out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.pages.content import Chart, Columns, Fact, Page, Section, Table
from serving.rollout.card import about, ending, values, words
from serving.rollout.card.looks import Look, looks, since
from serving.rollout.card.traffic import split_over_time

_MODELS: Columns = (
    ("", "text"),
    ("version", "text"),
    ("sha256 of its manifest", "code"),
    ("where it is", "code"),
)
_TIMELINE: Columns = (
    ("after", "number"),
    ("what", "level"),
    ("share", "number"),
    ("who", "text"),
    ("why", "text"),
)
_RECORDS: Columns = (
    ("record", "number"),
    ("what", "text"),
    ("when", "moment"),
    ("sha256 of the record", "code"),
    ("process", "code"),
)
_VERDICTS: Columns = (
    ("at", "number"),
    ("verdict", "level"),
    ("canary's share, measured", "number"),
    ("its requests so far", "number"),
    ("its errors", "number"),
    ("stable's requests", "number"),
    ("its errors", "number"),
)


def card(decision: Mapping[str, Any]) -> Page:
    """Return the card of the decision that `serving.rollout.decision` tells of."""
    judged = looks(decision)
    said, commands = ending.undo(decision)
    history = (decision["commands"]["history"] + " --verify", "reads and checks the ledger")
    return Page(
        title=f"{decision['service']}: {words.model(decision['to'])}",
        word=ending.word(decision),
        level=ending.LEVELS.get(decision["outcome"], "wait"),
        sentence=ending.sentence(decision),
        facts=_when(decision),
        sections=(
            Section(
                ending.REMEDY.get(decision["outcome"], "How to undo it"), said, commands=commands
            ),
            Section("From and to", tables=(Table("", _MODELS, _models(decision)),)),
            _course(decision, judged),
            _grounds(decision),
            Section("Decided by people", notes=ending.people(decision)),
            about.gate(decision),
            about.data(decision),
            about.served(decision),
            Section("The rules it had", facts=_rules(decision)),
            _ledger(decision, history),
        ),
    )


def _when(decision: Mapping[str, Any]) -> tuple[Fact, ...]:
    took = words.duration(decision["seconds"])
    actors = dict.fromkeys(moment["actor"] for moment in decision["timeline"])
    found: list[Fact] = [
        ("Began", words.moment(decision["began"]), "text"),
        ("Took", took if decision["ended"] else f"{took} so far", "text"),
        ("By", ", ".join(actors), "text"),
    ]
    if decision["run"]:
        found.append(("Run", decision["run"], "text"))
    return tuple(found)


def _models(decision: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    both = (("from", decision["from"]), ("to", decision["to"]))
    return tuple(
        (side, *(str(it.get(key) or "not known") for key in ("version", "sha256", "uri")))
        if it
        else (side, "nothing was live", "–", "–")
        for side, it in both
    )


def _course(decision: Mapping[str, Any], judged: tuple[Look, ...]) -> Section:
    drawn: list[Chart | None] = [
        split_over_time(decision, judged),
        values.error_rates(judged),
        values.latencies(judged),
        values.evidence(judged),
        values.others(judged),
    ]
    rows = tuple(
        (
            words.duration(since(decision, m["at"])),
            words.word(m["kind"]),
            "–" if m["percent"] is None else f"{m['percent']} %",
            m["actor"],
            m["why"],
        )
        for m in decision["timeline"]
    )
    verdicts = Table("Verdicts", _VERDICTS, tuple(map(_verdict, judged)))
    charts = tuple(chart for chart in drawn if chart)
    return Section(
        "How it went", charts=charts, tables=(verdicts, Table("Timeline", _TIMELINE, rows))
    )


def _verdict(look: Look) -> tuple[str, ...]:
    share = "–" if look.share is None else words.percent(look.share)
    counts = [
        words.number(number)
        for each in (look.canary, look.stable)
        for number in ((each.requests, each.errors) if each else (None, None))
    ]
    return (f"{look.percent} %" if look.percent else "shadow", look.verdict, share, *counts)


def _grounds(decision: Mapping[str, Any]) -> Section:
    return Section("What it was judged by", notes=tuple(decision["evidence"]))


_RULES = {
    "steps": "Steps",
    "min_requests": "Canary's requests a step, at least",
    "max_seconds": "Time a step, at most",
    "alpha": "Rolled back by chance, at most",
    "max_error_increase": "More failed answers, at most",
    "max_latency_ratio": "p95 against the stable one's, at most",
    "shadow_requests": "Rows asked in the shadow",
    "max_disagreement": "Of which may differ",
    "max_class_shift": "Shift of the classes, at most",
    "max_confidence_drop": "Drop of the confidence, at most",
    "approve": "A person approves",
    "on_inconclusive": "Without a verdict",
}
_SHARES = (
    "alpha",
    "max_error_increase",
    "max_disagreement",
    "max_class_shift",
    "max_confidence_drop",
)


def _rules(decision: Mapping[str, Any]) -> tuple[Fact, ...]:
    policy = decision.get("policy", {})
    told = [key for key in _RULES if policy.get(key) not in (None, [], 0)]
    if not policy.get("shadow_requests") and "max_disagreement" in told:
        told.remove("max_disagreement")
    shown = {key: _rule(key, policy[key]) for key in told}
    return tuple((_RULES[key], value, "text") for key, value in shown.items())


def _rule(key: str, value: Any) -> str:
    if key in _SHARES:
        return words.percent(value)
    match value:
        case list():
            return ", ".join(f"{percent} %" for percent in value)
        case _ if key == "max_seconds":
            return words.duration(value)
    return f"{value:g} times" if key == "max_latency_ratio" else str(value)


def _ledger(decision: Mapping[str, Any], history: tuple[str, str]) -> Section:
    rows = tuple(
        (
            str(m["seq"]),
            words.word(m["kind"]),
            words.moment(m["at"]),
            m["sha256"],
            m["holder"],
        )
        for m in decision["timeline"]
    )
    told = f"Rollout {decision['rollout']} of {decision['service']} in {decision['namespace']}."
    return Section("Ledger", told, tables=(Table("", _RECORDS, rows),), commands=(history,))
