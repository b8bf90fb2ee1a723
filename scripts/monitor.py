"""`kanarya monitor`: compare what a live model is asked with what it learned from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.errors import KanaryaError
from serving.settings import Settings

if TYPE_CHECKING:
    from components.monitor.record import Look
    from serving.feedback.performance import LivePerformance

DRIFT = 4
_ROWS = click.IntRange(min=1)
_PATH = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("name")
@click.option("--rows", type=_ROWS, default=1000, show_default=True, help="Of a window.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Of false alarms.")
@click.option("--json", "as_json", is_flag=True, help="Print the look as its file has it.")
@click.option("--html", "page", metavar="FILE", type=_PATH, help="Write the report there.")
@click.option("--gauges", metavar="FILE", type=_PATH, help="Write gauges for Prometheus there.")
@click.option("--track/--no-track", default=True, help="Put it on an MLflow run  [default: track]")
def monitor(  # noqa: PLR0913
    name: str,
    rows: int,
    alpha: float,
    as_json: bool,
    page: Path | None,
    gauges: Path | None,
    track: bool,
) -> int:
    """Compare a live model's traffic with what it learned from; exit code 4 where it has drifted.

    Where labels have come (POST …:feedback) it also says how good each version was.

    A window goes on until it has --rows rows; the chance that any look at it is a false alarm is
    --alpha, however often it is looked at.
    """
    from components.monitor import step, windows
    from components.monitor.rules import Policy

    settings = Settings.from_env()
    found = step.look(name, step.Asked(Policy(alpha), rows), settings)
    windows.note(settings, found)
    live = _live(settings, name)
    _write(page, gauges, found, live)
    if track:
        step.track(found)
    _tell(found, live, as_json)
    return DRIFT if found.judgement["verdict"] == "drift" else 0


def _write(
    page: Path | None, gauges: Path | None, found: Look, live: LivePerformance | None
) -> None:
    from components import report as pages
    from components.monitor import report
    from serving.feedback.gauges import page as live_gauges
    from serving.storage import partial

    if page is not None:
        page.write_text(pages.html(report.report(found)), encoding="utf-8")
    if gauges is not None:
        text = report.prometheus(found) + (live_gauges([({}, live)]) if live else "")
        with partial(gauges) as unfinished:
            unfinished.write_text(text, encoding="utf-8")


def _tell(found: Look, live: LivePerformance | None, as_json: bool) -> None:
    from components.monitor import report
    from serving.feedback import words

    if as_json:
        shown = {"live": live.to_json()} if live else {}
        click.echo(json.dumps({**asdict(found), **shown}, ensure_ascii=False))
        return
    for line in (*report.lines(found), *(words.lines(live) if live else ())):
        click.echo(line)


def _live(settings: Settings, name: str) -> LivePerformance | None:
    """Return what labels say of the versions; a collector that is away is a line, and no end."""
    from serving.feedback.read import read

    try:
        return read(settings, name)
    except KanaryaError as error:
        click.echo(f"live performance is not known: {error}", err=True)
        return None
