"""`kanarya demo`: parse, play the story, say how to look around."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from serving.settings import Settings


@click.command()
@click.option("--keep", is_flag=True, help="Leave the platform up, to look around.")
@click.option(
    "--rate",
    type=click.FloatRange(1, 10_000),
    default=200.0,
    show_default=True,
    help="Requests per second of live traffic.",
)
def demo(keep: bool, rate: float) -> int:
    """Watch it all on real data: train, gate, register, canary, promote, roll back.

    It has a home of its own below KANARYA_HOME and touches nothing else.
    """
    from scripts.demo.story import play
    from serving.local.platform import down

    settings = _fresh_home()
    try:
        return play(settings, rate, keep=keep)
    finally:
        if not keep:
            down(settings)


def _fresh_home() -> Settings:
    from serving.local.platform import down

    home = Settings.from_env().home / "demo"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "KANARYA_"))}
    kept.pop("KUBECONFIG", None)
    settings = Settings.from_env({**kept, "KANARYA_HOME": str(home)})
    if home.exists():
        down(settings)
        shutil.rmtree(home)
    Path(home).mkdir(parents=True)
    return settings
