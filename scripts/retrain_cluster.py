"""`kanarya retrain SPEC --on cluster`: the same decision about what is live on a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.cluster_options import opened
from serving.errors import UsageError
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.cluster import Cluster
    from pipelines.cluster_start import Filed
    from pipelines.cluster_steps import ClusterRun
    from pipelines.retrain.job import Done
    from pipelines.retrain.there import Learned, There
    from pipelines.spec import AnySpec
    from serving.isvc.resource import ServiceView


def settle_there(
    spec_file: Path, options: Mapping[str, Any], *, dry_run: bool, asked_by: str
) -> Done:
    """Decide about the model of a spec, and start its run on the cluster where that is decided."""
    from pipelines.cluster_start import Filed, reachable
    from pipelines.retrain.deciding import decided
    from pipelines.retrain.job import Done
    from pipelines.spec import load

    spec, filed = load(spec_file), Filed.of(options)
    if not filed.upload_data:
        reachable(spec, "", filed)  # before the cluster is asked for anything
    cluster = opened(options.get("host"), options.get("namespace"))
    subject = _subject(spec, cluster, Settings.from_env())
    decision, _ = decided(subject, datetime.now(UTC), asked_by)
    starts = decision.verdict == "retrain" and not dry_run
    run = _started(spec, filed, cluster, decision.sentence) if starts else ""
    return Done(spec.name, subject.learned.version, decision, run)


def _subject(spec: AnySpec, cluster: Cluster, settings: Settings) -> There:
    from components import tracked_runs
    from components.monitor import step, windows
    from components.monitor.record import Windows
    from pipelines.retrain import data, labels, models
    from pipelines.retrain.rules import Window
    from pipelines.retrain.there import There
    from pipelines.spec import pipeline_arguments

    if spec.retrain is None:
        raise UsageError(f"the spec of {spec.name} does not say when to train it again (`retrain`)")
    view, when = _view(spec.name, settings), spec.retrain.when
    learned = _learned(view)
    kept = Windows(step.place(spec.name, settings))
    most = when.drift.of if when.drift else 0
    looked = windows.of_looks(kept, learned.version, most) if most else ()
    return There(
        policy=spec.retrain,
        learned=learned,
        arguments=pipeline_arguments(spec),
        sha256=data.sha256_of(spec) or learned.sha256,
        runs=_runs(spec.name, cluster),
        read=tracked_runs.data_of(settings, spec.name),
        windows=tuple(Window(each.drifted, each.sentence) for each in looked),
        live=labels.measured(settings, spec.name, learned.version) if when.live else None,
        waits=models.busy(view, []),
    )


def _view(name: str, settings: Settings) -> ServiceView:
    from serving.isvc.client import connect

    view = connect(settings.kubeconfig, settings.namespace).get(name)
    if view is None:
        raise UsageError(
            f"there is no live model {name!r} in the namespace {settings.namespace!r}; bring it "
            "live first with `kanarya run --on cluster`"
        )
    return view


def _learned(view: ServiceView) -> Learned:
    """Return what the live version learned from, as the registry has it."""
    from components import registry
    from components.tracking import DATA_SHA256
    from pipelines.retrain.there import Learned
    from serving.rollout.state import live_version

    version = live_version(view)
    for entry in registry.listing(view.name):
        if entry.version == version:
            return Learned(entry.version, entry.tags.get(DATA_SHA256, ""), entry.created)
    raise UsageError(
        f"MLflow does not know version {version or '?'} of {view.name}, which is live; is "
        "MLFLOW_TRACKING_URI the one of that cluster?"
    )


def _runs(name: str, cluster: Cluster) -> Sequence[ClusterRun]:
    from pipelines import cluster_runs
    from pipelines.errors import NotThere
    from pipelines.retrain.there import MOST_RUNS

    try:
        found = cluster_runs.newest(cluster, name, MOST_RUNS)
    except NotThere:  # nobody has run it there yet
        return []
    return [run for run in found if run.arguments.get("name") == name]


def _started(spec: AnySpec, filed: Filed, cluster: Cluster, why: str) -> str:
    from pipelines import cluster_runs
    from pipelines.cluster_start import submission

    asked = submission(spec, filed)
    known = {**asked.arguments, "why": why}
    return cluster_runs.submit(cluster, replace(asked, arguments=known)).name
