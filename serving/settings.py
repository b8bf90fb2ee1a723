"""Where things are: read once from the environment, then passed on as a value."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serving.errors import UsageError
from serving.home import require_known
from serving.isvc.modes import Mode, mode_wished
from serving.storage import SHARED, SUPPORTED, absolute, local_path

API_PORT = 8600
GATEWAY_PORT = 8601
TRACKING_URI = "KANARYA_TRACKING_URI"
SIGNING_KEY = "KANARYA_SIGNING_KEY"
PUBLIC_KEY = "KANARYA_PUBLIC_KEY"
METRICS = "KANARYA_METRICS"
METRIC_SOURCES = ("gateway", "predictors", "prometheus")
PROMETHEUS_URL = "KANARYA_PROMETHEUS_URL"
PROMETHEUS_TOKEN_FILE = "KANARYA_PROMETHEUS_TOKEN_FILE"
PROMETHEUS_CA_FILE = "KANARYA_PROMETHEUS_CA_FILE"
DEPLOYMENT_MODE = "KANARYA_DEPLOYMENT_MODE"
FEEDBACK_URL = "KANARYA_FEEDBACK_URL"
PREDICTOR_ACCOUNT = "KANARYA_PREDICTOR_ACCOUNT"
_SQLITE = "sqlite:///"
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A label of RFC 1123, which the names of namespaces are."""


@dataclass(frozen=True)
class Settings:
    """The places of one installation; every path in it is absolute."""

    home: Path
    tracking_uri: str
    model_store: str
    kubeconfig: Path
    namespace: str
    ledger: str
    """Where the ledgers of the services are: a path, or a gs:// or s3:// URI."""
    signing_key: Path | None = None
    """The private key (PEM) that published models are signed with."""
    public_key: Path | None = None
    """The public key (PEM) that a model must be signed with to be served."""
    metrics: str = ""
    """One of `METRIC_SOURCES`: what rollouts are judged by; "" where that is chosen by itself."""
    prometheus_url: str = ""
    prometheus_token_file: Path | None = None
    prometheus_ca_file: Path | None = None
    mode: Mode | None = None
    """KServe's mode for services that are still to be made; None: the cluster's own default."""
    feedback_url: str = ""
    """The collector of feedback, with the namespace; "" where the platform has its own."""
    predictor_account: str = ""
    """The ServiceAccount of services that are still to be made; "": the namespace's `default`."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Return the settings that the environment asks for, with defaults below `KANARYA_HOME`.

        Raises UsageError where it asks for a source of metrics, a mode or a kind of store that
        there is not, for the home of a user that there is not, for what is no namespace's name or
        no address, and for a home that a newer Kanarya has written.
        """
        env = os.environ if env is None else env
        home = absolute(env.get("KANARYA_HOME") or ".kanarya")
        require_known(home)
        model_store = _place(env, "KANARYA_MODEL_STORE") or str(home / "models")
        return cls(
            home=home,
            tracking_uri=_tracking(env) or _database(home),
            model_store=model_store,
            kubeconfig=_kubeconfig(env.get("KUBECONFIG") or str(home / "kubeconfig")),
            namespace=_namespace(env.get("KANARYA_NAMESPACE") or "default"),
            ledger=_place(env, "KANARYA_LEDGER") or _beside(model_store, home),
            signing_key=_path(env.get(SIGNING_KEY)),
            public_key=_path(env.get(PUBLIC_KEY)),
            metrics=_metrics(env),
            prometheus_url=_address(env, PROMETHEUS_URL),
            prometheus_token_file=_path(env.get(PROMETHEUS_TOKEN_FILE)),
            prometheus_ca_file=_path(env.get(PROMETHEUS_CA_FILE)),
            mode=mode_wished(env.get(DEPLOYMENT_MODE)),
            feedback_url=_address(env, FEEDBACK_URL).rstrip("/"),
            predictor_account=env.get(PREDICTOR_ACCOUNT) or "",
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that make a child process read these very settings."""
        return {
            "KANARYA_HOME": str(self.home),
            "MLFLOW_TRACKING_URI": self.tracking_uri,
            "KANARYA_MODEL_STORE": self.model_store,
            "KUBECONFIG": str(self.kubeconfig),
            "KANARYA_NAMESPACE": self.namespace,
            "KANARYA_LEDGER": self.ledger,
            SIGNING_KEY: str(self.signing_key or ""),
            PUBLIC_KEY: str(self.public_key or ""),
            METRICS: self.metrics,
            PROMETHEUS_URL: self.prometheus_url,
            PROMETHEUS_TOKEN_FILE: str(self.prometheus_token_file or ""),
            PROMETHEUS_CA_FILE: str(self.prometheus_ca_file or ""),
            DEPLOYMENT_MODE: self.mode or "",
            FEEDBACK_URL: self.feedback_url,
            PREDICTOR_ACCOUNT: self.predictor_account,
        }


def _tracking(env: Mapping[str, str]) -> str:
    """Return what is asked for; the second name is the one that a pipeline's pods are given.

    A database beside wherever one stands is the same one for the processes that are started there.
    """
    asked = env.get("MLFLOW_TRACKING_URI") or env.get(TRACKING_URI) or ""
    relative = asked.startswith(_SQLITE) and asked.removeprefix(_SQLITE)[:1] not in ("", "/", ":")
    return f"{_SQLITE}{absolute(asked.removeprefix(_SQLITE))}" if relative else asked


def _database(home: Path) -> str:
    if "?" in str(home):
        raise UsageError(
            f"{home} has a '?', which ends the name of MLflow's database there: choose another "
            "home with KANARYA_HOME, or another store with MLFLOW_TRACKING_URI."
        )
    return f"{_SQLITE}{home / 'mlflow.db'}"


def _kubeconfig(value: str) -> Path:
    if ":" in value:
        raise UsageError(
            f"{value} has a ':', at which Kubernetes' clients cut lists of files: name one with "
            "KUBECONFIG, or a home without a ':' with KANARYA_HOME."
        )
    return Path(value).absolute()


def _namespace(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise UsageError(
            f"KANARYA_NAMESPACE: {value!r} is no name of a namespace: use a-z, 0-9 and '-', 63 "
            "characters at most."
        )
    return value


def _metrics(env: Mapping[str, str]) -> str:
    asked = env.get(METRICS) or ""
    if asked and asked not in METRIC_SOURCES:
        raise UsageError(f"{METRICS}: {asked!r} is not one of {', '.join(METRIC_SOURCES)}.")
    if asked == "prometheus" and not env.get(PROMETHEUS_URL):
        raise UsageError(f"{METRICS}: prometheus needs its address in {PROMETHEUS_URL}.")
    return asked


def _address(env: Mapping[str, str], name: str) -> str:
    """Return an address, which may hold a login: what is none is refused without being shown."""
    value = env.get(name) or ""
    if value and not value.startswith(("http://", "https://")):
        raise UsageError(f"{name} holds no address: begin it with http:// or https://.")
    return value


def _beside(model_store: str, home: Path) -> str:
    """Return the ledger's place: with models that other machines share it is shared as well."""
    shared = model_store.startswith(SHARED)
    return f"{model_store.rstrip('/')}/.ledger" if shared else str(home / "ledger")


def _place(env: Mapping[str, str], name: str) -> str:
    value = env.get(name) or ""
    if "://" not in value:
        return str(_path(value) or "")
    if local_path(value) is None and not value.startswith(SHARED):
        raise UsageError(f"{name} is {value!r}, where nothing can be kept: give {SUPPORTED}.")
    return value


def _path(value: str | None) -> Path | None:
    return absolute(value) if value else None
