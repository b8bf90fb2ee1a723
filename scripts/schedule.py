"""`kanarya schedule`: runs that a cluster starts by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scripts.cluster_options import host, namespace, opened

if TYPE_CHECKING:
    from pipelines.cluster import Cluster
    from pipelines.cluster_runs import Submission
    from pipelines.cluster_schedules import Schedule
    from pipelines.spec import AnySpec

SHOWN = 3
"""Next times that are shown of a schedule that is made."""


class OrSpec(click.Group):
    """A group whose first argument may be a spec: that is what to schedule."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `create` as said where no command is named."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group(cls=OrSpec)
def schedule() -> None:
    r"""Let a cluster run a spec again and again.

    \b
    kanarya schedule iris.yaml --cron "30 2 * * mon-fri"
    kanarya schedule iris.yaml --cron "*/10 * * * *" --monitoring
    kanarya schedule list
    """


@schedule.command()
@click.argument("spec_file", metavar="SPEC", type=click.Path(path_type=Path))
@click.option("--cron", required=True, metavar="'M H D M W'", help="Five fields or six, UTC.")
@click.option("--monitoring", is_flag=True, help="Look at the live model's traffic; no training.")
@click.option("--name", metavar="NAME", help="Its name  [default: the model's]")
@click.option("--experiment", metavar="NAME", help="Where its runs are filed  [default: the model]")
@click.option("--service-account", metavar="NAME", help="Kubernetes account of its pods.")
@click.option("--upload-data", is_flag=True, help="Copy the data to KANARYA_MODEL_STORE first.")
@click.option(
    "--max-concurrency",
    type=click.IntRange(1, 10),
    default=1,
    show_default=True,
    help="Of its runs at once.",
)
@click.option("--catch-up", is_flag=True, help="Make up for each time that was missed in a pause.")
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change a value.")
@host
@namespace
def create(spec_file: Path, changes: tuple[str, ...], **options: Any) -> None:
    """Schedule the runs of a spec, or (--monitoring) looks at the traffic of its live model."""
    from pipelines import cluster_schedules
    from pipelines.cluster_start import ask_before_copying
    from pipelines.cron import six_fields
    from pipelines.spec import load
    from serving import audit

    spec, cron = load(spec_file, changes), six_fields(options["cron"])
    timing = cluster_schedules.Timing(cron, options["max_concurrency"], options["catch_up"])
    cluster = opened(options["host"], options["namespace"])
    if options["upload_data"]:
        ask_before_copying(cluster, spec)
    asked = _looks(spec, options) if options["monitoring"] else _trainings(spec, options, cron)
    audit.note("schedule.create", asked.name, cron=cron, where=cluster.place.shown)
    made = cluster_schedules.create(cluster, asked, timing)
    click.echo(f"{made.name}: {made.cron}  {made.schedule_id}")
    click.echo(f"  {cluster.place.page('recurringrun', made.schedule_id)}")
    click.echo(f"  next {', '.join(_following(made, SHOWN))}")


def _trainings(spec: AnySpec, options: Mapping[str, Any], cron: str) -> Submission:
    from pipelines.cluster_start import Filed, submission

    name = options["name"] or spec.name
    asked = submission(spec, Filed.of({**options, "run_name": name}))
    # Each of its runs is named by Kubeflow Pipelines, in MLflow as well.
    own = {"run_key": "", "why": f"its schedule asks for it ({cron})"}
    return replace(asked, arguments={**asked.arguments, **own})


def _looks(spec: AnySpec, options: Mapping[str, Any]) -> Submission:
    from pipelines.cluster_place import SERVICE_ACCOUNT
    from pipelines.cluster_runs import Submission
    from pipelines.compile import for_cluster
    from pipelines.images import Images

    name = f"{spec.name}-monitoring"
    drift = spec.retrain.when.drift if spec.retrain else None
    return Submission(
        package=for_cluster("monitoring", Images.from_env()),
        arguments={"name": spec.name, **({"rows": drift.rows} if drift else {})},
        name=options["name"] or name,
        experiment=options["experiment"] or name,
        service_account=options["service_account"] or os.environ.get(SERVICE_ACCOUNT, ""),
    )


def _one(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the name of a schedule, and where its cluster is."""
    return click.argument("name", metavar="SCHEDULE")(host(namespace(command)))


@schedule.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@host
@namespace
def list_schedules(as_json: bool, host: str | None, namespace: str | None) -> None:
    """List the schedules, with the next time of each."""
    from pipelines import cluster_schedules
    from pipelines.cluster_runs import within

    cluster = opened(host, namespace)
    found = cluster_schedules.every(cluster)
    if as_json:
        click.echo(json.dumps([_record(cluster, each) for each in found], indent=2))
        return
    if not found:
        click.echo(
            f"there is no schedule{within(cluster)}; `kanarya schedule SPEC --cron` makes one"
        )
    for each in found:
        word = _next(each) or "on" if each.enabled else "paused"
        click.echo(f"{each.name:<30} {each.cron:<20} {word:<28} {each.schedule_id}")


@schedule.command()
@_one
def pause(name: str, **there: Any) -> None:
    """Let it start nothing until it is resumed."""
    from pipelines.cluster_schedules import pause as stop

    found = _changed("pause", stop, name, there)
    click.echo(f"{found.name} is paused; `kanarya schedule resume {found.name}` goes on")


@schedule.command()
@_one
def resume(name: str, **there: Any) -> None:
    """Let it start runs again."""
    from pipelines.cluster_schedules import resume as go_on

    found = _changed("resume", go_on, name, there)
    click.echo(" ".join(filter(None, [f"{found.name} goes on", _next(found)])))


@schedule.command()
@_one
def delete(name: str, **there: Any) -> None:
    """Remove a schedule; the runs that it started stay."""
    from pipelines.cluster_schedules import delete as remove

    found = _changed("delete", remove, name, there)
    click.echo(f"{found.name} is deleted; its runs stay")


def _changed(
    how: str, change: Callable[[Cluster, Schedule], None], name: str, there: Mapping[str, Any]
) -> Schedule:
    """Find a schedule by name or id, change it on its cluster, and return it as it was found."""
    from pipelines.cluster_schedules import find
    from serving import audit

    cluster = opened(**there)
    found = find(cluster, name)
    audit.note(f"schedule.{how}", found.name, id=found.schedule_id, where=cluster.place.shown)
    change(cluster, found)
    return found


def _following(found: Schedule, count: int) -> list[str]:
    """Return its next times; a cluster counts in UTC unless it is told otherwise."""
    from pipelines.cron import following

    times = following(found.cron, datetime.now(UTC), count)
    return [f"{moment:%Y-%m-%d %H:%M:%S} UTC" for moment in times]


def _next(found: Schedule) -> str:
    return "".join(f"next {moment}" for moment in _following(found, 1))


def _record(cluster: Cluster, found: Schedule) -> dict[str, Any]:
    times = _following(found, 1) if found.enabled else []
    page = cluster.place.page("recurringrun", found.schedule_id)
    return {**asdict(found), "next": times[0] if times else None, "page": page}
