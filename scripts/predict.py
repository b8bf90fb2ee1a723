"""`kanarya predict`: ask a live model about a table, JSON or pictures."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from scripts.asked import Question, Wanted, questions
from serving import direct, storage
from serving.errors import KanaryaError, UsageError
from serving.settings import Settings


@click.command()
@click.argument("name")
@click.option("--data", required=True, metavar="FILE", help="What to ask about; - reads stdin.")
@click.option("--limit", type=click.IntRange(min=0), default=0, help="Only the first N of it.")
def predict(name: str, data: str, limit: int) -> None:
    """Ask a live model; prints one JSON line a row or picture.

    FILE is a table (CSV or Parquet), JSON (records, one a line, or a body of V1 or V2), a picture
    or a folder of pictures; its first bytes tell which.
    """
    from serving.isvc.client import connect

    settings = Settings.from_env()
    view = connect(settings.kubeconfig, settings.namespace).get(name)
    if view is None or view.url is None:
        raise UsageError(
            f"there is no live service {name!r}; `kanarya status` shows those there are"
        )
    for line in answers(view.url, name, data, limit):
        click.echo(json.dumps(line, ensure_ascii=False))


def answers(url: str, name: str, data: str, limit: int = 0) -> Iterator[dict[str, Any]]:
    """Yield what the model at an address answers to each row or picture.

    `data`: a file, a folder of pictures, or - for standard input. Raises UsageError for data that
    the model cannot be asked about, KanaryaError where it refuses or does not answer.
    """
    wanted = Wanted.from_metadata(name, _ask(f"{url}/v2/models/{name}", None))
    paths = {"v1": f"v1/models/{name}:predict", "v2": f"v2/models/{name}/infer"}
    for question in _questions(data, wanted, limit):
        yield from _answered(f"{url}/{paths[question.protocol]}", question)


def _questions(data: str, wanted: Wanted, limit: int) -> Iterator[Question]:
    """Yield the requests; whatever is wrong with the data begins with its name."""
    with tempfile.TemporaryDirectory() as scratch:
        name, path = data, storage.absolute(data)
        if data == "-":
            name, path = "standard input", Path(scratch) / "stdin"
            with path.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        try:
            yield from questions(path, wanted, limit, Path(scratch))
        except UsageError as error:
            raise type(error)(f"{name}: {error}") from error
        except OSError as error:
            raise UsageError(f"{name} cannot be read: {error.strerror}") from error


def _answered(url: str, question: Question) -> Iterator[dict[str, Any]]:
    try:
        answer = _ask(url, question.body)
    except KanaryaError as error:
        raise KanaryaError(
            f"{question.about}: {error}" if question.about else str(error)
        ) from error
    about = {"file": question.about} if question.about else {}
    lines = _lines_v1(answer) if question.protocol == "v1" else _lines_v2(answer)
    for line in lines:
        yield {**about, **line, "version": answer["model_version"]}


def _lines_v1(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line for each row; a model that answers with a number has no probabilities."""
    names = [*map(str, answer.get("classes", ()))]
    shares = answer.get("probabilities", ())
    for row, prediction in enumerate(answer["predictions"]):
        told = {} if isinstance(prediction, list) else {"prediction": prediction}
        each = prediction if isinstance(prediction, list) else shares[row] if shares else None
        yield {**told, **({"probabilities": _named(names, each)} if each else {})}


def _lines_v2(answer: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line for each row of the outputs that the request named, or of all."""
    outputs = {output["name"]: output for output in answer["outputs"]}
    rows = answer["outputs"][0]["shape"][0]
    answered, shares = outputs.get("label", outputs.get("prediction")), outputs.get("probabilities")
    width = shares["shape"][-1] if shares else 0
    classes = ((shares or {}).get("parameters") or {}).get("classes", "[]")
    names = [*map(str, json.loads(classes))]
    for row in range(rows):
        told = {"prediction": answered["data"][row]} if answered else {}
        each = shares["data"][row * width : (row + 1) * width] if shares else None
        yield {**told, **({"probabilities": _named(names, each)} if each else {})}


def _named(names: list[str], shares: list[float]) -> dict[str, float]:
    return dict(zip(names or map(str, range(len(shares))), shares, strict=True))


def _ask(url: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body, default=str).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with direct.opener().open(request, timeout=60) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")
        raise KanaryaError(f"the model answered {error.code}: {said[:500]}") from error
    except direct.FAULTS as error:
        why = getattr(error, "reason", error)
        raise KanaryaError(f"{url} does not answer ({why}); `kanarya up` starts it") from error
