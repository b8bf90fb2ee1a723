"""Bytes come and go whole: by path, by file:// and by gs:// (the real client, a fake server)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from serving import storage
from serving.errors import PlatformError, UsageError
from tests.serving.fake_gcs import FakeGcs


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("/data/rows.csv", "/data/rows.csv"),
        ("file:///data/rows.csv", "/data/rows.csv"),
        ("file://localhost/data/rows.csv", "/data/rows.csv"),
        ("file:///data/my%20rows%231.csv", "/data/my rows#1.csv"),
        ("file:///data/a?b#c.csv", "/data/a?b#c.csv"),
        ("/data/100%25.csv", "/data/100%25.csv"),
        ("gs://bucket/rows.csv", None),
        ("s3://bucket/rows.csv", None),
    ],
)
def test_a_local_path_is_what_a_path_or_file_uri_names(uri: str, path: str | None) -> None:
    assert storage.local_path(uri) == (None if path is None else Path(path))


def test_a_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert storage.local_path("rows.csv") == tmp_path / "rows.csv"


def test_a_path_becomes_a_uri_and_a_path_again() -> None:
    path = Path("/data/ä 100%/a#b?.csv")
    assert storage.local_path(path.as_uri()) == path


def test_another_machine_s_file_is_refused() -> None:
    with pytest.raises(UsageError, match=r"names the machine 'data'.*file:///"):
        storage.local_path("file://data/rows.csv")


def test_the_home_of_a_user_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"~nobody-here/rows.csv .* does not know: write"):
        storage.local_path("~nobody-here/rows.csv")


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (("gs://bucket", "a"), "gs://bucket/a"),
        (("gs://bucket/models/", "iris", "3"), "gs://bucket/models/iris/3"),
        (("/models", "iris/", "/3"), "/models/iris/3"),
        (("/", "a"), "/a"),
    ],
)
def test_parts_are_joined_by_single_slashes(parts: tuple[str, ...], joined: str) -> None:
    assert storage.join(*parts) == joined


def test_a_local_file_is_fetched_without_a_copy(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("a,b\n")
    assert storage.fetch(source.as_uri(), tmp_path / "copy") == source
    assert storage.exists(str(source))
    assert not (tmp_path / "copy").exists()


def test_a_local_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert not storage.exists(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="does not exist"):
        storage.fetch(str(tmp_path / "none"), tmp_path / "copy")


@pytest.mark.parametrize("uri", ["s3://", "https://host/a", "gs://", "azure://x/y"])
def test_what_is_not_supported_is_refused_with_what_is(tmp_path: Path, uri: str) -> None:
    for ask in (lambda: storage.fetch(uri, tmp_path / "a"), lambda: storage.exists(uri)):
        with pytest.raises(UsageError, match=re.escape(f"{uri} cannot be reached: supported are")):
            ask()


def test_uploading_to_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="supported"):
        storage.upload(tmp_path, str(tmp_path / "elsewhere"))


def test_a_directory_goes_up_with_its_manifest_last_and_comes_back(
    gcs: type[FakeGcs], tmp_path: Path
) -> None:
    model = tmp_path / "model"
    (model / "native").mkdir(parents=True)
    files = {
        "card.json": b"{}",
        "MANIFEST.json": b"[]",
        "model.onnx": bytes(range(256)),
        "native/MLmodel": b"x",
    }
    for name, content in files.items():
        (model / name).write_bytes(content)
    storage.upload(model, "gs://bucket/models/iris/3/")
    assert sorted(gcs.objects) == sorted(f"models/iris/3/{name}" for name in files)
    assert gcs.uploaded[-1] == "models/iris/3/MANIFEST.json"
    fetched = storage.fetch("gs://bucket/models/iris/3", tmp_path / "cache" / "model")
    found = {
        path.relative_to(fetched).as_posix(): path.read_bytes()
        for path in fetched.rglob("*")
        if path.is_file()
    }
    assert found == files


def test_an_object_is_fetched_as_a_file(gcs: type[FakeGcs], tmp_path: Path) -> None:
    gcs.objects["data/my rows.csv"] = b"a,b\n1,2\n"
    fetched = storage.fetch("gs://bucket/data/my rows.csv", tmp_path / "rows")
    assert fetched.read_bytes() == b"a,b\n1,2\n"


def test_a_prefix_is_a_folder_and_no_beginning_of_a_name(
    gcs: type[FakeGcs], tmp_path: Path
) -> None:
    gcs.objects.update({"models/3/card.json": b"3", "models/30/card.json": b"30", "models/3/": b""})
    fetched = storage.fetch("gs://bucket/models/3", tmp_path / "model")
    assert [path.name for path in fetched.rglob("*")] == ["card.json"]


@pytest.mark.parametrize(
    ("uri", "there"),
    [
        ("gs://bucket/models/3/card.json", True),
        ("gs://bucket/models/3", True),
        ("gs://bucket/models", True),
        ("gs://bucket", True),
        ("gs://bucket/empty", False),
        ("gs://bucket/model", False),
        ("gs://bucket/models/3/card", False),
    ],
)
def test_an_object_or_a_folder_of_objects_exists(gcs: type[FakeGcs], uri: str, there: bool) -> None:
    gcs.objects.update({"models/3/": b"", "models/3/card.json": b"{}", "empty/": b""})
    assert storage.exists(uri) is there


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("gs://bucket/none", "neither an object nor a folder"),
        ("gs://elsewhere/rows.csv", "check the name of the bucket"),
        ("gs://secret/rows.csv", "may not be used with these credentials"),
        ("gs://bucket/evil", "leaves the folder"),
    ],
)
def test_what_cannot_be_fetched_is_refused_and_nothing_is_written(
    gcs: type[FakeGcs], tmp_path: Path, uri: str, reason: str
) -> None:
    gcs.objects["evil/../../out.txt"] = b"!"
    with pytest.raises(UsageError, match=reason):
        storage.fetch(uri, tmp_path / "fetched")
    assert not list(tmp_path.iterdir())


def test_a_damaged_download_is_noticed_and_not_kept(gcs: type[FakeGcs], tmp_path: Path) -> None:
    gcs.objects.update({"m/a": b"whole", "m/b": b"damaged"})
    gcs.damaged.add("m/b")
    with pytest.raises(PlatformError, match="arrived damaged"):
        storage.fetch("gs://bucket/m", tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with storage.partial(path) as unfinished:
        unfinished.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_a_directory_replaces_the_one_before_and_what_a_killed_process_left(tmp_path: Path) -> None:
    for name in ("table", "table.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").write_text("old")
    with storage.partial(tmp_path / "table") as unfinished:
        unfinished.mkdir()
        (unfinished / "new").write_text("new")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "table"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(error), storage.partial(tmp_path / "file") as unfinished:
        unfinished.write_text("half")
        raise error
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]


@pytest.fixture(params=["a path", "gs://"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "a path":
        return str(tmp_path / "deep" / "folder")
    request.getfixturevalue("gcs")
    return "gs://bucket/deep/folder"


def test_a_folder_goes_with_all_that_is_in_it_and_its_neighbours_stay(folder: str) -> None:
    for name in ("1/a.json", "1/native/b.json", "10/a.json"):
        storage.create(storage.join(folder, name), b"{}")
    for _ in range(2):
        storage.remove_folder(storage.join(folder, "1"))
    assert storage.folders(folder) == ["10"]


def test_what_is_created_is_there_whole_and_never_replaced(folder: str) -> None:
    uri = storage.join(folder, "1.json")
    assert storage.read(uri) is None
    assert storage.names(folder) == []
    assert storage.create(uri, b"first")
    assert not storage.create(uri, b"second")
    assert storage.read(uri) == b"first"
    assert storage.create(storage.join(folder, "2.json"), b"")
    assert storage.create(storage.join(folder, "deeper", "3.json"), b"")
    assert storage.names(folder) == ["1.json", "2.json"]
    assert storage.read(storage.join(folder, "2.json")) == b""


def test_what_is_removed_is_gone_and_what_is_not_there_is_no_error(folder: str) -> None:
    for name in ("1.json", "2.json"):
        assert storage.create(storage.join(folder, name), b"x")
    for _ in range(2):
        storage.remove(storage.join(folder, "1.json"))
    assert storage.names(folder) == ["2.json"]


def test_a_created_object_whose_answer_was_lost_is_ours(gcs: type[FakeGcs]) -> None:
    gcs.silent.add("ledger/1.json")
    assert storage.create("gs://bucket/ledger/1.json", b"ours")
    gcs.silent.add("ledger/2.json")
    gcs.objects["ledger/2.json"] = b"another's"
    assert not storage.create("gs://bucket/ledger/2.json", b"ours")


def test_creating_sweeps_what_killed_writers_of_the_name_left(tmp_path: Path) -> None:
    for left in (".1.json.0badcafe.partial", ".2.json.0badcafe.partial"):
        (tmp_path / left).write_bytes(b"ha")
    assert storage.create(str(tmp_path / "1.json"), b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".2.json.0badcafe.partial",
        "1.json",
    ]


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("gs://elsewhere/1.json", "check the name of the bucket"),
        ("gs://secret/1.json", "may not be used with these credentials"),
    ],
)
def test_what_cannot_be_created_is_told(gcs: type[FakeGcs], uri: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        storage.create(uri, b"x")


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlatformError, match="could not be written"):
        storage.create(str(tmp_path / "file" / "1.json"), b"x")
    assert storage.read(str(tmp_path / "file" / "1.json")) is None
