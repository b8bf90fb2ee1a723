"""Deciding about models that are live on a cluster, and starting their runs there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from components import registry, tracked_runs
from components.monitor import step, windows
from components.monitor.record import Windows
from components.tracking import DATA_SHA256
from pipelines import cluster_runs, watched_specs
from pipelines.cluster import Cluster
from pipelines.cluster import connect as connect_to_kubeflow
from pipelines.cluster_place import Place
from pipelines.cluster_start import Filed, reachable, submission
from pipelines.cluster_steps import ClusterRun
from pipelines.errors import NotThere
from pipelines.retrain import data, job, labels, models
from pipelines.retrain.deciding import decided
from pipelines.retrain.job import Done
from pipelines.retrain.rules import Decision, Facts, Window, decide
from pipelines.retrain.there import MOST_RUNS, Learned, There
from pipelines.spec import pipeline_arguments
from serving.errors import UsageError
from serving.isvc.client import connect
from serving.rollout.state import live_version

if TYPE_CHECKING:
    from pipelines.retrain_spec import Retrain
    from pipelines.spec import AnySpec
    from serving.isvc.resource import ServiceView
    from serving.settings import Settings


@dataclass(frozen=True)
class Asking:
    """Who asks: with which settings, which Kubeflow Pipelines, and how a run is filed there.

    `record` is told why a run is started, just before it is.
    """

    settings: Settings
    cluster: Cluster
    filed: Filed
    record: Callable[[str], None] = lambda why: None


def settle(
    asking: Asking, spec: AnySpec, now: datetime, *, dry_run: bool = False, asked_by: str = ""
) -> tuple[Done, Facts]:
    """Decide about the model of a spec, and start its run where that is decided.

    Returns what was done and what it was decided on. `asked_by`: a person who wants it now. Raises
    UsageError for a spec without a policy and a model that is not live, KanaryaError where
    something cannot be known or is refused.
    """
    if spec.retrain is None:
        raise UsageError(f"the spec of {spec.name} does not say when to train it again (`retrain`)")
    there = _looked_at(spec, spec.retrain, asking.settings)
    decision, facts = _decided(there, asking, spec.name, now, asked_by)
    starts = decision.verdict == "retrain" and not dry_run
    run = _started(spec, asking, decision.sentence) if starts else ""
    return Done(spec.name, there.learned.version, decision, run), facts


def look(settings: Settings, folder: Path, now: datetime) -> None:
    """Decide about every model whose spec is in a folder; each is noted in the home.

    Raises KanaryaError, of all that failed, once all have been decided about.
    """
    watched_specs.each(folder, lambda spec: _look(settings, spec, now))


def _look(settings: Settings, spec: AnySpec, now: datetime) -> None:
    if spec.retrain is None:
        return
    asking = Asking(settings, connect_to_kubeflow(Place.from_env()), Filed())
    reachable(spec, "", asking.filed)
    done, facts = settle(asking, spec, now)
    job.note(settings, done, spec.retrain, facts)


def _decided(
    there: There, asking: Asking, model: str, now: datetime, asked_by: str
) -> tuple[Decision, Facts]:
    """Return the decision; Kubeflow and MLflow are asked for the runs where something asks for it.

    Runs only ever speak against another one, so what is quiet without them is quiet.
    """
    facts = there.facts(now)
    decision = decide(there.policy, facts, asked_by)
    if decision.verdict == "quiet":
        return decision, facts
    runs = _runs(model, asking.cluster)
    read = tracked_runs.data_of(asking.settings, model)
    return decided(replace(there, runs=runs, read=read), now, asked_by)


def _looked_at(spec: AnySpec, policy: Retrain, settings: Settings) -> There:
    """Return what is known of a live model without its runs."""
    view = _view(spec.name, settings)
    learned = _learned(view)
    return There(
        policy=policy,
        learned=learned,
        arguments=pipeline_arguments(spec),
        sha256=lambda: _sha256(spec, settings) or learned.sha256,
        windows=_windows(spec.name, policy, learned.version, settings),
        live=labels.measured(settings, spec.name, learned.version) if policy.when.live else None,
        waits=models.busy(view, []),
    )


def _sha256(spec: AnySpec, settings: Settings) -> str:
    """Return the sha256 of the data, fetched once an hour at most by a process that stays."""
    return data.looks(settings.home).sha256(spec)[0]


def _windows(name: str, policy: Retrain, version: str, settings: Settings) -> tuple[Window, ...]:
    if policy.when.drift is None:
        return ()
    kept = Windows(step.place(name, settings))
    looked = windows.of_looks(kept, version, policy.when.drift.of)
    return tuple(Window(each.drifted, each.sentence) for each in looked)


def _view(name: str, settings: Settings) -> ServiceView:
    view = connect(settings.kubeconfig, settings.namespace).get(name)
    if view is None:
        raise UsageError(
            f"there is no live model {name!r} in the namespace {settings.namespace!r}; bring it "
            "live first with `kanarya run --on cluster`"
        )
    return view


def _learned(view: ServiceView) -> Learned:
    """Return what the live version learned from, as the registry has it."""
    version = live_version(view)
    for entry in registry.listing(view.name):
        if entry.version == version:
            return Learned(entry.version, entry.tags.get(DATA_SHA256, ""), entry.created)
    raise UsageError(
        f"MLflow does not know version {version or '?'} of {view.name}, which is live; is "
        "MLFLOW_TRACKING_URI the one of that cluster?"
    )


def _runs(name: str, cluster: Cluster) -> Sequence[ClusterRun]:
    try:
        found = cluster_runs.newest(cluster, name, MOST_RUNS)
    except NotThere:  # nobody has run it there yet
        return []
    return [run for run in found if run.arguments.get("name") == name]


def _started(spec: AnySpec, asking: Asking, why: str) -> str:
    asked = submission(spec, asking.filed)
    known: Mapping[str, object] = {**asked.arguments, "why": why}
    asking.record(why)
    return cluster_runs.submit(asking.cluster, replace(asked, arguments=known)).name
