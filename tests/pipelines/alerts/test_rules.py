"""The table: whole sentences, the same words here and in Prometheus' templates."""

from __future__ import annotations

import re

import pytest
import yaml

from pipelines.alerts.rule import Rule
from pipelines.alerts.table import BY_NAME, RULES
from scripts import manifest_rules

FIELDS = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_whole_sentences_of_what_is_known(rule: Rule) -> None:
    assert set(FIELDS.findall(rule.says + rule.do)) <= {"value", *rule.signal.labels}
    assert rule.says.endswith(".") and rule.do
    labels = {name: f"<{name}>" for name in rule.signal.labels}
    assert "{" not in rule.sentence(rule.limit, labels) and "?" not in rule.sentence(1.0, labels)
    assert rule.for_s % 60 == 0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_label_of_a_sentence_is_left_by_its_expression(rule: Rule) -> None:
    for label in rule.signal.labels:
        assert re.search(rf"\b{label}\b", rule.expr + str(manifest_rules.RECORDED.values()))


def test_names_are_told_apart() -> None:
    assert len(BY_NAME) == len(RULES)


def test_a_rule_holds_on_the_wrong_side_of_its_limit() -> None:
    errors, disk = BY_NAME["KanaryaErrors"], BY_NAME["KanaryaDiskFull"]
    assert (errors.holds(0.06), errors.holds(0.05)) == (True, False)
    assert (disk.holds(2**30 - 1.0), disk.holds(2.0**30)) == (True, False)


def test_a_name_with_braces_or_without_a_value_is_taken_as_it_is() -> None:
    said = BY_NAME["KanaryaDrift"].sentence(1, {"model": "{value}", "version": "3"}, "Look {x}.")
    assert said.startswith("{value} version 3 is asked") and "Look {x}." in said


def test_what_else_is_known_is_a_sentence_of_its_own() -> None:
    said = BY_NAME["KanaryaRunsFail"].sentence(2, {"model": "iris"}, "The newest, b: it broke")
    assert "The newest, b: it broke. See why: " in said


def test_the_file_of_prometheus_is_that_of_the_table() -> None:
    assert not manifest_rules.stale(), "make manifests"


def test_prometheus_gets_the_rules_of_the_table() -> None:
    groups = yaml.safe_load(manifest_rules.text())["spec"]["groups"]
    told = {each["alert"]: each for each in groups[1]["rules"]}
    assert told.keys() == BY_NAME.keys()
    slow = told["KanaryaSlow"]
    assert slow["expr"] == "kanarya:seconds_p99:rate5m > 0.5 and kanarya:requests:rate5m > 0.1"
    assert (slow["for"], slow["labels"]) == ("10m", {"severity": "warning"})
    assert slow["annotations"]["summary"] == (
        "One answer in a hundred of {{ $labels.model }} version {{ $labels.version }} takes longer "
        "than {{ $value | humanizeDuration }}."
    )
