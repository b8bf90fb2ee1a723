"""Processes that train one network together: who they are, and which of them this one is.

Kubeflow Trainer starts a Job with as many pods as there are workers. It knows PyTorch, JAX and MPI,
but no TensorFlow (kubeflow/trainer#2443); what every pod of an indexed Job has is its number, and
the TrainJob that we print (`pipelines/trainjob.py`) brings the addresses.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from serving.errors import UsageError

ADDRESSES = "KANARYA_TRAINERS"
"""host:port of every worker, with commas between them, in the order of their numbers."""
INDEX = "JOB_COMPLETION_INDEX"
"""The number of this pod, from Kubernetes (an indexed Job)."""
TF_CONFIG = "TF_CONFIG"


@dataclass(frozen=True)
class Workers:
    """The addresses of all workers, and the number of this one; none: it trains alone."""

    addresses: tuple[str, ...] = ()
    index: int = 0

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Workers:
        """Return what the environment says. Raises UsageError for a number that is nobody's."""
        env = os.environ if env is None else env
        listed = filter(None, (each.strip() for each in env.get(ADDRESSES, "").split(",")))
        addresses, told = tuple(listed), env.get(INDEX, "")
        if not addresses:
            return cls()
        if not told.isdecimal() or int(told) >= len(addresses):
            raise UsageError(
                f"{INDEX} is {told!r}, and {ADDRESSES} names {len(addresses)} workers: it must be "
                f"from 0 to {len(addresses) - 1}, as in the pods of an indexed Job."
            )
        return cls(addresses, int(told))

    @property
    def count(self) -> int:
        """How many train."""
        return max(1, len(self.addresses))

    @property
    def is_first(self) -> bool:
        """Say whether this is the one that records and writes."""
        return self.index == 0

    def tf_config(self) -> str:
        """Return what TensorFlow reads from TF_CONFIG.

        https://www.tensorflow.org/guide/distributed_training#TF_CONFIG
        """
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})


ALONE = Workers()
