"""The sentences of the engine, collected from its source as patterns with places."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PLACE = "\0"
"""Stands in a pattern where something is put in."""
PHRASE = re.compile(r"[A-Za-z]{2,}[^A-Za-z]* [^A-Za-z]*[A-Za-z]{2,}")
"""Two words at least: what is one word is a name, a key or a part that its sentence explains."""
TEMPLATE = re.compile(r"\{\w*(?::[^}]*)?\}")
UNSAID = {
    *("info", "debug", "warning", "exception"),  # logs
    *("add_argument", "Field", "Option"),  # what explains a parameter
    *("set_display_name", "PipelineTask", "compile", "execute"),
}
"""Calls whose texts no page shows as sentences."""
ELSEWHERE = (
    # The commands', the servers' and the gateway's own answers.
    *("serving/predictor", "serving/local", "serving/feedback", "serving/docker"),
    *("pipelines/backup", "pipelines/cleaning", "pipelines/doctor", "pipelines/warm"),
    *("pipelines/compile.py", "pipelines/trainjob.py", "pipelines/katib.py", "pipelines/costs.py"),
    *("components/train/__main__.py", "components/finish", "components/assigned.py"),
    *("pipelines/watcher_pages.py", "pipelines/watching_cluster.py"),
    # Documents, which are English as a whole: reports, cards, drawings, metrics.
    *("serving/pages", "serving/rollout/card", "components/report.py", "components/plots.py"),
    *("components/evaluate/about.py", "components/evaluate/image_step.py"),
    *("components/evaluate/numbers.py", "components/evaluate/rules.py"),
    *("components/evaluate/slices.py", "components/validate/report.py"),
    *("components/tune/report.py", "components/monitor/report.py", "components/register/rules.py"),
    *("components/rows.py", "components/scores.py", "pipelines/alerts/gauges.py"),
    # The help of parameters (`texts/fields.toml`), the names of steps in Kubeflow's pages.
    *("components/models/hyperparameters.py", "components/models/epochs.py"),
    *("components/image_models.py", "components/tune/asked.py", "pipelines/image_spec.py"),
    *("pipelines/retrain_spec.py", "pipelines/gate_spec.py", "pipelines/rollout_spec.py"),
    *("pipelines/serving_spec.py", "pipelines/pods_spec.py", "pipelines/spec_parts.py"),
    *("pipelines/image.py", "pipelines/tabular.py", "pipelines/tail.py", "pipelines/tuning.py"),
    *("pipelines/monitoring.py", "pipelines/spec.py"),
    # Queries and what is read by programs.
    *("pipelines/alerts/database.py", "pipelines/alerts/outbox.py", "pipelines/alerts/signals.py"),
    *("serving/rollout/sources/promql.py", "serving/onnx_graph.py", "pipelines/alerts/units.py"),
)


@dataclass(frozen=True)
class Sentence:
    """A sentence of the source, as its pattern, and where it stands."""

    pattern: str
    place: str

    @property
    def samples(self) -> Iterator[str]:
        """Yield it with something in its places, with each of them empty in turn, and with all."""
        yield self.pattern
        yield TEMPLATE.sub("7", self.pattern.replace("{value}", "7 s")).replace(PLACE, "7")
        parts = TEMPLATE.sub(PLACE, self.pattern).split(PLACE)
        for empty in (0, *range(1, len(parts))):
            rest = (f"{'' if at == empty else 7}{part}" for at, part in enumerate(parts[1:], 1))
            yield f"{parts[0]}{''.join(rest)}".strip(" ;,")
        yield "".join(parts).strip(" ;,")


def shown() -> Iterator[Sentence]:
    """Yield every sentence that a page may show."""
    files = chain.from_iterable((ROOT / each).rglob("*.py") for each in ("components", "serving"))
    console = (ROOT / "console" / "data").glob("*.py")
    for path in chain(files, (ROOT / "pipelines").rglob("*.py"), console):
        if not path.relative_to(ROOT).as_posix().startswith(ELSEWHERE):
            yield from said_in(path)


def said_in(path: Path) -> Iterator[Sentence]:
    """Yield what a module says: all texts of two words but docstrings and what goes to logs."""
    for node in _texts(ast.parse(path.read_text(encoding="utf-8"))):
        pattern = pattern_of(node)
        if PHRASE.search(pattern.replace(PLACE, "")):
            yield Sentence(pattern, f"{path.relative_to(ROOT)}:{node.lineno}")


def _texts(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the outermost texts below a node, and those that may stand in their places."""
    for child in ast.iter_child_nodes(node):
        if _is_silent(child):
            continue
        if isinstance(child, ast.expr) and _is_text(child):
            yield child
            for part in ast.walk(child):
                if isinstance(part, ast.FormattedValue):
                    yield from _texts(part)
        else:
            yield from _texts(child)


def _is_silent(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        return (name or getattr(node.func, "id", "")) in UNSAID
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, str)
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            return _is_text(left) or _is_text(right)
    return isinstance(node, ast.JoinedStr)


def pattern_of(node: ast.expr) -> str:
    """Return the fixed words of a text, with `PLACE` where something is put in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(map(pattern_of, values))
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            return pattern_of(left) + pattern_of(right)
    return PLACE
