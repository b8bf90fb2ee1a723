"""Backups of a home without a platform: what is in them, what is refused, what a kill leaves."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.backup.folder import MARK, BackupFolder
from pipelines.backup.make import make, verify
from pipelines.backup.restore import restore
from pipelines.errors import BackupError
from serving import lasting
from serving.errors import KanaryaError, UsageError
from serving.moved import Moves
from serving.rollout.ledger import StoredLedger
from serving.rollout.record import Entry, Model
from serving.settings import Settings

LARGE = 5 * 2**20


def ledger_of(home: Path) -> StoredLedger:
    return StoredLedger(str(home / "ledger"), sha256_of=lambda uri: None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with a model, a large file, a link, a database in WAL mode, a ledger and rubbish."""
    home = tmp_path / "ev #1 ü"
    for path, text in {
        "models/iris/1/model.onnx": "bytes",
        "runs/iris-1/artifacts/model.onnx": "bytes",
        "runs/iris-1/origin.json": f'{{"data": "{home}/uploads/a.csv"}}',
        "uploads/a.csv": "a,b\n1,2\n",
        "logs/platform.log": "said",
        "services/platform.json": "{}",
        "kubeconfig": "kind: Config",
    }.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text, encoding="utf-8")
    (home / "uploads" / "large.bin").write_bytes(os.urandom(2**20) * 5 + b"end")
    (home / "uploads" / "link").symlink_to(home / "uploads" / "a.csv")
    (home / "uploads" / "a.csv").chmod(0o600)
    with closing(sqlite3.connect(home / "mlflow.db")) as database, database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE runs (uri VARCHAR(200), n INTEGER)")
        uris = [(f"{home.as_uri()}/artifacts/1",), (f"{home}2/stays",), ("plain",)]
        database.executemany("INSERT INTO runs VALUES (?, 1)", uris)
    model = Model("1", f"{(home / 'models/iris/1').as_uri()}")
    ledger_of(home).append(Entry("iris", "promoted", "r1", model, percent=100))
    return Settings.from_env({"KANARYA_HOME": str(home)})


@pytest.fixture
def folder(tmp_path: Path) -> BackupFolder:
    return BackupFolder(tmp_path / "backups")


def test_a_restored_home_has_every_file_and_names_its_own_place(
    settings: Settings, folder: BackupFolder, tmp_path: Path
) -> None:
    made = make(settings, folder)
    assert {"kubeconfig", "logs/platform.log", "services/platform.json"}.isdisjoint(
        item.path for item in made.manifest.items
    )
    home = tmp_path / "elsewhere" / "home"
    done = restore(folder, home)
    for path in ("models/iris/1/model.onnx", "uploads/a.csv", "uploads/large.bin"):
        assert (home / path).read_bytes() == (settings.home / path).read_bytes()
    assert (home / "uploads/a.csv").stat().st_mode & 0o777 == 0o600
    assert (home / "uploads/link").readlink() == home / "uploads/a.csv"
    assert f"{home}/uploads" in (home / "runs/iris-1/origin.json").read_text()
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        uris = [uri for (uri,) in database.execute("SELECT uri FROM runs")]
    assert uris == [f"{home.as_uri()}/artifacts/1", f"{settings.home}2/stays", "plain"]
    assert done.ledgers == 1


def test_a_ledger_is_restored_byte_for_byte_and_read_with_the_places_of_now(
    settings: Settings, folder: BackupFolder, tmp_path: Path
) -> None:
    homes = [settings.home, tmp_path / "b", tmp_path / "c"]
    for before, home in pairwise(homes):
        make(Settings.from_env({"KANARYA_HOME": str(before)}), folder)
        restore(folder, home)
    name = "ledger/iris/000001.json"
    assert (homes[-1] / name).read_bytes() == (settings.home / name).read_bytes()
    chain = ledger_of(homes[-1]).chain("iris")
    assert chain.records[0].entry.to.uri == (homes[-1] / "models/iris/1").as_uri()
    assert chain.digests == ledger_of(settings.home).chain("iris").digests


