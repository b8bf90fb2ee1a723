"""Alerts that were raised, and the addresses that are told."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.alerts.alert import alert
from pipelines.alerts.outbox import raise_
from pipelines.alerts.rule import Severity
from serving.settings import Settings
from tests.pipelines.alerts.conftest import NOW

Told = Callable[[str], None]


def raised(settings: Settings, count: int) -> list[str]:
    made = [
        alert(
            "KanaryaErrors", Severity.CRITICAL, {"model": f"m-{n:03d}"}, "<It> fails: 34 → 51.", NOW
        )
        for n in range(count)
    ]
    assert all(raise_(settings, each) for each in made)
    return [each.id for each in made]
