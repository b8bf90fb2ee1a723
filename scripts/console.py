"""`kanarya console`: the pages from which everything is seen, started and steered."""

from __future__ import annotations

import os
import sys

import click

from serving.settings import Settings


@click.group(invoke_without_command=True)
@click.option("--host", help="Address to listen on; any but loopback needs logins.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default 8602; 0: any free one).")
@click.pass_context
def console(context: click.Context, host: str | None, port: int | None) -> None:
    """Serve the console (Ctrl-C stops it)."""
    if context.invoked_subcommand:
        return
    from console.settings import HOST, PORT_VARIABLE, ConsoleSettings

    settings = ConsoleSettings.from_env(host, port)
    given = {HOST: settings.host, PORT_VARIABLE: str(settings.port)}
    os.environ.update(Settings.from_env().environment(), **given)
    # A process of its own, without what this command has imported: it stays for weeks.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "console"])


@console.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "operator", "admin"]),
    default="operator",
    show_default=True,
    help="A viewer looks, an operator acts, an admin sees who did.",
)
@click.option("--token", is_flag=True, help="Make a token for a program instead of a password.")
def login(name: str, role: str, token: bool) -> None:
    """Print the line for KANARYA_CONSOLE_LOGINS that lets NAME in; a password is asked for."""
    from console.access import logins
    from console.access.roles import Role

    if token:
        made, secret = logins.with_token(name, Role(role))
        click.echo(made.line())
        click.echo(f"its token, shown only now: {secret}", err=True)
        return
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    click.echo(logins.with_password(name, Role(role), password).line())
