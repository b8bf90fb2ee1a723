"""The story: a first version, a better one, and one that fails on live traffic only."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pipelines.asked import Asked
from pipelines.journal import Result
from pipelines.local import CHECKOUT
from pipelines.spec import parse
from pipelines.warm import Steps, steps
from scripts.demo import data
from scripts.demo.faults import break_next_revision
from scripts.demo.traffic import Tally, Traffic, rows
from scripts.progress import Progress
from scripts.run import execute
from serving.isvc.client import connect
from serving.isvc.resource import ServiceView
from serving.local import launching
from serving.local.platform import Platform, Ports, up
from serving.settings import API_PORT, GATEWAY_PORT, Settings

NAME = "tumour"
PORTS = (API_PORT, GATEWAY_PORT)
MAY_FAIL = (*launching.PREDICTOR, "--fault_injection")
FAULT = {"error_rate": 0.5}
ROLLOUT = {
    "steps": [10, 50, 100],
    "min_requests": 40,
    "max_seconds": 60,
    "guards": {"error_rate": {"max_increase": 0.05}},
}


@dataclass(frozen=True)
class Chapter:
    """One version: what is told of it, its model, how it must end."""

    title: str
    kind: str
    hyperparameters: dict[str, Any]
    ending: str


CHAPTERS = (
    Chapter(
        "Version 1: three shallow trees, so that there is something live",
        "random_forest",
        {"n_estimators": 3, "max_depth": 1},
        "promoted",
    ),
    Chapter(
        "Version 2: a hundred deep trees are better, and take over under live traffic",
        "random_forest",
        {"n_estimators": 100},
        "promoted",
    ),
    Chapter(
        "Version 3: passes gate and shadow too, but half its answers fail once it is live",
        "logistic_regression",
        {},
        "rolled_back",
    ),
)


@dataclass(frozen=True)
class Theatre:
    """Where the story is played: one home, its data, and processes that are warm already."""

    settings: Settings
    csv: Path
    warm: Steps


def play(settings: Settings, rate: float, *, keep: bool) -> int:
    """Play the chapters, print them, and return 0 if each ended as it must and nothing was lost."""
    began = time.monotonic()
    platform = up(settings, Ports(*map(_free_or_any, PORTS)), predictor=MAY_FAIL)
    csv = settings.home / "breast_cancer.csv"
    with steps(CHECKOUT) as warm:
        data.write_csv(csv)
        click.echo(f"Data: {csv} (569 tumours, 30 measurements, benign or malignant)")
        results, tally = _chapters(Theatre(settings, csv, warm), rate)
    good = _summary(results, tally, time.monotonic() - began)
    _where_to_look(platform, settings, keep=keep)
    return 0 if good else 1


def _chapters(theatre: Theatre, rate: float) -> tuple[list[Result], Tally]:
    results = [_train(CHAPTERS[0], theatre)]
    address = _address(theatre.settings)
    traffic = Traffic(address, rows(theatre.csv, data.TARGET), rate)
    traffic.start()
    click.echo(f"\nLive traffic begins: {rate:g} requests/s to {address}")
    try:
        results += [_next(chapter, theatre) for chapter in CHAPTERS[1:]]
        time.sleep(1)  # a second of traffic after the last rollback, to see that all is well
    finally:
        traffic.stop()
    return results, traffic.tally()


def _free_or_any(port: int) -> int:
    """Return the port, or 0 (any free one) where somebody else has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def _next(chapter: Chapter, theatre: Theatre) -> Result:
    if chapter.ending != "rolled_back":
        return _train(chapter, theatre)
    done = threading.Event()
    saboteur = threading.Thread(
        target=break_next_revision, args=(theatre.settings, NAME, FAULT, done), daemon=True
    )
    saboteur.start()
    try:
        return _train(chapter, theatre)
    finally:
        done.set()
        saboteur.join()


def _train(chapter: Chapter, theatre: Theatre) -> Result:
    click.echo(f"\n{click.style(chapter.title, bold=True)}")
    spec = parse(
        {
            "name": NAME,
            "data": {"uri": str(theatre.csv), "target": data.TARGET},
            "model": {"kind": chapter.kind, "hyperparameters": chapter.hyperparameters},
            "gate": {
                "floor": {"accuracy": 0.8},
                "champion": {"metric": "accuracy", "margin": 0.02},
            },
            "rollout": ROLLOUT,
        },
        "the demonstration",
    )
    return execute(Asked(spec), theatre.settings, Progress(), theatre.warm)


def _address(settings: Settings) -> str:
    return f"{_service(settings).url}/v1/models/{NAME}:predict"


def _service(settings: Settings) -> ServiceView:
    view = connect(settings.kubeconfig, settings.namespace).get(NAME)
    assert view is not None, "the first version is live"
    return view


def _summary(results: list[Result], tally: Tally, seconds: float) -> bool:
    bad_revision = f"{NAME}-predictor-00003"
    own_errors, lost = tally.failed(bad_revision), tally.failed() - tally.failed(bad_revision)
    as_told = [r.outcome for r in results] == [chapter.ending for chapter in CHAPTERS]
    click.echo(f"\n{click.style('Summary', bold=True)} ({seconds:.0f} s)")
    for result in results:
        click.echo(f"  version {result.version}: {result.outcome.replace('_', ' ')}")
    shares = ", ".join(f"{name} {count}" for name, count in sorted(tally.by_revision().items()))
    click.echo(f"  {tally.sent()} requests were sent ({shares})")
    click.echo(f"  {own_errors} were errors of the bad version itself, until it was rolled back")
    click.echo(f"  {lost} failed because of a split, a promotion or a rollback")
    return as_told and lost == 0 and own_errors > 0


def _where_to_look(platform: Platform, settings: Settings, *, keep: bool) -> None:
    if not keep:
        click.echo("\nThe platform is stopped. `kanarya demo --keep` leaves it up to look around.")
        return
    url = _address(settings)
    click.echo(
        f"\nStill up; look around:\n  export KANARYA_HOME={settings.home}\n"
        "  kanarya status\n  kanarya rollout status tumour\n"
        '  kubectl --kubeconfig "$(kanarya kubeconfig)" get isvc\n'
        f"  curl -s {platform.gateway_url}/metrics | grep kanarya_requests\n"
        f"  kanarya predict {NAME} --data {settings.home}/breast_cancer.csv   # asks {url}\n"
        "  kanarya mlflow\n  kanarya down"
    )