def test_a_second_backup_adds_only_what_is_new(settings: Settings, folder: BackupFolder) -> None:
    later = datetime.now(UTC) + timedelta(minutes=1)
    first = make(settings, folder, moment=later)
    (settings.home / "uploads/b.csv").write_text("new")
    second = make(settings, folder, moment=later + timedelta(minutes=1))
    assert all(item.mtime_ns for item in first.manifest.items if item.path.startswith("models/"))
    assert second.new == 1
    contents = {item.path: item.sha256 for item in first.manifest.items}
    assert contents["models/iris/1/model.onnx"] == contents["runs/iris-1/artifacts/model.onnx"]


def test_only_the_newest_backups_and_what_they_need_are_kept(
    settings: Settings, folder: BackupFolder, tmp_path: Path
) -> None:
    for number in range(3):
        (settings.home / "uploads/a.csv").write_text(f"{number}" * 10)
        make(settings, folder, keep=2)
    assert len(folder.names()) == 2
    manifests = [folder.read(name) for name in folder.names()]
    assert folder.objects.names() == frozenset().union(*(each.objects for each in manifests))
    assert verify(folder, manifests) > LARGE
    restore(folder, tmp_path / "older", moment=manifests[0].moment[:20])
    assert (tmp_path / "older/uploads/a.csv").read_text() == "1" * 10


def spoil(path: Path, at: int = 30) -> None:
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("harm", ["changed", "cut", "missing"])
@pytest.mark.parametrize("victim", ["uploads/large.bin", "models/iris/1/model.onnx"])
def test_a_damaged_content_is_named_and_nothing_is_restored(
    settings: Settings, folder: BackupFolder, tmp_path: Path, harm: str, victim: str
) -> None:
    made = make(settings, folder)
    sha256 = next(item.sha256 for item in made.manifest.items if item.path == victim)
    path = folder.objects.path(sha256)
    if harm == "changed":
        spoil(path, 12)
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-3])
    else:
        path.unlink()
    for ask in (
        lambda: verify(folder, [folder.read(name) for name in folder.names()]),
        lambda: restore(folder, tmp_path / "home"),
    ):
        with pytest.raises(BackupError, match=sha256) as refused:
            ask()
        assert "model.onnx" in str(refused.value) or victim in str(refused.value)
    assert not list(tmp_path.glob("*home*"))


def test_a_changed_manifest_is_named(settings: Settings, folder: BackupFolder) -> None:
    make(settings, folder)
    spoil(folder.root / folder.names()[0])
    with pytest.raises(BackupError, match=folder.names()[0]):
        folder.chosen(None)


def test_a_damaged_ledger_is_not_backed_up(settings: Settings, folder: BackupFolder) -> None:
    """Nobody could restore it, and `keep` would let the last backup go that can be."""
    make(settings, folder)
    (settings.home / "ledger" / "iris" / "000001.json").write_text("{}")
    with pytest.raises(BackupError, match="the ledger of iris is damaged: .*was changed"):
        make(settings, folder, keep=1)
    restore(folder, settings.home.with_name("elsewhere"))


