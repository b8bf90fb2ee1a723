"""Recurring runs on a cluster: what Kubeflow Pipelines starts by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.cluster import Cluster
from pipelines.cluster_runs import (
    Submission,
    experiment_id,
    explained,
    package_file,
    within,
)
from pipelines.errors import NotThere


@dataclass(frozen=True)
class Timing:
    """When: six fields of cron; how many runs may go on at once (1 to 10); missed times made up."""

    cron: str
    max_concurrency: int = 1
    catch_up: bool = False


@dataclass(frozen=True)
class Schedule:
    """A recurring run as the API has it; `cron` is "" of one that counts seconds instead."""

    schedule_id: str
    name: str
    enabled: bool
    cron: str
    max_concurrency: int
    arguments: Mapping[str, Any]


def create(cluster: Cluster, asked: Submission, timing: Timing) -> Schedule:
    """Start a schedule and return it."""
    experiment = experiment_id(cluster, asked.experiment)
    with package_file(asked.package) as path, explained(cluster):
        created = cluster.call(
            f"schedule {asked.name}",
            lambda client: client.create_recurring_run(
                experiment,
                asked.name,
                cron_expression=timing.cron,
                max_concurrency=timing.max_concurrency,
                no_catchup=not timing.catch_up,
                pipeline_package_path=path,
                params=dict(asked.arguments),
                service_account=asked.service_account or None,
            ),
        )
    return _schedule(created.to_dict())


def every(cluster: Cluster) -> list[Schedule]:
    """Return all schedules, the newest first."""
    namespace = cluster.place.namespace or None
    found = cluster.pages(
        "list the schedules",
        "recurring_runs",
        lambda client, asked: client.list_recurring_runs(namespace=namespace, **asked),
    )
    return [_schedule(each.to_dict()) for each in found]


def find(cluster: Cluster, name: str) -> Schedule:
    """Return a schedule by its id or, of the newest, its name. Raises NotThere."""
    known = every(cluster)
    for schedule in known:
        if name in (schedule.schedule_id, schedule.name):
            return schedule
    raise NotThere(
        f"there is no schedule {name!r}{within(cluster)}; `kanarya schedule list` shows those "
        "there are"
    )


def pause(cluster: Cluster, schedule: Schedule) -> None:
    """Let it start nothing until it is resumed."""
    cluster.call("pause it", lambda client: client.disable_recurring_run(schedule.schedule_id))


def resume(cluster: Cluster, schedule: Schedule) -> None:
    """Let it start runs again."""
    cluster.call("resume it", lambda client: client.enable_recurring_run(schedule.schedule_id))


def delete(cluster: Cluster, schedule: Schedule) -> None:
    """Remove it; its runs stay."""
    cluster.call("delete it", lambda client: client.delete_recurring_run(schedule.schedule_id))


def _schedule(record: Mapping[str, Any]) -> Schedule:
    cron = (record.get("trigger") or {}).get("cron_schedule") or {}
    return Schedule(
        schedule_id=str(record.get("recurring_run_id") or ""),
        name=str(record.get("display_name") or ""),
        enabled=record.get("status") == "ENABLED",
        cron=str(cron.get("cron") or ""),
        max_concurrency=int(record.get("max_concurrency") or 1),
        arguments=(record.get("runtime_config") or {}).get("parameters") or {},
    )
