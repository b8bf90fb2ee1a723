"""Records are created once, in order, by many writers, on a disk, in a bucket and in the fake."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.errors import UsageError
from serving.rollout.actor import actor
from serving.rollout.ledger import Ledger, LedgerError, StoredLedger
from serving.rollout.record import FIRST, Entry, Model, Record, digest
from serving.settings import Settings
from tests.serving.rollout.fake_ledger import FakeLedger

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ONE, TWO = Model("1", "file:///models/iris/1"), Model("2", "file:///models/iris/2")


def entry(kind: str = "begun", rollout: str = "a", **more: Any) -> Entry:
    return Entry("iris", kind, rollout, TWO, ONE, holder="host:1:cafe", **more)


@pytest.fixture(params=["fake", "a path", "gs://"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    if request.param == "fake":
        return FakeLedger()
    if request.param == "gs://":
        request.getfixturevalue("gcs")
    place = {"a path": str(tmp_path / "ledger"), "gs://": "gs://bucket/models/.ledger"}
    return StoredLedger(place[request.param], "test")


def test_entries_become_a_chain_and_come_back_as_they_were(ledger: Ledger) -> None:
    entries = [
        entry(why="rolling out; version 1 is live", run="run-2"),
        entry("split", percent=10, evidence=("at 10 %: gut genug, 中, \udc80", "two")),
        entry("promoted", step=2, percent=100, undo=True),
    ]
    receipts = [ledger.append(each) for each in entries]
    chain = ledger.chain("iris")
    assert [record.entry for record in chain.records] == entries
    assert [record.seq for record in chain.records] == [1, 2, 3]
    assert chain.records[0].prev == FIRST
    assert [record.prev for record in chain.records[1:]] == list(chain.digests[:2])
    assert all(chain.holds(each) for each in receipts)
    assert not chain.holds(f"4:{chain.digests[2]}")
    assert not chain.holds(f"2:{chain.digests[2]}")
    assert ledger.newest("iris", "a") == chain.records[2]
    assert ledger.newest("iris", "b") is None


def test_a_decision_that_is_repeated_is_written_once(ledger: Ledger) -> None:
    first = ledger.append(entry("split", percent=10, why="at 52 requests"))
    ledger.append(entry("begun", rollout="b"))
    assert ledger.append(entry("split", percent=10, why="at 60 requests")) == first
    ledger.append(entry("held", percent=10))
    ledger.append(entry("resumed", percent=10))
    ledger.append(entry("held", percent=10))
    kinds = [record.entry.kind for record in ledger.chain("iris").records]
    assert kinds == ["split", "begun", "held", "resumed", "held"]


def test_the_manifests_of_the_beginning_are_kept_to_the_end(tmp_path: Path) -> None:
    now = {"file:///models/iris/1": "1" * 64, "file:///models/iris/2": "2" * 64}
    ledger = StoredLedger(str(tmp_path), sha256_of=now.get)
    ledger.append(entry("begun"))
    now.update({"file:///models/iris/1": "e" * 64, "file:///models/iris/2": "f" * 64})
    ledger.append(entry("promoted"))
    ledger.append(Entry("iris", "begun", "b", Model("3", "file:///models/iris/3"), TWO))
    first, last, later = ledger.chain("iris").records
    for record in (first, last):
        assert record.entry.before is not None
        assert (record.entry.before.sha256, record.entry.to.sha256) == ("1" * 64, "2" * 64)
    assert later.entry.before == Model("2", "file:///models/iris/2", "2" * 64)
    assert later.entry.to.sha256 is None


def test_a_real_model_s_manifest_is_what_is_kept(tmp_path: Path, iris_model_dir: Path) -> None:
    uri = iris_model_dir.as_uri()
    ledger = StoredLedger(str(tmp_path))
    ledger.append(Entry("iris", "begun", "a", Model("1", uri)))
    kept = ledger.chain("iris").records[0].entry.to.sha256
    assert kept == digest((iris_model_dir / "MANIFEST.json").read_bytes())


def test_a_record_is_one_line_of_canonical_json(tmp_path: Path) -> None:
    ledger = StoredLedger(str(tmp_path), clock=lambda: NOON)
    ledger.append(entry("split", percent=10))
    data = (tmp_path / "iris" / "000001.json").read_bytes()
    assert data.endswith(b"}\n") and data.count(b"\n") == 1 and b": " not in data
    value = json.loads(data)
    assert list(value) == sorted(value)
    assert (value["at"], value["seq"], value["kind"]) == ("2026-11-21T12:00:00.000000Z", 1, "split")
    assert value["who"] == {"actor": actor(), "holder": "host:1:cafe"}
    assert [path.name for path in (tmp_path / "iris").iterdir()] == ["000001.json"]


@pytest.mark.parametrize(
    ("namespace", "folder"), [("default", "iris"), ("staging", "iris.staging")]
)
def test_namespaces_have_ledgers_of_their_own(tmp_path: Path, namespace: str, folder: str) -> None:
    StoredLedger(str(tmp_path), namespace).append(entry())
    assert [path.name for path in tmp_path.iterdir()] == [folder]


@pytest.mark.parametrize("name", ["../models", "", ".", "a/b", "Iris", "iris.staging", "x" * 64])
def test_what_is_no_name_of_a_service_never_becomes_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a service"):
        StoredLedger(str(tmp_path)).chain(name)


def write(place: str, writer: str, many: int) -> None:
    ledger = StoredLedger(place)
    for number in range(many):
        ledger.append(entry("split", rollout=writer, step=number))


def seqs(place: Path) -> list[int]:
    return [record.seq for record in StoredLedger(str(place)).chain("iris").records]


@pytest.mark.e2e
def test_two_processes_write_200_records_without_a_gap(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [
        context.Process(target=write, args=(str(tmp_path), each, 100)) for each in ("a", "b")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert seqs(tmp_path) == list(range(1, 201))
    assert not list((tmp_path / "iris").glob(".*"))


@pytest.mark.thorough
def test_two_writers_of_one_moment_both_get_a_number_200_times(tmp_path: Path) -> None:
    """Both see the same number free before either takes it."""
    for race in range(200):
        meet = threading.Barrier(2, timeout=20)
        ledgers = [StoredLedger(str(tmp_path / str(race)), clock=met(meet)) for _ in range(2)]
        threads = [
            threading.Thread(target=ledger.append, args=(entry(rollout=f"{which}"),))
            for which, ledger in enumerate(ledgers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert seqs(tmp_path / str(race)) == [1, 2]


def met(barrier: threading.Barrier) -> Callable[[], datetime]:
    """A clock that waits for the other writer, the first time it is asked."""
    asked: list[bool] = []

    def now() -> datetime:
        if not asked:
            asked.append(True)
            barrier.wait()
        return NOON + timedelta(seconds=1)

    return now


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_disk_that_cannot_be_written_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    ledger = StoredLedger(str(tmp_path))
    ledger.append(entry())

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, refuse)
        with pytest.raises(LedgerError, match=r"iris: its ledger cannot be written.*resume iris"):
            ledger.append(entry("split"))
    assert [path.name for path in (tmp_path / "iris").iterdir()] == ["000001.json"]
    ledger.append(entry("split"))
    assert seqs(tmp_path) == [1, 2]


def test_a_bucket_that_is_away_is_one_sentence(gcs: object) -> None:
    with pytest.raises(LedgerError, match="iris: its ledger cannot be written.*name of the bucket"):
        StoredLedger("gs://elsewhere/ledger").append(entry())


def test_a_folder_in_the_place_of_a_record_is_told_and_not_waited_for(tmp_path: Path) -> None:
    ledger = StoredLedger(str(tmp_path))
    ledger.append(entry())
    (tmp_path / "iris" / "000002.json").mkdir()
    with pytest.raises(LedgerError, match=r"000002\.json is there, but no file"):
        ledger.append(entry("split"))


def test_a_damaged_newest_record_does_not_stop_the_next_one_and_is_told(tmp_path: Path) -> None:
    ledger = StoredLedger(str(tmp_path))
    for kind in ("begun", "split"):
        ledger.append(entry(kind))
    (tmp_path / "iris" / "000002.json").write_bytes(b"")
    ledger.append(entry("promoted"))
    with pytest.raises(LedgerError, match=r"000002\.json was changed"):
        ledger.chain("iris")


@pytest.mark.parametrize(
    ("env", "place"),
    [
        ({"KANARYA_HOME": "/home"}, "/home/ledger"),
        ({"KANARYA_HOME": "/home", "KANARYA_MODEL_STORE": "/models"}, "/home/ledger"),
        ({"KANARYA_MODEL_STORE": "gs://bucket/models/"}, "gs://bucket/models/.ledger"),
        ({"KANARYA_MODEL_STORE": "gs://b/m", "KANARYA_LEDGER": "/audit"}, "/audit"),
        ({"KANARYA_LEDGER": "gs://audit/ledger"}, "gs://audit/ledger"),
    ],
)
def test_the_ledger_is_at_home_beside_shared_models_or_where_it_is_told(
    env: dict[str, str], place: str
) -> None:
    settings = Settings.from_env(env)
    assert settings.ledger == place
    assert Settings.from_env(settings.environment()).ledger == place


def test_a_pod_acts_as_its_service_account(tmp_path: Path) -> None:
    import base64

    claims = json.dumps({"sub": "system:serviceaccount:kubeflow:pipeline-runner"}).encode()
    payload = base64.urlsafe_b64encode(claims).decode().rstrip("=")
    (tmp_path / "token").write_text(f"head.{payload}.signature")
    told = actor(tmp_path / "token")
    assert told.startswith("system:serviceaccount:kubeflow:pipeline-runner@")
    assert actor(tmp_path / "none").split("@")[1] == told.split("@")[1]


def test_a_record_that_is_not_ours_to_read_is_refused() -> None:
    with pytest.raises(KeyError):
        Record.from_bytes(b"{}")
