"""Uploads: real requests to the real routes, whole files or none, whatever their names say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from console.access import logins
from console.access.guard import Guard
from console.access.roles import Role
from console.api.answers import translate_errors
from console.api.uploads import router
from console.data.uploads import INCOMING, Uploads, safe_name
from console.settings import ConsoleSettings
from console.world import World
from pipelines.journal import Result, RunFolder
from serving.errors import NotFound, UsageError

ROWS = b"a,b\n1,2\n"
ID = hashlib.sha256(ROWS).hexdigest()[:16]
VIEWER, TOKEN = logins.with_token("deniz", Role.VIEWER)
AYSE, OPERATES = logins.with_token("ayse", Role.OPERATOR)


def settings(home: Path, limit: int = 1 << 20, quota: int = 1 << 24) -> ConsoleSettings:
    known = ConsoleSettings.from_env(env={"KANARYA_HOME": str(home)})
    found = logins.Logins({each.name: each for each in (VIEWER, AYSE)})
    return replace(known, logins=found, upload_limit=limit, uploads_quota=quota)


def client(
    home: Path, limit: int = 1 << 20, token: str = OPERATES, quota: int = 1 << 24
) -> TestClient:
    world = World.of(settings(home, limit, quota))
    app = FastAPI()
    translate_errors(app)
    app.include_router(router(world))
    bearer = {"Authorization": f"Bearer {token}"}
    return TestClient(Guard(app, world.door), base_url="http://localhost", headers=bearer)


def left(home: Path) -> list[str]:
    return sorted(str(p.relative_to(home / "uploads")) for p in (home / "uploads").rglob("*"))


def test_a_file_lies_below_its_digest_once_it_is_whole(tmp_path: Path) -> None:
    answer = client(tmp_path).post("/api/uploads", params={"name": "rows.csv"}, content=ROWS)
    assert answer.status_code == 201
    path = tmp_path / "uploads" / ID / "rows.csv"
    assert answer.json()["path"] == str(path)
    assert path.read_bytes() == ROWS
    assert [each["name"] for each in client(tmp_path).get("/api/uploads").json()] == ["rows.csv"]
    lines = (tmp_path / "audit" / "actions.jsonl").read_text(encoding="utf-8").splitlines()
    told = json.loads(lines[-1])
    assert (told["who"], told["action"], told["subject"]) == ("ayse", "upload", "rows.csv")


def test_a_file_that_comes_in_pieces_is_the_same_file(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield from (ROWS[at : at + 1] for at in range(len(ROWS)))

    answer = client(tmp_path).post("/api/uploads", params={"name": "r.csv"}, content=pieces())
    assert (answer.status_code, answer.json()["id"]) == (201, ID)


@pytest.mark.parametrize(
    ("name", "content", "limit", "sentence"),
    [
        ("rows.exe", ROWS, 100, "neither a CSV file"),
        ("rows.csv", ROWS, 3, "the limit of an upload"),
        ("rows.csv", b"", 100, "the file is empty"),
    ],
)
def test_what_is_refused_leaves_nothing(
    tmp_path: Path, name: str, content: bytes, limit: int, sentence: str
) -> None:
    answer = client(tmp_path, limit).post("/api/uploads", params={"name": name}, content=content)
    assert answer.status_code == 422
    assert sentence in answer.json()["error"]
    assert not left(tmp_path)


def test_a_file_that_grows_over_the_limit_unannounced_leaves_nothing(tmp_path: Path) -> None:
    pieces = iter([b"a,b\n"] * 10)
    answer = client(tmp_path, 20).post("/api/uploads", params={"name": "r.csv"}, content=pieces)
    assert answer.status_code == 422
    assert not left(tmp_path)


def test_a_viewer_may_neither_send_nor_list(tmp_path: Path) -> None:
    viewer = client(tmp_path, token=TOKEN)
    assert viewer.post("/api/uploads", params={"name": "r.csv"}, content=ROWS).status_code == 403
    assert viewer.get("/api/uploads").status_code == 403


def test_a_file_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads", 100, 1000)
    with (
        pytest.raises(UsageError, match="only 8 of 9 bytes arrived"),
        uploads.receiving("rows.csv", 9) as incoming,
    ):
        incoming.write(ROWS)
        assert left(tmp_path)[0].startswith(INCOMING)
        assert not uploads.newest()
        incoming.finish(9)
    assert not left(tmp_path)


def test_a_disk_without_room_is_told_before_anything_comes(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads", 1 << 62, 1 << 63)
    with (
        pytest.raises(UsageError, match="make room"),
        uploads.receiving("rows.csv", 1 << 61),
    ):
        pass


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("rows.csv", "rows.csv"),
        ("Müşteri kayıtları (2).csv", "Müşteri_kayıtları_2_.csv"),
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\temp\\rows.csv", "rows.csv"),
        ("..", "data"),
        ("", "data"),
        (".hidden.csv", "hidden.csv"),
        ("-rf.csv", "rf.csv"),
        ("a\0b\nc.csv", "a_b_c.csv"),
        ("<img src=x onerror=alert(1)>.csv", "img_src_x_onerror_alert_1_.csv"),
        ("$(reboot).csv", "reboot_.csv"),
        ("*?[x].csv", "x_.csv"),
        ("a" * 500 + ".csv.gz", "a" * 93 + ".csv.gz"),
        ("ş" * 500 + ".csv", "ş" * 48 + ".csv"),
    ],
)
def test_a_name_is_made_safe(given: str, name: str) -> None:
    assert safe_name(given) == name


@pytest.mark.parametrize(
    ("id_", "name"),
    [("..", "secret.csv"), (ID, "../secret.csv"), (ID, "other.csv"), ("0" * 16, "rows.csv")],
)
def test_only_uploads_are_found(tmp_path: Path, id_: str, name: str) -> None:
    uploads = Uploads(tmp_path / "uploads", 100, 1000)
    (tmp_path / "secret.csv").write_bytes(ROWS)
    with uploads.receiving("rows.csv", None) as incoming:
        incoming.write(ROWS)
        incoming.finish()
    with pytest.raises(NotFound):
        uploads.get(id_, name)
    (tmp_path / "uploads" / ID / "other.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(NotFound):
        uploads.get(id_, "other.csv")


def test_all_uploads_together_have_a_limit_and_one_that_is_removed_makes_room(
    tmp_path: Path,
) -> None:
    asked = client(tmp_path, quota=len(ROWS) + 4)
    assert asked.post("/api/uploads?name=a.csv", content=ROWS).status_code == 201
    for content in (ROWS * 2, iter([ROWS, ROWS])):  # announced, and not
        refused = asked.post("/api/uploads?name=b.csv", content=content)
        assert (refused.status_code, "KANARYA_UPLOADS_MB" in refused.text) == (422, True)
    assert left(tmp_path) == [ID, f"{ID}/a.csv"]
    assert asked.delete(f"/api/uploads/{ID}/a.csv").status_code == 200
    assert left(tmp_path) == []
    assert asked.delete(f"/api/uploads/{ID}/a.csv").status_code == 404
    assert asked.delete(f"/api/uploads/{ID}/..%2fx.csv").status_code == 404
    assert asked.post("/api/uploads?name=b.csv", content=ROWS).status_code == 201


def test_files_that_come_at_the_same_time_have_one_limit(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads", limit=1 << 20, quota=len(ROWS) + 4)
    with uploads.receiving("a.csv", None) as kept:
        with uploads.receiving("b.csv", None) as refused:
            for each in (kept, refused):
                each.write(ROWS)
                each.file.flush()
            with pytest.raises(UsageError, match="KANARYA_UPLOADS_MB"):
                refused.finish()
        assert kept.finish().name == "a.csv"


def test_what_a_run_still_reads_is_not_removed(tmp_path: Path) -> None:
    asked = client(tmp_path)
    path = asked.post("/api/uploads?name=a.csv", content=ROWS).json()["path"]
    folder = RunFolder(tmp_path / "runs" / "iris-20261121-120000-abcd")
    folder.create({"name": "iris", "data_uri": path})
    refused = asked.delete(f"/api/uploads/{ID}/a.csv")
    assert (refused.status_code, "which has not ended" in refused.text) == (422, True)
    folder.close(Result(folder.run_id, "failed", "it broke"))
    assert client(tmp_path).delete(f"/api/uploads/{ID}/a.csv").status_code == 200
    assert not Path(path).exists()