def test_a_damaged_database_is_not_backed_up(settings: Settings, folder: BackupFolder) -> None:
    with closing(sqlite3.connect(settings.home / "mlflow.db")) as database, database:
        database.executemany("INSERT INTO runs VALUES (?, 2)", [("x" * 300,)] * 500)
    with closing(sqlite3.connect(settings.home / "mlflow.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (settings.home / "mlflow.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(BackupError, match=r"mlflow\.db is damaged"):
        make(settings, folder)
    assert folder.names() == []


def test_what_is_there_is_not_overwritten_unless_told(
    settings: Settings, folder: BackupFolder, tmp_path: Path
) -> None:
    make(settings, folder)
    home = tmp_path / "home"
    home.mkdir()
    (home / "mine").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        restore(folder, home)
    done = restore(folder, home, force=True)
    assert done.aside
    assert (done.aside / "mine").read_text() == "mine"
    assert not (home / "mine").exists()


def test_a_restoration_does_not_sweep_away_another_that_is_under_way(
    settings: Settings, folder: BackupFolder, tmp_path: Path
) -> None:
    make(settings, folder)
    living, left = (tmp_path / f".home.{name}.restoring" for name in ("0000aaaa", "0000bbbb"))
    for each in (living, left):
        each.mkdir()
        (each / "half").write_text("made")
    with lasting.held(living):
        restore(folder, tmp_path / "home")
    assert (living / "half").is_file() and not left.exists()


@pytest.mark.parametrize(
    ("target", "says"),
    [("uploads", "holds other things"), ("uploads/a.csv", "is a file")],
)
def test_a_folder_that_is_no_backup_is_refused(settings: Settings, target: str, says: str) -> None:
    with pytest.raises(KanaryaError, match=says):
        make(settings, BackupFolder(settings.home / target))


def test_parts_that_lie_elsewhere_come_home(
    settings: Settings, folder: BackupFolder, tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "m").write_text("model")
    places = {"KANARYA_MODEL_STORE": str(tmp_path / "store"), "KANARYA_LEDGER": "gs://b/ledger"}
    env = {"KANARYA_HOME": str(settings.home), **places}
    made = make(Settings.from_env(env), folder)
    assert "gs://b/ledger" in made.manifest.notes[0]
    restore(folder, tmp_path / "home")
    assert (tmp_path / "home/models/m").read_text() == "model"


def test_a_folder_whose_first_backup_was_killed_as_it_began_takes_the_next_one(
    settings: Settings, folder: BackupFolder
) -> None:
    folder.root.mkdir()
    (folder.root / f".{MARK}.0a1b2c3d.partial").write_text("Backups of K")
    make(settings, folder)
    assert [path.name for path in folder.root.glob(".*")] == []


@pytest.mark.e2e
@pytest.mark.parametrize("command", ["backup", "restore"])
@pytest.mark.parametrize("after_s", [0.35, 0.6])
def test_a_kill_leaves_nothing_that_looks_whole(
    settings: Settings, folder: BackupFolder, tmp_path: Path, command: str, after_s: float
) -> None:
    home = tmp_path / "restored"
    arguments = ["backup", str(folder.root)]
    if command == "restore":
        make(settings, folder)
        arguments = ["restore", str(folder.root), "--home", str(home)]
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts", *arguments],
        env={**os.environ, **settings.environment()},
        stdout=subprocess.DEVNULL,
    )
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    for name in folder.names():
        verify(folder, [folder.read(name)])
    assert not home.exists() or (home / "uploads/large.bin").stat().st_size > LARGE
    make(settings, folder)
    done = restore(folder, home, force=True)
    assert done.ledgers == 1
    assert not list(tmp_path.glob(".*restoring"))
    assert not list(folder.root.rglob("*.partial"))


MOVES = Moves({"/a/home": "/b/it's new", "/a/home-models": "/b/it's new/models"})


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("/a/home", "/b/it's new"),
        ("/a/home/x", "/b/it's new/x"),
        ("file:///a/home/x", "file:///b/it%27s%20new/x"),
        ("/a/home-models/x", "/b/it's new/models/x"),
        ("/a/home2/x", "/a/home2/x"),
        ("/z/a/home", "/z/a/home"),
        ('{"a": "{\\"u\\": \\"/a/home\\"}"}', '{"a": "{\\"u\\": \\"/b/it\'s new\\"}"}'),
    ],
)
def test_only_what_names_an_old_place_is_rewritten(before: str, now: str) -> None:
    assert Moves({**MOVES.places}).applied(before) == now
