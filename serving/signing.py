"""Signatures of model directories, in the OpenSSF format (the home of model-signing).

`model.sig` is a Sigstore bundle over the sha256 of every other file, MANIFEST.json included, made
with an elliptic curve key; nothing is asked of any network. `model_signing verify key` reads it
too. The library is imported where a key is configured, and only there.
"""

from __future__ import annotations

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


def sign(directory: Path, private_key: Path) -> None:
    """Write `model.sig` over all files of a sealed directory.

    Raises `UsageError` where `private_key` is no unencrypted PEM file with a key on a known curve.
    """
    library = _library()
    hashing = library.hashing.Config().set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False)
    try:
        signer = library.signing.Config().use_elliptic_key_signer(private_key=private_key)
    except _unusable() as error:
        raise UsageError(
            f"{private_key} cannot sign ({_line(error)}); KANARYA_SIGNING_KEY names an unencrypted "
            f"PEM file with a private key on the curve {CURVES}."
        ) from error
    signer.set_hashing_config(hashing).sign(directory, directory / SIGNATURE)


def check(directory: Path, manifest: Manifest, public_key: Path) -> None:
    """Raise `ModelError` unless `public_key` signed these very files.

    `manifest` was verified: the files are not hashed a second time, so what the signature is
    compared with is what was verified. Raises `UsageError` where the key cannot be used.
    """
    path = directory / SIGNATURE
    if not path.exists():
        raise ModelError(
            f"{path} is missing: the model is not signed, and {public_key} asks for a signature; "
            "publish it with KANARYA_SIGNING_KEY."
        )
    plain_files.read(path, LIMIT)
    verifier = _verifier(public_key)
    verifier.set_hashing_config(_Known([*manifest.files, manifest.own]))
    try:
        verifier.verify(directory, path)
    except (*DAMAGE, _invalid()) as error:
        raise ModelError(
            f"{path} is no signature of this model by {public_key} ({_line(error)}); publish the "
            "model with the private key that belongs to it."
        ) from error


class _Known:
    """Stands where the library hashes a directory: these files were hashed already.

    It ignores no path, whatever a signature asks for: every file must be signed.
    """

    def __init__(self, entries: list[Any]) -> None:
        self._entries: list[Entry] = entries

    def hash(self, model_path: Path, *, files_to_hash: object = None) -> Any:
        from model_signing import manifest
        from model_signing._hashing import hashing

        kind = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
        files = manifest.SerializationType.from_args(kind)
        items = [
            files.new_item(entry.path, hashing.Digest("sha256", bytes.fromhex(entry.sha256)))
            for entry in self._entries
        ]
        return manifest.Manifest(model_path.name, items, files)

    def add_ignored_paths(self, *, model_path: Path, paths: object) -> None:
        """Ignore nothing."""


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


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
