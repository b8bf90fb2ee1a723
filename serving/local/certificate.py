"""A certificate for the Kubernetes API where others reach it: kubectl sends tokens over TLS alone.

It is made once, signs itself, and travels in the kubeconfig.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

CERTIFICATE, KEY = "api-certificate.pem", "api-key.pem"
LIFE = timedelta(days=3650)
RENEWED_BEFORE = timedelta(days=30)


def context(folder: Path, host: str) -> ssl.SSLContext:
    """Return how a server at this address answers with the certificate that lies in a folder.

    It is made anew where there is none, where it ends soon or is of another address.
    """
    if not _suits(folder / CERTIFICATE, host):
        _make(folder, host)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    return made


def trusting(folder: Path) -> ssl.SSLContext:
    """Return how a client here asks a server with that certificate, and no other one."""
    return ssl.create_default_context(cafile=str(folder / CERTIFICATE))


def _suits(path: Path, host: str) -> bool:
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    lasts = found.not_valid_after_utc > datetime.now(UTC) + RENEWED_BEFORE
    return lasts and ip_address(host) in names.get_values_for_type(x509.IPAddress)


def _make(folder: Path, host: str) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kanarya")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + LIFE)
    builder = builder.add_extension(x509.SubjectAlternativeName(list(_names(host))), False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    _write(folder / KEY, key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    _write(folder / CERTIFICATE, builder.sign(key, hashes.SHA256()).public_bytes(pem))


def _names(host: str) -> Iterator[x509.GeneralName]:
    from cryptography import x509

    for address in dict.fromkeys((ip_address(host), ip_address("127.0.0.1"), *_addresses())):
        yield x509.IPAddress(address)
    for name in dict.fromkeys(("localhost", socket.gethostname())):
        yield x509.DNSName(name)


def _addresses() -> Iterator[IPv4Address | IPv6Address]:
    """Yield this machine's own addresses, by which others ask where it listens on all of them."""
    import psutil

    for found in psutil.net_if_addrs().values():
        for each in found:
            if each.family in (socket.AF_INET, socket.AF_INET6):
                yield ip_address(each.address.partition("%")[0])


def _write(path: Path, data: bytes) -> None:
    unfinished = path.with_suffix(".partial")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    unfinished.replace(path)
