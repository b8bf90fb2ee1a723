"""Where Kubeflow Pipelines is and who asks: read once from the environment and the options."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from serving import storage
from serving.errors import UsageError

HOST = "KFP_HOST"
ENDPOINT = "KF_PIPELINES_ENDPOINT"
"""Its name in the SDK itself."""
UI = "KFP_UI"
NAMESPACE = "KFP_NAMESPACE"
TOKEN_FILE = "KFP_TOKEN_FILE"
COOKIE_FILE = "KFP_COOKIE_FILE"
CA_FILE = "KFP_CA_FILE"
POLL_SECONDS = "KFP_POLL_SECONDS"
SERVICE_ACCOUNT = "KFP_SERVICE_ACCOUNT"
MOUNTED = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""What Kubernetes mounts into a pod (https://kubernetes.io/docs/tasks/run-application/)."""
KFP_TOKEN = Path("/var/run/secrets/kubeflow/pipelines/token")
"""Where Kubeflow's PodDefaults mount a token whose audience is pipelines.kubeflow.org."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
IN_CLUSTER = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"


@dataclass(frozen=True)
class Place:
    """One Kubeflow Pipelines: its API, its pages, the user's namespace, how one shows who one is.

    `namespace` is "" where Kubeflow Pipelines has a single user. The token file is read anew for
    each request, for tokens of service accounts are renewed while a run goes on.
    """

    host: str
    ui: str
    namespace: str = ""
    token_file: Path | None = None
    cookie_file: Path | None = None
    ca_file: Path | None = None
    poll_s: float = 3.0
    """How long to wait between two looks at a run."""

    @classmethod
    def from_env(
        cls,
        host: str = "",
        namespace: str = "",
        env: Mapping[str, str] | None = None,
        mounted: Path = MOUNTED,
    ) -> Place:
        """Return the place that options and environment name; inside a pod, the usual one.

        Raises UsageError where nothing says where it is, or a file is named that is not there.
        """
        env = os.environ if env is None else env
        pod = mounted.is_dir()
        named = host or env.get(HOST) or env.get(ENDPOINT) or ""
        address = _address(named or (IN_CLUSTER if pod else ""))
        own = _namespace_of_pod(mounted) if pod and not named else ""
        return cls(
            host=address,
            ui=_address(env.get(UI) or env.get("KF_PIPELINES_UI_ENDPOINT") or address),
            namespace=namespace or env.get(NAMESPACE) or own,
            token_file=_file(env, TOKEN_FILE) or _token_of_pod(env),
            cookie_file=_file(env, COOKIE_FILE),
            ca_file=_file(env, CA_FILE),
            poll_s=_seconds(env.get(POLL_SECONDS) or "3"),
        )

    @property
    def shown(self) -> str:
        """Return where its API is, without a password, for a record that stays."""
        return urlsplit(self.host).netloc.rpartition("@")[2]

    def page(self, kind: str, name: str) -> str:
        """Return the address of a page of the UI; `kind`: runs, recurringrun or experiments."""
        return f"{self.ui}/#/{kind}/details/{name}"


def is_id(name: str) -> bool:
    """Say whether this is an id of Kubeflow Pipelines, as of a run, and no name."""
    return _ID.fullmatch(name) is not None


def _address(value: str) -> str:
    if not value:
        raise UsageError(
            f"say where Kubeflow Pipelines is: --host URL or {HOST}, for example "
            "http://127.0.0.1:8888 after `kubectl -n kubeflow port-forward svc/ml-pipeline 8888`"
        )
    address = (value if "://" in value else f"https://{value}").rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{value!r} is no address of Kubeflow Pipelines: write http(s)://HOST")
    return address


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 600:
        raise UsageError(f"{POLL_SECONDS}: {value!r} is no number of seconds, 600 at most")
    return seconds


def _file(env: Mapping[str, str], name: str) -> Path | None:
    if not env.get(name):
        return None
    path = storage.absolute(env[name])
    if not path.is_file():
        raise UsageError(f"{name}: there is no file {path}")
    return path


def _token_of_pod(env: Mapping[str, str]) -> Path | None:
    path = Path(env.get("KF_PIPELINES_SA_TOKEN_PATH") or KFP_TOKEN)
    return path if path.is_file() else None


def _namespace_of_pod(mounted: Path) -> str:
    path = mounted / "namespace"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
