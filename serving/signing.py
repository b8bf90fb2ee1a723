"""Signatures of model directories, in the OpenSSF format (the home of model-signing).

`model.sig` is a Sigstore bundle over the sha256 of every other file, MANIFEST.json included, made
with an elliptic curve key; nothing is asked of any network. `model_signing verify key` reads it
too. The library is imported where a key is configured, and only there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from serving import plain_files
from serving.errors import ModelError, UsageError
from serving.manifest import SIGNATURE, Entry, Manifest

LIMIT = 32 * 2**20
"""Bytes that a signature may have: it lists the files, as the manifest does."""
CURVES = "prime256v1, secp384r1 or secp521r1"

DAMAGE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the library lets through when a signature is damaged or made up."""


def sign(directory: Path, manifest: Manifest, private_key: Path, name: str) -> None:
    """Write `model.sig` over the files of a directory that was just sealed, under a name.

    Raises `UsageError` where `private_key` is no unencrypted PEM file with a key on a known curve.
    """
    signer = _signer(private_key).set_hashing_config(_Known(manifest, name))
    signer.sign(directory, directory / SIGNATURE)


def refuse_unusable(private_key: Path) -> None:
    """Raise `UsageError` where `sign` would for this key."""
    _signer(private_key)


def _signer(private_key: Path) -> Any:
    try:
        return _library().signing.Config().use_elliptic_key_signer(private_key=private_key)
    except _unusable() as error:
        raise UsageError(
            f"{private_key} cannot sign ({_line(error)}); KANARYA_SIGNING_KEY names an unencrypted "
            f"PEM file with a private key on the curve {CURVES}."
        ) from error


def check(directory: Path, manifest: Manifest, public_key: Path) -> None:
    """Raise `ModelError` unless `public_key` signed these very files.

    `manifest` was verified. Raises `UsageError` where the key cannot be used.
    """
    path = directory / SIGNATURE
    if not os.path.lexists(path):
        raise ModelError(
            f"{path} is missing: the model is not signed, and {public_key} asks for a signature; "
            "publish it with KANARYA_SIGNING_KEY."
        )
    plain_files.read(path, LIMIT)
    verifier = _verifier(public_key).set_hashing_config(_Known(manifest))
    try:
        verifier.verify(directory, path)
    except (*DAMAGE, _invalid()) as error:
        raise ModelError(
            f"{path} is no signature of this model by {public_key} ({_reason(error)}); publish "
            "the model with the private key that belongs to it."
        ) from error


class _Known:
    """Stands where the library would hash a directory: the manifest's files were hashed already.

    So nothing can change between the two, and every file must be signed, whatever a signature
    asks to ignore.
    """

    def __init__(self, manifest: Manifest, name: str = "") -> None:
        self._entries = [*manifest.files, *filter(None, [manifest.own])]
        self._name = name

    def hash(self, model_path: Path, *, files_to_hash: object = None) -> Any:
        """Return what the library makes of a directory."""
        from model_signing import manifest
        from model_signing._hashing.hashing import Digest

        kind = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
        # Read by the library's own command, which finds model.sig in the directory.
        files = manifest.SerializationType.from_args({**kind, "ignore_paths": [SIGNATURE]})
        items = [_item(files, entry, Digest) for entry in self._entries]
        return manifest.Manifest(self._name, items, files)

    def add_ignored_paths(self, *, model_path: Path, paths: object) -> None:
        """Ignore nothing."""


def _item(files: Any, entry: Entry, digest: Any) -> Any:
    return files.new_item(entry.path, digest("sha256", bytes.fromhex(entry.sha256)))


def _verifier(public_key: Path) -> Any:
    try:
        return _library().verifying.Config().use_elliptic_key_verifier(public_key=public_key)
    except _unusable() as error:
        raise UsageError(
            f"{public_key} cannot verify signatures ({_line(error)}); --public_key and "
            f"KANARYA_PUBLIC_KEY name a PEM file with a public key on the curve {CURVES}."
        ) from error


def _library() -> Any:
    try:
        import model_signing.signing
        import model_signing.verifying
    except ImportError as error:
        raise UsageError(
            "A signing key is configured, but model-signing is not installed: install it with "
            "`pip install 'kanarya[signing]'`."
        ) from error
    return model_signing


def _unusable() -> tuple[type[Exception], ...]:
    from cryptography.exceptions import UnsupportedAlgorithm

    return (OSError, ValueError, TypeError, AttributeError, UnsupportedAlgorithm)


def _invalid() -> type[Exception]:
    from cryptography.exceptions import InvalidSignature

    return InvalidSignature


def _reason(error: Exception) -> str:
    """Return which files are others than the ones that were signed, or else the first line."""
    others = re.findall(r"Hash mismatch for \\*'(.+?)\\*': Expected", str(error))
    return f"it was made over another {', another '.join(others)}" if others else _line(error)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
