"""The rules of manifests/monitoring, from the table by which this machine is looked at as well."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from pipelines.alerts.rule import Rule
from pipelines.alerts.signals import RECORDED
from pipelines.alerts.table import RULES
from scripts.manifest_rendering import MANIFESTS

PLACE = MANIFESTS / "monitoring" / "rules.yaml"
HEADING = "# From pipelines/alerts (signals.py, table.py), by `make manifests`; change it there.\n"


def text() -> str:
    """Return the file."""
    return HEADING + document(RULES)


def write() -> None:
    """Write the file anew."""
    PLACE.write_text(text(), encoding="utf-8")


def stale() -> bool:
    """Say whether the file is not what the table says."""
    return not PLACE.is_file() or PLACE.read_text(encoding="utf-8") != text()


def document(rules: Iterable[Rule]) -> str:
    """Return the PrometheusRule of some rules as YAML."""
    return yaml.safe_dump(_object(rules), sort_keys=False, width=1000, allow_unicode=True)


def _object(rules: Iterable[Rule]) -> dict[str, Any]:
    recorded = [{"record": name, "expr": expr} for name, expr in RECORDED.items()]
    groups = [
        {"name": "kanarya.predictors", "interval": "30s", "rules": recorded},
        {"name": "kanarya.alerts", "rules": [_alert(rule) for rule in rules]},
    ]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "kanarya-predictors"},
        "spec": {"groups": groups},
    }


def _alert(rule: Rule) -> dict[str, Any]:
    lasts = {"for": f"{rule.for_s // 60}m"} if rule.for_s else {}
    return {
        "alert": rule.name,
        "expr": rule.expr,
        **lasts,
        "labels": {"severity": rule.severity.value},
        "annotations": {
            "summary": rule.template(rule.says),
            "description": rule.template(rule.do),
        },
    }
