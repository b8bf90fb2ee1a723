"""Every rule: `make manifests` writes Prometheus' from it, `looking.look` goes by it here."""

from __future__ import annotations

from pipelines.alerts import signals
from pipelines.alerts.rule import Rule, Severity
from pipelines.doctor.machine import LEAST_FREE, LITTLE_FREE

DAY_S = 86_400

RULES = (
    Rule(
        "KanaryaErrors",
        signals.ERRORS,
        0.05,
        Severity.CRITICAL,
        "{model} version {version} fails on {value} of its requests.",
        "See its log, then go back: kanarya rollout rollback {model}",
        for_s=300,
    ),
    Rule(
        "KanaryaSlow",
        signals.P99,
        0.5,
        Severity.WARNING,
        "One answer in a hundred of {model} version {version} takes longer than {value}.",
        "More replicas, or a model that costs less: the card of the rollout has its p99.",
        for_s=600,
    ),
    Rule(
        "KanaryaOverloaded",
        signals.TURNED_AWAY,
        0,
        Severity.WARNING,
        "{model} version {version} turns {value} requests a second away.",
        "Each worker takes --max_concurrency at a time; more replicas take more.",
        for_s=300,
    ),
    Rule(
        "KanaryaWorkersSilent",
        signals.SILENT,
        0,
        Severity.WARNING,
        "{value} workers of {pod} do not answer.",
        "They are counted with their last word. See the pod's log.",
        for_s=120,
    ),
    Rule(
        "KanaryaWorkersDie",
        signals.DIED,
        1,
        Severity.WARNING,
        "{value} workers of {pod} died within a quarter of an hour and were replaced.",
        "What a worker was answering is lost with it: see the pod's log and its memory limit.",
    ),
    # Of models that predict a number there are no classes to count rows by, so this is silent.
    Rule(
        "KanaryaOtherData",
        signals.OUT_OF_RANGE,
        0.2,
        Severity.WARNING,
        "{value} of the rows have a {feature} that {model} version {version} never saw in "
        "training.",
        "The data has moved on, or its unit has: compare it with the version's report, then train "
        "anew.",
        for_s=1800,
    ),
    Rule(
        "KanaryaUnsure",
        signals.CONFIDENCE,
        0.5,
        Severity.INFO,
        "{model} version {version} is {value} sure of its answers on average.",
        "Compare it with the confidence in the version's report.",
        for_s=1800,
        below=True,
    ),
    Rule(
        "KanaryaDrift",
        signals.DRIFT,
        0,
        Severity.WARNING,
        "{model} version {version} is asked other data than it learned from.",
        "See what differs: kanarya monitor {model}",
    ),
    Rule(
        "KanaryaRolloutHeld",
        signals.HELD,
        0,
        Severity.WARNING,
        "The rollout of version {version} of {model} has waited for a person for {value}.",
        "Decide it: kanarya rollout show {model}",
        for_s=60,
    ),
    Rule(
        "KanaryaRunsFail",
        signals.FAILED_RUNS,
        1,
        Severity.WARNING,
        "The last {value} runs of {model} failed, so it is not trained anew.",
        "See why: kanarya runs list",
    ),
    Rule(
        "KanaryaDiskFull",
        signals.DISK,
        LEAST_FREE,
        Severity.CRITICAL,
        "{value} are left on the disk of {home}.",
        "Make room: kanarya gc --apply",
        for_s=60,
        below=True,
    ),
    Rule(
        "KanaryaDiskLow",
        signals.DISK,
        LITTLE_FREE,
        Severity.WARNING,
        "{value} are left on the disk of {home}.",
        "See what may go: kanarya gc",
        for_s=600,
        below=True,
    ),
    Rule(
        "KanaryaVolumeFull",
        signals.VOLUME,
        0.1,
        Severity.WARNING,
        "{value} of the volume {persistentvolumeclaim} are free.",
        "Make it larger, or let old runs go.",
        for_s=600,
        below=True,
    ),
    Rule(
        "KanaryaBackupOld",
        signals.BACKUP,
        7 * DAY_S,
        Severity.WARNING,
        "The newest backup of {home} was made {value} ago.",
        "Make one: kanarya backup FOLDER",
    ),
    Rule(
        "KanaryaDown",
        signals.DOWN,
        0,
        Severity.CRITICAL,
        "Down: {process}.",
        "Here `kanarya up` starts it, on a cluster its pod's log says why.",
        for_s=60,
    ),
    Rule(
        "KanaryaAlertsStuck",
        signals.UNDELIVERED,
        900,
        Severity.WARNING,
        "Alerts have waited for {receiver} for {value}.",
        "See what it answers: kanarya alerts outbox",
    ),
    Rule(
        "KanaryaNobodyLooks",
        signals.LOOKED,
        900,
        Severity.CRITICAL,
        "Nobody has looked at the rules on {instance} for {value}.",
        "Start what looks: kanarya up",
    ),
)
BY_NAME = {rule.name: rule for rule in RULES}
