"""A predictor that answers by REST and by gRPC."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.serving.predictor.running import Predictor, wait_for


class Doors(NamedTuple):
    """A predictor that is ready, and the port of its gRPC server."""

    predictor: Predictor
    grpc_port: int

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def both(model_dir: Path, name: str, log: Path) -> Iterator[Doors]:
    """Yield a predictor of `model_dir` with both doors open."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ["--enable_grpc", "true", "--grpc_port", str(port)]
    with Predictor(model_dir, name, log, *flags) as predictor:
        predictor.wait()
        wait_for(lambda: is_open(port), "gRPC is open")
        yield Doors(predictor, port)
