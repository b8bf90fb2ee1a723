"""What a cluster's watcher goes by, and what it tells probes and Prometheus."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from pipelines import watched_specs, watcher_pages, watching_cluster
from pipelines.spec import AnySpec
from serving.errors import KanaryaError, PlatformError, UsageError

SPEC = "name: {name}\ndata: {{uri: gs://b/x.csv, target: y}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two specs as Kubernetes mounts a ConfigMap: links into a hidden folder."""
    hidden = tmp_path / "..2026_11_21"
    hidden.mkdir()
    for name in ("iris", "wine"):
        (hidden / f"{name}.yaml").write_text(SPEC.format(name=name))
    (tmp_path / "..data").symlink_to(hidden.name)
    for name in ("iris.yaml", "wine.yaml"):
        (tmp_path / name).symlink_to(f"..data/{name}")
    return tmp_path


def test_every_spec_is_taken_once(folder: Path) -> None:
    seen: list[str] = []
    watched_specs.each(folder, lambda spec: seen.append(spec.name))
    assert seen == ["iris", "wine"] == sorted(watched_specs.by_name(folder))


def test_a_spec_that_fails_stops_no_other_and_is_named(folder: Path) -> None:
    (folder / "bad.yaml").write_text("name: 1\n")
    seen: list[str] = []

    def act(spec: AnySpec) -> None:
        seen.append(spec.name)
        if spec.name == "iris":
            raise PlatformError("nobody answers")

    with pytest.raises(KanaryaError, match=r"bad\.yaml: .*; iris\.yaml: nobody answers"):
        watched_specs.each(folder, act)
    assert seen == ["iris", "wine"] == sorted(watched_specs.by_name(folder))


def test_a_folder_that_is_not_there_yet_has_no_specs(tmp_path: Path) -> None:
    assert watched_specs.by_name(tmp_path / "nothing") == {}
    assert watched_specs.folder({"KANARYA_SPECS": str(tmp_path)}) == tmp_path


def test_what_the_environment_does_not_say_is_refused() -> None:
    with pytest.raises(UsageError, match="KANARYA_SPECS names no folder; name the one"):
        watched_specs.folder({})
    assert watching_cluster.port({}) == 8604
    with pytest.raises(UsageError, match="'70000' is no port"):
        watching_cluster.port({"KANARYA_WATCHER_PORT": "70000"})


@contextmanager
def served(folder: Path, hanging: list[str]) -> Iterator[str]:
    pages = watcher_pages.serve(0, lambda: hanging, folder)
    thread = Thread(target=pages.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{pages.server_port}"
    pages.shutdown()
    pages.server_close()
    thread.join()


def test_its_pages_tell_what_hangs_and_what_was_measured(tmp_path: Path) -> None:
    hanging: list[str] = []
    with served(tmp_path, hanging) as address:
        assert urllib.request.urlopen(f"{address}/healthz").read() == b"well\n"
        assert urllib.request.urlopen(f"{address}/metrics").read() == b""
        (tmp_path / "kanarya.prom").write_text("kanarya_window_drifted 1.0\n")
        answer = urllib.request.urlopen(f"{address}/metrics?x=1")
        assert answer.read() == b"kanarya_window_drifted 1.0\n"
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        hanging.append("retraining")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{address}/healthz")
        assert (refused.value.code, refused.value.read()) == (
            503,
            b"retraining does not come back\n",
        )
        port = int(address.rpartition(":")[2])
        with pytest.raises(PlatformError, match=f"cannot listen on port {port}"):
            watcher_pages.serve(port, lambda: hanging, tmp_path)
