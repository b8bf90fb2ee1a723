"""What is on record about a version, read back: its tags, its data, its gate, how it is served.

Everything was written by the steps that made the version: on its MLflow run, in the registry, in
the card of its model directory. What is not there, or cannot be read any more, is left out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components import registry
from components.tracking_store import connect, is_empty
from serving import storage
from serving.card import CARD
from serving.errors import KanaryaError

GATE, FINDINGS, SCORES = "gate.json", "findings.json", "evaluation/scores.json"
"""Files on the run of a version: the gate's checks, the data's findings, the candidate's scores."""
MEASURED = "kanarya.serving."
"""What the tags begin with that say what serving the version was like (`components.register`)."""


def recorded(name: str, version: str | None) -> dict[str, Any]:
    """Return what is known of a version, as a JSON object.

    version      the registry's tags
    data         source and its sha256, rows for training, columns, findings: [{level, sentence}]
    gate         passed or rejected, its checks, and the scores of candidate and champion
    servability  the model's kind, what answers, how many columns, which labels, what was measured

    Raises TrackingError where MLflow cannot be reached.
    """
    if is_empty():
        return {"version": {}}
    tags = registry.tags_if_any(name, version) if version else {}
    run = _run(tags.get("kanarya.run_id"))
    found = read_file(run, FINDINGS)
    parts = {
        "data": {
            **_dataset(run),
            **_present(sha256=tags.get("kanarya.data.sha256")),
            **({"findings": found} if isinstance(found, list) else {}),
        },
        "gate": {
            **_present(verdict=tags.get("kanarya.gate")),
            **dict(read_file(run, GATE) or {}),
            **dict(read_file(run, SCORES) or {}),
        },
        "servability": _served(tags),
    }
    return {"version": tags, **_present(**parts)}


def _run(run_id: str | None) -> Any:
    """Return the MLflow run, None where it was deleted for good."""
    from mlflow.exceptions import MlflowException

    try:
        return connect().get_run(run_id) if run_id else None
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _dataset(run: Any) -> dict[str, Any]:
    """Return the size and the source of the first data set that the run was given."""
    if run is None or not run.inputs.dataset_inputs:
        return {}
    found = run.inputs.dataset_inputs[0].dataset
    texts = (found.profile, found.source, found.schema)
    profile, source, schema = (_parsed(text) or {} for text in texts)
    columns = len(schema.get("mlflow_colspec", ()))
    return _present(rows=profile.get("num_rows"), columns=columns, source=source.get("uri"))


def read_file(run: Any, path: str) -> Any:
    """Return the JSON value in a file of the run, None where there is none."""
    if run is None:
        return None
    tracker, folder = connect(), path.rpartition("/")[0]
    if path not in [each.path for each in tracker.list_artifacts(run.info.run_id, folder or None)]:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        local = tracker.download_artifacts(run.info.run_id, path, scratch)
        return _parsed(Path(local).read_bytes())


def _served(tags: Mapping[str, str]) -> dict[str, Any]:
    """Return what was measured, and what the model directory's card says, if that can be read."""
    uri = tags.get(registry.STORE_URI)
    try:
        card = _parsed(storage.read(storage.join(uri, CARD))) if uri else None
    except KanaryaError:
        card = None
    card = card if isinstance(card, dict) else {}
    signature = card.get("signature", {})
    return _present(
        **{key: card.get(key) for key in ("kind", "task", "runtime", "opset", "created_at")},
        columns=len(signature.get("inputs", ())),
        labels=signature.get("labels"),
        requests_together=tags.get("kanarya.batching"),
        measured=_measured(tags),
        libraries=card.get("libraries"),
    )


def _measured(tags: Mapping[str, str]) -> dict[str, float]:
    """Return what the servability step measured, by its names (`components.servability.rules`)."""
    found = {tag: _parsed(text) for tag, text in tags.items() if tag.startswith(MEASURED)}
    numbers = {tag: value for tag, value in found.items() if isinstance(value, int | float)}
    return {tag.removeprefix(MEASURED): value for tag, value in numbers.items()}


def _parsed(text: bytes | str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:  # damaged: nothing that could be shown
        return None


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", 0, [], {})}
