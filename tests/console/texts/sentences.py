"""The sentences of the engine, collected from its source as patterns with places."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PLACE = "\0"
"""Stands in a pattern where something is put in."""
PHRASE = re.compile(r"[A-Za-z]{2,}[^A-Za-z]* [^A-Za-z]*[A-Za-z]{2,}")
"""Two words at least: what is one word is a name, a key or a part that its sentence explains."""
UNSAID = frozenset({"info", "debug", "warning", "exception", "add_argument", "compile", "execute"})
"""Calls whose texts are for logs, terminals or machines."""


@dataclass(frozen=True)
class Sentence:
    """A sentence of the source, as its pattern, and where it stands."""

    pattern: str
    place: str


def said_in(path: Path) -> Iterator[Sentence]:
    """Return what a module says: all texts of two words but docstrings and what goes to logs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _texts(tree):
        pattern = pattern_of(node)
        if PHRASE.search(pattern.replace(PLACE, "")):
            yield Sentence(pattern, f"{path.relative_to(ROOT)}:{node.lineno}")


def _texts(node: ast.AST) -> Iterator[ast.expr]:
    """Return the outermost texts below a node; of an added-up one the whole."""
    for child in ast.iter_child_nodes(node):
        if _is_silent(child):
            continue
        if isinstance(child, ast.expr) and _is_text(child):
            yield child
            yield from _inside(child)
        else:
            yield from _texts(child)


def _inside(text: ast.expr) -> Iterator[ast.expr]:
    """Return the texts that may stand in the places of another one."""
    for part in ast.walk(text):
        if isinstance(part, ast.FormattedValue):
            yield from _texts(part)


def _is_silent(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        return name in UNSAID
    return isinstance(node, ast.AnnAssign) and node.value is None


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, ast.JoinedStr)


def pattern_of(node: ast.expr) -> str:
    """Return the fixed words of a text with `PLACE` where something is put in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(map(pattern_of, values))
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            return pattern_of(left) + pattern_of(right)
    return PLACE
