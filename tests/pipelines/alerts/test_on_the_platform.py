"""Looking at models that really serve: API, gateway, processes and live traffic of this machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pipelines.alerts.delivering import Round, deliver
from pipelines.alerts.looking import look
from pipelines.alerts.receivers import ADDRESSES
from serving.settings import Settings
from tests.pipelines.alerts.conftest import NOW
from tests.pipelines.alerts.receiving import web
from tests.serving.local.platform_kit import soon
from tests.serving.rollout.test_on_the_platform import POLICY, Laptop, laptop

__all__ = ["laptop"]
pytestmark = pytest.mark.e2e


def told(settings: Settings, after: float) -> list[tuple[str, str]]:
    found = look(settings, NOW + timedelta(seconds=after))
    return [(each.rule, each.labels["state"]) for each in found.alerts]


def test_a_model_that_fails_and_a_rollout_that_is_held_are_told(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(laptop.home)})
    assert laptop.deploy("1", "errors").kind == "promoted"
    assert told(settings, 0) == []
    for after in (100, 400):
        asked = sum(laptop.codes.values())
        soon(lambda before=asked: sum(laptop.codes.values()) > before + 60, "requests")
        seen = told(settings, after)
    assert seen == [("KanaryaErrors", "firing")]
    never = replace(POLICY, min_requests=10_000, max_seconds=1, on_inconclusive="hold")
    assert laptop.deploy("2", policy=never).kind == "held"
    assert told(settings, 500) == []
    assert told(settings, 560) == [("KanaryaRolloutHeld", "firing")]
    with web() as server:
        monkeypatch.setenv(ADDRESSES, server.url())
        assert deliver(settings, NOW) == Round(delivered=2)
    sentences = {each.body["subject"]: each.body["sentence"] for each in server.posts}
    assert sentences["iris/1"].startswith("iris version 1 fails on 100.0 % of its requests.")
    assert "It is held: " in sentences["iris/2"]
    assert sentences["iris/2"].endswith("Decide it: kanarya rollout show iris")
