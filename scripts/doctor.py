"""`kanarya doctor`: is it well, and what cures it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import click

from serving.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> int:
    """Look at versions, ports, disk, clock, databases, alerts, cluster, MLflow; exit 1 if wrong.

    Each line says ok, or what is wrong and the command that cures it. Nothing is changed.
    """
    from pipelines.doctor import alerts, cluster, machine
    from pipelines.doctor.finding import Finding, Health

    settings, found, env = Settings.from_env(), list[Finding](), dict(os.environ)
    looks = machine.findings(settings), alerts.findings(settings, env)
    for each in (*looks, cluster.findings(settings, env)):
        for finding in each:
            found.append(finding)
            if not as_json:
                _tell(finding.check, finding.health.value, finding.says, finding.cure)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    return int(any(finding.health is Health.WRONG for finding in found))


def _tell(check: str, health: str, says: str, cure: str) -> None:
    click.echo(f"{health:<8} {check:<18} {says}")
    if cure:
        click.echo(f"{'':<8} {'':<18} → {cure}")
