"""gRPC on the address that the predictor was given; KServe's own server takes all there are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from grpc import aio
from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as wire
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor, LoggingInterceptor
from kserve.protocol.grpc.server import GRPCServer
from kserve.protocol.grpc.servicer import InferenceServicer

SIZES = ("grpc.max_send_message_length", "grpc.max_receive_message_length")


class GrpcDoor(GRPCServer):  # type: ignore[misc]
    """KServe's gRPC server but for where it listens."""

    def __init__(self, stock: GRPCServer, host: str) -> None:
        self.__dict__.update(vars(stock))
        self._host = host

    async def start(self, max_workers: int) -> None:
        """Answer until `stop`; the steps are KServe's own."""
        sizes = [(name, self._kwargs.get(name.replace(".", "_"))) for name in SIZES]
        servicer = InferenceServicer(self._data_plane, self._model_repository_extension)
        self._server = aio.server(
            ThreadPoolExecutor(max_workers=max_workers),
            interceptors=(LoggingInterceptor(), ExceptionToStatusInterceptor()),
            options=sizes,
        )
        wire.add_GRPCInferenceServiceServicer_to_server(servicer, self._server)
        self._server.add_insecure_port(f"{host_of(self._host)}:{self._port}")
        await self._server.start()
        await self._server.wait_for_termination()


def host_of(host: str) -> str:
    """Return a host as gRPC wants it in an address; 0.0.0.0 is all, those of IPv6 too."""
    try:
        found = ip_address(host.strip("[]"))
    except ValueError:
        return host
    if found.is_unspecified:
        return "[::]"
    return f"[{found}]" if found.version == 6 else str(found)
