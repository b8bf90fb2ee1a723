"""`kanarya predict`: ask a live model about the rows of a CSV file."""

from __future__ import annotations

import csv
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from serving.errors import KanaryaError, UsageError
from serving.settings import Settings

BATCH = 500


@click.command()
@click.argument("name")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="A CSV file with a header."
)
@click.option("--limit", default=0, help="Only the first N rows.")
def predict(name: str, data: Path, limit: int) -> None:
    """Ask a live model about the rows of a CSV file; prints one JSON line a row."""
    from serving.isvc.client import connect

    settings = Settings.from_env()
    view = connect(settings.kubeconfig, settings.namespace).get(name)
    if view is None or view.url is None:
        raise UsageError(
            f"there is no live service {name!r}; `kanarya status` shows those there are"
        )
    kinds = _kinds(f"{view.url}/v2/models/{name}")
    for batch in _batches(data, limit):
        instances = [_instance(row, kinds) for row in batch]
        answer = _ask(f"{view.url}/v1/models/{name}:predict", {"instances": instances})
        for line in _lines(answer):
            click.echo(json.dumps(line))


def _lines(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line for each row; a model that answers with a number has no probabilities."""
    version, predictions = answer["model_version"], answer["predictions"]
    if "classes" not in answer:
        yield from ({"prediction": number, "version": version} for number in predictions)
        return
    names = [*map(str, answer["classes"])]
    for label, shares in zip(predictions, answer["probabilities"], strict=True):
        known = dict(zip(names, shares, strict=True))
        yield {"prediction": label, "probabilities": known, "version": version}


def _batches(data: Path, limit: int) -> Iterator[list[dict[str, str]]]:
    with data.open(newline="", encoding="utf-8-sig") as file:
        rows: list[dict[str, str]] = []
        for number, row in enumerate(csv.DictReader(file), start=1):
            rows.append(row)
            if len(rows) == BATCH or number == limit:
                yield rows
                rows = []
            if number == limit:
                return
        if rows:
            yield rows


def _kinds(url: str) -> dict[str, str]:
    return {column["name"]: column["datatype"] for column in _ask(url, None)["inputs"]}


def _instance(row: dict[str, str], kinds: dict[str, str]) -> dict[str, Any]:
    """Return the row with the model's columns only, each cell as the model's type."""
    missing = [column for column in kinds if column not in row]
    if missing:
        raise UsageError(
            f"the file has no column {missing[0]!r}; the model needs {', '.join(kinds)}"
        )
    return {column: _cell(column, row[column], kind) for column, kind in kinds.items()}


def _cell(column: str, text: str, kind: str) -> object:
    if text == "":
        return None
    if kind == "BYTES":
        return text
    if kind == "BOOL" or text.lower() in ("true", "false"):
        return text.lower() in ("true", "1")
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(
            f"column {column!r} holds {text!r} where the model wants a number"
        ) from error


def _ask(url: str, body: object) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")
        raise KanaryaError(f"the model answered {error.code}: {said[:500]}") from error
    except urllib.error.URLError as error:
        raise KanaryaError(
            f"{url} does not answer ({error.reason}); `kanarya up` starts it"
        ) from error
