import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.artifact import (
    MANIFEST,
    Card,
    Golden,
    publish,
    read_baseline,
    read_card,
    read_golden,
    seal,
    verify,
    write_baseline,
    write_card,
    write_golden,
)
from serving.errors import ModelError, PlatformError
from serving.signature import Column, Signature

CARD = Card(
    name="iris",
    kind="random_forest",
    signature=Signature((Column("a", "number"), Column("b", "text")), ("no", "yes")),
    data_sha256="ab" * 32,
    libraries={"scikit-learn": "1.9.1"},
    metrics={"accuracy": 0.97},
    opset=18,
    created_at="2026-01-01T00:00:00+00:00",
)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    directory = tmp_path / "packaged"
    (directory / "native" / "deep").mkdir(parents=True)
    (directory / "model.onnx").write_bytes(b"weights")
    (directory / "native" / "deep" / "file ş.txt").write_text("native")
    write_card(directory, CARD)
    seal(directory)
    return directory


def relist(directory: Path, change: Callable[[Any], Any]) -> None:
    """Rewrite the manifest as somebody who can write it would."""
    value = json.loads((directory / MANIFEST).read_text())
    change(value)
    (directory / MANIFEST).write_text(json.dumps(value))


def renamed(path: Path | str) -> Callable[[Path], None]:
    def change(value: Any) -> None:
        value["files"][path] = value["files"].pop("model.onnx")

    return lambda directory: relist(directory, change)


def swap_for_link(directory: Path, target: str | Path) -> None:
    (directory / "model.onnx").unlink()
    (directory / "model.onnx").symlink_to(target)


def test_a_sealed_directory_verifies_and_lists_every_other_file_sorted(sealed: Path) -> None:
    manifest = verify(sealed)
    assert [entry.path for entry in manifest.files] == [
        "card.json",
        "model.onnx",
        "native/deep/file ş.txt",
    ]
    assert manifest == seal(sealed)


TAMPERING = {
    "a changed byte": (lambda d: (d / "model.onnx").write_bytes(b"weighty"), "model.onnx.*sha256"),
    "another size": (lambda d: (d / "model.onnx").write_bytes(b"w"), "model.onnx.*1 bytes"),
    "a missing file": (lambda d: (d / "model.onnx").unlink(), "model.onnx is missing"),
    "an extra file": (
        lambda d: (d / "native" / "x.py").write_text(""),
        "native/x.py is not listed",
    ),
    "a link to a file outside": (lambda d: swap_for_link(d, "/etc/hostname"), "model.onnx.*link"),
    "a link to a file inside": (lambda d: swap_for_link(d, "card.json"), "model.onnx.*link"),
    "a link to a directory": (lambda d: (d / "more").symlink_to("/etc"), "more is a symbolic link"),
    "a dangling link": (lambda d: (d / "more").symlink_to("/nowhere"), "more is a symbolic link"),
    "a pipe": (lambda d: os.mkfifo(d / "pipe"), "pipe is not a plain file"),
    "a path that climbs out": (renamed("../model.onnx"), r"\.\./model.onnx' leaves"),
    "a path that climbs inside": (renamed("native/../../x"), "leaves the directory"),
    "an absolute path": (renamed("/etc/hostname"), "/etc/hostname' leaves"),
    "a Windows path": (renamed("..\\model.onnx"), "leaves the directory"),
    "a path with NUL": (renamed("a\0b"), "leaves the directory"),
    "an empty path": (renamed(""), "leaves the directory"),
    "a manifest without format": (lambda d: relist(d, lambda v: v.pop("format")), MANIFEST),
    "a manifest of the future": (lambda d: relist(d, lambda v: v.update(format=9)), "format 9"),
    "a manifest without files": (lambda d: relist(d, lambda v: v.pop("files")), MANIFEST),
    "a list of files": (lambda d: relist(d, lambda v: v.update(files=[])), MANIFEST),
    "no sha256": (lambda d: relist(d, lambda v: v["files"]["model.onnx"].pop("sha256")), MANIFEST),
    "a short sha256": (
        lambda d: relist(d, lambda v: v["files"]["model.onnx"].update(sha256="ab")),
        "model.onnx",
    ),
    "a cut manifest": (lambda d: os.truncate(d / MANIFEST, 40), f"{MANIFEST} cannot be read"),
    "an empty manifest": (lambda d: os.truncate(d / MANIFEST, 0), f"{MANIFEST} cannot be read"),
    "a huge manifest": (
        lambda d: os.truncate(d / MANIFEST, 2**25),
        "more than the 16,777",
    ),
    "a manifest that is a list": (lambda d: (d / MANIFEST).write_text("[]"), MANIFEST),
    "a manifest in no encoding": (lambda d: (d / MANIFEST).write_bytes(b"\xff\xfe\0"), MANIFEST),
    "no manifest": (lambda d: (d / MANIFEST).unlink(), f"{MANIFEST} is missing"),
}


@pytest.mark.parametrize("case", TAMPERING)
def test_a_directory_that_was_tampered_with_is_refused_and_the_file_named(
    sealed: Path, case: str
) -> None:
    tamper, words = TAMPERING[case]
    tamper(sealed)
    with pytest.raises(ModelError, match=words):
        verify(sealed)


