"""What is measured, and how Prometheus is asked for the same.

What has `local=False` is seen by Prometheus alone, on the pages of the predictors. Where a signal
has a gauge, whoever looks here writes it for Prometheus, into `alerts/kanarya.prom` of the home.
"""

from __future__ import annotations

from pipelines.alerts.rule import Signal
from pipelines.alerts.units import Unit

WINDOW_S = 300
"""Over which errors and latency are measured."""
LEAST_RATE = 0.1
"""Requests a second; below that nothing is said of them."""

_VERSION = ("model", "version")
_ASKED = f"kanarya:requests:rate5m > {LEAST_RATE}"

RECORDED = {
    "kanarya:requests:rate5m": (
        "sum by (namespace, model, version) (rate(kanarya_predictor_requests_total[5m]))"
    ),
    "kanarya:errors:rate5m": (
        "sum by (namespace, model, version) "
        '(rate(kanarya_predictor_requests_total{code=~"5.."}[5m]))'
    ),
    "kanarya:seconds_p99:rate5m": (
        "histogram_quantile(0.99, sum by (namespace, model, version, le) "
        "(rate(kanarya_predictor_request_seconds_bucket[5m])))"
    ),
    "kanarya:out_of_range:rate30m": (
        "sum by (namespace, model, version, feature) "
        "(rate(kanarya_feature_out_of_range_total[30m])) "
        "/ on (namespace, model, version) group_left "
        "sum by (namespace, model, version) (rate(kanarya_predictions_total[30m]))"
    ),
}
"""What Prometheus works out once for rules and dashboards."""

ERRORS = Signal(
    "error_rate",
    Unit.SHARE,
    "kanarya:errors:rate5m / kanarya:requests:rate5m",
    _VERSION,
    enough=_ASKED,
)
P99 = Signal("p99", Unit.SECONDS, "kanarya:seconds_p99:rate5m", _VERSION, enough=_ASKED)
TURNED_AWAY = Signal(
    "turned_away",
    Unit.COUNT,
    'sum by (namespace, model, version) (rate(kanarya_predictor_requests_total{code="503"}[5m]))',
    _VERSION,
    local=False,
)
SILENT = Signal(
    "workers_silent",
    Unit.COUNT,
    "max by (namespace, pod) (kanarya_predictor_workers_silent)",
    ("pod",),
    local=False,
)
DIED = Signal(
    "workers_died",
    Unit.COUNT,
    "sum by (namespace, pod) (increase(kanarya_predictor_workers_restarts_total[15m]))",
    ("pod",),
    local=False,
)
OUT_OF_RANGE = Signal(
    "out_of_range",
    Unit.SHARE,
    "kanarya:out_of_range:rate30m",
    (*_VERSION, "feature"),
    local=False,
)
CONFIDENCE = Signal(
    "confidence",
    Unit.SHARE,
    "sum by (namespace, model, version) (rate(kanarya_prediction_confidence_sum[1h])) "
    "/ sum by (namespace, model, version) (rate(kanarya_prediction_confidence_count[1h]))",
    _VERSION,
    enough=(
        "sum by (namespace, model, version) (increase(kanarya_prediction_confidence_count[1h]))"
        " > 100"
    ),
    local=False,
)
DRIFT = Signal(
    "drift",
    Unit.COUNT,
    "max by (model, version) (kanarya_drift or kanarya_window_drifted)",
    _VERSION,
    gauge="kanarya_window_drifted",
    about="1 where the newest window of a model differs from what it learned from",
)
WORSE = Signal(
    "worse",
    Unit.SHARE,
    "max by (model, version, metric) (kanarya_live_worse_by)",
    (*_VERSION, "metric"),
    gauge="kanarya_live_worse_by",
    about="By how much a live metric is worse than on the test rows, its interval left aside",
)
HELD = Signal(
    "rollout_waits",
    Unit.SECONDS,
    "max by (model, version) (kanarya_rollout_waits_seconds)",
    _VERSION,
    gauge="kanarya_rollout_waits_seconds",
    about="For how long a rollout has waited for a person",
)
FAILED_RUNS = Signal(
    "failed_runs",
    Unit.COUNT,
    "max by (model) (kanarya_runs_failed_in_a_row)",
    ("model",),
    gauge="kanarya_runs_failed_in_a_row",
    about="How many of a model's newest runs failed one after the other",
)
NOT_RETRAINED = Signal(
    "not_retrained",
    Unit.SECONDS,
    "max by (model) (kanarya_not_retrained_seconds)",
    ("model",),
    gauge="kanarya_not_retrained_seconds",
    about="For how long a model has asked in vain to be trained anew",
)
DISK = Signal(
    "disk_free",
    Unit.BYTES,
    "min by (instance, home) (kanarya_disk_free_bytes)",
    ("home",),
    gauge="kanarya_disk_free_bytes",
    about="Bytes that are free below the home",
)
VOLUME = Signal(
    "volume_free",
    Unit.SHARE,
    "min by (namespace, persistentvolumeclaim) (kubelet_volume_stats_available_bytes"
    '{persistentvolumeclaim=~"mlflow.*|kanarya.*"} / kubelet_volume_stats_capacity_bytes)',
    ("persistentvolumeclaim",),
    local=False,
)
BACKUP = Signal(
    "backup_age",
    Unit.SECONDS,
    "min by (instance, home) (kanarya_backup_age_seconds)",
    ("home",),
    gauge="kanarya_backup_age_seconds",
    about="Since the newest backup of the home was made",
)
DOWN = Signal(
    "down",
    Unit.COUNT,
    "label_replace(1 - clamp_max(min by (namespace, deployment) "
    '(kube_deployment_status_replicas_available{deployment=~"kanarya-(console|watcher)|mlflow"}), '
    "1), "
    '"process", "$1", "deployment", "(.+)")',
    ("process",),
)
UNDELIVERED = Signal(
    "undelivered",
    Unit.SECONDS,
    "max by (receiver) (kanarya_alerts_undelivered_seconds)",
    ("receiver",),
    gauge="kanarya_alerts_undelivered_seconds",
    about="For how long the oldest alert has waited to be delivered",
)
LOOKED = Signal(
    "looked",
    Unit.SECONDS,
    "time() - max by (instance) (kanarya_alerts_look_time_seconds)",
    ("instance",),
    local=False,
)
