"""Where gRPC listens: on the predictor's own address."""

from __future__ import annotations

import pytest

from serving.predictor.grpc_door import host_of


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("192.0.2.7", "192.0.2.7"),
        ("::1", "[::1]"),
        ("[::1]", "[::1]"),
        ("0.0.0.0", "[::]"),
        ("::", "[::]"),
        ("localhost", "localhost"),
    ],
)
def test_an_address_of_its_own_is_kept_and_all_of_them_are_those_of_both_kinds(
    host: str, address: str
) -> None:
    assert host_of(host) == address
