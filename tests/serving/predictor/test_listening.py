import os
import socket
from pathlib import Path

import pytest

from serving.errors import PlatformError
from serving.predictor.listening import address, bind


def test_a_free_port_is_bound_on_loopback_and_does_not_listen_yet() -> None:
    with bind("127.0.0.1", 0, None) as listener, socket.socket() as client:
        port = listener.getsockname()[1]
        assert address(listener) == f"http://127.0.0.1:{port}"
        assert client.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_that_is_taken_is_named_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PlatformError, match=f"127.0.0.1:{port} .*--http_port"):
            bind("127.0.0.1", port, None)


def test_an_inherited_socket_is_taken_over_and_not_passed_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as parent:
        descriptor = os.dup(parent.fileno())
        os.set_inheritable(descriptor, True)
        with bind("ignored", 1, descriptor) as listener:
            assert listener.getsockname() == parent.getsockname()
            assert not listener.get_inheritable()


def test_a_descriptor_that_is_no_socket_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as stream, pytest.raises(PlatformError, match="no socket"):
        bind("127.0.0.1", 0, stream.fileno())
    with pytest.raises(PlatformError, match="--listen_fd 9999"):
        bind("127.0.0.1", 0, 9999)
