"""Who is measured on which model: the harness' peers, and our server in the harness' words."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scripts.bench.measuring import ROOT
from scripts.bench.models import FOLDER, VERSION
from scripts.bench.serving_bare import PARTS

Protocol = Literal["v1", "v2", "v2bin"]

TABULAR = {
    "kserve-v1": "kserve",
    "kserve-v2": "kserve",
    "mlflow": "kserve",
    "mlserver-sk": "mlserver",
    "bentoml": "bentoml",
    "asgi-onnx": "lean",
}
PEERS: Mapping[str, Mapping[str, str]] = {
    "lr": TABULAR,
    "rf": TABULAR,
    "cnn": {
        "kserve-v1": "kserve",
        "kserve-v2bin": "kserve",
        "mlflow": "kserve",
        "bentoml": "bentoml",
        "asgi-onnx": "lean",
    },
}
"""The peers of each model, with the environment that each runs in; `asgi-onnx` is the limit."""

ADDRESSES: Mapping[Protocol, str] = {
    "v1": "http://127.0.0.1:{port}/v1/models/m:predict",
    "v2": "http://127.0.0.1:{port}/v2/models/m/infer",
    "v2bin": "http://127.0.0.1:{port}/v2/models/m/infer",
}


SERVER = "serving.predictor"
LAUNCHER = "scripts.bench.serving_bare"
BARE_SERVER = "scripts.bench.bare_server"


@dataclass(frozen=True)
class Contender:
    """A server that runs from this checkout, answering one kind of request.

    `outputs`: what its answers hold; the harness compares every number with the model's own, so
    they hold what the peers' answers hold. "" is our default, the labels and the probabilities.
    `module`: what is started; `without`: parts of the safety that are taken out, for their cost.
    """

    name: str
    protocol: Protocol
    outputs: str = ""
    without: tuple[str, ...] = ()
    module: str = SERVER

    def added(self, model: str) -> str:
        """Return the value of the harness' `--add`."""
        return ";".join(
            (self.name, model, self.protocol, ADDRESSES[self.protocol], self._command())
        )

    def _command(self) -> str:
        """Return a command line; the harness fills in what is in braces.

        The harness puts its own PYTHONPATH and forbids bytecode beside its files: not for us.
        """
        environment = ["env", "-u", "PYTHONDONTWRITEBYTECODE", f"PYTHONPATH={ROOT}"]
        flags = {
            "model_dir": f"{{work}}/{FOLDER}/{{model}}/{VERSION}",
            "http_port": "{port}",
            "model_name": "m" if self.module != BARE_SERVER else "",
            "default_outputs": self.outputs,
            "without": ",".join(self.without),
        }
        words = [f"--{name}={value}" for name, value in flags.items() if value]
        return shlex.join([*environment, sys.executable, "-P", "-m", self.module, *words])


OURS: Mapping[str, tuple[Contender, ...]] = {
    "lr": (
        Contender("kanarya-v1", "v1"),
        Contender("kanarya-v2", "v2", "label"),
        Contender("kanarya-v2bin", "v2bin", "label"),
        *(
            Contender(f"kanarya-v2-without-{part}", "v2", "label", (part,), LAUNCHER)
            for part in PARTS
        ),
        Contender("kanarya-v2-without-all", "v2", "label", PARTS, LAUNCHER),
    ),
    "rf": (Contender("kanarya-v1", "v1"), Contender("kanarya-v2bin", "v2bin", "label")),
    "cnn": (
        Contender("kanarya-v1", "v1", "probabilities"),
        Contender("kanarya-v2bin", "v2bin", "probabilities"),
        Contender("bare-v2bin", "v2bin", module=BARE_SERVER),
    ),
}


def environments(models: Sequence[str], wanted: frozenset[str] | None) -> list[str]:
    """Return the environments that the wanted peers (None: all) of some models run in."""
    found = [
        environment
        for model in models
        for name, environment in PEERS[model].items()
        if wanted is None or name in wanted
    ]
    return list(dict.fromkeys(found))


def peers(model: str, wanted: frozenset[str] | None, environments: set[str]) -> list[str]:
    """Return the peers of a model that are wanted (None: all) and have their environment."""
    return [
        name
        for name, environment in PEERS[model].items()
        if environment in environments and (wanted is None or name in wanted)
    ]
