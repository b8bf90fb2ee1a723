"""Bytes come and go by s3:// as they do by gs://, through Amazon's client and moto's server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving import storage
from serving.errors import KanaryaError, PlatformError, UsageError
from serving.settings import Settings
from tests.serving.fake_s3 import KEYS, answering, refusing

pytestmark = pytest.mark.thorough  # a whole server of AWS, moto

MODEL = {
    "card.json": b"{}",
    "MANIFEST.json": b"[]",
    "model.onnx": bytes(range(256)),
    "native/MLmodel": b"x",
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for name, content in MODEL.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "model"


def test_a_directory_goes_up_and_comes_back(s3: Any, model: Path, tmp_path: Path) -> None:
    storage.upload(model, "s3://bucket/models/iris/3/")
    listed = s3.list_objects_v2(Bucket="bucket")["Contents"]
    assert [each["Key"] for each in listed] == sorted(f"models/iris/3/{name}" for name in MODEL)
    fetched = storage.fetch("s3://bucket/models/iris/3", tmp_path / "cache" / "model")
    found = {
        path.relative_to(fetched).as_posix(): path.read_bytes()
        for path in fetched.rglob("*")
        if path.is_file()
    }
    assert found == MODEL


def test_a_prefix_is_a_folder_and_no_beginning_of_a_name(s3: Any, tmp_path: Path) -> None:
    for name in ("models/3/card.json", "models/30/card.json", "models/3/"):
        s3.put_object(Bucket="bucket", Key=name, Body=b"")
    fetched = storage.fetch("s3://bucket/models/3", tmp_path / "model")
    assert [path.name for path in fetched.rglob("*")] == ["card.json"]


@pytest.mark.parametrize(
    ("uri", "there"),
    [
        ("s3://bucket/models/3/card.json", True),
        ("s3://bucket/models/3", True),
        ("s3://bucket", True),
        ("s3://bucket/empty", False),
        ("s3://bucket/model", False),
        ("s3://bucket/models/3/card", False),
    ],
)
def test_an_object_or_a_folder_of_objects_exists(s3: Any, uri: str, there: bool) -> None:
    for name in ("models/3/", "models/3/card.json", "empty/"):
        s3.put_object(Bucket="bucket", Key=name, Body=b"")
    assert storage.exists(uri) is there


def test_what_is_created_is_there_whole_and_never_replaced(s3: Any) -> None:
    assert storage.read("s3://bucket/ledger/1.json") is None
    assert storage.names("s3://bucket/ledger") == []
    assert storage.create("s3://bucket/ledger/1.json", b"first")
    assert not storage.create("s3://bucket/ledger/1.json", b"second")
    assert storage.create("s3://bucket/ledger/1.json", b"first"), "its answer was lost, it is ours"
    assert storage.create("s3://bucket/ledger/deeper/3.json", b"")
    assert storage.names("s3://bucket/ledger") == ["1.json"]
    assert storage.read("s3://bucket/ledger/1.json") == b"first"
    for _ in range(2):
        storage.remove("s3://bucket/ledger/1.json")
    assert storage.names("s3://bucket/ledger") == []


def test_who_is_told_to_come_again_while_another_writes_does_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    puts = [(409, "ConditionalRequestConflict"), (200, "")]
    gets = [(404, "NoSuchKey")]
    with answering(lambda method: (puts if method == "PUT" else gets).pop(0)) as address:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        assert storage.create("s3://bucket/ledger/1.json", b"first")
    assert puts == []


ASKED: dict[str, Callable[[str, Path], object]] = {
    "fetch": lambda uri, folder: storage.fetch(uri, folder / "fetched"),
    "read": lambda uri, folder: storage.read(uri),
    "create": lambda uri, folder: storage.create(uri, b"x"),
    "upload": lambda uri, folder: storage.upload(folder / "model", uri),
}


@pytest.mark.parametrize("asked", ASKED)
def test_a_bucket_that_is_not_there_is_told(s3: Any, model: Path, asked: str) -> None:
    if asked == "read":
        assert storage.read("s3://bucket/none") is None
    with pytest.raises(UsageError, match="check the name of the bucket"):
        ASKED[asked]("s3://elsewhere/rows.csv", model.parent)
    assert [path.name for path in model.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (403, "AccessDenied", UsageError, "may not be used with these credentials"),
        (501, "NotImplemented", PlatformError, "could not be reached, try again"),
    ],
)
def test_a_refusal_is_told(
    monkeypatch: pytest.MonkeyPatch,
    model: Path,
    asked: str,
    status: int,
    code: str,
    kind: type[KanaryaError],
    says: str,
) -> None:
    with refusing(status, code) as address:
        # A server that is named for MLflow alone is asked, too.
        for name, value in {**KEYS, "MLFLOW_S3_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(kind, match=f"s3://bucket/m {says}"):
            ASKED[asked]("s3://bucket/m", model.parent)


@pytest.mark.parametrize("status", [200, 302])
def test_a_page_in_place_of_s3_is_no_empty_bucket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int
) -> None:
    with answering(lambda _: (status, "")) as address:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(PlatformError, match="s3://bucket/m is asked of .*not speak S3"):
            storage.fetch("s3://bucket/m", tmp_path / "m")
        with pytest.raises(PlatformError, match="correct AWS_ENDPOINT_URL"):
            storage.names("s3://bucket/m")


def test_missing_credentials_are_asked_for(
    s3_address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{s3_address}/")
    with pytest.raises(UsageError, match="needs credentials: set AWS_ACCESS_KEY_ID"):
        storage.read("s3://bucket/a")


def test_a_shared_store_has_the_ledger_beside_it() -> None:
    settings = Settings.from_env({"KANARYA_MODEL_STORE": "s3://bucket/models/"})
    assert settings.ledger == "s3://bucket/models/.ledger"
