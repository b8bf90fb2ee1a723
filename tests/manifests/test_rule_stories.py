"""Each rule in a real Prometheus: a story in which it fires, what it says, and one in which not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.alerts.table import BY_NAME
from scripts import manifest_rules

PROMTOOL = shutil.which("promtool") or ""
needs_promtool = pytest.mark.skipif(
    not PROMTOOL, reason="promtool is missing (Debian: apt-get install prometheus)"
)
OWN = 'namespace="ml",model="iris",version="3"'
VERSION = {"namespace": "ml", "model": "iris", "version": "3"}
NODE = {"instance": "box:9100", "home": "/h"}
ON_NODE = 'instance="box:9100",home="/h"'
GB = 2**30

# rule -> series that make it fire within an hour, its labels, what it says then
STORIES: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "KanaryaErrors": (
        {
            f'kanarya_predictor_requests_total{{{OWN},code="500"}}': "0+30x60",
            f'kanarya_predictor_requests_total{{{OWN},code="200"}}': "0+90x60",
        },
        VERSION,
        "iris version 3 fails on 25% of its requests.",
    ),
    "KanaryaSlow": (
        {
            f'kanarya_predictor_requests_total{{{OWN},code="200"}}': "0+60x60",
            f'kanarya_predictor_request_seconds_bucket{{{OWN},le="1"}}': "0x60",
            f'kanarya_predictor_request_seconds_bucket{{{OWN},le="2"}}': "0+60x60",
            f'kanarya_predictor_request_seconds_bucket{{{OWN},le="+Inf"}}': "0+60x60",
        },
        VERSION,
        "One answer in a hundred of iris version 3 takes longer than 1.99s.",
    ),
    "KanaryaOverloaded": (
        {f'kanarya_predictor_requests_total{{{OWN},code="503"}}': "0+120x60"},
        VERSION,
        "iris version 3 turns 2 requests a second away.",
    ),
    "KanaryaWorkersSilent": (
        {'kanarya_predictor_workers_silent{namespace="ml",pod="iris-1"}': "2x60"},
        {"namespace": "ml", "pod": "iris-1"},
        "2 workers of iris-1 do not answer.",
    ),
    "KanaryaWorkersDie": (
        {'kanarya_predictor_workers_restarts_total{namespace="ml",pod="iris-1"}': "0+1x60"},
        {"namespace": "ml", "pod": "iris-1"},
        "15 workers of iris-1 died within a quarter of an hour and were replaced.",
    ),
    "KanaryaOtherData": (
        {
            f'kanarya_feature_out_of_range_total{{{OWN},feature="age"}}': "0+30x60",
            f'kanarya_predictions_total{{{OWN},label="yes"}}': "0+60x60",
        },
        {**VERSION, "feature": "age"},
        "50% of the rows have a age that iris version 3 never saw in training.",
    ),
    "KanaryaUnsure": (
        {
            f"kanarya_prediction_confidence_sum{{{OWN}}}": "0+24x60",
            f"kanarya_prediction_confidence_count{{{OWN}}}": "0+60x60",
        },
        VERSION,
        "iris version 3 is 40% sure of its answers on average.",
    ),
    "KanaryaDrift": (
        {'kanarya_window_drifted{model="iris",version="3"}': "1x60"},
        {"model": "iris", "version": "3"},
        "iris version 3 is asked other data than it learned from.",
    ),
    "KanaryaWorse": (
        {'kanarya_live_worse_by{model="iris",version="3",metric="accuracy"}': "0.1x60"},
        {"model": "iris", "version": "3", "metric": "accuracy"},
        "accuracy of iris version 3 is worse by 10% or more than on its test rows.",
    ),
    "KanaryaRolloutHeld": (
        {'kanarya_rollout_waits_seconds{model="iris",version="3"}': "0+60x60"},
        {"model": "iris", "version": "3"},
        "The rollout of version 3 of iris has waited for a person for 1h 0m 0s.",
    ),
    "KanaryaRunsFail": (
        {'kanarya_runs_failed_in_a_row{model="iris"}': "2x60"},
        {"model": "iris"},
        "The last 2 runs of iris failed, so it is not trained anew.",
    ),
    "KanaryaNotRetrained": (
        {'kanarya_not_retrained_seconds{model="iris"}': "0+60x60"},
        {"model": "iris"},
        "iris has asked for 1h 0m 0s to be trained anew, and is not.",
    ),
    "KanaryaDiskFull": (
        {f"kanarya_disk_free_bytes{{{ON_NODE}}}": f"{GB // 2}x60"},
        NODE,
        "512MiB are left on the disk of /h.",
    ),
    "KanaryaDiskLow": (
        {f"kanarya_disk_free_bytes{{{ON_NODE}}}": f"{2 * GB}x60"},
        NODE,
        "2GiB are left on the disk of /h.",
    ),
    "KanaryaVolumeFull": (
        {
            'kubelet_volume_stats_available_bytes{namespace="ml",persistentvolumeclaim="mlflow"}': (
                "5x60"
            ),
            'kubelet_volume_stats_capacity_bytes{namespace="ml",persistentvolumeclaim="mlflow"}': (
                "100x60"
            ),
        },
        {"namespace": "ml", "persistentvolumeclaim": "mlflow"},
        "5% of the volume mlflow are free.",
    ),
    "KanaryaBackupOld": (
        {f"kanarya_backup_age_seconds{{{ON_NODE}}}": f"{8 * 86_400}x60"},
        NODE,
        "The newest backup of /h was made 8d 0h 0m 0s ago.",
    ),
    "KanaryaDown": (
        {
            'kube_deployment_status_replicas_available{namespace="ml",deployment="mlflow"}': "0x60",
            'kube_deployment_status_replicas_available{namespace="ml",deployment="other"}': "0x60",
        },
        {"namespace": "ml", "deployment": "mlflow", "process": "mlflow"},
        "Down: mlflow.",
    ),
    "KanaryaAlertsStuck": (
        {'kanarya_alerts_undelivered_seconds{receiver="email:a@b.org"}': "3600x60"},
        {"receiver": "email:a@b.org"},
        "Alerts have waited for email:a@b.org for 1h 0m 0s.",
    ),
    "KanaryaNobodyLooks": (
        {'kanarya_alerts_look_time_seconds{instance="box:9100"}': "0x60"},
        {"instance": "box:9100"},
        "Nobody has looked at the rules on box:9100 for 1h 0m 0s.",
    ),
}
# What is well, or too little to be told of.
WELL = {
    f'kanarya_predictor_requests_total{{{OWN},code="500"}}': "0+1x60",
    f'kanarya_predictor_requests_total{{{OWN},code="200"}}': "0+99x60",
    f"kanarya_prediction_confidence_sum{{{OWN}}}": "0+54x60",
    f"kanarya_prediction_confidence_count{{{OWN}}}": "0+60x60",
    'kanarya_drift{model="iris",version="3"}': "0x60",
    'kanarya_window_drifted{model="iris",version="3"}': "0x60",
    'kanarya_runs_failed_in_a_row{model="iris"}': "1x60",
    f"kanarya_disk_free_bytes{{{ON_NODE}}}": f"{6 * GB}x60",
    f"kanarya_backup_age_seconds{{{ON_NODE}}}": "86400x60",
    'kube_deployment_status_replicas_available{namespace="ml",deployment="mlflow"}': "2x60",
    'kanarya_predictor_requests_total{namespace="ml",model="b",version="1",code="500"}': "0+1x60",
}


def story(series: dict[str, str], expected: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": [{"series": key, "values": value} for key, value in series.items()],
        "alert_rule_test": [
            {"eval_time": "1h", "alertname": name, "exp_alerts": alerts}
            for name, alerts in expected.items()
        ],
    }


def fired(name: str) -> dict[str, Any]:
    series, labels, summary = STORIES[name]
    rule = BY_NAME[name]
    description = rule.do.replace("{model}", labels.get("model", ""))
    told = {"summary": summary, "description": description}
    known = {**labels, "severity": rule.severity.value}
    return story(series, {name: [{"exp_labels": known, "exp_annotations": told}]})


def test_every_rule_has_a_story() -> None:
    assert STORIES.keys() == BY_NAME.keys()


@pytest.mark.e2e
@needs_promtool
def test_a_real_prometheus_fires_each_rule_and_says_what_is_wrong(tmp_path: Path) -> None:
    groups = yaml.safe_load(manifest_rules.text())["spec"]["groups"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    stories = [*map(fired, STORIES), story(WELL, {name: [] for name in BY_NAME})]
    test = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": stories}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    command = [PROMTOOL, "test", "rules", str(tmp_path / "test.yaml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
