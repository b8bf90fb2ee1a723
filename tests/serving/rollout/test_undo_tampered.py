"""Going back to what somebody changed: neither records nor bytes are believed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from serving.errors import KanaryaError, ModelError
from serving.published import check_unchanged, manifest_sha256
from serving.rollout.ledger import LedgerError
from serving.rollout.record import file_of
from serving.rollout.undo import Wish, rollback
from tests.serving.rollout.stage import NAME, Stage, uri


def test_a_ledger_whose_newest_records_are_gone_is_not_believed() -> None:
    stage = Stage.with_live("1", "2", "3")
    del stage.ledger.records[-2:]
    with pytest.raises(LedgerError, match=r"does not hold record \d+ .*KANARYA_LEDGER"):
        rollback(stage.world(), NAME)
    assert stage.cluster.patches == []


def test_a_changed_record_is_not_believed() -> None:
    stage = Stage.with_live("1", "2", "3")
    first = stage.ledger.records[1]
    entry = replace(first.entry, to=replace(first.entry.to, uri="file:///evil"))
    stage.ledger.records[1] = replace(first, entry=entry)
    with pytest.raises(LedgerError, match=file_of(2)):
        rollback(stage.world(), NAME, Wish(levels=2))
    assert stage.cluster.patches == []


@pytest.mark.parametrize("wish", [Wish(), Wish(levels=2)], ids=["warm", "cold"])
def test_bytes_that_were_changed_are_not_gone_back_to(wish: Wish) -> None:
    stage = Stage()
    stage.ledger.digests.update({uri(str(n)): f"{n}" * 64 for n in range(4)})
    for version in ("1", "2", "3"):
        stage.run(version)
    asked: list[tuple[str, str]] = []

    def refuse(uri: str, sha256: str) -> None:
        asked.append((uri, sha256))
        raise ModelError("model.onnx was changed")

    stage.cluster.patches.clear()
    version = {1: "2", 2: "1"}[wish.levels]
    with pytest.raises(ModelError, match=rf"not taken back to version {version}: model.onnx"):
        rollback(stage.world(), NAME, wish, refuse)
    assert asked == [(uri(version), version * 64)]
    assert stage.cluster.patches == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("one byte", "was changed"),
        ("a file more", "is not listed"),
        ("another model", "another model than the one that was live"),
        ("gone", "cannot be read any more"),
        ("no manifest", "is missing"),
    ],
)
def test_a_real_model_directory_is_compared_to_the_byte(
    tmp_path: Path, iris_model_dir: Path, mixed_model_dir: Path, damage: str, said: str
) -> None:
    model = tmp_path / "model"
    shutil.copytree(iris_model_dir, model)
    sha256 = manifest_sha256(model.as_uri())
    assert sha256 is not None
    check_unchanged(model.as_uri(), sha256)
    damaged(model, damage, mixed_model_dir)
    with pytest.raises(KanaryaError, match=said):
        check_unchanged(model.as_uri(), sha256)


def damaged(model: Path, damage: str, other: Path) -> None:
    match damage:
        case "one byte":
            data = bytearray((model / "model.onnx").read_bytes())
            data[100] ^= 1
            (model / "model.onnx").write_bytes(data)
        case "a file more":
            (model / "more").touch()
        case "no manifest":
            (model / "MANIFEST.json").unlink()
        case _:
            shutil.rmtree(model)
            if damage == "another model":
                shutil.copytree(other, model)
