"""Look at what a live model is asked and answers: its sketch, its baseline, a verdict, a record."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from components import report as pages
from components.monitor import record, report
from components.monitor.record import Look, Opened, Windows
from components.monitor.rules import Policy, judge
from serving import artifact, direct, plain_files, storage
from serving.errors import PlatformError, UsageError
from serving.isvc.client import connect
from serving.plain_files import JSON_LIMIT
from serving.rollout.state import rollout_of
from serving.sealed import verified
from serving.settings import Settings
from serving.sketch import Reference, reference

if TYPE_CHECKING:
    from serving.isvc.resource import ServiceView

ROWS = 1000
PATIENCE_S = 10.0
EXPERIMENT = "monitoring"
NOT_THERE = 404


@dataclass(frozen=True)
class Asked:
    """What to look for: how sure, and after how many rows a window is closed."""

    policy: Policy = field(default_factory=Policy)
    rows: int = ROWS

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise UsageError(f"A window has {self.rows} rows; let it have 1 at the least.")


def look(name: str, asked: Asked, settings: Settings) -> Look:
    """Return a look at the service's window, which is written down.

    Raises KanaryaError where the service is not there, has no sketch, or its version no cells.
    """
    view = _service(name, settings)
    sketch = sketch_of(view)
    if sketch is None:
        raise UsageError(
            f"the traffic of {name} is not counted ({_address(view)} is not there), as of models "
            "that were packaged without cells to count in; package the model again"
        )
    version = str(sketch["version"])
    known = known_of(directory_of(view, name, version, settings))
    windows = Windows(place(name, settings))
    seen = Seen(name, version, {sketch["instance"]: _totals(sketch)})
    return _written(seen, known, windows, asked)


def place(name: str, settings: Settings) -> str:
    """Return the folder of a service's windows: beside the ledger of the same service."""
    parent, _, last = settings.ledger.rstrip("/").rpartition("/")
    folder = ".windows" if last.startswith(".") else "windows"
    of = name if settings.namespace == "default" else f"{name}.{settings.namespace}"
    return storage.join(parent, folder, of)


def run(name: str, asked: Asked, page: Path, metrics: Any) -> str:
    """Look, write the page and the numbers for the pipeline's UI, and return the look as JSON."""
    found = look(name, asked, Settings.from_env())
    with storage.partial(page) as unfinished:
        unfinished.write_text(pages.html(report.report(found)), encoding="utf-8")
    for metric, value in report.numbers(found).items():
        metrics.log_metric(metric, value)
    track(found)
    return json.dumps({"number": found.number, **found.judgement}, ensure_ascii=False)


def track(found: Look) -> str:
    """Put a look on an MLflow run of its own, with its page; return the run's id."""
    from components import tracking

    run_id = tracking.open_run(f"{found.service}-{EXPERIMENT}", f"look-{found.number:08d}")
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "drift.html").write_text(pages.html(report.report(found)), encoding="utf-8")
        tracking.log_evaluation(run_id, report.numbers(found), folder)
    tracking.tag_run(run_id, {"kanarya.drift": str(found.judgement["verdict"])})
    tracking.end_run(run_id)
    return run_id


def known_of(uri: str) -> Reference:
    """Return what a published version learned from; raise KanaryaError where it has no cells."""
    with TemporaryDirectory() as scratch:
        directory = storage.fetch(uri, Path(scratch) / "model")
        path = directory / artifact.BASELINE
        data = verified(directory).read(artifact.BASELINE, JSON_LIMIT)
        found = reference(plain_files.json_object(data, path))
    if found is None:
        raise UsageError(f"{uri} has a baseline.json without cells; package the model again.")
    return found


@dataclass(frozen=True)
class Seen:
    """What was found at a service: who answered, and what it has counted, by instance."""

    name: str
    version: str
    totals: Mapping[str, Any]


def _written(seen: Seen, known: Reference, windows: Windows, asked: Asked) -> Look:
    newest, now = windows.last(), datetime.now(UTC)
    since = record.born(seen.totals, now)
    opened = record.opened(windows.last(seen.version), seen.version, since)
    found = _judged(known, opened, seen.totals, asked)
    number = 1 if newest is None else newest.number + 1
    closed = found["rows"] >= asked.rows
    made = Look(
        number=number,
        service=seen.name,
        version=seen.version,
        opened_at=opened.at,
        at=now.isoformat(timespec="seconds"),
        look=opened.look,
        is_closed=closed,
        start=opened.start,
        totals=seen.totals,
        judgement=found,
    )
    if not windows.add(made):
        raise PlatformError(
            f"somebody else looked at {seen.name} in this moment; "
            f"`kanarya monitor {seen.name}` looks again"
        )
    return made


def _judged(
    known: Reference, opened: Opened, totals: Mapping[str, Any], asked: Asked
) -> dict[str, Any]:
    window = record.window(known, opened.start, totals)
    return record.plain(judge(known, window, asked.policy, opened.look))


def _service(name: str, settings: Settings) -> ServiceView:
    view = connect(settings.kubeconfig, settings.namespace).get(name)
    if view is None or view.url is None:
        raise UsageError(
            f"there is no live service {name!r}; `kanarya status` shows those there are"
        )
    return view


def directory_of(view: ServiceView, name: str, version: str, settings: Settings) -> str:
    """Return where the version is that answered, which in a rollout may be either.

    In a bucket it lies at `<version>-<run>`, so that the rollout itself is asked first.
    """
    if state := rollout_of(view):
        known = {state.from_version: state.from_uri, state.version: state.uri}
        if found := known.get(version):
            return found
    last = view.storage_uri.rstrip("/").rpartition("/")[2]
    if last.partition("-")[0] == version:
        return view.storage_uri
    return storage.join(settings.model_store, name, version)


def _totals(sketch: Mapping[str, Any]) -> dict[str, Any]:
    return {"columns": sketch["columns"], "output": sketch["output"]}


def sketch_of(view: ServiceView) -> dict[str, Any] | None:
    """Return what the predictor of a service has counted; None where it counts nothing.

    Raises PlatformError where it does not answer.
    """
    url = _address(view)
    try:
        with direct.opener().open(url, timeout=PATIENCE_S) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        if error.code == NOT_THERE:
            return None
        said = error.read(500).decode(errors="replace")
        raise PlatformError(f"{url} answers {error.code}: {said}") from error
    except direct.FAULTS as error:
        raise PlatformError(
            f"{url} tells no sketch ({error}); `kanarya status` says why"
        ) from error


def _address(view: ServiceView) -> str:
    return f"{view.url}/v2/models/{view.name}/sketch"
