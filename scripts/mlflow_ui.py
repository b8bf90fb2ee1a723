"""`kanarya mlflow`: MLflow's own pages on demand; nothing else needs its server."""

from __future__ import annotations

import os
import sys

import click

from components.tracking_refusals import is_server, shown
from serving.errors import UsageError
from serving.settings import Settings


@click.group(invoke_without_command=True)
@click.option("--port", default=5001, show_default=True, help="Port on loopback.")
@click.pass_context
def mlflow(context: click.Context, port: int) -> None:
    """Start MLflow's own pages on the runs and versions (Ctrl-C stops them)."""
    if context.invoked_subcommand:
        return
    settings = Settings.from_env()
    if is_server(settings.tracking_uri):
        raise UsageError(
            f"MLflow's pages are those of its server already: open {shown(settings.tracking_uri)}"
        )
    click.echo(f"MLflow on http://127.0.0.1:{port} (starting takes some seconds)")
    # Job workers would cost a gigabyte and half of the start; nothing here gives them work.
    os.environ.update(settings.environment(), MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # Not an argument: a database's password would be in the list of processes.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = settings.tracking_uri
    command = ["-m", "mlflow", "server", "--default-artifact-root"]
    command += [(settings.home / "artifacts").as_uri()]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    os.execv(sys.executable, [sys.executable, *command])


@mlflow.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "operator", "admin"]),
    required=True,
    help="What NAME may do.",
)
def user(name: str, role: str) -> None:
    """Give NAME a role on the MLflow server; a password is asked for whom it does not know.

    It needs the login of the server's administrator (MLFLOW_TRACKING_USERNAME and _PASSWORD).
    """
    from components import tracked_roles
    from serving import audit

    ask = tracked_roles.server(Settings.from_env().tracking_uri)
    if not tracked_roles.is_known(ask, name):
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        tracked_roles.create(ask, name, password)
    audit.note("mlflow.role", name, role=role)
    tracked_roles.give(ask, name, role)
    click.echo(f"{name} is {role} on the MLflow server")
