"""The `kanarya` command; `python -m scripts` is the same.

Commands are imported when they are called: `kanarya --help` answers at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from serving import letters
from serving.errors import KanaryaError

# command -> (module, attribute, what `kanarya --help` says)
COMMANDS = {
    "demo": ("demo.command", "demo", "Watch it all: train, gate, register, canary, roll back."),
    "run": ("run", "run", "Train, gate, register and roll out one model."),
    "queue": ("queue", "queue", "List, pause, cancel what waits to be run; say how many at once."),
    "runs": ("runs", "runs", "List, show, compare and repeat runs, here or on a cluster."),
    "schedule": ("schedule", "schedule", "Let a cluster run a spec again and again."),
    "models": ("models", "models", "List the registered versions and where they stand."),
    "predict": ("predict", "predict", "Ask a live model about a table, JSON or pictures."),
    "rollout": (
        "rollout",
        "rollout",
        "Watch, decide or undo a rollout; say what was live and why.",
    ),
    "monitor": ("monitor", "monitor", "Compare a live model's traffic with its training data."),
    "retrain": (
        "retrain",
        "retrain",
        "Say whether a live model is to be trained again, and do it.",
    ),
    "up": ("platform", "up", "Start all that runs here: platform, queue, watcher, console."),
    "down": ("platform", "down", "Stop all of it; what was live comes back with `up`."),
    "status": ("platform", "status", "Say what is live, on which share of the traffic."),
    "kubeconfig": ("platform", "kubeconfig", "Print the path of the kubeconfig for kubectl."),
    "backup": ("backup", "backup", "Back everything up, while it runs."),
    "restore": ("backup", "restore", "Make a home of a backup, here or elsewhere."),
    "audit": ("audit", "audit", "Say who did what, when: to models, runs and services."),
    "gc": ("gc", "gc", "Let go of old versions and runs that nothing needs."),
    "doctor": ("doctor", "doctor", "Say what is wrong here, and the command that cures it."),
    "alerts": ("alerts", "alerts", "See what is wrong and who is told; test, silence."),
    "console": ("console", "console", "Serve the pages to see, start and steer everything."),
    "mlflow": ("mlflow_ui", "mlflow", "Start MLflow's own pages on the runs and versions."),
    "spec": ("spec", "spec", "Check a spec, or print its JSON Schema."),
    "compile": ("compile", "compile_pipelines", "Compile the pipelines to pipelines/compiled."),
    "pipelines": ("pipelines", "pipelines", "Upload the pipelines to a cluster's UI."),
}


class Lazy(click.Group):
    """A group whose commands are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"scripts.{module}"), attribute)
        for each in (command, *getattr(command, "commands", {}).values()):
            # click's mark for lines that are not to be joined, as a raw docstring has it.
            each.help = (each.help or "").replace("\\b\n", "\b\n")
            # click would cut what a list of commands says of each in the middle of a sentence.
            each.short_help = " ".join(each.help.partition("\n\n")[0].split())
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=None, version="0.1.0", prog_name="kanarya")
def cli() -> None:
    """From a data set to a live, watched model: train, gate, register, canary, promote or undo."""


def main() -> NoReturn:
    """Run the command line; every expected error is one sentence and an exit code."""
    letters.settle()
    try:
        code = cli.main(prog_name="kanarya", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        code = 130
    except KanaryaError as error:
        click.echo(f"kanarya: {error}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        code = 0
        sys.stderr.close()
    except OSError as error:
        click.echo(f"kanarya: {_said(error)}", err=True)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _said(error: OSError) -> str:
    from components.telling import unwritable

    what = f"{error.filename}: " if error.filename else ""
    return str(unwritable(error, "a file") or f"{what}{error.strerror or error}")


def _leave(code: int) -> NoReturn:
    """End the process at once: taking kfp's thousand modules apart costs a tenth of a second."""
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed before it began
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else 0)
