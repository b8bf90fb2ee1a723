"""Signed models: made at publishing, asked for at loading, read by the library's own command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from serving.artifact import MANIFEST, MODEL, publish, read_card, seal, write_card
from serving.errors import ModelError, UsageError
from serving.local.launching import environment
from serving.local.revisions import RevisionSpec
from serving.manifest import SIGNATURE
from serving.predictor.served import load
from serving.settings import Settings
from tests.serving.predictor.running import DEADLINE_S, Predictor, command


class Keys(NamedTuple):
    private: Path
    public: Path


def keys(folder: Path, key: Any = None, encryption: Any = None) -> Keys:
    folder.mkdir()
    key = key or ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    shown = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "private.pem").write_bytes(secret)
    (folder / "public.pem").write_bytes(shown)
    return Keys(folder / "private.pem", folder / "public.pem")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return keys(tmp_path_factory.mktemp("keys") / "ours")


@pytest.fixture
def signed(iris_model_dir: Path, ours: Keys, tmp_path: Path) -> Path:
    publish(iris_model_dir, tmp_path / "store" / "7", "7", ours.private)
    return tmp_path / "store" / "7"


@pytest.mark.thorough
def test_a_signed_model_is_served_with_its_key_and_without_any(signed: Path, ours: Keys) -> None:
    assert load(signed, ours.public).card.version == "7"
    assert load(signed).card.version == "7"


@pytest.mark.e2e
def test_the_librarys_own_command_reads_the_signature(signed: Path, ours: Keys) -> None:
    files = ["--signature", signed / SIGNATURE, "--public_key", ours.public, signed]
    done = subprocess.run(
        [sys.executable, "-m", "model_signing", "verify", "key", *files],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    assert "succeeded" in done.stdout + done.stderr


def changed(directory: Path) -> None:
    card = read_card(directory)
    write_card(directory, type(card)(**{**vars(card), "kind": "another"}))
    seal(directory)


def rewritten(change: Callable[[Any], Any]) -> Callable[[Path], Any]:
    def damage(directory: Path) -> None:
        value = json.loads((directory / SIGNATURE).read_text())
        change(value)
        (directory / SIGNATURE).write_text(json.dumps(value))

    return damage


def extended(directory: Path) -> None:
    (directory / ".git").mkdir()
    (directory / ".git" / "config").write_text("what the library would not look at")
    seal(directory)


def shortened(directory: Path) -> None:
    (directory / "baseline.json").unlink()
    seal(directory)


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no signature": (lambda d: (d / SIGNATURE).unlink(), f"{SIGNATURE} is missing: the model is"),
    "another card": (changed, "over another MANIFEST.json, another card.json"),
    "a manifest in other words": (
        lambda d: (d / MANIFEST).write_text(json.dumps(json.loads((d / MANIFEST).read_text()))),
        f"over another {MANIFEST}",
    ),
    "another model, unsealed": (lambda d: (d / MODEL).write_bytes(b""), f"{MODEL} has 0 bytes"),
    "a file more": (extended, SIGNATURE),
    "a file less": (shortened, SIGNATURE),
    "an empty signature": (lambda d: (d / SIGNATURE).write_text(""), SIGNATURE),
    "a signature of nothing": (lambda d: (d / SIGNATURE).write_text("{}"), SIGNATURE),
    "a list": (lambda d: (d / SIGNATURE).write_text("[]"), SIGNATURE),
    "a deep signature": (lambda d: (d / SIGNATURE).write_text("[" * 100_000), SIGNATURE),
    "no text": (lambda d: (d / SIGNATURE).write_bytes(b"\xff\xfe\0"), SIGNATURE),
    "nobody's signature": (
        rewritten(lambda v: v["dsseEnvelope"].update(signatures=[])),
        SIGNATURE,
    ),
    "another payload": (rewritten(lambda v: v["dsseEnvelope"].update(payload="e30=")), SIGNATURE),
    "another bundle": (rewritten(lambda v: v.update(mediaType="text/plain")), SIGNATURE),
    "a link": (
        lambda d: [(d / SIGNATURE).unlink(), (d / SIGNATURE).symlink_to("/etc/hostname")],
        f"{SIGNATURE} is a symbolic link",
    ),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_model_that_the_key_did_not_sign_is_refused(signed: Path, ours: Keys, case: str) -> None:
    damage, words = DAMAGE[case]
    damage(signed)
    with pytest.raises(ModelError) as refused:
        load(signed, ours.public)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_model_that_another_key_signed_is_refused(
    iris_model_dir: Path, ours: Keys, tmp_path: Path
) -> None:
    theirs = keys(tmp_path / "theirs")
    publish(iris_model_dir, tmp_path / "7", "7", theirs.private)
    with pytest.raises(ModelError, match=f"{SIGNATURE} is no signature of this model by"):
        load(tmp_path / "7", ours.public)


UNUSABLE: dict[str, Callable[[Path], Path]] = {
    "is absent": lambda folder: folder / "absent.pem",
    "is a folder": lambda folder: folder,
    "is no key": lambda folder: Path(__file__),
    "has a password": lambda f: keys(f / "k", None, BestAvailableEncryption(b"x")).private,
    "is on another curve": lambda f: keys(f / "k", ec.generate_private_key(ec.SECP256K1())).private,
    "is of another kind": lambda f: keys(f / "k", ed25519.Ed25519PrivateKey.generate()).private,
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_key_that_cannot_be_used_is_named_and_nothing_is_published_or_served(
    signed: Path, tmp_path: Path, case: str
) -> None:
    key = UNUSABLE[case](tmp_path)
    with pytest.raises(UsageError, match=f"{key} cannot sign .*KANARYA_SIGNING_KEY"):
        publish(signed, tmp_path / "store" / "8", "8", key)
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["7"]
    with pytest.raises(UsageError, match=f"{key} cannot verify .*KANARYA_PUBLIC_KEY"):
        load(signed, key)


def test_an_unsigned_copy_of_a_signed_model_carries_no_old_signature(
    signed: Path, tmp_path: Path
) -> None:
    publish(signed, tmp_path / "store" / "8", "8")
    assert not (tmp_path / "store" / "8" / SIGNATURE).exists()


def test_the_keys_are_read_from_the_environment_and_handed_on(tmp_path: Path) -> None:
    asked = {"KANARYA_HOME": str(tmp_path), "KANARYA_SIGNING_KEY": "a.pem"}
    settings = Settings.from_env({**asked, "KANARYA_PUBLIC_KEY": "~/b.pem"})
    assert settings.signing_key == Path("a.pem").absolute()
    assert settings.public_key == Path.home() / "b.pem"
    assert Settings.from_env(settings.environment()) == settings
    bare = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    assert (bare.signing_key, bare.public_key) == (None, None)
    assert Settings.from_env(bare.environment()) == bare


def test_a_service_can_neither_drop_the_public_key_nor_see_the_private_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KANARYA_PUBLIC_KEY", "/keys/public.pem")
    monkeypatch.setenv("KANARYA_SIGNING_KEY", "/keys/private.pem")
    spec = RevisionSpec("ml", "iris", "iris-1", "m", env=(("KANARYA_PUBLIC_KEY", ""),))
    assert environment(spec)["KANARYA_PUBLIC_KEY"] == "/keys/public.pem"
    assert environment(spec)["KANARYA_SIGNING_KEY"] == ""


@pytest.mark.e2e
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_predictor_with_a_key_serves_what_is_signed_and_nothing_else(
    iris_model_dir: Path, signed: Path, ours: Keys, tmp_path: Path, workers: str
) -> None:
    flag = ["--public_key", str(ours.public), "--workers", workers]
    with Predictor(signed, "iris", tmp_path / "log", *flag) as predictor:
        assert predictor.wait().v1({"instances": [[5.1, 3.5, 1.4, 0.2]]})[0] == 200
    unsigned = shutil.copytree(iris_model_dir, tmp_path / "unsigned")
    started = command(unsigned, "--http_port", "0", *flag)
    done = subprocess.run(started, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"{unsigned / SIGNATURE} is missing: the model is not signed" in line
