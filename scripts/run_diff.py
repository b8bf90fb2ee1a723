"""`kanarya runs diff`: what differs between two runs, and what that did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from scripts.run_folders import folder_of

if TYPE_CHECKING:
    from pipelines.differences import Comparison

MODEL = {
    True: "the model has the same bytes",
    False: "the model has other bytes",
    None: "one of the runs packaged no model",
}
SHOWN = 28
"""Characters of a value: a sha256 is told by its first ones."""


@click.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(a: str, b: str, as_json: bool) -> None:
    """Say what differs between two runs: data, config, code, environment; and the metrics."""
    from pipelines import differences

    found = differences.compare(*(differences.read(folder_of(each)) for each in (a, b)))
    if as_json:
        click.echo(json.dumps({"a": a, "b": b, **asdict(found)}, indent=2))
        return
    click.echo("\n".join([f"A {a}", f"B {b}", *_lines(found)]))


def _lines(found: Comparison) -> Iterator[str]:
    if not found.changes:
        yield "Data, config, code and environment are the same."
    for ingredient, changes in groupby(found.changes, key=lambda change: change.ingredient):
        yield click.style(ingredient, bold=True)
        for change in changes:
            yield f"  {change.key:<36} {_shown(change.a):<{SHOWN}}  → {_shown(change.b)}"
    if found.effects:
        yield f"{'':<38} {'A':>10} {'B':>10} {'B - A':>10}"
    for effect in found.effects:
        cells = (effect.a, effect.b, effect.difference)
        yield f"  {effect.metric:<36} {_number(cells[0])} {_number(cells[1])} {_number(cells[2])}"
    yield f"{MODEL[found.same_model]}."


def _shown(value: Any) -> str:
    text = "–" if value in (None, "") else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _number(value: float | None) -> str:
    return f"{'–':>10}" if value is None else f"{value:>10.4f}"
