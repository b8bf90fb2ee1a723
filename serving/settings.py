"""Where things are: read once from the environment, then passed on as a value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

API_PORT = 8600
GATEWAY_PORT = 8601
SIGNING_KEY = "KANARYA_SIGNING_KEY"
PUBLIC_KEY = "KANARYA_PUBLIC_KEY"


@dataclass(frozen=True)
class Settings:
    """The places of one installation; every path in it is absolute."""

    home: Path
    tracking_uri: str
    model_store: str
    kubeconfig: Path
    namespace: str
    ledger: str
    """Where the ledgers of the services are: a path or a gs:// URI."""
    signing_key: Path | None = None
    """The private key (PEM) that published models are signed with."""
    public_key: Path | None = None
    """The public key (PEM) that a model must be signed with to be served."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Return the settings that the environment asks for, with defaults below `KANARYA_HOME`."""
        env = os.environ if env is None else env
        home = Path(env.get("KANARYA_HOME") or ".kanarya").expanduser().absolute()
        model_store = env.get("KANARYA_MODEL_STORE") or str(home / "models")
        return cls(
            home=home,
            tracking_uri=env.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / 'mlflow.db'}",
            model_store=model_store,
            kubeconfig=Path(env.get("KUBECONFIG") or home / "kubeconfig").absolute(),
            namespace=env.get("KANARYA_NAMESPACE") or "default",
            ledger=_place(env.get("KANARYA_LEDGER") or "") or _beside(model_store, home),
            signing_key=_path(env.get(SIGNING_KEY)),
            public_key=_path(env.get(PUBLIC_KEY)),
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
        }


def _beside(model_store: str, home: Path) -> str:
    """Return the ledger's place: with models that other machines share it is shared as well."""
    shared = model_store.startswith("gs://")
    return f"{model_store.rstrip('/')}/.ledger" if shared else str(home / "ledger")


def _place(value: str) -> str:
    return value if "://" in value else str(_path(value) or "")


def _path(value: str | None) -> Path | None:
    return Path(value).expanduser().absolute() if value else None