def test_a_manifest_that_is_a_link_is_refused(sealed: Path, tmp_path: Path) -> None:
    (sealed / MANIFEST).rename(tmp_path / "elsewhere.json")
    (sealed / MANIFEST).symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(ModelError, match=MANIFEST):
        verify(sealed)


@pytest.mark.parametrize("name", ["absent", "a file"])
def test_what_is_no_directory_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(ModelError, match=f"{name} is not a directory"):
        verify(tmp_path / name)


def test_a_link_cannot_be_sealed(sealed: Path) -> None:
    (sealed / "link").symlink_to("/etc")
    with pytest.raises(ModelError, match="link"):
        seal(sealed)


def test_publishing_stamps_the_version_and_leaves_the_source_alone(
    sealed: Path, tmp_path: Path
) -> None:
    before = verify(sealed)
    destination = tmp_path / "models" / "iris" / "3"
    publish(sealed, destination, "3")
    assert read_card(destination) == CARD.with_version("3")
    assert (destination / "native" / "deep" / "file ş.txt").read_text() == "native"
    assert verify(sealed) == before
    verify(destination)
    assert list(destination.parent.iterdir()) == [destination]


def test_a_published_directory_can_be_read_by_the_user_that_serves_it(
    sealed: Path, tmp_path: Path
) -> None:
    publish(sealed, tmp_path / "3", "3")
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "3").stat().st_mode & 0o777 == 0o777 & ~umask


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("/nowhere")])
def test_a_version_that_exists_is_never_changed(
    sealed: Path, tmp_path: Path, make: Callable[[Path], Any]
) -> None:
    destination = tmp_path / "3"
    make(destination)
    before = destination.lstat()
    with pytest.raises(ModelError, match="3 exists already"):
        publish(sealed, destination, "3")
    assert destination.lstat() == before


def test_a_damaged_source_is_not_published(sealed: Path, tmp_path: Path) -> None:
    (sealed / "model.onnx").write_bytes(b"changed")
    with pytest.raises(ModelError, match=r"model\.onnx"):
        publish(sealed, tmp_path / "store" / "3", "3")
    assert not (tmp_path / "store").exists()


FULL_DISK = """
import resource, sys
from pathlib import Path
from serving.artifact import publish
from serving.errors import PlatformError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    publish(Path(sys.argv[1]), Path(sys.argv[2]), "3")
except PlatformError as error:
    print(error)
"""


def test_a_disk_that_is_full_half_way_leaves_nothing_behind(sealed: Path, tmp_path: Path) -> None:
    (sealed / "native" / "weights.bin").write_bytes(b"x" * 8192)
    seal(sealed)
    destination = tmp_path / "store" / "3"
    command = [sys.executable, "-c", FULL_DISK, sealed, destination]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "nothing was published" in done.stdout
    assert str(destination) in done.stdout
    assert list(destination.parent.iterdir()) == []


def test_a_store_that_cannot_be_written_is_named(sealed: Path, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where a directory should be")
    with pytest.raises(PlatformError, match=r"store/3 could not be written .* nothing was publ"):
        publish(sealed, tmp_path / "store" / "3", "3")


def test_what_a_killed_publisher_left_is_swept_but_not_a_living_ones(
    sealed: Path, tmp_path: Path
) -> None:
    dead, living, other = (tmp_path / f".{name}.partial" for name in ("3.aa", "3.bb", "4.aa"))
    for directory in (dead, living, other):
        directory.mkdir()
        (directory / "half").touch()
    handle = os.open(living, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        publish(sealed, tmp_path / "3", "3")
    finally:
        os.close(handle)
    assert [path.exists() for path in (dead, living, other)] == [False, True, True]


def test_a_card_survives_its_file(tmp_path: Path) -> None:
    write_card(tmp_path, CARD)
    assert read_card(tmp_path) == CARD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 2}',
        '{"format": 1, "name": "x"}',
        '{"format": 1, "signature": 3}',
    ],
)
def test_a_damaged_card_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(ModelError, match=r"card\.json"):
        read_card(tmp_path)


def test_golden_rows_survive_their_file_without_pickle(tmp_path: Path) -> None:
    columns = {
        "age (years)/x": np.array([[1.5], [np.nan]], dtype=np.float32),
        "file": np.array([["ş"], ["(missing)"]], dtype=object),
    }
    write_golden(tmp_path, Golden(columns, np.array([[0.25, 0.75], [1, 0]], dtype=np.float32)))
    read = read_golden(tmp_path)
    assert list(read.columns) == list(columns)
    np.testing.assert_array_equal(read.columns["age (years)/x"], columns["age (years)/x"])
    assert read.columns["file"].tolist() == [["ş"], ["(missing)"]]
    assert read.probabilities.tolist() == [[0.25, 0.75], [1, 0]]


def test_golden_rows_that_hold_a_pickle_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "golden.npz", names=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelError, match=r"golden\.npz"):
        read_golden(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no zip"])
def test_damaged_golden_rows_are_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "golden.npz").write_bytes(content)
    with pytest.raises(ModelError, match=r"golden\.npz"):
        read_golden(tmp_path)


def test_a_baseline_survives_its_file(tmp_path: Path) -> None:
    baseline = {"rows": 3, "columns": {"a": {"missing": 0.1}}, "labels": {"yes": 1.0}}
    write_baseline(tmp_path, baseline)
    assert read_baseline(tmp_path) == baseline
