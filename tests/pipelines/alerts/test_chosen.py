"""Rules as a home wants them."""

from __future__ import annotations

import logging

import pytest

from pipelines.alerts import looking
from pipelines.alerts.chosen import path, rules
from pipelines.alerts.rule import Severity
from pipelines.alerts.table import BY_NAME
from serving.errors import UsageError
from serving.settings import Settings
from tests.pipelines.alerts.conftest import NOW


def wished(settings: Settings, text: str) -> None:
    path(settings).parent.mkdir(parents=True, exist_ok=True)
    path(settings).write_text(text)


def test_without_a_file_the_rules_are_the_tables(settings: Settings) -> None:
    assert rules(settings) == BY_NAME


def test_a_rule_has_another_limit_time_or_severity_or_is_off(settings: Settings) -> None:
    wished(
        settings,
        "[KanaryaSlow]\nlimit = 1\nfor_s = 900\nseverity = 'critical'\n[KanaryaDiskLow]\noff=true",
    )
    found = rules(settings)
    slow = found["KanaryaSlow"]
    assert (slow.limit, slow.for_s, slow.severity) == (1.0, 900, Severity.CRITICAL)
    assert "kanarya:seconds_p99:rate5m > 1.0 and" in slow.expr
    assert found.keys() == BY_NAME.keys() - {"KanaryaDiskLow"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[KanaryaSlow", "rules.toml cannot be read"),
        ("[KanaryaSlwo]", "there is no rule 'KanaryaSlwo'; did you mean KanaryaSlow"),
        ("KanaryaSlow = 3", "KanaryaSlow is 3; write [KanaryaSlow], and below"),
        ("[KanaryaSlow]\nlimit = 'much'", "KanaryaSlow: limit = 'much': input should be a valid"),
        ("[KanaryaSlow]\nlimit = nan", "KanaryaSlow: limit = nan: input should be a finite number"),
        ("[KanaryaSlow]\nfor_s = 61", "KanaryaSlow: for_s = 61: input should be a multiple of 60"),
        ("[KanaryaSlow]\nlimits = 3", "KanaryaSlow: limits is not a known key"),
        ("[KanaryaSlow]\nseverity = 'page'", "KanaryaSlow: severity = 'page'"),
    ],
)
def test_what_cannot_be_understood_is_said_and_changes_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture, text: str, said: str
) -> None:
    wished(settings, text)
    with pytest.raises(UsageError) as refused:
        rules(settings)
    assert said in str(refused.value)
    with caplog.at_level(logging.ERROR):
        looking.look(settings, NOW)
    assert said in caplog.text and caplog.text.rstrip().endswith("without it.")
