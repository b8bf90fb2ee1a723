"""Tables from S3 and Cloud Storage: real clients, servers that speak both, lines that break."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from gcp_storage_emulator.server import create_server
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as gcs
from moto.server import ThreadedMotoServer

from components import dataset
from components.errors import UnreadableError
from components.ingest import step
from components.ingest.rules import Request
from serving.errors import KanaryaError, PlatformError, UsageError
from tests.components.ingest.cutting import Cutting

pytestmark = pytest.mark.e2e

ROWS = 5_000


@dataclass(frozen=True)
class Store:
    """A bucket `tables`, and the way to it."""

    scheme: str
    line: Cutting
    query: str = ""

    def uri(self, name: str, bucket: str = "tables") -> str:
        return f"{self.scheme}://{bucket}/{name}{self.query}"


@cache
def objects() -> dict[str, bytes]:
    """What lies in the bucket; the cells of the long one do not get smaller on the way."""
    small = "a,y\n" + "".join(f"{n},{n % 2}\n" for n in range(ROWS))
    packed, rng = gzip.compress(small.encode()), random.Random(0)
    long = "a,y\n" + "".join(f"{rng.random()},{n % 2}\n" for n in range(60_000))
    return {"days/1.csv.gz": packed, "days/2.csv.gz": packed, "long.csv": long.encode()}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr("components.ingest.remote.FIRST_S", 0.01)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    running = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    client: Any = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
    client.create_bucket(Bucket="tables")
    for name, content in objects().items():
        client.put_object(Bucket="tables", Key=name, Body=content)
    line = Cutting(port)
    place = f"?endpoint_override=127.0.0.1:{line.port}&scheme=http&region=us-east-1"
    yield Store("s3", line, place)
    line.close()
    running.stop()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    running = create_server("127.0.0.1", 0, in_memory=True, default_bucket="tables")
    running.start()
    line = Cutting(running._api._httpd.socket.getsockname()[1])
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{line.port}")
    client = gcs.Client(project="kanarya", credentials=AnonymousCredentials())
    for name, content in objects().items():
        client.bucket("tables").blob(name).upload_from_string(content)
    yield Store("gs", line)
    line.close()
    running.stop()


@pytest.fixture(params=["s3", "cloud"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


def test_an_object_and_a_folder_of_objects_are_tables(tmp_path: Path, store: Store) -> None:
    for name, rows in (("days/1.csv.gz", ROWS), ("days", 2 * ROWS)):
        answer = step.run(store.uri(name), Request("y"), tmp_path / "table")
        assert answer["rows"] == rows
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


def test_what_is_not_there_is_refused_in_a_sentence(tmp_path: Path, store: Store) -> None:
    for uri in (store.uri("nights"), store.uri("rows.csv", "elsewhere")):
        with pytest.raises((UnreadableError, UsageError, PlatformError)) as refused:
            step.run(uri, Request("y"), tmp_path / "table")
        assert "check" in str(refused.value) or "neither an object" in str(refused.value)
        assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_download_that_breaks_off_goes_on_where_it_ended(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.ingest.remote.RANGE", 1 << 16)
    store.line.cuts, store.line.at, before = 2, 400_000, store.line.carried
    step.run(store.uri("long.csv"), Request("y"), tmp_path / "table")
    assert store.line.cuts == 0
    assert len(dataset.read_columns(tmp_path / "table")["a"]) == 60_000
    assert store.line.carried - before < 1.3 * len(objects()["long.csv"])


def test_an_object_that_is_replaced_while_it_is_read_is_refused(
    tmp_path: Path, s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.ingest.remote.RANGE", 1 << 16)
    client: Any = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{s3.line.port}")
    s3.line.after = lambda: client.put_object(Bucket="tables", Key="long.csv", Body=b"a,y\n1,2\n")
    with pytest.raises(PlatformError, match="s3://tables/long.csv was replaced while it was read"):
        step.run(s3.uri("long.csv"), Request("y"), tmp_path / "table")
    assert not list(tmp_path.iterdir())


def test_a_download_that_never_comes_whole_leaves_a_sentence(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.gcs.RETRY_SECONDS", 2.0)
    store.line.cuts, store.line.at = 10_000, 0
    with pytest.raises(KanaryaError) as refused:
        step.run(store.uri("long.csv"), Request("y"), tmp_path / "table")
    assert store.uri("long.csv").partition("?")[0] in str(refused.value)
    assert not list(tmp_path.iterdir())
